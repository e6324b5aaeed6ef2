/*
 * textsearch.c -- finds the best documents for a query: MaxScore over windows, with bounds
 * for blocks.
 *
 * Documents are scored one at a time, segment by segment, with one heap of the best hits so
 * far.  The lists of a segment are sorted by the most that they can add to a score.  The
 * first lists, which together cannot reach the worst hit of a full heap, are not essential:
 * a document that is on none of the other lists is skipped.  A window of the essential
 * lists ends where the first of their current blocks ends.  If the bounds of these blocks,
 * together with all non-essential lists, cannot reach the worst hit, the window is skipped
 * without being read.
 *
 * If a segment has lists of the documents that meet a condition, only these are looked at.  Otherwise, if
 * conditions leave few documents, these are looked up one by one.
 *
 * Where most of the documents that are looked at meet the conditions, filter keys are read last, of those whose score
 * is high enough; otherwise first.
 *
 * A score is finally computed from all frequencies, in the order of the query's terms
 * (OhScoreDocument), so that it is the same to the last bit however the document was found.
 * Bounds are a little too large, so that rounding loses no document.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "bm25/scan/textlists.h"
#include "bm25/scan/textsearch.h"
#include "bm25/segment/reader.h"

/* A window is skipped if its bound is at most this fraction of the worst hit's score. */
#define ROUNDING		(1 - 1e-12)
/*
 * Documents are looked up one by one if there are fewer than this fraction (1/n) of the
 * postings.
 */
#define LOOK_UP_SHARE	8
/*
 * If the lists of filter columns have fewer documents than this fraction (1/n) of the postings, the postings of each
 * of these documents are sought; otherwise all postings are read in order.
 */
#define LEAP_SHARE		4
/* Filter keys are read last if at least this fraction (1/n) of the documents meets the conditions. */
#define LATE_SHARE		16
/* Number of documents between two checks for interrupts. */
#define INTERRUPT_EVERY	1024

typedef struct TermList
{
	OhCursor	cursor;
	int			term;
	double		weight;
	double		bound;			/* bound for all its documents */
	double		bound_before;	/* sum of the bounds of the lists up to this one */
} TermList;

/* When filter keys are read. */
typedef enum KeyTest
{
	KEYS_NEVER,					/* there are no conditions, or lists tell */
	KEYS_FIRST,
	KEYS_LAST					/* of documents whose score is high enough */
} KeyTest;

typedef struct Segment
{
	OhTextSearch *search;
	const OhTextQuery *query;
	OhSegmentReader reader;
	double		average;		/* average length, from the query's statistics */
	TermList  **list;			/* by bound, excluded terms first */
	int			n;
	int			nexcluded;
	int			essential;		/* number of the first essential list */
	bool		listed;			/* documents that are on none of `lists` do not match */
	bool		leaping;		/* they are few: go from one to the next */
	OhLists		lists;
	KeyTest		keys;
	double		worst;			/* score that a document must exceed */
	uint32	   *tf;				/* [nterms] */
	uint32		since;			/* documents since the last check for interrupts */
} Segment;

/* ---- hits ---- */

static double
worst_hit(const OhTextSearch *s)
{
	return s->most != OH_ALL_HITS && s->n == s->most ? s->hit[0].score : 0;
}

static void
sift_down(OhTextSearch *s, uint32 at, OhHit hit)
{
	for (;;)
	{
		uint32		child = 2 * at + 1;

		if (child >= s->n)
			break;
		if (child + 1 < s->n && s->hit[child + 1].score < s->hit[child].score)
			child++;
		if (s->hit[child].score >= hit.score)
			break;
		s->hit[at] = s->hit[child];
		at = child;
	}
	s->hit[at] = hit;
}

/*
 * add_hit -- add a hit to the heap, whose first is the worst; without a limit, append it.
 */
static void
add_hit(OhTextSearch *s, const OhHit *hit)
{
	if (s->most != OH_ALL_HITS && s->n == s->most)
	{
		sift_down(s, 0, *hit);
		return;
	}
	if (s->n == s->allocated)
	{
		s->allocated = Max(64, s->allocated * 2);
		s->hit = s->hit == NULL ? MemoryContextAllocHuge(s->context, sizeof(OhHit) * s->allocated) :
			repalloc_huge(s->hit, sizeof(OhHit) * s->allocated);
	}
	s->hit[s->n++] = *hit;
	if (s->most != OH_ALL_HITS && s->n == s->most)
	{
		for (uint32 i = s->n / 2; i-- > 0;)
			sift_down(s, i, s->hit[i]);
	}
}

#define ST_SORT sort_hits
#define ST_CHECK_FOR_INTERRUPTS
#define ST_ELEMENT_TYPE OhHit
#define ST_COMPARE(a, b) ((a)->score != (b)->score ? ((a)->score > (b)->score ? -1 : 1) : \
						  (a)->doc < (b)->doc ? -1 : (a)->doc > (b)->doc)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* May a document be a hit, as far as is known without its terms and filter keys? */
