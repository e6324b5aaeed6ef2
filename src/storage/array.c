/*
 * array.c -- paged arrays: directory, growth, slots, page access by hint.
 *
 * A directory has leaf pages (blocks of data pages) below root pages (blocks of
 * leaf pages).  The metapage names the first OH_TOP root pages of an array, and a
 * top page that names all others.  Entries are only ever appended, so a backend
 * may cache them for the life of the build.
 *
 * Lock order: fresh pages that nobody knows of, then the one page that is to name
 * them: leaf, root, top or metapage.  The relation is extended with no lock held
 * on any other page that is known.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/indexfsm.h"

#include "filter/attr.h"
#include "hnsw/hnsw.h"
#include "storage/wal.h"

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

uint32
OhPageUsed(const OhIndex *ix, OhArrayId array, Buffer buffer)
{
	uint32		nused = OhTail(BufferGetPage(buffer))->nused;

	if (nused > ix->array[array].per_page)
		OhCorrupt(ix->rel, BufferGetBlockNumber(buffer), "%u records on a page of %u", nused,
				  ix->array[array].per_page);
	return nused;
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
		case OH_HIGHWAY:
			return ((OhMemberData *) record)->node == OH_NONE;
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
		case OH_HIGHWAY:
			((OhMemberData *) record)->node = OH_NONE;
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

/* Where a leaf page of the directory hangs; InvalidBlockNumber is what is not there. */
typedef struct DirectoryPath
{
	BlockNumber top;
	BlockNumber root;
} DirectoryPath;

/*
 * entry_at -- entry i of a directory page, InvalidBlockNumber if it ends before.
 */
static BlockNumber
entry_at(Relation index, OhArrayId array, BlockNumber block, int kind, uint32 i)
{
	Buffer		buffer = read_directory_page(index, array, block, kind, BUFFER_LOCK_SHARE);
	BlockNumber entry = InvalidBlockNumber;

	if (i < OhTail(BufferGetPage(buffer))->nused)
		entry = OhDirEntries(BufferGetPage(buffer))[i];
	UnlockReleaseBuffer(buffer);
	return entry;
}

/*
 * leaf_block -- block of the array's leaf page number n, or InvalidBlockNumber.
 */
