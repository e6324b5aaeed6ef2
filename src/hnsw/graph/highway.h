/*
 * highway.h -- the highway: where searches of the base layer start.
 *
 * The highway is an array of copies of codes (OhMemberData), in pages of its own.  A search
 * compares the query with all of them and starts from the nearest ones.  So it also finds a
 * group of rows that is far from the others, and to which no link of another group leads.
 * Members are
 *
 *   - all nodes from some level on (highway_level in the metapage): a sample of all
 *     nodes, small enough to be compared by every search;
 *   - one node of each island, which is a group of nodes whose nearest links lead to
 *     one another.  A build and a vacuum look for islands in the whole graph.  An insert
 *     takes its node for an island if it is much farther from its nearest neighbour than
 *     that neighbour is from its own ones.
 *
 * A member is added after its node is live, and freed before its node is freed.
 */
#ifndef OH_HIGHWAY_H
#define OH_HIGHWAY_H

#include "postgres.h"

#include <math.h>

#include "hnsw/graph/forms.h"
#include "hnsw/graph/queue.h"
#include "hnsw/index.h"

/* Number of members of each kind that a search starts from. */
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
	OhNearest	level;			/* nearest members by level */
	OhNearest	island;			/* nearest members of islands */
	uint32		nlevel;			/* number of members by level */
	uint32		nisland;		/* number of members of islands */
} OhSeeds;

/*
 * For each time that the members of islands take this many bytes, a further one must be
 * twice as far apart.
 */
#define OH_CHEAP_BYTES	(128 * 1024)

/* The largest number of members by level, and of islands, in an index. */
extern uint32 OhHighwayLevelLimit(uint32 code_bytes);
extern uint32 OhHighwayIslandLimit(uint32 code_bytes);

/* The level from which on nodes are few enough to be members, by how many there are of each. */
extern int	OhHighwayLevel(const uint32 *count, uint32 code_bytes);

/* Compare the query with all members that have a code of a known model. */
extern void OhHighwaySeeds(OhIndex *ix, OhForms *forms, OhSeeds *seeds);
/* Make a live node a member of kind OH_MEMBER_*; tag and code are the node's. */
extern void OhHighwayAdd(OhIndex *ix, uint32 node, int level, int kind,
						 uint8 tag, const void *code);
/*
 * The same for a node that may be a member already: it then gets this kind in addition.
 * Two backends that add a node at the same moment may both find that it is not a member.
 */
extern void OhHighwayJoin(OhIndex *ix, uint32 node, int level, int kind, uint8 tag,
						  const void *code);
/* If a node is a member twice, free one of the two. */
extern void OhHighwayMerge(OhIndex *ix);
/* After nodes were re-encoded: give members the current codes of their nodes. */
extern void OhHighwayRecode(OhIndex *ix);
/* If there are too many members by level, keep only those of a higher level. */
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

/* Number of nearest links that tell how far apart nodes are in this neighbourhood. */
#define OH_NEAR_LINKS	4

/*
 * Distances (of squared L2) of more than OH_BESIDE times that of a node's farthest local
 * link lead to another neighbourhood; of more than OH_APART times, to one that is far away.
 * Chosen, not measured, like the other numbers here: docs/measurements.md#constants
 */
#define OH_BESIDE	1.5f
#define OH_APART	3.0f

/*
 * Of a node's nearest links, at distances dist[n], nearest first, how many lead to its own
 * neighbourhood?  In a small cluster, the following ones lead out of it.  error: the error
 * of a distance.  *local is set to the distance of the farthest local link, for comparison
 * with other distances.
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

/* Number of standard errors by which a distance may be wrong. */
#define OH_ISLAND_ERRORS 3.0f

/* A group of this many nodes is an island even if other nodes are near. */
#define OH_LARGE_ISLAND 8

/*
 * The distance, in units of local links, from which a new row becomes a member if there are
 * n members of islands.  It grows with n: data without islands has outliers, too, and every
 * search pays for a member.
 */
static inline float
OhApartLimit(uint32 n, uint32 code_bytes)
{
	return OH_APART * (1.0f + n * (float) (sizeof(OhMemberData) + code_bytes) / OH_CHEAP_BYTES);
}

/* An island, and the node that represents it. */
typedef struct OhIsland
{
	uint32		size;
	uint32		node;			/* or slot */
	float		apart;			/* least distance to other nodes, in units of their local links */
} OhIsland;

/* Large islands first, by size; then small ones, by how far apart they are. */
extern void OhSortIslands(OhIsland *island, Size n);

/* A distance to another neighbourhood, in units of its local links. */
static inline float
OhHowFarApart(float dist, float local)
{
	return local > 0 ? dist / local : INFINITY;
}

/* A node alone must be farther apart than an island of several nodes by this factor. */
#define OH_ALONE	3.0f

/*
 * Does an island that was found in the whole graph get a member, if there are n others?
 */
static inline bool
OhIslandCounts(uint32 size, float apart, uint32 n, uint32 code_bytes)
{
	return size >= OH_LARGE_ISLAND ||
		apart > OhApartLimit(n, code_bytes) * (size == 1 ? OH_ALONE : 1.0f);
}

#endif							/* OH_HIGHWAY_H */
