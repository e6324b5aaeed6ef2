/*
 * rank.c -- puts the rows of a scan's candidates in order: by exact or refined distances,
 * or by distances from codes if these decide.
 *
 * The rows of a node with many rows are ranked in pieces.  The rest of the node's rows is
 * kept in the queue as one entry.  If all their vectors are equal (see format.h), its
 * distance is the one already computed; otherwise it is a bound, and the rest is ranked
 * when nothing else can be nearer.
 *
 * In strict order, a row that turns out to be nearer than one already returned is held back
 * until the end.  A returned row counts for this only if the snapshot sees it.  Rows that
 * were ranked by their vectors are known to be visible.  For the others, visibility is
 * checked only when a row would be late because of them.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"

#include "hnsw/options.h"
#include "hnsw/scan/rank.h"

void
OhRankingInit(OhRanking *r, const OhScanQuery *query)
{
	r->query = query;
	OhRankedInit(&r->ranked, query->context);
	OhRankedInit(&r->late, query->context);
	OhTidListInit(&r->piece, query->context);
	OhTidListInit(&r->equal, query->context);
}

void
OhRankingReset(OhRanking *r)
{
	r->ranked.n = r->late.n = 0;
	r->nranked = r->nrefined = r->nfetched = r->nlate = 0;
	r->errors = 0;
	r->nerrors = 0;
	r->nchained = 0;
	r->equal.n = r->equal.next = 0;
	OhChainBegin(&r->chain, OH_NONE, OH_NONE);
	OhReadSetInit(&r->seen, r->query->rescan_context);
	r->certain = false;
	r->last = -INFINITY;
	r->ndoubtful = 0;
}

void
OhRankingOpen(OhRanking *r, IndexScanDesc scan)
{
	if (r->rerank == NULL)
		r->rerank = OhRerankBegin(scan, r->query->ix, r->query->context);
}

void
OhRankingStart(OhRanking *r)
{
	OhRerankQuery(r->rerank, r->query->center->value);
}

void
OhRankingEnd(OhRanking *r)
{
	if (r->rerank)
		OhRerankEnd(r->rerank);
}

/*
 * rank_row -- rank a row by its vector in the table; false if the snapshot does not see it.
 */
static bool
rank_row(OhRanking *r, ItemPointerData tid, double *dist)
{
	OhRankedRow row = {.node = OH_NONE, .posting = OH_NONE, .tid = tid};

	CHECK_FOR_INTERRUPTS();
	r->nfetched++;
	if (!OhRerankRow(r->rerank, tid, &row.dist))
		return false;
	if (isnan(row.dist))
		row.dist = INFINITY;
	*dist = row.dist;
	if (r->query->radius == NULL || OhRadiusHolds(r->query->radius, row.dist))
		OhRankedPush(&r->ranked, row);
	return true;
}

/*
 * rank_rest -- put the rest of a chain into the queue.  dist is the distance of its rows if
 * known, otherwise a bound.
 */
static void
rank_rest(OhRanking *r, const OhChain *chain, double dist, bool known)
{
	OhRankedRow row = {.dist = dist, .node = OH_NONE, .posting = OH_NONE};

	if (known && r->query->radius != NULL && !OhRadiusHolds(r->query->radius, dist))
		return;
	/* to limit memory, some of the rows already ranked must be returned first */
	if (!known && r->ranked.n * sizeof(OhRankedRow) > r->query->memory)
		row.dist = Max(dist, r->ranked.row[0].dist);
	row.unranked = !known;
	row.rest = MemoryContextAlloc(r->query->rescan_context, sizeof(OhChain));
	*row.rest = *chain;
	ItemPointerSetInvalid(&row.tid);
	OhRankedPush(&r->ranked, row);
}

/*
 * rank_chain -- rank the next rows of a chain by their vectors, and queue the rest of it.
 */
