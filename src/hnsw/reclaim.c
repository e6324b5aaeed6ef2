/*
 * reclaim.c -- pages that no directory names: what a crash leaves between the
 * extension of the relation and the record that makes the page an array's.
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "storage/indexfsm.h"

#include "compat.h"
#include "hnsw/hnsw.h"
#include "hnsw/vacuum.h"

/*
 * known_pages -- count the pages that the directories name; known, unless it is
 * NULL, gets their bits.
 */
static BlockNumber
known_pages(Relation index, OhIndex *ix, uint8 *known, BlockNumber nblocks)
{
	BlockNumber n = 1;
	OhMetaPageData meta;
	Buffer		buffer;

#define KNOW(block) \
	do { \
		n++; \
		if (known != NULL && (block) < nblocks) \
			known[(block) / 8] |= 1 << ((block) % 8); \
	} while (0)

	buffer = OhReadBlock(index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
	meta = *OhMeta(BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
	for (int a = 0; a < OH_NARRAYS; a++)
	{
		uint32		npages = OhArrayPages(index, ix, a);

		for (uint32 lp = 0; lp < npages; lp++)
			KNOW(ix->array[a].block[lp]);
		for (int r = 0; r < OH_NROOTS && meta.array[a].root[r] != InvalidBlockNumber; r++)
		{
			Page		page;

			KNOW(meta.array[a].root[r]);
			buffer = OhReadBlock(index, meta.array[a].root[r], OH_PAGE_ROOT, BUFFER_LOCK_SHARE);
			page = BufferGetPage(buffer);
			for (int i = 0; i < Min(OhTail(page)->nused, OH_DIR_ENTRIES); i++)
				KNOW(OhDirEntries(page)[i]);
			UnlockReleaseBuffer(buffer);
		}
	}
#undef KNOW
	return n;
}

/*
 * OhReclaimPages -- offer zero pages that no directory names for reuse: the
 * relation was extended, and then a crash or an error came.
 *
 * A page that is just being added is locked until a directory names it.
 */
BlockNumber
OhReclaimPages(Relation index, OhIndex *ix)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(index);
	BlockNumber nfree = 0;
	uint8	   *known;

	if (known_pages(index, ix, NULL, nblocks) >= nblocks)
		return 0;
	known = MemoryContextAllocExtended(CurrentMemoryContext, nblocks / 8 + 1,
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	known_pages(index, ix, known, nblocks);
	for (BlockNumber block = 1; block < nblocks; block++)
	{
		Buffer		buffer;

		if (known[block / 8] & (1 << (block % 8)))
			continue;
		om_vacuum_delay_point();
		buffer = ReadBuffer(index, block);
		if (ConditionalLockBuffer(buffer))
		{
			if (PageIsNew(BufferGetPage(buffer)))
			{
				RecordFreeIndexPage(index, block);
				nfree++;
			}
			LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		}
		ReleaseBuffer(buffer);
	}
	pfree(known);
	if (nfree > 0)
		IndexFreeSpaceMapVacuum(index);
	return nfree;
}
