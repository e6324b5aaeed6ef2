/*
 * scan.h -- state of an index scan, shared by scan.c, rank.c and batch.c.
 */
#ifndef OH_SCAN_H
#define OH_SCAN_H

#include "postgres.h"

#include "access/relscan.h"

#include "filter/condition.h"
#include "hnsw/ef.h"
#include "hnsw/graph/rows.h"
#include "hnsw/graph/search.h"
#include "hnsw/graph/sweep.h"
#include "hnsw/hnsw.h"
#include "hnsw/scan/radius.h"
#include "hnsw/scan/ranked.h"
#include "hnsw/scan/rerank.h"
#include "hnsw/stats/counters.h"

/* Nodes of a batch whose rows are looked up, and prefetched, at a time. */
#define OH_AHEAD 8

typedef enum ScanPhase
{
	SCAN_START,
	SCAN_NULLS_FIRST,			/* what is at the end otherwise */
	SCAN_NO_DIRECTION_FIRST,
	SCAN_GRAPH,					/* batches of the walk */
	SCAN_SWEEP,					/* passes over the node array */
	SCAN_ALL,					/* every row of the node array, no order */
	SCAN_NO_DIRECTION,			/* rows whose distance is NaN */
	SCAN_NULLS,
	SCAN_LATE,					/* strict order: rows held back */
	SCAN_DONE
} ScanPhase;

/* A row that was returned; whether the snapshot sees it is not known. */
typedef struct OhDoubtful
{
	double		dist;
	float		slack;
	ItemPointerData tid;
} OhDoubtful;

#define OH_MAX_DOUBTFUL 256

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
	OhForms    *forms;			/* query forms */
	OhPosition	query;			/* what the scan is ordered by, or the center; if ordered */
	OhRadius   *radius;			/* conditions "within a radius", NULL if there are none */
	bool		ordered;		/* the query has distances */
	bool		complete;		/* without ORDER BY: no setting ends the scan before its last row */
	bool		sorted;			/* and they are what the scan is ordered by */
	bool		by_code;		/* distances from codes decide: no re-ranking */
	bool		exact_codes;	/* and are exact */
	bool		nans_first;		/* rows whose distance is NaN come first ... */
	bool		nulls_first;	/* ... and before these, rows without a vector */
	bool		errors_vary;	/* errors of codes differ much from node to node ... */
	float		most_error;		/* ... the largest so far */
	double		rounding;		/* what distances by float kernels and by the type's own may differ
								 * by, relative */
	bool		certain;		/* the row being returned is within all radii */
	ScanPhase	phase;

	const OhQueue *batch;		/* nodes of the batch, sorted by estimate */
	int64		next;			/* first that is not re-ranked */
	int64		nranked;		/* nodes of all batches that are */
	int64		nfetched;		/* rows looked up in the table for their distances */
	int64		nahead;			/* nodes of the batch looked up so far */
	OhNodeRows	ahead[OH_AHEAD];	/* batch[i] is in ahead[i % OH_AHEAD] */
	OhQueue		held;			/* nodes of the last batch that are put to this one */
	bool		walked;			/* the walk has no further batch */
	OhScanCounters counters;	/* of earlier searches, and of what is not counted elsewhere */
	int			ef_search;		/* of the scan ... */
	OhEfSource	ef_source;		/* ... and where it is from */
	int			ef;				/* of the last batch */
	bool		discarded;		/* the executor may discard rows */
	bool		few;			/* the graph is small enough to be compared whole */

	/* what the walk has set aside (batch.c) */
	double		errors;			/* squares of what estimates were off by, summed up by rank.c */
	int64		nerrors;		/* ... number of nodes in it */
	float		aside;			/* the least estimate of what is set aside ... */
	bool		aside_known;	/* ... if it has been looked for */
	int64		nearer;			/* nodes that may still be ranked on account of it */

	OhRows		rows;
	uint32		lp;				/* of array phases */

	OhRanked	ranked;
	OhRanked	late;
	OhRow		returning;		/* rows of a node, being returned one by one ... */
	OhRows		equal;			/* ... those at hand */
	OhChain		chain;			/* ... and those behind them */
	OhReadSet	seen;			/* postings read by this rescan */
	int64		nchained;		/* rows read from them */
	OhChain    *chains;			/* of a page of nodes, if there is no order */
	int			nchains;

	/* strict order (rank.c) */
	double		last;			/* distance of the farthest row returned that the snapshot sees */
	float		last_error;		/* its slack */
	OhDoubtful *doubtful;		/* rows returned since, farther ones last */
	int			ndoubtful;

	int64		nreturned;		/* counted without iterative scan only */
	uint32	   *handled;		/* nodes of all batches */
	int64		nhandled;
	int64		handled_allocated;
} OhScanState;

/* All rows that have a distance are returned: rows whose distance is NaN, if these may be wanted. */
extern void OhAfterDistances(OhScanState *s);

/* ---- batch.c: where the nodes come from, nearest first ---- */

/* The first batch of nodes for the query. */
extern void OhFirstBatch(IndexScanDesc scan);
/* Another batch, or another phase. */
extern void OhNextBatch(IndexScanDesc scan);
/*
 * Must all nodes be ranked before a row is returned?  While an index is trained again,
 * nodes have codes of two models, whose estimates may err by quite different amounts:
 * their order says little then, and a small graph can do without.
 */
extern bool OhRanksAll(const OhScanState *s);
/* Must there be another batch before a row is returned? */
extern bool OhBatchComesFirst(const OhScanState *s);
/*
 * Has the walk found as many nodes again as those ranked so far?  It is sure of its
 * nearest nodes only if it has found farther ones, too.
 */
extern bool OhFoundFarther(const OhScanState *s);

/*
 * The batch is used up.  Take what the walk has set aside, and may be nearer than the
 * first of the rows ranked, as another one.  false: nothing may be, or enough has been
 * ranked for that.
 */
extern bool OhTakeNearer(IndexScanDesc scan);
/* Do the settings allow to read more? */
extern bool OhMayReadOn(const OhScanState *s);
/* Memory for what a scan has set aside. */
extern Size OhScanMemory(void);

/* ---- count.c: what a scan has done ---- */

/* The counters of a scan, the search that it is at included. */
extern void OhScanCount(const OhScanState *s, OhScanCounters *counters);
/* The search is over: a rescan, or the end. */
extern void OhScanCounted(OhScanState *s);

/* ---- rank.c: rows in order ---- */

/* The next node of the batch: its rows, and a distance that hardly any is nearer than. */
extern const OhNodeRows *OhPeek(IndexScanDesc scan, double *bound);
/*
 * With a radius: is a node out of reach, whose distance was found to be this one,
 * with this standard error?
 */
extern bool OhIsBeyond(const OhScanState *s, double dist, double error);
/* Rank the rows of a node of the batch, whose estimate and bound these are. */
extern void OhRank(IndexScanDesc scan, const OhNodeRows *head, double dist, double bound);
/*
 * Take the nearest of what is ranked, if it can be told: it is then being returned.
 * false: look again, something has been ranked exactly or held back.
 */
extern bool OhTakeFirst(IndexScanDesc scan);
/* The same of the rows held back; false: there are none. */
extern bool OhTakeLate(IndexScanDesc scan);
/* The next row of what is being returned. */
extern bool OhNextReturned(IndexScanDesc scan, ItemPointer tid);
/* A row is returned in its place: those still to come must not be nearer. */
extern void OhNoteReturned(OhScanState *s, const ItemPointerData *tid);

#endif							/* OH_SCAN_H */