static bool
is_asked(const OhTextSearch *s, uint32 doc)
{
	return doc < s->ndocs && (s->must == NULL || OhDocSetHas(s->must, doc)) &&
		(s->not == NULL || !OhDocSetHas(s->not, doc));
}

/* The same with filter keys. */
static bool
is_wanted(OhTextSearch *s, uint32 doc)
{
	return is_asked(s, doc) && (s->filter == NULL || OhFilterTest(s->filter, doc));
}

/*
 * consider -- add a document with these frequencies to the hits if it matches, is live and
 * is better than the worst hit.
 */
static void
consider(OhTextSearch *s, uint32 doc, const uint32 *tf, uint32 length)
{
	const OhTextQuery *query = s->bound->query;
	OhHit		hit = {.doc = doc};
	OhDocData	record;

	s->scored++;
	hit.score = OhScoreDocument(s->bound, tf, length);
	if (hit.score <= worst_hit(s))
		return;
	if (query->demands)
	{
		bool		has[OH_MAX_TERMS];

		for (int t = 0; t < query->nterms; t++)
			has[t] = tf[t] > 0;
		if (!OhTextQueryMatches(query, has))
			return;
	}
	if (!OhDocRead(s->ix, doc, &record) || record.state != OH_DOC_LIVE)
		return;
	hit.tid = record.tid;
	add_hit(s, &hit);
}

/* ---- one segment ---- */

static int
compare_lists(const void *a, const void *b)
{
	const TermList *x = *(TermList *const *) a;
	const TermList *y = *(TermList *const *) b;

	return x->bound < y->bound ? -1 : x->bound > y->bound;
}

/*
 * open_lists -- open the lists of the terms that the segment has; false if none of them
 * scores.
 */
static bool
open_lists(Segment *seg)
{
	const OhTextQuery *query = seg->query;
	double		before = 0;

	seg->list = MemoryContextAlloc(seg->reader.context, sizeof(TermList *) * Max(query->nterms, 1));
	for (int t = 0; t < query->nterms; t++)
	{
		OhTermData	term;
		TermList   *list;

		if (!OhTermFind(&seg->reader, query->hash[t], &term))
			continue;
		list = MemoryContextAlloc(seg->reader.context, sizeof(TermList));
		OhCursorOpen(&list->cursor, &seg->reader, &term);
		list->term = t;
		list->weight = query->weight[t];
		list->bound = list->weight * OhImpactBound(term.impact, seg->reader.segment.average, seg->average);
		seg->nexcluded += query->count[t] == 0;
		seg->list[seg->n++] = list;
	}
	qsort(seg->list, seg->n, sizeof(TermList *), compare_lists);
	for (int i = 0; i < seg->n; i++)
	{
		before += seg->list[i]->bound;
		seg->list[i]->bound_before = before;
	}
	seg->essential = seg->nexcluded;
	return !seg->reader.stale && seg->n > seg->nexcluded;
}

static inline double
block_bound(const Segment *seg, const TermList *list)
{
	return list->weight * OhImpactBound(list->cursor.skip[list->cursor.block].impact,
										seg->reader.segment.average, seg->average);
}

/*
 * set_worst -- determine the essential lists after a change of the heap; false: there are
 * none.
 */
static bool
set_worst(Segment *seg)
{
	seg->worst = worst_hit(seg->search) * ROUNDING;
	while (seg->essential < seg->n && seg->list[seg->essential]->bound_before <= seg->worst)
		seg->essential++;
	return seg->essential < seg->n;
}

static void
add_frequency(Segment *seg, TermList *list, double *score, uint32 *length)
{
	uint32		tf = OhCursorFrequency(&list->cursor);

	*length = OhCursorLength(&list->cursor);
	seg->tf[list->term] = tf;
	*score += OhTermScore(list->weight, tf,
						  OhLengthNorm(&seg->search->bound->scoring, *length, seg->average));
}

/*
 * look_at -- score a document that essential lists are at.
 */
static void
look_at(Segment *seg, uint32 doc)
{
	double		score = 0;
	uint32		length = 0;

	memset(seg->tf, 0, sizeof(uint32) * seg->query->nterms);
	for (int i = seg->essential; i < seg->n; i++)
	{
		if (seg->list[i]->cursor.current == doc)
			add_frequency(seg, seg->list[i], &score, &length);
	}
	for (int i = seg->essential - 1; i >= seg->nexcluded; i--)
	{
		TermList   *list = seg->list[i];

		if (score + list->bound_before <= seg->worst)
			return;
		if (!OhCursorSkip(&list->cursor, doc))
			continue;
		if (score + block_bound(seg, list) + (list->bound_before - list->bound) * (1 + 1e-9) <= seg->worst)
			return;
		if (OhCursorSeek(&list->cursor, doc) == doc)
			add_frequency(seg, list, &score, &length);
	}
	if (score <= seg->worst || (seg->keys == KEYS_LAST && !OhFilterTestOne(seg->search->filter, doc)))
		return;
	for (int i = 0; i < seg->nexcluded; i++)
	{
		if (OhCursorSeek(&seg->list[i]->cursor, doc) == doc)
			seg->tf[seg->list[i]->term] = OhCursorFrequency(&seg->list[i]->cursor);
	}
	consider(seg->search, doc, seg->tf, length);
}

