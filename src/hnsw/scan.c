/*
 * scan.c -- index scans: rows nearest first, as many as the executor asks for.
 *
 * A scan goes through phases: batches of the graph walk, each batch's nodes
 * re-ranked lazily, by exact distances or refined ones, unless those of the
 * codes decide; passes over what the walk did not reach; rows without a
 * position; and in strict order at the very end the rows that were found late,
 * nearer than one already returned.
 *
 * A NULL query, and one without a direction, order nothing: every row comes
 * from the arrays as they lie.
 *
 * Conditions on filter columns narrow each phase; batch.c says how nodes that match
 * are found.
 *
 * A condition "within a radius" of what the scan is ordered by ends it, once no
 * node can be within any more.  Without ORDER BY the center is the query.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "hnsw/refinement.h"
#include "hnsw/scan.h"

/*
 * A row is returned once the next candidate's estimate, less this many standard
 * errors, is no nearer.  Figures in src/README.md.
 */
#define BOUND_ERRORS 3.0f

/*
 * Two rows whose refined distances differ by less than so many standard errors
 * (of the difference) are compared by their vectors.  Figures in src/README.md.
 */
#define SETTLED_ERRORS 2.0

/*
 * A node is beyond a radius if its estimate is, less this many standard errors.
 * Figures in src/README.md.
 */
#define BEYOND_ERRORS 5.0

/* ---- callbacks ---- */

IndexScanDesc
ohbeginscan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
	OhScanState *s = palloc0(sizeof(OhScanState));

	OhWarnOfSettings();
	s->context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw scan",
									   ALLOCSET_DEFAULT_SIZES);
	OhRankedInit(&s->ranked, s->context);
	OhRankedInit(&s->late, s->context);
	OhRowsInit(&s->rows, s->context);
	OhRowsInit(&s->equal, s->context);
	s->batch_context = AllocSetContextCreate(s->context, "omenhnsw sweep",
											 ALLOCSET_DEFAULT_SIZES);
	OhHeapInit(&s->held, s->context, 256);
	s->handled_allocated = 256;
	s->handled = MemoryContextAlloc(s->context, sizeof(uint32) * s->handled_allocated);
	scan->opaque = s;
	return scan;
}

