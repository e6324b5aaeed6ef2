/*
 * textinsert.c -- aminsert: appends a document to the tail.
 *
 * A document of up to OH_CHUNK_TERMS terms is one WAL record, which changes three pages:
 * its document record, its filter keys and its chunk.  A document with more terms takes
 * several: first a claim together with the first chunk, then a record for each further
 * chunk, and the last one makes it live.  Readers ignore a claim.  If the tail is sealed in
 * between, the insert gives up its claim and starts over.
 *
 * Locks: the metapage in share mode, so that the tail is not sealed while it is written to,
 * then the pages in block order.
 */
#include "postgres.h"

#include "access/genam.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "bm25/insert/textinsert.h"
#include "bm25/segment/merge.h"
#include "bm25/tail/tail.h"
#include "bm25/textcallbacks.h"
#include "bm25/textoptions.h"
#include "filter/key.h"
#include "storage/rowcheck.h"
#include "storage/wal.h"

/*
 * A step of a merge is done whenever the tail has grown by this many pages.  It takes
 * several times as many postings as they hold, which are merged twice by inserts.
 */
#define MERGE_PAGES	8

/* A document on its way into the index. */
typedef struct Insertion
{
	OhText	   *ix;
	ItemPointer tid;
	const OhTerms *terms;		/* NULL: the text is NULL */
	const OhKeyRow *keys;		/* NULL without filter columns */
	uint32		epoch;
	uint32		doc;			/* OH_NONE until it is claimed */
	uint32		done;			/* terms written */
	bool		begun;			/* a chunk has been written */
	bool		full;			/* the tail is large */
	bool		merging;		/* a step of a merge is due */
} Insertion;

void
OhMakeTerms(OhTextMaker *maker, Relation index, Datum value, OhTerms *terms)
{
	if (index->rd_opcintype[0] == TSVECTOROID)
		OhTermsOfTsvector(value, maker->ix->weight, terms);
	else
		OhTermsOfText(maker->config, value, terms);
}

OhTextMaker *
OhTextMakerBegin(OhText *ix, MemoryContext context)
{
	OhTextMaker *maker = MemoryContextAllocZero(context, sizeof(OhTextMaker));

	maker->ix = ix;
	maker->config = OhTextConfig(ix);
	maker->context = AllocSetContextCreate(context, "omenbm25 row", ALLOCSET_DEFAULT_SIZES);
	if (ix->columns.n > 0)
	{
		maker->keys = OhKeyMakerBegin(&ix->columns, context);
		maker->row = MemoryContextAllocZero(context, OhKeyRowBytes(ix->columns.n));
	}
	return maker;
}

/*
 * find_tail_page -- the last page of the tail, if it has room, or the one after it.
 *
 * The pages of a tail are filled one after the other.
 */
static uint32
find_tail_page(Insertion *in, uint32 nterms)
{
	OhText	   *ix = in->ix;
	PGAlignedBlock copy;
	uint32		low = 0;
	uint32		high = 1;

	if (ix->tail_epoch != in->epoch)
	{
		/* low: the last page in use, or 0 */
		while (OhTailReadPage(ix, in->epoch, high, copy.data) == OH_TAIL_THERE)
		{
			low = high;
			high *= 2;
		}
		while (high - low > 1)
		{
			uint32		mid = low + (high - low) / 2;

			if (OhTailReadPage(ix, in->epoch, mid, copy.data) == OH_TAIL_THERE)
				low = mid;
			else
				high = mid;
		}
		ix->tail_epoch = in->epoch;
		ix->tail_page = low;
	}
	while (OhTailReadPage(ix, in->epoch, ix->tail_page, copy.data) == OH_TAIL_THERE &&
		   !OhTailHasRoom(copy.data, in->epoch, nterms))
		ix->tail_page++;
	while (!OhArrayHas(&ix->file, OhTailArray(in->epoch), ix->tail_page))
		(void) OhArrayExtend(&ix->file, OhTailArray(in->epoch));
	return ix->tail_page;
}

/*
 * find_doc -- find the number of a free document, and make room for its filter keys.
 */
