/*
 * writer.c -- writes a segment.
 *
 * Three areas grow at once, and how long each gets is known at the end only: their pages
 * are kept in memory, or in temporary files, until then.  The pages of an area follow one
 * another in the array of segments (extents.h).
 *
 * A merge in steps knows how large its areas get at most.  It reserves these pages and
 * writes each when it is full, and the last ones at the end of a step.
 */
#include "postgres.h"

#include "commands/tablespace.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/buffile.h"

#include "bm25/segment/extents.h"
#include "bm25/segment/writer.h"
#include "bm25/segment/reader.h"
#include "kernel/kernel.h"
#include "storage/wal.h"

/* Number of pages of an area that are kept in memory. */
#define MEMORY_PAGES	128

typedef struct Area
{
	uint32		npages;			/* number of finished pages */
	uint32		used;			/* bytes used on the page being filled */
	char	   *page[MEMORY_PAGES];
	BufFile    *file;			/* of further pages; NULL if there are none */
	uint32		reserved;		/* if pages are written directly */
	char		filling[OH_PAGE_BODY];
} Area;

struct OhSegmentWriter
{
	OhText	   *ix;
	double		average;
	MemoryContext context;
	Area		area[OH_NAREAS];
	OhSegment	segment;
	uint32		columns;		/* whose lists are being written; 0: words are */
	uint32		first_doc;		/* when lists are: documents of the segment */
	uint32		last_doc;
	bool		direct;			/* to pages that are reserved */
	bool		overflowed;		/* there were too few of them */

	/* the term being written */
	OhTermData	term;
	uint16		impact;			/* the greatest impact of its blocks */
	uint32		nblocks;
	OhSkip		first;			/* its first block */
	int			n;				/* number of postings that are not in a block yet */
	uint32		doc[OH_BLOCK_DOCS];
	uint32		tf[OH_BLOCK_DOCS];
	uint32		length[OH_BLOCK_DOCS];

	/* the list being written, if it is kept as bitmaps */
	bool		dense;
	uint32		base;			/* first document of the bitmap being filled */
	uint64		bits[OH_BITMAP_WORDS];
};

OhSegmentWriter *
OhSegmentWriterBegin(OhText *ix, double average, MemoryContext context)
{
	OhSegmentWriter *writer = MemoryContextAllocZero(context, sizeof(OhSegmentWriter));

	writer->ix = ix;
	writer->average = average;
	writer->context = context;
	writer->segment.average = average;
	return writer;
}

/*
 * write_page -- a page of the segment, one WAL record.
 */
static void
write_page(OhSegmentWriter *writer, uint32 lp, char *body)
{
	OhFile	   *file = &writer->ix->file;
	OhWrite		write;
	Buffer		buffer;
	Page		page;

	CHECK_FOR_INTERRUPTS();
	while (!OhArrayHas(file, OH_SEGMENT, lp))
		(void) OhArrayExtend(file, OH_SEGMENT);
	((OhSegmentPage *) body)->segment = writer->segment.id;
	buffer = OhArrayRead(file, OH_SEGMENT, lp, BUFFER_LOCK_EXCLUSIVE);
	OhWriteStart(&write, file);
	page = OhWritePage(&write, buffer, true);
	memcpy(PageGetContents(page), body, OH_PAGE_BODY);
	OhTail(page)->nused = 1;
	OhPageSetLower(file, OH_SEGMENT, page);
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}

static void
set_head(OhSegmentWriter *writer, int which)
{
	Area	   *area = &writer->area[which];
	OhSegmentPage *head = (OhSegmentPage *) area->filling;

	head->area = which;
	head->index = area->npages;
	head->used = area->used;
	head->columns = which == OH_AREA_TERMS ? writer->columns : 0;
}

/*
 * write_directly -- the page being filled, to the place that it is reserved.
 */
static void
write_directly(OhSegmentWriter *writer, int which)
{
	Area	   *area = &writer->area[which];

	set_head(writer, which);
	if (area->npages < area->reserved)
		write_page(writer, writer->segment.first[which] + area->npages, area->filling);
	else
		writer->overflowed = true;
}

/*
 * keep_page -- in memory, or in a temporary file.
 */
