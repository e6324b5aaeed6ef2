/*
 * filter.h -- which nodes match the conditions of a scan.
 *
 * A bit a node, filled page by page as nodes are asked for.  What a page held
 * when it was looked at stays right for the scan: a live node's filter keys do not
 * change, and a node that came later is too new for the snapshot.  Bits of nodes
 * that are not live mean nothing.
 */
#ifndef OH_FILTER_H
#define OH_FILTER_H

#include "postgres.h"

#include "filter/condition.h"

typedef struct OhFilter
{
	const OhConditions *conditions;
	uint32		nrecords;		/* later ones do not match */
	uint32		per_page;		/* nodes of a filter page */
	uint32		npages;
	uint32		nknown;			/* pages looked at */
	int64		nmatches;		/* on those pages */
	uint64	   *bits;			/* a bit a node */
	uint64	   *page_bits;		/* of one page */
	uint8	   *known;			/* [npages] */
	StringInfoData described;	/* the conditions that the bits are of */
	MemoryContext context;
} OhFilter;

/* For one scan, whose conditions must outlive it. */
extern OhFilter *OhFilterBegin(const OhConditions *conditions, uint32 nrecords,
							   MemoryContext context);
/*
 * The conditions have been set, and there are some.  If they are the same as
 * before, a nested loop has the bits already.
 */
extern void OhFilterSet(OhFilter *filter);
/* Look at a filter page.  No buffer may be locked. */
extern void OhFilterLoad(OhFilter *filter, uint32 lp);
/* Look at all pages that hold nodes first to first + n - 1. */
extern void OhFilterLoadNodes(OhFilter *filter, uint32 first, uint32 n);
/* How many nodes match, judged by some of the pages; exact if these are all. */
extern double OhFilterEstimate(OhFilter *filter);

/* Start loading what OhFilterLoad() reads of a filter page. */
extern void OhFilterPrefetchPage(const OhFilter *filter, uint32 lp);

/* The same for the page of a node, unless it has been looked at. */
static inline void
OhFilterPrefetch(const OhFilter *filter, uint32 id)
{
	uint32		lp = id / filter->per_page;

	if (id < filter->nrecords && !filter->known[lp])
		OhFilterPrefetchPage(filter, lp);
}

/* The bit of a node whose page has been looked at. */
static inline bool
OhFilterBit(const OhFilter *filter, uint32 id)
{
	return id < filter->nrecords && (filter->bits[id / 64] >> id % 64 & 1) != 0;
}

/* May the node's rows match?  No buffer may be locked. */
static inline bool
OhFilterTest(OhFilter *filter, uint32 id)
{
	uint32		lp = id / filter->per_page;

	if (id >= filter->nrecords)
		return false;
	if (!filter->known[lp])
		OhFilterLoad(filter, lp);
	return OhFilterBit(filter, id);
}

#endif							/* OH_FILTER_H */
