/*
 * merge.c -- from the tail to a segment, and which segments are merged to one
 * (mergestep.c does it); dead documents are freed.
 *
 * Each of these ends with one WAL record that changes the metapage.  Before it, readers see
 * the old state; after it, the new segment.  What a crash leaves:
 *
 *   after a tail was begun              two tails: readers read both, the next one who
 *                                       seals makes the older one a segment
 *   while a segment's pages are written pages that no listed segment has: written over,
 *                                       or, of a merge, gone on with
 *   after the metapage has been changed nothing to do
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "bm25/segment/merge.h"
#include "bm25/segment/reader.h"
#include "bm25/segment/writer.h"
#include "bm25/tail/tail.h"
#include "storage/wal.h"

/* Number of segments of one size at which they are merged. */
#define MERGE_WIDTH		8
/*
 * Segments of the smallest size have fewer documents than this; the limit of each further
 * size is MERGE_WIDTH times larger.
 */
#define SMALLEST		16384
/* Postings of one step: of an insert, and of those who merge to the end. */
#define SMALL_STEP		32768
#define LARGE_STEP		(512 * 1024)
/* Sizes that an insert merges. */
#define SMALL_TIERS		2
/* If fewer slots of the list are left than this, an insert merges larger segments, too. */
#define SPARE_SEGMENTS	16
/* A vacuum rewrites a segment if this fraction of its documents is dead. */
#define DEAD_SHARE		0.1

/* ---- documents ---- */

OhDocSet *
OhDocSetMake(OhText *ix, MemoryContext context)
{
	OhDocSet   *set = MemoryContextAlloc(context, sizeof(OhDocSet));

	set->ndocs = OhArrayRecords(&ix->file, OH_DOC);
	set->bits = MemoryContextAllocExtended(context, (set->ndocs / 64 + 1) * sizeof(uint64),
										   MCXT_ALLOC_ZERO | MCXT_ALLOC_HUGE);
	return set;
}

OhDocSet *
OhDeadDocs(OhText *ix, MemoryContext context)
{
	OhDocSet   *dead = OhDocSetMake(ix, context);
	uint32		per_page = ix->file.array[OH_DOC].per_page;

	for (uint32 lp = 0; lp < dead->ndocs / per_page; lp++)
	{
		Buffer		buffer;
		uint32		nused;

		CHECK_FOR_INTERRUPTS();
		buffer = OhArrayRead(&ix->file, OH_DOC, lp, BUFFER_LOCK_SHARE);
		nused = OhPageUsed(&ix->file, OH_DOC, buffer);
		for (uint32 slot = 0; slot < per_page; slot++)
		{
			const OhDocData *doc = OhSlot(&ix->file, OH_DOC, BufferGetPage(buffer), slot);

			if (slot >= nused || doc->state != OH_DOC_LIVE)
				OhDocSetAdd(dead, lp * per_page + slot);
		}
		UnlockReleaseBuffer(buffer);
	}
	return dead;
}

/* ---- the list of segments ---- */

