/*
 * batch.c -- where a scan's nodes come from: a walk of the graph, or a sweep.
 *
 * With conditions on filter columns both find matching nodes only.  Which of the
 * two is cheaper is decided by an estimate of their number; a walk that comes to
 * cost more than the evaluation of all that match is given up for that.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "hnsw/options.h"
#include "hnsw/scan/scan.h"
#include "planner/planner.h"

/*
 * Candidates kept in a walk for ef asked for: the estimates that steer it are a
 * little off, and some more make up for that.
 * Figures: docs/measurements.md#by-question
 */
#define WIDTH(ef) ((ef) + (ef) / 10 + 6)

/*
 * A graph of at most this many nodes, or this many times ef, is not walked: comparing all
 * codes is as quick, and misses nothing.  What that rests on: docs/measurements.md#constants
 */
#define FEW_NODES 1000
#define FEW_TIMES_EF 25

/*
 * What conditions cost, in evaluations of a walk: one by a sweep that evaluates
 * only nodes that match; looking at a filter page.
 * Figures: docs/measurements.md#constants
 */
#define SWEEP_EVALUATION 0.5
#define KEY_PAGE 1.0

/* A sweep of so few is not delayed by a look at what a walk meets first. */
#define FEW_EVALUATIONS 2000

/*
 * With this many rows or fewer left the next batch is fetched before they are returned:
 * it may have nearer ones, which would come too late.  Of the first batch these are the
 * candidates that were not asked for, so that ef rows take no other.  Of later ones, and
 * where the executor may discard rows, they are half of all nodes that the walk has
 * given: it is sure of its nearest nodes only if it has found farther ones, too.
 * Figures: docs/measurements.md#by-question
 */
#define KEPT_BACK(ef) (WIDTH(ef) - (ef))
#define KEPT_BACK_LATER(n) ((n) / 2)

/* Where the executor may discard rows the first batch is wider than ef. */
#define WIDER(ef) ((ef) + (ef) / 2)

/*
 * A node that the walk has evaluated and not given may be nearer than the row to be
 * returned if its estimate is within ASIDE_ERRORS times the error that estimates turn
 * out to have; the links of nodes within EXPAND_ERRORS are followed.  Up to MOST_NEARER
 * times ef_search more nodes of a batch are ranked for that, or LEAST_NEARER if that is
 * more.  Figures: docs/measurements.md#what-the-walk-has-set-aside
 */
#define ASIDE_ERRORS 2.5
#define EXPAND_ERRORS 1.0
#define MOST_NEARER 8
#define LEAST_NEARER 320

/*
 * Where CROWD rows are as near as the first, but for CROWD_ERRORS, estimates say nothing
 * of who is nearest: near-duplicates.  Then the links of all that may be nearer are
 * followed.
 */
#define CROWD 6
#define CROWD_ERRORS 0.25

/* Batches after the first grow up to this many nodes. */
#define MAX_BATCH 8192

/*
 * begin_batch -- nodes to be ranked next.
 */
static void
begin_batch(OhScanState *s, const OhQueue *batch)
{
	s->batch = batch;
	s->next = s->nahead = 0;
}

/*
 * take_batch -- a batch of the walk: a later sweep leaves these nodes out.
 */
static void
take_batch(OhScanState *s, const OhQueue *batch)
{
	begin_batch(s, batch);
	while (s->nhandled + batch->n > s->handled_allocated)
	{
		s->handled_allocated *= 2;
		s->handled = repalloc_huge(s->handled, sizeof(uint32) * s->handled_allocated);
	}
	for (int64 i = 0; i < batch->n; i++)
		s->handled[s->nhandled++] = batch->item[i].id;
}

/*
 * allow_nearer -- after a batch: nodes that may be ranked because they may be nearer.
 */
static void
allow_nearer(OhScanState *s)
{
	s->aside_known = false;
	s->nearer = Max((int64) MOST_NEARER * s->ef_search, LEAST_NEARER);
}

/*
 * take_held -- put what was left of the last batch to this one.
 */
static void
take_held(OhScanState *s, OhQueue *batch)
{
	if (s->held.n == 0)
		return;
	for (int64 i = 0; i < s->held.n; i++)
		OhQueueAppend(batch, s->held.item[i]);
	OhHeapify(batch, true);
	OhHeapSort(batch);
}

