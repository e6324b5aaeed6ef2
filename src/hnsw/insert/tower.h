/*
 * tower.h -- the upper levels of a new node.
 */
#ifndef OH_TOWER_H
#define OH_TOWER_H

#include "postgres.h"

#include "hnsw/insert/link.h"

/*
 * Give a node that is linked on the base layer its towers, and make it the entry point if
 * it is to be: steps 3 and 4 of an insert.
 */
extern void OhInsertTowers(OhLinks *links);

#endif							/* OH_TOWER_H */
