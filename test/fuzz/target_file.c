/*
 * target_file.c -- index files: metapage, directories, pages and their slots, damaged.
 *
 * Input: changes of bytes of a sound file of two arrays, then what is done with it. Every read must end in an error
 * that names the index, or stay within what it was given; locks are given back unless there was an error.
 */
#include "server.h"

#include "storage/array.h"
#include "storage/verify.h"

/* Records of array 0: free if the first byte is zero; array 1 has one a page. */
#define RECORD_BYTES 700

static bool
is_free(const void *record)
{
	return *(const char *) record == 0;
}

static const OhRecordKind kinds[2] = {{.is_free = is_free, .reused = true, .numbered = true}, {0}};
static const OhFileMethod method = {0x12345678, 3, 2, kinds};

static OhFile file;

/* new_page -- at the end of the file */
static Page
new_page(int kind, int array, uint32 lp)
{
	Page		page = fuzz_page(fuzz_pages++);

	OhPageInit(page, kind, array, lp);
	return page;
}

/* directory -- root, leaf and n data pages of an array; the root's block */
static BlockNumber
directory(int array, int n)
{
	BlockNumber first = fuzz_pages;
	Page		root = new_page(OH_PAGE_ROOT, array, 0);
	Page		leaf = new_page(OH_PAGE_LEAF, array, 0);

	OhDirEntries(root)[0] = first + 1;
	OhTail(root)->nused = 1;
	OhTail(leaf)->nused = n;
	for (int i = 0; i < n; i++)
	{
		Page		page = new_page(OH_PAGE_ARRAY + array, array, i);

		OhDirEntries(leaf)[i] = first + 2 + i;
		OhTail(page)->nused = array == 0 ? 9 : 1;
		for (int s = 0; array == 0 && s < 9; s++)
			*(char *) OhSlot(&file, array, page, s) = s % 3;
		OhTail(page)->nfree = array == 0 ? 3 : 0;
		OhPageSetLower(&file, array, page);
	}
	((PageHeader) root)->pd_lower = SizeOfPageHeaderData + sizeof(BlockNumber);
	((PageHeader) leaf)->pd_lower = SizeOfPageHeaderData + n * sizeof(BlockNumber);
	return first;
}

static void
make_file(void)
{
	Page		page;
	OhFileHead *head;

	memset(fuzz_page(0), 0, FUZZ_MAX_PAGES * BLCKSZ);
	fuzz_pages = 0;
	page = new_page(OH_PAGE_META, 0, 0);
	head = OhHead(page);
	head->magic = method.magic;
	head->format = method.format;
	((PageHeader) page)->pd_lower = SizeOfPageHeaderData + offsetof(OhFileHead, array) + 2 * sizeof(OhArrayHead);
	for (int a = 0; a < 2; a++)
	{
		for (int r = 0; r < OH_NROOTS; r++)
			head->array[a].root[r] = InvalidBlockNumber;
		head->array[a].root[0] = directory(a, 3);
	}
	fuzz_pages++;				/* a zero page, left by a crash */
}

/* check_all -- as the checker reads a file */
static void
check_all(bool strict)
{
	PGAlignedBlock head,
				page;
	OhFileCheck check = {.rel = &fuzz_relation, .method = &method, .strict = strict};
	const OhFileHead *found = OhCheckHead(&check, head.data);

	OhCheckDirectories(&check, found);
	for (int a = 0; a < 2; a++)
	{
		for (uint32 lp = 0; lp < check.npages[a]; lp++)
			OhCheckReadPage(&check, &file, a, lp, page.data);
	}
	OhCheckOtherBlocks(&check);
}

/* read_all -- as searches read it */
static void
read_all(int array)
{
	uint32		n = OhArrayPages(&file, array);

	for (uint32 lp = 0; lp < n && lp < 3 * FUZZ_MAX_PAGES; lp++)
	{
		Buffer		buffer = OhArrayRead(&file, array, lp, BUFFER_LOCK_SHARE);
		uint32		used = OhPageUsed(&file, array, buffer);

		for (uint32 slot = 0; slot < used; slot++)
			(void) OhSlotIsFree(&file, array, BufferGetPage(buffer), slot);
		UnlockReleaseBuffer(buffer);
	}
	(void) OhArrayHas(&file, array, n * file.array[array].per_page);
}

/* change_slots -- as inserts and vacuum change it */
static void
change_slots(uint8_t seed)
{
	Buffer		buffer = OhRecordPage(&file, 0, seed % 27, BUFFER_LOCK_EXCLUSIVE);
	Page		page = BufferGetPage(buffer);
	uint32		slot;

	if (OhPageHasFree(&file, 0, page))
	{
		slot = OhPageTakeSlot(&file, 0, page, BufferGetBlockNumber(buffer));
		*(char *) OhSlot(&file, 0, page, slot) = 1;
	}
	slot = seed % file.array[0].per_page;
	if (slot < OhPageUsed(&file, 0, buffer) && !OhSlotIsFree(&file, 0, page, slot))
		OhPageFreeSlot(&file, 0, page, slot);
	UnlockReleaseBuffer(buffer);
}

/* attempt -- one operation; an error must be one of a damaged index */
#define attempt(statement) \
	do { \
		fuzz_locks = 0; \
		if (FUZZ_TRY(statement)) \
		{ \
			if (fuzz_locks != 0) \
				fuzz_fail("a lock is left", #statement); \
		} \
		else if (fuzz_sqlstate != ERRCODE_INDEX_CORRUPTED && fuzz_sqlstate != ERRCODE_FEATURE_NOT_SUPPORTED && \
				 strncmp(fuzz_message, "invalid memory", 14) != 0) \
			fuzz_fail("another error", fuzz_message); \
		else if (!changed) \
			fuzz_fail("a sound file is refused", fuzz_message); \
	} while (0)

void
fuzz_one(const uint8_t *data, size_t size)
{
	volatile bool changed = false;
	uint8_t		what = size > 0 ? data[0] : 0;

	memset(&file, 0, sizeof(file));
	OhFileInit(&file, &fuzz_relation, &method, 0, NULL);
	file.building = true;
	OhFileSetArray(&file, 0, RECORD_BYTES);
	OhFileSetArray(&file, 1, 0);
	make_file();
	if (what & 1)
		attempt(read_all(what >> 1 & 1));	/* so that pages are known by hint when they are
											 * damaged */
	for (size_t i = 1; i + 4 <= size; i += 4)
	{
		/* block, where in it: the ends of a page more often than its middle; value */
		char	   *page = fuzz_page(data[i] % fuzz_pages);
		uint32		at = data[i + 1] < 0x60 ? data[i + 1] : data[i + 1] < 0xC0 ? BLCKSZ - 1 - data[i + 1] % 0x60 :
			(data[i + 1] << 8 | data[i + 2]) % BLCKSZ;

		changed = changed || page[at] != (char) data[i + 3];
		page[at] = data[i + 3];
	}
	attempt(check_all(what & 4));
	attempt(read_all(0));
	attempt(read_all(1));
	for (int i = 0; i < 3; i++)
		attempt(change_slots(what + 9 * i));
}
