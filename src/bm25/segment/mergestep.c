/*
 * mergestep.c -- merges several segments into one, in steps.
 *
 * The metapage says which segments are being merged, where the new one is written, and which term
 * was merged last (OhMergeState).  A step reads some thousand postings, writes pages that no
 * other backend reads, and then records its progress in the metapage.  The last step puts the new
 * segment into the list of segments in place of the old ones.  Only the holder of the merge lock does a
 * step: an insert does a small one, a vacuum all that are left.
 *
 * The list of all documents, the first term, is merged in one step: it looks up which are dead, and writes the list of
 * the others to the new segment.
 * Later steps keep the postings of the documents in that list.  After the words, lists of filter columns are
 * merged as they are, as far as all inputs have them.
 *
 * A step that was interrupted by a crash or an error is done again.
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "bm25/segment/extents.h"
#include "bm25/segment/merge.h"
#include "bm25/segment/reader.h"
#include "bm25/segment/writer.h"
#include "compat.h"
#include "storage/wal.h"

/* Pages by which a step may extend the array of segments before it writes anything. */
#define EXTEND_PAGES	64

typedef struct Input
{
	OhSegmentReader reader;
	OhTermScan	scan;
	const OhTermData *term;		/* the next term, NULL after the last */
	OhCursor	cursor;			/* in its postings, while it is merged */
	OhList		list;			/* the same of a list */
} Input;

typedef struct Merge
{
	OhText	   *ix;
	MemoryContext context;
	uint32		sealed;			/* of the list of segments */
	OhMergeState state;			/* as in the metapage */
	int			n;				/* inputs */
	OhSegment  *old;			/* [n] */
	Input	   *input;			/* [n] */
	Input	  **with;			/* [n], the first of them: inputs that have the term being merged */
	uint32		lp;				/* the page of documents that copy is of; OH_NONE: of none */
	PGAlignedBlock copy;
	OhDocSet   *kept;			/* documents of the output */
	uint32		columns;		/* filter columns of which all inputs have lists, a bit each */
	bool		lists;			/* words are done, lists are being merged */
	OhSegmentWriter *writer;
} Merge;

/*
 * save_state -- write the state of the merge to the metapage, in one WAL record.
 */
