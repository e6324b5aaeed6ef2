/*
 * near.h -- what an insert finds near its new node: the search, the nodes that it has read,
 * and the neighbours chosen.
 */
#ifndef OH_NEAR_H
#define OH_NEAR_H

#include "postgres.h"

#include "hnsw/graph/nodecache.h"
#include "hnsw/graph/search.h"
#include "hnsw/graph/select.h"
#include "hnsw/insert/newnode.h"

/*
 * Written by near.c alone, except for the marks that link.c sets in cached nodes.
 */
typedef struct OhNear
{
	OhIndex    *ix;
	OhNewNode  *node;
	OhNodeCache cache;			/* nodes that the search has read */
	OhSearch   *search;
	OhSelector	selector;
	OhCandidate *candidates;	/* [ef_construction + 1], the chosen ones first */
	OmQuery    *form;			/* query form of another node's code, scratch */
	float	   *vector;			/* scratch for OhCachedCode() */
} OhNear;

/* Allocate what a search needs, once for many rows. */
extern void OhNearInit(OhNear *near, OhNewNode *node, MemoryContext context);
/*
 * Search the base layer, starting at the entry point: the nearest nodes are then in
 * search->found.  false: no node is live.
 */
extern bool OhNearSearch(OhNear *near);
/* Choose at most max neighbours among the nodes found on a level; returns how many. */
extern int	OhChooseNeighbours(OhNear *near, int max);
/*
 * A cached node's code, converted to the new node's model: while an index is being
 * retrained, only codes of one model can be compared.
 */
extern const void *OhCachedCode(OhNear *near, OhCachedNode *cached);
/* A live node with the code and the filter keys of the new one, or OH_NONE. */
extern uint32 OhFindTwin(OhNear *near);
/*
 * Is the new node far away from all others?  (The first candidate is its nearest
 * neighbour.) Then links alone would not lead the next row inserted near it to it.
 */
extern bool OhIsApart(OhNear *near);
/* A node page for the new node: that of one of its n neighbours if one has room. */
extern uint32 OhNearPage(OhNear *near, int n);

#endif							/* OH_NEAR_H */
