/*
 * maxsim.c -- scans of an index on arrays of vectors: rows in the order of MaxSim, until
 * the executor has enough.
 *
 * The phases are those of scan.c.  maxrows.c finds rows in batches and computes their exact
 * distances.  A row is returned once no other row is likely to be nearer.  In strict order,
 * rows that are found too late are returned at the very end.
 *
 * An empty array is an off-graph row, like a vector without direction: its distance is NULL
 * although the value itself is not.  A query without vectors orders nothing.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "compat.h"
#include "hnsw/options.h"
#include "hnsw/scan/maxsim.h"
#include "planner/planner.h"

/*
 * Of n rows found so far, the last this many are not returned before the next batch has
 * been found.
 */
#define KEPT_BACK(n) ((n) / 2)

IndexScanDesc
OhMaxBegin(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
	OhMaxState *s = palloc0(sizeof(OhMaxState));
	MemoryContext context;

	s->maxsim = true;
	context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw scan", ALLOCSET_DEFAULT_SIZES);
	OhQueryInit(&s->base, index, context,
				AllocSetContextCreate(context, "omenhnsw scan rows", ALLOCSET_DEFAULT_SIZES));
	s->chain_context = AllocSetContextCreate(context, "omenhnsw scan chain", ALLOCSET_SMALL_SIZES);
	OhRankedInit(&s->ranked, s->base.context);
	OhRankedInit(&s->late, s->base.context);
	OhTidListInit(&s->rows, s->base.context);
	scan->opaque = s;
	return scan;
}

void
OhMaxRescan(IndexScanDesc scan)
{
	OhMaxState *s = scan->opaque;
	OhScanCounters counters;

	OhMaxCount(s, &counters);
	s->counters = counters;
	OhMaxRowsReset(s);
	MemoryContextReset(s->base.rescan_context);
	s->phase = MAX_START;
	s->ranked.n = s->late.n = 0;
	s->rows.n = s->rows.next = 0;
	OhQueryReset(&s->base);
	s->query.n = 0;
}

void
OhMaxEnd(IndexScanDesc scan)
{
	OhMaxState *s = scan->opaque;
	OhScanCounters counters;

	if (s->search != NULL)
		ereport(DEBUG1,
				(errmsg_internal("scan of index \"%s\": evaluated %lld nodes, ranked %lld rows in %d batches%s",
								 RelationGetRelationName(scan->indexRelation), (long long) s->evaluations,
								 (long long) s->nfetched, s->batch, s->all ? ", all" : "")));
	OhMaxCount(s, &counters);
	OhNoteScan(scan->indexRelation, &counters);
	OhMaxRowsReset(s);
	if (s->rerank)
		OhRerankEnd(s->rerank);
	MemoryContextDelete(s->base.context);
	pfree(s);
}

/* ---- start ---- */

/*
 * take_query -- take the query of this (re)scan.
 */
static void
take_query(IndexScanDesc scan)
{
	OhMaxState *s = scan->opaque;
	MemoryContext old;

	if (scan->numberOfOrderBys != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" can only be scanned in the order of one distance",
						RelationGetRelationName(scan->indexRelation))));
	if (scan->orderByData[0].sk_flags & SK_ISNULL)
		return;
	/* the key's value stays valid until the next rescan, and so must what is made of it */
	old = MemoryContextSwitchTo(s->base.rescan_context);
	OhPartsOpen(&s->base.ix->column, scan->orderByData[0].sk_argument, &s->query);
	MemoryContextSwitchTo(old);
	OhRerankQuery(s->rerank, s->query.value);
}

/*
 * begin_rows -- go to the first phase: rows that have a distance, if the query has vectors.
 */
static void
begin_rows(OhMaxState *s)
{
	s->phase = s->query.n > 0 ? MAX_ROWS : MAX_UNORDERED;
}