void
OhChangeList(OhText *ix, const OhSegment *gone, int ngone, const OhSegment *added, uint32 sealed)
{
	Buffer		buffer = OhReadBlock(ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	OhWrite		write;
	OhTextMeta *meta;
	int			n = 0;

	OhWriteStart(&write, &ix->file);
	meta = OhTextMetaOf(OhWritePage(&write, buffer, false));
	for (int i = 0; i < meta->nsegments; i++)
	{
		bool		stays = true;

		for (int g = 0; g < ngone && stays; g++)
			stays = meta->segment[i].id != gone[g].id;
		if (stays)
			meta->segment[n++] = meta->segment[i];
	}
	if (added != NULL)
	{
		Assert(n < OH_MAX_SEGMENTS);
		meta->segment[n++] = *added;
	}
	memset(&meta->segment[n], 0, sizeof(OhSegment) * (OH_MAX_SEGMENTS - n));
	/* only a merge takes segments out */
	if (ngone > 0)
		memset(&meta->merge, 0, sizeof(OhMergeState));
	meta->nsegments = n;
	meta->sealed = sealed;
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}

double
OhListAverage(const OhTextList *list, uint64 length, uint64 ndocs)
{
	double		total = length;
	double		n = ndocs;

	for (int i = 0; i < list->nsegments; i++)
	{
		total += list->segment[i].length;
		n += list->segment[i].ndocs;
	}
	return n > 0 ? total / n : 0;
}

/* ---- seal ---- */

/*
 * begin_tail -- let inserts write to a new tail from now on.
 *
 * They append with the metapage locked in share mode, so no insert is still writing to the
 * old tail.  An insert that has written only a part of its document there starts over.
 */
static void
begin_tail(OhText *ix)
{
	Buffer		buffer = OhReadBlock(ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	OhWrite		write;

	OhWriteStart(&write, &ix->file);
	OhTextMetaOf(OhWritePage(&write, buffer, false))->epoch++;
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}

/* Filter keys of documents, most of which follow one another. */
typedef struct Keys
{
	OhText	   *ix;
	uint32		lp;				/* the page that copy is of; OH_NONE: of none */
	PGAlignedBlock copy;
	OhKeyRow   *row;
} Keys;

/*
 * read_keys -- the filter keys of a live document.
 */
static const OhKeyRow *
read_keys(Keys *keys, uint32 doc)
{
	const OhColumns *columns = &keys->ix->columns;

	if (keys->lp != doc / columns->per_page)
	{
		Buffer		buffer;

		keys->lp = doc / columns->per_page;
		buffer = OhArrayRead(&keys->ix->file, OH_DOC_KEY, keys->lp, BUFFER_LOCK_SHARE);
		memcpy(keys->copy.data, BufferGetPage(buffer), BLCKSZ);
		UnlockReleaseBuffer(buffer);
	}
	OhKeyPageGet(columns, keys->copy.data, doc % columns->per_page, keys->row);
	return keys->row;
}

/*
 * read_tail -- pass the live documents of a tail to a sorter.
 */
static void
read_tail(OhText *ix, uint32 epoch, OhSorter *sorter, MemoryContext context)
{
	OhDocSet   *left_out = OhDocSetMake(ix, context);
	Keys	   *keys = MemoryContextAlloc(context, sizeof(Keys));
	PGAlignedBlock copy;

	keys->ix = ix;
	keys->row = MemoryContextAlloc(context, Max(OhKeyRowBytes(ix->columns.n), 1));
	for (uint32 lp = 0;; lp++)
	{
		OhTailState state = OhTailReadPage(ix, epoch, lp, copy.data);
		OhChunk    *chunk = OhTailFirst(copy.data);

		CHECK_FOR_INTERRUPTS();
		if (state == OH_TAIL_GONE)
			OhReportCorruption(ix->file.rel, OH_META_BLOCK, "page %u of the tail of epoch %u is of a later one", lp,
							   epoch);
		if (state == OH_TAIL_END)
			break;
		/* its documents' filter keys may be later than the copy */
		keys->lp = OH_NONE;
		for (int i = 0; i < OhTailPageOf(copy.data)->nchunks; i++, chunk = OhTailNext(chunk))
		{
			OhDocData	doc;

			if (chunk->doc >= left_out->ndocs)
				OhReportCorruption(ix->file.rel, OH_META_BLOCK, "the tail names document %u of %u", chunk->doc,
								   left_out->ndocs);
			/* decided at its first chunk: a vacuum may mark it between two chunks */
			if (chunk->first && (!OhDocRead(ix, chunk->doc, &doc) || doc.state != OH_DOC_LIVE))
				OhDocSetAdd(left_out, chunk->doc);
			if (OhDocSetHas(left_out, chunk->doc))
				continue;
			if (chunk->first && ix->lists != 0)
				OhSorterAddKeys(sorter, chunk->doc, read_keys(keys, chunk->doc));
			OhSorterAdd(sorter, chunk->doc, chunk->length, chunk->nterms, chunk->hash,
						OhChunkFrequencies(chunk), chunk->first);
		}
	}
}

void
OhSeal(OhText *ix)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenbm25 seal", ALLOCSET_DEFAULT_SIZES);
	OhTextList *list = MemoryContextAlloc(context, sizeof(OhTextList));
	PGAlignedBlock copy;

	OhTextReadList(ix, list);
	if (list->nsegments == OH_MAX_SEGMENTS)
	{
		OhMergeSegments(ix, false);
		OhTextReadList(ix, list);
	}
	/* a tail that a crash has left comes first */
	if (list->sealed + 1 == list->epoch && OhTailReadPage(ix, list->epoch, 0, copy.data) != OH_TAIL_END)
	{
		begin_tail(ix);
		list->epoch++;
	}
	if (list->sealed + 1 < list->epoch)
	{
		OhSorter   *sorter = OhSorterBegin((Size) maintenance_work_mem * 1024, ix->lists, context);
		OhSegmentWriter *writer;
		OhSegment	segment;
		bool		some;

		read_tail(ix, list->sealed + 1, sorter, context);
		writer = OhSegmentWriterBegin(ix, OhListAverage(list, OhSorterLength(sorter), OhSorterDocs(sorter)),
									  context);
		OhSorterFinish(sorter, writer);
		some = OhSegmentWriterFinish(writer, &segment);
		OhChangeList(ix, NULL, 0, some ? &segment : NULL, list->sealed + 1);
	}
	MemoryContextDelete(context);
}

/* ---- merge ---- */

static int
tier(const OhSegment *segment)
{
	int			t = 0;

	for (uint64 most = SMALLEST; segment->ndocs >= most; most *= MERGE_WIDTH)
		t++;
	return t;
}

/*
 * choose_tier -- choose segments of one size, if there are many; returns how many are in
 * chosen[].
 */
static int
choose_tier(const OhTextList *list, int most_tier, int width, OhSegment *chosen)
{
	for (int t = 0; t <= most_tier; t++)
	{
		int			n = 0;

		for (int i = 0; i < list->nsegments; i++)
		{
			if (tier(&list->segment[i]) == t)
				chosen[n++] = list->segment[i];
		}
		if (n >= width)
			return n;
	}
	return 0;
}

/*
 * choose_dead -- choose a segment with many dead documents; returns 1 if there is one.
 */
static int
choose_dead(OhText *ix, const OhTextList *list, OhSegment *chosen)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenbm25 dead", ALLOCSET_DEFAULT_SIZES);
	OhDocSet   *dead = OhDeadDocs(ix, context);
	OhCursor   *cursor = MemoryContextAlloc(context, sizeof(OhCursor));
	int			n = 0;

	for (int i = 0; i < list->nsegments && n == 0; i++)
	{
		OhSegmentReader reader = {ix, list->segment[i], false, context};
		OhTermData	term;
		uint32		ndead = 0;

		if (!OhTermFind(&reader, 0, &term))
			OhReportCorruption(ix->file.rel, OH_META_BLOCK, "segment %u has no list of documents", reader.segment.id);
		OhCursorOpen(cursor, &reader, &term);
		for (uint32 doc = OhCursorSeek(cursor, 0); doc != OH_NONE; doc = OhCursorNext(cursor))
			ndead += OhDocSetHas(dead, doc);
		OhCursorClose(cursor);
		if (ndead > 0 && ndead >= DEAD_SHARE * list->segment[i].ndocs)
			chosen[n++] = list->segment[i];
	}
	MemoryContextDelete(context);
	return n;
}