static BlockNumber
leaf_block(Relation index, OhArrayId array, uint32 n, DirectoryPath *path)
{
	uint32		r = n / OH_DIR_ENTRIES;
	Buffer		buffer;

	path->top = path->root = InvalidBlockNumber;
	buffer = OhReadBlock(index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
	if (r < OH_TOP)
		path->root = OhMeta(BufferGetPage(buffer))->array[array].root[r];
	else
		path->top = OhMeta(BufferGetPage(buffer))->array[array].root[OH_TOP];
	UnlockReleaseBuffer(buffer);
	if (path->top != InvalidBlockNumber)
		path->root = entry_at(index, array, path->top, OH_PAGE_TOP, r - OH_TOP);
	if (path->root == InvalidBlockNumber)
		return InvalidBlockNumber;
	return entry_at(index, array, path->root, OH_PAGE_ROOT, n % OH_DIR_ENTRIES);
}

/*
 * remember -- append entries of a leaf to the cached directory.
 */
static void
remember(OhIndex *ix, OhArrayId id, BlockNumber leaf, const BlockNumber *entries,
		 int n, BlockNumber nblocks)
{
	OhArray    *array = &ix->array[id];

	if (array->npages + n > array->allocated)
	{
		uint32		want = Max(array->npages + n, array->allocated * 2);

		want = Max(want, 8);
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
			OhCorrupt(ix->rel, leaf, "the directory names block %u of %u", entries[i], nblocks);
		array->block[array->npages] = entries[i];
		array->hint[array->npages] = InvalidBuffer;
		array->npages++;
	}
}

/*
 * OhArrayPages -- number of logical pages, having read what is new of the directory.
 */
uint32
OhArrayPages(OhIndex *ix, OhArrayId id)
{
	OhArray    *array = &ix->array[id];

	for (;;)
	{
		uint32		n = array->npages / OH_DIR_ENTRIES;
		uint32		from = array->npages % OH_DIR_ENTRIES;
		BlockNumber entries[BLCKSZ / sizeof(BlockNumber)];
		DirectoryPath path;
		BlockNumber leaf = leaf_block(ix->rel, id, n, &path);
		BlockNumber nblocks;
		Buffer		buffer;
		int			count;

		if (leaf == InvalidBlockNumber)
			return array->npages;
		buffer = read_directory_page(ix->rel, id, leaf, OH_PAGE_LEAF, BUFFER_LOCK_SHARE);
		count = OhTail(BufferGetPage(buffer))->nused;
		if (count > (int) from)
			memcpy(entries, OhDirEntries(BufferGetPage(buffer)) + from,
				   sizeof(BlockNumber) * (count - from));
		UnlockReleaseBuffer(buffer);
		if (count <= (int) from)
			return array->npages;
		/* after the leaf was read: the blocks that it names are there by now */
		nblocks = RelationGetNumberOfBlocks(ix->rel);
		remember(ix, id, leaf, entries, count - from, nblocks);
		if (count < OH_DIR_ENTRIES)
			return array->npages;
	}
}

bool
OhArrayHas(OhIndex *ix, OhArrayId array, uint32 id)
{
	uint32		lp = OhLp(ix, array, id);

	if (id == OH_NONE)
		return false;
	return lp < ix->array[array].npages || lp < OhArrayPages(ix, array);
}

BlockNumber
OhArrayBlock(OhIndex *ix, OhArrayId array, uint32 lp)
{
	if (lp >= ix->array[array].npages && lp >= OhArrayPages(ix, array))
		OhCorrupt(ix->rel, OH_META_BLOCK, "array %d has no page %u", (int) array, lp);
	return ix->array[array].block[lp];
}

/*
 * verify_data_page -- raise an error unless this is page lp of the array.
 */
static void
verify_data_page(OhIndex *ix, OhArrayId id, uint32 lp, Buffer buffer)
{
	BlockNumber block = ix->array[id].block[lp];
	OhPageTail *tail;

	OhVerifyPage(ix->rel, buffer, block, OH_PAGE_ARRAY + id);
	tail = OhTail(BufferGetPage(buffer));
	if (tail->lp != lp || tail->nused > ix->array[id].per_page)
		OhCorrupt(ix->rel, block, "page %u of array %u with %u records, expected page %u of array %d",
				  tail->lp, tail->array, tail->nused, lp, (int) id);
	if (id == OH_ATTR)
		OhAttrVerify(ix, BufferGetPage(buffer), block);
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
OhArrayRead(OhIndex *ix, OhArrayId id, uint32 lp, int lockmode)
{
	OhArray    *array = &ix->array[id];
	BlockNumber block = OhArrayBlock(ix, id, lp);
	Buffer		buffer = array->hint[lp];

	if (likely(buffer != InvalidBuffer && ++ix->hint_clock % HINT_PERIOD != 0 &&
			   ReadRecentBuffer(ix->locator, MAIN_FORKNUM, block, buffer)))
	{
		LockBuffer(buffer, lockmode);
		return buffer;
	}
	buffer = ReadBuffer(ix->rel, block);
	array->hint[lp] = InvalidBuffer;
	LockBuffer(buffer, lockmode);
	verify_data_page(ix, id, lp, buffer);
	array->hint[lp] = buffer;
	return buffer;
}

/*
 * OhArrayReadAll -- lock several pages, each named once, in block order.
 */
void
OhArrayReadAll(OhIndex *ix, OhPageRef *pages, int n)
{
	BlockNumber last = InvalidBlockNumber;

	/* their blocks are looked up before the first is locked */
	for (int i = 0; i < n; i++)
		pages[i].block = OhArrayBlock(ix, pages[i].array, pages[i].lp);
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
			OhCorrupt(ix->rel, last, "the directory names the block twice");
		next->buffer = OhArrayRead(ix, next->array, next->lp, next->lockmode);
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
new_page(OhIndex *ix)
{
	if (!ix->building)
	{
		BlockNumber block;

		while ((block = GetFreeIndexPage(ix->rel)) != InvalidBlockNumber)
		{
			Buffer		buffer = ReadBuffer(ix->rel, block);

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
	return om_extend_relation(ix->rel, MAIN_FORKNUM);
}

/*
 * release_page -- let go of a page from new_page(), if there is one: what was not
 * used is still a zero page and goes to the free space map.
 */
static void
release_page(Relation index, Buffer buffer, bool used)
{
	BlockNumber block;

	if (!BufferIsValid(buffer))
		return;
	block = BufferGetBlockNumber(buffer);
	UnlockReleaseBuffer(buffer);
	if (!used)
		RecordFreeIndexPage(index, block);
}

static void
append_entry(Page page, BlockNumber block)
{
	OhPageTail *tail = OhTail(page);

	OhDirEntries(page)[tail->nused++] = block;
	((PageHeader) page)->pd_lower = SizeOfPageHeaderData + tail->nused * sizeof(BlockNumber);
}

/* Fresh pages for one leaf page and what must be above it. */
typedef struct FreshPages
{
	Buffer		leaf;
	Buffer		root;			/* InvalidBuffer if its root is there */
	Buffer		top;			/* InvalidBuffer if it needs none */
} FreshPages;

/*
 * init_fresh -- make them pages of the directory; returns the block that the page
 * above them is to name.
 */
static BlockNumber
init_fresh(OhWrite *write, const FreshPages *fresh, OhArrayId array, uint32 n)
{
	Buffer		last = fresh->leaf;
	Page		page = OhWritePage(write, fresh->leaf, true);

	OhPageInit(page, OH_PAGE_LEAF, array, n * OH_DIR_ENTRIES);
	if (BufferIsValid(fresh->root))
	{
		page = OhWritePage(write, fresh->root, true);
		OhPageInit(page, OH_PAGE_ROOT, array, n / OH_DIR_ENTRIES * OH_DIR_ENTRIES);
		append_entry(page, BufferGetBlockNumber(last));
		last = fresh->root;
	}
	if (BufferIsValid(fresh->top))
	{
		page = OhWritePage(write, fresh->top, true);
		OhPageInit(page, OH_PAGE_TOP, array, OH_TOP);
		append_entry(page, BufferGetBlockNumber(last));
		last = fresh->top;
	}
	return BufferGetBlockNumber(last);
}

/*
 * hang_in_page -- let the directory page `above` name the fresh pages; false:
 * somebody else has added that entry.
 */
static bool
hang_in_page(OhIndex *ix, OhArrayId array, BlockNumber above, int kind, uint32 entry,
			 const FreshPages *fresh, uint32 n)
{
	Buffer		buffer = read_directory_page(ix->rel, array, above, kind, BUFFER_LOCK_EXCLUSIVE);
	bool		done = OhTail(BufferGetPage(buffer))->nused == entry;

	if (done)
	{
		OhWrite		write;
		BlockNumber block;

		OhWriteStart(&write, ix->rel, ix->building);
		block = init_fresh(&write, fresh, array, n);
		append_entry(OhWritePage(&write, buffer, false), block);
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
	return done;
}

/*
 * hang_in_meta -- the same for root[r] of the metapage.
 */
static bool
hang_in_meta(OhIndex *ix, OhArrayId array, int r, const FreshPages *fresh, uint32 n)
{
	Buffer		buffer = OhReadBlock(ix->rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	bool		done = OhMeta(BufferGetPage(buffer))->array[array].root[r] == InvalidBlockNumber;

	if (done)
	{
		OhWrite		write;
		BlockNumber block;

		OhWriteStart(&write, ix->rel, ix->building);
		block = init_fresh(&write, fresh, array, n);
		OhMeta(OhWritePage(&write, buffer, false))->array[array].root[r] = block;
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
	return done;
}

/*
 * add_leaf -- append leaf page number n to the directory, with its root page and
 * the top page if need be.
 *
 * Does nothing if another backend has added it in between.
 */
static void
add_leaf(OhIndex *ix, OhArrayId array, uint32 n)
{
	uint32		r = n / OH_DIR_ENTRIES;
	FreshPages	fresh = {InvalidBuffer, InvalidBuffer, InvalidBuffer};
	DirectoryPath path;
	bool		done = false;

	fresh.leaf = new_page(ix);
	/* what is above it is looked up after that: no lock while extending */
	if (leaf_block(ix->rel, array, n, &path) == InvalidBlockNumber)
	{
		if (path.root == InvalidBlockNumber)
			fresh.root = new_page(ix);
		if (path.root == InvalidBlockNumber && path.top == InvalidBlockNumber && r >= OH_TOP)
			fresh.top = new_page(ix);

		if (path.root != InvalidBlockNumber)
			done = hang_in_page(ix, array, path.root, OH_PAGE_ROOT, n % OH_DIR_ENTRIES,
								&fresh, n);
		else if (path.top != InvalidBlockNumber)
			done = hang_in_page(ix, array, path.top, OH_PAGE_TOP, r - OH_TOP, &fresh, n);
		else
			done = hang_in_meta(ix, array, Min(r, OH_TOP), &fresh, n);
	}
	release_page(ix->rel, fresh.leaf, done);
	release_page(ix->rel, fresh.root, done);
	release_page(ix->rel, fresh.top, done);
}

/*
 * lock_last_leaf -- the leaf page that takes the next entry, exclusively locked,
 * which is that of logical page *lp; InvalidBuffer if there are `most` pages.
 */
static Buffer
lock_last_leaf(OhIndex *ix, OhArrayId array, uint32 most, uint32 *lp)
{
	for (;;)
	{
		uint32		npages = OhArrayPages(ix, array);
		uint32		n = npages / OH_DIR_ENTRIES;
		DirectoryPath path;
		BlockNumber leaf;
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		if (npages >= most)
			return InvalidBuffer;
		leaf = leaf_block(ix->rel, array, n, &path);
		if (leaf == InvalidBlockNumber)
		{
			add_leaf(ix, array, n);
			continue;
		}
		buffer = read_directory_page(ix->rel, array, leaf, OH_PAGE_LEAF, BUFFER_LOCK_EXCLUSIVE);
		*lp = n * OH_DIR_ENTRIES + OhTail(BufferGetPage(buffer))->nused;
		if (OhTail(BufferGetPage(buffer))->nused < OH_DIR_ENTRIES && *lp < most)
			return buffer;
		UnlockReleaseBuffer(buffer);
	}
}

/*
 * max_pages -- logical pages that an array can have.
 *
 * The directory has room for more pages than a relation of 8 kB blocks; record
 * numbers end first where they are used: rows without a position have none.
 */
static uint32
max_pages(const OhIndex *ix, OhArrayId array)
{
	uint64		most = (uint64) (OH_TOP + OH_DIR_ENTRIES) * OH_DIR_ENTRIES * OH_DIR_ENTRIES;

	if (array != OH_NULLS)
		most = Min(most, OH_MAX_RECORDS / ix->array[array].per_page);
	return Min(most, MaxBlockNumber);
}

static void
index_is_full(const OhIndex *ix, OhArrayId array)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("index \"%s\" is full", RelationGetRelationName(ix->rel)),
			 errdetail("An array of this index has at most %u pages of %u records each.",
					   max_pages(ix, array), ix->array[array].per_page),
			 errhint("Partition the table, or delete rows and VACUUM it.")));
}

uint32
OhArrayExtend(OhIndex *ix, OhArrayId array)
{
	uint32		most = max_pages(ix, array);
	Buffer		data;
	Buffer		leaf;
	Page		page;
	uint32		lp;
	OhWrite		write;

	/* before a page is taken: every insert into a full index comes here */
	if (OhArrayPages(ix, array) >= most)
		index_is_full(ix, array);

	/*
	 * A leaf must have room before the data page is taken; that it is then
	 * filled by others costs one more round in lock_last_leaf(), which may
	 * extend the relation while we hold the fresh page: nobody waits for that.
	 */
	data = new_page(ix);
	leaf = lock_last_leaf(ix, array, most, &lp);
	if (!BufferIsValid(leaf))
	{
		release_page(ix->rel, data, false);
		index_is_full(ix, array);
	}
	OhWriteStart(&write, ix->rel, ix->building);
	page = OhWritePage(&write, data, true);
	OhPageInit(page, OH_PAGE_ARRAY + array, array, lp);
	if (array == OH_ATTR)
		OhAttrInitPage(ix, page);
	append_entry(OhWritePage(&write, leaf, false), BufferGetBlockNumber(data));
	OhWriteFinish(&write);
	UnlockReleaseBuffer(leaf);
	release_page(ix->rel, data, true);
	/* whoever locks the page later must not have to read the directory then */
	OhArrayPages(ix, array);
	return lp;
}

/*
 * write_hint -- tell others that all pages before the cursor are full.
 */
static void
write_hint(OhIndex *ix, OhArrayId id)
{
	Buffer		buffer = OhReadBlock(ix->rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	OhMetaPageData *meta = OhMeta(BufferGetPage(buffer));

	if (meta->generation == ix->array[id].cursor_generation &&
		meta->array[id].free_hint < ix->array[id].cursor)
	{
		OhWrite		write;

		OhWriteStart(&write, ix->rel, ix->building);
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
OhArrayFindFree(OhIndex *ix, OhArrayId id)
{
	OhArray    *array = &ix->array[id];
	uint32		npages;
	uint32		walked = 0;

	if (array->cursor_generation != ix->generation || array->cursor == 0)
	{
		Buffer		buffer = OhReadBlock(ix->rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
		OhMetaPageData *meta = OhMeta(BufferGetPage(buffer));

		array->cursor = meta->array[id].free_hint;
		array->cursor_generation = meta->generation;
		UnlockReleaseBuffer(buffer);
	}
	npages = OhArrayPages(ix, id);
	for (; array->cursor < npages; array->cursor++)
	{
		Buffer		buffer;
		bool		has_free;

		CHECK_FOR_INTERRUPTS();
		buffer = OhArrayRead(ix, id, array->cursor, BUFFER_LOCK_SHARE);
		has_free = OhPageHasFree(ix, id, BufferGetPage(buffer));
		UnlockReleaseBuffer(buffer);
		if (has_free)
			return array->cursor;
		if (++walked % HINT_WALK == 0)
			write_hint(ix, id);
	}
	array->cursor = OhArrayExtend(ix, id);
	return array->cursor;
}