static void
start(IndexScanDesc scan)
{
	OhMaxState *s = scan->opaque;

	pgstat_count_index_scan(scan->indexRelation);
	om_count_search(scan);
	OhQueryOpen(&s->base, scan);
	if (s->search == NULL)
	{
		s->rerank = OhRerankBegin(scan, s->base.ix, s->base.context);
		s->search = OhSearchBegin(s->base.ix, true, NULL, s->base.context);
		OhNearRowsInit(&s->near, s->base.context);
		s->search->eval.near = &s->near;
	}
	s->last = -INFINITY;
	s->lp = 0;
	s->nreturned = s->evaluations = s->nfetched = s->nvisible = s->hops = 0;
	take_query(scan);
	s->discarded = OhIsIterative(&s->base) && OhMayDiscard(scan);
	OhQueryTakeEnds(&s->base, scan);
	if (!OhQueryTakeConditions(&s->base, scan))
		s->phase = MAX_DONE;
	else if (s->base.nulls_first)
		s->phase = MAX_NULLS_FIRST;
	else if (s->base.only_null)
		s->phase = MAX_NULLS;
	else
		begin_rows(s);
}

/* ---- rows in order ---- */

/*
 * may_return -- may another row be returned?  Without iterative scans the limit is ef rows.
 */
static bool
may_return(OhMaxState *s)
{
	if (OhIsIterative(&s->base) || s->nreturned++ < s->ef)
		return true;
	s->phase = MAX_DONE;
	return false;
}

/*
 * batch_comes_first -- must another batch be found before a row is returned?
 *
 * A row is only sure to be the next one if many rows farther away are known.
 */
static bool
batch_comes_first(const OhMaxState *s)
{
	int64		left = s->ranked.n + s->ncandidates - s->next;

	return left <= KEPT_BACK(s->nfound) && OhMaxMayGoOn(s);
}

/*
 * take_first -- the nearest of the rows ranked, if no other is likely to be nearer.
 */
static bool
take_first(OhMaxState *s, OhRankedRow *row)
{
	if (s->all)
	{
		const OhRankedRow *rest = OhMaxRest(s);

		if (ItemPointerIsValid(&rest->tid) && (s->ranked.n == 0 || rest->dist < s->ranked.row[0].dist))
		{
			*row = *rest;
			s->rest_known = false;
			return true;
		}
	}
	if (s->ranked.n == 0 || (s->next < s->ncandidates && OhMaxBound(s) < s->ranked.row[0].dist))
		return false;
	*row = OhRankedPop(&s->ranked);
	return true;
}

/*
 * next_row -- the next row by its distance; false if the phase has changed.
 */
static bool
next_row(IndexScanDesc scan, ItemPointer tid)
{
	OhMaxState *s = scan->opaque;
	OhRankedRow row;

	while (s->phase == MAX_ROWS)
	{
		CHECK_FOR_INTERRUPTS();
		if (batch_comes_first(s))
		{
			(void) OhMaxNextBatch(scan);
			continue;
		}
		if (!take_first(s, &row))
		{
			if (s->next < s->ncandidates)
			{
				OhMaxRankNext(scan);
				continue;
			}
			/* a scan that ends before the last row leaves out rows without a distance, too */
			s->phase = s->all && !s->base.nulls_first ? MAX_EMPTY : MAX_LATE;
			s->lp = 0;
			break;
		}
		if (row.dist < s->last && OhIsStrict(&s->base))
		{
			OhRankedPush(&s->late, row);
			s->counters.late++;
			continue;
		}
		s->last = Max(s->last, row.dist);
		*tid = row.tid;
		return may_return(s);
	}
	return false;
}

/* ---- off-graph rows ---- */

/*
 * next_phase -- go to the next phase: all off-graph rows of this kind have been returned.
 */
static void
next_phase(OhMaxState *s)
{
	s->lp = 0;
	if (s->phase == MAX_NULLS_FIRST)
		s->phase = s->base.only_null ? MAX_DONE : MAX_EMPTY_FIRST;
	else if (s->phase == MAX_EMPTY_FIRST)
		begin_rows(s);
	else if (s->phase == MAX_EMPTY)
		s->phase = MAX_NULLS;
	else
		s->phase = s->base.only_null ? MAX_DONE : MAX_LATE;
}

/*
 * next_off_graph -- the next row without a distance; false if the phase has changed.
 */
