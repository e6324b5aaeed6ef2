/*
 * writer.c -- writes a segment.
 *
 * Three areas grow at the same time, and their lengths are only known at the end.  Until
 * then their pages are kept in memory, or in temporary files.  The pages of a segment are
 * contiguous in the array of segments, so that nothing needs to record where each one is.
 * They take the first gap between listed segments that is large enough; otherwise the array
 * grows.
 */
#include "postgres.h"

#include "commands/tablespace.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/buffile.h"

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
	BufFile    *file;			/* file of further pages; NULL if there are none */
	char		filling[OH_PAGE_BODY];
} Area;

struct OhSegmentWriter
{
	OhText	   *ix;
	double		average;
	MemoryContext context;
	Area		area[OH_NAREAS];
	OhSegment	segment;

	/* the term being written */
	OhTermData	term;
	uint16		impact;			/* the greatest impact of its blocks */
	uint32		nblocks;
	OhSkip		first;			/* its first block */
	int			n;				/* number of postings that are not in a block yet */
	uint32		doc[OH_BLOCK_DOCS];
	uint32		tf[OH_BLOCK_DOCS];
	uint32		length[OH_BLOCK_DOCS];
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
 * end_page -- finish the page being filled.
 */
static void
end_page(OhSegmentWriter *writer, int which)
{
	Area	   *area = &writer->area[which];
	OhSegmentPage *head = (OhSegmentPage *) area->filling;

	head->area = which;
	head->index = area->npages;
	head->used = area->used;
	if (area->npages < MEMORY_PAGES)
	{
		area->page[area->npages] = MemoryContextAlloc(writer->context, OH_PAGE_BODY);
		memcpy(area->page[area->npages], area->filling, OH_PAGE_BODY);
	}
	else
	{
		if (area->file == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(writer->context);

			PrepareTempTablespaces();
			area->file = BufFileCreateTemp(false);
			MemoryContextSwitchTo(old);
		}
		BufFileWrite(area->file, area->filling, OH_PAGE_BODY);
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

static void
end_term(OhSegmentWriter *writer)
{
	uint32		page;
	uint16		offset;

	if (writer->n > 0)
		end_block(writer);
	if (writer->nblocks == 0)
		return;
	if (writer->nblocks == 1)
	{
		writer->term.at = writer->first.page;
		writer->term.offset = writer->first.offset;
	}
	writer->term.impact = writer->impact;
	memcpy(put(writer, OH_AREA_TERMS, sizeof(OhTermData), &page, &offset), &writer->term, sizeof(OhTermData));
	writer->segment.nterms++;
}

void
OhSegmentWriterTerm(OhSegmentWriter *writer, uint64 hash)
{
	end_term(writer);
	memset(&writer->term, 0, sizeof(OhTermData));
	writer->term.hash_high = hash >> 32;
	writer->term.hash_low = (uint32) hash;
	writer->impact = 0;
	writer->nblocks = 0;
}

void
OhSegmentWriterAdd(OhSegmentWriter *writer, uint32 doc, uint32 tf, uint32 length)
{
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

static int
compare_starts(const void *a, const void *b)
{
	const OhSegment *x = a;
	const OhSegment *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/*
 * find_range -- find npages contiguous pages that no listed segment has; returns the first.
 */
static uint32
find_range(OhText *ix, uint32 npages)
{
	OhTextList *list = palloc(sizeof(OhTextList));
	uint64		first = 0;

	OhTextReadList(ix, list);
	qsort(list->segment, list->nsegments, sizeof(OhSegment), compare_starts);
	for (int i = 0; i < list->nsegments; i++)
	{
		const OhSegment *s = &list->segment[i];

		if (first + npages <= s->first)
			break;
		first = Max(first, (uint64) s->first + s->posting_pages + s->skip_pages + s->term_pages);
	}
	pfree(list);
	while (first + npages > OhArrayPages(&ix->file, OH_SEGMENT))
	{
		CHECK_FOR_INTERRUPTS();
		(void) OhArrayExtend(&ix->file, OH_SEGMENT);
	}
	return first;
}

/*
 * write_area -- write the pages of an area to the index, one WAL record each.
 */
static void
write_area(OhSegmentWriter *writer, int which, uint32 first)
{
	Area	   *area = &writer->area[which];
	OhFile	   *file = &writer->ix->file;
	char		from_file[OH_PAGE_BODY];

	if (area->file != NULL && BufFileSeek(area->file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not rewind a temporary file: %m")));
	for (uint32 i = 0; i < area->npages; i++)
	{
		char	   *body = i < MEMORY_PAGES ? area->page[i] : from_file;
		OhWrite		write;
		Buffer		buffer;
		Page		page;

		CHECK_FOR_INTERRUPTS();
		if (i >= MEMORY_PAGES && BufFileRead(area->file, from_file, OH_PAGE_BODY) != OH_PAGE_BODY)
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("could not read from a temporary file: %m")));
		((OhSegmentPage *) body)->segment = writer->segment.id;
		buffer = OhArrayRead(file, OH_SEGMENT, first + i, BUFFER_LOCK_EXCLUSIVE);
		OhWriteStart(&write, file);
		page = OhWritePage(&write, buffer, true);
		memcpy(PageGetContents(page), body, OH_PAGE_BODY);
		OhTail(page)->nused = 1;
		OhPageSetLower(file, OH_SEGMENT, page);
		OhWriteFinish(&write);
		UnlockReleaseBuffer(buffer);
		if (i < MEMORY_PAGES)
			pfree(body);
	}
	if (area->file != NULL)
		BufFileClose(area->file);
}

/*
 * take_id -- take the next segment id, in one WAL record.  An id is never used twice, even
 * if the segment is never listed.
 */
static uint32
take_id(OhText *ix)
{
	Buffer		buffer = OhReadBlock(ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	OhWrite		write;
	uint32		id;

	if (OhTextMetaOf(BufferGetPage(buffer))->next_segment == PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" has used all segment numbers", RelationGetRelationName(ix->file.rel)),
				 errhint("REINDEX it.")));
	OhWriteStart(&write, &ix->file);
	id = OhTextMetaOf(OhWritePage(&write, buffer, false))->next_segment++;
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
	return id;
}

bool
OhSegmentWriterFinish(OhSegmentWriter *writer, OhSegment *segment)
{
	uint32		first;

	end_term(writer);
	for (int which = 0; which < OH_NAREAS; which++)
	{
		if (writer->area[which].used > 0)
			end_page(writer, which);
	}
	if (writer->segment.ndocs == 0)
		return false;
	writer->segment.posting_pages = writer->area[OH_AREA_POSTINGS].npages;
	writer->segment.skip_pages = writer->area[OH_AREA_SKIPS].npages;
	writer->segment.term_pages = writer->area[OH_AREA_TERMS].npages;
	first = find_range(writer->ix, writer->segment.posting_pages + writer->segment.skip_pages +
					   writer->segment.term_pages);
	writer->segment.first = first;
	writer->segment.id = take_id(writer->ix);
	for (int which = 0; which < OH_NAREAS; which++)
	{
		write_area(writer, which, first);
		first += writer->area[which].npages;
	}
	*segment = writer->segment;
	return true;
}
