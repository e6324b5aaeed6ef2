/*
 * key.h -- filter keys: the 64 bits that an index keeps of a filter column's value.
 *
 * The type of the column decides what can be read off a filter key (OhKeyKind, stored
 * in the metapage).  Where different values can have the same key, a condition
 * may be lossy: the executor then checks it on the row.
 */
#ifndef OH_KEY_H
#define OH_KEY_H

#include "postgres.h"

#include "fmgr.h"

#include "filter/keypage.h"

typedef enum OhKeyKind
{
	OH_KEY_EXACT = 1,			/* keys sort as values do; equal keys mean equal values */
	OH_KEY_ORDERED,				/* keys sort as values do, but different values may share a key */
	OH_KEY_HASH,				/* a hash of 32 bits: equal values have equal keys */
	OH_KEY_ENUM,				/* the label's OID; pg_enum knows the order */
	OH_KEY_SIGNATURE			/* up to three bits set for each element of an array or jsonb
								 * document */
} OhKeyKind;

typedef struct OhKeyMaker OhKeyMaker;

/* How a column's values become keys. */
typedef struct OhKeyType
{
	OhKeyKind	kind;
	Oid			type;			/* of the values; a domain's base type */
	Oid			collation;
	Oid			element;		/* array: type of its elements, else InvalidOid */
	int16		element_length;
	bool		element_byval;
	char		element_align;
	bool		decimal;		/* numeric: the typmod allows no more digits than a double
								 * represents */
	bool		ordered;		/* text: the collation sorts by bytes, as keys do */
	uint64		max;			/* the greatest key */
	FmgrInfo	hash;			/* extended hash function of the type or the element */
} OhKeyType;

/* Which other values may have the same key as a given value. */
typedef struct OhKeyClass
{
	bool		below;			/* smaller ones may */
	bool		above;			/* greater ones may */
} OhKeyClass;

/*
 * The kind of key for a filter column (numbered from 0) of a new index.
 * ERRCODE_FEATURE_NOT_SUPPORTED if its type cannot be one.
 */
extern OhKeyKind OhKeyKindOf(Relation index, int column);
/* State that makes filter keys of an existing index, of the kinds that its metapage names. */
extern OhKeyMaker *OhKeyMakerBegin(const OhColumns *columns, MemoryContext context);
/*
 * Make the filter keys of a row.  values and isnull are those of all index columns; filter
 * columns begin with the second.  May leave memory allocated in CurrentMemoryContext.
 */
extern void OhMakeKeys(OhKeyMaker *maker, const Datum *values, const bool *isnull,
					   OhKeyRow *row);

/*
 * The name of a type for messages of CREATE INDEX, without its schema: from PostgreSQL 17 on these are
 * made with a search_path of pg_catalog alone.
 */
extern char *OhTypeName(Oid type);

/* ---- for compile.c ---- */

/* How the values of a filter column, numbered from 0, become keys. */
extern OhKeyType *OhKeyTypeOf(OhKeyMaker *maker, int column);
/* The key of a value of key_type->type.  shared: out, which other values may have it; may be NULL. */
extern uint64 OhKeyOfValue(OhKeyType *key_type, Datum value, OhKeyClass *shared);
/* Does OhValueOfKey() work for this type?  It does for types with operators across types. */
extern bool OhKeyHasValue(const OhKeyType *key_type);
/* The value that has a key; for a key that no value has, the nearest value. */
extern Datum OhValueOfKey(const OhKeyType *key_type, uint64 fkey);
/* The signature bits of an array's element. */
extern uint64 OhElementBits(OhKeyType *key_type, Datum element);
/* The signature bits of a string in a jsonb document, as a key or as a value. */
extern uint64 OhStringBits(const char *string, int length);

#endif							/* OH_KEY_H */
