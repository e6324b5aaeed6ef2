/*
 * array.c -- paged arrays: directory, growth, slots, page access by hint.
 *
 * A directory is a root page (blocks of leaf pages) and leaf pages (blocks of
 * data pages); the metapage has up to OH_NROOTS roots an array.  Entries are
 * only ever appended, so a backend may cache them for the life of the build.
 *
 * Lock order: a fresh page that nobody knows of, then leaf; or fresh pages, then
 * root; or fresh pages, then metapage.  The relation is extended with no buffer
 * lock held.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/indexfsm.h"

#include "hnsw/attr.h"
#include "hnsw/hnsw.h"
#include "hnsw/wal.h"

/* Every Nth access of a cached page goes through ReadBuffer: usage_count. */
#define HINT_PERIOD 64

/* Write the free hint back after having walked this many full pages. */
#define HINT_WALK 64

/*
 * OhPageInit -- an empty page of some kind; pd_lower at its start.
 */
void
OhPageInit(Page page, int kind, OhArrayId array, uint32 lp)
{
	OhPageTail *tail;

	PageInit(page, BLCKSZ, sizeof(OhPageTail));
	tail = OhTail(page);
	tail->kind = kind;
	tail->array = array;
	tail->lp = lp;
	tail->page_id = OH_PAGE_ID;
}

/*
 * OhPageSetLower -- keep pd_lower past the last used slot.
 *
 * Generic WAL zeroes what lies between pd_lower and pd_upper.
 */
void
OhPageSetLower(const OhIndex *ix, OhArrayId array, Page page)
{
	((PageHeader) page)->pd_lower = SizeOfPageHeaderData +
		OhTail(page)->nused * ix->array[array].record_bytes;
}

bool
OhSlotIsFree(const OhIndex *ix, OhArrayId array, Page page, uint32 slot)
{
	void	   *record = OhSlot(ix, array, page, slot);

	if (slot >= OhTail(page)->nused)
		return true;
	switch (array)
	{
		case OH_NODE:
			return ((OhNodeData *) record)->state == OH_FREE;
		case OH_TOWER:
			return ((OhTowerData *) record)->node == OH_NONE;
		case OH_POSTING:
			return ((OhPostingData *) record)->node == OH_NONE;
		case OH_NULLS:
			return ((OhNullData *) record)->kind == OH_ROW_FREE;
		default:
			return false;
	}
}

bool
OhPageHasFree(const OhIndex *ix, OhArrayId array, Page page)
{
	OhPageTail *tail = OhTail(page);

	return tail->nfree > 0 || tail->nused < ix->array[array].per_page;
}

uint32
OhPageFindSlot(const OhIndex *ix, OhArrayId array, Page page, uint32 from, uint32 to)
{
	const OhPageTail *tail = OhTail(page);
	uint32		nused = Min(tail->nused, ix->array[array].per_page);

	for (uint32 s = from; tail->nfree > 0 && s < Min(to, nused); s++)
	{
		if (OhSlotIsFree(ix, array, page, s))
			return s;
	}
	if (nused < ix->array[array].per_page && nused >= from && nused < to)
		return nused;
	return OH_NONE;
}

bool
OhPageTakeSlot(const OhIndex *ix, OhArrayId array, Page page, uint32 *slot)
{
	return OhPageTakeSlotIn(ix, array, page, 0, ix->array[array].per_page, slot);
}

bool
OhPageTakeSlotIn(const OhIndex *ix, OhArrayId array, Page page, uint32 from, uint32 to,
				 uint32 *slot)
{
	OhPageTail *tail = OhTail(page);
	uint16		version = 0;
	void	   *record;

	*slot = OhPageFindSlot(ix, array, page, from, to);
	if (*slot == OH_NONE)
		return false;
	if (*slot < tail->nused)
	{
		tail->nfree--;
		if (array == OH_NODE)
			version = ((OhNodeData *) OhSlot(ix, array, page, *slot))->version;
	}
	else
	{
		tail->nused++;
		OhPageSetLower(ix, array, page);
	}
	record = OhSlot(ix, array, page, *slot);
	memset(record, 0, ix->array[array].record_bytes);
	/* a node's version survives reuse, so that whoever looked before notices */
	if (array == OH_NODE)
		((OhNodeData *) record)->version = version + 1;
	return true;
}