static void
keep_page(OhSegmentWriter *writer, Area *area)
{
	if (area->npages < MEMORY_PAGES)
	{
		area->page[area->npages] = MemoryContextAlloc(writer->context, OH_PAGE_BODY);
		memcpy(area->page[area->npages], area->filling, OH_PAGE_BODY);
		return;
	}
	if (area->file == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(writer->context);

		PrepareTempTablespaces();
		area->file = BufFileCreateTemp(false);
		MemoryContextSwitchTo(old);
	}
	BufFileWrite(area->file, area->filling, OH_PAGE_BODY);
}

/*
 * end_page -- the page being filled is finished.
 */
static void
end_page(OhSegmentWriter *writer, int which)
{
	Area	   *area = &writer->area[which];

	if (writer->direct)
		write_directly(writer, which);
	else
	{
		set_head(writer, which);
		keep_page(writer, area);
	}
	area->npages++;
	area->used = 0;
	memset(area->filling, 0, OH_PAGE_BODY);
}

/*
 * put -- append bytes that must not cross a page; returns a pointer to them.
 */
static char *
put(OhSegmentWriter *writer, int which, Size bytes, uint32 *page, uint16 *offset)
{
	Area	   *area = &writer->area[which];
	char	   *at;

	if (area->used + bytes > OH_SEGMENT_BYTES)
		end_page(writer, which);
	*page = area->npages;
	*offset = area->used;
	at = area->filling + sizeof(OhSegmentPage) + area->used;
	area->used += bytes;
	return at;
}

static void
put_skip(OhSegmentWriter *writer, const OhSkip *skip)
{
	uint32		page;
	uint16		offset;

	memcpy(put(writer, OH_AREA_SKIPS, sizeof(OhSkip), &page, &offset), skip, sizeof(OhSkip));
	writer->segment.nskips++;
}

static int
bits_of(uint32 all)
{
	return all == 0 ? 0 : pg_leftmost_one_pos32(all) + 1;
}

/*
 * block_impact -- the greatest impact of the postings.
 */
static uint16
block_impact(const OhSegmentWriter *writer)
{
	double		largest = 0;

	for (int i = 0; i < writer->n; i++)
	{
		double		norm = OhLengthNorm(&writer->ix->scoring, writer->length[i], writer->average);

		largest = Max(largest, writer->tf[i] / (writer->tf[i] + norm));
	}
	return OhImpact(largest);
}

/*
 * end_block -- write the collected postings as a block.
 */
static void
end_block(OhSegmentWriter *writer)
{
	OhBlockHeader head = {writer->doc[0], writer->n - 1};
	uint32		gap[OH_BLOCK_DOCS];
	uint32		all[3] = {0};
	OhSkip		skip;
	Size		bytes[3];
	uint8	   *at;

	for (int i = 0; i < writer->n; i++)
	{
		if (i > 0)
			all[0] |= gap[i - 1] = writer->doc[i] - writer->doc[i - 1] - 1;
		all[1] |= --writer->tf[i];
		all[2] |= writer->length[i];
	}
	head.doc_bits = bits_of(all[0]);
	head.tf_bits = bits_of(all[1]);
	head.length_bits = bits_of(all[2]);
	bytes[0] = om_packed_bytes(writer->n - 1, head.doc_bits);
	bytes[1] = om_packed_bytes(writer->n, head.tf_bits);
	bytes[2] = om_packed_bytes(writer->n, head.length_bits);

	at = (uint8 *) put(writer, OH_AREA_POSTINGS, OH_BLOCK_HEADER + bytes[0] + bytes[1] + bytes[2], &skip.page,
					   &skip.offset);
	memcpy(at, &head, OH_BLOCK_HEADER);
	at += OH_BLOCK_HEADER;
	om_pack_u32(gap, writer->n - 1, head.doc_bits, at);
	at += bytes[0];
	om_pack_u32(writer->tf, writer->n, head.tf_bits, at);
	at += bytes[1];
	om_pack_u32(writer->length, writer->n, head.length_bits, at);

	for (int i = 0; i < writer->n; i++)
		writer->tf[i]++;
	skip.last_doc = writer->doc[writer->n - 1];
	skip.impact = block_impact(writer);
	writer->impact = Max(writer->impact, skip.impact);
	if (writer->nblocks == 0)
		writer->first = skip;
	else
	{
		if (writer->nblocks == 1)
		{
			writer->term.at = writer->segment.nskips;
			put_skip(writer, &writer->first);
		}
		put_skip(writer, &skip);
	}
	writer->nblocks++;
	writer->n = 0;
}