Size
OhScanMemory(void)
{
	return (Size) (work_mem * 1024.0 * oh_scan_mem_multiplier);
}

/*
 * begin_sweep -- from now on batches come from a pass over the nodes.
 */
static void
begin_sweep(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;

	s->phase = SCAN_SWEEP;
	s->sweep = OhSweepBegin(s->ix, s->filter, s->handled, s->nhandled,
							OhScanMemory(), s->batch_context);
	s->nhandled = 0;
}

static bool
has_few_nodes(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;
	uint32		npages = s->ix->file.array[OH_NODE].npages;
	int64		few = Max(FEW_NODES, (int64) s->ef * FEW_TIMES_EF);

	/* a pass compares them all, whatever the bound says */
	if (oh_max_scan_tuples > 0 && !s->complete)
		few = Min(few, oh_max_scan_tuples);
	if ((int64) npages * s->ix->file.array[OH_NODE].per_page > few)
		return false;
	npages = OhArrayPages(&s->ix->file, OH_NODE);
	return (int64) npages * s->ix->file.array[OH_NODE].per_page <= few;
}

/*
 * is_selective -- do so few nodes match that a walk is not worth a try?
 *
 * What it costs to evaluate all that match is known; what a walk costs depends on
 * where they lie.  At best they are what lies nearest, and the walk is one without
 * conditions.  If they lie anywhere, it would take longer: that is seen after its
 * first evaluations, which are lost then, but few beside many that match.
 *
 * Sets what a walk may cost.
 */
static bool
is_selective(OhScanState *s)
{
	OhFilter   *filter = s->filter;
	double		matches = OhFilterEstimate(filter);
	double		sweep = matches * SWEEP_EVALUATION +
		(double) (filter->npages - filter->nknown) * KEY_PAGE;
	double		share = Max(matches, 1.0) / Max(filter->nrecords, 1);

	s->search->budget = sweep;
	if (oh_max_scan_tuples > 0 && !s->complete && matches > oh_max_scan_tuples)
	{
		/* a walk can be cut short: where nothing that matches is near, too */
		s->search->budget = INFINITY;
		s->search->limit = oh_max_scan_tuples;
		return false;
	}
	return sweep <= OhWalkEvaluations(s->ix, WIDTH(s->ef), 1.0) ||
		(sweep <= FEW_EVALUATIONS &&
		 sweep <= OhWalkEvaluations(s->ix, OhWalkEdge(WIDTH(s->ef), share), share));
}

/*
 * walk_on -- the next batch of the walk, and what is left of the last one; false:
 * neither is there.
 */
static bool
walk_on(OhScanState *s)
{
	s->held.n = 0;
	while (s->next < s->batch->n)
		OhQueueAppend(&s->held, s->batch->item[s->next++]);
	if (OhSearchBytes(s->search) + s->ranked.n * sizeof(OhRow) <= OhScanMemory() &&
		OhSearchMore(s->search, WIDTH(s->ef)) && !s->search->over)
	{
		take_batch(s, &s->search->found);
		take_held(s, &s->search->found);
		allow_nearer(s);
		return true;
	}
	s->walked = true;
	begin_batch(s, &s->held);
	return s->held.n > 0;
}

bool
OhMayReadOn(const OhScanState *s)
{
	return oh_max_scan_tuples == 0 || s->complete ||
		s->search->eval.evaluations + (s->sweep ? s->sweep->eval.evaluations : 0) +
		s->nchained < oh_max_scan_tuples;
}

/*
 * is_crowd -- are many of the rows ranked no farther than that, but for what estimates
 * cannot tell?
 */
static bool
is_crowd(const OhScanState *s, double first, double error)
{
	return OhRankedWithin(&s->ranked, 0, first + CROWD_ERRORS * error, CROWD) >= CROWD;
}

/*
 * OhTakeNearer -- see scan.h.
 *
 * How far estimates are off is known from the nodes that this scan has ranked.
 */
