/*
 * textcheck.c -- checks the invariants of an omenbm25 index:
 *
 * - Directories name every page once; pages that they do not name are empty.
 * - The segments in the list have disjoint pages.  The terms of a segment ascend, and the first
 *   is the list of its documents.  Postings ascend, and their documents are in that list.  A term
 *   has the number of documents that its record says.  No impact is below one of its block's
 *   postings, and a term's impact is the greatest of its blocks.
 * - A segment has lists of those filter columns that its index has them of.  A list has no other documents
 *   than those of the segment whose filter key is its own, and each document is on one list of each column.
 * - A document is in one segment, or in a tail, or is free, or a claim; a live one is in a segment
 *   or a tail.  Its length is what the segment says, and the sum of its frequencies.
 * - Chunks of a tail have ascending terms, and no document has two first ones.
 * - No two documents belong to the same row.
 *
 * The merge lock keeps segments unchanged while the check runs.  Documents are read first, and
 * those that were live then are in a segment or a tail as long as nobody merges.  On a standby
 * nothing keeps segments unchanged: if the list has changed, everything is checked again.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "bm25/check/textcheck.h"
#include "bm25/segment/extents.h"
#include "bm25/segment/reader.h"
#include "bm25/tail/tail.h"
#include "storage/rowcheck.h"

static BlockNumber
doc_block(OhTextCheck *c, uint32 doc)
{
	return OhRecordBlock(&c->ix->file, OH_DOC, doc);
}

/* ---- documents ---- */

static void
add_tid(OhTextCheck *c, const OhDocData *record, uint32 doc)
{
	if (!ItemPointerIsValid(&record->tid) || ItemPointerGetOffsetNumberNoCheck(&record->tid) > MaxOffsetNumber ||
		(c->file.strict && ItemPointerGetBlockNumberNoCheck(&record->tid) >= c->heap_blocks))
		OhReportCorruption(c->file.rel, doc_block(c, doc), "row (%u,%u) of document %u is beyond the table",
						   ItemPointerGetBlockNumberNoCheck(&record->tid),
						   ItemPointerGetOffsetNumberNoCheck(&record->tid), doc);
	c->tid[c->ntids].tid = record->tid;
	c->tid[c->ntids++].doc = doc;
}

static void
read_docs(OhTextCheck *c)
{
	uint32		per_page = c->ix->file.array[OH_DOC].per_page;
	PGAlignedBlock copy;

	for (uint32 lp = 0; lp < c->file.npages[OH_DOC]; lp++)
	{
		Page		page = OhCheckReadPage(&c->file, &c->ix->file, OH_DOC, lp, copy.data);
		uint32		nused = OhTail(page)->nused;
		uint32		nfree = 0;

		CHECK_FOR_INTERRUPTS();
		for (uint32 slot = 0; slot < nused; slot++)
		{
			const OhDocData *record = OhSlot(&c->ix->file, OH_DOC, page, slot);
			uint32		doc = lp * per_page + slot;

			c->doc[doc] = *record;
			switch (record->state)
			{
				case OH_DOC_FREE:
					nfree++;
					break;
				case OH_DOC_LIVE:
					c->f.live++;
					add_tid(c, record, doc);
					break;
				case OH_DOC_NULL:
					c->f.null_rows++;
					add_tid(c, record, doc);
					break;
				case OH_DOC_DEAD:
				case OH_DOC_CLAIMED:
					c->f.dead++;
					break;
				default:
					OhReportCorruption(c->file.rel, doc_block(c, doc), "document %u has state %u", doc, record->state);
			}
		}
		if (nfree != OhTail(page)->nfree)
			OhReportCorruption(c->file.rel, c->file.block[OH_DOC][lp], "%u free documents, counted as %u", nfree,
							   OhTail(page)->nfree);
		c->f.free_slots += nfree;
	}
}

static int
compare_tids(const OhDocTid *a, const OhDocTid *b)
{
	return ItemPointerCompare(unconstify(ItemPointerData *, &a->tid),
							  unconstify(ItemPointerData *, &b->tid));
}

