/*
 * search.h -- walks of the graph in buffer pages.
 *
 * Used by scans (batches of rows nearest first, as many as are asked for) and
 * by inserts (candidates for neighbours, with copies of what was looked at).
 */
#ifndef OH_SEARCH_H
#define OH_SEARCH_H

#include "postgres.h"

#include "hnsw/evaluate.h"
#include "hnsw/filter.h"
#include "hnsw/visited.h"

typedef struct OhSearch
{
	OhEvaluator eval;
	MemoryContext context;
	OhVisited  *visited;
	bool		streaming;		/* keep what a later batch needs */
	bool		resumed;
	OhFilter   *filter;			/* base layer: find only what matches; NULL: all */
	int64		budget;			/* base layer: no more evaluations than these */
	bool		over;			/* the budget has been used up: found is not all there is */

	OhHeap		cand;			/* to expand, nearest first */
	OhHeap		found;			/* the batch: farthest first in a walk, then sorted */
	OhHeap		evicted;		/* found once, then pushed out: a later batch's */
	OhHeap		rejected;		/* evaluated, too far to expand in this batch */
} OhSearch;

extern OhSearch *OhSearchBegin(Relation index, OhIndex *ix, bool streaming, OhKeep *keep,
							   MemoryContext context);
/*
 * Forget all of the last walk, its filter and budget too; query stays the
 * caller's.
 */
extern void OhSearchReset(OhSearch *search, const OmQuery *query);
/* Walk the levels from the entry point down to (not into) the given one. */
extern void OhSearchDescend(OhSearch *search, int level);
/* Best-first walk of one level from what was found before; leaves found sorted. */
extern void OhSearchLevel(OhSearch *search, int level, int ef);
/* Base layer: the next batch of up to ef nodes.  false: the graph is exhausted. */
extern bool OhSearchMore(OhSearch *search, int ef);
/* Read (again) the base-layer links of a node that is kept. */
extern void OhSearchLinks(OhSearch *search, uint32 id);
/* The tower record of a node on a level, OH_NONE if there is none. */
extern uint32 OhSearchTower(OhSearch *search, uint32 id, int level);
/* Memory that grows with the length of a scan. */
extern Size OhSearchBytes(const OhSearch *search);

#endif							/* OH_SEARCH_H */
