/*
 * verify.c -- checks of an index file: metapage, directories and page headers.
 *
 * Invariants:
 *   - the tail of every page has its kind, id and place, and pd_lower of its header is
 *     just past the last slot ever used;
 *   - the directories name every page of an array once, in order, without a gap,
 *     and no block twice;
 *   - a page that no directory names is a zero page, which a crash has left.
 *
 * Every value that is read from a page is compared with a bound before it is used.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "storage/array.h"
#include "storage/verify.h"

/*
 * read_block -- copy a block into to[BLCKSZ]; no verification.
 */
static Page
read_block(OhFileCheck *c, BlockNumber block, void *to)
{
	Buffer		buffer;

	CHECK_FOR_INTERRUPTS();
	buffer = ReadBufferExtended(c->rel, MAIN_FORKNUM, block, RBM_NORMAL, c->strategy);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	memcpy(to, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
	return (Page) to;
}

/*
 * check_header -- check header and tail of a page that must be of this kind.
 */
static void
check_header(OhFileCheck *c, BlockNumber block, Page page, int kind, int array, uint32 lp,
			 uint32 record_bytes, uint32 max_records)
{
	PageHeader	header = (PageHeader) page;
	OhPageTail *tail = OhTail(page);

	if (PageIsNew(page))
		OhReportCorruption(c->rel, block, "unexpected zero page");
	if (header->pd_special != BLCKSZ - sizeof(OhPageTail) || header->pd_upper != header->pd_special)
		OhReportCorruption(c->rel, block, "bad page header (upper %u, special %u)",
						   header->pd_upper, header->pd_special);
	if (tail->page_id != OH_PAGE_ID)
		OhReportCorruption(c->rel, block, "page id is 0x%04X, not 0x%04X", tail->page_id, OH_PAGE_ID);
	if (tail->kind != kind)
		OhReportCorruption(c->rel, block, "page kind is %u, not %d", tail->kind, kind);
	if (kind == OH_PAGE_META)
	{
		if (header->pd_lower < SizeOfPageHeaderData + offsetof(OhFileHead, array) ||
			header->pd_lower > header->pd_upper)
			OhReportCorruption(c->rel, block, "pd_lower of the metapage is %u", header->pd_lower);
		return;
	}
	if (tail->array != array || tail->lp != lp)
		OhReportCorruption(c->rel, block, "page %u of array %u where page %u of array %d belongs",
						   tail->lp, tail->array, lp, (int) array);
	if (tail->nused > max_records || tail->nfree > tail->nused)
		OhReportCorruption(c->rel, block, "%u slots used and %u of them free, of %u",
						   tail->nused, tail->nfree, max_records);
	if (header->pd_lower != SizeOfPageHeaderData + tail->nused * record_bytes)
		OhReportCorruption(c->rel, block, "pd_lower is %u with %u slots used", header->pd_lower, tail->nused);
}

/*
 * claim_block -- record that a directory names this block; an error if one does already.
 *
 * c->owner grows if the block was added after the size of the relation was taken.
 */
static void
claim_block(OhFileCheck *c, BlockNumber from, BlockNumber block, int kind)
{
	if (block >= c->nblocks && !c->strict)
	{
		BlockNumber nblocks = RelationGetNumberOfBlocks(c->rel);

		if (nblocks > c->nblocks)
		{
			c->owner = repalloc_huge(c->owner, nblocks);
			memset(c->owner + c->nblocks, 0, nblocks - c->nblocks);
			c->nblocks = nblocks;
		}
	}
	if (block == OH_META_BLOCK || block >= c->nblocks)
		OhReportCorruption(c->rel, from, "the directory names block %u of %u", block, c->nblocks);
	if (c->owner[block] != 0)
		OhReportCorruption(c->rel, from, "the directories name block %u twice", block);
	c->owner[block] = kind;
}

/* State of the check of one array's directory. */
typedef struct DirectoryCheck
{
	OhFileCheck *c;
	int			array;
	uint32		n;				/* data pages so far */
	uint64		allocated;
	bool		last;			/* a page was not full: the array must end here */
} DirectoryCheck;

/*
 * check_directory_page -- check directory page number n of its kind, which the page `from` names.
 */
static Page
check_directory_page(DirectoryCheck *d, BlockNumber from, BlockNumber block, int kind, uint32 n,
					 void *copy)
{
	Page		page;

	if (d->last)
		OhReportCorruption(d->c->rel, from, "a directory page of array %d follows one that is not full",
						   (int) d->array);
	claim_block(d->c, from, block, kind);
	page = read_block(d->c, block, copy);
	check_header(d->c, block, page, kind, d->array, kind == OH_PAGE_TOP ? n : n * OH_DIR_ENTRIES,
				 sizeof(BlockNumber), OH_DIR_ENTRIES);
	return page;
}

/*
 * check_leaf -- check leaf page number n of the array, and add its entries to c->block.
 */
static void
check_leaf(DirectoryCheck *d, BlockNumber from, BlockNumber block, uint32 n)
{
	OhFileCheck *c = d->c;
	PGAlignedBlock copy;
	Page		page = check_directory_page(d, from, block, OH_PAGE_LEAF, n, copy.data);
	int			nused = OhTail(page)->nused;

	if (d->n + nused > d->allocated)
	{
		d->allocated = 2 * ((uint64) d->n + nused);
		if (c->block[d->array] == NULL)
			c->block[d->array] = MemoryContextAllocHuge(c->context,
														sizeof(BlockNumber) * d->allocated);
		else
			c->block[d->array] = repalloc_huge(c->block[d->array],
											   sizeof(BlockNumber) * d->allocated);
	}
	for (int k = 0; k < nused; k++)
	{
		claim_block(c, block, OhDirEntries(page)[k], OH_PAGE_ARRAY + d->array);
		c->block[d->array][d->n++] = OhDirEntries(page)[k];
	}
	d->last = nused < OH_DIR_ENTRIES;
}

/*
 * check_root -- check root page number r of the array, and its leaf pages.
 */
static void
check_root(DirectoryCheck *d, BlockNumber from, BlockNumber block, uint32 r)
{
	PGAlignedBlock copy;
	Page		page = check_directory_page(d, from, block, OH_PAGE_ROOT, r, copy.data);

	for (int i = 0; i < OhTail(page)->nused; i++)
		check_leaf(d, block, OhDirEntries(page)[i], r * OH_DIR_ENTRIES + i);
	d->last |= OhTail(page)->nused < OH_DIR_ENTRIES;
}

/*
 * check_array_directory -- check the directory of one array, and fill c->block.
 */
static void
check_array_directory(OhFileCheck *c, const OhFileHead *head, int array)
{
	const BlockNumber *root = head->array[array].root;
	DirectoryCheck d = {c, array, 0, 0, false};
	int			nroots = 0;

	while (nroots < OH_NROOTS && root[nroots] != InvalidBlockNumber)
		nroots++;
	for (int r = nroots; r < OH_NROOTS; r++)
	{
		if (root[r] != InvalidBlockNumber)
			OhReportCorruption(c->rel, OH_META_BLOCK, "array %d has root page %d after a gap", (int) array, r);
	}
	for (int r = 0; r < Min(nroots, OH_TOP); r++)
		check_root(&d, OH_META_BLOCK, root[r], r);
	if (nroots == OH_NROOTS)
	{
		PGAlignedBlock copy;
		Page		page = check_directory_page(&d, OH_META_BLOCK, root[OH_TOP], OH_PAGE_TOP, OH_TOP,
												copy.data);

		for (int i = 0; i < OhTail(page)->nused; i++)
			check_root(&d, root[OH_TOP], OhDirEntries(page)[i], OH_TOP + i);
	}
	c->npages[array] = d.n;
}

const OhFileHead *
OhCheckHead(OhFileCheck *c, void *page)
{
	if (RelationGetNumberOfBlocks(c->rel) == 0)
		OhReportCorruption(c->rel, OH_META_BLOCK, "the index has no metapage");
	read_block(c, OH_META_BLOCK, page);
	check_header(c, OH_META_BLOCK, page, OH_PAGE_META, 0, 0, 0, 0);
	OhVerifyHead(c->rel, OhHead(page), c->method);
	return OhHead(page);
}

void
OhCheckDirectories(OhFileCheck *c, const OhFileHead *head)
{
	c->nblocks = RelationGetNumberOfBlocks(c->rel);
	c->owner = MemoryContextAllocExtended(c->context, c->nblocks,
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int a = 0; a < c->method->narrays; a++)
		check_array_directory(c, head, a);
}

Page
OhCheckReadPage(OhFileCheck *c, const OhFile *file, int array, uint32 lp, void *to)
{
	const OhRecordKind *kind = &c->method->kind[array];
	BlockNumber block = c->block[array][lp];
	Page		page = read_block(c, block, to);
	uint32		nfree = 0;

	check_header(c, block, page, OH_PAGE_ARRAY + array, array, lp, file->array[array].record_bytes,
				 file->array[array].per_page);
	for (uint32 slot = 0; slot < OhTail(page)->nused; slot++)
		nfree += OhSlotIsFree(file, array, page, slot);
	if (kind->verify_page != NULL)
		kind->verify_page(file, page, block);
	if (nfree != OhTail(page)->nfree)
		OhReportCorruption(c->rel, block, "%u free slots, the tail says %u", nfree,
						   OhTail(page)->nfree);
	return page;
}

/* A block that no directory names and that is no zero page was added after the directories were read. */
int64
OhCheckOtherBlocks(OhFileCheck *c)
{
	PGAlignedBlock copy;
	int64		lost = 0;

	for (BlockNumber block = 1; block < c->nblocks; block++)
	{
		Page		page;

		if (c->owner[block] != 0)
			continue;
		page = read_block(c, block, copy.data);
		if (PageIsNew(page))
			lost++;
		else if (c->strict)
			OhReportCorruption(c->rel, block, "a page of kind %u that no directory names",
							   OhTail(page)->kind);
		else if (OhTail(page)->page_id != OH_PAGE_ID)
			OhReportCorruption(c->rel, block, "page id is 0x%04X, not 0x%04X",
							   OhTail(page)->page_id, OH_PAGE_ID);
	}
	return lost;
}
