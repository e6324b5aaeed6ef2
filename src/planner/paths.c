/*
 * paths.c -- adds index paths that the planner does not make by itself.
 *
 * bounds.c makes those with bounds of the distance, order.c those in an equivalent order.
 *
 * This file handles conditions that older versions of PostgreSQL do not pass to an ordered
 * index scan.  Up to 16 these are
 *
 *     column = ANY (array)    column IN (1, 2, 3)
 *
 * because in a btree they would destroy the order.  Up to 15, also boolean columns by
 * themselves (WHERE active, WHERE NOT active, WHERE active IS TRUE), which are matched only
 * with operator families built into the server.  Such queries get the path that the planner
 * would have made with these conditions, in place of its own path.  All other forms are
 * left to the planner, and a condition that it gives to no path is a filter above the scan.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "hnsw/callbacks.h"
#include "planner/bounds.h"
#include "planner/order.h"
#include "planner/planner.h"

static set_rel_pathlist_hook_type next_hook = NULL;

#ifdef OM_CORE_LEAVES_CONDITIONS

/* An index, and the clauses matched with it. */
typedef struct Match
{
	PlannerInfo *root;
	IndexOptInfo *index;
	List	   *clauses;		/* IndexClause, by column */
	List	   *used;			/* the RestrictInfo of each */
	bool		missed;			/* one of them is missing from the planner's own path */
	bool		vector;			/* one of them is on the vector */
} Match;

static bool
collation_matches(const IndexOptInfo *index, int column, Oid collation)
{
	return !OidIsValid(index->indexcollations[column]) ||
		index->indexcollations[column] == collation;
}

/* Is the expression's value the same for all rows of the table? */
static bool
is_constant(const Match *match, Node *expr)
{
	return !bms_is_member(match->index->rel->relid, pull_varnos(match->root, expr)) &&
		!contain_volatile_functions(expr);
}

/*
 * op_qual -- match `column operator value`, in either order; returns the clause as the
 * index needs it, or NULL if the index does not support it.
 */
static RestrictInfo *
op_qual(const Match *match, RestrictInfo *rinfo, int column)
{
	IndexOptInfo *index = match->index;
	OpExpr	   *clause = (OpExpr *) rinfo->clause;
	Oid			commutator;

	if (list_length(clause->args) != 2 ||
		!collation_matches(index, column, clause->inputcollid))
		return NULL;
	if (match_index_to_operand(linitial(clause->args), column, index) &&
		is_constant(match, lsecond(clause->args)))
		return op_in_opfamily(clause->opno, index->opfamily[column]) ? rinfo : NULL;
	if (!match_index_to_operand(lsecond(clause->args), column, index) ||
		!is_constant(match, linitial(clause->args)))
		return NULL;
	commutator = get_commutator(clause->opno);
	if (!OidIsValid(commutator) || !op_in_opfamily(commutator, index->opfamily[column]))
		return NULL;
	return commute_restrictinfo(rinfo, commutator);
}

/* Match `column operator ANY (array)`, likewise. */
static RestrictInfo *
array_qual(const Match *match, RestrictInfo *rinfo, int column)
{
	IndexOptInfo *index = match->index;
	ScalarArrayOpExpr *clause = (ScalarArrayOpExpr *) rinfo->clause;

	if (!clause->useOr || !collation_matches(index, column, clause->inputcollid) ||
		!match_index_to_operand(linitial(clause->args), column, index) ||
		!is_constant(match, lsecond(clause->args)) ||
		!op_in_opfamily(clause->opno, index->opfamily[column]))
		return NULL;
	return rinfo;
}

/*
 * boolean_qual -- make `column = true` or `column = false` for a condition that is the
 * column itself.
 *
 * At the top level of a WHERE clause, false and NULL mean the same.
 */
