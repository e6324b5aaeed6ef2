/*
 * rank.c -- rows of a batch's nodes in order: by exact distances or refined ones,
 * unless those of the codes decide.
 *
 * Of a node with many rows a piece is ranked at a time.  What is left of them is
 * ranked itself: if their vectors are all equal (format.h), by the distance that is
 * known then; otherwise by a bound, and its turn comes when nothing else can be
 * nearer.
 *
 * In strict order a row that is found nearer than one already returned is held
 * back to the end.  Only a row that the snapshot sees counts for that.  Rows
 * ranked by their vectors are known to be seen; of others that is found out when a
 * row would be late for their sake.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"

#include "hnsw/graph/refinement.h"
#include "hnsw/options.h"
#include "hnsw/scan/scan.h"

/*
 * A row is returned once the next candidate's estimate, less this many standard
 * errors, is no nearer.  Figures: docs/measurements.md#by-question
 */
#define BOUND_ERRORS 3.0f

/*
 * A node is beyond a radius if its estimate is, less this many standard errors.
 * Figures: docs/measurements.md#within-a-radius
 */
#define BEYOND_ERRORS 5.0

/*
 * look_ahead -- read what the next n nodes of the batch have: rows, and refined
 * distances if the index has them.
 */
static void
look_ahead(IndexScanDesc scan, OhNodeRows *head, int n)
{
	OhScanState *s = scan->opaque;
	const OhItem *item = &s->batch->item[s->next];
	OmRefineBase base[OH_AHEAD];

	for (int i = 0; i < n && s->forms->refined; i++)
		OhPrefetchRefinement(s->ix, item[i].id);
	for (int i = 0; i < n; i++)
	{
		OhReadNodeRows(s->ix, item[i].id, s->forms, &head[i], &base[i]);
		if (!s->by_code && !s->forms->refined)
			OhRerankPrefetch(s->rerank, &head[i].tid, false);
	}
	if (s->forms->refined)
		OhReadRefinements(s->ix, s->forms, base, head, n);
	else if (!s->by_code)
	{
		for (int i = 0; i < n; i++)
			OhRerankPrefetch(s->rerank, &head[i].tid, true);
	}
}

/*
 * OhPeek -- see scan.h.
 */
const OhNodeRows *
OhPeek(IndexScanDesc scan, double *bound)
{
	OhScanState *s = scan->opaque;
	OhNodeRows *head = &s->ahead[s->next % OH_AHEAD];

	if (s->next == s->nahead)
	{
		int			n = Min(OH_AHEAD, s->batch->n - s->next);

		/* next is a multiple of OH_AHEAD here */
		look_ahead(scan, head, n);
		s->nahead += n;
	}
	*bound = s->batch->item[s->next].dist;
	/* of sparse values, one further behind may err by more: by as much as any so far */
	if (s->errors_vary)
		head->error = s->most_error = Max(s->most_error, head->error);
	if (!s->by_code || s->forms->unrounded)
		*bound -= BOUND_ERRORS * head->error + s->rounding * fabs(*bound);
	return head;
}

/*
 * OhIsBeyond -- see scan.h.
 */
bool
OhIsBeyond(const OhScanState *s, double dist, double error)
{
	/* codes have no distance below -FLT_MAX, which then stands for any */
	if (s->radius == NULL || dist <= -FLT_MAX)
		return false;
	if (s->exact_codes && !s->forms->unrounded)
		return !OhRadiusHolds(s->radius, dist);
	return dist - BEYOND_ERRORS * error - s->rounding * fabs(dist) > s->radius->limit;
}

/*
 * rank_row -- rank a row by its vector in the table; false: the snapshot does not see
 * it.
 */
static bool
rank_row(IndexScanDesc scan, ItemPointerData tid, float slack, double *dist)
{
	OhScanState *s = scan->opaque;
	OhRow		row = {.slack = slack, .node = OH_NONE, .posting = OH_NONE, .tid = tid};

	CHECK_FOR_INTERRUPTS();
	s->nfetched++;
	if (!OhRerankRow(s->rerank, tid, &row.dist))
		return false;
	if (isnan(row.dist))
		row.dist = INFINITY;
	*dist = row.dist;
	if (s->radius == NULL || OhRadiusHolds(s->radius, row.dist))
		OhRankedPush(&s->ranked, row);
	return true;
}

/*
 * rank_rest -- rank what is left of a chain; known: its rows have this distance,
 * which is a bound otherwise.
 */
