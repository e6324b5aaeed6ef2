/*
 * condition.h -- conditions of a scan on filter columns, evaluated on summaries.
 */
#ifndef OH_CONDITION_H
#define OH_CONDITION_H

#include "postgres.h"

#include "access/skey.h"

#include "hnsw/attr.h"

typedef struct OhConditions
{
	const struct OhIndex *ix;
	int			n;				/* conditions on filter columns; 0: every row matches */
	bool		never;			/* no row matches: a comparison with NULL, = ANY of nothing, a < 1 and a > 2 */
	bool		lossy;			/* what matches must be checked in the table */
	struct OhCondition *condition;	/* [n], private */
	MemoryContext context;		/* of what one OhConditionsSet() needs */
} OhConditions;

extern OhConditions *OhConditionsBegin(Relation index, OhIndex *ix, MemoryContext context);
/*
 * Take the keys of a (re)scan: those on filter columns (sk_attno > 1); others are
 * the caller's.
 */
extern void OhConditionsSet(OhConditions *conditions, Relation index, ScanKey keys, int nkeys);
/*
 * Evaluate a page of the array OH_ATTR, at least share-locked: bit i of bits
 * (uint64[OhAttrWords()]) says that place i may match.  Bits at and past
 * attr_per_page are 0.
 */
extern void OhConditionsPage(const OhConditions *conditions, Page page, uint64 *bits);
/* The same for a row without a position. */
extern bool OhConditionsRow(const OhConditions *conditions, const OhAttrRow *row);

#endif							/* OH_CONDITION_H */
