/*
 * reader.c -- reads segments.
 *
 * Every number that is read is compared with a bound before it is used.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "bm25/segment/reader.h"
#include "kernel/kernel.h"

/*
 * read_page -- read a page of an area, locked in share mode; InvalidBuffer if the segment is stale.
 */
static Buffer
read_page(OhSegmentReader *reader, int area, uint32 index)
{
	OhText	   *ix = reader->ix;
	uint32		lp = reader->segment.first[area] + index;
	const OhSegmentPage *head;
	Buffer		buffer;

	CHECK_FOR_INTERRUPTS();
	if (index >= reader->segment.pages[area])
		OhReportCorruption(ix->file.rel, OH_META_BLOCK, "segment %u has no page %u of area %d",
						   reader->segment.id, index, area);
	buffer = OhArrayRead(&ix->file, OH_SEGMENT, lp, BUFFER_LOCK_SHARE);
	head = OhSegmentPageOf(BufferGetPage(buffer));
	if (unlikely(OhTail(BufferGetPage(buffer))->nused != 1 || head->segment != reader->segment.id))
	{
		OhTextList	list;
		uint32		found = head->segment;
		BlockNumber block = BufferGetBlockNumber(buffer);

		UnlockReleaseBuffer(buffer);
		OhTextReadList(ix, &list);
		for (int i = 0; i < list.nsegments; i++)
		{
			if (list.segment[i].id == reader->segment.id)
				OhReportCorruption(ix->file.rel, block, "page of segment %u where one of segment %u should be",
								   found, reader->segment.id);
		}
		reader->stale = true;
		return InvalidBuffer;
	}
	if (head->area != area || head->index != index || head->used > OH_SEGMENT_BYTES)
		OhReportCorruption(ix->file.rel, BufferGetBlockNumber(buffer),
						   "page %u of area %u with %u bytes, expected page %u of area %d", head->index,
						   head->area, head->used, index, area);
	if ((head->columns != 0) != (area == OH_AREA_TERMS && index >= OhWordPages(&reader->segment)))
		OhReportCorruption(ix->file.rel, BufferGetBlockNumber(buffer),
						   "page %u of area %d has lists of columns 0x%X, %u pages have words", index, area, head->columns,
						   OhWordPages(&reader->segment));
	return buffer;
}

static inline const char *
contents(Buffer buffer)
{
	return (const char *) (OhSegmentPageOf(BufferGetPage(buffer)) + 1);
}

static uint32
terms_on_page(OhSegmentReader *reader, Buffer buffer)
{
	uint32		used = OhSegmentPageOf(BufferGetPage(buffer))->used;

	if (used == 0 || used % sizeof(OhTermData) != 0)
		OhReportCorruption(reader->ix->file.rel, BufferGetBlockNumber(buffer), "a page of terms with %u bytes", used);
	return used / sizeof(OhTermData);
}

/*
 * find_on_page -- find a term on a page: returns 0 if found, otherwise on which side of the
 * page it would be.
 */
static int
find_on_page(const OhTermData *terms, uint32 n, uint64 hash, OhTermData *term)
{
	uint32		low = 0;
	uint32		high = n;

	if (hash < OhTermHash(&terms[0]))
		return -1;
	if (hash > OhTermHash(&terms[n - 1]))
		return 1;
	while (low < high)
	{
		uint32		mid = (low + high) / 2;

		if (OhTermHash(&terms[mid]) < hash)
			low = mid + 1;
		else
			high = mid;
	}
	*term = terms[low];
	return 0;
}

/*
 * find_term -- find a term on the pages from low to high - 1.
 *
 * Hashes are distributed evenly, so the first guess is nearly always the right page or a
 * neighbour.
 */
static bool
find_term(OhSegmentReader *reader, uint32 low, uint32 high, uint64 hash, OhTermData *term)
{
	uint32		at = low + (uint32) (((hash >> 32) * (high - low)) >> 32);
	int			looks = 0;

	while (low < high)
	{
		Buffer		buffer = read_page(reader, OH_AREA_TERMS, at);
		int			side;

		if (!BufferIsValid(buffer))
			return false;
		side = find_on_page((const OhTermData *) contents(buffer), terms_on_page(reader, buffer), hash, term);
		UnlockReleaseBuffer(buffer);
		if (side == 0)
			return OhTermHash(term) == hash;
		if (side < 0)
			high = at;
		else
			low = at + 1;
		if (++looks > 4)
			at = (low + high) / 2;
		else
			at = side < 0 ? at - 1 : at + 1;
	}
	return false;
}