static void
rank_rest(OhScanState *s, const OhChain *chain, float slack, double dist, bool known)
{
	OhRow		row = {.dist = dist, .slack = slack, .node = OH_NONE, .posting = OH_NONE};

	if (known && s->radius != NULL && !OhRadiusHolds(s->radius, dist))
		return;
	/* many rows are ranked already: some of them must go first */
	if (!known && s->ranked.n * sizeof(OhRow) > OhScanMemory())
		row.dist = Max(dist, s->ranked.row[0].dist);
	row.unranked = !known;
	row.rest = MemoryContextAlloc(s->batch_context, sizeof(OhChain));
	*row.rest = *chain;
	ItemPointerSetInvalid(&row.tid);
	OhRankedPush(&s->ranked, row);
}

/*
 * rank_chain -- rank the next rows of a chain by their vectors, and the rest of it.
 */
static void
rank_chain(IndexScanDesc scan, OhChain *chain, float slack, double bound)
{
	OhScanState *s = scan->opaque;
	bool		any = false;

	/* a piece without a row that the snapshot sees says nothing of the rest */
	while (!any && OhChainHasMore(chain) && OhMayReadOn(s))
	{
		double		dist = bound;

		OhChainNext(s->ix, chain, &s->seen, &s->rows);
		s->nchained += s->rows.n;
		for (int i = 0; i < s->rows.n; i++)
			any |= rank_row(scan, s->rows.tid[i], slack, &dist);
		s->rows.n = 0;
		if (any && OhChainHasMore(chain))
			rank_rest(s, chain, slack, chain->hash != OH_MIXED ? dist : bound,
					  chain->hash != OH_MIXED);
	}
}

/*
 * rank_exactly -- rank the rows of a node each by its vector in the table.
 *
 * dist becomes the distance of the node's own row, if the snapshot sees it.
 */
static void
rank_exactly(IndexScanDesc scan, const OhNodeRows *head, float slack, double bound,
			 double *dist)
{
	OhChain		chain;

	if (ItemPointerIsValid(&head->tid))
		(void) rank_row(scan, head->tid, slack, dist);
	if (head->posting == OH_NONE)
		return;
	OhChainBegin(&chain, head->id, head->posting);
	rank_chain(scan, &chain, slack, bound);
}

/*
 * note_error -- an estimate, and what the distance turned out to be.
 */
static inline void
note_error(OhScanState *s, double estimate, double dist)
{
	if (dist != estimate && fabs(dist) < FLT_MAX)
	{
		s->errors += (dist - estimate) * (dist - estimate);
		s->nerrors++;
	}
}

/*
 * OhRank -- see scan.h.
 */
void
OhRank(IndexScanDesc scan, const OhNodeRows *head, double dist, double bound)
{
	OhScanState *s = scan->opaque;
	bool		refined = s->forms->refined && head->refined_error >= 0;

	/* no longer live: it must not count as a row that was returned */
	if (!ItemPointerIsValid(&head->tid) && head->posting == OH_NONE)
		return;
	if (s->by_code || refined)
	{
		OhRow		row = {.dist = dist, .node = head->id, .posting = head->posting, .tid = head->tid};

		if (refined)
		{
			s->counters.refined++;
			row.dist = head->refined;
			note_error(s, dist, head->refined);
			row.error = row.slack = head->refined_error;
		}
		if (s->forms->unrounded)
		{
			row.dist = head->unrounded;
			if (s->radius != NULL && !OhRadiusHolds(s->radius, row.dist))
				return;
		}
		/* refined distances err more often by a lot than codes do */
		if (!OhIsBeyond(s, row.dist, refined ? 2 * row.error : head->error))
			OhRankedPush(&s->ranked, row);
	}
	else
	{
		double		exact = dist;

		rank_exactly(scan, head, 0, bound, &exact);
		note_error(s, dist, exact);
	}
}

/*
 * is_open -- may another row be nearer than the first one?
 *
 * Not if the first is exact: all others are farther, less their errors.
 */
static bool
is_open(const OhRanked *rows)
{
	const OhRow *a = &rows->row[0];
	const OhRow *b;

	if (a->error == 0 || rows->n < 2)
		return false;
	b = &rows->row[1];
	if (rows->n > 2 && OhRowBefore(&rows->row[2], b))
		b = &rows->row[2];
	return b->dist - a->dist < OH_SETTLED_ERRORS * hypot(a->error, b->error);
}

/*
 * settle -- another row may be nearer than the first one: rank that exactly.
 */
static void
settle(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;
	OhRow		row = OhRankedPop(&s->ranked);
	OhNodeRows	head = {.id = row.node, .posting = row.posting, .tid = row.tid};
	double		dist;

	rank_exactly(scan, &head, row.slack, row.least, &dist);
}

