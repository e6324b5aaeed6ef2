/*
 * scan.c -- index scans: rows nearest first, as many as the executor asks for.
 *
 * A scan goes through phases: batches of the graph walk, each batch's nodes
 * re-ranked lazily (rank.c); passes over what the walk did not reach; rows without a
 * position; and in strict order at the very end the rows that were found late,
 * nearer than one already returned.
 *
 * Where the query's order is the distance's downwards, as of 1 - distance, rows whose distance
 * is NaN come first; and rows without a vector before all others, where the query has NULLs first.
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
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "compat.h"
#include "filter/condition.h"
#include "hnsw/callbacks.h"
#include "hnsw/options.h"
#include "hnsw/scan/scan.h"
#include "planner/planner.h"

/* Sums of floats in another order: far more than they were ever seen to differ by. */
#define OTHER_ROUNDING 1e-5

/*
 * report -- say at DEBUG1 what the scan has cost: tests count by it.
 */
static void
report(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;

	if (s->search == NULL || !message_level_is_interesting(DEBUG1))
		return;
	ereport(DEBUG1,
			(errmsg_internal("scan of index \"%s\": evaluated %lld nodes, ranked %lld rows, passes %d, fetched %lld rows",
							 RelationGetRelationName(scan->indexRelation),
							 (long long) (s->search->eval.evaluations +
										  (s->sweep ? s->sweep->eval.evaluations : 0)),
							 (long long) s->nranked, s->sweep ? s->sweep->npasses : 0, (long long) s->nfetched)));
}

/* ---- callbacks ---- */

IndexScanDesc
ohbeginscan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
	OhScanState *s = palloc0(sizeof(OhScanState));

	OhTakeSettings();
	s->ef_search = OhEfSearch(index, &s->ef_source);
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
	OhScanCounted(s);
	s->phase = SCAN_START;
	s->ranked.n = s->late.n = 0;
	s->nhandled = s->nranked = s->nfetched = 0;
	s->rows.n = s->rows.next = 0;
	s->equal.n = s->equal.next = 0;
	OhChainBegin(&s->chain, OH_NONE, OH_NONE);
	s->nchained = 0;
	s->nchains = s->ndoubtful = 0;
	s->batch = NULL;
	s->walked = false;
	if (s->sweep)
		OhSweepEnd(s->sweep);
	s->sweep = NULL;
	s->filter = NULL;
	s->radius = NULL;
	MemoryContextReset(s->batch_context);
	OhReadSetInit(&s->seen, s->batch_context);
}

void
ohendscan(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;

	report(scan);
	OhScanCounted(s);
	OhNoteScan(scan->indexRelation, &s->counters);
	if (s->sweep)
		OhSweepEnd(s->sweep);
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
	const OhPosition *query = NULL;

	if (scan->numberOfOrderBys > 0 && !(scan->orderByData[0].sk_flags & SK_ISNULL))
	{
		/* the key's value stays until the next rescan; what is made of it does, too */
		MemoryContext old = MemoryContextSwitchTo(s->batch_context);

		OhGetPosition(&s->ix->column, scan->orderByData[0].sk_argument, &s->query);
		MemoryContextSwitchTo(old);
		if (!s->query.no_direction)
			query = &s->query;
	}
	s->sorted = query != NULL;
	s->radius = OhRadiusBegin(s->ix, scan->keyData, scan->numberOfKeys, query,
							  s->batch_context);
	if (s->radius != NULL)
		query = s->radius->center;
	s->ordered = query != NULL;
	if (s->ordered)
	{
		OhFormsSet(s->forms, s->ix, query->x);
		OhRerankQuery(s->rerank, query->value);
	}
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
	if (s->ix->columns.n == 0)
		return true;
	if (s->conditions == NULL)
		s->conditions = OhConditionsBegin(&s->ix->columns, s->context);
	OhConditionsSet(s->conditions, scan->indexRelation, scan->keyData, scan->numberOfKeys);
	if (s->conditions->never)
		return false;
	if (s->conditions->n > 0)
	{
		if (s->last_filter == NULL)
			s->last_filter = OhFilterBegin(s->conditions,
										   OhArrayRecords(&s->ix->file, OH_NODE),
										   s->context);
		s->filter = s->last_filter;
		OhFilterSet(s->filter);
	}
	return true;
}

