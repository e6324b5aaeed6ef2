/*
 * cost.c -- cost estimates of index scans, for the planner.
 *
 * A search has two parts.  The walk evaluates codes: a descent of about log2(n) hops of m
 * evaluations each, then EVALS_PER_CANDIDATE * m evaluations for each of ef candidates, or
 * for each wanted row if that is more.  The re-rank reads rows of the table, a few more
 * than are wanted.  Figures: docs/measurements.md#costs
 *
 * With conditions on filter columns there are two possibilities.  A walk must visit ef /
 * selectivity nodes and read their filter keys.  A sweep reads all filter keys and
 * evaluates exactly the codes of nodes that match.  A scan uses the cheaper one, and never
 * reads a table row that does not match.
 *
 * The planner knows only two points, the cost before the first row and the cost of all
 * rows, and interpolates linearly.  The true curve is not linear: the first rows cost a
 * walk, the next ones little.  So the two points are chosen such that the line passes
 * through the point that matters, the number of rows that the query's LIMIT wants, and such
 * that a query that wants all rows finds a sort cheaper.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "compat.h"
#include "filter/keypage.h"
#include "hnsw/callbacks.h"
#include "hnsw/ef.h"
#include "hnsw/hnsw.h"
#include "hnsw/options.h"

/* Evaluations for each candidate kept, as a fraction of m: docs/measurements.md#costs */
#define EVALS_PER_CANDIDATE 0.6
/*
 * Distinct pages for each evaluation.  Neighbours are stored together, so fewer than 1:
 * docs/measurements.md#costs
 */
#define PAGES_PER_EVAL 0.45
/* Assumed number of vectors in a query by MaxSim, if it is not known. */
#define QUERY_VECTORS 32
/* Rows that are re-ranked before the first can be returned. */
#define FIRST_RERANKS 16
/* CPU cost of an index page, in units of cpu_operator_cost, as for btree. */
#define PAGE_CPU_OPERATORS 50.0
/*
 * Cost of a page of filter keys, in units of the cost of a row that another index finds in
 * the table.  Measured with both in the cache, because the cost settings price such rows as
 * if they were not.  The second constant is for the values read: the more columns, the
 * fewer there are on a page.  Figures: docs/measurements.md#costs
 */
#define KEY_PAGE_ROWS 0.18
#define KEY_VALUES_ROWS 0.27
/* CPU cost of such a row without its distance, in units of cpu_operator_cost. */
#define ROW_OPERATORS 20.0
/* All rows in order cost at least this many times what a sort does; chosen, not measured. */
#define ABOVE_SORT 2.0

/* What is known of an index before the number of wanted rows is known. */
typedef struct Model
{
	PlannerInfo *root;
	IndexOptInfo *index;
	double		rows;			/* in the index, at least 1 */
	double		matching;		/* rows that meet the conditions on filter columns */
	double		found;			/* rows that meet all conditions of the scan */
	bool		filters;		/* there are conditions on filter columns */
	bool		radius;			/* there is a condition on the distance */
	double		key_pages;		/* pages of filter keys, if there are conditions on them */
	double		m;
	OhSettings	settings;
	double		ef;
	double		walks;			/* walks of a search: for an array column, the vectors of the
								 * query, otherwise 0 */
	double		page_cost;		/* cost of a visited index page */
	double		distance_cost;	/* cost of an exact distance, including reading the vector */
	double		heap_page_cost;
} Model;

/*
 * model_options -- read the index's own options.
 */
static void
model_options(Model *model, IndexOptInfo *info)
{
	Relation	index;
	OhEfSource	source;
	double		target;

	model->m = OH_DEFAULT_M;
	OhTakeSettings(&model->settings, &source);
	model->ef = model->settings.ef_search;
	/* a hypothetical index, made by a planner extension, cannot be opened */
	if (info->hypothetical)
		return;

	/* the planner holds a lock on every index of the table */
	index = index_open(info->indexoid, NoLock);
	if (index->rd_options)
		model->m = ((const OhOptions *) index->rd_options)->m;
	model->ef = OhEfSearch(index, &model->settings, &target, &source);
	if (target > 0)
		model->ef = OhEfOfTarget(OhIndexOpen(index), &model->settings, target, model->root->limit_tuples, &source);
	index_close(index, NoLock);
}

