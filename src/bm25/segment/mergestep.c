/*
 * mergestep.c -- from several segments to one, in steps.
 *
 * The metapage says which segments are merged, where the new one is written and up to
 * which term it is (OhMergeState).  A step reads some thousand postings, writes pages that
 * nobody else looks at, and puts into the metapage how far it has come.  The last one swaps the
 * list.  Whoever has the merge lock does the next step: inserts small ones, a vacuum all of them.
 *
 * Which documents are dead is looked up in the first step, which writes the list of all
 * documents; later steps take those of this list.
 *
 * What a crash, or an error, leaves: a step that is done again.
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "bm25/segment/merge.h"
#include "bm25/segment/reader.h"
#include "bm25/segment/writer.h"
#include "compat.h"
#include "storage/wal.h"

/* Pages by which a step may make the array of segments longer before it writes anything. */
#define EXTEND_PAGES	64
/* Pages that are reserved beyond those of the inputs. */
#define SPARE_PAGES		2

typedef struct Input
{
	OhSegmentReader reader;
	OhTermScan	scan;
	const OhTermData *term;		/* the next */
	OhCursor	cursor;			/* of it, while it is merged */
} Input;

typedef struct Merge
{
	OhText	   *ix;
	MemoryContext context;
	uint32		sealed;			/* of the list */
	OhMergeState state;			/* as the metapage has it */
	int			n;
	OhSegment  *old;			/* [n] */
	Input	   *input;			/* [n] */
	Input	  **with;			/* those that have a term */
	OhDocSet   *dead;			/* in the first step */
	OhDocSet   *kept;			/* documents of the output */
	OhSegmentWriter *writer;
} Merge;

/*
 * save_state -- to the metapage, in one record.
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
	{
		state->input[i] = chosen[i].id;
		for (int a = 0; a < OH_NAREAS; a++)
			state->reserved[a] += chosen[i].pages[a];
	}
	/* terms that have one block each may have several together */
	state->reserved[OH_AREA_SKIPS] += state->reserved[OH_AREA_POSTINGS] / 16;
	for (int a = 0; a < OH_NAREAS; a++)
		state->reserved[a] += SPARE_PAGES;
	state->output.average = OhListAverage(list, 0, 0);
	OhSegmentReserve(ix, state);
	save_state(ix, state);
	pfree(state);
}

/* ---- postings ---- */

/*
 * next_input -- the next term of an input.
 */
static void
next_input(Input *input)
{
	input->term = OhTermScanNext(&input->scan);
	/* only the holder of the merge lock writes over segments */
	if (input->reader.stale)
		OhReportCorruption(input->reader.ix->file.rel, OH_META_BLOCK, "segment %u was written over",
						   input->reader.segment.id);
}

/*
 * keeps -- does the output have this document?
 */
static inline bool
keeps(Merge *m, uint64 hash, uint32 doc)
{
	if (hash != 0)
		return OhDocSetHas(m->kept, doc);
	if (OhDocSetHas(m->dead, doc))
		return false;
	OhDocSetAdd(m->kept, doc);
	return true;
}

/*
 * merge_term -- the postings of all inputs that have the term; returns how many were
 * read.
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
 * least_term -- the next hash; m->with gets the inputs that have it, returns how many.
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
 * merge_terms -- of at least this many postings; false: there are no more terms.
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
			return false;
		nread += merge_term(m, hash, n);
		m->state.hash = hash;
		for (int i = 0; i < n; i++)
			next_input(m->with[i]);
	}
	return true;
}

/* ---- an open merge ---- */

/*
 * read_kept -- the documents of what is written.
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

/*
 * open_inputs -- at the terms that come next.
 */
static void
open_inputs(Merge *m, bool begun)
{
	for (int i = 0; i < m->n; i++)
	{
		Input	   *input = &m->input[i];

		input->reader = (OhSegmentReader) {m->ix, m->old[i], false, m->context};
		if (begun)
			OhTermScanAfter(&input->scan, &input->reader, m->state.hash);
		else
			OhTermScanBegin(&input->scan, &input->reader);
		next_input(input);
	}
}

static Merge *
open_merge(OhText *ix, const OhTextList *list)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenbm25 merge", ALLOCSET_DEFAULT_SIZES);
	Merge	   *m = MemoryContextAllocZero(context, sizeof(Merge));
	bool		begun = list->merge.begun != 0;

	m->ix = ix;
	m->context = context;
	m->sealed = list->sealed;
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
	}
	m->kept = OhDocSetMake(ix, context);
	if (!begun)
		m->dead = OhDeadDocs(ix, context);
	/* all of them may have been dead */
	else if (m->state.output.nterms > 0)
		read_kept(m);
	open_inputs(m, begun);
	m->writer = OhSegmentWriterResume(ix, &m->state, context);
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
 * merge_whole -- all at once, for as many pages as it takes.
 *
 * Blocks of several segments may need more bits together than alone, though they hardly
 * ever do.
 */
static void
merge_whole(Merge *m)
{
	ereport(DEBUG1,
			(errmsg_internal("index \"%s\": a merge needs more pages than it has reserved",
							 RelationGetRelationName(m->ix->file.rel))));
	m->kept = OhDocSetMake(m->ix, m->context);
	m->dead = OhDeadDocs(m->ix, m->context);
	open_inputs(m, false);
	m->writer = OhSegmentWriterBegin(m->ix, m->state.output.average, m->context);
	(void) merge_terms(m, PG_UINT64_MAX);
	finish_merge(m);
}

/*
 * has_pages -- is the array of segments as long as postings begin?  If not, it gets
 * longer.
 */
static bool
has_pages(Merge *m)
{
	uint32		end = m->state.output.first[OH_AREA_POSTINGS];

	for (int i = 0; i < EXTEND_PAGES && OhArrayPages(&m->ix->file, OH_SEGMENT) < end; i++)
		(void) OhArrayExtend(&m->ix->file, OH_SEGMENT);
	return OhArrayPages(&m->ix->file, OH_SEGMENT) >= end;
}

/*
 * step -- true: the merge is done.
 */
static bool
step(Merge *m, uint64 postings)
{
	bool		more;

	if (!has_pages(m))
		return false;
	more = merge_terms(m, postings);
	if (more)
	{
		OhSegmentWriterPause(m->writer, &m->state);
		m->state.begun = 1;
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
	Merge	   *m = open_merge(ix, list);
	bool		done = step(m, postings);

	MemoryContextDelete(m->context);
	return done;
}

void
OhMergeFinish(OhText *ix, const OhTextList *list, uint64 postings)
{
	Merge	   *m = open_merge(ix, list);

	while (!step(m, postings))
		om_vacuum_delay_point();
	MemoryContextDelete(m->context);
}
