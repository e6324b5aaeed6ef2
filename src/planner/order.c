/*
 * order.c -- orders that are the distance's by another name.
 *
 *     ORDER BY 1 - (embedding <=> $1) DESC
 *     ORDER BY (embedding <#> $1) * -1 DESC
 *     ORDER BY inner_product(embedding, $1) DESC
 *
 * A rising line through the distance has its order, and a falling one that order
 * downwards: each step of its arithmetic rounds, but never puts a larger number
 * before a smaller one.  The planner compares expressions, and sees nothing of that.  So its
 * code makes the paths for `embedding <=> $1`, and they then get the query's order.
 *
 * Downwards, SQL has NULLs and NaNs before all numbers.  The scan is told so by
 * the executor's note of its plan node (discard.c), and returns rows without a
 * position first.  Where the query wants NULLs at the other end, this must not matter:
 * no NULL may come out of the table.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_attribute.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "parser/parsetree.h"
#include "utils/syscache.h"

#include "compat.h"
#include "planner/bounds.h"
#include "planner/order.h"

static List *
class_members(EquivalenceClass *class, Relids relids)
{
#ifdef OM_CLASS_HAS_CHILDREN_APART
	EquivalenceMemberIterator iterator;
	EquivalenceMember *member;
	List	   *result = NIL;

	setup_eclass_member_iterator(&iterator, class, relids);
	while ((member = eclass_member_iterator_next(&iterator)) != NULL)
		result = lappend(result, member);
	return result;
#else
	return class->ec_members;
#endif
}

/*
 * never_null -- does the query's WHERE, or the index's, refuse rows without a vector,
 * or has the column none?
 */
static bool
never_null(PlannerInfo *root, const IndexOptInfo *index, Expr *vector)
{
	RelOptInfo *rel = index->rel;
	NullTest   *test = makeNode(NullTest);
	List	   *clauses = list_copy(index->indpred);
	ListCell   *lc;

	if (index->indexkeys[0] != 0)
	{
		HeapTuple	tuple = SearchSysCache2(ATTNUM,
											ObjectIdGetDatum(planner_rt_fetch(rel->relid, root)->relid),
											Int16GetDatum(index->indexkeys[0]));
		bool		not_null = HeapTupleIsValid(tuple) &&
			((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;

		if (HeapTupleIsValid(tuple))
			ReleaseSysCache(tuple);
		if (not_null)
			return true;
	}
	foreach(lc, rel->baserestrictinfo)
		clauses = lappend(clauses, lfirst_node(RestrictInfo, lc)->clause);
	test->arg = vector;
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	return predicate_implied_by(list_make1(test), clauses, false);
}

/*
 * fits -- is the key's order that of the distance, for a line that rises or falls?
 */
static bool
fits(PlannerInfo *root, const IndexOptInfo *index, const PathKey *key, const OpExpr *distance,
	 double scale)
{
	bool		less = om_pathkey_less(key);

	if (less != (scale > 0))
		return false;
	/* NULLs are the last of the distance's order, and so the first of it downwards */
	return key->pk_nulls_first != less || never_null(root, index, linitial(distance->args));
}

/*
 * distance_key -- the key for `vector operator value`, upwards.
 */
static PathKey *
distance_key(const PathKey *key, const EquivalenceMember *of, OpExpr *distance)
{
	EquivalenceClass *class = makeNode(EquivalenceClass);
	EquivalenceMember *member = makeNode(EquivalenceMember);
	PathKey    *result = makeNode(PathKey);

	memcpy(member, of, sizeof(EquivalenceMember));
	member->em_expr = (Expr *) distance;
	member->em_is_child = false;
	class->ec_opfamilies = list_make1_oid(key->pk_opfamily);
	class->ec_members = list_make1(member);
	class->ec_relids = member->em_relids;
	class->ec_max_security = key->pk_eclass->ec_max_security;

	memcpy(result, key, sizeof(PathKey));
	result->pk_eclass = class;
	om_pathkey_set_less(result);
	result->pk_nulls_first = false;
	return result;
}

List *
OhOrderFind(PlannerInfo *root, IndexOptInfo *index)
{
	PathKey    *key;
	ListCell   *lc;

	if (list_length(root->query_pathkeys) != 1)
		return NIL;
	key = linitial_node(PathKey, root->query_pathkeys);
	if (key->pk_eclass->ec_has_volatile)
		return NIL;
	foreach(lc, class_members(key->pk_eclass, index->rel->relids))
	{
		EquivalenceMember *member = lfirst_node(EquivalenceMember, lc);
		OpExpr	   *distance;
		double		scale;

		/* what is the distance itself is the planner's business */
		if (bms_equal(member->em_relids, index->rel->relids) &&
			OhMatchDistance(root, index, (Node *) member->em_expr, &distance, &scale) &&
			!equal(distance, member->em_expr) &&
			fits(root, index, key, distance, scale))
			return list_make1(distance_key(key, member, distance));
	}
	return NIL;
}

void
OhOrderPaths(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index)
{
	List	   *indexes = rel->indexlist;

	rel->indexlist = list_make1(index);
	create_index_paths(root, rel);
	rel->indexlist = indexes;
}

void
OhOrderTake(PlannerInfo *root, RelOptInfo *rel, const IndexOptInfo *index, const List *order)
{
	ListCell   *lc;

	foreach(lc, rel->pathlist)
	{
		IndexPath  *path = lfirst(lc);

		if (IsA(path, IndexPath) && path->indexinfo == index &&
			list_length(path->path.pathkeys) == 1 &&
			linitial(path->path.pathkeys) == linitial(order))
			path->path.pathkeys = root->query_pathkeys;
	}
}