#define ST_SORT sort_tids
#define ST_ELEMENT_TYPE OhDocTid
#define ST_COMPARE(a, b) compare_tids(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

static void
check_tids(OhTextCheck *c)
{
	if (c->ntids > 0)
		sort_tids(c->tid, c->ntids);
	for (int64 i = 1; i < c->ntids; i++)
	{
		const OhDocTid *a = &c->tid[i - 1];
		const OhDocTid *b = &c->tid[i];

		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		if (compare_tids(a, b) != 0)
			continue;
		/* between reading two pages, a vacuum and an insert may have reused the document */
		if (!c->file.strict)
		{
			OhDocData	x;
			OhDocData	y;

			if (!OhDocRead(c->ix, a->doc, &x) || !OhDocRead(c->ix, b->doc, &y) || x.state == OH_DOC_DEAD ||
				y.state == OH_DOC_DEAD || x.state == OH_DOC_FREE || y.state == OH_DOC_FREE ||
				!OhSameTid(&x.tid, &y.tid))
				continue;
		}
		OhReportCorruption(c->file.rel, doc_block(c, b->doc), "row (%u,%u) is document %u and document %u",
						   ItemPointerGetBlockNumber(&a->tid), ItemPointerGetOffsetNumber(&a->tid), a->doc, b->doc);
	}
}

/* ---- segments ---- */

typedef struct SegmentCheck
{
	OhTextCheck *c;
	OhSegmentReader reader;
	OhDocSet   *own;			/* documents of the segment */
	OhKeyRow   *row;			/* filter keys of a document */
	uint64		listed[OH_MAX_COLUMNS]; /* documents on the lists of each filter column */
} SegmentCheck;

static void
bad_segment(const SegmentCheck *s, const char *what, uint64 hash, uint32 doc)
{
	OhReportCorruption(s->c->file.rel, OH_META_BLOCK, "segment %u, term " UINT64_FORMAT ", document %u: %s",
					   s->reader.segment.id, hash, doc, what);
}

/*
 * check_list_entry -- check a document of term 0.
 */
static void
check_list_entry(SegmentCheck *s, uint32 doc, uint32 tf, uint32 length)
{
	OhTextCheck *c = s->c;

	if (doc >= c->ndocs)
		bad_segment(s, "there is no such document", 0, doc);
	if (OhDocSetHas(c->found, doc))
		bad_segment(s, "it is in another segment, too", 0, doc);
	if (c->doc[doc].state != OH_DOC_LIVE && c->doc[doc].state != OH_DOC_DEAD)
		bad_segment(s, "it is neither live nor dead", 0, doc);
	if (tf != 1 || c->doc[doc].length != length)
		bad_segment(s, "it has another length than its record says", 0, doc);
	OhDocSetAdd(c->found, doc);
	OhDocSetAdd(s->own, doc);
	c->f.documents++;
	c->f.length += length;
}

/*
 * check_term -- check all postings of a term.
 */
static void
check_term(SegmentCheck *s, const OhTermData *term)
{
	OhTextCheck *c = s->c;
	OhCursor   *cursor = MemoryContextAlloc(s->reader.context, sizeof(OhCursor));
	uint64		hash = OhTermHash(term);
	uint32		n = 0;
	uint32		last = 0;
	uint16		greatest = 0;

	OhCursorOpen(cursor, &s->reader, term);
	for (uint32 doc = OhCursorSeek(cursor, 0); doc != OH_NONE; doc = OhCursorNext(cursor))
	{
		uint32		tf = OhCursorFrequency(cursor);
		uint32		length = OhCursorLength(cursor);
		double		norm = OhLengthNorm(&c->ix->scoring, length, s->reader.segment.average);
		uint16		bound = cursor->skip[cursor->block].impact;

		if (n++ > 0 && doc <= last)
			bad_segment(s, "postings do not ascend", hash, doc);
		last = doc;
		if (hash == 0)
			check_list_entry(s, doc, tf, length);
		else if (!OhDocSetHas(s->own, doc))
			bad_segment(s, "the document is not of this segment", hash, doc);
		else
		{
			if (c->doc[doc].length != length)
				bad_segment(s, "it has another length than its record says", hash, doc);
			c->sum[doc] += tf;
			c->mix[doc] += OhMixTerm(hash, tf);
		}
		if (OhImpact(tf / (tf + norm)) > bound)
			bad_segment(s, "its impact is above that of its block", hash, doc);
		greatest = Max(greatest, bound);
	}
	if (!s->reader.stale && (n != term->ndocs || greatest != term->impact))
		bad_segment(s, "the term has other postings than it says", hash, last);
	c->f.postings += n;
	OhCursorClose(cursor);
	pfree(cursor);
}