/*
 * choose -- what is to be merged next: how many are in chosen[OH_MAX_SEGMENTS].
 */
static int
choose(OhText *ix, const OhTextList *list, bool large, OhSegment *chosen)
{
	int			n = choose_tier(list, large ? 32 : SMALL_TIERS - 1, MERGE_WIDTH, chosen);

	if (n == 0 && list->nsegments > OH_MAX_SEGMENTS - SPARE_SEGMENTS)
		n = choose_tier(list, 32, 2, chosen);
	if (n == 0 && large)
		n = choose_dead(ix, list, chosen);
	return n;
}

void
OhMergeSegments(OhText *ix, bool large)
{
	OhTextList *list = palloc(sizeof(OhTextList));
	OhSegment  *chosen = palloc(sizeof(OhSegment) * OH_MAX_SEGMENTS);

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		OhTextReadList(ix, list);
		if (list->merge.output.id == 0)
		{
			int			n = choose(ix, list, large, chosen);

			if (n == 0)
				break;
			OhMergeBegin(ix, list, chosen, n);
			OhTextReadList(ix, list);
		}
		OhMergeFinish(ix, list, LARGE_STEP);
	}
	pfree(chosen);
	pfree(list);
}

void
OhMergeSome(OhText *ix)
{
	OhTextList *list = palloc(sizeof(OhTextList));
	OhSegment  *chosen = palloc(sizeof(OhSegment) * OH_MAX_SEGMENTS);
	int			n = 0;

	OhTextReadList(ix, list);
	if (list->merge.output.id != 0)
		(void) OhMergeStep(ix, list, SMALL_STEP);
	else if ((n = choose(ix, list, false, chosen)) > 0)
		OhMergeBegin(ix, list, chosen, n);
	pfree(chosen);
	pfree(list);
}

/* ---- freed documents ---- */

/*
 * named_docs -- the set of all documents that are in segments or tails.
 */
