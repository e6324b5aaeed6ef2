/*
 * sweep.h -- all nodes that a scan has left, nearest first, without the graph.
 */
#ifndef OH_SWEEP_H
#define OH_SWEEP_H

#include "postgres.h"

#include "hnsw/graph/evaluate.h"
#include "filter/filter.h"
#include "storage/bitset.h"

typedef struct OhSweep
{
	OhEvaluator eval;
	OhFilter   *filter;			/* only what matches; NULL: all nodes */
	OhBitset	handled;		/* nodes whose rows have been dealt with */
	uint32		nnodes;			/* of the set; later nodes are too new for the snapshot */
	int64		max_rest;		/* nodes that a pass keeps */
	int			npasses;		/* so far */
	bool		more;			/* a pass may find nodes that are not kept */
	bool		sorted;			/* rest is a heap, nearest first */
	struct Tuplesortstate *sort;	/* of the last pass: what is left, in order */
	int			sort_memory;	/* kB */
	MemoryContext context;
	OhQueue		found;			/* sorted */
	OhQueue		rest;			/* evaluated, farther than those found */
} OhSweep;

/*
 * handled[n]: nodes that earlier batches had; bytes: memory for what one pass
 * keeps.
 */
extern OhSweep *OhSweepBegin(OhIndex *ix, OhFilter *filter,
							 const uint32 *handled, int64 n, Size bytes, MemoryContext context);
/*
 * The nearest of the nodes left, up to `want` of them, in found.  false: none are
 * left.
 */
extern bool OhSweepMore(OhSweep *sweep, OhForms *forms, int64 want);
extern void OhSweepEnd(OhSweep *sweep);
/* Are there more that need no further pass? */
static inline bool
OhSweepHasRest(const OhSweep *sweep)
{
	return sweep->rest.n > 0 || (sweep->sort != NULL && sweep->more);
}

#endif							/* OH_SWEEP_H */
