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

#include "hnsw/attr.h"
#include "hnsw/check.h"

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
		if (header->pd_lower < SizeOfPageHeaderData + sizeof(OhMetaPageData) ||
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

/*
 * check_array_directory -- root and leaf pages of one array; fills c->block.
 */
static void
check_array_directory(OhCheck *c, OhArrayId array)
{
	PGAlignedBlock root_copy;
	PGAlignedBlock leaf_copy;
	uint32		n = 0;
	uint32		allocated = 0;
	bool		last = false;	/* the array must end here */

	for (int r = 0; r < OH_NROOTS; r++)
	{
		BlockNumber root = c->meta.array[array].root[r];
		Page		page;

		if (root == InvalidBlockNumber)
		{
			last = true;
			continue;
		}
		if (last)
			OhCorrupt(c->index, OH_META_BLOCK, "array %d has root page %d after a gap", (int) array, r);
		claim_block(c, OH_META_BLOCK, root, OH_PAGE_ROOT);
		page = read_block(c, root, root_copy.data);
		check_header(c, root, page, OH_PAGE_ROOT, array, r * OH_DIR_ENTRIES, sizeof(BlockNumber),
					 OH_DIR_ENTRIES);
		for (int i = 0; i < OhTail(page)->nused; i++)
		{
			BlockNumber leaf = OhDirEntries(page)[i];
			Page		leaf_page;
			int			nused;

			if (last)
				OhCorrupt(c->index, root, "a leaf page of array %d follows one that is not full",
						  (int) array);
			claim_block(c, root, leaf, OH_PAGE_LEAF);
			leaf_page = read_block(c, leaf, leaf_copy.data);
			check_header(c, leaf, leaf_page, OH_PAGE_LEAF, array,
						 (r * OH_DIR_ENTRIES + i) * OH_DIR_ENTRIES, sizeof(BlockNumber),
						 OH_DIR_ENTRIES);
			nused = OhTail(leaf_page)->nused;
			if (n + nused > allocated)
			{
				allocated = 2 * (n + nused);
				if (c->block[array] == NULL)
					c->block[array] = MemoryContextAllocHuge(c->context,
															 sizeof(BlockNumber) * (Size) allocated);
				else
					c->block[array] = repalloc_huge(c->block[array],
													sizeof(BlockNumber) * (Size) allocated);
			}
			for (int k = 0; k < nused; k++)
			{
				BlockNumber block = OhDirEntries(leaf_page)[k];

				claim_block(c, leaf, block, OH_PAGE_ARRAY + array);
				c->block[array][n++] = block;
			}
			last = nused < OH_DIR_ENTRIES;
		}
		last |= OhTail(page)->nused < OH_DIR_ENTRIES;
	}
	c->npages[array] = n;
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
	model = (om_quant_model_floats(&c->ix->spec) + OH_MODEL_FLOATS - 1) / OH_MODEL_FLOATS;
	if (c->npages[OH_MODEL] != 0 && c->npages[OH_MODEL] != model)
		OhCorrupt(c->index, OH_META_BLOCK, "the model has %u pages, not %u",
				  c->npages[OH_MODEL], model);
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
		OhAttrVerify(c->index, c->ix, page, block);
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

	if (!OhArrayHas(c->index, c->ix, array, id))
		return false;
	buffer = OhArrayRead(c->index, c->ix, array, OhLp(c->ix, array, id), BUFFER_LOCK_SHARE);
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
