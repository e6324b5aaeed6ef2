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

#include "hnsw/index.h"

typedef enum OhAttrKind
{
	OH_ATTR_EXACT = 1,			/* codes order as values do; equal codes, equal values */
	OH_ATTR_ORDERED,			/* codes order as values do, or are equal */
	OH_ATTR_HASH,				/* equal values have equal codes; 32 bits */
	OH_ATTR_ENUM,				/* the member's OID: its order is in the catalog */
	OH_ATTR_SIGNATURE			/* a few bits for each element of an array, or of a document */
} OhAttrKind;

typedef struct OhSummary OhSummary;

/* The kind for a filter column (0 is the first) of a new index; an error if its type has none. */
extern OhAttrKind OhSummaryKind(Relation index, int column);
/* State for summaries of this index's rows; kinds are those of ix. */
extern OhSummary *OhSummaryBegin(Relation index, const OhIndex *ix, MemoryContext context);
/*
 * Summaries of a row.  values, isnull: of all index columns, the vector first.
 * May leave memory behind in CurrentMemoryContext.
 */
extern void OhSummarize(OhSummary *summary, const Datum *values, const bool *isnull,
						OhAttrRow *row);

#endif							/* OH_SUMMARY_H */
