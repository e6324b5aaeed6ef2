/*
 * visited.h -- the set of nodes that a walk has seen.
 *
 * An array with one byte for each node, which holds the epoch of the last walk that saw it,
 * so that clearing the set is one increment.  For indexes that are too large for that, a
 * hash set with 4 bytes an entry, where simplehash has 8 or more.  Sets are pooled in the
 * backend, and returned to the pool when the owner's memory context is deleted.
 */
#ifndef OH_VISITED_H
#define OH_VISITED_H

#include "postgres.h"

typedef struct OhVisited
{
	struct OhVisited *next;		/* next one in the pool */
	uint8	   *mark;			/* [size], NULL: use the hash set */
	uint32		size;
	uint8		epoch;
	uint32	   *hash;			/* [hash_size] of id + 1, 0 is empty */
	uint32		hash_size;		/* power of two */
	uint32		hash_used;
} OhVisited;

/* A node that no walk enters, while recall is measured; OH_NONE otherwise. */
extern uint32 oh_hidden_node;

/*
 * Get an empty set for ids below nnodes (later ids are possible); it is returned when
 * context is deleted.
 */
extern OhVisited *OhVisitedGet(MemoryContext context, uint64 nnodes);
/* Remove all ids. */
extern void OhVisitedClear(OhVisited *visited);
/* Make room for an id past the end of the array. */
extern void OhVisitedGrow(OhVisited *visited, uint32 id);
/* OhVisitedAdd() for a hash set. */
extern bool OhVisitedHashAdd(OhVisited *visited, uint32 id);
/* Memory of the set. */
extern Size OhVisitedBytes(const OhVisited *visited);

/* Add a node; true if it was not in the set. */
static inline bool
OhVisitedAdd(OhVisited *visited, uint32 id)
{
	if (likely(visited->mark != NULL))
	{
		if (unlikely(id >= visited->size))
			OhVisitedGrow(visited, id);
		if (visited->mark[id] == visited->epoch)
			return false;
		visited->mark[id] = visited->epoch;
		return true;
	}
	return OhVisitedHashAdd(visited, id);
}

/* Is a node in the set? May return false if looking it up would take longer. */
static inline bool
OhVisitedHas(const OhVisited *visited, uint32 id)
{
	return visited->mark != NULL && id < visited->size && visited->mark[id] == visited->epoch;
}

#endif							/* OH_VISITED_H */
