/*
 * codedwalk.h -- walks of the base layer by codes of links, with neighbor_codes = on.
 *
 * Steps of a search: search.c decides which of its walks are such ones (OhSearch.coded).
 */
#ifndef OH_CODED_WALK_H
#define OH_CODED_WALK_H

#include "postgres.h"

#include "hnsw/graph/search.h"

/*
 * Begin a walk at the nodes in found, whose distances are known, and at the entry point.
 */
extern void OhCodedStart(OhSearch *search);
/* Walk on, until no candidate is nearer than the ef-th node found. */
extern void OhCodedWalk(OhSearch *search, int ef);
/* Expand a candidate, and add it to the queue of nodes that are set aside. */
extern void OhCodedTake(OhSearch *search, uint32 id, OhQueue *aside);

#endif							/* OH_CODED_WALK_H */
