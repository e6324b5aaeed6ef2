/*
 * source.c -- where a scan's candidates come from: a walk of the graph, or a sweep.
 *
 * With conditions on filter columns, both find matching nodes only.  The number of matching
 * nodes is estimated to decide which of the two is cheaper.  A walk that turns out to cost
 * more than evaluating all matching nodes is given up for a sweep.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "hnsw/graph/refinement.h"
#include "hnsw/options.h"
#include "hnsw/scan/source.h"
#include "planner/planner.h"
#include "storage/compare.h"
#include "storage/rowcheck.h"

/*
 * A walk for ef candidates keeps this many.  The estimates that direct the walk have
 * errors, and the additional ones make up for that.  Figures:
 * docs/measurements.md#by-question
 */
#define WIDTH(ef) ((ef) + (ef) / 10 + 6)

/*
 * A graph of at most this many nodes, or OH_FEW_TIMES_EF times ef, is not walked: comparing all
 * codes is as fast and misses nothing.  What that rests on: docs/measurements.md#constants
 */
#define FEW_NODES 1000

/*
 * Costs of conditions, in evaluations of a walk: of an evaluation by a sweep, which
 * evaluates only matching nodes; and of reading a filter page.  Figures:
 * docs/measurements.md#constants
 */
#define SWEEP_EVALUATION 0.5
#define KEY_PAGE 1.0

/*
 * With this many evaluations or fewer, a sweep starts at once, without first testing what a
 * walk would meet.
 */
#define FEW_EVALUATIONS 2000

/* Nodes of a batch whose rows' pages are asked for ahead, where pages are missing. */
#define ASK_AHEAD 32

/*
 * With this many rows and nodes or fewer left, the next batch is found before they are returned: it
 * may have nearer ones, which would be late.  For the first batch that is the number of
 * candidates beyond ef, so that returning ef rows needs no second batch.  For later
 * batches, and where the executor may discard rows, it is half of all nodes that the walk
 * has returned: a walk is sure of its nearest nodes only if it has found farther ones, too.
 * Figures: docs/measurements.md#by-question
 */
#define KEPT_BACK(ef) (WIDTH(ef) - (ef))
#define KEPT_BACK_LATER(n) ((n) / 2)

/* The size of the first batch where the executor may discard rows. */
#define WIDER(ef) ((ef) + (ef) / 2)

/*
 * The walk sets aside nodes that it has evaluated but not returned.  One of them may be
 * nearer than the row about to be returned if its estimate is within ASIDE_ERRORS times the
 * observed error of estimates; the links of nodes within EXPAND_ERRORS are followed.  For
 * each batch, this ranks at most MOST_NEARER times ef_search additional nodes, or
 * LEAST_NEARER if that is more.  Figures: docs/measurements.md#what-the-walk-has-set-aside
 */
#define ASIDE_ERRORS 2.5
#define EXPAND_ERRORS 1.0
#define MOST_NEARER 8
#define LEAST_NEARER 320

/*
 * If CROWD rows are about as near as the first one (to within CROWD_ERRORS), they are
 * near-duplicates and estimates cannot tell which is nearest.  Then the links of all nodes
 * that may be nearer are followed.
 */
#define CROWD 6
#define CROWD_ERRORS 0.25

/* Batches after the first grow, up to this many nodes. */
#define MAX_BATCH 8192

/*
 * A row is returned once the next candidate's estimate, less this many standard errors, is
 * no nearer.  Figures: docs/measurements.md#by-question
 */
#define BOUND_ERRORS 3.0f

void
OhSourceInit(OhSource *source, const OhScanQuery *query, const OhRanking *ranking)
{
	source->query = query;
	source->ranking = ranking;
	OhQueueInit(&source->held, query->context, 256);
	source->handled_allocated = 256;
	source->handled = MemoryContextAlloc(query->context,
										 sizeof(uint32) * source->handled_allocated);
}

void
OhSourceReset(OhSource *source)
{
	OhSourceEnd(source);
	source->batch = NULL;
	source->nhandled = 0;
	source->most_error = 0;
}

void
OhSourceEnd(OhSource *source)
{
	if (source->sweep)
		OhSweepEnd(source->sweep);
	source->sweep = NULL;
}

void
OhSourceOpen(OhSource *source)
{
	if (source->search == NULL)
		source->search = OhSearchBegin(source->query->ix, true, NULL, source->query->context);
}

