/*
 * highway.h -- where searches of the base layer start.
 *
 * The highway is an array of copies of codes (OhMemberData), in pages of its own.
 * A search compares the query with all of them and starts from the nearest.  So it
 * finds a group of rows that lies apart, which no link of another group leads to.
 * Members are
 *
 *   - all nodes from some level on (highway_level of the metapage), few enough to
 *     be compared by every search: a sample of all nodes;
 *   - one node of each island: of nodes whose nearest links lead to one another.
 *     A build and a vacuum look for islands in the whole graph, an insert takes a
 *     node for one that is much farther from its nearest neighbour than the
 *     neighbour is from its own.
 *
 * A member is added after its node is live, and freed before its node is.
 */
#ifndef OH_HIGHWAY_H
#define OH_HIGHWAY_H

#include "postgres.h"

#include "hnsw/heap.h"
#include "hnsw/index.h"

/* Members of each kind that a search starts from. */
#define OH_LEVEL_SEEDS	4
#define OH_ISLAND_SEEDS 8

/* The nearest members, nearest first. */
typedef struct OhNearest
{
	int			n;
	OhItem		item[OH_ISLAND_SEEDS];
} OhNearest;

typedef struct OhSeeds
{
	OhNearest	level;			/* of the members by level */
	OhNearest	island;			/* of the members of islands */
	uint32		nlevel;			/* members by level */
	uint32		nisland;		/* members of islands */
} OhSeeds;

/* Members by level, and of islands, that an index has at most. */
extern uint32 OhHighwayLevelLimit(uint32 code_bytes);
extern uint32 OhHighwayIslandLimit(uint32 code_bytes);

/* Compare the query with all members. */
extern void OhHighwaySeeds(Relation index, OhIndex *ix, const OmQuery *query, OhSeeds *seeds);
/* Make a live node a member; kind OH_MEMBER_*. */
extern void OhHighwayAdd(Relation index, OhIndex *ix, uint32 node, int level, int kind,
						 const void *code);
/* There are too many members by level: keep those of a higher one. */
extern void OhHighwayThin(Relation index, OhIndex *ix);

static inline void
OhNearestAdd(OhNearest *nearest, int max, OhItem item)
{
	int			at = nearest->n;

	if (at == max && item.dist >= nearest->item[max - 1].dist)
		return;
	if (at == max)
		at--;
	else
		nearest->n++;
	for (; at > 0 && nearest->item[at - 1].dist > item.dist; at--)
		nearest->item[at] = nearest->item[at - 1];
	nearest->item[at] = item;
}

/* Nearest links that say how far apart nodes are around here. */
#define OH_NEAR_LINKS	4

/*
 * How many of a node's nearest links, at distances dist[n], nearest first, lead to its
 * own surroundings: of a small cluster the next ones lead out.
 */
static inline int
OhLocalLinks(const float *dist, int n)
{
	int			local = 1;

	n = Min(n, OH_NEAR_LINKS);
	while (local < n && dist[local] <= 3.0f * dist[local - 1])
		local++;
	return Min(local, n);
}

/*
 * Is a node that far away out of the surroundings of another one, whose farthest local
 * link has this distance?  error: of dist, standard.
 */
static inline bool
OhIsApart(float dist, float local, float error)
{
	return dist - 3 * error > 1.5f * Max(local, 0);
}

#endif							/* OH_HIGHWAY_H */