static RestrictInfo *
boolean_qual(const Match *match, RestrictInfo *rinfo, int column)
{
	IndexOptInfo *index = match->index;
	Node	   *operand = (Node *) rinfo->clause;
	bool		value = true;
	Oid			equals;

	if (index->opcintype[column] != BOOLOID)
		return NULL;
	if (is_notclause(operand))
	{
		operand = (Node *) get_notclausearg((Expr *) operand);
		value = false;
	}
	else if (IsA(operand, BooleanTest))
	{
		BooleanTest *test = (BooleanTest *) operand;

		if (test->booltesttype != IS_TRUE && test->booltesttype != IS_FALSE)
			return NULL;
		value = test->booltesttype == IS_TRUE;
		operand = (Node *) test->arg;
	}
	if (!match_index_to_operand(operand, column, index))
		return NULL;
	equals = get_opfamily_member(index->opfamily[column], BOOLOID, BOOLOID,
								 BTEqualStrategyNumber);
	if (!OidIsValid(equals))
		return NULL;
	return make_simple_restrictinfo(match->root,
									make_opclause(equals, BOOLOID, false, (Expr *) operand,
												  (Expr *) makeBoolConst(value, false),
												  InvalidOid, InvalidOid));
}

/*
 * match_clause -- use a condition for a column of the index, if it fits.
 */
static void
match_clause(Match *match, RestrictInfo *rinfo, int column)
{
	RestrictInfo *qual = NULL;
	bool		missed = false;
	IndexClause *result;

	/*
	 * like the planner: skip clauses that are checked only once, and those that must wait
	 * for security quals
	 */
	if (rinfo->pseudoconstant ||
		!restriction_is_securely_promotable(rinfo, match->index->rel))
		return;

	if (IsA(rinfo->clause, OpExpr))
		qual = op_qual(match, rinfo, column);
	else if (IsA(rinfo->clause, ScalarArrayOpExpr))
	{
		qual = array_qual(match, rinfo, column);
		missed = true;
	}
	else if (IsA(rinfo->clause, NullTest))
	{
		NullTest   *test = (NullTest *) rinfo->clause;

		if (match->index->amsearchnulls && !test->argisrow &&
			match_index_to_operand((Node *) test->arg, column, match->index))
			qual = rinfo;
	}
	if (qual == NULL)
	{
		qual = boolean_qual(match, rinfo, column);
		missed = true;
	}
	if (qual == NULL)
		return;

	result = makeNode(IndexClause);
	result->rinfo = rinfo;
	result->indexquals = list_make1(qual);
	result->lossy = false;
	result->indexcol = column;
	result->indexcols = NIL;
	match->clauses = lappend(match->clauses, result);
	match->used = lappend(match->used, rinfo);
	match->missed |= missed;
	match->vector |= column == 0;
}

/*
 * match_order -- the query's order as `vector operator value`; NULL if this index does not
 * have it.
 */
static Expr *
match_order(const Match *match)
{
	IndexOptInfo *index = match->index;
	PathKey    *key;
	ListCell   *lc;

	if (list_length(match->root->query_pathkeys) != 1)
		return NULL;
	key = linitial_node(PathKey, match->root->query_pathkeys);
	if (key->pk_strategy != BTLessStrategyNumber || key->pk_nulls_first ||
		key->pk_eclass->ec_has_volatile)
		return NULL;

	foreach(lc, key->pk_eclass->ec_members)
	{
		EquivalenceMember *member = lfirst_node(EquivalenceMember, lc);
		OpExpr	   *expr = (OpExpr *) member->em_expr;
		Node	   *other;
		Oid			op;
		bool		commuted = false;

		if (!bms_equal(member->em_relids, index->rel->relids) || !is_opclause(expr) ||
			list_length(expr->args) != 2)
			continue;
		op = expr->opno;
		other = lsecond(expr->args);
		if (!match_index_to_operand(linitial(expr->args), 0, index))
		{
			commuted = true;
			op = get_commutator(op);
			other = linitial(expr->args);
			if (!OidIsValid(op) || !match_index_to_operand(lsecond(expr->args), 0, index))
				continue;
		}
		if (contain_var_clause(other) || contain_volatile_functions(other) ||
			get_op_opfamily_sortfamily(op, index->opfamily[0]) != key->pk_opfamily)
			continue;
		if (commuted)
			return make_opclause(op, expr->opresulttype, false, lsecond(expr->args),
								 linitial(expr->args), expr->opcollid, expr->inputcollid);
		return (Expr *) expr;
	}
	return NULL;
}

/*
 * drop_paths -- remove the planner's own scans of the index, with the order or without any.
 *
 * They have fewer conditions.  To a LIMIT they look cheaper, if the missing condition is
 * unrelated to the distance; if it is related, the cost of such a scan has no bound.
 */