static void
save_state(OhText *ix, const OhMergeState *state)
{
	Buffer		buffer = OhReadBlock(ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	OhWrite		write;

	OhWriteStart(&write, &ix->file);
	OhTextMetaOf(OhWritePage(&write, buffer, false))->merge = *state;
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}

void
OhMergeBegin(OhText *ix, const OhTextList *list, const OhSegment *chosen, int n)
{
	OhMergeState *state = palloc0(sizeof(OhMergeState));

	state->ninputs = n;
	for (int i = 0; i < n; i++)
		state->input[i] = chosen[i].id;
	OhMergePages(ix, chosen, n, state->reserved);
	state->output.average = OhListAverage(list, 0, 0);
	OhTakeExtents(ix, state->reserved, state->output.first);
	state->output.id = OhTakeSegmentId(ix);
	save_state(ix, state);
	pfree(state);
}

/* ---- postings ---- */

/*
 * next_input -- advance an input to its next term.
 */
static void
next_input(Input *input)
{
	input->term = OhTermScanNext(&input->scan);
	/*
	 * pages of segments are only overwritten by the holder of the merge lock, and that is this
	 * backend
	 */
	if (input->reader.stale)
		OhReportCorruption(input->reader.ix->file.rel, OH_META_BLOCK, "segment %u was written over",
						   input->reader.segment.id);
}

/*
 * is_live -- is a document of the inputs live?  They are asked for in ascending order, as one list has them.
 */
static bool
is_live(Merge *m, uint32 doc)
{
	OhFile	   *file = &m->ix->file;

	if (m->lp != OhLp(file, OH_DOC, doc))
	{
		Buffer		buffer;

		m->lp = OhLp(file, OH_DOC, doc);
		buffer = OhArrayRead(file, OH_DOC, m->lp, BUFFER_LOCK_SHARE);
		memcpy(m->copy.data, BufferGetPage(buffer), BLCKSZ);
		UnlockReleaseBuffer(buffer);
	}
	return OhSlotOf(file, OH_DOC, doc) < OhTail(m->copy.data)->nused &&
		((OhDocData *) OhSlot(file, OH_DOC, m->copy.data, OhSlotOf(file, OH_DOC, doc)))->state == OH_DOC_LIVE;
}

/*
 * keeps -- does the output keep this document?  (The term with hash 0 is the list of all documents.)
 */
static inline bool
keeps(Merge *m, uint64 hash, uint32 doc)
{
	if (hash != 0)
		return OhDocSetHas(m->kept, doc);
	if (!is_live(m, doc))
		return false;
	OhDocSetAdd(m->kept, doc);
	return true;
}

/*
 * merge_term -- merge the postings of a term, which the first n of m->with have; returns how many were read.
 */
static uint64
merge_term(Merge *m, uint64 hash, int n)
{
	uint64		nread = 0;

	OhSegmentWriterTerm(m->writer, hash);
	for (int i = 0; i < n; i++)
	{
		OhCursorOpen(&m->with[i]->cursor, &m->with[i]->reader, m->with[i]->term);
		(void) OhCursorSeek(&m->with[i]->cursor, 0);
	}
	for (;;)
	{
		OhCursor   *next = &m->with[0]->cursor;
		uint32		doc;

		for (int i = 1; i < n; i++)
		{
			if (m->with[i]->cursor.current < next->current)
				next = &m->with[i]->cursor;
		}
		doc = next->current;
		if (doc == OH_NONE)
			break;
		if (++nread % 4096 == 0)
			om_vacuum_delay_point();
		if (keeps(m, hash, doc))
		{
			uint32		tf = OhCursorFrequency(next);

			OhSegmentWriterAdd(m->writer, doc, tf, OhCursorLength(next));
		}
		(void) OhCursorNext(next);
	}
	for (int i = 0; i < n; i++)
		OhCursorClose(&m->with[i]->cursor);
	return nread;
}

/*
 * merge_list -- merge a list of a filter column, which the first n of m->with have; returns how many documents were
 * read.
 */
static uint64
merge_list(Merge *m, uint64 hash, int n)
{
	uint64		nread = 0;
	uint64		doc = 0;

	for (int i = 0; i < n; i++)
		nread += m->with[i]->term->ndocs;
	OhSegmentWriterList(m->writer, hash, nread);
	for (int i = 0; i < n; i++)
		OhListOpen(&m->with[i]->list, &m->with[i]->reader, m->with[i]->term);
	while (doc < m->kept->ndocs)
	{
		uint64		bits[OH_BITMAP_WORDS] = {0};
		uint32		base = OH_NONE;

		om_vacuum_delay_point();
		for (int i = 0; i < n; i++)
			base = Min(base, OhListFrom(&m->with[i]->list, doc));
		if (base == OH_NONE)
			break;
		base -= base % OH_BITMAP_DOCS;
		for (int i = 0; i < n; i++)
			OhListFill(&m->with[i]->list, base, bits);
		for (int w = 0; w < OH_BITMAP_WORDS && base / 64 + w <= m->kept->ndocs / 64; w++)
		{
			for (uint64 rest = bits[w] & m->kept->bits[base / 64 + w]; rest != 0; rest &= rest - 1)
				OhSegmentWriterAdd(m->writer, base + w * 64 + pg_rightmost_one_pos64(rest), 1, 0);
		}
		doc = (uint64) base + OH_BITMAP_DOCS;
	}
	for (int i = 0; i < n; i++)
		OhListClose(&m->with[i]->list);
	return nread;
}

/*
 * least_term -- find the least hash among the inputs' next terms, and put the inputs that have it into m->with;
 * returns how many, 0 at the end.
 */
static int
least_term(Merge *m, uint64 *hash)
{
	int			n = 0;

	*hash = PG_UINT64_MAX;
	for (int i = 0; i < m->n; i++)
	{
		uint64		own = m->input[i].term ? OhTermHash(m->input[i].term) : PG_UINT64_MAX;

		if (m->input[i].term == NULL || own > *hash)
			continue;
		if (own < *hash)
			n = 0;
		*hash = own;
		m->with[n++] = &m->input[i];
	}
	return n;
}

/*
 * open_inputs -- open the inputs at the first of their terms, or of their lists, or where the last step has ended.
 */
static void
open_inputs(Merge *m, bool resume)
{
	for (int i = 0; i < m->n; i++)
	{
		Input	   *input = &m->input[i];

		if (resume)
			OhTermScanAfter(&input->scan, &input->reader, m->lists, m->state.hash);
		else
			OhTermScanBegin(&input->scan, &input->reader, m->lists);
		next_input(input);
	}
}

/*
 * write_lists -- tell the writer that lists follow.
 */
static void
write_lists(Merge *m)
{
	uint32		last = m->kept->ndocs / 64;
	uint32		first = 0;

	while (first < last && m->kept->bits[first] == 0)
		first++;
	while (last > first && m->kept->bits[last] == 0)
		last--;
	OhSegmentWriterLists(m->writer, m->columns, first * 64, last * 64 + 63);
}

/*
 * begin_lists -- after the words, go on with lists; false if there are none.
 */
static bool
begin_lists(Merge *m)
{
	if (m->lists || m->columns == 0)
		return false;
	m->lists = true;
	m->state.hash = 0;
	write_lists(m);
	open_inputs(m, false);
	return true;
}

/*
 * merge_terms -- merge terms, then lists, until this many postings have been read; false if there are no more.
 */
static bool
merge_terms(Merge *m, uint64 postings)
{
	uint64		nread = 0;

	while (nread < postings && !OhSegmentWriterOverflowed(m->writer))
	{
		uint64		hash;
		int			n = least_term(m, &hash);

		if (n == 0)
		{
			if (!begin_lists(m))
				return false;
			continue;
		}
		if (!m->lists)
			nread += merge_term(m, hash, n);
		else if (OhListIsOf(hash, m->columns))
			nread += merge_list(m, hash, n);
		m->state.hash = hash;
		for (int i = 0; i < n; i++)
			next_input(m->with[i]);
	}
	return true;
}

/* ---- an open merge ---- */

/*
 * read_kept -- read the list of documents that the first step has written.
 */
static void
read_kept(Merge *m)
{
	OhSegmentReader reader = {m->ix, m->state.output, false, m->context};
	OhCursor   *cursor = MemoryContextAlloc(m->context, sizeof(OhCursor));
	OhTermData	term;

	for (int a = 0; a < OH_NAREAS; a++)
		reader.segment.pages[a] += m->state.used[a] > 0;
	if (OhTermFind(&reader, 0, &term))
	{
		OhCursorOpen(cursor, &reader, &term);
		for (uint32 doc = OhCursorSeek(cursor, 0); doc != OH_NONE; doc = OhCursorNext(cursor))
			OhDocSetAdd(m->kept, doc);
		OhCursorClose(cursor);
	}
	else
		reader.stale = true;
	if (reader.stale)
		OhReportCorruption(m->ix->file.rel, OH_META_BLOCK, "a merge to segment %u has no list of documents",
						   m->state.output.id);
	pfree(cursor);
}

static Merge *
open_merge(OhText *ix, const OhTextList *list)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenbm25 merge", ALLOCSET_DEFAULT_SIZES);
	Merge	   *m = MemoryContextAllocZero(context, sizeof(Merge));
	bool		begun = list->merge.begun != OH_MERGE_NEW;

	m->ix = ix;
	m->context = context;
	m->sealed = list->sealed;
	m->lp = OH_NONE;
	m->columns = PG_UINT32_MAX;
	m->lists = list->merge.begun == OH_MERGE_LISTS;
	m->state = list->merge;
	m->n = m->state.ninputs;
	m->old = MemoryContextAlloc(context, sizeof(OhSegment) * m->n);
	m->input = MemoryContextAllocHuge(context, sizeof(Input) * m->n);
	m->with = MemoryContextAlloc(context, sizeof(Input *) * m->n);
	for (int i = 0; i < m->n; i++)
	{
		for (int s = 0; s < list->nsegments; s++)
		{
			if (list->segment[s].id == m->state.input[i])
				m->old[i] = list->segment[s];
		}
		m->input[i].reader = (OhSegmentReader) {ix, m->old[i], false, context};
		m->columns &= OhSegmentLists(&m->input[i].reader);
	}
	m->kept = OhDocSetMake(ix, context);
	/* without any term yet, all documents so far were dead */
	if (begun && m->state.output.nterms > 0)
		read_kept(m);
	open_inputs(m, begun);
	m->writer = OhSegmentWriterResume(ix, &m->state, context);
	if (m->lists)
		write_lists(m);
	return m;
}

