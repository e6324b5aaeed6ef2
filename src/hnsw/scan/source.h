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

/* What OhNextBatch() has come to. */
typedef enum OhBatchResult
{
	OH_BATCH,					/* a batch, which may be empty while rows are ranked */
	OH_BATCH_NONE,				/* all nodes have been given */
	OH_BATCH_REFUSED			/* a setting ends the scan */
} OhBatchResult;

/* Written by source.c alone, next by OhSourceAdvance(). */
typedef struct OhSource
{
	const OhScanQuery *query;
	const OhRanking *ranking;	/* says how much is ranked, and how far estimates are off */
	OhSearch   *search;			/* NULL before OhSourceOpen() */
	OhSweep    *sweep;			/* NULL while batches come from the walk */
	int			ef;				/* of the last batch */
	bool		discarded;		/* the executor may discard rows */
	bool		few;			/* the graph is small enough to be compared whole */

	/* the batch */
	const OhQueue *batch;		/* its nodes, sorted by estimate; NULL before the first one */
	int64		next;			/* first that is not ranked */
	int64		nahead;			/* nodes looked up so far */
	OhNodeRows	ahead[OH_AHEAD];	/* batch[i] is in ahead[i % OH_AHEAD] */
	int64		nasked;			/* nodes whose rows' pages have been asked for, at least */
	float		most_error;		/* the largest error of a code so far */

	/* the walk */
	bool		walked;			/* has no further batch */
	OhQueue		held;			/* nodes of the last batch that are put to this one */
	uint32	   *handled;		/* nodes of all batches */
	int64		nhandled;
	int64		handled_allocated;

	/* what the walk has set aside */
	float		aside;			/* the least estimate of it ... */
	bool		aside_known;	/* ... if it has been looked for */
	int64		nearer;			/* nodes that may still be ranked on account of it */
} OhSource;

/* When a scan begins. */
extern void OhSourceInit(OhSource *source, const OhScanQuery *query, const OhRanking *ranking);
/* A rescan: let go of the last one's batches. */
extern void OhSourceReset(OhSource *source);
extern void OhSourceEnd(OhSource *source);

/* The index is open. */
extern void OhSourceOpen(OhSource *source);
/* The first batch of nodes for the query. */
extern OhBatchResult OhSourceFirst(OhSource *source, IndexScanDesc scan);
/* Another batch. */
extern OhBatchResult OhNextBatch(OhSource *source);
/*
 * Must all nodes be ranked before a row is returned?  While an index is trained again,
 * nodes have codes of two models, whose estimates may err by quite different amounts:
 * their order says little then, and a small graph can do without.
 */
extern bool OhRanksAll(const OhSource *source);
/* Must there be another batch before a row is returned? */
extern bool OhBatchComesFirst(const OhSource *source);
/*
 * Has the walk found as many nodes again as those ranked so far?  It is sure of its
 * nearest nodes only if it has found farther ones, too.
 */
extern bool OhFoundFarther(const OhSource *source);
/*
 * The batch is used up.  Take what the walk has set aside, and may be nearer than the
 * first of the rows ranked, as another one.  false: nothing may be, or enough has been
 * ranked for that.
 */
extern bool OhTakeNearer(OhSource *source);
/* The next node of the batch: its rows, and a distance that hardly any is nearer than. */
extern const OhNodeRows *OhPeek(OhSource *source, double *bound);

/* Are there nodes of the batch that are not ranked? */
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

/* The next node has been ranked. */
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

/* How many rows of chains the settings allow to read, all in all. */
static inline int64
OhMostChained(const OhSource *source)
{
	if (oh_max_scan_tuples == 0 || source->query->complete)
		return PG_INT64_MAX;
	return oh_max_scan_tuples - OhSourceEvaluations(source);
}

#endif							/* OH_SOURCE_H */