/*
 * has_no_direction -- may rows be returned whose distance is NaN?
 */
static bool
has_no_direction(const OhRadius *radius)
{
	return radius == NULL || (radius->unordered && radius->metric == OM_METRIC_COSINE);
}

/*
 * begin_distances -- the rows that have a distance, if the query orders them.
 */
static void
begin_distances(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;

	if (s->radius != NULL && s->radius->nothing_near)
		OhAfterDistances(s);
	else if (s->ordered)
		OhFirstBatch(scan);
	else
		s->phase = SCAN_ALL;
}

static void
start(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;
	Relation	index = scan->indexRelation;

	pgstat_count_index_scan(index);
	om_count_search(scan);
	s->ix = OhIndexOpen(index);
	if (s->rerank == NULL)
	{
		s->exact_codes = om_quant_exact(&s->ix->spec) && s->ix->column.metric->type->exact;
		s->errors_vary = s->ix->spec.kind == OM_QUANT_SPARSE;
		s->rounding = s->ix->column.metric->type->exact ? 0 : OTHER_ROUNDING;
		s->by_code = s->exact_codes || s->ix->rerank == OH_RERANK_OFF;
		s->rerank = OhRerankBegin(scan, s->ix, s->context);
		s->forms = MemoryContextAlloc(s->context, sizeof(OhForms));
		OhFormsInit(s->forms, s->ix, s->ix->refine_bytes > 0, s->context);
		s->forms->unrounded = s->exact_codes && om_quant_rounds(&s->ix->spec);
		s->search = OhSearchBegin(s->ix, true, NULL, s->context);
	}
	s->last = -INFINITY;
	s->last_error = 0;
	s->most_error = 0;
	s->lp = 0;
	s->certain = false;
	s->complete = scan->numberOfOrderBys == 0;
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
	/* NULL is within no radius */
	s->not_null |= s->radius != NULL;
	s->nans_first = scan->numberOfOrderBys > 0 && OhGoesDown(scan);
	s->nulls_first = scan->numberOfOrderBys > 0 &&
		s->nans_first != (scan->orderByData[0].sk_collation == OH_NULLS_APART);
	if (s->only_null)
		s->phase = s->nulls_first ? SCAN_NULLS_FIRST : SCAN_NULLS;
	else if (s->nulls_first || s->nans_first)
		s->phase = SCAN_NULLS_FIRST;
	else
		begin_distances(scan);
}

/*
 * may_return -- count a row that is to be returned; false: without iterative
 * scan, there have been as many as candidates were asked for.
 */
static bool
may_return(OhScanState *s)
{
	if (s->complete || oh_iterative_scan != OH_ITERATIVE_OFF || s->nreturned++ < s->ef)
		return true;
	s->phase = SCAN_DONE;
	return false;
}

/*
 * OhAfterDistances -- see scan.h.
 */
void
OhAfterDistances(OhScanState *s)
{
	s->phase = SCAN_NO_DIRECTION;
	s->rows.n = s->rows.next = 0;
	s->lp = 0;
	s->certain = false;
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
		if (OhNextReturned(scan, tid))
		{
			OhNoteReturned(s, tid);
			return may_return(s);
		}
		if (OhBatchComesFirst(s))
		{
			OhNextBatch(scan);
			continue;
		}
		if (more)
		{
			head = OhPeek(scan, &bound);
			/* of a node that is no longer live nothing is known */
			beyond = (ItemPointerIsValid(&head->tid) || head->posting != OH_NONE) &&
				OhIsBeyond(s, s->batch->item[s->next].dist, head->error);
		}
		if (s->ranked.n > 0 &&
			(!more || (!OhRanksAll(s) && (beyond || bound >= s->ranked.row[0].dist))))
		{
			if (!more && OhTakeNearer(scan))
				continue;
			(void) OhTakeFirst(scan);
			continue;
		}
		if (beyond && OhFoundFarther(s))
		{
			OhAfterDistances(s);
			break;
		}
		if (!more || beyond)
		{
			OhNextBatch(scan);
			continue;
		}
		OhRank(scan, head, s->batch->item[s->next].dist, bound);
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
		CHECK_FOR_INTERRUPTS();
		if (OhNextReturned(scan, tid))
			return true;
		if (!OhTakeLate(scan))
			return false;
	}
	return false;
}

