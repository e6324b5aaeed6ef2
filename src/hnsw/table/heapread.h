/*
 * heapread.h -- reads of a table's pages by hint, for re-ranking.
 *
 * A re-rank reads few rows from many pages, and finding the buffers costs more
 * than the arithmetic.  The index state remembers in which buffer a block of
 * the heap or of its TOAST table was last seen, and on which page a chunk of a
 * TOASTed value is.  The table's files change only together with the index's
 * (VACUUM FULL, CLUSTER, TRUNCATE rebuild it), so what the state of one build
 * remembers is of the right files; that a buffer still holds the block, and a
 * page the chunk, is checked each time.
 *
 * Tables of hints grow with the blocks that are read, up to OH_HINTS entries: less
 * when the backend has many indexes open, so that their sum is bounded.
 */
#ifndef OH_HEAPREAD_H
#define OH_HEAPREAD_H

#include "postgres.h"

#include "access/htup_details.h"
#include "compat.h"
#include "storage/bufmgr.h"
#include "storage/itemptr.h"

#include "hnsw/index.h"

#define OH_HINTS 32768			/* entries of a table at most, power of two */

typedef struct OhBlockHint
{
	BlockNumber block;
	Buffer		buffer;			/* InvalidBuffer if empty */
} OhBlockHint;

typedef struct OhChunkHint
{
	Oid			value;
	int32		seq;
	ItemPointerData tid;		/* invalid if empty */
} OhChunkHint;

/* Direct-mapped: block & mask. */
typedef struct OhBlockHints
{
	uint32		mask;			/* entries - 1 */
	OhBlockHint *hint;
	OhBlockHint first;			/* the one entry at the start */
} OhBlockHints;

typedef struct OhHints
{
	MemoryContext context;
	uint32		clock;
	OhAhead		ahead;			/* of reads of rows */
	OhBlockHints heap;
	OhBlockHints toast;
	uint32		chunk_mask;
	OhChunkHint *chunk;
	OhChunkHint first_chunk;
} OhHints;

/* The index's hints, made when first asked for. */
extern OhHints *OhGetHints(OhIndex *ix);
/* Pin a block that exists. */
extern Buffer OhHintedRead(Relation rel, BlockNumber block, OhHints *hints, OhBlockHints *of);
/* The place of a chunk's hint, which may be another chunk's. */
extern OhChunkHint *OhChunkHintAt(OhHints *hints, Oid value, int32 seq);
/* Make room for the chunks of a TOAST table with nblocks blocks. */
extern void OhGrowChunkHints(OhHints *hints, BlockNumber nblocks);

/* Start loading the line pointer of a row; then, later, its tuple. */
static inline void
OhPrefetchRow(const OhHints *hints, const ItemPointerData *tid, bool tuple)
{
	BlockNumber block = ItemPointerGetBlockNumberNoCheck(tid);
	const OhBlockHint *hint = &hints->heap.hint[block & hints->heap.mask];
	char	   *page;
	ItemId		item;
	unsigned	offset;

	if (hint->block != block || hint->buffer <= 0)
		return;
	page = (char *) BufferGetPage(hint->buffer);
	item = (ItemId) (page + SizeOfPageHeaderData) +
		(ItemPointerGetOffsetNumberNoCheck(tid) - 1) % MaxHeapTuplesPerPage;
	if (!tuple)
	{
		__builtin_prefetch(item);
		return;
	}
	/* not pinned: whatever is read here only says what to prefetch */
	offset = ItemIdGetOffset(item) % BLCKSZ;
	for (int i = 0; i < 4; i++)
		__builtin_prefetch(page + offset + i * 64);
}

#endif							/* OH_HEAPREAD_H */
