/*
 * summary.h -- what an index keeps of a filter column: 64 bits a value.
 *
 * How much a summary tells depends on the type of the column (OhAttrKind, kept in
 * the metapage).  Where it does not tell all, conditions on it say so, and the
 * executor checks the row itself.
 */
#ifndef OH_SUMMARY_H
#define OH_SUMMARY_H

#include "postgres.h"

#include "fmgr.h"

#include "filter/attr.h"

typedef enum OhAttrKind
{
	OH_ATTR_EXACT = 1,			/* codes order as values do; equal codes, equal values */
	OH_ATTR_ORDERED,			/* codes order as values do, or are equal */
	OH_ATTR_HASH,				/* equal values have equal codes; 32 bits */
	OH_ATTR_ENUM,				/* the member's OID: its order is in the catalog */
	OH_ATTR_SIGNATURE			/* a few bits for each element of an array, or of a document */
} OhAttrKind;

typedef struct OhSummary OhSummary;

/* How a column's values become codes. */
typedef struct OhCodec
{
	OhAttrKind	kind;
	Oid			type;			/* of the values, no domain */
	Oid			collation;
	Oid			element;		/* of an array */
	int16		element_length;
	bool		element_byval;
	char		element_align;
	bool		decimal;		/* numeric: no more digits than a double tells apart */
	bool		ordered;		/* text: codes order as the collation does */
	uint64		max;			/* no code is greater */
	FmgrInfo	hash;			/* extended, of the type or the element */
} OhCodec;

/* What a code stands for besides the value it was made of. */
typedef struct OhCodeClass
{
	bool		below;			/* maybe values below it */
	bool		above;			/* maybe values above it */
} OhCodeClass;

/* The kind for a filter column (0 is the first) of a new index; an error if its type has none. */
extern OhAttrKind OhSummaryKind(Relation index, int column);
/* State for summaries of this index's rows; kinds are those of the columns. */
extern OhSummary *OhSummaryBegin(const OhColumns *columns, MemoryContext context);
/*
 * Summaries of a row.  values, isnull: of all index columns, the vector first.
 * May leave memory behind in CurrentMemoryContext.
 */
extern void OhSummarize(OhSummary *summary, const Datum *values, const bool *isnull,
						OhAttrRow *row);

/* ---- for conditions ---- */

extern OhCodec *OhSummaryCodec(OhSummary *summary, int column);
/* Code of a value of the codec's type; shared may be NULL. */
extern uint64 OhEncode(OhCodec *codec, Datum value, OhCodeClass *shared);
/*
 * The value of a code of an exact type, to compare with values of other types:
 * false if the type is compared with its own only.  Codes that no value has
 * stand for the nearest value that has one.
 */
extern bool OhCanDecode(const OhCodec *codec);
extern Datum OhDecode(const OhCodec *codec, uint64 code);
/* Bits that a signature has if the array, or the document, has this element. */
extern uint64 OhElementBits(OhCodec *codec, Datum element);
extern uint64 OhStringBits(const char *string, int length);

#endif							/* OH_SUMMARY_H */