/*
 * next_window -- skip windows from *doc on that cannot have a hit; sets *end to the last
 * document of the first window that can.  false at the end.
 */
static bool
next_window(Segment *seg, uint32 *doc, uint32 *end)
{
	for (;;)
	{
		double		bound = seg->essential > 0 ? seg->list[seg->essential - 1]->bound_before : 0;
		bool		any = false;

		*end = OH_NONE - 1;
		for (int i = seg->essential; i < seg->n; i++)
		{
			OhCursor   *cursor = &seg->list[i]->cursor;

			if (!OhCursorSkip(cursor, *doc))
				continue;
			any = true;
			bound += block_bound(seg, seg->list[i]);
			*end = Min(*end, cursor->skip[cursor->block].last_doc);
		}
		if (!any)
			return false;
		if (bound > seg->worst)
		{
			uint32		next = seg->listed ? OhListsSeek(&seg->lists, *doc) : *doc;

			if (next <= *end)
			{
				*doc = next;
				return true;
			}
			*end = next - 1;
		}
		if (*end >= OH_NONE - 1)
			return false;
		*doc = *end + 1;
		if (++seg->since % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/*
 * least_doc -- the first document that essential lists are at.
 */
static inline uint32
least_doc(const Segment *seg)
{
	uint32		doc = OH_NONE;

	for (int i = seg->essential; i < seg->n; i++)
		doc = Min(doc, seg->list[i]->cursor.current);
	return doc;
}

/*
 * search_window -- score the documents from `doc` to `end`; returns where to continue.
 */
static uint32
search_window(Segment *seg, uint32 doc, uint32 end)
{
	double		worst = worst_hit(seg->search);

	for (;;)
	{
		for (int i = seg->essential; i < seg->n; i++)
		{
			if (seg->list[i]->cursor.current < doc || seg->list[i]->cursor.n == 0)
				(void) OhCursorSeek(&seg->list[i]->cursor, doc);
		}
		for (;;)
		{
			doc = least_doc(seg);
			if (doc > end)
				return end + 1;
			if (++seg->since % INTERRUPT_EVERY == 0)
				CHECK_FOR_INTERRUPTS();
			if (seg->leaping)
			{
				uint32		next = OhListsSeek(&seg->lists, doc);

				if (next > end)
					return next;
				if (next > doc)
				{
					doc = next;
					break;
				}
			}
			if ((!seg->listed || OhListsHave(&seg->lists, doc)) &&
				(seg->keys == KEYS_FIRST ? is_wanted(seg->search, doc) : is_asked(seg->search, doc)))
			{
				look_at(seg, doc);
				/* if the worst hit has improved, fewer lists may be essential */
				if (worst_hit(seg->search) > worst)
					return doc + 1;
			}
			for (int i = seg->essential; i < seg->n; i++)
			{
				if (seg->list[i]->cursor.current == doc)
					(void) OhCursorNext(&seg->list[i]->cursor);
			}
		}
	}
}

/*
 * look_up -- look up the documents that conditions leave, one by one.
 */
static void
look_up(Segment *seg, const uint64 *bits, uint32 ndocs)
{
	for (uint32 word = 0; word < ndocs / 64 + 1; word++)
	{
		for (uint64 rest = bits[word]; rest != 0; rest &= rest - 1)
		{
			uint32		doc = word * 64 + pg_rightmost_one_pos64(rest);
			double		score = 0;
			uint32		length = 0;

			if (++seg->since % INTERRUPT_EVERY == 0)
				CHECK_FOR_INTERRUPTS();
			if (doc >= ndocs || !is_wanted(seg->search, doc))
				continue;
			memset(seg->tf, 0, sizeof(uint32) * seg->query->nterms);
			for (int i = 0; i < seg->n; i++)
			{
				if (OhCursorSeek(&seg->list[i]->cursor, doc) == doc)
					add_frequency(seg, seg->list[i], &score, &length);
			}
			if (score > worst_hit(seg->search) * ROUNDING)
				consider(seg->search, doc, seg->tf, length);
		}
	}
}

/*
 * left_by_conditions -- all documents that conditions leave, if they are few compared with
 * the postings; otherwise NULL.
 */
static const uint64 *
left_by_conditions(Segment *seg, uint32 *ndocs)
{
	OhTextSearch *s = seg->search;
	double		postings = 0;

	for (int i = seg->nexcluded; i < seg->n; i++)
		postings += seg->list[i]->cursor.ndocs;
	if (s->filter != NULL && OhFilterEstimate(s->filter) * LOOK_UP_SHARE * seg->n < postings)
	{
		OhFilterLoadRecords(s->filter, 0, s->filter->nrecords);
		*ndocs = s->filter->nrecords;
		return s->filter->bits;
	}
	if (s->must != NULL)
	{
		uint64		n = pg_popcount((const char *) s->must->bits, (s->must->ndocs / 64 + 1) * sizeof(uint64));

		if ((double) n * LOOK_UP_SHARE * seg->n < postings)
		{
			*ndocs = s->must->ndocs;
			return s->must->bits;
		}
	}
	return NULL;
}

/*
 * open_filter -- decide how documents that meet the conditions are found; false if there are none.
 */
static bool
open_filter(Segment *seg)
{
	OhFilter   *filter = seg->search->filter;
	double		postings = 0;
	double		share;

	seg->listed = OhListsOpen(&seg->lists, &seg->reader, filter->conditions);
	if (seg->listed && seg->lists.n == 0)
		return false;
	for (int i = seg->nexcluded; i < seg->n; i++)
		postings += seg->list[i]->cursor.ndocs;
	/* the postings of a block that are looked at are few */
	for (int i = 0; i < seg->n; i++)
		seg->list[i]->cursor.few = seg->listed;
	seg->leaping = seg->listed && (double) seg->lists.ndocs * LEAP_SHARE < postings;
	if (seg->listed && filter->conditions->n == 1)
		seg->keys = seg->lists.exact ? KEYS_NEVER : KEYS_LAST;
	else
	{
		/* of the documents that are looked at */
		share = OhFilterEstimate(filter) / Max(filter->nrecords, 1);
		if (seg->listed)
			share *= (double) seg->reader.segment.ndocs / seg->lists.ndocs;
		seg->keys = share * LATE_SHARE >= 1 ? KEYS_LAST : KEYS_FIRST;
	}
	return true;
}

/*
 * search_segment -- search one segment; false if it is stale.
 */
static bool
search_segment(OhTextSearch *search, const OhSegment *segment, MemoryContext context)
{
	Segment		seg = {.search = search, .query = search->bound->query};
	const uint64 *left = NULL;
	uint32		ndocs;
	uint32		doc = 0;
	uint32		end;

	seg.reader = (OhSegmentReader) {search->ix, *segment, false, context};
	seg.average = seg.query->average;
	seg.tf = MemoryContextAllocZero(context, sizeof(uint32) * Max(seg.query->nterms, 1));
	if (!open_lists(&seg))
		return !seg.reader.stale;
	if (search->filter != NULL && !open_filter(&seg))
		return !seg.reader.stale;
	left = seg.listed ? NULL : left_by_conditions(&seg, &ndocs);
	if (left != NULL)
		look_up(&seg, left, ndocs);
	else
	{
		while (doc < OH_NONE - 1 && set_worst(&seg) && next_window(&seg, &doc, &end))
			doc = search_window(&seg, doc, end);
	}
	return !seg.reader.stale;
}

/*
 * search_all -- search tails and segments; false if the list of segments must be read
 * again.
 */
static bool
search_all(OhTextSearch *search, MemoryContext context)
{
	OhTextList *list = MemoryContextAlloc(context, sizeof(OhTextList));
	const OhTextQuery *query = search->bound->query;
	OhTailMatches tail;

	OhTextReadList(search->ix, list);
	if (!OhTailCollect(search->ix, list, query, &tail))
		return false;
	for (int i = 0; i < tail.n; i++)
	{
		if (is_wanted(search, tail.doc[i]))
			consider(search, tail.doc[i], tail.tf + (Size) i * query->nterms, tail.doc_length[i]);
	}
	for (int i = 0; i < list->nsegments; i++)
	{
		MemoryContext own = AllocSetContextCreate(context, "omenbm25 segment", ALLOCSET_DEFAULT_SIZES);
		bool		done;

		CHECK_FOR_INTERRUPTS();
		done = search_segment(search, &list->segment[i], own);
		MemoryContextDelete(own);
		if (!done)
			return false;
	}
	return true;
}

void
OhTextSearchRun(OhTextSearch *search)
{
	for (;;)
	{
		MemoryContext context = AllocSetContextCreate(search->context, "omenbm25 search", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);
		bool		done;

		CHECK_FOR_INTERRUPTS();
		search->n = 0;
		done = search->bound->query->nterms == 0 || search_all(search, context);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
		if (done)
			break;
	}
	sort_hits(search->hit, search->n);
}