bool
OhTermFind(OhSegmentReader *reader, uint64 hash, OhTermData *term)
{
	return find_term(reader, 0, OhWordPages(&reader->segment), hash, term);
}

uint32
OhSegmentLists(OhSegmentReader *reader)
{
	uint32		first = OhWordPages(&reader->segment);
	Buffer		buffer;
	uint32		columns;

	if (first >= reader->segment.pages[OH_AREA_TERMS])
		return 0;
	buffer = read_page(reader, OH_AREA_TERMS, first);
	if (!BufferIsValid(buffer))
		return 0;
	columns = OhSegmentPageOf(BufferGetPage(buffer))->columns;
	UnlockReleaseBuffer(buffer);
	return columns;
}

bool
OhListFind(OhSegmentReader *reader, uint64 hash, OhTermData *list)
{
	return find_term(reader, OhWordPages(&reader->segment), reader->segment.pages[OH_AREA_TERMS], hash, list);
}

void
OhTermScanBegin(OhTermScan *scan, OhSegmentReader *reader, bool lists)
{
	uint32		words = OhWordPages(&reader->segment);

	scan->reader = reader;
	scan->page = lists ? words : 0;
	scan->end = lists ? reader->segment.pages[OH_AREA_TERMS] : words;
	scan->n = scan->at = 0;
}

void
OhTermScanAfter(OhTermScan *scan, OhSegmentReader *reader, bool lists, uint64 hash)
{
	uint32		low;
	uint32		high;

	OhTermScanBegin(scan, reader, lists);
	low = scan->page;
	high = scan->end;
	/* the last page whose first term is not after it */
	while (high - low > 1)
	{
		uint32		mid = low + (high - low) / 2;
		Buffer		buffer = read_page(reader, OH_AREA_TERMS, mid);

		if (!BufferIsValid(buffer))
			return;
		(void) terms_on_page(reader, buffer);
		if (OhTermHash((const OhTermData *) contents(buffer)) <= hash)
			low = mid;
		else
			high = mid;
		UnlockReleaseBuffer(buffer);
	}
	scan->page = low;
	while (OhTermScanNext(scan) != NULL)
	{
		if (OhTermHash(&scan->term[scan->at - 1]) > hash)
		{
			scan->at--;
			break;
		}
	}
}

const OhTermData *
OhTermScanNext(OhTermScan *scan)
{
	if (scan->at == scan->n)
	{
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		if (scan->page >= scan->end)
			return NULL;
		buffer = read_page(scan->reader, OH_AREA_TERMS, scan->page);
		if (!BufferIsValid(buffer))
			return NULL;
		scan->n = terms_on_page(scan->reader, buffer);
		memcpy(scan->term, contents(buffer), scan->n * sizeof(OhTermData));
		UnlockReleaseBuffer(buffer);
		scan->page++;
		scan->at = 0;
	}
	return &scan->term[scan->at++];
}

/* ---- cursors ---- */

static void
finish(OhCursor *cursor)
{
	cursor->block = cursor->nblocks;
	cursor->n = cursor->at = 0;
	cursor->current = OH_NONE;
}

/*
 * load_skips -- load the skips of a term with several blocks.
 */
static void
load_skips(OhCursor *cursor, uint32 first)
{
	OhSegmentReader *reader = cursor->reader;
	uint32		done = 0;

	if (first > reader->segment.nskips || cursor->nblocks > reader->segment.nskips - first)
		OhReportCorruption(reader->ix->file.rel, OH_META_BLOCK, "segment %u has %u skips, a term those from %u to %u",
						   reader->segment.id, reader->segment.nskips, first, first + cursor->nblocks);
	while (done < cursor->nblocks)
	{
		uint32		at = (first + done) % OH_SKIPS_PER_PAGE;
		uint32		n = Min(cursor->nblocks - done, OH_SKIPS_PER_PAGE - at);
		Buffer		buffer;

		buffer = read_page(reader, OH_AREA_SKIPS, (first + done) / OH_SKIPS_PER_PAGE);
		if (!BufferIsValid(buffer))
		{
			finish(cursor);
			return;
		}
		memcpy(cursor->skip + done, (const OhSkip *) contents(buffer) + at, n * sizeof(OhSkip));
		UnlockReleaseBuffer(buffer);
		done += n;
	}
}

