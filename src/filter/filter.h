/*
 * filter.h -- which records of an index match the conditions of a scan.
 *
 * A bitmap with one bit per record (of omenhnsw a node, of omenbm25 a document).  It is
 * filled one filter page at a time, when a record of that page is first asked
 * for.  A page is read once: filter keys of a live record do not change, and a
 * record added later is too new for the scan's snapshot.  The bit of a record that
 * is not live has no meaning.
 */
#ifndef OH_FILTER_H
#define OH_FILTER_H

#include "postgres.h"

#include "filter/condition.h"

typedef struct OhFilter
{
	const OhConditions *conditions;
	uint32		nrecords;		/* records from this number on do not match */
	uint32		per_page;		/* records on a filter page */
	uint32		npages;
	uint32		nknown;			/* pages read */
	int64		nmatches;		/* matching records on those pages */
	uint64	   *bits;			/* one bit per record; NULL until a page is read */
	uint64	   *page_bits;		/* working space: the bits of one page */
	uint8	   *known;			/* [npages]: has the page been read? */
	uint8	   *tested;			/* [npages]: records of it that were tested one by one */
	StringInfoData described;	/* the conditions that bits was filled for */
	MemoryContext context;
} OhFilter;

/*
 * A filter for one scan of an index that has nrecords records.  The conditions must
 * live as long as the filter.
 */
extern OhFilter *OhFilterBegin(const OhConditions *conditions, uint32 nrecords,
							   MemoryContext context);
/*
 * To be called after OhConditionsSet(), if there are conditions.  If they are the
 * same as before, as in a nested loop, the bitmap is kept.
 */
extern void OhFilterSet(OhFilter *filter);
/* Read a filter page, by its logical number, into the bitmap.  No buffer may be locked. */
extern void OhFilterLoad(OhFilter *filter, uint32 lp);
/* Read the pages of records first to first + n - 1 that have not been read. */
extern void OhFilterLoadRecords(OhFilter *filter, uint32 first, uint32 n);
/* Estimated number of matching records, from a sample of the pages; exact if the sample is all. */
extern double OhFilterEstimate(OhFilter *filter);

/* Prefetch what OhFilterLoad() will read of a filter page: from disk, or into the CPU's cache. */
extern void OhFilterPrefetchPage(const OhFilter *filter, uint32 lp);

/* Prefetch the page of a record, unless it has been read. */
static inline void
OhFilterPrefetch(const OhFilter *filter, uint32 id)
{
	uint32		lp = id / filter->per_page;

	if (id < filter->nrecords && !filter->known[lp])
		OhFilterPrefetchPage(filter, lp);
}

/* Does the record match?  Its page must have been read. */
static inline bool
OhFilterBit(const OhFilter *filter, uint32 id)
{
	return id < filter->nrecords && (filter->bits[id / 64] >> id % 64 & 1) != 0;
}

/* Does the record match?  Reads its page if need be.  No buffer may be locked. */
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

/*
 * Like OhFilterTest(), for a caller that tests few records, scattered over the index: it evaluates the conditions on
 * this record alone, and loads the whole page only after it has tested several records of it.
 */
extern bool OhFilterTestOne(OhFilter *filter, uint32 id);

#endif							/* OH_FILTER_H */
