/*
 * scan.c -- index scans: returns rows nearest first, until the executor has enough.
 *
 * query.c reads what is asked for, source.c finds candidates, and rank.c puts their rows in
 * order.  A scan goes through phases: first rows that have a distance, in batches found by
 * the graph walk and then by sweeps over the nodes that the walk did not reach; then
 * off-graph rows; and in strict order, at the very end, late rows, which turned out to be
 * nearer than one already returned.
 *
 * If the query asks for the largest distances first (as with ORDER BY 1 - distance), rows
 * whose distance is NaN are returned first.  If it has NULLS FIRST, rows without a vector
 * are returned before all others.
 *
 * A NULL query, or one without a direction, gives no order: every row is returned, in the
 * order of the index's arrays.
 *
 * Conditions on filter columns narrow each phase; see source.c for how matching nodes are
 * found.
 *
 * A condition "within a radius" of the vector that the scan is ordered by ends the scan
 * once no further node can be within.  Without ORDER BY, its center acts as the query.
 */
#include "postgres.h"

#include "access/relscan.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "compat.h"
#include "hnsw/callbacks.h"
#include "hnsw/options.h"
#include "hnsw/scan/maxsim.h"
#include "hnsw/scan/scan.h"

/* What to do next in SCAN_DISTANCES, when no row is being returned. */
typedef enum ScanStep
{
	STEP_BATCH,					/* get another batch of candidates */
	STEP_RANK,					/* rank the next candidate */
	STEP_TAKE,					/* return the first row ranked */
	STEP_NEARER,				/* the same, unless nodes that the walk has set aside may be nearer */
	STEP_END					/* no other candidate is within the radius */
} ScanStep;

/*
 * report -- log at DEBUG1 what the scan has cost; tests read these counts.
 */
static void
report(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;
	const OhSweep *sweep = s->source.sweep;

	if (s->source.search == NULL || !message_level_is_interesting(DEBUG1))
		return;
	ereport(DEBUG1,
			(errmsg_internal("scan of index \"%s\": evaluated %lld nodes, ranked %lld rows, passes %d, fetched %lld rows",
							 RelationGetRelationName(scan->indexRelation),
							 (long long) OhSourceEvaluations(&s->source),
							 (long long) s->ranking.nranked, sweep ? sweep->npasses : 0,
							 (long long) s->ranking.nfetched)));
}

/*
 * count_search -- add this search to the scan's counters, at a rescan or at the end.
 */
static void
count_search(OhScanState *s)
{
	OhScanCounters counters;

	OhScanCount(s, &counters);
	s->counters = counters;
}

/* ---- callbacks ---- */

IndexScanDesc
ohbeginscan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan;
	OhScanState *s;

	if (OhGetMetric(index)->type->parts != NULL)
		return OhMaxBegin(index, nkeys, norderbys);
	scan = RelationGetIndexScan(index, nkeys, norderbys);
	s = palloc0(sizeof(OhScanState));
	s->context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw scan",
									   ALLOCSET_DEFAULT_SIZES);
	s->rescan_context = AllocSetContextCreate(s->context, "omenhnsw sweep",
											  ALLOCSET_DEFAULT_SIZES);
	OhQueryInit(&s->query, index, s->context, s->rescan_context);
	OhSourceInit(&s->source, &s->query, &s->ranking);
	OhRankingInit(&s->ranking, &s->query);
	OhTidListInit(&s->rows, s->context);
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
	if (OhIsMaxScan(scan))
	{
		OhMaxRescan(scan);
		return;
	}
	count_search(s);
	s->phase = SCAN_START;
	s->rows.n = s->rows.next = 0;
	s->nchains = 0;
	OhSourceReset(&s->source);
	OhQueryReset(&s->query);
	MemoryContextReset(s->rescan_context);
	OhRankingReset(&s->ranking);
	OhReadSetInit(&s->seen, s->rescan_context);
}

void
ohendscan(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;

	if (OhIsMaxScan(scan))
	{
		OhMaxEnd(scan);
		return;
	}
	report(scan);
	count_search(s);
	OhNoteScan(scan->indexRelation, &s->counters);
	OhSourceEnd(&s->source);
	OhRankingEnd(&s->ranking);
	MemoryContextDelete(s->context);
	pfree(s);
}

/* ---- rows that have a distance ---- */

/*
 * after_distances -- go to the next phase: all rows that have a distance have been
 * returned.
 */
static void
after_distances(OhScanState *s)
{
	s->phase = SCAN_NO_DIRECTION;
	s->rows.n = s->rows.next = 0;
	s->lp = 0;
}