/*
 * begin_batch -- make these nodes the batch to be ranked.
 */
static void
begin_batch(OhSource *s, const OhQueue *batch)
{
	s->batch = batch;
	s->next = s->nahead = s->nasked = 0;
}

/*
 * take_batch -- take a batch of the walk, and mark its nodes so that a later sweep leaves
 * them out.
 */
static void
take_batch(OhSource *s, const OhQueue *batch)
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
 * allow_nearer -- for a new batch, set how many nodes that were set aside may be ranked.
 */
static void
allow_nearer(OhSource *s)
{
	s->aside_known = false;
	s->nearer = Max((int64) MOST_NEARER * s->query->ef_search, LEAST_NEARER);
}

/*
 * take_held -- add what was left of the last batch to this one.
 */
static void
take_held(OhSource *s, OhQueue *batch)
{
	if (s->held.n == 0)
		return;
	for (int64 i = 0; i < s->held.n; i++)
		OhQueueAppend(batch, s->held.item[i]);
	OhQueueOrder(batch, true);
	OhQueueSort(batch);
}

/*
 * begin_sweep -- from now on, batches come from a sweep over the nodes.
 */
static void
begin_sweep(OhSource *s)
{
	const OhScanQuery *query = s->query;

	s->sweep = OhSweepBegin(query->ix, query->filter, s->handled, s->nhandled,
							query->memory, query->rescan_context);
	s->nhandled = 0;
}

static bool
has_few_nodes(OhSource *s)
{
	OhFile	   *file = &s->query->ix->file;
	uint32		npages = file->array[OH_NODE].npages;
	int64		few = Max(FEW_NODES, (int64) s->ef * OH_FEW_TIMES_EF);

	/* a sweep evaluates all nodes: none where that would exceed the limit */
	if (s->query->settings.max_scan_tuples > 0 && !s->query->complete)
		few = Min(few, s->query->settings.max_scan_tuples);
	if ((int64) npages * file->array[OH_NODE].per_page > few)
		return false;
	npages = OhArrayPages(file, OH_NODE);
	return (int64) npages * file->array[OH_NODE].per_page <= few;
}

/*
 * is_selective -- do so few nodes match that a walk is not worth trying?
 *
 * The cost of evaluating all matching nodes is known.  The cost of a walk depends on where
 * they are.  At best they are the nearest nodes, and the walk costs what it does without
 * conditions.  If they are anywhere, it takes longer.  That shows after its first
 * evaluations, which are then wasted, but they are few compared with the number of matching
 * nodes.
 *
 * Also sets the budget of a walk.
 */
static bool
is_selective(OhSource *s)
{
	OhIndex    *ix = s->query->ix;
	OhFilter   *filter = s->query->filter;
	double		matches = OhFilterEstimate(filter);
	double		sweep = matches * SWEEP_EVALUATION +
		(double) (filter->npages - filter->nknown) * KEY_PAGE;
	double		share = Max(matches, 1.0) / Max(filter->nrecords, 1);

	s->search->budget = sweep;
	if (s->query->settings.max_scan_tuples > 0 && !s->query->complete && matches > s->query->settings.max_scan_tuples)
	{
		/* a walk can be stopped at the limit, even where nothing that matches is near */
		s->search->budget = INFINITY;
		s->search->limit = s->query->settings.max_scan_tuples;
		return false;
	}
	return sweep <= OhWalkEvaluations(ix, WIDTH(s->ef), 1.0) ||
		(sweep <= FEW_EVALUATIONS &&
		 sweep <= OhWalkEvaluations(ix, OhWalkEdge(WIDTH(s->ef), share), share));
}

/*
 * leave_held -- leave what was left of the last batch to the sweep.
 */
static void
leave_held(OhSource *s)
{
	uint32	   *held = palloc(sizeof(uint32) * Max(s->held.n, 1));
	int64		left = 0;

	for (int64 i = 0; i < s->held.n; i++)
		held[i] = s->held.item[i].id;
	qsort(held, s->held.n, sizeof(uint32), OhCompareUint32);
	for (int64 i = 0; i < s->nhandled; i++)
	{
		if (bsearch(&s->handled[i], held, s->held.n, sizeof(uint32), OhCompareUint32) == NULL)
			s->handled[left++] = s->handled[i];
	}
	s->nhandled = left;
	s->held.n = 0;
	pfree(held);
}