/*
 * next_phase -- an array is used up.
 */
static void
next_phase(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;

	s->lp = 0;
	if (s->phase == SCAN_NULLS_FIRST && s->only_null)
		s->phase = SCAN_DONE;
	else if (s->phase == SCAN_NO_DIRECTION_FIRST)
	{
		s->rows.n = s->rows.next = 0;
		begin_distances(scan);
	}
	else
		s->phase++;
}

/*
 * is_skipped -- is it known that a phase returns nothing?
 */
static bool
is_skipped(const OhScanState *s)
{
	switch (s->phase)
	{
		case SCAN_NULLS_FIRST:
			return s->not_null || !s->nulls_first;
		case SCAN_NULLS:
			return s->not_null || s->nulls_first;
		case SCAN_NO_DIRECTION_FIRST:
			return !has_no_direction(s->radius) || !s->nans_first;
		case SCAN_NO_DIRECTION:
			return !has_no_direction(s->radius) || s->nans_first;
		default:
			return false;
	}
}

/*
 * next_unordered -- the next row of an array, page by page; false: another phase.
 */
static bool
next_unordered(IndexScanDesc scan, ItemPointer tid)
{
	OhScanState *s = scan->opaque;

	while (s->phase == SCAN_ALL || s->phase == SCAN_NO_DIRECTION || s->phase == SCAN_NULLS ||
		   s->phase == SCAN_NULLS_FIRST || s->phase == SCAN_NO_DIRECTION_FIRST)
	{
		OhArrayId	array = s->phase == SCAN_ALL ? OH_NODE : OH_NULLS;
		bool		null = s->phase == SCAN_NULLS || s->phase == SCAN_NULLS_FIRST;

		CHECK_FOR_INTERRUPTS();
		if (s->rows.next < s->rows.n)
		{
			*tid = s->rows.tid[s->rows.next++];
			return true;
		}
		if (s->nchains > 0)
		{
			OhChainNext(s->ix, &s->chains[s->nchains - 1], &s->seen, &s->rows);
			if (!OhChainHasMore(&s->chains[s->nchains - 1]))
				s->nchains--;
			continue;
		}
		if (is_skipped(s) || s->lp >= OhArrayPages(&s->ix->file, array))
		{
			next_phase(scan);
			continue;
		}
		if (array == OH_NODE)
		{
			if (s->chains == NULL)
				s->chains = MemoryContextAlloc(s->context, sizeof(OhChain) *
											   s->ix->file.array[OH_NODE].per_page);
			s->nchains = OhRowsOfNodePage(s->ix, s->lp++, s->filter, &s->rows, s->chains);
		}
		else
			OhRowsOfNullPage(s->ix, s->lp++,
							 null ? OH_ROW_NULL : OH_ROW_NO_DIRECTION,
							 s->filter ? s->conditions : NULL, &s->rows);
	}
	return false;
}

/*
 * next_row -- the next row of all phases; false: there is none.
 */
static bool
next_row(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;
	bool		found;

	if (s->phase == SCAN_START)
		start(scan);
	scan->xs_recheckorderby = false;
	found = (s->phase < SCAN_GRAPH && next_unordered(scan, &scan->xs_heaptid)) ||
		next_ordered(scan, &scan->xs_heaptid) || next_unordered(scan, &scan->xs_heaptid);
	OhRerankRelease(s->rerank);
	if (!found && !next_late(scan, &scan->xs_heaptid))
	{
		s->phase = SCAN_DONE;
		return false;
	}
	scan->xs_recheck = (s->filter != NULL && s->conditions->lossy) ||
		(s->radius != NULL && !s->certain);
	s->counters.rows++;
	return true;
}

bool
ohgettuple(IndexScanDesc scan, ScanDirection dir)
{
	OhScanState *s = scan->opaque;
	instr_time	from;
	instr_time	to;
	bool		found;

	Assert(ScanDirectionIsForward(dir));
	if (!track_io_timing)
		return next_row(scan);
	INSTR_TIME_SET_CURRENT(from);
	found = next_row(scan);
	INSTR_TIME_SET_CURRENT(to);
	INSTR_TIME_ACCUM_DIFF(s->counters.time, to, from);
	return found;
}