static void
finish_merge(Merge *m)
{
	OhSegment	segment;
	bool		some = OhSegmentWriterFinish(m->writer, &segment);

	if (!OhSegmentWriterOverflowed(m->writer))
		OhChangeList(m->ix, m->old, m->n, some ? &segment : NULL, m->sealed);
}

/*
 * merge_whole -- merge from the beginning in one go, with as many pages as it takes.
 *
 * It is needed if the pages reserved do not suffice: blocks of postings that are merged may need more bits
 * than they did in their segments, though they hardly ever do.
 */
static void
merge_whole(Merge *m)
{
	ereport(DEBUG1,
			(errmsg_internal("index \"%s\": a merge needs more pages than it has reserved",
							 RelationGetRelationName(m->ix->file.rel))));
	m->kept = OhDocSetMake(m->ix, m->context);
	m->lists = false;
	open_inputs(m, false);
	m->writer = OhSegmentWriterBegin(m->ix, m->state.output.average, m->context);
	(void) merge_terms(m, PG_UINT64_MAX);
	finish_merge(m);
}

/*
 * has_pages -- extend the array of segments towards the output's first page of postings; true if it is reached.
 */
static bool
has_pages(OhText *ix, const OhMergeState *state)
{
	uint32		end = state->output.first[OH_AREA_POSTINGS];

	for (int i = 0; i < EXTEND_PAGES && OhArrayPages(&ix->file, OH_SEGMENT) < end; i++)
		(void) OhArrayExtend(&ix->file, OH_SEGMENT);
	return OhArrayPages(&ix->file, OH_SEGMENT) >= end;
}