void
ohrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys)
{
	OhScanState *s = scan->opaque;

	if (keys && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
	if (orderbys && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys, scan->numberOfOrderBys * sizeof(ScanKeyData));
	s->phase = SCAN_START;
	s->ranked.n = s->late.n = 0;
	s->nhandled = s->nranked = 0;
	s->rows.n = s->rows.next = 0;
	s->equal.n = s->equal.next = 0;
	s->batch = NULL;
	s->walked = false;
	s->sweep = NULL;
	s->filter = NULL;
	s->radius = NULL;
	MemoryContextReset(s->batch_context);
}

void
ohendscan(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;

	if (s->rerank)
		OhRerankEnd(s->rerank);
	MemoryContextDelete(s->context);
	pfree(s);
}

/* ---- phases ---- */

/*
 * set_query -- take the query of this (re)scan; s->ordered tells if it orders.
 *
 * Without an order it is the center of a radius.  false: no row is within.
 */
static bool
set_query(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;
	Relation	index = scan->indexRelation;
	const float *x = NULL;
	Pointer		to_free = NULL;

	if (scan->numberOfOrderBys > 0 && !(scan->orderByData[0].sk_flags & SK_ISNULL))
	{
		x = OhVectorFloats(index, s->ix->dim, scan->orderByData[0].sk_argument, &to_free);
		if (!OhHasDirection(s->ix->spec.metric, x, s->ix->dim))
			x = NULL;
	}
	s->sorted = x != NULL;
	s->radius = OhRadiusBegin(index, s->ix, scan->keyData, scan->numberOfKeys, x,
							  s->batch_context);
	if (s->radius != NULL)
		x = s->radius->center;
	s->ordered = x != NULL;
	if (s->ordered)
	{
		if (s->vector == NULL)
			s->vector = OhAlignedAlloc(s->context, sizeof(float) * s->ix->dim);
		memcpy(s->vector, x, sizeof(float) * s->ix->dim);
		if (s->refine != NULL)
			om_quant_refine_query(s->ix->quant, s->vector, s->scratch, s->query, s->refine);
		else
			om_quant_query(s->ix->quant, s->vector, s->scratch, s->query);
		OhRerankQuery(s->rerank, s->vector);
	}
	if (to_free)
		pfree(to_free);
	return s->radius == NULL || !s->radius->never;
}

/*
 * take_keys -- the conditions of this (re)scan; false: no row matches.
 */
static bool
take_keys(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;

	s->only_null = s->not_null = false;
	for (int i = 0; i < scan->numberOfKeys; i++)
	{
		ScanKey		key = &scan->keyData[i];

		if (key->sk_attno == 1)
		{
			s->only_null |= (key->sk_flags & SK_SEARCHNULL) != 0;
			s->not_null |= (key->sk_flags & SK_SEARCHNOTNULL) != 0;
		}
	}
	if (s->ix->nattrs == 0)
		return true;
	if (s->conditions == NULL)
		s->conditions = OhConditionsBegin(scan->indexRelation, s->ix, s->context);
	OhConditionsSet(s->conditions, scan->indexRelation, scan->keyData, scan->numberOfKeys);
	if (s->conditions->never)
		return false;
	if (s->conditions->n > 0)
	{
		if (s->last_filter == NULL)
			s->last_filter = OhFilterBegin(scan->indexRelation, s->ix, s->conditions, s->context);
		s->filter = s->last_filter;
		OhFilterSet(s->filter);
	}
	return true;
}

static void
start(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;
	Relation	index = scan->indexRelation;

	pgstat_count_index_scan(index);
	s->ix = OhIndexOpen(index);
	if (s->rerank == NULL)
	{
		s->exact_codes = om_quant_exact(&s->ix->spec);
		s->by_code = s->exact_codes || s->ix->rerank == OH_RERANK_OFF;
		s->rerank = OhRerankBegin(scan, s->ix, s->context);
		s->query = OhAlignedAlloc(s->context, om_quant_query_bytes(&s->ix->spec));
		if (s->ix->refine_bytes > 0)
			s->refine = OhAlignedAlloc(s->context, om_quant_refine_query_bytes(&s->ix->spec));
		s->scratch = OhAlignedAlloc(s->context, om_quant_scratch_bytes(&s->ix->spec));
		s->search = OhSearchBegin(index, s->ix, true, NULL, s->context);
	}
	s->last = -INFINITY;
	s->last_error = 0;
	s->lp = 0;
	if (!take_keys(scan) || !set_query(scan) || (s->only_null && s->radius != NULL))
	{
		s->phase = SCAN_DONE;
		return;
	}
	if (scan->numberOfOrderBys > 1 || (scan->numberOfOrderBys == 0 && s->radius == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" can only be scanned in the order of one distance, or within a radius",
						RelationGetRelationName(index))));
	if (s->only_null)
		s->phase = SCAN_NULLS;
	else if (s->ordered)
		OhFirstBatch(scan);
	else
		s->phase = SCAN_ALL;
}

/*
 * look_ahead -- read what the next n nodes of the batch have: rows, and refined
 * distances if the index has them.
 */
static void
look_ahead(IndexScanDesc scan, OhNodeRows *head, int n)
{
	OhScanState *s = scan->opaque;
	Relation	index = scan->indexRelation;
	const OhItem *item = &s->batch->item[s->next];
	OmRefineBase base[OH_AHEAD];

	for (int i = 0; i < n && s->refine != NULL; i++)
		OhPrefetchRefinement(s->ix, item[i].id);
	for (int i = 0; i < n; i++)
	{
		OhReadNodeRows(index, s->ix, item[i].id, s->query, s->refine, &head[i], &base[i]);
		if (!s->by_code && s->refine == NULL)
			OhRerankPrefetch(s->rerank, &head[i].tid, false);
	}
	if (s->refine != NULL)
		OhReadRefinements(index, s->ix, s->query, s->refine, base, head, n);
	else if (!s->by_code)
	{
		for (int i = 0; i < n; i++)
			OhRerankPrefetch(s->rerank, &head[i].tid, true);
	}
}

/*
 * peek -- the next node of the batch: its rows, and in *bound a distance that
 * none of them is likely to be nearer than.
 */
static const OhNodeRows *
peek(IndexScanDesc scan, double *bound)
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
	if (!s->by_code)
		*bound -= BOUND_ERRORS * head->error;
	return head;
}

/*
 * rank_exactly -- rank the rows of a node each by its vector in the table.
 */