/* Is it a condition "within a radius"? */
static bool
is_radius(const IndexOptInfo *index, const IndexClause *clause)
{
	RestrictInfo *qual = linitial_node(RestrictInfo, clause->indexquals);

	return clause->indexcol == 0 && IsA(qual->clause, OpExpr) &&
		get_op_opfamily_strategy(((OpExpr *) qual->clause)->opno,
								 index->opfamily[0]) == OH_RADIUS_STRATEGY;
}

/*
 * model_conditions -- estimate how many rows meet the conditions, from the planner's
 * statistics.
 */
static void
model_conditions(Model *model, const IndexPath *path)
{
	IndexOptInfo *index = model->index;
	double		table_rows = index->rel->tuples;
	List	   *filters = NIL;
	List	   *all = NIL;
	ListCell   *lc;

	foreach(lc, path->indexclauses)
	{
		IndexClause *clause = lfirst_node(IndexClause, lc);
		/* the planner's estimate for derived conditions may differ from that of the clause */
		List	   *quals = clause->lossy ? list_copy(clause->indexquals) :
			list_make1(clause->rinfo);

		all = list_concat(all, quals);
		if (clause->indexcol > 0)
			filters = list_concat(filters, quals);
		else if (is_radius(index, clause))
			model->radius = true;
	}

	/*
	 * Rows of a partial index meet its predicate already; a condition may overlap with it.
	 */
	model->filters = filters != NIL;
	model->matching = model->found = model->rows;
	if (filters != NIL)
	{
		model->matching = table_rows *
			clauselist_selectivity(model->root, add_predicate_to_index_quals(index, filters),
								   index->rel->relid, JOIN_INNER, NULL);
		model->matching = Min(Max(model->matching, 1.0), model->rows);
		model->found = model->matching;
		model->key_pages = ceil(model->rows / OhKeysPerPage(index->nkeycolumns - 1));
	}
	if (list_length(all) > list_length(filters))
	{
		model->found = table_rows *
			clauselist_selectivity(model->root, add_predicate_to_index_quals(index, all),
								   index->rel->relid, JOIN_INNER, NULL);
		model->found = Min(Max(model->found, 1.0), model->matching);
	}
}

/*
 * query_vectors -- how many walks a search takes: one for each vector of the query, or 0 if
 * the column is not an array.
 */
static double
query_vectors(PlannerInfo *root, const IndexPath *path)
{
	OpExpr	   *distance;
	Node	   *query;

	if (!OidIsValid(get_element_type(path->indexinfo->opcintype[0])))
		return 0;
	if (path->indexorderbys == NIL || !IsA(linitial(path->indexorderbys), OpExpr))
		return QUERY_VECTORS;
	distance = linitial_node(OpExpr, path->indexorderbys);
	query = estimate_expression_value(root, lsecond(distance->args));
	if (IsA(query, Const) && !((Const *) query)->constisnull)
	{
		ArrayType  *array = DatumGetArrayTypeP(((Const *) query)->constvalue);

		return Max(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)), 1);
	}
	return QUERY_VECTORS;
}

