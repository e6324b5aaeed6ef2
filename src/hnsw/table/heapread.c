/*
 * heapread.c -- reads pages of a table with the help of hints.  See heapread.h.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "hnsw/table/heapread.h"

/* Every Nth read goes through ReadBuffer, which counts as a use of the page. */
#define HEAP_HINT_PERIOD 16

/* Smallest number of entries of a table that has more than one. */
#define LEAST_HINTS 64

/* Number of chunks that fit on a TOAST page. */
#define CHUNKS_PER_PAGE 4

/* With up to this many open indexes, each may have hints of full size. */
#define FULL_SIZE_INDEXES 8

OhHints *
OhGetHints(OhIndex *ix)
{
	OhHints    *hints = ix->hints;

	if (hints == NULL)
	{
		hints = MemoryContextAllocZero(ix->file.context, sizeof(OhHints));
		hints->context = ix->file.context;
		hints->heap.hint = &hints->heap.first;
		hints->toast.hint = &hints->toast.first;
		hints->chunk = &hints->first_chunk;
		ix->hints = hints;
	}
	return hints;
}

/*
 * most_hints -- the largest number of entries of one table, a power of two.
 */
static uint32
most_hints(void)
{
	int			nindexes = OhIndexesOpen();
	uint32		most = OH_HINTS;

	while (nindexes > FULL_SIZE_INDEXES && most > LEAST_HINTS)
	{
		most /= 2;
		nindexes /= 2;
	}
	return most;
}

/*
 * grow -- enlarge a table of hints so that it has an entry for this block, within the
 * limit.
 *
 * Blocks that have been read before are below the old size, so their entries stay in place.
 */
static void
grow(OhHints *hints, OhBlockHints *of, BlockNumber block)
{
	uint32		most = most_hints();
	uint32		size = block < most ? Max(pg_nextpower2_32(block + 1), LEAST_HINTS) : most;
	OhBlockHint *hint;

	if (size <= of->mask + 1)
		return;
	hint = MemoryContextAllocZero(hints->context, sizeof(OhBlockHint) * size);
	for (uint32 i = 0; i <= of->mask; i++)
		hint[of->hint[i].block & (size - 1)] = of->hint[i];
	if (of->hint != &of->first)
		pfree(of->hint);
	of->hint = hint;
	of->mask = size - 1;
}

Buffer
OhHintedRead(Relation rel, BlockNumber block, OhHints *hints, OhBlockHints *of)
{
	OhBlockHint *hint = &of->hint[block & of->mask];

	if (hint->buffer != InvalidBuffer && hint->block == block &&
		++hints->clock % HEAP_HINT_PERIOD != 0 &&
		ReadRecentBuffer(om_rel_locator(rel), MAIN_FORKNUM, block, hint->buffer))
		return hint->buffer;
	if (block > of->mask && of->mask < OH_HINTS - 1)
	{
		grow(hints, of, block);
		hint = &of->hint[block & of->mask];
	}
	hint->buffer = InvalidBuffer;
	hint->buffer = ReadBuffer(rel, block);
	hint->block = block;
	return hint->buffer;
}

OhChunkHint *
OhChunkHintAt(OhHints *hints, Oid value, int32 seq)
{
	return &hints->chunk[hash_combine(murmurhash32(value), seq) & hints->chunk_mask];
}

void
OhGrowChunkHints(OhHints *hints, BlockNumber nblocks)
{
	uint32		most = most_hints();
	uint32		size = CHUNKS_PER_PAGE * Min(Max(nblocks, LEAST_HINTS), most / 2);
	uint32		old_mask = hints->chunk_mask;
	OhChunkHint *old = hints->chunk;

	size = pg_nextpower2_32(size);
	if (size <= old_mask + 1)
		return;
	hints->chunk = MemoryContextAllocExtended(hints->context, sizeof(OhChunkHint) * size,
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	hints->chunk_mask = size - 1;
	for (uint32 i = 0; i <= old_mask; i++)
	{
		if (ItemPointerIsValid(&old[i].tid))
			*OhChunkHintAt(hints, old[i].value, old[i].seq) = old[i];
	}
	if (old != &hints->first_chunk)
		pfree(old);
}