bool
OhTakeNearer(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;
	OhSearch   *search = s->search;
	double		error;
	double		first;
	double		limit;
	double		expand;

	if (s->phase != SCAN_GRAPH || s->walked || s->by_code || s->nearer <= 0 ||
		s->ranked.row[0].unranked || !OhMayReadOn(s))
		return false;
	error = s->nerrors > 0 ? sqrt(s->errors / s->nerrors) : 0;
	first = s->ranked.row[0].dist;
	limit = first + ASIDE_ERRORS * error;
	expand = first + (is_crowd(s, first, error) ? ASIDE_ERRORS : EXPAND_ERRORS) * error;
	if (!s->aside_known)
		s->aside = OhSearchAside(search);
	s->aside_known = true;
	if (s->aside >= limit && (search->cand.n == 0 || search->cand.item[0].dist >= expand))
		return false;
	s->aside_known = false;
	if (!OhSearchWithin(search, limit, expand, Min(s->nearer, WIDTH(s->ef_search))))
		return false;
	s->nearer -= search->found.n;
	take_batch(s, &search->found);
	return true;
}

/*
 * OhNextBatch -- see scan.h.
 */
void
OhNextBatch(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;

	if ((oh_iterative_scan == OH_ITERATIVE_OFF && !s->complete && s->batch != NULL) || !OhMayReadOn(s))
	{
		s->phase = SCAN_LATE;
		return;
	}
	if (s->batch != NULL)
		s->ef = Max(s->ef_search, Min(s->ef * 2, MAX_BATCH));
	if (s->phase == SCAN_GRAPH)
	{
		if (walk_on(s))
			return;
		begin_sweep(scan);
	}
	/* with the last nodes dealt with, an empty batch: rows that are ranked come first */
	if (OhSweepMore(s->sweep, s->forms, WIDTH(s->ef)) || s->ranked.n > 0)
		begin_batch(s, &s->sweep->found);
	else
		OhAfterDistances(s);
}

/*
 * OhFirstBatch -- see scan.h.
 */
void
OhFirstBatch(IndexScanDesc scan)
{
	OhScanState *s = scan->opaque;

	s->ef = s->ef_search;
	s->discarded = s->sorted && oh_iterative_scan != OH_ITERATIVE_OFF && OhMayDiscard(scan);
	s->nreturned = 0;
	s->errors = 0;
	s->nerrors = 0;
	allow_nearer(s);
	OhSearchReset(s->search, s->forms);
	s->search->filter = s->filter;
	s->few = has_few_nodes(scan);
	if (!s->few && (s->filter == NULL || !is_selective(s)))
	{
		OhSearchStart(s->search);
		OhSearchLevel(s->search, 0, WIDTH(s->discarded ? WIDER(s->ef) : s->ef));
		if (!s->search->over)
		{
			take_batch(s, &s->search->found);
			s->phase = SCAN_GRAPH;
			return;
		}
	}
	begin_sweep(scan);
	OhNextBatch(scan);
}

bool
OhRanksAll(const OhScanState *s)
{
	return s->ix->retraining && s->few && s->phase == SCAN_SWEEP;
}

/*
 * OhFoundFarther -- see scan.h.
 */
bool
OhFoundFarther(const OhScanState *s)
{
	return s->phase != SCAN_GRAPH || s->walked ||
		s->nhandled - s->nranked >= Max(s->nranked, s->ef_search * OH_LEAST_EDGE);
}

/*
 * OhBatchComesFirst -- see scan.h.
 *
 * Of a sweep the nearest of the nodes that are left says whether a row is next.  A
 * scan within a radius is likely to be read to its end, where late rows are seen.
 */
bool
OhBatchComesFirst(const OhScanState *s)
{
	if (oh_iterative_scan == OH_ITERATIVE_OFF || oh_max_scan_tuples > 0)
		return false;
	if (s->phase == SCAN_SWEEP)
		return s->next == s->batch->n && OhSweepHasRest(s->sweep);
	if (s->radius != NULL)
		return s->sorted && !OhFoundFarther(s);
	return s->next == s->batch->n &&
		s->ranked.n <= (s->discarded || s->ef > s->ef_search ? KEPT_BACK_LATER(s->nhandled) :
						KEPT_BACK(s->ef));
}
