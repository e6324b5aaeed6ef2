/*
 * sweep.h -- what a scan has left once the walk of the graph is over.
 */
#ifndef OH_SWEEP_H
#define OH_SWEEP_H

#include "postgres.h"

#include "hnsw/search.h"

typedef struct OhSweep
{
	Relation	index;
	OhIndex    *ix;
	uint8	   *handled;		/* a bit a node: its rows have been dealt with */
	uint32		nnodes;			/* bits; later nodes are too new for the snapshot */
	int64		batch;			/* nodes of one pass at most */
	OhHeap		found;			/* sorted */
	int64		evaluations;
} OhSweep;

/* handled[n]: nodes that earlier batches had; bytes: memory for one batch. */
extern OhSweep *OhSweepBegin(Relation index, OhIndex *ix, const uint32 *handled, int64 n,
							 Size bytes, MemoryContext context);
/* One pass over all nodes: the nearest of those left.  false: none are. */
extern bool OhSweepMore(OhSweep *sweep, const OmQuery *query);

#endif							/* OH_SWEEP_H */