/*
 * step -- do one step; true if the merge is complete.
 */
static bool
step(Merge *m, uint64 postings)
{
	bool		more;

	more = merge_terms(m, postings);
	if (more)
	{
		OhSegmentWriterPause(m->writer, &m->state);
		m->state.begun = m->lists ? OH_MERGE_LISTS : OH_MERGE_WORDS;
	}
	else
		finish_merge(m);
	if (OhSegmentWriterOverflowed(m->writer))
	{
		merge_whole(m);
		return true;
	}
	if (more)
		save_state(m->ix, &m->state);
	return !more;
}

bool
OhMergeStep(OhText *ix, const OhTextList *list, uint64 postings)
{
	Merge	   *m;
	bool		done;

	/* before the merge is opened, which reads what earlier steps have written */
	OhVerifyExtents(ix, list);
	if (!has_pages(ix, &list->merge))
		return false;
	m = open_merge(ix, list);
	done = step(m, postings);
	MemoryContextDelete(m->context);
	return done;
}

void
OhMergeFinish(OhText *ix, const OhTextList *list, uint64 postings)
{
	Merge	   *m;

	OhVerifyExtents(ix, list);
	while (!has_pages(ix, &list->merge))
		om_vacuum_delay_point();
	m = open_merge(ix, list);
	while (!step(m, postings))
		om_vacuum_delay_point();
	MemoryContextDelete(m->context);
}