static void
take_batch_result(OhScanState *s, OhBatchResult result)
{
	if (result == OH_BATCH_NONE)
		after_distances(s);
	else if (result == OH_BATCH_REFUSED)
		s->phase = SCAN_LATE;
}

/*
 * begin_distances -- go to the first phase: rows that have a distance, if the query orders
 * them.
 */
static void
begin_distances(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;

	s->nreturned = 0;
	if (s->query.radius != NULL && s->query.radius->nothing_near)
		after_distances(s);
	else if (s->query.center == NULL)
		s->phase = SCAN_ALL;
	else
	{
		s->phase = SCAN_DISTANCES;
		take_batch_result(s, OhSourceFirst(&s->source, scan));
	}
}

/*
 * may_return -- count a row that is to be returned.  Returns false if iterative scans are
 * off and ef rows have been returned.
 */
static bool
may_return(OhScanState *s)
{
	if (s->query.complete || OhIsIterative(&s->query) ||
		s->nreturned++ < s->source.ef)
		return true;
	s->phase = SCAN_DONE;
	return false;
}

/*
 * choose_step -- decide what to do to find the next row.
 *
 * For STEP_RANK, *head is the next candidate, and none of its rows is likely to be nearer
 * than *bound.
 */
static ScanStep
choose_step(OhScanState *s, const OhFoundNode **head, double *bound)
{
	OhSource   *source = &s->source;
	const OhRanked *ranked = &s->ranking.ranked;
	bool		beyond = false;

	if (OhBatchComesFirst(source))
		return STEP_BATCH;
	if (!OhSourceHasMore(source))
		return ranked->n > 0 ? STEP_NEARER : STEP_BATCH;
	*head = OhPeek(source, bound);
	Assert(*head != NULL);
	/* nothing is known of a node that is no longer live */
	if (ItemPointerIsValid(&(*head)->tid) || (*head)->posting != OH_NONE)
		beyond = OhIsBeyond(&s->query, OhSourceEstimate(source), (*head)->error);
	if (ranked->n > 0 && !OhRanksAll(source) && (beyond || *bound >= ranked->row[0].dist))
		return STEP_TAKE;
	if (beyond)
		return OhFoundFarther(source) ? STEP_END : STEP_BATCH;
	return STEP_RANK;
}

/*
 * next_ordered -- the next row that has a distance; false if the phase has changed.
 */
static bool
next_ordered(IndexScanDesc scan, ItemPointer tid)
{
	OhScanState *s = scan->opaque;

	while (s->phase == SCAN_DISTANCES)
	{
		const OhFoundNode *head;
		double		bound;

		CHECK_FOR_INTERRUPTS();
		if (OhNextReturned(&s->ranking, OhMostChained(&s->source), tid))
		{
			OhNoteReturned(&s->ranking, tid);
			return may_return(s);
		}
		switch (choose_step(s, &head, &bound))
		{
			case STEP_BATCH:
				take_batch_result(s, OhNextBatch(&s->source));
				break;
			case STEP_RANK:
				OhRank(&s->ranking, head, OhSourceEstimate(&s->source), bound,
					   OhMostChained(&s->source));
				OhSourceAdvance(&s->source);
				break;
			case STEP_NEARER:
				if (OhTakeNearer(&s->source))
					break;
				/* FALLTHROUGH */
			case STEP_TAKE:
				(void) OhTakeFirst(&s->ranking, OhMostChained(&s->source));
				break;
			case STEP_END:
				after_distances(s);
				break;
		}
	}
	return false;
}

/*
 * next_late -- the next late row; false at the end.
 */
static bool
next_late(OhScanState *s, ItemPointer tid)
{
	do
	{
		CHECK_FOR_INTERRUPTS();
		if (OhNextReturned(&s->ranking, OhMostChained(&s->source), tid))
			return true;
	} while (OhTakeLate(&s->ranking));
	s->phase = SCAN_DONE;
	return false;
}

/* ---- rows in the order of the index's arrays ---- */

/*
 * next_phase -- go to the next phase: all of this array has been read.
 */
static void
next_phase(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;

	s->lp = 0;
	if (s->phase == SCAN_NULLS_FIRST && s->query.only_null)
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
			return s->query.not_null || !s->query.nulls_first;
		case SCAN_NULLS:
			return s->query.not_null || s->query.nulls_first;
		case SCAN_NO_DIRECTION_FIRST:
			return !OhMayLackDirection(&s->query) || !s->query.nans_first;
		case SCAN_NO_DIRECTION:
			return !OhMayLackDirection(&s->query) || s->query.nans_first;
		default:
			return false;
	}
}