static void
rank_exactly(IndexScanDesc scan, const OhNodeRows *head, float slack)
{
	OhScanState *s = scan->opaque;

	OhRowsOfNode(scan->indexRelation, s->ix, head, &s->rows);
	for (int i = 0; i < s->rows.n; i++)
	{
		OhRow			row = {.slack = slack,.node = OH_NONE,.posting = OH_NONE};

		CHECK_FOR_INTERRUPTS();
		row.tid = s->rows.tid[i];
		if (!OhRerankRow(s->rerank, row.tid, &row.dist))
			continue;
		if (s->radius != NULL && !OhRadiusHolds(s->radius, row.dist))
			continue;
		if (isnan(row.dist))
			row.dist = INFINITY;
		OhRankedPush(&s->ranked, row);
	}
	s->rows.n = 0;
}

/*
 * is_beyond -- with a radius: is a node out of reach, whose distance was found to
 * be this one, with this standard error?
 */
static bool
is_beyond(const OhScanState *s, double dist, double error)
{
	/* codes have no distance below -FLT_MAX, which then stands for any */
	if (s->radius == NULL || dist <= -FLT_MAX)
		return false;
	if (s->exact_codes)
		return !OhRadiusHolds(s->radius, dist);
	return dist - BEYOND_ERRORS * error > s->radius->limit;
}

/*
 * rank -- rank the rows of a node of the batch.
 */
static void
rank(IndexScanDesc scan, const OhNodeRows *head, double dist)
{
	OhScanState *s = scan->opaque;
	bool		refined = s->refine != NULL && head->refined_error >= 0;

	/* no longer live: it must not count as a row that was returned */
	if (!ItemPointerIsValid(&head->tid) && head->posting == OH_NONE)
		return;
	if (s->by_code || refined)
	{
		OhRow			row = {.dist = dist,.node = head->id,.posting = head->posting,.tid = head->tid};

		if (refined)
		{
			row.dist = head->refined;
			row.error = row.slack = head->refined_error;
		}
		/* refined distances err more often by a lot than codes do */
		if (!is_beyond(s, row.dist, refined ? 2 * row.error : head->error))
			OhRankedPush(&s->ranked, row);
	}
	else
		rank_exactly(scan, head, 0);
}

/*
 * is_open -- are the first two too near to one another to say which is first?
 */
static bool
is_open(const OhRanked *rows)
{
	const OhRow  *a = &rows->row[0];
	const OhRow  *b;

	if (rows->n < 2)
		return false;
	b = &rows->row[1];
	if (rows->n > 2 && OhRowBefore(&rows->row[2], b))
		b = &rows->row[2];
	return (a->error > 0 || b->error > 0) &&
		b->dist - a->dist < SETTLED_ERRORS * hypot(a->error, b->error);
}

/*
 * settle -- the first two are open: rank one of them exactly, the first if it is
 * not yet.
 */
static void
settle(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;
	OhRow			row = OhRankedPop(&s->ranked);
	OhNodeRows	head = {0};

	if (row.error == 0)
	{
		OhRow			second = OhRankedPop(&s->ranked);

		OhRankedPush(&s->ranked, row);
		row = second;
	}
	head.id = row.node;
	head.posting = row.posting;
	head.tid = row.tid;
	rank_exactly(scan, &head, row.slack);
}

/*
 * first_row -- a row that is to be returned; false: it is a node with several,
 * which s->equal holds now, or with none.
 */
static bool
first_row(IndexScanDesc scan, const OhRow *row, ItemPointer tid)
{
	OhScanState *s = scan->opaque;

	s->certain = s->radius != NULL && !s->radius->others &&
		(row->node == OH_NONE || s->exact_codes) && fabs(row->dist) < FLT_MAX;
	if (row->node != OH_NONE && row->posting != OH_NONE)
	{
		OhNodeRows	head = {.id = row->node,.posting = row->posting,.tid = row->tid};

		OhRowsOfNode(scan->indexRelation, s->ix, &head, &s->equal);
		return false;
	}
	*tid = row->tid;
	return ItemPointerIsValid(tid);
}

/*
 * is_late -- nearer than a row already returned, beyond what the errors explain
 * that the two were ranked with?
 */
static bool
is_late(const OhScanState *s, const OhRow *row)
{
	return row->dist < s->last && s->sorted && oh_iterative_scan != OH_ITERATIVE_RELAXED &&
		row->dist < s->last - SETTLED_ERRORS * hypot(row->slack, s->last_error);
}

/*
 * may_return -- count a row that is to be returned; false: without iterative
 * scan, there have been as many as candidates were asked for.
 */
static bool
may_return(OhScanState *s)
{
	if (oh_iterative_scan != OH_ITERATIVE_OFF || s->nreturned++ < s->ef)
		return true;
	s->phase = SCAN_DONE;
	return false;
}

/*
 * next_ordered -- the next row of the walk or sweep; false: another phase.
 */
