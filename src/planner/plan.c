/*
 * plan.c -- avoids computing distances that nobody reads.
 *
 * For each row that it returns, PostgreSQL computes what a query sorts by, even if an index
 * has done the sorting and the query does not select the value:
 *
 *     SELECT id FROM item ORDER BY embedding <-> $1 LIMIT 10
 *
 * If the vector is in the TOAST table, that costs more than everything else done for a row.
 * In a Limit over a scan of an omenhnsw index, or of one of omenbm25, whose scores take the
 * words of each row, nothing reads such a column: it is replaced by a NULL.
 *
 * The plan is left alone if a row is locked, sorted, merged or joined in between, or if
 * LIMIT has WITH TIES, which compares the sort values.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/planner.h"
#include "utils/syscache.h"

#include "hnsw/options.h"
#include "planner/planner.h"


static planner_hook_type next_planner = NULL;
static OhIsMethod also = NULL;

static bool
is_ours(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
	bool		ours = false;

	if (HeapTupleIsValid(tuple))
	{
		Oid			am = ((Form_pg_class) GETSTRUCT(tuple))->relam;

		ReleaseSysCache(tuple);
		ours = OhIsOurMethod(am) || (also != NULL && also(am));
	}
	return ours;
}

/*
 * unused_column -- the number of the scan's column that was needed only for sorting; 0 if
 * there is none.
 */
static AttrNumber
unused_column(const Limit *limit, const IndexScan *scan)
{
	AttrNumber	unused = 0;
	ListCell   *lc;

	foreach(lc, limit->plan.targetlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		Var		   *var = (Var *) entry->expr;
		TargetEntry *below;

		if (!IsA(var, Var) || var->varno != OUTER_VAR || var->varattno < 1 ||
			var->varattno > list_length(scan->scan.plan.targetlist))
			return 0;
		if (!entry->resjunk)
			continue;
		below = list_nth_node(TargetEntry, scan->scan.plan.targetlist, var->varattno - 1);
		if (equal(below->expr, linitial(scan->indexorderbyorig)))
			unused = var->varattno;
	}
	foreach(lc, limit->plan.targetlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (!entry->resjunk && ((Var *) entry->expr)->varattno == unused)
			return 0;
	}
	return unused;
}

static void
spare_distance(Limit *limit)
{
	IndexScan  *scan = (IndexScan *) outerPlan(limit);
	TargetEntry *entry;
	AttrNumber	column;
	Node	   *expr;

	if (limit->limitOption != LIMIT_OPTION_COUNT || scan == NULL || !IsA(scan, IndexScan) ||
		list_length(scan->indexorderbyorig) != 1)
		return;
	column = unused_column(limit, scan);
	if (column == 0 || !is_ours(scan->indexid))
		return;
	entry = list_nth_node(TargetEntry, scan->scan.plan.targetlist, column - 1);
	expr = (Node *) entry->expr;
	entry->expr = (Expr *) makeNullConst(exprType(expr), exprTypmod(expr), exprCollation(expr));
}

static void walk_list(List *plans);

static void
walk(Plan *plan)
{
	if (plan == NULL)
		return;
	if (IsA(plan, Limit))
		spare_distance((Limit *) plan);
	else if (IsA(plan, SubqueryScan))
		walk(((SubqueryScan *) plan)->subplan);
	else if (IsA(plan, Append))
		walk_list(((Append *) plan)->appendplans);
	else if (IsA(plan, MergeAppend))
		walk_list(((MergeAppend *) plan)->mergeplans);
	walk(outerPlan(plan));
	walk(innerPlan(plan));
}

static void
walk_list(List *plans)
{
	ListCell   *lc;

	foreach(lc, plans)
		walk((Plan *) lfirst(lc));
}

static PlannedStmt *
plan_query(Query *query, const char *text, int options, ParamListInfo params)
{
	PlannedStmt *result = next_planner != NULL ? next_planner(query, text, options, params) :
		standard_planner(query, text, options, params);

	walk(result->planTree);
	walk_list(result->subplans);
	return result;
}

void
OhPlanInit(OhIsMethod other)
{
	also = other;
	next_planner = planner_hook;
	planner_hook = plan_query;
}
