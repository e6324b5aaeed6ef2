/*
 * extents.c -- which pages of the array of segments somebody has.  See extents.h.
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "bm25/segment/extents.h"
#include "storage/array.h"
#include "storage/wal.h"

/* Pages reserved for each area of a merge's output, in addition to the inputs' pages. */
#define SPARE_PAGES		2
/*
 * Most bytes of bitmaps for each document and filter column: a list that was postings in each input may be bitmaps
 * in the output.
 */
#define BITMAPS_BYTES	(OH_BITMAP_SHARE / 8)

/* Pages of the array of segments that somebody has. */
typedef struct Extent
{
	uint32		first;
	uint32		pages;
	uint32		id;
} Extent;

#define MAX_EXTENTS		(OH_NAREAS * (OH_MAX_SEGMENTS + 1))

static int
compare_starts(const void *a, const void *b)
{
	const Extent *x = a;
	const Extent *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/*
 * collect -- all that have pages, in extent[MAX_EXTENTS], ascending; returns how many.
 */
static int
collect(const OhTextList *list, Extent *extent)
{
	int			n = 0;

	for (int a = 0; a < OH_NAREAS; a++)
	{
		for (int i = 0; i < list->nsegments; i++)
		{
			const OhSegment *s = &list->segment[i];

			if (s->pages[a] > 0)
				extent[n++] = (Extent) {s->first[a], s->pages[a], s->id};
		}
		if (list->merge.output.id != 0 && list->merge.reserved[a] > 0)
			extent[n++] = (Extent) {list->merge.output.first[a], list->merge.reserved[a], list->merge.output.id};
	}
	qsort(extent, n, sizeof(Extent), compare_starts);
	return n;
}

/*
 * place_areas -- give each area its pages, of a range that has room for all.
 *
 * Postings are last, so that an array need not grow for them before they are written.
 */
static void
place_areas(uint32 first, const uint32 *pages, uint32 *place)
{
	static const int order[OH_NAREAS] = {OH_AREA_TERMS, OH_AREA_SKIPS, OH_AREA_POSTINGS};

	for (int i = 0; i < OH_NAREAS; i++)
	{
		place[order[i]] = first;
		first += pages[order[i]];
	}
}

/* ---- checks ---- */

/*
 * verify_reserved -- raise an error unless a merge has reserved what its inputs need, side by side, and no more.
 */
static void
verify_reserved(OhText *ix, const OhTextList *list, uint32 npages)
{
	const OhMergeState *merge = &list->merge;
	OhSegment  *input = palloc(sizeof(OhSegment) * Max(merge->ninputs, 1));
	uint32		most[OH_NAREAS];
	uint32		place[OH_NAREAS];
	int			n = 0;
	bool		bad;

	for (uint32 i = 0; i < merge->ninputs; i++)
	{
		for (int s = 0; s < list->nsegments; s++)
		{
			if (list->segment[s].id == merge->input[i] && n < (int) merge->ninputs)
				input[n++] = list->segment[s];
		}
	}
	OhMergePages(ix, input, n, most);
	place_areas(merge->output.first[OH_AREA_TERMS], merge->reserved, place);
	bad = place[OH_AREA_TERMS] > npages;
	for (int a = 0; a < OH_NAREAS; a++)
		bad |= merge->output.first[a] != place[a] || merge->reserved[a] > most[a];
	pfree(input);
	if (bad)
		OhReportCorruption(ix->file.rel, OH_META_BLOCK, "a merge to segment %u has reserved pages that it cannot have",
						   merge->output.id);
}

void
OhVerifyExtents(OhText *ix, const OhTextList *list)
{
	Extent	   *extent = palloc(sizeof(Extent) * MAX_EXTENTS);
	int			n = collect(list, extent);
	uint32		npages = OhArrayPages(&ix->file, OH_SEGMENT);
	uint64		ndocs = (uint64) OhArrayPages(&ix->file, OH_DOC) * ix->file.array[OH_DOC].per_page;

	for (int i = 0; i < list->nsegments; i++)
	{
		if (list->segment[i].ndocs > ndocs)
			OhReportCorruption(ix->file.rel, OH_META_BLOCK, "segment %u has %u documents of " UINT64_FORMAT,
							   list->segment[i].id, list->segment[i].ndocs, ndocs);
	}
	if (list->merge.output.id != 0)
		verify_reserved(ix, list, npages);
	for (int i = 0; i < n; i++)
	{
		uint64		end = (uint64) extent[i].first + extent[i].pages;

		if (i + 1 < n && extent[i + 1].first < end)
			OhReportCorruption(ix->file.rel, OH_META_BLOCK, "segments %u and %u share pages", extent[i].id, extent[i + 1].id);
		/* a merge need not have all the pages that it has reserved */
		if (extent[i].id != list->merge.output.id && end > npages)
			OhReportCorruption(ix->file.rel, OH_META_BLOCK, "segment %u ends with page " UINT64_FORMAT " of %u", extent[i].id,
							   end, npages);
	}
	pfree(extent);
}

/* ---- new ones ---- */

void
OhMergePages(const OhText *ix, const OhSegment *input, int n, uint32 *pages)
{
	uint64		ndocs = 0;

	memset(pages, 0, sizeof(uint32) * OH_NAREAS);
	for (int i = 0; i < n; i++)
	{
		for (int a = 0; a < OH_NAREAS; a++)
			pages[a] += input[i].pages[a];
		ndocs += input[i].ndocs;
	}
	pages[OH_AREA_POSTINGS] += ndocs * pg_popcount32(ix->lists) * BITMAPS_BYTES / OH_SEGMENT_BYTES;
	/* a term with one block in each input may have several in the output, and need a skip list */
	pages[OH_AREA_SKIPS] += pages[OH_AREA_POSTINGS] / 16;
	for (int a = 0; a < OH_NAREAS; a++)
		pages[a] += SPARE_PAGES;
}

void
OhTakeExtents(OhText *ix, const uint32 *pages, uint32 *place)
{
	OhTextList *list = palloc(sizeof(OhTextList));
	Extent	   *extent = palloc(sizeof(Extent) * MAX_EXTENTS);
	uint64		npages = 0;
	uint64		first = 0;
	int			n;

	for (int a = 0; a < OH_NAREAS; a++)
		npages += pages[a];
	OhTextReadList(ix, list);
	OhVerifyExtents(ix, list);
	n = collect(list, extent);
	for (int i = 0; i < n && first + npages > extent[i].first; i++)
		first = (uint64) extent[i].first + extent[i].pages;
	pfree(extent);
	pfree(list);
	if (first + npages > PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" is full", RelationGetRelationName(ix->file.rel)),
				 errhint("Partition the table, or delete rows and VACUUM it.")));
	place_areas(first, pages, place);
}

uint32
OhTakeSegmentId(OhText *ix)
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
