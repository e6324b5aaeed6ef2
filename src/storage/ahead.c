/*
 * ahead.c -- prefetches pages (ahead.h).
 */
#include "postgres.h"

#include "storage/buf_internals.h"
#include "utils/spccache.h"

#include "storage/ahead.h"

void
OhAheadBlock(Relation rel, BlockNumber block, Buffer last)
{
	/*
	 * The buffer is not pinned, and only the block number is compared.  If it is now another file's block, the
	 * only harm is that this one is not prefetched.
	 */
	if (last < 0 || (last > 0 && GetBufferDescriptor(last - 1)->tag.blockNum == block))
		return;
	if (get_tablespace_io_concurrency(rel->rd_rel->reltablespace) > 0)
		(void) PrefetchBuffer(rel, MAIN_FORKNUM, block);
}