static bool
next_off_graph(OhMaxState *s, ItemPointer tid)
{
	for (;;)
	{
		bool		null = s->phase == MAX_NULLS || s->phase == MAX_NULLS_FIRST;

		CHECK_FOR_INTERRUPTS();
		if (s->rows.next < s->rows.n)
		{
			*tid = s->rows.tid[s->rows.next++];
			return true;
		}
		s->rows.n = s->rows.next = 0;
		if ((null && s->base.not_null) || s->lp >= OhArrayPages(&s->base.ix->file, OH_NULLS))
		{
			next_phase(s);
			return false;
		}
		OhRowsOfNullPage(s->base.ix, s->lp++, null ? OH_ROW_NULL : OH_ROW_NO_DIRECTION,
						 s->base.filter ? s->base.conditions : NULL, &s->rows);
	}
}

static bool
next_tid(IndexScanDesc scan, ItemPointer tid)
{
	OhMaxState *s = scan->opaque;

	while (s->phase != MAX_DONE)
	{
		bool		found = false;

		if (s->phase == MAX_ROWS)
			found = next_row(scan, tid);
		else if (s->phase == MAX_UNORDERED)
		{
			found = OhMaxNextTid(scan, tid);
			if (!found)
				s->phase = s->base.nulls_first ? MAX_LATE : MAX_EMPTY;
		}
		else if (s->phase == MAX_LATE)
		{
			found = s->late.n > 0;
			if (found)
				*tid = OhRankedPop(&s->late).tid;
			else
				s->phase = MAX_DONE;
		}
		else
			found = next_off_graph(s, tid);
		if (found)
			return true;
	}
	return false;
}

void
OhMaxCount(const OhMaxState *s, OhScanCounters *c)
{
	*c = s->counters;
	c->ef = s->base.ef_search;
	c->ef_source = s->base.ef_source;
	if (s->phase == MAX_START)
		return;
	c->searches++;
	c->hops += s->hops;
	c->compared += s->evaluations;
	c->fetched += s->nfetched;
	c->passes += s->all;
	if (s->base.filter != NULL)
		c->filter_pages += s->base.filter->nknown;
	if (s->batch == 0)
	{
		c->strategy = s->tids != NULL ? OH_BY_ARRAY : OH_BY_NOTHING;
		c->reason = s->tids != NULL ? OH_AS_NO_ORDER : OH_AS_CONDITIONS_NEVER_MATCH;
	}
	else if (!s->all)
	{
		c->strategy = OH_BY_WALK;
		c->reason = s->base.filter == NULL ? OH_AS_NO_CONDITIONS : OH_AS_MANY_MATCH;
		c->walks++;
	}
	else if (s->evaluations == 0)
	{
		c->strategy = OH_BY_SWEEP;
		c->reason = s->base.filter == NULL ? OH_AS_FEW_NODES : OH_AS_FEW_MATCH;
		c->sweeps++;
	}
	else
	{
		c->strategy = OH_BY_WALK_AND_SWEEP;
		c->reason = s->batch > 1 ? OH_AS_READ_ON : OH_AS_GIVEN_UP;
		c->both++;
	}
}

static bool
next_counted(IndexScanDesc scan)
{
	OhMaxState *s = scan->opaque;
	bool		found;

	if (s->phase == MAX_START)
		start(scan);
	found = next_tid(scan, &scan->xs_heaptid);
	s->counters.rows += found;
	OhRerankRelease(s->rerank);
	return found;
}

bool
OhMaxGetTuple(IndexScanDesc scan)
{
	OhMaxState *s = scan->opaque;
	instr_time	from;
	instr_time	to;
	bool		found;

	if (track_io_timing)
		INSTR_TIME_SET_CURRENT(from);
	found = next_counted(scan);
	if (track_io_timing)
	{
		INSTR_TIME_SET_CURRENT(to);
		INSTR_TIME_ACCUM_DIFF(s->counters.time, to, from);
	}
	scan->xs_recheckorderby = false;
	scan->xs_recheck = s->base.filter != NULL && s->base.conditions->lossy;
	return found;
}
