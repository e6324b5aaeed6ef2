/*
 * evaluate.h -- distances from a query to the codes of nodes, in buffer pages.
 */
#ifndef OH_EVALUATE_H
#define OH_EVALUATE_H

#include "postgres.h"

#include "hnsw/graph/forms.h"
#include "hnsw/graph/queue.h"
#include "hnsw/index.h"
#include "hnsw/graph/nodecache.h"

/* Nodes that one call evaluates at most. */
#define OH_MAX_EVALUATED 200

/* A node's own row, and the node's distance. */
typedef struct OhNearRow
{
	float		dist;
	ItemPointerData tid;
} OhNearRow;

/* The rows of nodes that have been evaluated, as far as they are the nodes' own. */
typedef struct OhNearRows
{
	OhNearRow  *row;
	int64		n;
	int64		allocated;
} OhNearRows;

typedef struct OhEvaluator
{
	OhIndex    *ix;
	OhForms    *forms;			/* of the query */
	OhNodeCache *keep;			/* inserts only: copies of what was looked at */
	OhNearRows *near;			/* scans of arrays only: the rows of what was looked at */
	int64		evaluations;
	bool		asked;			/* the pages of the next nodes have been asked for */
} OhEvaluator;

/* An evaluated node. */
typedef struct OhEvaluated
{
	OhItem		item;
	bool		live;
} OhEvaluated;

extern void OhNearRowsInit(OhNearRows *rows, MemoryContext context);
/*
 * Evaluate nodes ids[n], n <= OH_MAX_EVALUATED, in the order of their pages;
 * returns how many there were: free slots, and ids beyond the array, are left out.
 */
extern int	OhEvaluate(OhEvaluator *e, const uint32 *ids, int n, OhEvaluated *out);

#endif							/* OH_EVALUATE_H */