void
OhPageFreeSlot(const OhIndex *ix, OhArrayId array, Page page, uint32 slot)
{
	void	   *record = OhSlot(ix, array, page, slot);
	uint16		version = array == OH_NODE ? ((OhNodeData *) record)->version : 0;

	Assert(!OhSlotIsFree(ix, array, page, slot));
	memset(record, 0, ix->array[array].record_bytes);
	switch (array)
	{
		case OH_NODE:
			((OhNodeData *) record)->version = version + 1;
			break;
		case OH_TOWER:
			((OhTowerData *) record)->node = OH_NONE;
			break;
		case OH_POSTING:
			((OhPostingData *) record)->node = OH_NONE;
			break;
		default:
			break;
	}
	OhTail(page)->nfree++;
}

/*
 * read_directory_page -- a root or leaf page of this array, locked.
 */
static Buffer
read_directory_page(Relation index, OhArrayId array, BlockNumber block, int kind, int lockmode)
{
	Buffer		buffer = OhReadBlock(index, block, kind, lockmode);
	OhPageTail *tail = OhTail(BufferGetPage(buffer));

	if (tail->array != array || tail->nused > OH_DIR_ENTRIES)
		OhCorrupt(index, block, "directory page of array %u with %u entries", tail->array,
				  tail->nused);
	return buffer;
}

/*
 * leaf_block -- block of the array's leaf page number n, or InvalidBlockNumber.
 * *root becomes the block of its root page, InvalidBlockNumber if there is none.
 */
