/*
 * checkpage.c -- checks of the metapage, the directories and page headers.
 *
 * Invariants:
 *   - every page has its kind, id and place in its tail, and a header whose
 *     pd_lower is just past the last slot ever used;
 *   - the directories name every page of an array once, in order, without a gap,
 *     and no block twice;
 *   - what no directory names is a zero page, left over from a crash.
 *
 * Nothing that a page says is used before it was compared with a bound.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "filter/attr.h"
#include "hnsw/check/check.h"

/*
 * read_block -- copy a block into to[BLCKSZ]; no verification.
 */
static Page
read_block(OhCheck *c, BlockNumber block, void *to)
{
	Buffer		buffer;

	CHECK_FOR_INTERRUPTS();
	buffer = ReadBufferExtended(c->index, MAIN_FORKNUM, block, RBM_NORMAL, c->strategy);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	memcpy(to, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
	return (Page) to;
}

/*
 * check_header -- header and tail of a page that should be of this kind.
 */
static void
check_header(OhCheck *c, BlockNumber block, Page page, int kind, OhArrayId array, uint32 lp,
			 uint32 record_bytes, uint32 max_records)
{
	PageHeader	header = (PageHeader) page;
	OhPageTail *tail = OhTail(page);

	if (PageIsNew(page))
		OhCorrupt(c->index, block, "unexpected zero page");
	if (header->pd_special != BLCKSZ - sizeof(OhPageTail) || header->pd_upper != header->pd_special)
		OhCorrupt(c->index, block, "bad page header (upper %u, special %u)",
				  header->pd_upper, header->pd_special);
	if (tail->page_id != OH_PAGE_ID)
		OhCorrupt(c->index, block, "page id is 0x%04X, not 0x%04X", tail->page_id, OH_PAGE_ID);
	if (tail->kind != kind)
		OhCorrupt(c->index, block, "page kind is %u, not %d", tail->kind, kind);
	if (kind == OH_PAGE_META)
	{
		if (header->pd_lower < SizeOfPageHeaderData + offsetof(OhMetaPageData, column_dim) ||
			header->pd_lower > header->pd_upper)
			OhCorrupt(c->index, block, "pd_lower of the metapage is %u", header->pd_lower);
		return;
	}
	if (tail->array != array || tail->lp != lp)
		OhCorrupt(c->index, block, "page %u of array %u where page %u of array %d belongs",
				  tail->lp, tail->array, lp, (int) array);
	if (tail->nused > max_records || tail->nfree > tail->nused)
		OhCorrupt(c->index, block, "%u slots used and %u of them free, of %u",
				  tail->nused, tail->nfree, max_records);
	if (header->pd_lower != SizeOfPageHeaderData + tail->nused * record_bytes)
		OhCorrupt(c->index, block, "pd_lower is %u with %u slots used", header->pd_lower, tail->nused);
}

/*
 * OhCheckMeta -- the metapage; c->meta becomes its copy.
 */
void
OhCheckMeta(OhCheck *c)
{
	PGAlignedBlock copy;
	OhMetaPageData *meta = &c->meta;
	Page		page;

	if (RelationGetNumberOfBlocks(c->index) == 0)
		OhCorrupt(c->index, OH_META_BLOCK, "the index has no metapage");
	page = read_block(c, OH_META_BLOCK, copy.data);
	check_header(c, OH_META_BLOCK, page, OH_PAGE_META, 0, 0, 0, 0);
	*meta = *OhMeta(page);
	OhVerifyMeta(c->index, meta);
	if (meta->metric != OhGetMetric(c->index)->metric)
		OhCorrupt(c->index, OH_META_BLOCK, "metric %u is not that of the operator class", meta->metric);
}

/*
 * claim_block -- note that a directory names this block.
 *
 * A page that was added since the size of the relation was taken makes c->owner
 * grow.
 */
static void
claim_block(OhCheck *c, BlockNumber from, BlockNumber block, int kind)
{
	if (block >= c->nblocks && !c->strict)
	{
		BlockNumber nblocks = RelationGetNumberOfBlocks(c->index);

		if (nblocks > c->nblocks)
		{
			c->owner = repalloc_huge(c->owner, nblocks);
			memset(c->owner + c->nblocks, 0, nblocks - c->nblocks);
			c->nblocks = nblocks;
		}
	}
	if (block == OH_META_BLOCK || block >= c->nblocks)
		OhCorrupt(c->index, from, "the directory names block %u of %u", block, c->nblocks);
	if (c->owner[block] != 0)
		OhCorrupt(c->index, from, "the directories name block %u twice", block);
	c->owner[block] = kind;
}

/* What is known of one array's directory while it is read. */
typedef struct DirectoryCheck
{
	OhCheck    *c;
	OhArrayId	array;
	uint32		n;				/* data pages so far */
	uint64		allocated;
	bool		last;			/* a page was not full: the array must end here */
} DirectoryCheck;

/*
 * check_directory_page -- one page that `from` names, number n of its kind.
 */
static Page
check_directory_page(DirectoryCheck *d, BlockNumber from, BlockNumber block, int kind, uint32 n,
					 void *copy)
{
	Page		page;

	if (d->last)
		OhCorrupt(d->c->index, from, "a directory page of array %d follows one that is not full",
				  (int) d->array);
	claim_block(d->c, from, block, kind);
	page = read_block(d->c, block, copy);
	check_header(d->c, block, page, kind, d->array, kind == OH_PAGE_TOP ? n : n * OH_DIR_ENTRIES,
				 sizeof(BlockNumber), OH_DIR_ENTRIES);
	return page;
}

/*
 * check_leaf -- leaf page number n of the array; adds its entries to c->block.
 */
static void
check_leaf(DirectoryCheck *d, BlockNumber from, BlockNumber block, uint32 n)
{
	OhCheck    *c = d->c;
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
 * check_root -- root page number r of the array.
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
 * check_array_directory -- the directory of one array; fills c->block.
 */
static void
check_array_directory(OhCheck *c, OhArrayId array)
{
	const BlockNumber *root = c->meta.array[array].root;
	DirectoryCheck d = {c, array, 0, 0, false};
	int			nroots = 0;

	while (nroots < OH_NROOTS && root[nroots] != InvalidBlockNumber)
		nroots++;
	for (int r = nroots; r < OH_NROOTS; r++)
	{
		if (root[r] != InvalidBlockNumber)
			OhCorrupt(c->index, OH_META_BLOCK, "array %d has root page %d after a gap", (int) array, r);
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

/*
 * OhCheckDirectories -- all directories; c->meta is from before.
 */
void
OhCheckDirectories(OhCheck *c)
{
	uint32		model;

	c->nblocks = RelationGetNumberOfBlocks(c->index);
	c->owner = MemoryContextAllocExtended(c->context, c->nblocks,
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int a = 0; a < OH_NARRAYS; a++)
		check_array_directory(c, a);
	/* what a crash has left of one that was about to be written is no error */
	model = OhModelPages(&c->ix->spec);
	if (c->npages[OH_MODEL] > OH_MODELS * model)
		OhCorrupt(c->index, OH_META_BLOCK, "%u pages of models, %u are the most",
				  c->npages[OH_MODEL], OH_MODELS * model);
	if (c->npages[OH_REFINE] != 0 && c->ix->refine_bytes == 0)
		OhCorrupt(c->index, OH_META_BLOCK, "%u pages of refinements, which the index should not have",
				  c->npages[OH_REFINE]);
	if (c->npages[OH_ATTR] != 0 && c->ix->nattrs == 0)
		OhCorrupt(c->index, OH_META_BLOCK, "%u pages of filter columns, which the index does not have",
				  c->npages[OH_ATTR]);
	c->f.refined = c->ix->refine_bytes > 0;
	c->f.pages = c->nblocks;
}

/*
 * OhCheckReadPage -- copy of a data page, header verified, free slots counted.
 */
Page
OhCheckReadPage(OhCheck *c, OhArrayId array, uint32 lp, void *to)
{
	BlockNumber block = c->block[array][lp];
	Page		page = read_block(c, block, to);
	uint32		nfree = 0;

	check_header(c, block, page, OH_PAGE_ARRAY + array, array, lp,
				 c->ix->array[array].record_bytes, c->ix->array[array].per_page);
	for (uint32 slot = 0; slot < OhTail(page)->nused; slot++)
		nfree += OhSlotIsFree(c->ix, array, page, slot);
	if (array == OH_ATTR)
		OhAttrVerify(c->ix, page, block);
	if (nfree != OhTail(page)->nfree)
		OhCorrupt(c->index, block, "%u free slots, the tail says %u", nfree, OhTail(page)->nfree);
	return page;
}

/*
 * OhCheckReadRecord -- copy of one record as it is now.
 */
bool
OhCheckReadRecord(OhCheck *c, OhArrayId array, uint32 id, void *to)
{
	Buffer		buffer;

	if (!OhArrayHas(c->ix, array, id))
		return false;
	buffer = OhArrayRead(c->ix, array, OhLp(c->ix, array, id), BUFFER_LOCK_SHARE);
	memcpy(to, OhSlot(c->ix, array, BufferGetPage(buffer), OhSlotOf(c->ix, array, id)),
		   c->ix->array[array].record_bytes);
	UnlockReleaseBuffer(buffer);
	return true;
}

/*
 * OhCheckOtherBlocks -- blocks that no directory names: zero pages, or pages
 * that were added since the directories were read.
 */
void
OhCheckOtherBlocks(OhCheck *c)
{
	PGAlignedBlock copy;

	for (BlockNumber block = 1; block < c->nblocks; block++)
	{
		Page		page;

		if (c->owner[block] != 0)
			continue;
		page = read_block(c, block, copy.data);
		if (PageIsNew(page))
			c->f.lost_pages++;
		else if (c->strict)
			OhCorrupt(c->index, block, "a page of kind %u that no directory names", OhTail(page)->kind);
		else if (OhTail(page)->page_id != OH_PAGE_ID)
			OhCorrupt(c->index, block, "page id is 0x%04X, not 0x%04X", OhTail(page)->page_id,
					  OH_PAGE_ID);
	}
}