/*
 * is_nearer -- nearer than a row already returned, beyond what the errors explain
 * that the two were ranked with?
 */
static inline bool
is_nearer(const OhRow *row, double last, float last_error)
{
	return row->dist < last && row->dist < last - OH_SETTLED_ERRORS * hypot(row->slack, last_error);
}

/*
 * doubt -- the last of the rows returned that may not be seen: is it?  If it is, the
 * others do not matter any more.
 */
static bool
doubt(OhScanState *s)
{
	OhDoubtful *row = &s->doubtful[--s->ndoubtful];

	if (!OhRerankSees(s->rerank, row->tid))
		return false;
	s->last = row->dist;
	s->last_error = row->slack;
	s->ndoubtful = 0;
	return true;
}

/*
 * is_late -- is a row nearer than one that was returned and that the snapshot sees?
 */
static bool
is_late(OhScanState *s, const OhRow *row)
{
	if (!s->sorted || oh_iterative_scan == OH_ITERATIVE_RELAXED)
		return false;
	while (s->ndoubtful > 0 && is_nearer(row, s->doubtful[s->ndoubtful - 1].dist,
										 s->doubtful[s->ndoubtful - 1].slack))
		(void) doubt(s);
	return is_nearer(row, s->last, s->last_error);
}

/*
 * OhNoteReturned -- see scan.h.
 */
void
OhNoteReturned(OhScanState *s, const ItemPointerData *tid)
{
	const OhRow *row = &s->returning;
	OhDoubtful *last;

	if (!s->sorted || row->dist < s->last ||
		(s->ndoubtful > 0 && row->dist < s->doubtful[s->ndoubtful - 1].dist))
		return;
	if (row->rest == NULL && row->node == OH_NONE)
	{
		s->last = row->dist;
		s->last_error = row->slack;
		s->ndoubtful = 0;
		return;
	}
	if (s->doubtful == NULL)
		s->doubtful = MemoryContextAlloc(s->context, sizeof(OhDoubtful) * OH_MAX_DOUBTFUL);
	if (s->ndoubtful == OH_MAX_DOUBTFUL)
		(void) doubt(s);
	last = &s->doubtful[s->ndoubtful++];
	last->dist = row->dist;
	last->slack = row->slack;
	last->tid = *tid;
}

/*
 * begin_return -- what is ranked is to be returned, row by row.
 */
static void
begin_return(OhScanState *s, const OhRow *row)
{
	s->returning = *row;
	s->certain = s->radius != NULL && !s->radius->others &&
		(row->node == OH_NONE || s->exact_codes) && fabs(row->dist) < FLT_MAX;
	s->equal.n = s->equal.next = 0;
	if (ItemPointerIsValid(&row->tid))
		s->equal.tid[s->equal.n++] = row->tid;
	if (row->rest != NULL)
	{
		s->chain = *row->rest;
		pfree(row->rest);
		s->returning.rest = &s->chain;
	}
	else
		OhChainBegin(&s->chain, row->node, row->posting);
}

/*
 * OhTakeFirst -- see scan.h.
 */
bool
OhTakeFirst(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;
	OhRow		row;

	if (s->forms->refined && s->sorted && !s->ranked.row[0].unranked && is_open(&s->ranked))
	{
		settle(scan);
		return false;
	}
	row = OhRankedPop(&s->ranked);
	if (row.unranked)
	{
		rank_chain(scan, row.rest, row.slack, row.dist);
		pfree(row.rest);
		return false;
	}
	if (is_late(s, &row))
	{
		row.error = 0;			/* those held back come as they are ranked */
		OhRankedPush(&s->late, row);
		s->counters.late++;
		return false;
	}
	begin_return(s, &row);
	return true;
}

/*
 * OhTakeLate -- see scan.h.
 */
bool
OhTakeLate(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;
	OhRow		row;

	if (s->late.n == 0)
		return false;
	row = OhRankedPop(&s->late);
	begin_return(s, &row);
	return true;
}

/*
 * OhNextReturned -- see scan.h.
 */
bool
OhNextReturned(IndexScanDesc scan, ItemPointer tid)
{
	OhScanState *s = scan->opaque;

	while (s->equal.next == s->equal.n)
	{
		if (!OhChainHasMore(&s->chain) || !OhMayReadOn(s))
			return false;
		OhChainNext(s->ix, &s->chain, &s->seen, &s->equal);
		s->nchained += s->equal.n;
	}
	*tid = s->equal.tid[s->equal.next++];
	return true;
}
