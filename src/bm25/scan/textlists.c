/*
 * textlists.c -- chooses the lists of filter columns that a search of a segment goes along.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "bm25/scan/textlists.h"
#include "storage/compare.h"

/* Conditions on more values than this are tested by filter keys. */
#define MOST_VALUES		32

/*
 * wanted_lists -- the lists of the values that meet a condition, hash[MOST_VALUES]; returns how many, -1 if there
 * are too many.  exact: out, have all these lists only documents that meet it?
 */
static int
wanted_lists(const OhCondition *condition, uint64 *hash, bool *exact)
{
	int			n = 0;

	*exact = true;
	if (condition->null)
	{
		hash[0] = OhListHash(condition->column, true, 0);
		return 1;
	}
	for (int i = 0; i < condition->nranges; i++)
	{
		const OhRange *range = &condition->range[i];

		if (range->hi - range->lo >= (uint64) (MOST_VALUES - n))
			return -1;
		for (uint64 fkey = range->lo;; fkey++)
		{
			hash[n++] = OhListHash(condition->column, false, fkey);
			*exact &= OhListIsExact(fkey);
			if (fkey == range->hi)
				break;
		}
	}
	return n;
}

/*
 * find_lists -- find the lists of a condition, found[MOST_VALUES]; returns how many there are, -1 if lists do not tell.
 */
static int
find_lists(OhSegmentReader *reader, const OhCondition *condition, OhTermData *found, bool *exact)
{
	uint64		hash[MOST_VALUES];
	int			nwanted = wanted_lists(condition, hash, exact);
	int			n = 0;

	if (nwanted < 0)
		return -1;
	if (nwanted > 1)
		qsort(hash, nwanted, sizeof(uint64), OhCompareUint64);
	for (int i = 0; i < nwanted; i++)
	{
		/* two values may share a list */
		if ((i == 0 || hash[i] != hash[i - 1]) && OhListFind(reader, hash[i], &found[n]))
			n++;
	}
	return n;
}

bool
OhListsOpen(OhLists *lists, OhSegmentReader *reader, const OhConditions *conditions)
{
	uint32		columns = OhSegmentLists(reader);
	uint64		fewest = 0;
	OhTermData	best[MOST_VALUES];
	bool		any = false;

	memset(lists, 0, sizeof(OhLists));
	for (int i = 0; i < conditions->n && columns != 0; i++)
	{
		const OhCondition *condition = &conditions->condition[i];
		OhTermData	found[MOST_VALUES];
		uint64		ndocs = 0;
		bool		exact;
		int			n;

		if ((columns >> condition->column & 1) == 0)
			continue;
		n = find_lists(reader, condition, found, &exact);
		for (int k = 0; k < n; k++)
			ndocs += found[k].ndocs;
		if (n < 0 || (any && ndocs >= fewest))
			continue;
		fewest = ndocs;
		any = true;
		lists->n = n;
		lists->exact = exact && conditions->n == 1;
		memcpy(best, found, sizeof(OhTermData) * n);
	}
	if (reader->stale || !any)
		return false;
	lists->ndocs = fewest;
	lists->list = MemoryContextAlloc(reader->context, sizeof(OhList *) * Max(lists->n, 1));
	for (int i = 0; i < lists->n; i++)
	{
		lists->list[i] = MemoryContextAlloc(reader->context, sizeof(OhList));
		OhListOpen(lists->list[i], reader, &best[i]);
	}
	return true;
}

/*
 * fill -- read the bits from a document on that is on one of the lists, or before it; false if there are none.
 */
static bool
fill(OhLists *lists, uint32 doc)
{
	uint32		from = OH_NONE;

	for (int i = 0; i < lists->n; i++)
		from = Min(from, OhListFrom(lists->list[i], doc));
	lists->nbits = 0;
	if (from == OH_NONE)
		return false;
	memset(lists->bits, 0, OH_BITMAP_BYTES);
	lists->base = from - from % OH_BITMAP_DOCS;
	for (int i = 0; i < lists->n; i++)
		OhListFill(lists->list[i], lists->base, lists->bits);
	lists->nbits = OH_BITMAP_DOCS;
	return true;
}

uint32
OhListsNext(OhLists *lists, uint32 doc)
{
	/* what the bits begin with may be far ahead of the document that was asked for then */
	if (lists->nbits > 0)
		doc = Max(doc, lists->base);
	for (;;)
	{
		uint32		at = doc - lists->base;
		uint64		word;

		if (at >= lists->nbits)
		{
			if (doc == OH_NONE || !fill(lists, doc))
				return OH_NONE;
			doc = Max(doc, lists->base);
			at = doc - lists->base;
		}
		word = lists->bits[at / 64] & (PG_UINT64_MAX << at % 64);
		for (uint32 w = at / 64;;)
		{
			if (word != 0)
				return lists->base + w * 64 + pg_rightmost_one_pos64(word);
			if (++w == OH_BITMAP_WORDS)
				break;
			word = lists->bits[w];
		}
		if (lists->base > OH_NONE - OH_BITMAP_DOCS)
			return OH_NONE;
		doc = lists->base + OH_BITMAP_DOCS;
	}
}