/*
 * end_bitmap -- write the bitmap being filled.
 */
static void
end_bitmap(OhSegmentWriter *writer)
{
	OhSkip		skip = {.last_doc = writer->base + OH_BITMAP_DOCS - 1};

	memcpy(put(writer, OH_AREA_POSTINGS, OH_BITMAP_BYTES, &skip.page, &skip.offset), writer->bits, OH_BITMAP_BYTES);
	memset(writer->bits, 0, OH_BITMAP_BYTES);
	if (writer->nblocks++ == 0)
		writer->term.at = writer->segment.nskips;
	put_skip(writer, &skip);
}

/*
 * add_bit -- add a document to the bitmaps.
 */
static void
add_bit(OhSegmentWriter *writer, uint32 doc)
{
	if (writer->term.ndocs == 0)
		writer->base = doc / OH_BITMAP_DOCS * OH_BITMAP_DOCS;
	for (; doc - writer->base >= OH_BITMAP_DOCS; writer->base += OH_BITMAP_DOCS)
		end_bitmap(writer);
	writer->bits[(doc - writer->base) / 64] |= UINT64CONST(1) << doc % 64;
	writer->term.ndocs++;
}

/*
 * write_term -- write the record of a term or list that has documents.
 */
static void
write_term(OhSegmentWriter *writer)
{
	uint32		page;
	uint16		offset;

	if (writer->dense)
	{
		writer->term.impact = (writer->nblocks >> 16) + 1;
		writer->term.offset = (uint16) writer->nblocks;
	}
	else
	{
		if (writer->nblocks == 1)
		{
			writer->term.at = writer->first.page;
			writer->term.offset = writer->first.offset;
		}
		writer->term.impact = writer->columns == 0 ? writer->impact : 0;
	}
	memcpy(put(writer, OH_AREA_TERMS, sizeof(OhTermData), &page, &offset), &writer->term, sizeof(OhTermData));
	if (writer->columns == 0)
		writer->segment.nterms++;
}

/*
 * end_term -- end the term or list being written, if any.
 */
static void
end_term(OhSegmentWriter *writer)
{
	if (writer->dense && writer->term.ndocs > 0)
		end_bitmap(writer);
	else if (writer->n > 0)
		end_block(writer);
	if (writer->nblocks > 0)
		write_term(writer);
	memset(&writer->term, 0, sizeof(OhTermData));
	writer->impact = 0;
	writer->nblocks = 0;
	writer->dense = false;
}

void
OhSegmentWriterTerm(OhSegmentWriter *writer, uint64 hash)
{
	end_term(writer);
	writer->term.hash_high = hash >> 32;
	writer->term.hash_low = (uint32) hash;
}

void
OhSegmentWriterLists(OhSegmentWriter *writer, uint32 columns, uint32 first, uint32 last)
{
	Area	   *area = &writer->area[OH_AREA_TERMS];

	end_term(writer);
	/* unless lists are resumed, the page has terms of words */
	if (area->used > 0 && ((OhSegmentPage *) area->filling)->columns == 0)
		end_page(writer, OH_AREA_TERMS);
	writer->columns = columns;
	writer->first_doc = first;
	writer->last_doc = last;
}

void
OhSegmentWriterList(OhSegmentWriter *writer, uint64 hash, uint64 ndocs)
{
	uint64		all = (uint64) writer->last_doc - writer->first_doc + 1;

	OhSegmentWriterTerm(writer, hash);
	writer->dense = ndocs * OH_BITMAP_SHARE >= all && writer->last_doc < OH_NONE - OH_BITMAP_DOCS;
}

