/*
 * heapread.h -- reads pages of a table with the help of hints, for re-ranking.
 *
 * A re-rank reads few rows from many pages, and finding the buffers costs more than the
 * arithmetic.  So the index's state remembers in which buffer a block of the heap or of its
 * TOAST table was last seen, and on which page a chunk of a TOASTed value is.  The table's
 * files change only together with the index's (VACUUM FULL, CLUSTER and TRUNCATE rebuild
 * the index), so the hints in the state of one build are always for the right files.
 * Whether a buffer still holds the block, and a page the chunk, is checked each time.
 *
 * Tables of hints grow with the blocks that are read, up to OH_HINTS entries, or fewer if
 * the backend has many indexes open, so that their total size is bounded.
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

/* A direct-mapped table: the entry of a block is at block & mask. */
typedef struct OhBlockHints
{
	uint32		mask;			/* entries - 1 */
	OhBlockHint *hint;
	OhBlockHint first;			/* the only entry at first */
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

/* The index's hints, created when first needed. */
extern OhHints *OhGetHints(OhIndex *ix);
/* Pin a block that exists. */
extern Buffer OhHintedRead(Relation rel, BlockNumber block, OhHints *hints, OhBlockHints *of);
/* The entry for a chunk's hint, which may hold another chunk's. */
extern OhChunkHint *OhChunkHintAt(OhHints *hints, Oid value, int32 seq);
/* Make room for the hints of a TOAST table with nblocks blocks. */
extern void OhGrowChunkHints(OhHints *hints, BlockNumber nblocks);

/* Prefetch the line pointer of a row, or (once that is there) its tuple. */
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
	/* the page is not pinned: what is read here only determines what to prefetch */
	offset = ItemIdGetOffset(item) % BLCKSZ;
	for (int i = 0; i < 4; i++)
		__builtin_prefetch(page + offset + i * 64);
}

#endif							/* OH_HEAPREAD_H */