void
OhCursorOpen(OhCursor *cursor, OhSegmentReader *reader, const OhTermData *term)
{
	cursor->reader = reader;
	cursor->ndocs = term->ndocs;
	cursor->impact = term->impact;
	cursor->nblocks = term->ndocs / OH_BLOCK_DOCS + (term->ndocs % OH_BLOCK_DOCS != 0);
	if (term->ndocs == 0 || term->ndocs > reader->segment.ndocs)
		OhReportCorruption(reader->ix->file.rel, OH_META_BLOCK, "a term of segment %u has %u documents of %u",
						   reader->segment.id, term->ndocs, reader->segment.ndocs);
	cursor->block = 0;
	cursor->loaded = cursor->detailed = cursor->few = false;
	cursor->current = 0;
	cursor->n = cursor->at = 0;
	cursor->skip = MemoryContextAllocHuge(reader->context, cursor->nblocks * sizeof(OhSkip));
	if (cursor->nblocks > 1)
		load_skips(cursor, term->at);
	else
		*cursor->skip = (OhSkip) {OH_NONE - 1, term->at, term->offset, term->impact};
}

void
OhCursorClose(OhCursor *cursor)
{
	pfree(cursor->skip);
}

static void
damaged(const OhCursor *cursor, BlockNumber block, const char *what)
{
	OhReportCorruption(cursor->reader->ix->file.rel, block, "a block of postings of segment %u %s",
					   cursor->reader->segment.id, what);
}

/*
 * copy_block -- copy the bytes of the current block; false if the segment is stale.
 */
static bool
copy_block(OhCursor *cursor, BlockNumber *block)
{
	const OhSkip *skip = &cursor->skip[cursor->block];
	Buffer		buffer = read_page(cursor->reader, OH_AREA_POSTINGS, skip->page);
	OhBlockHeader head;
	uint32		used;
	size_t		bytes = OH_BLOCK_HEADER;

	if (!BufferIsValid(buffer))
		return false;
	*block = BufferGetBlockNumber(buffer);
	used = OhSegmentPageOf(BufferGetPage(buffer))->used;
	if (skip->offset + bytes > used)
		damaged(cursor, *block, "is beyond the end of its page");
	memcpy(&head, contents(buffer) + skip->offset, OH_BLOCK_HEADER);
	if (head.last >= OH_BLOCK_DOCS || head.doc_bits > 32 || head.tf_bits > 32 || head.length_bits > 32)
		damaged(cursor, *block, "has impossible sizes");
	bytes += om_packed_bytes(head.last, head.doc_bits) + om_packed_bytes(head.last + 1, head.tf_bits) +
		om_packed_bytes(head.last + 1, head.length_bits);
	if (skip->offset + bytes > used)
		damaged(cursor, *block, "is beyond the end of its page");
	memcpy(cursor->packed, contents(buffer) + skip->offset, bytes);
	UnlockReleaseBuffer(buffer);
	return true;
}

/*
 * load -- decode the documents of the current block.
 */
static bool
load(OhCursor *cursor)
{
	const OhBlockHeader *head = (const OhBlockHeader *) cursor->packed;
	BlockNumber block;
	uint64		doc;
	uint32		gap[OH_BLOCK_DOCS];
	int			expected;

	if (!copy_block(cursor, &block))
	{
		finish(cursor);
		return false;
	}
	cursor->n = head->last + 1;
	cursor->at = 0;
	expected = cursor->block + 1 < cursor->nblocks ? OH_BLOCK_DOCS : (cursor->ndocs - 1) % OH_BLOCK_DOCS + 1;
	if (cursor->n != expected)
		damaged(cursor, block, "has another number of documents than its term says");
	om_kernels->unpack_u32(cursor->packed + OH_BLOCK_HEADER, head->last, head->doc_bits, gap);
	doc = head->first;
	cursor->doc[0] = head->first;
	for (int i = 1; i < cursor->n; i++)
	{
		doc += (uint64) gap[i - 1] + 1;
		cursor->doc[i] = (uint32) doc;
	}
	if (doc >= OH_NONE || (cursor->nblocks > 1 && doc != cursor->skip[cursor->block].last_doc))
		damaged(cursor, block, "ends with another document than its skip says");
	cursor->skip[cursor->block].last_doc = (uint32) doc;
	cursor->loaded = true;
	cursor->detailed = false;
	return true;
}