static void
model_init(Model *model, PlannerInfo *root, const IndexPath *path)
{
	IndexOptInfo *index = path->indexinfo;
	double		random_page_cost_index;
	double		pages = Max((double) index->pages, 1.0);
	double		cache;
	QualCost	distance;

	memset(model, 0, sizeof(*model));
	model->root = root;
	model->index = index;
	model->rows = Max(index->tuples, 1.0);
	model_options(model, index);
	model->walks = query_vectors(root, path);
	model_conditions(model, path);

	cost_qual_eval(&distance, path->indexorderbys, root);
	model->distance_cost = Max(distance.per_tuple, cpu_operator_cost);
	get_tablespace_page_costs(index->rel->reltablespace, &model->heap_page_cost, NULL);
	get_tablespace_page_costs(index->reltablespace, &random_page_cost_index, NULL);

	/* The index's share of the cache, calculated as in index_pages_fetched(). */
	cache = (double) effective_cache_size * pages / Max(root->total_table_pages + pages, 1.0);
	model->page_cost = PAGE_CPU_OPERATORS * cpu_operator_cost
		+ random_page_cost_index * (1.0 - Min(cache / pages, 1.0));
}

/* Number of distinct pages that random accesses to npages pages touch. */
static double
distinct_pages(double pages, double accesses)
{
	return pages * (1.0 - exp(-accesses / Max(pages, 1.0)));
}

/*
 * walk_cost -- cost of finding n matching candidates by a walk of the graph.
 */
static Cost
walk_cost(const Model *model, double candidates, double *pages)
{
	double		share = model->matching / model->rows;
	double		evals = model->m * (log2(model->rows + 1.0) +
									candidates / share * EVALS_PER_CANDIDATE);

	evals = Min(evals, model->rows);
	*pages = Min(ceil(evals * PAGES_PER_EVAL) + 1.0, Max((double) model->index->pages, 1.0));
	if (model->filters)
		*pages += distinct_pages(model->key_pages, *pages);
	return evals * cpu_operator_cost + *pages * model->page_cost;
}

/*
 * key_page_cost -- cost of a page of filter keys, in addition to what every page costs.
 */
static Cost
key_page_cost(const Model *model)
{
	double		rows = KEY_PAGE_ROWS + KEY_VALUES_ROWS / (model->index->nkeycolumns - 1);
	double		operators = cpu_operator_cost > 0 ? model->distance_cost / cpu_operator_cost : 1.0;

	/* in units of rows with their distances, which take far longer if vectors are TOASTed */
	return rows * ROW_OPERATORS / (ROW_OPERATORS + operators) *
		(model->heap_page_cost + model->distance_cost);
}

/*
 * exact_cost -- cost of a sweep: reading all filter keys, and evaluating what matches.
 */
static Cost
exact_cost(const Model *model, double *pages)
{
	double		node_pages = Max(model->index->pages - model->key_pages, 1.0);

	*pages = model->key_pages + distinct_pages(node_pages, model->matching);
	return model->matching * cpu_operator_cost + *pages * model->page_cost
		+ model->key_pages * key_page_cost(model);
}

/*
 * maxsim_cost -- cost of a search of an array column: a walk for each vector of the query,
 * or all rows; many rows are ranked for those that are wanted.
 */
static Cost
maxsim_cost(const Model *model, double wanted, double *pages)
{
	IndexOptInfo *index = model->index;
	double		ef = Max(model->ef, wanted / 2);
	double		ranked = Min(OH_MAXSIM_ROWS * ef, model->matching);
	double		heap_pages;
	Cost		cost = model->walks * walk_cost(model, OH_MAXSIM_WIDTH * ef, pages);

	*pages = Min(*pages * model->walks, Max((double) index->pages, 1.0));
	heap_pages = index_pages_fetched(ranked, index->rel->pages, (double) index->pages, model->root);
	cost += heap_pages * model->heap_page_cost + ranked * (cpu_tuple_cost + model->distance_cost);
	if (model->filters)
	{
		double		exact_pages;
		Cost		exact = exact_cost(model, &exact_pages);

		heap_pages = index_pages_fetched(model->matching, index->rel->pages, (double) index->pages, model->root);
		exact += heap_pages * model->heap_page_cost + model->matching * (cpu_tuple_cost + model->distance_cost);
		if (exact < cost)
		{
			cost = exact;
			*pages = exact_pages;
		}
	}
	return cost + (index->nkeycolumns - 1) * cpu_operator_cost;
}

