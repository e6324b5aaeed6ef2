/*
 * search.h -- walks of the graph in buffer pages.
 *
 * Used by scans (batches of rows nearest first, as many as are asked for) and
 * by inserts (candidates for neighbours, with copies of what was looked at).
 */
#ifndef OH_SEARCH_H
#define OH_SEARCH_H

#include "postgres.h"

#include <math.h>

#include "hnsw/graph/evaluate.h"
#include "filter/filter.h"
#include "hnsw/graph/highway.h"
#include "hnsw/graph/visited.h"

/* See OhWalkEdge().  Figures: docs/measurements.md#conditions-on-filter-columns */
#define OH_LEAST_EDGE 0.3

/* Places for what has been asked for ahead: a node's is its number modulo this. */
#define OH_ASKED 64
#define OH_ASKED_PAGES 256

typedef struct OhSearch
{
	OhEvaluator eval;
	MemoryContext context;
	OhSeeds		seeds;			/* of the last OhSearchStart() */
	OhVisited  *visited;
	bool		streaming;		/* keep what a later batch needs */
	bool		resumed;
	OhFilter   *filter;			/* base layer: find only what matches; NULL: all */
	int			nedge;			/* of a walk with a filter, otherwise 0 */
	int			ncopies;		/* siblings returned in addition to ef */
	int64		nhops;			/* nodes whose links were followed */
	int64		nmatches;		/* evaluated nodes that match */
	int64		ntested;		/* nodes tested, of which nmatches matched */
	int64		next_look;		/* evaluations at which to look whether the walk still pays */
	double		budget;			/* give up the walk past this many evaluations: a sweep costs no
								 * more */
	int64		limit;			/* evaluations after which a walk with a filter ends, whatever it
								 * has found */
	bool		over;			/* the walk does not pay: found is not all there is */

	OhQueue		cand;			/* to expand, nearest first */
	OhQueue		found;			/* the batch: farthest first in a walk, then sorted */
	OhQueue		edge;			/* with a filter: the nearest found, farthest first; a walk ends
								 * there */
	OhQueue		evicted;		/* found once, then pushed out: a later batch's */
	OhQueue		near;			/* of these, before they are put in order, the nearest, in order */
	int			nwithin;		/* calls of OhSearchWithin() */
	bool		asks;			/* has asked for pages ahead: */
	uint32		asked[OH_ASKED];	/* candidates whose neighbours' pages have been asked for */
	uint32		asked_page[OH_ASKED_PAGES]; /* pages that have been asked for */
	OhQueue		rejected;		/* evaluated, too far to expand in this batch */
} OhSearch;

/* A node that no walk enters, while recall is measured; OH_NONE otherwise. */
extern uint32 oh_hidden_node;

extern OhSearch *OhSearchBegin(OhIndex *ix, bool streaming, OhNodeCache *keep,
							   MemoryContext context);
/*
 * Forget all of the last walk, its filter and budget too; forms stay the
 * caller's.
 */
extern void OhSearchReset(OhSearch *search, OhForms *forms);
/* Find where a walk of the base layer starts. */
extern void OhSearchStart(OhSearch *search);
/* Walk the levels from the entry point down to (not into) the given one. */
extern void OhSearchDescend(OhSearch *search, int level);
/* Best-first walk of one level from what was found before; leaves found sorted. */
extern void OhSearchLevel(OhSearch *search, int level, int ef);
/* Base layer: the next batch of up to ef nodes.  false: the graph is exhausted. */
extern bool OhSearchMore(OhSearch *search, int ef);
/* The least estimate among the nodes that the walk has evaluated and not given. */
extern float OhSearchAside(const OhSearch *search);
/*
 * Base layer: up to max further nodes whose estimates are below the limit, sorted,
 * in found: what was set aside, and what nodes nearer than expand lead to.  false:
 * there are none.
 */
extern bool OhSearchWithin(OhSearch *search, float limit, float expand, int max);
/* Read (again) the base-layer links of a node that is kept. */
extern void OhSearchLinks(OhSearch *search, uint32 id);
/* The tower record of a node on a level, OH_NONE if there is none. */
extern uint32 OhSearchTower(OhSearch *search, uint32 id, int level);
/*
 * The nearest n of ef candidates say where a walk ends that finds `density`
 * of all nodes.
 *
 * Where few nodes match, a walk visits more nodes until it has found n of them.  By then
 * it has seen more of the surroundings, and misses fewer.
 */
static inline int
OhWalkEdge(int ef, double density)
{
	return (int) ceil(ef * Max(OH_LEAST_EDGE, Min(1.0, sqrt(density) * (0.9 + 0.6 * density))));
}

/*
 * Evaluations of a walk that is to find n candidates, where `density` of
 * the nodes match.  How many a candidate takes is learned from earlier walks.
 */
extern double OhWalkEvaluations(const OhIndex *ix, double width, double density);
/* Memory that grows with the length of a scan. */
extern Size OhSearchBytes(const OhSearch *search);

#endif							/* OH_SEARCH_H */
