/*
 * array.c -- paged arrays: directory, growth, slots, page access by hint.
 *
 * The directory of an array is a tree: leaf pages hold the block numbers of data pages, root pages
 * those of leaf pages.  The metapage names the first OH_TOP root pages, and a top page that names
 * the others.  Entries are only appended, so that a backend may cache them until the index is
 * built again.
 *
 * Lock order: first new pages, which no other backend knows of; then the one page that
 * will name them (leaf, root, top or metapage).  While the relation is extended, no lock is
 * held on any page that others know of.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/indexfsm.h"

#include "storage/array.h"
#include "storage/wal.h"

/* Every Nth access to a page goes through ReadBuffer(), which increases its usage_count: OhArrayRead() */
#define PAGE_HINT_PERIOD 64

/* Write the free hint back after having walked this many full pages. */
#define HINT_WALK 64

/* It matters because generic WAL does not log what is between pd_lower and pd_upper. */
void
OhPageSetLower(const OhFile *file, int array, Page page)
{
	((PageHeader) page)->pd_lower = SizeOfPageHeaderData +
		OhTail(page)->nused * file->array[array].record_bytes;
}

uint32
OhPageUsed(const OhFile *file, int array, Buffer buffer)
{
	uint32		nused = OhTail(BufferGetPage(buffer))->nused;

	if (nused > file->array[array].per_page)
		OhReportCorruption(file->rel, BufferGetBlockNumber(buffer), "%u records on a page of %u", nused,
						   file->array[array].per_page);
	return nused;
}

bool
OhSlotIsFree(const OhFile *file, int array, Page page, uint32 slot)
{
	const OhRecordKind *kind = &file->method->kind[array];

	return slot >= OhTail(page)->nused ||
		(kind->is_free != NULL && kind->is_free(OhSlot(file, array, page, slot)));
}

/*
 * clear_record -- clear a record that becomes free, or that is taken.
 */
static void
clear_record(const OhFile *file, int array, void *record, bool taken)
{
	const OhRecordKind *kind = &file->method->kind[array];

	if (kind->clear != NULL)
		kind->clear(record, file->array[array].record_bytes, taken);
	else
		memset(record, 0, file->array[array].record_bytes);
}

bool
OhPageHasFree(const OhFile *file, int array, Page page)
{
	OhPageTail *tail = OhTail(page);

	return tail->nfree > 0 || tail->nused < file->array[array].per_page;
}

uint32
OhPageFindSlot(const OhFile *file, int array, Page page, BlockNumber block, uint32 from, uint32 to)
{
	const OhPageTail *tail = OhTail(page);
	uint32		per_page = file->array[array].per_page;
	uint32		nused = Min(tail->nused, per_page);

	for (uint32 s = from; tail->nfree > 0 && s < Min(to, nused); s++)
	{
		if (OhSlotIsFree(file, array, page, s))
			return s;
	}
	if (nused < per_page && nused >= from && nused < to)
		return nused;
	if (from == 0 && to >= per_page && OhPageHasFree(file, array, page))
		OhReportCorruption(file->rel, block, "the count of free slots is wrong");
	return OH_NONE;
}

uint32
OhPageTakeSlot(const OhFile *file, int array, Page page, BlockNumber block)
{
	return OhPageTakeSlotIn(file, array, page, block, 0, file->array[array].per_page);
}

uint32
OhPageTakeSlotIn(const OhFile *file, int array, Page page, BlockNumber block, uint32 from, uint32 to)
{
	OhPageTail *tail = OhTail(page);
	uint32		slot = OhPageFindSlot(file, array, page, block, from, to);

	if (slot == OH_NONE)
		OhReportCorruption(file->rel, block, "a slot that was free is not");
	if (slot < tail->nused)
		tail->nfree--;
	else
	{
		tail->nused++;
		OhPageSetLower(file, array, page);
	}
	clear_record(file, array, OhSlot(file, array, page, slot), true);
	return slot;
}

void
OhPageFreeSlot(const OhFile *file, int array, Page page, uint32 slot)
{
	Assert(!OhSlotIsFree(file, array, page, slot));
	clear_record(file, array, OhSlot(file, array, page, slot), false);
	OhTail(page)->nfree++;
}

/*
 * read_directory_page -- a root or leaf page of this array, locked.
 */
