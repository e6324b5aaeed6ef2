/*
 * order.h -- sort orders of a query that are equivalent to that of an index.
 */
#ifndef OH_ORDER_H
#define OH_ORDER_H

#include "postgres.h"

#include "nodes/pathnodes.h"

/*
 * The list to use in place of root->query_pathkeys while paths of this index are made; NIL
 * if the query has another order.
 */
extern List *OhOrderFind(PlannerInfo *root, IndexOptInfo *index);
/* Make the index's paths. */
extern void OhOrderPaths(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index);
/* Label the paths that were made for that list with the query's order. */
extern void OhOrderTake(PlannerInfo *root, RelOptInfo *rel, const IndexOptInfo *index,
						const List *order);

#endif							/* OH_ORDER_H */
