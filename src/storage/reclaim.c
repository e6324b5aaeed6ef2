/*
 * reclaim.c -- makes pages that no directory names available again.
 *
 * A crash leaves such a page if it comes after the extension of the relation, and before the WAL record that adds
 * the page to an array.
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "storage/indexfsm.h"

#include "compat.h"
#include "storage/array.h"
#include "storage/bitset.h"

/* The pages that the metapage and directories name. */
typedef struct KnownPages
{
	Relation	rel;
	BlockNumber nblocks;
	BlockNumber n;
	OhBitset	blocks;			/* not initialised: they are only counted */
} KnownPages;

static void
know(KnownPages *known, BlockNumber block)
{
	known->n++;
	if (known->blocks.word != NULL && block < known->nblocks)
		OhBitsetAdd(&known->blocks, block);
}

/*
 * know_directory_page -- add a root or top page, and the directory pages below it.
 */
static void
know_directory_page(KnownPages *known, BlockNumber block, int kind)
{
	BlockNumber entries[OH_DIR_ENTRIES];
	Buffer		buffer;
	int			n;

	know(known, block);
	if (kind == OH_PAGE_LEAF)
		return;
	buffer = OhReadBlock(known->rel, block, kind, BUFFER_LOCK_SHARE);
	n = Min(OhTail(BufferGetPage(buffer))->nused, OH_DIR_ENTRIES);
	memcpy(entries, OhDirEntries(BufferGetPage(buffer)), sizeof(BlockNumber) * n);
	UnlockReleaseBuffer(buffer);
	for (int i = 0; i < n; i++)
		know_directory_page(known, entries[i],
							kind == OH_PAGE_TOP ? OH_PAGE_ROOT : OH_PAGE_LEAF);
}

/*
 * know_all -- add all pages that the metapage or a directory names.
 */
static void
know_all(KnownPages *known, OhFile *file)
{
	PGAlignedBlock copy;
	const OhFileHead *head = OhHead(copy.data);
	Buffer		buffer;

	known->n = 0;
	know(known, OH_META_BLOCK);
	buffer = OhReadBlock(known->rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
	memcpy(copy.data, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
	for (int a = 0; a < file->method->narrays; a++)
	{
		uint32		npages = OhArrayPages(file, a);

		for (uint32 lp = 0; lp < npages; lp++)
			know(known, file->array[a].block[lp]);
		for (int r = 0; r < OH_NROOTS && head->array[a].root[r] != InvalidBlockNumber; r++)
			know_directory_page(known, head->array[a].root[r], r < OH_TOP ? OH_PAGE_ROOT : OH_PAGE_TOP);
	}
}

/* A page that another backend is just adding is locked until a directory names it, so that it is not taken. */
BlockNumber
OhReclaimPages(OhFile *file)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(file->rel);
	BlockNumber nfree = 0;
	KnownPages	known = {file->rel, nblocks};

	know_all(&known, file);
	if (known.n >= nblocks)
		return 0;
	OhBitsetInit(&known.blocks, nblocks, CurrentMemoryContext);
	know_all(&known, file);
	for (BlockNumber block = 1; block < nblocks; block++)
	{
		Buffer		buffer;

		if (OhBitsetHas(&known.blocks, block))
			continue;
		om_vacuum_delay_point();
		buffer = ReadBufferExtended(file->rel, MAIN_FORKNUM, block, RBM_NORMAL, file->strategy);
		if (ConditionalLockBuffer(buffer))
		{
			if (PageIsNew(BufferGetPage(buffer)))
			{
				RecordFreeIndexPage(file->rel, block);
				nfree++;
			}
			LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		}
		ReleaseBuffer(buffer);
	}
	OhBitsetFree(&known.blocks);
	if (nfree > 0)
		IndexFreeSpaceMapVacuum(file->rel);
	return nfree;
}