static Buffer
read_directory_page(Relation rel, int array, BlockNumber block, int kind, int lockmode)
{
	Buffer		buffer = OhReadBlock(rel, block, kind, lockmode);
	OhPageTail *tail = OhTail(BufferGetPage(buffer));

	if (tail->array != array || tail->nused > OH_DIR_ENTRIES)
		OhReportCorruption(rel, block, "directory page of array %u with %u entries", tail->array,
						   tail->nused);
	return buffer;
}

/* The pages above a leaf page of the directory; InvalidBlockNumber for those that do not exist. */
typedef struct DirectoryPath
{
	BlockNumber top;
	BlockNumber root;
} DirectoryPath;

/*
 * entry_at -- entry i of a directory page; InvalidBlockNumber if it has no more than i.
 */
static BlockNumber
entry_at(Relation rel, int array, BlockNumber block, int kind, uint32 i)
{
	Buffer		buffer = read_directory_page(rel, array, block, kind, BUFFER_LOCK_SHARE);
	uint32		nused = OhTail(BufferGetPage(buffer))->nused;
	BlockNumber entry = InvalidBlockNumber;

	/* entries are appended, so that entry i is either there or the next to be added */
	if (i < nused)
		entry = OhDirEntries(BufferGetPage(buffer))[i];
	if (i > nused || (i < nused && entry == InvalidBlockNumber))
		OhReportCorruption(rel, block, "the directory of array %d has no entry %u before its end, %u",
						   array, i, nused);
	UnlockReleaseBuffer(buffer);
	return entry;
}

/*
 * leaf_block -- block of the array's leaf page number n, or InvalidBlockNumber.
 */
