/*
 * near.h -- what an insert finds near its new node: the search, what it has read, and
 * the neighbours chosen.
 */
#ifndef OH_NEAR_H
#define OH_NEAR_H

#include "postgres.h"

#include "hnsw/graph/nodecache.h"
#include "hnsw/graph/search.h"
#include "hnsw/graph/select.h"
#include "hnsw/insert/newnode.h"

/*
 * Written by near.c alone, but for the marks that link.c makes in nodes of the cache.
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

extern void OhNearInit(OhNear *near, OhNewNode *node, MemoryContext context);
/*
 * Search the base layer, from its start: leaves what is nearest in search->found.
 * false: no node is live.
 */
extern bool OhNearSearch(OhNear *near);
/* Choose at most max neighbours of what a level's search has found; returns how many. */
extern int	OhChooseNeighbours(OhNear *near, int max);
/*
 * A cached node's code, as one of the new node's model: while an index is being
 * trained again, only codes of one model can be compared.
 */
extern const void *OhCachedCode(OhNear *near, OhCachedNode *cached);
/* A live node with the code and the filter keys of the new one, or OH_NONE. */
extern uint32 OhFindTwin(OhNear *near);
/*
 * Is the new node far away from all others, its nearest neighbour being the first
 * candidate?  Then the next row near it would not find it by links alone.
 */
extern bool OhIsApart(OhNear *near);
/* A node page for the new node: that of one of its n neighbours if it has room. */
extern uint32 OhNearPage(OhNear *near, int n);

#endif							/* OH_NEAR_H */