/*
 * next_unordered -- the next row of an array, page by page; false if the phase has changed.
 */
static bool
next_unordered(IndexScanDesc scan, ItemPointer tid)
{
	OhScanState *s = scan->opaque;
	OhIndex    *ix = s->query.ix;
	ScanPhase	phase = s->phase;
	OhArrayId	array = phase == SCAN_ALL ? OH_NODE : OH_NULLS;
	bool		null = phase == SCAN_NULLS || phase == SCAN_NULLS_FIRST;

	while (s->phase == phase)
	{
		CHECK_FOR_INTERRUPTS();
		if (s->rows.next < s->rows.n)
		{
			*tid = s->rows.tid[s->rows.next++];
			return true;
		}
		if (s->nchains > 0)
		{
			OhChainNext(ix, &s->chains[s->nchains - 1], &s->seen, &s->rows);
			if (!OhChainHasMore(&s->chains[s->nchains - 1]))
				s->nchains--;
		}
		else if (is_skipped(s) || s->lp >= OhArrayPages(&ix->file, array))
			next_phase(scan);
		else if (array == OH_NODE)
		{
			if (s->chains == NULL)
				s->chains = MemoryContextAlloc(s->context,
											   sizeof(OhChain) * ix->file.array[OH_NODE].per_page);
			s->nchains = OhRowsOfNodePage(ix, s->lp++, s->query.filter, &s->rows, s->chains);
		}
		else
			OhRowsOfNullPage(ix, s->lp++, null ? OH_ROW_NULL : OH_ROW_NO_DIRECTION,
							 s->query.filter ? s->query.conditions : NULL, &s->rows);
	}
	return false;
}

/* ---- phases ---- */

/*
 * start -- take the query of this (re)scan.
 */
static void
start(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;

	if (!oh_measuring)
	{
		pgstat_count_index_scan(scan->indexRelation);
		om_count_search(scan);
	}
	OhQueryOpen(&s->query, scan);
	OhRankingOpen(&s->ranking, scan);
	OhSourceOpen(&s->source);
	s->lp = 0;
	if (!OhQueryTake(&s->query, scan))
	{
		s->phase = SCAN_DONE;
		return;
	}
	if (s->query.center != NULL)
		OhRankingStart(&s->ranking);
	if (s->query.nulls_first || (s->query.nans_first && !s->query.only_null))
		s->phase = SCAN_NULLS_FIRST;
	else if (s->query.only_null)
		s->phase = SCAN_NULLS;
	else
		begin_distances(scan);
}

/*
 * next_row -- the next row of this phase or a later one.
 */
static bool
next_row(IndexScanDesc scan, ItemPointer tid)
{
	OhScanState *s = scan->opaque;

	for (;;)
	{
		bool		found = false;

		switch (s->phase)
		{
			case SCAN_START:
				start(scan);
				break;
			case SCAN_DISTANCES:
				found = next_ordered(scan, tid);
				break;
			case SCAN_LATE:
				found = next_late(s, tid);
				break;
			case SCAN_DONE:
				return false;
			case SCAN_NULLS_FIRST:
			case SCAN_NO_DIRECTION_FIRST:
			case SCAN_ALL:
			case SCAN_NO_DIRECTION:
			case SCAN_NULLS:
				found = next_unordered(scan, tid);
				break;
		}
		if (found)
			return true;
	}
}

/*
 * is_rechecked -- must the executor recheck the conditions for the row returned?
 */
static bool
is_rechecked(const OhScanState *s)
{
	bool		ranked = s->phase == SCAN_DISTANCES || s->phase == SCAN_LATE;

	return (s->query.filter != NULL && s->query.conditions->lossy) ||
		(s->query.radius != NULL && !(ranked && s->ranking.certain));
}

/*
 * get_row -- return the next row, and set xs_recheck and the order-by values; false at the
 * end.
 */
static bool
get_row(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;
	bool		found;

	scan->xs_recheckorderby = false;
	found = next_row(scan, &scan->xs_heaptid);
	OhRankingRelease(&s->ranking);
	if (!found)
		return false;
	scan->xs_recheck = is_rechecked(s);
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
	if (OhIsMaxScan(scan))
		return OhMaxGetTuple(scan);
	if (!track_io_timing)
		return get_row(scan);
	INSTR_TIME_SET_CURRENT(from);
	found = get_row(scan);
	INSTR_TIME_SET_CURRENT(to);
	INSTR_TIME_ACCUM_DIFF(s->counters.time, to, from);
	return found;
}