static BlockNumber
leaf_block(Relation rel, int array, uint32 n, DirectoryPath *path)
{
	uint32		r = n / OH_DIR_ENTRIES;
	Buffer		buffer;

	path->top = path->root = InvalidBlockNumber;
	buffer = OhReadBlock(rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
	if (r < OH_TOP)
		path->root = OhHead(BufferGetPage(buffer))->array[array].root[r];
	else
		path->top = OhHead(BufferGetPage(buffer))->array[array].root[OH_TOP];
	UnlockReleaseBuffer(buffer);
	if (path->top != InvalidBlockNumber)
		path->root = entry_at(rel, array, path->top, OH_PAGE_TOP, r - OH_TOP);
	if (path->root == InvalidBlockNumber)
		return InvalidBlockNumber;
	return entry_at(rel, array, path->root, OH_PAGE_ROOT, n % OH_DIR_ENTRIES);
}

/*
 * remember -- append entries of a leaf to the cached directory.
 */
static void
remember(OhFile *file, int id, BlockNumber leaf, const BlockNumber *entries,
		 int n, BlockNumber nblocks)
{
	OhArray    *array = &file->array[id];

	if (array->npages + n > array->allocated)
	{
		uint32		want = Max(array->npages + n, array->allocated * 2);

		want = Max(want, 8);
		if (array->block == NULL)
		{
			array->block = MemoryContextAllocHuge(file->context, sizeof(BlockNumber) * want);
			array->hint = MemoryContextAllocHuge(file->context, sizeof(Buffer) * want);
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
			OhReportCorruption(file->rel, leaf, "the directory names block %u of %u", entries[i], nblocks);
		array->block[array->npages] = entries[i];
		array->hint[array->npages] = InvalidBuffer;
		array->npages++;
	}
}

/*
 * prefetch_leaves -- prefetch the leaf pages of an array's first root page, but for those that lie behind the one
 * before: these the operating system reads ahead.
 */
static void
prefetch_leaves(OhFile *file, int array, BlockNumber root)
{
	Buffer		buffer = read_directory_page(file->rel, array, root, OH_PAGE_ROOT, BUFFER_LOCK_SHARE);
	int			n = OhTail(BufferGetPage(buffer))->nused;
	BlockNumber entries[BLCKSZ / sizeof(BlockNumber)];
	BlockNumber nblocks;

	memcpy(entries, OhDirEntries(BufferGetPage(buffer)), sizeof(BlockNumber) * n);
	UnlockReleaseBuffer(buffer);
	nblocks = RelationGetNumberOfBlocks(file->rel);
	for (int i = 1; i < n; i++)
	{
		if (entries[i] != entries[i - 1] + 1 && entries[i] < nblocks)
			OhAheadBlock(file->rel, entries[i], InvalidBuffer);
	}
}

uint32
OhArrayPages(OhFile *file, int id)
{
	OhArray    *array = &file->array[id];

	for (;;)
	{
		uint32		n = array->npages / OH_DIR_ENTRIES;
		uint32		from = array->npages % OH_DIR_ENTRIES;
		BlockNumber entries[BLCKSZ / sizeof(BlockNumber)];
		DirectoryPath path;
		BlockNumber leaf = leaf_block(file->rel, id, n, &path);
		BlockNumber nblocks;
		Buffer		buffer;
		int			count;

		if (leaf == InvalidBlockNumber)
			return array->npages;
		if (array->npages == 0)
			prefetch_leaves(file, id, path.root);
		buffer = read_directory_page(file->rel, id, leaf, OH_PAGE_LEAF, BUFFER_LOCK_SHARE);
		count = OhTail(BufferGetPage(buffer))->nused;
		if (count > (int) from)
			memcpy(entries, OhDirEntries(BufferGetPage(buffer)) + from,
				   sizeof(BlockNumber) * (count - from));
		UnlockReleaseBuffer(buffer);
		if (count <= (int) from)
			return array->npages;
		/* taken after the leaf was read, so that it covers the blocks that the leaf names */
		nblocks = RelationGetNumberOfBlocks(file->rel);
		remember(file, id, leaf, entries, count - from, nblocks);
		if (count < OH_DIR_ENTRIES)
			return array->npages;
	}
}

bool
OhArrayHas(OhFile *file, int array, uint32 id)
{
	uint32		lp = OhLp(file, array, id);

	if (id == OH_NONE)
		return false;
	return lp < file->array[array].npages || lp < OhArrayPages(file, array);
}

BlockNumber
OhArrayBlock(OhFile *file, int array, uint32 lp)
{
	if (lp >= file->array[array].npages && lp >= OhArrayPages(file, array))
		OhReportCorruption(file->rel, OH_META_BLOCK, "array %d has no page %u", (int) array, lp);
	return file->array[array].block[lp];
}

/*
 * verify_data_page -- raise an error unless this is page lp of the array.
 */
static void
verify_data_page(OhFile *file, int id, uint32 lp, Buffer buffer)
{
	BlockNumber block = file->array[id].block[lp];
	OhPageTail *tail;

	OhVerifyPage(file->rel, buffer, block, OH_PAGE_ARRAY + id);
	tail = OhTail(BufferGetPage(buffer));
	if (tail->lp != lp || tail->nused > file->array[id].per_page)
		OhReportCorruption(file->rel, block, "page %u of array %u with %u records, expected page %u of array %d",
						   tail->lp, tail->array, tail->nused, lp, (int) id);
	if (file->method->kind[id].verify_page != NULL)
		file->method->kind[id].verify_page(file, BufferGetPage(buffer), block);
}

/*
 * pin_page -- pin a page, which is not locked.  *known: out, is it still in the buffer that it was last seen in, which
 * is tried first?  Otherwise the caller locks it and calls take_page().
 *
 * ReadRecentBuffer() does not count as a use, so every PAGE_HINT_PERIOD-th access goes
 * through ReadBuffer(): otherwise the hottest pages would look cold to the clock
 * sweep.  A page is verified whenever it is read through ReadBuffer().  A buffer that
 * still holds the block was verified before; looking again would cost a cache miss and
 * a TLB miss a page, as the tail is far from the records
 * (docs/measurements.md#by-question).  What is read from a record is checked for bounds in any case.
 */
static inline Buffer
pin_page(OhFile *file, int id, uint32 lp, bool *known)
{
	OhArray    *array = &file->array[id];
	BlockNumber block = OhArrayBlock(file, id, lp);
	Buffer		buffer = array->hint[lp];

	*known = likely(buffer != InvalidBuffer && ++file->hint_clock % PAGE_HINT_PERIOD != 0 &&
					ReadRecentBuffer(file->locator, MAIN_FORKNUM, block, buffer));
	if (*known)
		return buffer;
	array->hint[lp] = InvalidBuffer;
	return ReadBufferExtended(file->rel, MAIN_FORKNUM, block, RBM_NORMAL, file->strategy);
}

/*
 * take_page -- verify a page that came from ReadBuffer() and is locked, and remember its buffer.
 */
static void
take_page(OhFile *file, int id, uint32 lp, Buffer buffer)
{
	verify_data_page(file, id, lp, buffer);
	file->array[id].hint[lp] = buffer;
}

Buffer
OhArrayRead(OhFile *file, int id, uint32 lp, int lockmode)
{
	bool		known;
	Buffer		buffer = pin_page(file, id, lp, &known);

	LockBuffer(buffer, lockmode);
	if (unlikely(!known))
		take_page(file, id, lp, buffer);
	return buffer;
}

Buffer
OhArrayTryRead(OhFile *file, int id, uint32 lp)
{
	bool		known;
	Buffer		buffer = pin_page(file, id, lp, &known);

	if (!ConditionalLockBuffer(buffer))
	{
		ReleaseBuffer(buffer);
		return InvalidBuffer;
	}
	if (!known)
		take_page(file, id, lp, buffer);
	return buffer;
}

void
OhArrayPrefetch(OhFile *file, int id, uint32 lp)
{
	OhAheadBlock(file->rel, OhArrayBlock(file, id, lp), file->array[id].hint[lp]);
}

void
OhArrayReadAll(OhFile *file, OhPageRef *pages, int n)
{
	BlockNumber last = InvalidBlockNumber;

	/* look up the blocks first: the directory must not be read while a page is locked */
	for (int i = 0; i < n; i++)
		pages[i].block = OhArrayBlock(file, pages[i].array, pages[i].lp);
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
			OhReportCorruption(file->rel, last, "the directory names the block twice");
		next->buffer = OhArrayRead(file, next->array, next->lp, next->lockmode);
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
 * new_page -- get a zeroed page that no other backend knows of, exclusively locked.
 */
static Buffer
new_page(OhFile *file)
{
	if (!file->building)
	{
		BlockNumber block;

		while ((block = GetFreeIndexPage(file->rel)) != InvalidBlockNumber)
		{
			Buffer		buffer = ReadBuffer(file->rel, block);

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
	return om_extend_relation(file->rel, MAIN_FORKNUM);
}

void
OhArrayPlan(OhFile *file, int array, uint32 npages)
{
	uint32		nleaves = npages / OH_DIR_ENTRIES + (npages % OH_DIR_ENTRIES != 0);

	Assert(file->building && file->nplanned == 0 && OhArrayPages(file, array) == 0);
	if (nleaves < 2)
		return;
	for (file->nplanned = 0; file->nplanned < nleaves; file->nplanned++)
	{
		Buffer		buffer = om_extend_relation(file->rel, MAIN_FORKNUM);
		BlockNumber block = BufferGetBlockNumber(buffer);

		UnlockReleaseBuffer(buffer);
		if (file->nplanned == 0)
			file->planned = block;
		if (block != file->planned + file->nplanned)
			OhReportCorruption(file->rel, block, "a page was added behind block %u while its index was built", block - 1);
	}
}

/*
 * new_leaf -- as new_page(), for a leaf page.
 */
static Buffer
new_leaf(OhFile *file)
{
	Buffer		buffer;

	if (file->nplanned == 0)
		return new_page(file);
	buffer = ReadBuffer(file->rel, file->planned);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	file->planned++;
	file->nplanned--;
	return buffer;
}

/*
 * release_page -- release a page from new_page(), if there is one.  If it was not used, it is still a zero
 * page, and is recorded in the free space map.
 */
static void
release_page(Relation rel, Buffer buffer, bool used)
{
	BlockNumber block;

	if (!BufferIsValid(buffer))
		return;
	block = BufferGetBlockNumber(buffer);
	UnlockReleaseBuffer(buffer);
	if (!used)
		RecordFreeIndexPage(rel, block);
}

static void
append_entry(Page page, BlockNumber block)
{
	OhPageTail *tail = OhTail(page);

	OhDirEntries(page)[tail->nused++] = block;
	((PageHeader) page)->pd_lower = SizeOfPageHeaderData + tail->nused * sizeof(BlockNumber);
}

/* New pages for the directory: a leaf page and, if need be, those above it. */
typedef struct FreshPages
{
	Buffer		leaf;
	Buffer		root;			/* InvalidBuffer if its root page exists */
	Buffer		top;			/* InvalidBuffer if its top page exists, or none is needed */
} FreshPages;

/*
 * init_fresh -- initialise new pages as directory pages; returns the block that the page above them must
 * name.
 */
static BlockNumber
init_fresh(OhWrite *write, const FreshPages *fresh, int array, uint32 n)
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
 * hang_in_page -- add the new pages to the directory page `above`; false if another backend has added that
 * entry.
 */
static bool
hang_in_page(OhFile *file, int array, BlockNumber above, int kind, uint32 entry,
			 const FreshPages *fresh, uint32 n)
{
	Buffer		buffer = read_directory_page(file->rel, array, above, kind, BUFFER_LOCK_EXCLUSIVE);
	bool		done = OhTail(BufferGetPage(buffer))->nused == entry;

	if (done)
	{
		OhWrite		write;
		BlockNumber block;

		OhWriteStart(&write, file);
		block = init_fresh(&write, fresh, array, n);
		append_entry(OhWritePage(&write, buffer, false), block);
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
	return done;
}

/*
 * hang_in_meta -- add the new pages to the metapage as root[r]; false if another backend has done so.
 */
static bool
hang_in_meta(OhFile *file, int array, int r, const FreshPages *fresh, uint32 n)
{
	Buffer		buffer = OhReadBlock(file->rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	bool		done = OhHead(BufferGetPage(buffer))->array[array].root[r] == InvalidBlockNumber;

	if (done)
	{
		OhWrite		write;
		BlockNumber block;

		OhWriteStart(&write, file);
		block = init_fresh(&write, fresh, array, n);
		OhHead(OhWritePage(&write, buffer, false))->array[array].root[r] = block;
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
	return done;
}

/*
 * add_leaf -- append leaf page number n to the directory, with a root page and a top page if need be.
 *
 * Does nothing if another backend has added it since.
 */
static void
add_leaf(OhFile *file, int array, uint32 n)
{
	uint32		r = n / OH_DIR_ENTRIES;
	FreshPages	fresh = {InvalidBuffer, InvalidBuffer, InvalidBuffer};
	DirectoryPath path;
	bool		done = false;

	fresh.leaf = new_leaf(file);
	/* the pages above are looked up afterwards, as no lock may be held while extending */
	if (leaf_block(file->rel, array, n, &path) == InvalidBlockNumber)
	{
		if (path.root == InvalidBlockNumber)
			fresh.root = new_page(file);
		if (path.root == InvalidBlockNumber && path.top == InvalidBlockNumber && r >= OH_TOP)
			fresh.top = new_page(file);

		if (path.root != InvalidBlockNumber)
			done = hang_in_page(file, array, path.root, OH_PAGE_ROOT, n % OH_DIR_ENTRIES,
								&fresh, n);
		else if (path.top != InvalidBlockNumber)
			done = hang_in_page(file, array, path.top, OH_PAGE_TOP, r - OH_TOP, &fresh, n);
		else
			done = hang_in_meta(file, array, Min(r, OH_TOP), &fresh, n);
	}
	release_page(file->rel, fresh.leaf, done);
	release_page(file->rel, fresh.root, done);
	release_page(file->rel, fresh.top, done);
}

/*
 * lock_last_leaf -- find and lock exclusively the leaf page that gets the next entry, for logical page *lp;
 * InvalidBuffer if the array already has `most` pages.
 */
static Buffer
lock_last_leaf(OhFile *file, int array, uint32 most, uint32 *lp)
{
	for (;;)
	{
		uint32		npages = OhArrayPages(file, array);
		uint32		n = npages / OH_DIR_ENTRIES;
		DirectoryPath path;
		BlockNumber leaf;
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		if (npages >= most)
			return InvalidBuffer;
		leaf = leaf_block(file->rel, array, n, &path);
		if (leaf == InvalidBlockNumber)
		{
			add_leaf(file, array, n);
			continue;
		}
		buffer = read_directory_page(file->rel, array, leaf, OH_PAGE_LEAF, BUFFER_LOCK_EXCLUSIVE);
		*lp = n * OH_DIR_ENTRIES + OhTail(BufferGetPage(buffer))->nused;
		if (OhTail(BufferGetPage(buffer))->nused < OH_DIR_ENTRIES && *lp < most)
			return buffer;
		UnlockReleaseBuffer(buffer);
	}
}

/*
 * max_pages -- number of logical pages that an array can have.
 *
 * The directory has room for more pages than a relation of 8 kB blocks can have.  In arrays whose records
 * are numbered, the numbers are exhausted first.
 */
static uint32
max_pages(const OhFile *file, int array)
{
	uint64		most = (uint64) (OH_TOP + OH_DIR_ENTRIES) * OH_DIR_ENTRIES * OH_DIR_ENTRIES;

	if (file->method->kind[array].numbered)
		most = Min(most, OH_MAX_RECORDS / file->array[array].per_page);
	return Min(most, MaxBlockNumber);
}

static void
index_is_full(const OhFile *file, int array)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("index \"%s\" is full", RelationGetRelationName(file->rel)),
			 errdetail("An array of this index has at most %u pages of %u records each.",
					   max_pages(file, array), file->array[array].per_page),
			 errhint("Partition the table, or delete rows and VACUUM it.")));
}

uint32
OhArrayExtend(OhFile *file, int array)
{
	uint32		most = max_pages(file, array);
	Buffer		data;
	Buffer		leaf;
	Page		page;
	uint32		lp = 0;
	OhWrite		write;

	/* check before extending: every insert into a full index gets here */
	if (OhArrayPages(file, array) >= most)
		index_is_full(file, array);

	/*
	 * A leaf must have room before the data page is taken; that it is then
	 * filled by others costs one more round in lock_last_leaf(), which may
	 * extend the relation while we hold the fresh page: nobody waits for that.
	 */
	data = new_page(file);
	OH_CRASH_POINT("page_taken");
	leaf = lock_last_leaf(file, array, most, &lp);
	if (!BufferIsValid(leaf))
	{
		release_page(file->rel, data, false);
		index_is_full(file, array);
	}
	OhWriteStart(&write, file);
	page = OhWritePage(&write, data, true);
	OhPageInit(page, OH_PAGE_ARRAY + array, array, lp);
	if (file->method->kind[array].init_page != NULL)
		file->method->kind[array].init_page(file, page);
	append_entry(OhWritePage(&write, leaf, false), BufferGetBlockNumber(data));
	OhWriteFinish(&write);
	UnlockReleaseBuffer(leaf);
	release_page(file->rel, data, true);
	/* read the directory now, as callers must not have to while they hold locks */
	OhArrayPages(file, array);
	return lp;
}

/*
 * write_hint -- write to the metapage that all pages before this backend's cursor are full.
 */
static void
write_hint(OhFile *file, int id)
{
	Buffer		buffer = OhReadBlock(file->rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	OhFileHead *meta = OhHead(BufferGetPage(buffer));

	if (meta->generation == file->array[id].cursor_generation &&
		meta->array[id].free_hint < file->array[id].cursor)
	{
		OhWrite		write;

		OhWriteStart(&write, file);
		OhHead(OhWritePage(&write, buffer, false))->array[id].free_hint = file->array[id].cursor;
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
}

/*
 * A vacuum that frees slots sets free_hint to the first page with a free slot, and increases the
 * generation.  From there on, each backend searches with a cursor of its own, which only moves forward.
 * After a long way over full pages, it writes its cursor back as the hint.
 */
uint32
OhArrayFindFree(OhFile *file, int id)
{
	OhArray    *array = &file->array[id];
	uint32		npages;
	uint32		walked = 0;

	if (array->cursor_generation != file->generation || array->cursor == 0)
	{
		Buffer		buffer = OhReadBlock(file->rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
		OhFileHead *meta = OhHead(BufferGetPage(buffer));

		array->cursor = meta->array[id].free_hint;
		array->cursor_generation = meta->generation;
		UnlockReleaseBuffer(buffer);
	}
	npages = OhArrayPages(file, id);
	for (; array->cursor < npages; array->cursor++)
	{
		Buffer		buffer;
		bool		has_free;

		CHECK_FOR_INTERRUPTS();
		buffer = OhArrayRead(file, id, array->cursor, BUFFER_LOCK_SHARE);
		has_free = OhPageHasFree(file, id, BufferGetPage(buffer));
		UnlockReleaseBuffer(buffer);
		if (has_free)
			return array->cursor;
		if (++walked % HINT_WALK == 0)
			write_hint(file, id);
	}
	array->cursor = OhArrayExtend(file, id);
	return array->cursor;
}