/*
 * walk_on -- the next batch of the walk, with what is left of the last one; false if the walk has
 * ended.
 *
 * It may have found far nodes before nearer ones, in a region that it did not get to.  So what is left
 * of its last batch is left to the sweep, which finds the nearest of all.
 */
static bool
walk_on(OhSource *s)
{
	Assert(s->batch != NULL);
	s->held.n = 0;
	while (s->next < s->batch->n)
		OhQueueAppend(&s->held, s->batch->item[s->next++]);
	if (OhSearchBytes(s->search) + s->ranking->ranked.n * sizeof(OhRankedRow) <= s->query->memory &&
		OhSearchMore(s->search, WIDTH(s->ef)) && !s->search->over)
	{
		take_batch(s, &s->search->found);
		take_held(s, &s->search->found);
		allow_nearer(s);
		return true;
	}
	leave_held(s);
	return false;
}

/*
 * may_read_on -- do the settings allow reading more nodes?
 */
static bool
may_read_on(const OhSource *s)
{
	return s->ranking->nchained < OhMostChained(s);
}

/*
 * is_crowd -- are many of the ranked rows so near to the first one that estimates cannot
 * tell them apart?
 */
static bool
is_crowd(const OhRanked *ranked, double first, double error)
{
	return OhRankedWithin(ranked, 0, first + CROWD_ERRORS * error, CROWD) >= CROWD;
}

/*
 * OhTakeNearer -- see source.h.
 *
 * The error of estimates is known from the nodes that this scan has ranked.
 */
bool
OhTakeNearer(OhSource *s)
{
	OhSearch   *search = s->search;
	const OhRanked *ranked = &s->ranking->ranked;
	double		error;
	double		first;
	double		limit;
	double		expand;

	if (s->sweep != NULL || s->query->by_code || s->nearer <= 0 ||
		ranked->row[0].unranked || !may_read_on(s))
		return false;
	error = OhRankingError(s->ranking);
	first = ranked->row[0].dist;
	limit = first + ASIDE_ERRORS * error;
	expand = first + (is_crowd(ranked, first, error) ? ASIDE_ERRORS : EXPAND_ERRORS) * error;
	if (!s->aside_known)
		s->aside = OhSearchAside(search);
	s->aside_known = true;
	if (s->aside >= limit && (search->cand.n == 0 || search->cand.item[0].dist >= expand))
		return false;
	s->aside_known = false;
	if (!OhSearchWithin(search, limit, expand, Min(s->nearer, WIDTH(s->query->ef_search))))
		return false;
	s->nearer -= search->found.n;
	take_batch(s, &search->found);
	return true;
}

OhBatchResult
OhNextBatch(OhSource *s)
{
	if ((!OhIsIterative(s->query) && !s->query->complete && s->batch != NULL) ||
		!may_read_on(s))
		return OH_BATCH_REFUSED;
	if (s->batch != NULL)
		s->ef = Max(s->query->ef_search, Min(s->ef * 2, MAX_BATCH));
	if (s->sweep == NULL)
	{
		if (walk_on(s))
			return OH_BATCH;
		begin_sweep(s);
	}
	/* after the last nodes, one empty batch: rows already ranked are returned first */
	if (!OhSweepMore(s->sweep, s->query->forms, WIDTH(s->ef)) && s->ranking->ranked.n == 0)
		return OH_BATCH_NONE;
	begin_batch(s, &s->sweep->found);
	return OH_BATCH;
}

OhBatchResult
OhSourceFirst(OhSource *s, IndexScanDesc scan)
{
	const OhScanQuery *query = s->query;

	s->ef = s->query->ef_search;
	s->discarded = query->sorted && OhIsIterative(query) && OhMayDiscard(scan);
	allow_nearer(s);
	OhSearchReset(s->search, query->forms);
	s->search->filter = query->filter;
	s->search->wanted = query->wanted;
	s->few = has_few_nodes(s);
	if (!s->few && (query->filter == NULL || !is_selective(s)))
	{
		OhSearchStart(s->search);
		OhSearchLevel(s->search, 0, WIDTH(s->discarded ? WIDER(s->ef) : s->ef));
		if (!s->search->over)
		{
			take_batch(s, &s->search->found);
			return OH_BATCH;
		}
	}
	begin_sweep(s);
	return OhNextBatch(s);
}

bool
OhRanksAll(const OhSource *s)
{
	return s->query->ix->retraining && s->few && s->sweep != NULL;
}

