/*
 * rank.c -- rows of a scan's candidates in order: by exact distances or refined ones,
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

#include "hnsw/options.h"
#include "hnsw/scan/rank.h"

void
OhRankingInit(OhRanking *r, const OhScanQuery *query)
{
	r->query = query;
	OhRankedInit(&r->ranked, query->context);
	OhRankedInit(&r->late, query->context);
	OhRowsInit(&r->piece, query->context);
	OhRowsInit(&r->equal, query->context);
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
	r->last_error = 0;
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
 * rank_row -- rank a row by its vector in the table; false: the snapshot does not see
 * it.
 */
static bool
rank_row(OhRanking *r, ItemPointerData tid, float slack, double *dist)
{
	OhRow		row = {.slack = slack, .node = OH_NONE, .posting = OH_NONE, .tid = tid};

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
 * rank_rest -- rank what is left of a chain; known: its rows have this distance,
 * which is a bound otherwise.
 */
static void
rank_rest(OhRanking *r, const OhChain *chain, float slack, double dist, bool known)
{
	OhRow		row = {.dist = dist, .slack = slack, .node = OH_NONE, .posting = OH_NONE};

	if (known && r->query->radius != NULL && !OhRadiusHolds(r->query->radius, dist))
		return;
	/* many rows are ranked already: some of them must go first */
	if (!known && r->ranked.n * sizeof(OhRow) > OhScanMemory())
		row.dist = Max(dist, r->ranked.row[0].dist);
	row.unranked = !known;
	row.rest = MemoryContextAlloc(r->query->rescan_context, sizeof(OhChain));
	*row.rest = *chain;
	ItemPointerSetInvalid(&row.tid);
	OhRankedPush(&r->ranked, row);
}

/*
 * rank_chain -- rank the next rows of a chain by their vectors, and the rest of it.
 */
static void
rank_chain(OhRanking *r, OhChain *chain, float slack, double bound, int64 most_chained)
{
	bool		any = false;

	/* a piece without a row that the snapshot sees says nothing of the rest */
	while (!any && OhChainHasMore(chain) && r->nchained < most_chained)
	{
		double		dist = bound;

		OhChainNext(r->query->ix, chain, &r->seen, &r->piece);
		r->nchained += r->piece.n;
		for (int i = 0; i < r->piece.n; i++)
			any |= rank_row(r, r->piece.tid[i], slack, &dist);
		r->piece.n = 0;
		if (any && OhChainHasMore(chain))
			rank_rest(r, chain, slack, chain->hash != OH_MIXED ? dist : bound,
					  chain->hash != OH_MIXED);
	}
}

/*
 * rank_exactly -- rank the rows of a node each by its vector in the table.
 *
 * dist becomes the distance of the node's own row, if the snapshot sees it.
 */
static void
rank_exactly(OhRanking *r, const OhNodeRows *head, float slack, double bound,
			 int64 most_chained, double *dist)
{
	OhChain		chain;

	if (ItemPointerIsValid(&head->tid))
		(void) rank_row(r, head->tid, slack, dist);
	if (head->posting == OH_NONE)
		return;
	OhChainBegin(&chain, head->id, head->posting);
	rank_chain(r, &chain, slack, bound, most_chained);
}

/*
 * note_error -- an estimate, and what the distance turned out to be.
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
OhRank(OhRanking *r, const OhNodeRows *head, double dist, double bound, int64 most_chained)
{
	bool		refined = r->query->forms->refined && head->refined_error >= 0;

	r->nranked++;
	/* no longer live: it must not count as a row that was returned */
	if (!ItemPointerIsValid(&head->tid) && head->posting == OH_NONE)
		return;
	if (r->query->by_code || refined)
	{
		OhRow		row = {.dist = dist, .node = head->id, .posting = head->posting, .tid = head->tid};

		if (refined)
		{
			r->nrefined++;
			row.dist = head->refined;
			note_error(r, dist, head->refined);
			row.error = row.slack = head->refined_error;
		}
		if (r->query->forms->unrounded)
		{
			row.dist = head->unrounded;
			if (r->query->radius != NULL && !OhRadiusHolds(r->query->radius, row.dist))
				return;
		}
		/* refined distances err more often by a lot than codes do */
		if (!OhIsBeyond(r->query, row.dist, refined ? 2 * row.error : head->error))
			OhRankedPush(&r->ranked, row);
	}
	else
	{
		double		exact = dist;

		rank_exactly(r, head, 0, bound, most_chained, &exact);
		note_error(r, dist, exact);
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
settle(OhRanking *r, int64 most_chained)
{
	OhRow		row = OhRankedPop(&r->ranked);
	OhNodeRows	head = {.id = row.node, .posting = row.posting, .tid = row.tid};
	double		dist;

	rank_exactly(r, &head, row.slack, row.least, most_chained, &dist);
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
doubt(OhRanking *r)
{
	OhDoubtful *row = &r->doubtful[--r->ndoubtful];

	if (!OhRerankSees(r->rerank, row->tid))
		return false;
	r->last = row->dist;
	r->last_error = row->slack;
	r->ndoubtful = 0;
	return true;
}

/*
 * is_late -- is a row nearer than one that was returned and that the snapshot sees?
 */
static bool
is_late(OhRanking *r, const OhRow *row)
{
	if (!r->query->sorted || oh_iterative_scan == OH_ITERATIVE_RELAXED)
		return false;
	while (r->ndoubtful > 0 && is_nearer(row, r->doubtful[r->ndoubtful - 1].dist,
										 r->doubtful[r->ndoubtful - 1].slack))
		(void) doubt(r);
	return is_nearer(row, r->last, r->last_error);
}

void
OhNoteReturned(OhRanking *r, const ItemPointerData *tid)
{
	const OhRow *row = &r->returning;
	OhDoubtful *last;

	if (!r->query->sorted || row->dist < r->last ||
		(r->ndoubtful > 0 && row->dist < r->doubtful[r->ndoubtful - 1].dist))
		return;
	if (row->rest == NULL && row->node == OH_NONE)
	{
		r->last = row->dist;
		r->last_error = row->slack;
		r->ndoubtful = 0;
		return;
	}
	if (r->doubtful == NULL)
		r->doubtful = MemoryContextAlloc(r->query->context, sizeof(OhDoubtful) * OH_MAX_DOUBTFUL);
	if (r->ndoubtful == OH_MAX_DOUBTFUL)
		(void) doubt(r);
	last = &r->doubtful[r->ndoubtful++];
	last->dist = row->dist;
	last->slack = row->slack;
	last->tid = *tid;
}

/*
 * begin_return -- what is ranked is to be returned, row by row.
 */
static void
begin_return(OhRanking *r, const OhRow *row)
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
	OhRow		row;

	if (r->query->forms->refined && r->query->sorted && !r->ranked.row[0].unranked && is_open(&r->ranked))
	{
		settle(r, most_chained);
		return false;
	}
	row = OhRankedPop(&r->ranked);
	if (row.unranked)
	{
		rank_chain(r, row.rest, row.slack, row.dist, most_chained);
		pfree(row.rest);
		return false;
	}
	if (is_late(r, &row))
	{
		row.error = 0;			/* those held back come as they are ranked */
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
	OhRow		row;

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