static void
rank_chain(OhRanking *r, OhChain *chain, double bound, int64 most_chained)
{
	bool		any = false;

	/* a piece without visible rows says nothing about the rest */
	while (!any && OhChainHasMore(chain) && r->nchained < most_chained)
	{
		double		dist = bound;

		OhChainNext(r->query->ix, chain, &r->seen, &r->piece);
		r->nchained += r->piece.n;
		for (int i = 0; i < r->piece.n; i++)
			any |= rank_row(r, r->piece.tid[i], &dist);
		r->piece.n = 0;
		if (any && OhChainHasMore(chain))
			rank_rest(r, chain, chain->hash != OH_MIXED ? dist : bound, chain->hash != OH_MIXED);
	}
}

/*
 * rank_exactly -- rank each row of a node by its vector in the table.
 *
 * dist is set to the distance of the row at the node's own TID, if the snapshot sees it.
 */
static void
rank_exactly(OhRanking *r, const OhFoundNode *head, double bound, int64 most_chained,
			 double *dist)
{
	OhChain		chain;

	if (ItemPointerIsValid(&head->tid))
		(void) rank_row(r, head->tid, dist);
	if (head->posting == OH_NONE)
		return;
	OhChainBegin(&chain, head->id, head->posting);
	rank_chain(r, &chain, bound, most_chained);
}

/*
 * note_error -- record the difference between an estimate and the distance.
 */
static inline void
note_error(OhRanking *r, double estimate, double dist)
{
	if (dist != estimate && fabs(dist) < FLT_MAX)
	{
		r->errors += (dist - estimate) * (dist - estimate);
		r->nerrors++;
	}
}

void
OhRank(OhRanking *r, const OhFoundNode *head, double dist, double bound, int64 most_chained)
{
	bool		refined = r->query->forms->refined && head->refined_error >= 0;

	r->nranked++;
	/* the node is no longer live: it must not count as a returned row */
	if (!ItemPointerIsValid(&head->tid) && head->posting == OH_NONE)
		return;
	if (r->query->by_code || refined)
	{
		OhRankedRow row = {.dist = dist, .node = head->id, .posting = head->posting, .tid = head->tid};

		if (refined)
		{
			r->nrefined++;
			row.dist = head->refined;
			note_error(r, dist, head->refined);
			row.error = head->refined_error;
		}
		if (r->query->forms->unrounded)
		{
			row.dist = head->unrounded;
			if (r->query->radius != NULL && !OhRadiusHolds(r->query->radius, row.dist))
				return;
		}
		/* large errors are more frequent with refined distances than with codes */
		if (!OhIsBeyond(r->query, row.dist, refined ? 2 * row.error : head->error))
			OhRankedPush(&r->ranked, row);
	}
	else
	{
		double		exact = dist;

		rank_exactly(r, head, bound, most_chained, &exact);
		note_error(r, dist, exact);
	}
}

/*
 * is_open -- may another row be nearer than the first one?
 *
 * Not if the first one's distance is exact: the heap is ordered by the distance less its
 * error, so all others are likely to be farther.
 */
static bool
is_open(const OhRanked *rows)
{
	const OhRankedRow *a = &rows->row[0];
	const OhRankedRow *b;

	if (a->error == 0 || rows->n < 2)
		return false;
	b = &rows->row[1];
	if (rows->n > 2 && OhRankedBefore(&rows->row[2], b))
		b = &rows->row[2];
	return b->dist - a->dist < OH_SETTLED_ERRORS * hypot(a->error, b->error);
}

/*
 * farthest -- the distance of the farthest row that has been returned, whether the snapshot sees it or not.
 */
static inline double
farthest(const OhRanking *r)
{
	return r->ndoubtful > 0 ? r->doubtful[r->ndoubtful - 1].dist : r->last;
}

/*
 * is_behind -- is the first row's distance an estimate, and less than that of a row that has
 * been returned?
 */
static bool
is_behind(const OhRanking *r)
{
	const OhRankedRow *row = &r->ranked.row[0];

	return row->error > 0 && OhIsStrict(r->query) && row->dist < farthest(r);
}

/*
 * settle -- rank the first row exactly, because another one may be nearer, or because it may
 * be late.
 */
