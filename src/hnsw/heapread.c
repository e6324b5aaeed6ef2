/*
 * heapread.c -- reads of a table's pages by hint.  See heapread.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "hnsw/heapread.h"

/* Every Nth read goes through ReadBuffer, which counts as a use of the page. */
#define HINT_PERIOD 16

OhHints *
OhGetHints(OhIndex *ix)
{
	if (ix->hints == NULL)
		ix->hints = MemoryContextAllocExtended(ix->context, sizeof(OhHints),
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	return ix->hints;
}

Buffer
OhHintedRead(Relation rel, BlockNumber block, OhBlockHint *hints, uint32 *clock)
{
	OhBlockHint *hint = &hints[block & (OH_HINTS - 1)];

	if (hint->buffer != InvalidBuffer && hint->block == block && ++*clock % HINT_PERIOD != 0 &&
		ReadRecentBuffer(om_rel_locator(rel), MAIN_FORKNUM, block, hint->buffer))
		return hint->buffer;
	hint->buffer = InvalidBuffer;
	hint->buffer = ReadBuffer(rel, block);
	hint->block = block;
	return hint->buffer;
}
