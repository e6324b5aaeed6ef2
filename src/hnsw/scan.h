/*
 * scan.h -- state of an index scan, shared by scan.c and batch.c.
 */
#ifndef OH_SCAN_H
#define OH_SCAN_H

#include "postgres.h"

#include "access/relscan.h"

#include "hnsw/hnsw.h"
#include "hnsw/radius.h"
#include "hnsw/ranked.h"
#include "hnsw/rerank.h"
#include "hnsw/rows.h"
#include "hnsw/search.h"
#include "hnsw/sweep.h"

/* Nodes of a batch whose rows are looked up, and prefetched, at a time. */
#define OH_AHEAD 8

typedef enum ScanPhase
{
	SCAN_START,
	SCAN_GRAPH,					/* batches of the walk */
	SCAN_SWEEP,					/* passes over the node array */
	SCAN_ALL,					/* every row of the node array, no order */
	SCAN_NO_DIRECTION,			/* rows whose distance is NaN */
	SCAN_NULLS,
	SCAN_LATE,					/* strict order: rows held back */
	SCAN_DONE
} ScanPhase;

typedef struct OhScanState
{
	OhIndex    *ix;
	MemoryContext context;		/* of the scan */
	MemoryContext batch_context;	/* of one rescan */
	OhSearch   *search;
	OhSweep    *sweep;
	OhConditions *conditions;	/* NULL: the index has no filter columns */
	OhFilter   *filter;			/* of this rescan's conditions, NULL if there are none */
	OhFilter   *last_filter;	/* of the last rescan that had any */
	bool		only_null;		/* vector IS NULL */
	bool		not_null;		/* vector IS NOT NULL */
	OhReranker *rerank;
	OmQuery    *query;			/* query form */
	OmRefineQuery *refine;		/* for refined distances, NULL if the index has none */
	void	   *scratch;
	float	   *vector;			/* the query itself */
	OhRadius   *radius;			/* conditions "within a radius", NULL if there are none */
	bool		ordered;		/* the query has distances */
	bool		sorted;			/* and they are what the scan is ordered by */
	bool		by_code;		/* distances from codes decide: no re-ranking */
	bool		exact_codes;	/* and are exact */
	bool		certain;		/* the row being returned is within all radii */
	ScanPhase	phase;

	const OhHeap *batch;		/* nodes of the batch, sorted by estimate */
	int64		next;			/* first that is not re-ranked */
	int64		nranked;		/* nodes of all batches that are */
	int64		nahead;			/* nodes of the batch looked up so far */
	OhNodeRows	ahead[OH_AHEAD];	/* batch[i] is in ahead[i % OH_AHEAD] */
	OhHeap		held;			/* nodes of the last batch that are put to this one */
	bool		walked;			/* the walk has no further batch */
	int			ef;				/* of the last batch */
	OhRows		rows;
	uint32		lp;				/* of array phases */

	OhRanked		ranked;
	OhRanked		late;
	OhRows		equal;			/* of a node, being returned one by one */
	double		last;			/* distance of the last row returned */
	float		last_error;		/* its slack */
	int64		nreturned;		/* counted without iterative scan only */
	uint32	   *handled;		/* nodes of all batches */
	int64		nhandled;
	int64		handled_allocated;
} OhScanState;

/* ---- batch.c: where the nodes come from, nearest first ---- */

/* The first batch of nodes for the query. */
extern void OhFirstBatch(IndexScanDesc scan);
/* Another batch, or another phase. */
extern void OhNextBatch(IndexScanDesc scan);
/* Must there be another batch before a row is returned? */
extern bool OhBatchComesFirst(const OhScanState *s);
/*
 * Has the walk found as many nodes again as those ranked so far?  It is sure of its
 * nearest nodes only if it has found farther ones, too.
 */
extern bool OhFoundFarther(const OhScanState *s);

#endif							/* OH_SCAN_H */