/*
 * check_listed -- check a document of a list of a filter column.
 *
 * No insert takes the document's number as long as a segment names it, so that its filter keys do not change.
 */
static void
check_listed(SegmentCheck *s, uint64 hash, uint32 doc)
{
	OhText	   *ix = s->c->ix;
	int			column = OhListColumn(hash);
	Buffer		buffer;

	if (!OhDocSetHas(s->own, doc))
		bad_segment(s, "the document is not of this segment", hash, doc);
	buffer = OhArrayRead(&ix->file, OH_DOC_KEY, doc / ix->columns.per_page, BUFFER_LOCK_SHARE);
	OhKeyPageGet(&ix->columns, BufferGetPage(buffer), doc % ix->columns.per_page, s->row);
	UnlockReleaseBuffer(buffer);
	if (hash != OhListHash(column, (s->row->nulls >> column) & 1, s->row->value[column]))
		bad_segment(s, "the document is on a list of another value than its own", hash, doc);
	s->listed[column]++;
}

/*
 * check_list -- check all documents of a list.
 */
static void
check_list(SegmentCheck *s, const OhTermData *term)
{
	OhList	   *list = MemoryContextAlloc(s->reader.context, sizeof(OhList));
	uint64		hash = OhTermHash(term);
	uint64		doc = 0;
	uint64		n = 0;

	OhListOpen(list, &s->reader, term);
	while (doc < s->c->ndocs)
	{
		uint64		bits[OH_BITMAP_WORDS] = {0};
		uint32		base = OhListFrom(list, doc);

		CHECK_FOR_INTERRUPTS();
		if (base == OH_NONE)
			break;
		base -= base % OH_BITMAP_DOCS;
		OhListFill(list, base, bits);
		for (int w = 0; w < OH_BITMAP_WORDS; w++)
		{
			for (uint64 rest = bits[w]; rest != 0; rest &= rest - 1, n++)
				check_listed(s, hash, base + w * 64 + pg_rightmost_one_pos64(rest));
		}
		doc = (uint64) base + OH_BITMAP_DOCS;
	}
	if (!s->reader.stale && (n != term->ndocs || OhListFrom(list, Min(doc, OH_NONE - 1)) != OH_NONE))
		bad_segment(s, "the list has other documents than it says", hash, 0);
	OhListClose(list);
	pfree(list);
}

/*
 * check_lists -- check the lists of filter columns.
 */
