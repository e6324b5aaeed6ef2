/*
 * cost.c -- what the planner pays for a search.
 *
 * A search has two parts.  The walk evaluates codes: a descent of about
 * log2(n) hops of m evaluations, then EVALS_PER_CANDIDATE * m evaluations for
 * each of ef candidates, or for each row wanted where that is more.  The re-rank reads rows
 * of the heap: a few more than are wanted.  See src/README.md for figures.
 *
 * The planner knows two points only, the cost before the first row and that of
 * all rows, and takes what lies between for linear.  The true curve is not: the
 * first rows cost a walk, the next ones little.  So the two points are laid such
 * that the line goes through the point that matters, the rows that the query's
 * LIMIT wants, and so that a query that wants all rows finds a sort cheaper.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/spccache.h"

#include "compat.h"
#include "hnsw/hnsw.h"

/* Evaluations for each candidate kept, as a part of m. */
#define EVALS_PER_CANDIDATE 0.6
/* Distinct pages for each evaluation: neighbours lie together. */
#define PAGES_PER_EVAL 0.45
/* Rows re-ranked before the first can be returned. */
#define FIRST_RERANKS 16
/* CPU for one index page, in operators; as btree has it. */
#define PAGE_CPU_OPERATORS 50.0
/* All rows in order cost at least this much more than a sort. */
#define ABOVE_SORT 2.0

/* What is known of one index before the number of wanted rows. */
typedef struct Model
{
	PlannerInfo *root;
	IndexOptInfo *index;
	double		rows;			/* in the index, at least 1 */
	double		m;
	double		ef;
	double		page_cost;		/* of one visited index page */
	double		heap_page_cost;
} Model;

static int
index_m(IndexOptInfo *info)
{
	Relation	index;
	int			m = OH_DEFAULT_M;

	/* an index that a planner extension imagines cannot be opened */
	if (info->hypothetical)
		return m;

	/* the planner holds a lock on every index of the table */
	index = index_open(info->indexoid, NoLock);
	if (index->rd_options)
		m = ((const OhOptions *) index->rd_options)->m;
	index_close(index, NoLock);
	return m;
}

static void
model_init(Model *model, PlannerInfo *root, IndexOptInfo *index)
{
	double		random_page_cost_index;
	double		pages = Max((double) index->pages, 1.0);
	double		cache;

	model->root = root;
	model->index = index;
	model->rows = Max(index->tuples, 1.0);
	model->m = index_m(index);
	model->ef = oh_ef_search;

	get_tablespace_page_costs(index->rel->reltablespace, &model->heap_page_cost, NULL);
	get_tablespace_page_costs(index->reltablespace, &random_page_cost_index, NULL);

	/* The index's share of the cache, as index_pages_fetched() reckons it. */
	cache = (double) effective_cache_size * pages / Max(root->total_table_pages + pages, 1.0);
	model->page_cost = PAGE_CPU_OPERATORS * cpu_operator_cost
		+ random_page_cost_index * (1.0 - Min(cache / pages, 1.0));
}

/*
 * search_cost -- cost of the first `wanted` rows of the index, not limited by
 * the walk's ef; *pages becomes the index pages visited.
 */
static Cost
search_cost(const Model *model, double wanted, double *pages)
{
	IndexOptInfo *index = model->index;
	double		candidates = Max(model->ef, wanted);
	double		evals = model->m * (log2(model->rows + 1.0) + candidates * EVALS_PER_CANDIDATE);
	double		reranks = Min(wanted + FIRST_RERANKS, model->rows);
	double		heap_pages;

	evals = Min(evals, model->rows);
	*pages = Min(ceil(evals * PAGES_PER_EVAL) + 1.0, Max((double) index->pages, 1.0));
	heap_pages = index_pages_fetched(reranks, index->rel->pages, (double) index->pages, model->root);

	return evals * cpu_operator_cost
		+ *pages * model->page_cost
		+ heap_pages * model->heap_page_cost
		+ reranks * (cpu_tuple_cost + cpu_operator_cost);
}

/*
 * sort_cost -- cost of all wanted rows from a sequential scan and a sort.
 */
static Cost
sort_cost(const Model *model)
{
	RelOptInfo *rel = model->index->rel;
	PlannerInfo *root = model->root;
	double		seq_page_cost_heap;
	Cost		scan;
	Path		sort;

	get_tablespace_page_costs(rel->reltablespace, NULL, &seq_page_cost_heap);
	scan = rel->pages * seq_page_cost_heap
		+ rel->tuples * (cpu_tuple_cost + cpu_operator_cost)
		+ rel->tuples * rel->baserestrictcost.per_tuple + rel->baserestrictcost.startup;

	memset(&sort, 0, sizeof(sort));
	om_cost_sort(&sort, root, NIL, scan, rel->rows, rel->reltarget->width, work_mem, -1.0);
	/* up to 17 a disabled sort is an expensive one */
	if (!enable_sort && sort.total_cost > disable_cost)
		sort.total_cost -= disable_cost;
	return sort.total_cost;
}

/*
 * wanted_fraction -- the part of the index's rows that the query's LIMIT will
 * ask for, or 0 if that is not known.
 *
 * Rows that a condition rejects are asked for too.
 */
static double
wanted_fraction(const Model *model)
{
	PlannerInfo *root = model->root;
	RelOptInfo *rel = model->index->rel;

	if (root->limit_tuples <= 0 || bms_membership(root->all_baserels) != BMS_SINGLETON)
		return 0;
	return Min(root->limit_tuples / Max(rel->rows, 1.0), 1.0);
}

/*
 * ohcostestimate -- amcostestimate.
 */
void
ohcostestimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup, Cost *total,
			   Selectivity *selectivity, double *correlation, double *pages)
{
	IndexOptInfo *index = path->indexinfo;
	Model		model;
	double		fraction;
	double		ignored;

	*correlation = 0;
	*selectivity = 1.0;
	*pages = Max((double) index->pages, 1.0);

	/*
	 * A scan is a search for what is nearest to one query.  A parameterized path
	 * has no order that anything uses, and might be cut short by the settings.
	 */
	if (list_length(path->indexorderbys) != 1 || path->path.param_info != NULL)
	{
		*startup = *total = get_float8_infinity();
		om_path_disable(&path->path);
		return;
	}

	/* a partial index has some of the rows only */
	if (index->rel->tuples > 0)
		*selectivity = Min(index->tuples / index->rel->tuples, 1.0);

	model_init(&model, root, index);
	*startup = search_cost(&model, 1.0, pages);
	*total = search_cost(&model, model.rows, &ignored);
	*total = Max(*total, ABOVE_SORT * sort_cost(&model));

	fraction = wanted_fraction(&model);
	if (fraction > 0)
	{
		Cost		cost = search_cost(&model, fraction * model.rows, pages);

		*total = Max(*total, *startup + (cost - *startup) / fraction);
	}
}
