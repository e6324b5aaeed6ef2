/*
 * key.h -- what an index keeps of a filter column: 64 bits a value.
 *
 * How much a filter key tells depends on the type of the column (OhKeyKind, kept in
 * the metapage).  Where it does not tell all, conditions on it say so, and the
 * executor checks the row itself.
 */
#ifndef OH_KEY_H
#define OH_KEY_H

#include "postgres.h"

#include "fmgr.h"

#include "filter/keypage.h"

typedef enum OhKeyKind
{
	OH_KEY_EXACT = 1,			/* keys order as values do; equal keys, equal values */
	OH_KEY_ORDERED,				/* keys order as values do, or are equal */
	OH_KEY_HASH,				/* equal values have equal keys; 32 bits */
	OH_KEY_ENUM,				/* the member's OID: its order is in the catalog */
	OH_KEY_SIGNATURE			/* a few bits for each element of an array, or of a document */
} OhKeyKind;

typedef struct OhKeyMaker OhKeyMaker;

/* How a column's values become keys. */
typedef struct OhKeyType
{
	OhKeyKind	kind;
	Oid			type;			/* of the values, no domain */
	Oid			collation;
	Oid			element;		/* of an array */
	int16		element_length;
	bool		element_byval;
	char		element_align;
	bool		decimal;		/* numeric: no more digits than a double tells apart */
	bool		ordered;		/* text: keys order as the collation does */
	uint64		max;			/* no key is greater */
	FmgrInfo	hash;			/* extended, of the type or the element */
} OhKeyType;

/* What a key stands for besides the value it was made of. */
typedef struct OhKeyClass
{
	bool		below;			/* maybe values below it */
	bool		above;			/* maybe values above it */
} OhKeyClass;

/* The kind for a filter column (0 is the first) of a new index; an error if its type has none. */
extern OhKeyKind OhKeyKindOf(Relation index, int column);
/* State for filter keys of this index's rows; kinds are those of the columns. */
extern OhKeyMaker *OhKeyMakerBegin(const OhColumns *columns, MemoryContext context);
/*
 * Filter keys of a row.  values, isnull: of all index columns, the vector first.
 * May leave memory behind in CurrentMemoryContext.
 */
extern void OhMakeKeys(OhKeyMaker *maker, const Datum *values, const bool *isnull,
					   OhKeyRow *row);

/* ---- for conditions ---- */

extern OhKeyType *OhKeyTypeOf(OhKeyMaker *maker, int column);
/* Key of a value of the key type's type; shared may be NULL. */
extern uint64 OhKeyOfValue(OhKeyType *key_type, Datum value, OhKeyClass *shared);
/*
 * The value of a key of an exact type, to compare with values of other types:
 * false if the type is compared with its own only.  Keys that no value has
 * stand for the nearest value that has one.
 */
extern bool OhKeyHasValue(const OhKeyType *key_type);
extern Datum OhValueOfKey(const OhKeyType *key_type, uint64 fkey);
/* Bits that a signature has if the array, or the document, has this element. */
extern uint64 OhElementBits(OhKeyType *key_type, Datum element);
extern uint64 OhStringBits(const char *string, int length);

#endif							/* OH_KEY_H */
