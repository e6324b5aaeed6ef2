/*
 * ahead.c -- see ahead.h.
 */
#include "postgres.h"

#include "storage/buf_internals.h"
#include "utils/spccache.h"

#include "storage/ahead.h"

void
OhAheadBlock(Relation rel, BlockNumber block, Buffer last)
{
	/* not pinned, and the block's number alone: a buffer of another file only costs a wait */
	if (last < 0 || (last > 0 && GetBufferDescriptor(last - 1)->tag.blockNum == block))
		return;
	if (get_tablespace_io_concurrency(rel->rd_rel->reltablespace) > 0)
		(void) PrefetchBuffer(rel, MAIN_FORKNUM, block);
}