static void
drop_paths(RelOptInfo *rel, const IndexOptInfo *index, bool ordered)
{
	ListCell   *lc;

	foreach(lc, rel->pathlist)
	{
		IndexPath  *path = lfirst(lc);

		if (IsA(path, IndexPath) && path->indexinfo == index &&
			(path->indexorderbys != NIL) == ordered && path->path.param_info == NULL)
			rel->pathlist = foreach_delete_current(rel->pathlist, lc);
	}
}

static void
add_filter_path(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index)
{
	Match		match = {root, index};
	List	   *orders = NIL;
	List	   *columns = NIL;
	Expr	   *order;

	/* a parameterized path would be useless */
	if (index->nkeycolumns == 1 || rel->lateral_relids != NULL)
		return;
	for (int column = 0; column < index->nkeycolumns; column++)
	{
		ListCell   *lc;

		foreach(lc, index->indrestrictinfo)
		{
			RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

			if (!list_member_ptr(match.used, rinfo))
				match_clause(&match, rinfo, column);
		}
	}
	if (!match.missed)
		return;

	order = match_order(&match);
	if (order != NULL)
	{
		orders = list_make1(order);
		columns = list_make1_int(0);
	}
	else if (!match.vector)
		return;					/* a scan needs an order or a radius */

	drop_paths(rel, index, order != NULL);
	add_path(rel, (Path *) create_index_path(root, index, match.clauses, orders, columns,
											 order != NULL ? root->query_pathkeys : NIL,
											 om_no_direction, false, NULL, 1.0, false));
}

#else

/* The planner makes these paths itself. */
static void
add_filter_path(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index)
{
}

#endif							/* OM_CORE_LEAVES_CONDITIONS */

/*
 * has_order -- has the planner made a path of the index in the query's order?
 *
 * Then there is no other order to look for, which takes as many comparisons as the table has
 * partitions, up to PostgreSQL 17.
 */
static bool
has_order(const PlannerInfo *root, const RelOptInfo *rel, const IndexOptInfo *index)
{
	ListCell   *lc;

	if (list_length(root->query_pathkeys) != 1)
		return false;
	foreach(lc, rel->pathlist)
	{
		IndexPath  *path = lfirst(lc);

		if (IsA(path, IndexPath) && path->indexinfo == index && path->indexorderbys != NIL &&
			list_length(path->path.pathkeys) == 1 &&
			linitial(path->path.pathkeys) == linitial(root->query_pathkeys))
			return true;
	}
	return false;
}

/*
 * add_index_paths -- add the paths of an index; bounds is NULL if there are none.
 */
static void
add_index_paths(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index, const OhBounds *bounds)
{
	List	   *query = root->query_pathkeys;
	List	   *order = has_order(root, rel, index) ? NIL : OhOrderFind(root, index);

	if (order != NIL)
		root->query_pathkeys = order;
	if (bounds != NULL)
		OhBoundsPaths(root, rel, bounds, add_filter_path);
	else
	{
		if (order != NIL)
			OhOrderPaths(root, rel, index);
		add_filter_path(root, rel, index);
	}
	root->query_pathkeys = query;
	if (order != NIL)
		OhOrderTake(root, rel, index, order);
}

static void
add_paths(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	List	   *found = NIL;
	ListCell   *lc;

	if (next_hook != NULL)
		next_hook(root, rel, rti, rte);

	if (!IS_SIMPLE_REL(rel) || rte->rtekind != RTE_RELATION || rte->tablesample != NULL ||
		IS_DUMMY_REL(rel))
		return;
	if (rte->inh)
	{
		OhBoundsParent(root, rel, rti);
		return;
	}

	/* the same relations for which the planner makes index paths */
	foreach(lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, lc);
		OhBounds   *bounds;

		if (!OhIsOurs(index) || (index->indpred != NIL && !index->predOK))
			continue;
		bounds = OhBoundsFind(root, index);
		if (bounds != NULL)
			found = lappend(found, bounds);
		else
			add_index_paths(root, rel, index, NULL);
	}
	/* the estimates count for the paths of all indexes, so they come first */
	if (found != NIL)
		OhBoundsEstimate(root, rel, found);
	foreach(lc, found)
	{
		OhBounds   *bounds = lfirst(lc);

		add_index_paths(root, rel, bounds->index, bounds);
	}
}

/*
 * OhPathsInit -- see planner.h.
 *
 * It may be the first query of a session that loads the library.  That is early enough: the
 * planner reads the table's indexes, and so calls the handler, before it asks for paths.
 */
void
OhPathsInit(void)
{
	next_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = add_paths;
}
