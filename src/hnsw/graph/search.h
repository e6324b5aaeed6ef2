/*
 * search.h -- best-first walks of the graph.
 *
 * Used by scans, which want batches of nodes, nearest first, until they have enough, and by
 * inserts, which want candidates for neighbours, with copies of the nodes read.
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

/* Sizes of tables of what has been prefetched: a node's entry is its number modulo this. */
#define OH_ASKED 64
#define OH_ASKED_PAGES 256

typedef struct OhSearch
{
	OhEvaluator eval;
	MemoryContext context;
	OhSeeds		seeds;			/* result of the last OhSearchStart() */
	OhVisited  *visited;
	bool		streaming;		/* keep the nodes that a later batch needs */
	bool		resumed;
	OhFilter   *filter;			/* base layer: find only matching nodes; NULL: all */
	int			nedge;			/* size of edge in a walk with a filter, otherwise 0 */
	int			wanted;			/* with a filter: the edge has at least this many, or ef; 0: any
								 * number */
	int			ncopies;		/* siblings returned in addition to ef */
	int64		nhops;			/* nodes whose links were followed */
	int64		nmatches;		/* evaluated nodes that match */
	int64		ntested;		/* nodes tested, of which nmatches match */
	int64		next_look;		/* number of evaluations at which to check whether the walk is
								 * still worth while */
	double		budget;			/* give up the walk past this many evaluations: a sweep costs no
								 * more */
	int64		limit;			/* number of evaluations after which a walk with a filter ends,
								 * whatever it has found */
	bool		over;			/* the walk was given up: found is incomplete */

	bool		coded;			/* this walk estimates distances by codes of links: nodes in cand
								 * and rejected have not been read, and may be there twice */
	OhQueue		cand;			/* to expand, nearest first */
	OhQueue		found;			/* the batch: farthest first in a walk, then sorted */
	OhQueue		edge;			/* with a filter: the nearest found, farthest first; a walk ends
								 * there */
	OhQueue		evicted;		/* found, then pushed out by nearer ones: for a later batch */
	OhQueue		near;			/* of these, before they are put in order, the nearest, in order */
	int			nwithin;		/* calls of OhSearchWithin() */
	bool		asks;			/* has started reading pages ahead: */
	uint32		asked[OH_ASKED];	/* candidates whose neighbours' pages are being read */
	uint32		asked_page[OH_ASKED_PAGES]; /* pages that are being read */
	OhQueue		rejected;		/* evaluated, but too far to be expanded in this batch */
} OhSearch;

/*
 * A search without a query yet.  streaming: further batches may be asked for after the first.  cache: for an insert,
 * where copies of the nodes read are put; otherwise NULL.
 */
extern OhSearch *OhSearchBegin(OhIndex *ix, bool streaming, OhNodeCache *cache,
							   MemoryContext context);
/*
 * Forget everything about the last walk, including its filter and budget.  The caller keeps
 * forms.
 */
extern void OhSearchReset(OhSearch *search, OhForms *forms);
/* Find the nodes where a walk of the base layer starts. */
extern void OhSearchStart(OhSearch *search);
/* Walk the levels from the entry point down to the given one, without walking that level. */
extern void OhSearchDescend(OhSearch *search, int level);
/* Best-first walk of one level, from the nodes found before; leaves found sorted. */
extern void OhSearchLevel(OhSearch *search, int level, int ef);
/* Base layer: the next batch of up to ef nodes.  false: the graph is exhausted. */
extern bool OhSearchMore(OhSearch *search, int ef);
/* The least estimate among the nodes that the walk has evaluated but not returned. */
extern float OhSearchAside(const OhSearch *search);
/*
 * Base layer: find up to max further nodes whose estimates are below the limit, sorted, in
 * found.  They are taken from the nodes set aside and from the neighbours of nodes nearer
 * than expand.  false: there are none.
 */
extern bool OhSearchWithin(OhSearch *search, float limit, float expand, int max);
/* Read the base-layer links of a node in the cache, again if necessary. */
extern void OhSearchLinks(OhSearch *search, uint32 id);
/* The tower record of a node on a level, OH_NONE if there is none. */
extern uint32 OhSearchTower(OhSearch *search, uint32 id, int level);
/*
 * A walk that finds a fraction `density` of all nodes ends at the n-th nearest of ef
 * candidates; returns n.
 *
 * If few nodes match, a walk visits more nodes until it has found n of them.  By then it
 * has seen more of the neighbourhood, and misses fewer.
 */
static inline int
OhWalkEdge(int ef, double density)
{
	return (int) ceil(ef * Max(OH_LEAST_EDGE, Min(1.0, sqrt(density) * (0.9 + 0.6 * density))));
}

/*
 * The estimated number of evaluations of a walk for n candidates, if a fraction `density`
 * of the nodes match.  The number for each candidate is learned from earlier walks.
 */
extern double OhWalkEvaluations(const OhIndex *ix, double width, double density);
/* The memory that grows with the length of a scan. */
extern Size OhSearchBytes(const OhSearch *search);

#endif							/* OH_SEARCH_H */