static uint32
find_doc(OhText *ix)
{
	for (;;)
	{
		uint32		lp = OhArrayFindFree(&ix->file, OH_DOC);
		Buffer		buffer = OhArrayRead(&ix->file, OH_DOC, lp, BUFFER_LOCK_SHARE);
		uint32		per_page = ix->file.array[OH_DOC].per_page;
		uint32		slot = OhPageFindSlot(&ix->file, OH_DOC, BufferGetPage(buffer), BufferGetBlockNumber(buffer),
										  0, per_page);

		UnlockReleaseBuffer(buffer);
		if (slot != OH_NONE)
		{
			OhKeyPageReserve(&ix->columns, lp * per_page + slot);
			return lp * per_page + slot;
		}
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * give_up -- give up the claim; vacuum will free the document.
 */
static void
give_up(Insertion *in)
{
	OhFile	   *file = &in->ix->file;
	Buffer		buffer;
	OhDocData  *doc = OhRecordRead(file, OH_DOC, in->doc, BUFFER_LOCK_EXCLUSIVE, &buffer);

	/* vacuum may have freed it already */
	if (doc->state == OH_DOC_CLAIMED && doc->length == in->epoch && OhSameTid(&doc->tid, in->tid))
	{
		OhWrite		write;

		OhWriteStart(&write, file);
		doc = OhRecord(file, OH_DOC, OhWritePage(&write, buffer, false), in->doc);
		doc->state = OH_DOC_DEAD;
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
	in->doc = OH_NONE;
	in->done = 0;
	in->begun = false;
}

/* The pages that one WAL record changes. */
typedef struct Pages
{
	OhPageRef	page[3];
	int			n;
	int			doc;			/* index in page[]; -1: none */
	int			keys;
	int			tail;
} Pages;

static int
want_page(Pages *pages, int array, uint32 lp)
{
	pages->page[pages->n] = (OhPageRef) {array, lp, BUFFER_LOCK_EXCLUSIVE};
	return pages->n++;
}

/*
 * write_record -- write one chunk; the pages are locked.
 */
static void
write_record(Insertion *in, const Pages *pages, uint32 doc, uint32 nterms, bool last)
{
	OhFile	   *file = &in->ix->file;
	OhWrite		write;

	OhWriteStart(&write, file);
	if (pages->doc >= 0)
	{
		Buffer		buffer = pages->page[pages->doc].buffer;
		Page		page = OhWritePage(&write, buffer, false);
		uint32		slot = OhSlotOf(file, OH_DOC, doc);
		OhDocData  *record;

		if (in->doc == OH_NONE)
			(void) OhPageTakeSlotIn(file, OH_DOC, page, BufferGetBlockNumber(buffer), slot, slot + 1);
		record = OhSlot(file, OH_DOC, page, slot);
		record->tid = *in->tid;
		record->state = in->terms == NULL ? OH_DOC_NULL : last ? OH_DOC_LIVE : OH_DOC_CLAIMED;
		record->length = in->terms == NULL ? 0 : last ? in->terms->length : in->epoch;
	}
	if (pages->keys >= 0)
		OhKeyPageSet(&in->ix->columns, OhWritePage(&write, pages->page[pages->keys].buffer, false),
					 doc % in->ix->columns.per_page, in->keys);
	if (pages->tail >= 0)
	{
		Assert(in->terms != NULL);
		OhTailAppend(in->ix, OhWritePage(&write, pages->page[pages->tail].buffer, false), in->epoch, doc,
					 in->terms->length, !in->begun, nterms, in->terms->hash + in->done, in->terms->tf + in->done);
	}
	OhWriteFinish(&write);
	in->doc = doc;
	in->done += nterms;
	in->begun = true;
}

/*
 * is_possible -- are the document and the room for the chunk still free?
 */
static bool
is_possible(Insertion *in, const Pages *pages, uint32 doc, uint32 nterms)
{
	OhFile	   *file = &in->ix->file;

	if (in->doc == OH_NONE)
	{
		Buffer		buffer = pages->page[pages->doc].buffer;
		uint32		slot = OhSlotOf(file, OH_DOC, doc);

		if (OhPageFindSlot(file, OH_DOC, BufferGetPage(buffer), BufferGetBlockNumber(buffer), slot, slot + 1) != slot)
			return false;
	}
	else if (pages->doc >= 0)
	{
		/* vacuum frees only claims of earlier epochs, and this one is of the current epoch */
		const OhDocData *record = OhRecord(file, OH_DOC, BufferGetPage(pages->page[pages->doc].buffer), doc);

		if (record->state != OH_DOC_CLAIMED || record->length != in->epoch)
			OhReportCorruption(file->rel, BufferGetBlockNumber(pages->page[pages->doc].buffer),
							   "document %u is no longer claimed", doc);
	}
	return pages->tail < 0 ||
		OhTailHasRoom(BufferGetPage(pages->page[pages->tail].buffer), in->epoch, nterms);
}

/*
 * write_step -- write the next chunk; returns false if there is more to do.
 */
static bool
write_step(Insertion *in)
{
	OhText	   *ix = in->ix;
	uint32		left = in->terms == NULL ? 0 : in->terms->n - in->done;
	uint32		nterms = Min(left, OH_CHUNK_TERMS);
	bool		last = nterms == left;
	uint32		doc = in->doc == OH_NONE ? find_doc(ix) : in->doc;
	Pages		pages = {.doc = -1, .keys = -1, .tail = -1};
	Buffer		meta;
	bool		possible;

	if (in->doc == OH_NONE || last)
		pages.doc = want_page(&pages, OH_DOC, OhLp(&ix->file, OH_DOC, doc));
	if (in->keys != NULL && last)
		pages.keys = want_page(&pages, OH_DOC_KEY, doc / ix->columns.per_page);
	if (in->terms != NULL)
		pages.tail = want_page(&pages, OhTailArray(in->epoch), find_tail_page(in, nterms));

	meta = OhReadBlock(ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
	if (OhTextMetaOf(BufferGetPage(meta))->epoch != in->epoch)
	{
		uint32		epoch = OhTextMetaOf(BufferGetPage(meta))->epoch;

		UnlockReleaseBuffer(meta);
		if (in->doc != OH_NONE)
			give_up(in);
		in->epoch = epoch;
		return false;
	}
	OhArrayReadAll(&ix->file, pages.page, pages.n);
	possible = is_possible(in, &pages, doc, nterms);
	if (possible)
		write_record(in, &pages, doc, nterms, last);
	if (pages.tail >= 0)
	{
		uint32		lp = pages.page[pages.tail].lp;

		in->full = lp >= oh_tail_limit / (BLCKSZ / 1024);
		in->merging = lp % MERGE_PAGES == 0 &&
			OhTailPageOf(BufferGetPage(pages.page[pages.tail].buffer))->nchunks == 1;
	}
	OhReleaseAll(pages.page, pages.n);
	UnlockReleaseBuffer(meta);
	return possible && last;
}

/*
 * tidy_up -- make a full tail a segment, or do a step of a merge, unless somebody else is at it.
 */
static void
tidy_up(OhText *ix, uint32 epoch, bool full)
{
	OhTextList *list;

	if (!OhTextTryLockMerge(ix->file.rel))
		return;
	list = palloc(sizeof(OhTextList));
	OhTextReadList(ix, list);
	if (!full)
		OhMergeSome(ix);
	else if (list->epoch == epoch)
		OhSeal(ix);
	pfree(list);
	OhTextUnlockMerge(ix->file.rel);
}

/*
 * insert_doc -- insert a document into the tail; may leave memory allocated.
 */
static void
insert_doc(OhTextMaker *maker, Relation index, ItemPointer tid, const Datum *values, const bool *isnull)
{
	OhTerms		terms;
	Insertion	in = {.ix = maker->ix, .tid = tid, .doc = OH_NONE};

	if (!isnull[0])
	{
		OhMakeTerms(maker, index, values[0], &terms);
		in.terms = &terms;
	}
	if (maker->keys != NULL)
	{
		OhMakeKeys(maker->keys, values, isnull, maker->row);
		in.keys = maker->row;
	}
	in.epoch = maker->ix->tail_epoch;
	if (in.epoch == 0)
		in.epoch = 1;
	while (!write_step(&in))
		CHECK_FOR_INTERRUPTS();
	if (in.full || in.merging)
		tidy_up(maker->ix, in.epoch, in.full);
}

bool
ohtextinsert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
			 IndexUniqueCheck check, bool unchanged, IndexInfo *info)
{
	OhTextMaker *maker = info->ii_AmCache;
	OhText	   *ix = OhTextOpen(index);
	MemoryContext old;

	if (maker == NULL || maker->ix != ix)
		info->ii_AmCache = maker = OhTextMakerBegin(ix, info->ii_Context);
	old = MemoryContextSwitchTo(maker->context);
	insert_doc(maker, index, tid, values, isnull);
	MemoryContextSwitchTo(old);
	MemoryContextReset(maker->context);
	return false;
}
