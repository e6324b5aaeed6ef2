/*
 * sweep.h -- returns all remaining nodes of a scan, nearest first, without the graph.
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
	OhFilter   *filter;			/* only matching nodes; NULL: all nodes */
	OhBitset	handled;		/* nodes whose rows have been returned */
	uint32		nnodes;			/* number of nodes of the set; later nodes are too new for the
								 * snapshot */
	int64		max_rest;		/* limit on the nodes that a pass keeps */
	int			npasses;		/* passes so far */
	bool		more;			/* a pass may find nodes that are not kept */
	bool		sorted;			/* rest is a heap, nearest first */
	struct Tuplesortstate *sort;	/* of the last pass: all remaining nodes, in order */
	int			sort_memory;	/* kB */
	MemoryContext context;
	OhQueue		found;			/* sorted */
	OhQueue		rest;			/* nodes that were evaluated and are farther than those found */
} OhSweep;

/*
 * handled[n]: nodes of earlier batches; bytes: memory for the nodes that one pass keeps.
 */
extern OhSweep *OhSweepBegin(OhIndex *ix, OhFilter *filter,
							 const uint32 *handled, int64 n, Size bytes, MemoryContext context);
/*
 * Find the nearest of the remaining nodes, up to `want` of them, in found.  false: none is left.
 */
extern bool OhSweepMore(OhSweep *sweep, OhForms *forms, int64 want);
extern void OhSweepEnd(OhSweep *sweep);
/* Are there further nodes for which no pass is needed? */
static inline bool
OhSweepHasRest(const OhSweep *sweep)
{
	return sweep->rest.n > 0 || (sweep->sort != NULL && sweep->more);
}

#endif							/* OH_SWEEP_H */