static BlockNumber
leaf_block(Relation index, OhArrayId array, uint32 n, BlockNumber *root)
{
	uint32		r = n / OH_DIR_ENTRIES;
	BlockNumber block = InvalidBlockNumber;
	Buffer		buffer;

	*root = InvalidBlockNumber;
	if (r >= OH_NROOTS)
		return InvalidBlockNumber;
	buffer = OhReadBlock(index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
	*root = OhMeta(BufferGetPage(buffer))->array[array].root[r];
	UnlockReleaseBuffer(buffer);
	if (*root == InvalidBlockNumber)
		return InvalidBlockNumber;
	buffer = read_directory_page(index, array, *root, OH_PAGE_ROOT, BUFFER_LOCK_SHARE);
	if (n % OH_DIR_ENTRIES < OhTail(BufferGetPage(buffer))->nused)
		block = OhDirEntries(BufferGetPage(buffer))[n % OH_DIR_ENTRIES];
	UnlockReleaseBuffer(buffer);
	return block;
}

/*
 * remember -- append entries of a leaf to the cached directory.
 */
static void
remember(Relation index, OhIndex *ix, OhArrayId id, BlockNumber leaf, const BlockNumber *entries,
		 int n, BlockNumber nblocks)
{
	OhArray    *array = &ix->array[id];

	if (array->npages + n > array->allocated)
	{
		uint32		want = Max(array->npages + n, array->allocated * 2);

		want = Max(want, 64);
		if (array->block == NULL)
		{
			array->block = MemoryContextAllocHuge(ix->context, sizeof(BlockNumber) * want);
			array->hint = MemoryContextAllocHuge(ix->context, sizeof(Buffer) * want);
		}
		else
		{
			array->block = repalloc_huge(array->block, sizeof(BlockNumber) * want);
			array->hint = repalloc_huge(array->hint, sizeof(Buffer) * want);
		}
		array->allocated = want;
	}
	for (int i = 0; i < n; i++)
	{
		if (entries[i] == OH_META_BLOCK || entries[i] >= nblocks)
			OhCorrupt(index, leaf, "the directory names block %u of %u", entries[i], nblocks);
		array->block[array->npages] = entries[i];
		array->hint[array->npages] = InvalidBuffer;
		array->npages++;
	}
}

/*
 * OhArrayPages -- number of logical pages, having read what is new of the directory.
 */
uint32
OhArrayPages(Relation index, OhIndex *ix, OhArrayId id)
{
	OhArray    *array = &ix->array[id];

	for (;;)
	{
		uint32		n = array->npages / OH_DIR_ENTRIES;
		uint32		from = array->npages % OH_DIR_ENTRIES;
		BlockNumber entries[BLCKSZ / sizeof(BlockNumber)];
		BlockNumber root;
		BlockNumber leaf = leaf_block(index, id, n, &root);
		BlockNumber nblocks;
		Buffer		buffer;
		int			count;

		if (leaf == InvalidBlockNumber)
			return array->npages;
		buffer = read_directory_page(index, id, leaf, OH_PAGE_LEAF, BUFFER_LOCK_SHARE);
		count = OhTail(BufferGetPage(buffer))->nused;
		if (count > (int) from)
			memcpy(entries, OhDirEntries(BufferGetPage(buffer)) + from,
				   sizeof(BlockNumber) * (count - from));
		UnlockReleaseBuffer(buffer);
		if (count <= (int) from)
			return array->npages;
		/* after the leaf was read: the blocks that it names are there by now */
		nblocks = RelationGetNumberOfBlocks(index);
		remember(index, ix, id, leaf, entries, count - from, nblocks);
		if (count < OH_DIR_ENTRIES)
			return array->npages;
	}
}

bool
OhArrayHas(Relation index, OhIndex *ix, OhArrayId array, uint32 id)
{
	uint32		lp = OhLp(ix, array, id);

	if (id == OH_NONE)
		return false;
	return lp < ix->array[array].npages || lp < OhArrayPages(index, ix, array);
}

BlockNumber
OhArrayBlock(Relation index, OhIndex *ix, OhArrayId array, uint32 lp)
{
	if (lp >= ix->array[array].npages && lp >= OhArrayPages(index, ix, array))
		OhCorrupt(index, OH_META_BLOCK, "array %d has no page %u", (int) array, lp);
	return ix->array[array].block[lp];
}

/*
 * verify_data_page -- raise an error unless this is page lp of the array.
 */
static void
verify_data_page(Relation index, OhIndex *ix, OhArrayId id, uint32 lp, Buffer buffer)
{
	BlockNumber block = ix->array[id].block[lp];
	OhPageTail *tail;

	OhVerifyPage(index, buffer, block, OH_PAGE_ARRAY + id);
	tail = OhTail(BufferGetPage(buffer));
	if (tail->lp != lp || tail->nused > ix->array[id].per_page)
		OhCorrupt(index, block, "page %u of array %u with %u records, expected page %u of array %d",
				  tail->lp, tail->array, tail->nused, lp, (int) id);
	if (id == OH_ATTR)
		OhAttrVerify(index, ix, BufferGetPage(buffer), block);
}

/*
 * OhArrayRead -- a data page, verified and locked.
 *
 * Tries the buffer that the page was last seen in.  ReadRecentBuffer does not
 * count as a use, so now and then the ordinary way is taken: otherwise the
 * hottest pages would look cold to the clock sweep.
 *
 * A page is verified when it is come by in the ordinary way.  A buffer that
 * still holds the block was verified before: looking again would cost a walk of
 * the graph a cache and a TLB miss for each page, as the tail is far from the
 * records.  Whatever is read from a record is checked for bounds all the same.
 */
Buffer
OhArrayRead(Relation index, OhIndex *ix, OhArrayId id, uint32 lp, int lockmode)
{
	OhArray    *array = &ix->array[id];
	BlockNumber block = OhArrayBlock(index, ix, id, lp);
	Buffer		buffer = array->hint[lp];

	if (likely(buffer != InvalidBuffer && ++ix->hint_clock % HINT_PERIOD != 0 &&
			   ReadRecentBuffer(ix->locator, MAIN_FORKNUM, block, buffer)))
	{
		LockBuffer(buffer, lockmode);
		return buffer;
	}
	buffer = ReadBuffer(index, block);
	array->hint[lp] = InvalidBuffer;
	LockBuffer(buffer, lockmode);
	verify_data_page(index, ix, id, lp, buffer);
	array->hint[lp] = buffer;
	return buffer;
}

/*
 * OhArrayReadAll -- lock several pages, each named once, in block order.
 */
void
OhArrayReadAll(Relation index, OhIndex *ix, OhPageRef *pages, int n)
{
	BlockNumber last = InvalidBlockNumber;

	/* their blocks are looked up before the first is locked */
	for (int i = 0; i < n; i++)
		pages[i].block = OhArrayBlock(index, ix, pages[i].array, pages[i].lp);
	for (int done = 0; done < n; done++)
	{
		OhPageRef  *next = NULL;

		for (int i = 0; i < n; i++)
		{
			if ((last == InvalidBlockNumber || pages[i].block > last) &&
				(next == NULL || pages[i].block < next->block))
				next = &pages[i];
		}
		if (next == NULL)
			OhCorrupt(index, last, "the directory names the block twice");
		next->buffer = OhArrayRead(index, ix, next->array, next->lp, next->lockmode);
		last = next->block;
	}
}

void
OhReleaseAll(OhPageRef *pages, int n)
{
	for (int i = 0; i < n; i++)
		UnlockReleaseBuffer(pages[i].buffer);
}

/*
 * new_page -- a zeroed page that nobody knows of, exclusively locked.
 */
static Buffer
new_page(Relation index, OhIndex *ix)
{
	if (!ix->building)
	{
		BlockNumber block;

		while ((block = GetFreeIndexPage(index)) != InvalidBlockNumber)
		{
			Buffer		buffer = ReadBuffer(index, block);

			/* the free space map is not crash-safe: trust only a zero page */
			if (ConditionalLockBuffer(buffer))
			{
				if (PageIsNew(BufferGetPage(buffer)))
					return buffer;
				LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
			}
			ReleaseBuffer(buffer);
		}
	}
	return om_extend_relation(index, MAIN_FORKNUM);
}

/* give_back_page -- a page from new_page() that was not needed after all */
static void
give_back_page(Relation index, Buffer buffer)
{
	BlockNumber block = BufferGetBlockNumber(buffer);

	UnlockReleaseBuffer(buffer);
	RecordFreeIndexPage(index, block);
}

static void
append_entry(Page page, BlockNumber block)
{
	OhPageTail *tail = OhTail(page);

	OhDirEntries(page)[tail->nused++] = block;
	((PageHeader) page)->pd_lower = SizeOfPageHeaderData + tail->nused * sizeof(BlockNumber);
}

/*
 * add_leaf -- append leaf page number n to the directory, with its root if need be.
 *
 * Does nothing if somebody else has done it meanwhile.
 */
static void
add_leaf(Relation index, OhIndex *ix, OhArrayId array, uint32 n)
{
	BlockNumber root;
	uint32		r = n / OH_DIR_ENTRIES;
	Buffer		leaf_buffer;
	OhWrite		write;

	if (r >= OH_NROOTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" is full", RelationGetRelationName(index)),
				 errdetail("An array of an omenhnsw index has at most %d pages.",
						   OH_NROOTS * OH_DIR_ENTRIES * OH_DIR_ENTRIES)));
	leaf_buffer = new_page(index, ix);
	/* the root cannot be known before the page is there: no lock while extending */
	if (leaf_block(index, array, n, &root) != InvalidBlockNumber)
	{
		give_back_page(index, leaf_buffer);
		return;
	}
	if (root != InvalidBlockNumber)
	{
		Buffer		buffer = read_directory_page(index, array, root, OH_PAGE_ROOT,
												 BUFFER_LOCK_EXCLUSIVE);

		if (OhTail(BufferGetPage(buffer))->nused == n % OH_DIR_ENTRIES)
		{
			OhWriteStart(&write, index, ix->building);
			OhPageInit(OhWritePage(&write, leaf_buffer, true), OH_PAGE_LEAF, array,
					   n * OH_DIR_ENTRIES);
			append_entry(OhWritePage(&write, buffer, false), BufferGetBlockNumber(leaf_buffer));
			OhWriteFinish(&write);
			UnlockReleaseBuffer(leaf_buffer);
		}
		else
			give_back_page(index, leaf_buffer);
		UnlockReleaseBuffer(buffer);
	}
	else
	{
		Buffer		root_buffer = new_page(index, ix);
		Buffer		meta = OhReadBlock(index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);

		if (OhMeta(BufferGetPage(meta))->array[array].root[r] == InvalidBlockNumber)
		{
			Page		page;

			OhWriteStart(&write, index, ix->building);
			OhPageInit(OhWritePage(&write, leaf_buffer, true), OH_PAGE_LEAF, array,
					   n * OH_DIR_ENTRIES);
			page = OhWritePage(&write, root_buffer, true);
			OhPageInit(page, OH_PAGE_ROOT, array, r * OH_DIR_ENTRIES);
			append_entry(page, BufferGetBlockNumber(leaf_buffer));
			page = OhWritePage(&write, meta, false);
			OhMeta(page)->array[array].root[r] = BufferGetBlockNumber(root_buffer);
			OhWriteFinish(&write);
			UnlockReleaseBuffer(root_buffer);
			UnlockReleaseBuffer(leaf_buffer);
		}
		else
		{
			give_back_page(index, root_buffer);
			give_back_page(index, leaf_buffer);
		}
		UnlockReleaseBuffer(meta);
	}
}

