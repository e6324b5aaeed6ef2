/*
 * order.c -- recognises sort orders that are equivalent to the order of the distance.
 *
 *     ORDER BY 1 - (embedding <=> $1) DESC
 *     ORDER BY (embedding <#> $1) * -1 DESC
 *     ORDER BY inner_product(embedding, $1) DESC
 *     ORDER BY max_sim(embeddings, $1) DESC
 *
 * An increasing linear function of the distance has its order, a decreasing one the
 * reverse.  Each step of the arithmetic rounds, but never puts a larger number before a
 * smaller one.  The planner compares expressions and does not know this.  So its own code
 * makes the paths for ORDER BY embedding <=> $1, and these paths are then labelled with the
 * query's order.
 *
 * In descending order, SQL puts NaNs before all numbers, and NULLs where the query says.
 * The scan places off-graph rows accordingly.  It learns where they belong from the collation of
 * the distance (planner.h), which is part of the plan: so it knows it wherever the plan is executed.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "optimizer/paths.h"

#include "compat.h"
#include "planner/bounds.h"
#include "planner/order.h"
#include "planner/planner.h"

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
 * is_planners -- does the planner itself match the key with the index?
 */
static bool
is_planners(const PathKey *key, const EquivalenceMember *member, const OpExpr *distance)
{
	return equal(distance, member->em_expr) && om_pathkey_less(key) && !key->pk_nulls_first;
}

/*
 * ends -- the collation that tells the scan where the order has NULLs and NaNs.
 */
static Oid
ends(const PathKey *key)
{
	if (om_pathkey_less(key))
		return key->pk_nulls_first ? OH_NULLS_FIRST : InvalidOid;
	return key->pk_nulls_first ? OH_BOTH_FIRST : OH_NANS_FIRST;
}

/*
 * distance_key -- make the pathkey for `vector operator value`, ascending.
 */
static PathKey *
distance_key(const PathKey *key, const EquivalenceMember *of, OpExpr *distance)
{
	EquivalenceClass *class = makeNode(EquivalenceClass);
	EquivalenceMember *member = makeNode(EquivalenceMember);
	PathKey    *result = makeNode(PathKey);

	distance = copyObject(distance);
	distance->inputcollid = ends(key);
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

		if (bms_equal(member->em_relids, index->rel->relids) &&
			OhMatchDistance(root, index, (Node *) member->em_expr, &distance, &scale) &&
			om_pathkey_less(key) == (scale > 0) && !is_planners(key, member, distance))
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