/*
 * search_cost -- cost of the first `wanted` rows of the scan, not limited by the walk's ef;
 * *pages is set to the number of index pages visited.
 */
static Cost
search_cost(const Model *model, double wanted, double *pages)
{
	IndexOptInfo *index = model->index;
	double		reranks = Min(wanted + FIRST_RERANKS, model->matching);
	double		heap_pages;
	Cost		cost;

	if (model->walks > 0)
		return maxsim_cost(model, wanted, pages);
	cost = walk_cost(model, Max(model->ef, wanted), pages);
	if (model->filters)
	{
		double		exact_pages;
		Cost		exact = exact_cost(model, &exact_pages);

		if (exact < cost)
		{
			cost = exact;
			*pages = exact_pages;
		}
	}
	heap_pages = index_pages_fetched(reranks, index->rel->pages, (double) index->pages, model->root);

	/* among equal indexes, prefer the one with fewer columns */
	return cost
		+ (index->nkeycolumns - 1) * cpu_operator_cost
		+ heap_pages * model->heap_page_cost
		+ reranks * (cpu_tuple_cost + cpu_operator_cost);
}

/* Do the settings allow a scan to end before its last row? */
static bool
scans_end_early(const Model *model)
{
	return model->settings.iterative_scan == OH_ITERATIVE_OFF || model->settings.max_scan_tuples > 0;
}

/*
 * sort_cost -- cost of reading all rows from the table and sorting them: by a sequential
 * scan, or as if another index found the rows that meet the scan's conditions.
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
		+ rel->tuples * (cpu_tuple_cost + model->distance_cost)
		+ rel->tuples * rel->baserestrictcost.per_tuple + rel->baserestrictcost.startup;
	if ((model->filters || model->radius) && !scans_end_early(model))
	{
		double		pages = index_pages_fetched(model->found, rel->pages,
												(double) model->index->pages, root);
		Cost		direct = pages * model->heap_page_cost
			+ model->found * (cpu_tuple_cost + model->distance_cost);

		scan = Min(scan, direct);
	}

	memset(&sort, 0, sizeof(sort));
	om_cost_sort(&sort, root, NIL, scan, rel->rows, rel->reltarget->width, work_mem, -1.0);
	/* up to PostgreSQL 17, disabling sorts adds disable_cost */
	if (!enable_sort && sort.total_cost > disable_cost)
		sort.total_cost -= disable_cost;
	return sort.total_cost;
}

/*
 * wanted_fraction -- the fraction of the scan's rows that the query's LIMIT will ask for; 0
 * if that is not known.
 *
 * Rows that a filter above the scan rejects are included.
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
	bool		ordered = list_length(path->indexorderbys) == 1;
	bool		usable = true;
	Model		model;
	double		fraction;
	double		ignored;

	om_path_check_parallel(root, path);
	model_init(&model, root, path);
	*correlation = 0;
	*selectivity = 1.0;
	*pages = Max((double) index->pages, 1.0);

	/*
	 * A scan is a search for the rows nearest to a query, or for those within a radius; of
	 * the latter, all rows are wanted.  Nothing uses the order of a parameterized path.
	 */
	if (!ordered || path->path.param_info != NULL)
		usable = model.radius;
	if (!usable)
	{
		om_path_never(&path->path, startup, total);
		return;
	}

	/* a partial index has only some of the rows */
	if (index->rel->tuples > 0)
		*selectivity = Min(model.found / index->rel->tuples, 1.0);

	*startup = search_cost(&model, 1.0, pages);
	*total = search_cost(&model, model.found, &ignored);
	if (ordered)
		*total = Max(*total, ABOVE_SORT * sort_cost(&model));

	fraction = wanted_fraction(&model);
	if (fraction > 0)
	{
		Cost		cost = search_cost(&model, fraction * model.found, pages);

		*total = Max(*total, *startup + (cost - *startup) / fraction);
	}
}