/*
 * lock_last_leaf -- the leaf page that takes the next entry, exclusively locked.
 */
static Buffer
lock_last_leaf(Relation index, OhIndex *ix, OhArrayId array)
{
	for (;;)
	{
		uint32		n = OhArrayPages(index, ix, array) / OH_DIR_ENTRIES;
		BlockNumber root;
		BlockNumber leaf = leaf_block(index, array, n, &root);
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		if (leaf == InvalidBlockNumber)
		{
			add_leaf(index, ix, array, n);
			continue;
		}
		buffer = read_directory_page(index, array, leaf, OH_PAGE_LEAF, BUFFER_LOCK_EXCLUSIVE);
		if (OhTail(BufferGetPage(buffer))->nused < OH_DIR_ENTRIES)
			return buffer;
		UnlockReleaseBuffer(buffer);
	}
}

uint32
OhArrayExtend(Relation index, OhIndex *ix, OhArrayId array)
{
	Buffer		data;
	Buffer		leaf;
	Page		page;
	uint32		lp;
	OhWrite		write;

	/*
	 * A leaf must have room before the data page is taken; that it is then
	 * filled by others costs one more round in lock_last_leaf(), which may
	 * extend the relation while we hold the fresh page: nobody waits for that.
	 */
	data = new_page(index, ix);
	leaf = lock_last_leaf(index, ix, array);
	lp = OhTail(BufferGetPage(leaf))->lp + OhTail(BufferGetPage(leaf))->nused;
	/* small records: their numbers end before the directory does */
	if (array != OH_NULLS && ((uint64) lp + 1) * ix->array[array].per_page > OH_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" is full", RelationGetRelationName(index)),
				 errdetail("An array of an omenhnsw index has at most %u records.", OH_NONE)));
	OhWriteStart(&write, index, ix->building);
	page = OhWritePage(&write, data, true);
	OhPageInit(page, OH_PAGE_ARRAY + array, array, lp);
	if (array == OH_ATTR)
		OhAttrInitPage(ix, page);
	append_entry(OhWritePage(&write, leaf, false), BufferGetBlockNumber(data));
	OhWriteFinish(&write);
	UnlockReleaseBuffer(leaf);
	UnlockReleaseBuffer(data);
	/* whoever locks the page later must not have to read the directory then */
	OhArrayPages(index, ix, array);
	return lp;
}

