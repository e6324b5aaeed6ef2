/*
 * textlists.c -- chooses the lists of filter columns that a search of a segment goes along.
 */
#include "postgres.h"

#include "bm25/scan/textlists.h"

/* Conditions on more values than this are tested by filter keys. */
#define MOST_VALUES		32
/* So are those that more than this fraction (1/n) of the documents meet. */
#define LISTED_SHARE	4

/*
 * wanted_lists -- the lists of the values that meet a condition, hash[MOST_VALUES]; returns how many, -1 if there are too
 * many.
 */
static int
wanted_lists(const OhCondition *condition, uint64 *hash)
{
	int			n = 0;

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
			if (fkey == range->hi)
				break;
		}
	}
	return n;
}

static int
compare_hashes(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

/*
 * find_lists -- find the lists of a condition, found[MOST_VALUES]; returns how many there are, -1 if lists do not tell.
 */
static int
find_lists(OhSegmentReader *reader, const OhCondition *condition, OhTermData *found)
{
	uint64		hash[MOST_VALUES];
	int			nwanted = wanted_lists(condition, hash);
	int			n = 0;

	if (nwanted < 0)
		return -1;
	if (nwanted > 1)
		qsort(hash, nwanted, sizeof(uint64), compare_hashes);
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
	uint64		fewest = reader->segment.ndocs / LISTED_SHARE;
	OhTermData	best[MOST_VALUES];
	bool		any = false;

	memset(lists, 0, sizeof(OhLists));
	for (int i = 0; i < conditions->n && columns != 0; i++)
	{
		const OhCondition *condition = &conditions->condition[i];
		OhTermData	found[MOST_VALUES];
		uint64		ndocs = 0;
		int			n;

		if ((columns >> condition->column & 1) == 0)
			continue;
		n = find_lists(reader, condition, found);
		for (int k = 0; k < n; k++)
			ndocs += found[k].ndocs;
		if (n < 0 || ndocs > fewest)
			continue;
		fewest = ndocs;
		any = true;
		lists->n = n;
		memcpy(best, found, sizeof(OhTermData) * n);
	}
	if (reader->stale || !any)
		return false;
	lists->ndocs = (uint32) fewest;
	lists->cursor = MemoryContextAlloc(reader->context, sizeof(OhCursor *) * Max(lists->n, 1));
	for (int i = 0; i < lists->n; i++)
	{
		lists->cursor[i] = MemoryContextAlloc(reader->context, sizeof(OhCursor));
		OhCursorOpen(lists->cursor[i], reader, &best[i]);
		(void) OhCursorSeek(lists->cursor[i], 0);
	}
	return true;
}