void
OhCursorDetails(OhCursor *cursor)
{
	const OhBlockHeader *head = (const OhBlockHeader *) cursor->packed;
	const uint8 *at = cursor->packed + OH_BLOCK_HEADER + om_packed_bytes(head->last, head->doc_bits);

	om_kernels->unpack_u32(at, cursor->n, head->tf_bits, cursor->tf);
	at += om_packed_bytes(cursor->n, head->tf_bits);
	om_kernels->unpack_u32(at, cursor->n, head->length_bits, cursor->length);
	for (int i = 0; i < cursor->n; i++)
		cursor->tf[i]++;
	cursor->detailed = true;
}

void
OhCursorDetail(OhCursor *cursor)
{
	const OhBlockHeader *head = (const OhBlockHeader *) cursor->packed;
	const uint8 *at = cursor->packed + OH_BLOCK_HEADER + om_packed_bytes(head->last, head->doc_bits);

	cursor->tf[cursor->at] = om_unpack_one(at, cursor->at, head->tf_bits) + 1;
	at += om_packed_bytes(cursor->n, head->tf_bits);
	cursor->length[cursor->at] = om_unpack_one(at, cursor->at, head->length_bits);
}

bool
OhCursorSkip(OhCursor *cursor, uint32 doc)
{
	uint32		low = cursor->block;
	uint32		step = 1;
	uint32		high;

	if (low >= cursor->nblocks)
		return false;
	if (cursor->skip[low].last_doc >= doc)
		return true;
	/* galloping search, then bisection: low is before the block, high at or after it */
	while (low + step < cursor->nblocks && cursor->skip[low + step].last_doc < doc)
	{
		low += step;
		step *= 2;
	}
	high = Min(low + step, cursor->nblocks);
	low++;
	while (low < high)
	{
		uint32		mid = low + (high - low) / 2;

		if (cursor->skip[mid].last_doc < doc)
			low = mid + 1;
		else
			high = mid;
	}
	cursor->block = low;
	cursor->loaded = false;
	cursor->n = cursor->at = 0;
	if (low < cursor->nblocks)
		return true;
	finish(cursor);
	return false;
}

uint32
OhCursorSeek(OhCursor *cursor, uint32 doc)
{
	int			low;
	int			high;

	for (;;)
	{
		if (!OhCursorSkip(cursor, doc))
			return OH_NONE;
		if (!cursor->loaded && !load(cursor))
			return OH_NONE;
		/* the end of a single block is only known now */
		if (cursor->skip[cursor->block].last_doc >= doc)
			break;
	}
	low = cursor->at;
	high = cursor->n;
	if (cursor->doc[low] < doc)
	{
		/* most seeks are short */
		for (int i = 0; i < 4 && cursor->doc[low] < doc; i++)
			low++;
		while (low < high && cursor->doc[low] < doc)
		{
			int			mid = (low + high) / 2;

			if (cursor->doc[mid] < doc)
				low = mid + 1;
			else
				high = mid;
		}
	}
	cursor->at = low;
	return cursor->current = cursor->doc[low];
}

/* ---- lists ---- */

/*
 * open_bitmaps -- read the skips of a list's bitmaps.
 */