static void
check_lists(SegmentCheck *s, OhTermScan *scan)
{
	uint32		columns = OhSegmentLists(&s->reader);
	const OhTermData *term;
	uint64		last = 0;

	if (s->reader.stale)
		return;
	if (columns != s->c->ix->lists)
		OhReportCorruption(s->c->file.rel, OH_META_BLOCK, "segment %u has lists of filter columns 0x%X instead of 0x%X",
						   s->reader.segment.id, columns, s->c->ix->lists);
	if (columns == 0)
		return;
	s->row = MemoryContextAllocZero(s->reader.context, OhKeyRowBytes(s->c->ix->columns.n));
	OhTermScanBegin(scan, &s->reader, true);
	while ((term = OhTermScanNext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (OhTermHash(term) <= last || !OhListIsOf(OhTermHash(term), columns))
			bad_segment(s, "lists do not ascend, or are of another column", OhTermHash(term), 0);
		last = OhTermHash(term);
		check_list(s, term);
	}
	for (uint32 rest = columns; rest != 0 && !s->reader.stale; rest &= rest - 1)
	{
		int			column = pg_rightmost_one_pos32(rest);

		if (s->listed[column] != s->reader.segment.ndocs)
			OhReportCorruption(s->c->file.rel, OH_META_BLOCK,
							   "segment %u has %u documents, and " UINT64_FORMAT " on the lists of filter column %d",
							   s->reader.segment.id, s->reader.segment.ndocs, s->listed[column], column + 1);
	}
}

/*
 * check_segment -- check a segment; false if it is stale.
 */
static bool
check_segment(OhTextCheck *c, const OhSegment *segment)
{
	MemoryContext context = AllocSetContextCreate(c->file.context, "omenbm25 check segment", ALLOCSET_DEFAULT_SIZES);
	SegmentCheck s = {c};
	OhTermScan *scan = MemoryContextAlloc(context, sizeof(OhTermScan));
	const OhTermData *term;
	uint32		nterms = 0;
	uint64		last = 0;

	s.reader = (OhSegmentReader) {c->ix, *segment, false, context};
	s.own = OhDocSetMake(c->ix, context);
	OhTermScanBegin(scan, &s.reader, false);
	while ((term = OhTermScanNext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if ((nterms == 0) != (OhTermHash(term) == 0) || (nterms > 0 && OhTermHash(term) <= last))
			bad_segment(&s, "terms do not ascend from 0", OhTermHash(term), 0);
		if (nterms == 0 && term->ndocs != segment->ndocs)
			bad_segment(&s, "the list of documents has another length than its segment says", 0, 0);
		last = OhTermHash(term);
		nterms++;
		check_term(&s, term);
	}
	if (!s.reader.stale && nterms != segment->nterms)
		bad_segment(&s, "there are other terms than its segment says", last, 0);
	if (!s.reader.stale)
		check_lists(&s, scan);
	c->f.terms += nterms;
	MemoryContextDelete(context);
	return !s.reader.stale;
}

/* ---- tails ---- */

/*
 * check_chunk -- check a chunk of a document that existed when documents were read; later
 * ones are ignored.
 */
static void
check_chunk(OhChunk *chunk, uint32 lp, void *arg)
{
	OhTextCheck *c = arg;
	const uint32 *tf = OhChunkFrequencies(chunk);

	for (uint32 i = 0; i < chunk->nterms; i++)
	{
		if (chunk->hash[i] == 0 || tf[i] == 0 || (i > 0 && chunk->hash[i] <= chunk->hash[i - 1]))
			OhReportCorruption(c->file.rel, OH_META_BLOCK, "page %u of a tail, document %u: terms do not ascend", lp,
							   chunk->doc);
	}
	c->f.postings += chunk->nterms;
	if (chunk->first)
	{
		c->f.tail_docs++;
		c->f.documents++;
		c->f.length += chunk->length;
	}
	if (chunk->doc >= c->ndocs || c->doc[chunk->doc].state != OH_DOC_LIVE)
		return;
	if (chunk->first)
	{
		if (OhDocSetHas(c->found, chunk->doc))
			OhReportCorruption(c->file.rel, OH_META_BLOCK, "page %u of a tail: document %u is there twice", lp,
							   chunk->doc);
		OhDocSetAdd(c->found, chunk->doc);
	}
	if (chunk->length != c->doc[chunk->doc].length || !OhDocSetHas(c->found, chunk->doc))
		OhReportCorruption(c->file.rel, OH_META_BLOCK, "page %u of a tail: document %u has another length, or no beginning",
						   lp, chunk->doc);
	for (uint32 i = 0; i < chunk->nterms; i++)
	{
		c->sum[chunk->doc] += tf[i];
		c->mix[chunk->doc] += OhMixTerm(chunk->hash[i], tf[i]);
	}
}

static bool
check_tails(OhTextCheck *c)
{
	return OhTailEach(c->ix, c->list.sealed + 1, c->list.epoch, check_chunk, c);
}

/* ---- all ---- */

static void
check_docs(OhTextCheck *c)
{
	for (uint32 doc = 0; doc < c->ndocs; doc++)
	{
		if (doc % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		if (c->doc[doc].state == OH_DOC_LIVE && !OhDocSetHas(c->found, doc))
			OhReportCorruption(c->file.rel, doc_block(c, doc), "document %u is in no segment and no tail", doc);
		if (OhDocSetHas(c->found, doc) && c->sum[doc] != c->doc[doc].length)
			OhReportCorruption(c->file.rel, doc_block(c, doc),
							   "the terms of document %u are %llu, its length is %u", doc,
							   (unsigned long long) c->sum[doc], c->doc[doc].length);
	}
}

/*
 * list_changed -- has a standby replayed a merge?
 */
static bool
list_changed(OhTextCheck *c)
{
	OhTextList *now = palloc(sizeof(OhTextList));
	bool		changed;

	OhTextReadList(c->ix, now);
	changed = now->epoch != c->list.epoch || now->sealed != c->list.sealed || now->nsegments != c->list.nsegments ||
		memcmp(now->segment, c->list.segment, sizeof(OhSegment) * now->nsegments) != 0;
	pfree(now);
	return changed;
}

static void
begin_arrays(OhTextCheck *c)
{
	Size		n;

	memset(&c->f, 0, sizeof(c->f));
	c->ntids = 0;
	c->ndocs = c->file.npages[OH_DOC] * c->ix->file.array[OH_DOC].per_page;
	n = Max(c->ndocs, 1);
	c->doc = MemoryContextAllocHuge(c->file.context, sizeof(OhDocData) * n);
	memset(c->doc, 0, sizeof(OhDocData) * n);
	c->sum = MemoryContextAllocExtended(c->file.context, sizeof(uint64) * n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	c->mix = MemoryContextAllocExtended(c->file.context, sizeof(uint64) * n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	c->tid = MemoryContextAllocHuge(c->file.context, sizeof(OhDocTid) * n);
	c->found = OhDocSetMake(c->ix, c->file.context);
}

/*
 * check_contents -- check segments, tails and documents; false if the check must be
 * repeated.
 */
static bool
check_contents(OhTextCheck *c, const OhFileHead *head)
{
	OhTextReadList(c->ix, &c->list);
	OhCheckDirectories(&c->file, head);
	begin_arrays(c);
	read_docs(c);
	/* documents of listed segments exist, live or dead, as long as the segments are listed */
	if (list_changed(c))
		return false;
	OhVerifyExtents(c->ix, &c->list);
	c->f.segments = c->list.nsegments;
	for (int i = 0; i < c->list.nsegments; i++)
	{
		if (!check_segment(c, &c->list.segment[i]))
			return false;
	}
	if (!check_tails(c) || list_changed(c))
		return false;
	check_docs(c);
	check_tids(c);
	return true;
}

void
OhTextCheckAll(Relation heap, Relation index, bool heapallindexed, OhTextFigures *figures)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenbm25 check", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OhTextCheck *c = palloc0(sizeof(OhTextCheck));
	bool		standby = RecoveryInProgress();
	Snapshot	snapshot = NULL;
	PGAlignedBlock meta;

	c->file.context = context;
	c->file.rel = index;
	c->file.method = &oh_text_method;
	c->file.strict = heapallindexed;
	c->file.strategy = GetAccessStrategy(BAS_BULKREAD);
	c->heap = heap;
	if (heapallindexed)
	{
		snapshot = RegisterSnapshot(GetTransactionSnapshot());
		c->heap_blocks = RelationGetNumberOfBlocks(heap);
	}
	if (!standby)
		OhTextLockMerge(index);
	OhCheckHead(&c->file, meta.data);
	OhTextVerifyMeta(index, OhTextMetaOf(meta.data));
	c->ix = OhTextOpen(index);
	while (!check_contents(c, OhHead(meta.data)))
	{
		CHECK_FOR_INTERRUPTS();
		if (!standby)
			OhReportCorruption(index, OH_META_BLOCK, "a segment or a tail was written over under the merge lock");
	}
	c->f.pages = c->file.nblocks;
	c->f.lost_pages = OhCheckOtherBlocks(&c->file);
	if (heapallindexed)
	{
		OhTextCheckHeap(c, snapshot);
		UnregisterSnapshot(snapshot);
	}
	if (!standby)
		OhTextUnlockMerge(index);
	*figures = c->f;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
