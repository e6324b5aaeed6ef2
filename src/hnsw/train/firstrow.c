/*
 * firstrow.c -- reads the vector that a node's code is made of.
 *
 * That is the vector of the node's first row.  If this row is deleted and others have the same code, the node
 * stays, and the first row that is left stands for it.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "hnsw/graph/rows.h"
#include "hnsw/train/firstrow.h"

/*
 * read_posting_row -- read the first row of a node's postings that can be read.
 */
static bool
read_posting_row(OhIndex *ix, OhFetcher *fetcher, const OhFirstRow *first, const float *near, bool checked,
				 float *x, uint32 *hash)
{
	OhChain		chain;
	OhReadSet	seen;
	OhTidList	rows;

	OhChainBegin(&chain, first->id, first->posting);
	OhReadSetInit(&seen, CurrentMemoryContext);
	OhTidListInit(&rows, CurrentMemoryContext);
	while (OhChainHasMore(&chain))
	{
		OhChainNext(ix, &chain, &seen, &rows);
		for (int i = 0; i < rows.n; i++)
		{
			if (OhFetchVector(fetcher, &rows.tid[i], near, x, hash) &&
				(!checked || (chain.hash != OH_MIXED && *hash == chain.hash)))
				return true;
		}
	}
	return false;
}

bool
OhReadFirstRow(OhIndex *ix, OhFetcher *fetcher, const OhFirstRow *first, const float *near,
			   bool checked, float *x, uint32 *hash)
{
	MemoryContext context;
	MemoryContext old;
	uint32		own_hash;
	bool		found;

	hash = hash != NULL ? hash : &own_hash;
	if (ItemPointerIsValid(&first->tid) && OhFetchVector(fetcher, &first->tid, near, x, hash))
		return true;
	if (first->posting == OH_NONE)
		return false;
	context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw first row", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	found = read_posting_row(ix, fetcher, first, near, checked, x, hash);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return found;
}