static void
settle(OhRanking *r, int64 most_chained)
{
	OhRankedRow row = OhRankedPop(&r->ranked);
	OhFoundNode head = {.id = row.node, .posting = row.posting, .tid = row.tid};
	double		dist;

	rank_exactly(r, &head, row.least, most_chained, &dist);
}

/*
 * doubt -- does the snapshot see the last of the returned rows whose visibility is not
 * known?  If it does, the other ones no longer matter.
 */
static bool
doubt(OhRanking *r)
{
	OhDoubtful *row = &r->doubtful[--r->ndoubtful];

	if (!OhRerankSees(r->rerank, row->tid))
		return false;
	r->last = row->dist;
	r->ndoubtful = 0;
	return true;
}

/*
 * is_late -- is a row nearer than a returned row that the snapshot sees?
 */
static bool
is_late(OhRanking *r, const OhRankedRow *row)
{
	if (!r->query->sorted || !OhIsStrict(r->query))
		return false;
	while (r->ndoubtful > 0 && row->dist < r->doubtful[r->ndoubtful - 1].dist)
		(void) doubt(r);
	return row->dist < r->last;
}

void
OhNoteReturned(OhRanking *r, const ItemPointerData *tid)
{
	const OhRankedRow *row = &r->returning;
	OhDoubtful *last;

	if (!r->query->sorted || row->dist < farthest(r))
		return;
	if (row->rest == NULL && row->node == OH_NONE)
	{
		r->last = row->dist;
		r->ndoubtful = 0;
		return;
	}
	if (r->doubtful == NULL)
		r->doubtful = MemoryContextAlloc(r->query->context, sizeof(OhDoubtful) * OH_MAX_DOUBTFUL);
	if (r->ndoubtful == OH_MAX_DOUBTFUL)
		(void) doubt(r);
	last = &r->doubtful[r->ndoubtful++];
	last->dist = row->dist;
	last->tid = *tid;
}

/*
 * begin_return -- start to return the rows of a ranked entry, one by one.
 */
static void
begin_return(OhRanking *r, const OhRankedRow *row)
{
	r->returning = *row;
	r->certain = r->query->radius != NULL && !r->query->radius->others &&
		(row->node == OH_NONE || r->query->exact_codes) && fabs(row->dist) < FLT_MAX;
	r->equal.n = r->equal.next = 0;
	if (ItemPointerIsValid(&row->tid))
		r->equal.tid[r->equal.n++] = row->tid;
	if (row->rest != NULL)
	{
		r->chain = *row->rest;
		pfree(row->rest);
		r->returning.rest = &r->chain;
	}
	else
		OhChainBegin(&r->chain, row->node, row->posting);
}

bool
OhTakeFirst(OhRanking *r, int64 most_chained)
{
	OhRankedRow row;

	if (r->query->forms->refined && r->query->sorted && !r->ranked.row[0].unranked &&
		(is_open(&r->ranked) || is_behind(r)))
	{
		settle(r, most_chained);
		return false;
	}
	row = OhRankedPop(&r->ranked);
	if (row.unranked)
	{
		rank_chain(r, row.rest, row.dist, most_chained);
		pfree(row.rest);
		return false;
	}
	if (is_late(r, &row))
	{
		OhRankedPush(&r->late, row);
		r->nlate++;
		return false;
	}
	begin_return(r, &row);
	return true;
}

bool
OhTakeLate(OhRanking *r)
{
	OhRankedRow row;

	if (r->late.n == 0)
		return false;
	row = OhRankedPop(&r->late);
	begin_return(r, &row);
	return true;
}

bool
OhNextReturned(OhRanking *r, int64 most_chained, ItemPointer tid)
{
	while (r->equal.next == r->equal.n)
	{
		if (!OhChainHasMore(&r->chain) || r->nchained >= most_chained)
			return false;
		OhChainNext(r->query->ix, &r->chain, &r->seen, &r->equal);
		r->nchained += r->equal.n;
	}
	*tid = r->equal.tid[r->equal.next++];
	return true;
}