static bool
next_ordered(IndexScanDesc scan, ItemPointer tid)
{
	OhScanState *s = scan->opaque;

	while (s->phase == SCAN_GRAPH || s->phase == SCAN_SWEEP)
	{
		bool		more = s->next < s->batch->n;
		bool		beyond = false;
		const OhNodeRows *head = NULL;
		double		bound = 0;

		CHECK_FOR_INTERRUPTS();
		if (s->equal.next < s->equal.n)
		{
			*tid = s->equal.tid[s->equal.next++];
			return may_return(s);
		}
		if (OhBatchComesFirst(s))
		{
			OhNextBatch(scan);
			continue;
		}
		if (more)
		{
			head = peek(scan, &bound);
			/* of a node that is no longer live nothing is known */
			beyond = (ItemPointerIsValid(&head->tid) || head->posting != OH_NONE) &&
				is_beyond(s, s->batch->item[s->next].dist, head->error);
		}
		if (s->ranked.n > 0 && (!more || beyond || bound >= s->ranked.row[0].dist))
		{
			OhRow			row;

			if (s->refine != NULL && s->sorted && is_open(&s->ranked))
			{
				settle(scan);
				continue;
			}
			row = OhRankedPop(&s->ranked);
			if (is_late(s, &row))
			{
				OhRankedPush(&s->late, row);
				continue;
			}
			if (row.dist >= s->last)
			{
				s->last = row.dist;
				s->last_error = row.slack;
			}
			if (first_row(scan, &row, tid))
				return may_return(s);
			continue;
		}
		if (beyond && OhFoundFarther(s))
		{
			s->phase = SCAN_LATE;
			break;
		}
		if (!more || beyond)
		{
			OhNextBatch(scan);
			continue;
		}
		rank(scan, head, s->batch->item[s->next].dist);
		s->next++;
		s->nranked++;
	}
	return false;
}

/*
 * next_late -- the next of the rows that were held back; false: there is none.
 */
static bool
next_late(IndexScanDesc scan, ItemPointer tid)
{
	OhScanState *s = scan->opaque;

	while (s->phase == SCAN_LATE)
	{
		OhRow			row;

		CHECK_FOR_INTERRUPTS();
		if (s->equal.next < s->equal.n)
		{
			*tid = s->equal.tid[s->equal.next++];
			return true;
		}
		if (s->late.n == 0)
			return false;
		row = OhRankedPop(&s->late);
		if (first_row(scan, &row, tid))
			return true;
	}
	return false;
}

/*
 * next_unordered -- the next row of an array, page by page; false: another phase.
 */
static bool
next_unordered(IndexScanDesc scan, ItemPointer tid)
{
	OhScanState *s = scan->opaque;
	Relation	index = scan->indexRelation;

	while (s->phase == SCAN_ALL || s->phase == SCAN_NO_DIRECTION || s->phase == SCAN_NULLS)
	{
		OhArrayId	array = s->phase == SCAN_ALL ? OH_NODE : OH_NULLS;

		CHECK_FOR_INTERRUPTS();
		if (s->rows.next < s->rows.n)
		{
			*tid = s->rows.tid[s->rows.next++];
			return true;
		}
		if (s->lp >= OhArrayPages(index, s->ix, array) ||
			(s->phase == SCAN_NULLS && s->not_null))
		{
			s->phase++;
			s->lp = 0;
			continue;
		}
		if (array == OH_NODE)
			OhRowsOfNodePage(index, s->ix, s->lp++, s->filter, &s->rows);
		else
			OhRowsOfNullPage(index, s->ix, s->lp++,
							 s->phase == SCAN_NULLS ? OH_ROW_NULL : OH_ROW_NO_DIRECTION,
							 s->filter ? s->conditions : NULL, &s->rows);
	}
	return false;
}

bool
ohgettuple(IndexScanDesc scan, ScanDirection dir)
{
	OhScanState *s = scan->opaque;
	bool		found;

	Assert(ScanDirectionIsForward(dir));
	if (s->phase == SCAN_START)
		start(scan);
	scan->xs_recheckorderby = false;
	found = next_ordered(scan, &scan->xs_heaptid) || next_unordered(scan, &scan->xs_heaptid);
	OhRerankRelease(s->rerank);
	if (!found && !next_late(scan, &scan->xs_heaptid))
	{
		s->phase = SCAN_DONE;
		return false;
	}
	scan->xs_recheck = (s->filter != NULL && s->conditions->lossy) ||
		(s->radius != NULL && !s->certain);
	return true;
}
