/*
 * source.h -- where a scan's candidates come from: a walk of the graph, or a sweep.
 */
#ifndef OH_SOURCE_H
#define OH_SOURCE_H

#include "postgres.h"

#include "hnsw/graph/rows.h"
#include "hnsw/graph/search.h"
#include "hnsw/graph/sweep.h"
#include "hnsw/scan/query.h"
#include "hnsw/scan/rank.h"

/* Nodes of a batch whose rows are looked up, and prefetched, at a time. */
#define OH_AHEAD 8

/* Result of OhNextBatch(). */
typedef enum OhBatchResult
{
	OH_BATCH,					/* a batch, which may be empty if ranked rows remain */
	OH_BATCH_NONE,				/* all nodes have been returned */
	OH_BATCH_REFUSED			/* a setting ends the scan */
} OhBatchResult;

/* Written by source.c alone; next also by OhSourceAdvance(). */
typedef struct OhSource
{
	const OhScanQuery *query;
	const OhRanking *ranking;	/* used for the number of ranked rows and the error of estimates */
	OhSearch   *search;			/* NULL before OhSourceOpen() */
	OhSweep    *sweep;			/* NULL while batches come from the walk */
	int			ef;				/* ef of the last batch */
	bool		discarded;		/* the executor may discard rows */
	bool		few;			/* the graph is so small that all nodes are compared */

	/* the batch */
	const OhQueue *batch;		/* its nodes, sorted by estimate; NULL before the first one */
	int64		next;			/* the first one that has not been ranked */
	int64		nahead;			/* number of nodes read ahead so far */
	OhFoundNode ahead[OH_AHEAD];	/* batch[i] is in ahead[i % OH_AHEAD] */
	int64		nasked;			/* nodes whose rows' pages have been asked for, at least */
	float		most_error;		/* the largest error of a code so far */

	/* the walk */
	OhQueue		held;			/* nodes of the last batch that are added to this one */
	uint32	   *handled;		/* set of the nodes of all batches */
	int64		nhandled;
	int64		handled_allocated;

	/* what the walk has set aside */
	float		aside;			/* the least estimate among these nodes ... */
	bool		aside_known;	/* ... if it is known */
	int64		nearer;			/* number of them that may still be ranked */
} OhSource;

/* At the start of a scan. */
extern void OhSourceInit(OhSource *source, const OhScanQuery *query, const OhRanking *ranking);
/* At each rescan: release the last one's batches. */
extern void OhSourceReset(OhSource *source);
extern void OhSourceEnd(OhSource *source);

/* Once the index is open. */
extern void OhSourceOpen(OhSource *source);
/* The first batch of nodes for the query. */
extern OhBatchResult OhSourceFirst(OhSource *source, IndexScanDesc scan);
/* Another batch. */
extern OhBatchResult OhNextBatch(OhSource *source);
/*
 * Must all nodes be ranked before a row is returned?  While an index is being retrained,
 * nodes have codes of two models whose errors may differ a lot.  Then the order of
 * estimates says little, and for a small graph it is not needed.
 */
extern bool OhRanksAll(const OhSource *source);
/* Must another batch be found before a row is returned? */
extern bool OhBatchComesFirst(const OhSource *source);
/*
 * Has the walk found at least as many further nodes as have been ranked so far?  It is sure
 * of its nearest nodes only if it has found farther ones, too.
 */
extern bool OhFoundFarther(const OhSource *source);
/*
 * Called when the batch is used up: make another one of the nodes that the walk has set
 * aside and that may be nearer than the first ranked row.  false: there are none, or the
 * limit is reached.
 */
extern bool OhTakeNearer(OhSource *source);
/* The next node of the batch, with its rows; none of them is likely to be nearer than *bound. */
extern const OhFoundNode *OhPeek(OhSource *source, double *bound);

/* Are there nodes of the batch that have not been ranked? */
static inline bool
OhSourceHasMore(const OhSource *source)
{
	return source->next < source->batch->n;
}

/* Estimate of the next node of the batch. */
static inline float
OhSourceEstimate(const OhSource *source)
{
	return source->batch->item[source->next].dist;
}

/* Step to the following node, once the next one has been ranked. */
static inline void
OhSourceAdvance(OhSource *source)
{
	source->next++;
}

static inline int64
OhSourceEvaluations(const OhSource *source)
{
	return (source->search ? source->search->eval.evaluations : 0) +
		(source->sweep ? source->sweep->eval.evaluations : 0);
}

/* Limit on the rows read from chains in this rescan, in total. */
static inline int64
OhMostChained(const OhSource *source)
{
	if (source->query->settings.max_scan_tuples == 0 || source->query->complete)
		return PG_INT64_MAX;
	return source->query->settings.max_scan_tuples - OhSourceEvaluations(source);
}

#endif							/* OH_SOURCE_H */
