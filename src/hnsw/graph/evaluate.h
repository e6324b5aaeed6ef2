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

/* Limit on the nodes that one call evaluates. */
#define OH_MAX_EVALUATED 200

/* A node's own row, and the node's distance. */
typedef struct OhNearRow
{
	float		dist;
	ItemPointerData tid;
} OhNearRow;

/* The rows of evaluated nodes, as far as they are the nodes' own TIDs. */
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
	OhNodeCache *cache;			/* inserts only: copies of the nodes read */
	OhNearRows *near;			/* scans of arrays only: the rows of the nodes read */
	int64		evaluations;
	bool		asked;			/* reading the pages of the next nodes has been started */
} OhEvaluator;

/* An evaluated node. */
typedef struct OhEvaluated
{
	OhItem		item;
	bool		live;
} OhEvaluated;

/* An empty list. */
extern void OhNearRowsInit(OhNearRows *rows, MemoryContext context);
/*
 * Evaluate nodes ids[n], n <= OH_MAX_EVALUATED, in the order of their pages.  Returns the
 * number of nodes in out: free slots, and ids beyond the array, are left out.
 */
extern int	OhEvaluate(OhEvaluator *e, const uint32 *ids, int n, OhEvaluated *out);

#endif							/* OH_EVALUATE_H */