bool
OhFoundFarther(const OhSource *s)
{
	return s->sweep != NULL ||
		s->nhandled - s->ranking->nranked >= Max(s->ranking->nranked, s->query->ef_search * OH_LEAST_EDGE);
}

/*
 * OhBatchComesFirst -- see source.h.
 *
 * In a sweep, the nearest of the remaining nodes tells whether a row is next.  A scan
 * within a radius is likely to be read to its end, where late rows are returned.
 */
bool
OhBatchComesFirst(const OhSource *s)
{
	if (!OhIsIterative(s->query) || s->query->settings.max_scan_tuples > 0)
		return false;
	if (s->sweep != NULL)
		return s->next == s->batch->n && OhSweepHasRest(s->sweep);
	if (s->query->radius != NULL)
		return s->query->sorted && !OhFoundFarther(s);
	/* codes that tell distances exactly have each node ranked only when it is next */
	return s->batch->n - s->next + s->ranking->ranked.n <=
		(s->discarded || s->ef > s->query->ef_search ? KEPT_BACK_LATER(s->nhandled) : KEPT_BACK(s->ef));
}

/*
 * ask_ahead -- pages are missing: ask for those of the next nodes' rows, and of their
 * refinements.
 */
static void
ask_ahead(OhSource *s)
{
	OhFile	   *file = &s->query->ix->file;

	for (s->nasked = Max(s->nasked, s->next); s->nasked < Min(s->batch->n, s->next + ASK_AHEAD); s->nasked++)
	{
		uint32		id = s->batch->item[s->nasked].id;
		Buffer		buffer;
		OhNodeData *node = OhRecordRead(file, OH_NODE, id, BUFFER_LOCK_SHARE, &buffer);
		ItemPointerData tid = node->tid;
		bool		live = node->state == OH_LIVE;

		UnlockReleaseBuffer(buffer);
		if (live && ItemPointerIsValid(&tid))
		{
			OhCheckRows(file, &tid, 1, OH_NODE, OhLp(file, OH_NODE, id));
			OhRerankAsk(s->ranking->rerank, &tid);
		}
		if (live && s->query->forms->refined && OhArrayHas(file, OH_REFINE, id))
			OhArrayPrefetch(file, OH_REFINE, OhLp(file, OH_REFINE, id));
	}
}

/*
 * look_ahead -- read the rows of the next n nodes of the batch, and their refined distances
 * if the index has refinements.
 */
static void
look_ahead(OhSource *s, OhFoundNode *head, int n)
{
	const OhScanQuery *query = s->query;
	OhForms    *forms = query->forms;
	OhReranker *rerank = s->ranking->rerank;
	const OhItem *item = &s->batch->item[s->next];
	OmRefineBase base[OH_AHEAD];

	if (unlikely(OhRerankAhead(rerank) || query->ix->file.ahead.rounds > 0))
		ask_ahead(s);
	for (int i = 0; i < n && forms->refined; i++)
		OhPrefetchRefinement(query->ix, item[i].id);
	for (int i = 0; i < n; i++)
	{
		OhReadNodeRows(query->ix, item[i].id, forms, &head[i], &base[i]);
		if (!query->by_code && !forms->refined)
			OhRerankPrefetch(rerank, &head[i].tid, false);
	}
	if (forms->refined)
		OhReadRefinements(query->ix, forms, base, head, n);
	else if (!query->by_code)
	{
		for (int i = 0; i < n; i++)
			OhRerankPrefetch(rerank, &head[i].tid, true);
	}
}

const OhFoundNode *
OhPeek(OhSource *s, double *bound)
{
	const OhScanQuery *query = s->query;
	OhFoundNode *head = &s->ahead[s->next % OH_AHEAD];

	if (s->next == s->nahead)
	{
		int			n = Min(OH_AHEAD, s->batch->n - s->next);

		/* next is a multiple of OH_AHEAD here */
		look_ahead(s, head, n);
		s->nahead += n;
	}
	*bound = s->batch->item[s->next].dist;
	/* with sparse values, a node further back may have a larger error: assume the largest so far */
	if (query->errors_vary)
		head->error = s->most_error = Max(s->most_error, head->error);
	if (!query->by_code || query->forms->unrounded)
		*bound -= BOUND_ERRORS * head->error + query->rounding * fabs(*bound);
	return head;
}
