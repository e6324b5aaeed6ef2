/*
 * textcost.c -- cost estimates of text searches, for the planner.
 *
 * A search looks up the query's words and reads a part of their postings; then it returns
 * rows, the best first.  The index tells how many documents have the words.
 */
#include "postgres.h"

#include "access/genam.h"
#include "catalog/partition.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "bm25/scan/statistics.h"
#include "bm25/scan/textplan.h"
#include "bm25/textcallbacks.h"
#include "compat.h"

/* Cost of a posting, in units of cpu_operator_cost: most are skipped in blocks. */
#define POSTING_OPERATORS	0.02
/* Cost of looking up a word, in units of cpu_operator_cost: a few pages. */
#define WORD_OPERATORS		50.0
/* Postings on a page. */
#define POSTINGS_PER_PAGE	3000.0
/* Cost of returning a row, in units of cpu_operator_cost. */
#define ROW_OPERATORS		20.0
/*
 * Cost of a row without any of the words, which is found by going through all documents, in
 * units of cpu_operator_cost.
 */
#define OTHER_OPERATORS		4.0

/*
 * is_other -- is the query bound to an index with other statistics than this one?
 */
static bool
is_other(Oid bound, Oid index)
{
	return OidIsValid(bound) && bound != index &&
		!(get_rel_relispartition(index) && list_member_oid(get_partition_ancestors(index), bound));
}

/*
 * driver -- the query that the search is for: the right side of the order, or of a match.
 */
static Node *
driver(const IndexPath *path)
{
	ListCell   *lc;

	if (path->indexorderbys != NIL)
		return get_rightop((Expr *) linitial(path->indexorderbys));
	foreach(lc, path->indexclauses)
	{
		IndexClause *clause = lfirst_node(IndexClause, lc);
		RestrictInfo *qual = linitial_node(RestrictInfo, clause->indexquals);

		if (clause->indexcol == 0 && IsA(qual->clause, OpExpr) &&
			get_op_opfamily_strategy(((OpExpr *) qual->clause)->opno, path->indexinfo->opfamily[0]) ==
			OH_MATCH_STRATEGY)
			return get_rightop(qual->clause);
	}
	return NULL;
}

void
ohtextcost(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup, Cost *total,
		   Selectivity *selectivity, double *correlation, double *pages)
{
	IndexOptInfo *index = path->indexinfo;
	double		rows = Max(index->tuples, 1);
	double		words = 2;
	double		postings = rows * 0.02;
	double		found;
	double		random_page_cost;
	Node	   *query = driver(path);
	Oid			bound = InvalidOid;

	om_path_check_parallel(root, path);
	if (query != NULL)
	{
		OhBm25Query *constant = OhPlannedQuery(query, &bound);

		if (constant != NULL && !index->hypothetical && !is_other(bound, index->indexoid))
		{
			OhTextQuery *known = OhBindQuery(constant, index->indexoid)->query;

			words = known->nterms;
			postings = 0;
			for (int t = 0; t < known->nterms && known->with != NULL; t++)
				postings += known->with[t];
		}
	}
	*selectivity = clauselist_selectivity(root, get_quals_from_indexclauses(path->indexclauses),
										  index->rel->relid, JOIN_INNER, NULL);
	found = clamp_row_est(*selectivity * index->rel->tuples);
	*correlation = 0;
	*pages = words * 2 + postings / POSTINGS_PER_PAGE;
	get_tablespace_page_costs(index->reltablespace, &random_page_cost, NULL);
	*startup = words * (WORD_OPERATORS * cpu_operator_cost + random_page_cost) +
		postings * POSTING_OPERATORS * cpu_operator_cost +
		postings / POSTINGS_PER_PAGE * random_page_cost * 0.1;
	*total = *startup + found * ROW_OPERATORS * cpu_operator_cost + postings * cpu_operator_cost;
	/* without @@@, all other documents follow */
	if (path->indexorderbys != NIL || query == NULL)
		*total += Min(found, rows) * OTHER_OPERATORS * cpu_operator_cost;
	if (query == NULL)
	{
		/* reads every page of documents to find those that meet the conditions */
		*startup = 0;
		*pages = Max(index->pages, 1);
		*total += rows * OTHER_OPERATORS * cpu_operator_cost + *pages * random_page_cost;
	}
	if (is_other(bound, index->indexoid) ||
		(path->indexorderbycols != NIL && linitial_int(path->indexorderbycols) != 0))
	{
		om_path_never(&path->path, startup, total);
	}
}
