/*
 * order.h -- orders of a query that an index has by another name.
 */
#ifndef OH_ORDER_H
#define OH_ORDER_H

#include "postgres.h"

#include "nodes/pathnodes.h"

/*
 * What to put in the place of root->query_pathkeys while paths of this index are
 * made; NIL if the query has another order.
 */
extern List *OhOrderFind(PlannerInfo *root, IndexOptInfo *index);
/* Make the index's paths. */
extern void OhOrderPaths(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index);
/* Paths that have been made in its place are in the query's order. */
extern void OhOrderTake(PlannerInfo *root, RelOptInfo *rel, const IndexOptInfo *index,
						const List *order);

#endif							/* OH_ORDER_H */
