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

#include <math.h>

#include "hnsw/graph/forms.h"
#include "hnsw/graph/queue.h"
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

/* Bytes of members of islands that double what another one must be worth. */
#define OH_CHEAP_BYTES	(128 * 1024)

/* Members by level, and of islands, that an index has at most. */
extern uint32 OhHighwayLevelLimit(uint32 code_bytes);
extern uint32 OhHighwayIslandLimit(uint32 code_bytes);

/* Compare the query with all members that have a code of a known model. */
extern void OhHighwaySeeds(OhIndex *ix, OhForms *forms, OhSeeds *seeds);
/* Make a live node a member; kind OH_MEMBER_*, tag and code the node's. */
extern void OhHighwayAdd(OhIndex *ix, uint32 node, int level, int kind,
						 uint8 tag, const void *code);
/*
 * The same for a node that may be a member already, which it then remains, of that kind,
 * too.  Two who add a node at the same moment may both find that it is not a member yet.
 */
extern void OhHighwayJoin(OhIndex *ix, uint32 node, int level, int kind, uint8 tag,
						  const void *code);
/* Free members of nodes that are members twice. */
extern void OhHighwayMerge(OhIndex *ix);
/* After nodes were encoded again: give members the codes that their nodes have now. */
extern void OhHighwayRecode(OhIndex *ix);
/* There are too many members by level: keep those of a higher one. */
extern void OhHighwayThin(OhIndex *ix);

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
 * Distances (of L2 squared) beyond this many times that of a node's farthest local link
 * lead to other surroundings; beyond the second number, far away from them.  Chosen, not
 * measured, as are the other numbers here: docs/measurements.md#constants
 */
#define OH_BESIDE	1.5f
#define OH_APART	3.0f

/*
 * How many of a node's nearest links, at distances dist[n], nearest first, lead to its
 * own surroundings: of a small cluster the next ones lead out.  error: by how much a
 * distance may be wrong.  *local becomes the distance of the farthest local link, for
 * comparison with others.
 */
static inline int
OhLocalLinks(const float *dist, int n, float error, float *local)
{
	int			count = 0;

	*local = INFINITY;
	while (count < Min(n, OH_NEAR_LINKS) && (count == 0 || dist[count] <= OH_APART * *local))
	{
		*local = Max(dist[count], 0) + error;
		count++;
	}
	return count;
}

/* Standard errors by which a distance may be wrong. */
#define OH_ISLAND_ERRORS 3.0f

/* An island of this many nodes is one, however near others are. */
#define OH_LARGE_ISLAND 8

/*
 * How far apart a new row must be, in terms of local links, to become a member where there
 * are n members of islands.  The more there are, the farther: data without islands has rows
 * that lie apart, too, and every search pays for a member.
 */
static inline float
OhApartLimit(uint32 n, uint32 code_bytes)
{
	return OH_APART * (1.0f + n * (float) (sizeof(OhMemberData) + code_bytes) / OH_CHEAP_BYTES);
}

/* An island, and the node that stands for it. */
typedef struct OhIsland
{
	uint32		size;
	uint32		node;			/* or slot */
	float		apart;			/* least distance to others, in terms of their local links */
} OhIsland;

/* For qsort: large ones before small ones, by size; small ones by how far apart they are. */
extern int	OhCompareIslands(const void *a, const void *b);

/* A distance to other surroundings in terms of their local links. */
static inline float
OhHowFarApart(float dist, float local)
{
	return local > 0 ? dist / local : INFINITY;
}

/* By how much farther apart than an island of several a node alone must be. */
#define OH_ALONE	3.0f

/*
 * Does an island of the whole graph get a member, beside n others?
 */
static inline bool
OhIslandCounts(uint32 size, float apart, uint32 n, uint32 code_bytes)
{
	return size >= OH_LARGE_ISLAND ||
		apart > OhApartLimit(n, code_bytes) * (size == 1 ? OH_ALONE : 1.0f);
}

#endif							/* OH_HIGHWAY_H */