void
OhSegmentWriterAdd(OhSegmentWriter *writer, uint32 doc, uint32 tf, uint32 length)
{
	if (writer->dense)
	{
		add_bit(writer, doc);
		return;
	}
	if (writer->n == OH_BLOCK_DOCS)
		end_block(writer);
	writer->doc[writer->n] = doc;
	writer->tf[writer->n] = tf;
	writer->length[writer->n++] = length;
	writer->term.ndocs++;
	if (writer->segment.nterms == 0)
	{
		/* term 0 */
		writer->segment.ndocs++;
		writer->segment.length += length;
	}
}

/*
 * write_area -- its pages to the index.
 */
static void
write_area(OhSegmentWriter *writer, int which, uint32 first)
{
	Area	   *area = &writer->area[which];
	char		from_file[OH_PAGE_BODY];

	if (area->file != NULL && BufFileSeek(area->file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not rewind a temporary file: %m")));
	for (uint32 i = 0; i < area->npages; i++)
	{
		char	   *body = i < MEMORY_PAGES ? area->page[i] : from_file;

		if (i >= MEMORY_PAGES && BufFileRead(area->file, from_file, OH_PAGE_BODY) != OH_PAGE_BODY)
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("could not read from a temporary file: %m")));
		write_page(writer, first + i, body);
		if (i < MEMORY_PAGES)
			pfree(body);
	}
	if (area->file != NULL)
		BufFileClose(area->file);
}

bool
OhSegmentWriterFinish(OhSegmentWriter *writer, OhSegment *segment)
{
	OhSegment  *own = &writer->segment;

	end_term(writer);
	for (int which = 0; which < OH_NAREAS; which++)
	{
		if (writer->area[which].used > 0)
			end_page(writer, which);
		own->pages[which] = writer->area[which].npages;
	}
	if (own->ndocs == 0)
		return false;
	if (!writer->direct)
	{
		OhTakeExtents(writer->ix, own->pages, own->first);
		own->id = OhTakeSegmentId(writer->ix);
		for (int which = 0; which < OH_NAREAS; which++)
			write_area(writer, which, own->first[which]);
	}
	*segment = *own;
	return true;
}

/* ---- a segment that is written in steps ---- */

/*
 * read_filling -- the page that the last step did not fill.
 */
static void
read_filling(OhSegmentWriter *writer, int which, uint32 used)
{
	Area	   *area = &writer->area[which];
	Buffer		buffer = OhArrayRead(&writer->ix->file, OH_SEGMENT, writer->segment.first[which] + area->npages,
									 BUFFER_LOCK_SHARE);
	const OhSegmentPage *head = OhSegmentPageOf(BufferGetPage(buffer));

	/* what a step wrote that then failed is behind what the state says */
	if (head->segment != writer->segment.id || head->area != which || head->index != area->npages ||
		head->used < used)
		OhReportCorruption(writer->ix->file.rel, BufferGetBlockNumber(buffer),
						   "page %u of area %u of segment %u, expected page %u of area %d of segment %u", head->index,
						   head->area, head->segment, area->npages, which, writer->segment.id);
	memcpy(area->filling, head, sizeof(OhSegmentPage) + used);
	area->used = used;
	UnlockReleaseBuffer(buffer);
}

OhSegmentWriter *
OhSegmentWriterResume(OhText *ix, const OhMergeState *state, MemoryContext context)
{
	OhSegmentWriter *writer = OhSegmentWriterBegin(ix, state->output.average, context);

	writer->direct = true;
	writer->segment = state->output;
	for (int which = 0; which < OH_NAREAS; which++)
	{
		writer->area[which].npages = state->output.pages[which];
		writer->area[which].reserved = state->reserved[which];
		if (state->used[which] > 0)
			read_filling(writer, which, state->used[which]);
	}
	return writer;
}

void
OhSegmentWriterPause(OhSegmentWriter *writer, OhMergeState *state)
{
	end_term(writer);
	for (int which = 0; which < OH_NAREAS; which++)
	{
		Area	   *area = &writer->area[which];

		state->used[which] = area->used;
		writer->segment.pages[which] = area->npages;
		if (area->used > 0)
			write_directly(writer, which);
	}
	state->output = writer->segment;
}

bool
OhSegmentWriterOverflowed(const OhSegmentWriter *writer)
{
	return writer->overflowed;
}