static OhDocSet *
named_docs(OhText *ix, MemoryContext context)
{
	OhTextList *list = MemoryContextAlloc(context, sizeof(OhTextList));
	OhDocSet   *named = OhDocSetMake(ix, context);
	OhCursor   *cursor = MemoryContextAlloc(context, sizeof(OhCursor));
	PGAlignedBlock copy;

	OhTextReadList(ix, list);
	for (int i = 0; i < list->nsegments; i++)
	{
		OhSegmentReader reader = {ix, list->segment[i], false, context};
		OhTermData	term;

		if (!OhTermFind(&reader, 0, &term))
			OhReportCorruption(ix->file.rel, OH_META_BLOCK, "segment %u has no list of documents", reader.segment.id);
		OhCursorOpen(cursor, &reader, &term);
		for (uint32 doc = OhCursorSeek(cursor, 0); doc != OH_NONE; doc = OhCursorNext(cursor))
			OhDocSetAdd(named, doc);
		OhCursorClose(cursor);
	}
	for (uint32 epoch = list->sealed + 1; epoch <= list->epoch; epoch++)
	{
		for (uint32 lp = 0; OhTailReadPage(ix, epoch, lp, copy.data) == OH_TAIL_THERE; lp++)
		{
			OhChunk    *chunk = OhTailFirst(copy.data);

			CHECK_FOR_INTERRUPTS();
			for (int i = 0; i < OhTailPageOf(copy.data)->nchunks; i++, chunk = OhTailNext(chunk))
				OhDocSetAdd(named, chunk->doc);
		}
	}
	return named;
}

/*
 * is_left -- may the document be freed, if no segment and no tail has it?
 *
 * A claim of an earlier epoch has been given up by its insert, or will be.
 */
static bool
is_left(const OhDocData *doc, uint32 epoch)
{
	return doc->state == OH_DOC_DEAD || (doc->state == OH_DOC_CLAIMED && doc->length < epoch);
}

/*
 * free_page -- free documents of a page; returns whether there were any.
 */
static bool
free_page(OhText *ix, uint32 lp, const OhDocSet *left, const OhDocSet *named, uint32 epoch)
{
	uint32		first = lp * ix->file.array[OH_DOC].per_page;
	Buffer		buffer = OhArrayRead(&ix->file, OH_DOC, lp, BUFFER_LOCK_EXCLUSIVE);
	uint32		nused = OhPageUsed(&ix->file, OH_DOC, buffer);
	OhWrite		write;
	Page		page = NULL;

	for (uint32 slot = 0; slot < nused; slot++)
	{
		if (!OhDocSetHas(left, first + slot) || OhDocSetHas(named, first + slot) ||
			!is_left(OhSlot(&ix->file, OH_DOC, BufferGetPage(buffer), slot), epoch))
			continue;
		if (page == NULL)
		{
			OhWriteStart(&write, &ix->file);
			page = OhWritePage(&write, buffer, false);
		}
		OhPageFreeSlot(&ix->file, OH_DOC, page, slot);
	}
	if (page != NULL)
		OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
	return page != NULL;
}

/*
 * OhFreeDocs -- see merge.h.
 *
 * Dead documents are read before the segments and tails, because a dead document is never
 * added to a segment or a tail.
 */
void
OhFreeDocs(OhText *ix)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenbm25 free", ALLOCSET_DEFAULT_SIZES);
	OhDocSet   *left = OhDeadDocs(ix, context);
	OhTextList *list = MemoryContextAlloc(context, sizeof(OhTextList));
	uint32		npages = left->ndocs / ix->file.array[OH_DOC].per_page;
	OhDocSet   *named;
	uint32		first = OH_NONE;

	OhTextReadList(ix, list);
	named = named_docs(ix, context);
	for (uint32 lp = 0; lp < npages; lp++)
	{
		CHECK_FOR_INTERRUPTS();
		if (free_page(ix, lp, left, named, list->epoch))
			first = Min(first, lp);
	}
	if (first != OH_NONE)
	{
		Buffer		buffer = OhReadBlock(ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
		OhWrite		write;
		OhTextMeta *meta;

		OhWriteStart(&write, &ix->file);
		meta = OhTextMetaOf(OhWritePage(&write, buffer, false));
		meta->array[OH_DOC].free_hint = Min(first, meta->array[OH_DOC].free_hint);
		meta->generation++;
		OhWriteFinish(&write);
		UnlockReleaseBuffer(buffer);
	}
	MemoryContextDelete(context);
}
