/*
 * tower.h -- links a new node on the upper levels.
 */
#ifndef OH_TOWER_H
#define OH_TOWER_H

#include "postgres.h"

#include "hnsw/insert/link.h"

/*
 * Create the towers of a node that is already on the base layer, and make it the entry
 * point if its level is the highest: steps 3 and 4 of an insert.
 */
extern void OhInsertTowers(OhLinks *links);

#endif							/* OH_TOWER_H */