static void
open_bitmaps(OhCursor *cursor, OhSegmentReader *reader, const OhTermData *term, uint32 nbitmaps)
{
	cursor->reader = reader;
	cursor->ndocs = term->ndocs;
	cursor->nblocks = nbitmaps;
	cursor->block = 0;
	cursor->loaded = false;
	if (term->ndocs == 0 || term->ndocs > reader->segment.ndocs || nbitmaps == 0 || nbitmaps > reader->segment.nskips)
		OhReportCorruption(reader->ix->file.rel, OH_META_BLOCK, "a list of segment %u has %u bitmaps and %u documents of %u",
						   reader->segment.id, nbitmaps, term->ndocs, reader->segment.ndocs);
	cursor->skip = MemoryContextAllocHuge(reader->context, nbitmaps * sizeof(OhSkip));
	load_skips(cursor, term->at);
	for (uint32 i = 0; i < nbitmaps && !reader->stale; i++)
	{
		uint64		last = cursor->skip[0].last_doc + (uint64) i * OH_BITMAP_DOCS;

		if (cursor->skip[i].last_doc != last || last % OH_BITMAP_DOCS != OH_BITMAP_DOCS - 1)
			OhReportCorruption(reader->ix->file.rel, OH_META_BLOCK, "bitmap %u of a list of segment %u ends with document %u",
							   i, reader->segment.id, cursor->skip[i].last_doc);
	}
}

void
OhListOpen(OhList *list, OhSegmentReader *reader, const OhTermData *term)
{
	list->dense = term->impact != 0;
	if (list->dense)
		open_bitmaps(&list->cursor, reader, term, OhListBitmaps(term));
	else
		OhCursorOpen(&list->cursor, reader, term);
}

void
OhListClose(OhList *list)
{
	OhCursorClose(&list->cursor);
}

/* The first document of a list's first bitmap. */
static inline uint32
first_bit(const OhCursor *cursor)
{
	return cursor->skip[0].last_doc - (OH_BITMAP_DOCS - 1);
}

uint32
OhListFrom(OhList *list, uint32 doc)
{
	OhCursor   *cursor = &list->cursor;

	if (!list->dense)
		return OhCursorSeek(cursor, doc);
	if (cursor->reader->stale || doc > cursor->skip[cursor->nblocks - 1].last_doc)
		return OH_NONE;
	return Max(doc, first_bit(cursor));
}

/*
 * fill_from_bitmap -- set bits of the only bitmap that has these documents, if there is one.
 */
static void
fill_from_bitmap(OhCursor *cursor, uint32 base, uint64 *bits)
{
	const OhSkip *skip;
	const char *from;
	Buffer		buffer;

	if (cursor->reader->stale || base < first_bit(cursor) || base > cursor->skip[cursor->nblocks - 1].last_doc)
		return;
	skip = &cursor->skip[(base - first_bit(cursor)) / OH_BITMAP_DOCS];
	buffer = read_page(cursor->reader, OH_AREA_POSTINGS, skip->page);
	if (!BufferIsValid(buffer))
		return;
	if (skip->offset + OH_BITMAP_BYTES > OhSegmentPageOf(BufferGetPage(buffer))->used)
		damaged(cursor, BufferGetBlockNumber(buffer), "is beyond the end of its page");
	from = contents(buffer) + skip->offset;
	for (int i = 0; i < OH_BITMAP_WORDS; i++)
	{
		uint64		word;

		/* it need not be aligned */
		memcpy(&word, from + i * sizeof(uint64), sizeof(uint64));
		bits[i] |= word;
	}
	UnlockReleaseBuffer(buffer);
}

void
OhListFill(OhList *list, uint32 base, uint64 *bits)
{
	OhCursor   *cursor = &list->cursor;

	if (list->dense)
		fill_from_bitmap(cursor, base, bits);
	else
	{
		while (OhCursorSeek(cursor, base) - base < OH_BITMAP_DOCS && cursor->current != OH_NONE)
		{
			int			i = cursor->at;

			/* as many of the block as the bits have room for */
			for (; i < cursor->n && cursor->doc[i] - base < OH_BITMAP_DOCS; i++)
				bits[(cursor->doc[i] - base) / 64] |= UINT64CONST(1) << cursor->doc[i] % 64;
			if (i < cursor->n)
			{
				cursor->at = i;
				cursor->current = cursor->doc[i];
				break;
			}
			(void) OhCursorSeek(cursor, cursor->doc[i - 1] + 1);
		}
	}
}
