/*
 * filter.c -- which records match the conditions of a scan (filter.h).
 *
 * Owns the bitmap and decides which filter pages are read.  Whether a record
 * matches is decided in condition.c.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/buf_internals.h"
#include "utils/memutils.h"

#include "filter/condition.h"
#include "filter/filter.h"

/*
 * Pages that an estimate reads: all of an index of at most ALL_PAGES, otherwise
 * SAMPLE_PAGES at equal distances.  They are spread because similar records tend to
 * lie on the same pages: docs/measurements.md#constants
 */
#define ALL_PAGES 64
#define SAMPLE_PAGES 24

/* OhFilterLoadRecords() prefetches this many pages ahead: docs/measurements.md#conditions-on-filter-columns */
#define PAGES_AHEAD 3

/* OhFilterTestOne() tests this many records of a page one by one. */
#define SINGLE_TESTS 4

/* Cache lines of a column that are prefetched; the CPU's own prefetcher reads on from there. */
#define VALUE_LINES 8

OhFilter *
OhFilterBegin(const OhConditions *conditions, uint32 nrecords, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	const OhColumns *columns = conditions->columns;
	OhFilter   *filter = palloc0(sizeof(OhFilter));

	filter->conditions = conditions;
	filter->per_page = columns->per_page;
	filter->npages = OhArrayPages(columns->file, columns->array);
	/*
	 * a record's filter keys are written before it goes live: one without a filter page is not
	 * live
	 */
	filter->nrecords = Min(nrecords, (uint64) filter->npages * filter->per_page);
	filter->page_bits = palloc(OhKeyPageWords(columns) * sizeof(uint64));
	filter->known = palloc(filter->npages + 1);
	filter->tested = palloc0(filter->npages + 1);
	initStringInfo(&filter->described);
	filter->context = AllocSetContextCreate(context, "omenhnsw filter", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old);
	return filter;
}

static Size
bitmap_bytes(const OhFilter *filter)
{
	return (filter->nrecords / 64 + 2) * sizeof(uint64);
}

/*
 * make_bitmap -- allocate the bitmap: where few records are tested, there is none.
 */
static void
make_bitmap(OhFilter *filter)
{
	if (filter->bits == NULL)
		filter->bits = MemoryContextAllocExtended(GetMemoryChunkContext(filter), bitmap_bytes(filter),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

void
OhFilterSet(OhFilter *filter)
{
	MemoryContext old = MemoryContextSwitchTo(filter->context);
	StringInfoData described;

	Assert(filter->conditions->n > 0);
	initStringInfo(&described);
	OhConditionsDescribe(filter->conditions, &described);
	if (described.len != filter->described.len ||
		memcmp(described.data, filter->described.data, described.len) != 0)
	{
		if (filter->bits != NULL)
			memset(filter->bits, 0, bitmap_bytes(filter));
		memset(filter->known, 0, filter->npages + 1);
		filter->nknown = 0;
		filter->nmatches = 0;
		resetStringInfo(&filter->described);
		appendBinaryStringInfo(&filter->described, described.data, described.len);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(filter->context);
}

void
OhFilterLoad(OhFilter *filter, uint32 lp)
{
	const OhColumns *columns = filter->conditions->columns;
	uint32		words = OhKeyPageWords(columns);
	uint64		first = (uint64) lp * filter->per_page;
	int			shift = first % 64;
	uint64	   *to;
	uint64	   *end;
	Buffer		buffer;

	make_bitmap(filter);
	to = filter->bits + first / 64;
	end = filter->bits + filter->nrecords / 64 + 1;
	buffer = OhArrayRead(columns->file, columns->array, lp, BUFFER_LOCK_SHARE);
	OhConditionsPage(filter->conditions, BufferGetPage(buffer), filter->page_bits);
	UnlockReleaseBuffer(buffer);
	for (uint32 i = 0; i < words && to + i < end; i++)
	{
		uint64		word = filter->page_bits[i];

		if (word == 0)
			continue;
		filter->nmatches += pg_popcount64(word);
		to[i] |= word << shift;
		if (shift > 0)
			to[i + 1] |= word >> (64 - shift);
	}
	filter->known[lp] = true;
	filter->nknown++;
}

bool
OhFilterTestOne(OhFilter *filter, uint32 id)
{
	const OhColumns *columns = filter->conditions->columns;
	uint32		lp = id / filter->per_page;
	Buffer		buffer;
	bool		matches;

	if (id >= filter->nrecords)
		return false;
	if (filter->known[lp] || filter->tested[lp] >= SINGLE_TESTS)
		return OhFilterTest(filter, id);
	filter->tested[lp]++;
	buffer = OhArrayRead(columns->file, columns->array, lp, BUFFER_LOCK_SHARE);
	matches = OhConditionsPlace(filter->conditions, BufferGetPage(buffer), id % filter->per_page);
	UnlockReleaseBuffer(buffer);
	return matches;
}

void
OhFilterPrefetchPage(const OhFilter *filter, uint32 lp)
{
	const OhColumns *columns = filter->conditions->columns;
	const OhArray *array = &columns->file->array[columns->array];
	Page		page;

	if (lp >= array->npages)
		return;
	if (unlikely(columns->file->ahead.rounds > 0))
		OhArrayPrefetch(columns->file, columns->array, lp);
	if (array->hint[lp] <= 0)
		return;
	page = BufferGetPage(array->hint[lp]);
	__builtin_prefetch(GetBufferDescriptor(array->hint[lp] - 1), 1);
	for (int i = 0; i < filter->conditions->n; i++)
	{
		int			column = filter->conditions->condition[i].column;
		char	   *values = OhKeyPageValues(columns, page, column);

		__builtin_prefetch(&OhKeyColumns(page)[column]);
		__builtin_prefetch(OhKeyPageNulls(columns, page, column));
		for (int at = 0; at < VALUE_LINES * 64; at += 64)
			__builtin_prefetch(values + at);
	}
}

void
OhFilterLoadRecords(OhFilter *filter, uint32 first, uint32 n)
{
	uint64		end = Min((uint64) first + n, filter->nrecords);

	make_bitmap(filter);
	for (uint64 lp = first / filter->per_page; lp * filter->per_page < end; lp++)
	{
		CHECK_FOR_INTERRUPTS();
		if ((lp + PAGES_AHEAD) * filter->per_page < end && !filter->known[lp + PAGES_AHEAD])
			OhFilterPrefetchPage(filter, lp + PAGES_AHEAD);
		if (!filter->known[lp])
			OhFilterLoad(filter, lp);
	}
}

double
OhFilterEstimate(OhFilter *filter)
{
	uint32		sample = filter->npages <= ALL_PAGES ? filter->npages : SAMPLE_PAGES;

	for (uint32 i = 0; i < sample; i++)
	{
		/* the middle of each part */
		uint32		lp = ((uint64) i * 2 + 1) * filter->npages / (2 * sample);

		CHECK_FOR_INTERRUPTS();
		if (!filter->known[lp])
			OhFilterLoad(filter, lp);
	}
	return filter->nknown == 0 ? 0 :
		(double) filter->nmatches * filter->npages / filter->nknown;
}
