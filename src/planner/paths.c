/*
 * paths.c -- paths of an index that the planner does not make by itself.
 *
 * Those with bounds of the distance are made by bounds.c, those in an order that is
 * the distance's by another name by order.c.
 *
 * Conditions that PostgreSQL 15 and 16 do not hand to an ordered scan: an index scan
 * in order of a distance gets as conditions, up to 16, no
 *
 *     column = ANY (array)		column IN (1, 2, 3)
 *
 * because with a btree these would end the order; and up to 15 no boolean column
 * by itself (WHERE active, WHERE NOT active, WHERE active IS TRUE), which only
 * families of operators built into the server are asked for.  Here such queries
 * get the path that the planner would have made with these conditions too, in place
 * of its own.  All other forms are the planner's own, and a condition that it
 * gives to no path is a filter above the scan.
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

/* One index, and what was found for it. */
typedef struct Match
{
	PlannerInfo *root;
	IndexOptInfo *index;
	List	   *clauses;		/* IndexClause, by column */
	List	   *used;			/* their RestrictInfo */
	bool		missed;			/* one of them is missing from the planner's own path */
	bool		vector;			/* one of them is on the vector */
} Match;

static bool
collation_matches(const IndexOptInfo *index, int column, Oid collation)
{
	return !OidIsValid(index->indexcollations[column]) ||
		index->indexcollations[column] == collation;
}

/* Is it the same for all rows of the table? */
static bool
is_constant(const Match *match, Node *expr)
{
	return !bms_is_member(match->index->rel->relid, pull_varnos(match->root, expr)) &&
		!contain_volatile_functions(expr);
}

/*
 * op_qual -- `column operator value`, either way round; as the index wants it, or
 * NULL if it is nothing that the index knows.
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

/* The same for `column operator ANY (array)`. */
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
 * boolean_qual -- `column = true` or `column = false` for a condition that is the
 * column itself.
 *
 * At the top of a WHERE, false and NULL are one.
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

	/* as the planner: neither what is checked once, nor what must wait for other conditions */
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
 * match_order -- the query's order as `vector operator value`, NULL if it is not
 * this index's.
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
 * drop_paths -- take out the planner's own scans of the index, with the order or
 * without any.
 *
 * They have fewer conditions, and look cheaper to a LIMIT where what is left out
 * has nothing to do with the distance.  What such a scan costs otherwise has no bound.
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

	/* a parameterized one would be of no use */
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
		return;					/* a scan has an order or a radius */

	drop_paths(rel, index, order != NULL);
	add_path(rel, (Path *) create_index_path(root, index, match.clauses, orders, columns,
											 order != NULL ? root->query_pathkeys : NIL,
											 om_no_direction, false, NULL, 1.0, false));
}

#else

/* The planner has made them. */
static void
add_filter_path(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index)
{
}

#endif							/* OM_CORE_LEAVES_CONDITIONS */

bool
OhIsOurs(const IndexOptInfo *index)
{
	return index->amcostestimate == (void *) ohcostestimate;
}

/*
 * add_index_paths -- bounds is NULL if there are none.
 */
static void
add_index_paths(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index, const OhBounds *bounds)
{
	List	   *query = root->query_pathkeys;
	List	   *order = OhOrderFind(root, index);

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

	/* where the planner makes paths for indexes */
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
	/* what is estimated of a clause counts for the paths of all indexes */
	if (found != NIL)
		OhBoundsEstimate(root, rel, found);
	foreach(lc, found)
	{
		OhBounds   *bounds = lfirst(lc);

		add_index_paths(root, rel, bounds->index, bounds);
	}
}

/*
 * OhPathsInit -- the load function calls it once.
 *
 * The first query of a session may load the library: the planner asks for the
 * table's indexes, and so for the handler, before it asks for paths.
 */
void
OhPathsInit(void)
{
	next_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = add_paths;
}