/*
 * write_hint -- tell others that all pages before the cursor are full.
 */
static void
write_hint(Relation index, OhIndex *ix, OhArrayId id)
{
	Buffer		buffer = OhReadBlock(index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	OhMetaPageData *meta = OhMeta(BufferGetPage(buffer));

	if (meta->generation == ix->array[id].cursor_generation &&
		meta->array[id].free_hint < ix->array[id].cursor)
	{
		OhWrite		write;

		OhWriteStart(&write, index, ix->building);
		OhMeta(OhWritePage(&write, buffer, false))->array[id].free_hint = ix->array[id].cursor;
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
}

/*
 * OhArrayFindFree -- see index.h.
 *
 * Each vacuum sets free_hint to the first page with a free slot and bumps the
 * generation; from there every backend has a cursor of its own that only moves
 * forward.  Long walks over full pages move the shared hint.
 */
uint32
OhArrayFindFree(Relation index, OhIndex *ix, OhArrayId id)
{
	OhArray    *array = &ix->array[id];
	uint32		npages;
	uint32		walked = 0;

	if (array->cursor_generation != ix->generation || array->cursor == 0)
	{
		Buffer		buffer = OhReadBlock(index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
		OhMetaPageData *meta = OhMeta(BufferGetPage(buffer));

		array->cursor = meta->array[id].free_hint;
		array->cursor_generation = meta->generation;
		UnlockReleaseBuffer(buffer);
	}
	npages = OhArrayPages(index, ix, id);
	for (; array->cursor < npages; array->cursor++)
	{
		Buffer		buffer;
		bool		has_free;

		CHECK_FOR_INTERRUPTS();
		buffer = OhArrayRead(index, ix, id, array->cursor, BUFFER_LOCK_SHARE);
		has_free = OhPageHasFree(ix, id, BufferGetPage(buffer));
		UnlockReleaseBuffer(buffer);
		if (has_free)
			return array->cursor;
		if (++walked % HINT_WALK == 0)
			write_hint(index, ix, id);
	}
	array->cursor = OhArrayExtend(index, ix, id);
	return array->cursor;
}
