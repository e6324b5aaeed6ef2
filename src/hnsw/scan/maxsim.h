/*
 * maxsim.h -- scans of an index of arrays, in the order of MaxSim: state, shared by
 * maxsim.c and maxrows.c.
 *
 * Nodes are elements, and what is ranked are rows: a row has several nodes, and is near by
 * the sum over the query's vectors of its nearest node's distance.
 */
#ifndef OH_MAXSIM_H
#define OH_MAXSIM_H

#include "postgres.h"

#include "access/relscan.h"
#include "utils/tuplesort.h"

#include "hnsw/graph/rows.h"
#include "hnsw/graph/search.h"
#include "hnsw/parts.h"
#include "hnsw/scan/query.h"
#include "hnsw/scan/ranked.h"
#include "hnsw/scan/rerank.h"
#include "hnsw/stats/counters.h"

typedef enum OhMaxPhase
{
	MAX_START,
	MAX_NULLS_FIRST,			/* what is at the end otherwise */
	MAX_EMPTY_FIRST,
	MAX_ROWS,					/* rows that have a distance */
	MAX_UNORDERED,				/* all of them, of a query that orders nothing */
	MAX_EMPTY,					/* empty arrays */
	MAX_NULLS,
	MAX_LATE,					/* strict order: rows held back */
	MAX_DONE
} OhMaxPhase;

/* A row that a walk has met, by its TID. */
typedef struct OhMaxRow
{
	ItemPointerData tid;
	char		status;			/* of the hash table */
	bool		ranked;			/* it has been looked up in the table ... */
	bool		invisible;		/* ... where the snapshot does not see it */
	int			round;			/* that what follows is of */
	bool		found;			/* it is near to one of the query's vectors */
	int			nmet;			/* walks that have met it */
	int			last;			/* the last of the query's vectors whose walk has met it ... */
	float		best;			/* ... and the least distance from that */
	double		sum;			/* of the distances from those before it, less what rows have that
								 * their walks have not met */
} OhMaxRow;

/* A row to be ranked. */
typedef struct OhMaxCandidate
{
	double		estimate;		/* of its distance, if what is missing were just out of reach */
	double		least;			/* what it is likely to be, or to be at least */
	int			nmissing;		/* of the query's vectors, whose walks have not met it */
	ItemPointerData tid;
} OhMaxCandidate;

typedef struct OhMaxState
{
	bool		maxsim;			/* first, as in OhScanState: true */
	OhScanQuery base;			/* what it has in common: conditions, forms, settings */
	MemoryContext chain_context;	/* of a node's chain */
	OhSearch   *search;
	OhReranker *rerank;
	bool		discarded;		/* the executor may discard rows */
	OhParts		query;			/* n = 0: it orders nothing */
	OhMaxPhase	phase;
	OhRows		rows;			/* of a page, or a piece of a chain */
	uint32		lp;				/* of array phases */

	/* candidates, by maxrows.c */
	OhNearRows	near;			/* rows that the last walk has met */
	struct maxrows_hash *seen;	/* rows that walks have met */
	int			batch;			/* batches so far */
	int			ef;				/* of the last one */
	int			round;			/* of walks; a batch may take several */
	double		wider;			/* walks, by rows that the snapshot does not see */
	float	   *missing;		/* [query.n], what rows have at least that a walk has not met */
	OhMaxCandidate *candidate;	/* [ncandidates] of the round, nearest first */
	int64		ncandidates;
	int64		next;			/* first that is not ranked */
	int64		nbefore;		/* of nvisible, before this batch */
	int64		allocated;
	int64		nfound;			/* rows of all batches, ranked or not, without invisible ones */
	double		gaps;			/* distances less their estimates, summed up ... */
	double		gap_squares;	/* ... squares, each divided by what was missing ... */
	double		missed;			/* ... and what was missing ... */
	int64		ngaps;			/* ... of so many rows */
	int64		next_sort;		/* rows to be ranked before the others are sorted again */
	bool		all;			/* what is left has been ranked, too: all rows */
	Tuplesortstate *tids;		/* of all rows, in order, each several times */
	int64		last_tid;		/* the last of them that was returned */
	Tuplesortstate *rest;		/* (distance, TID) of what no walk has found, in order */
	TupleTableSlot *put;		/* a row of rest, on its way in ... */
	TupleTableSlot *slot;		/* ... and out */
	bool		rest_known;		/* this is the first of it that is left ... */
	OhRow		first_rest;		/* ... with dist infinite at the end */

	OhScanCounters counters;	/* of earlier searches */
	int64		hops;			/* nodes whose links were followed */

	OhRanked	ranked;
	OhRanked	late;
	double		last;			/* distance of the last row returned in its order */
	int64		nreturned;

	int64		evaluations;
	int64		nfetched;		/* rows looked up in the table ... */
	int64		nvisible;		/* ... and seen by the snapshot */
} OhMaxState;

/* Is this the state of such a scan? */
static inline bool
OhIsMaxScan(IndexScanDesc scan)
{
	return *(const bool *) scan->opaque;
}

/* ---- maxsim.c: the callbacks, for an index of arrays ---- */

extern IndexScanDesc OhMaxBegin(Relation index, int nkeys, int norderbys);
extern void OhMaxRescan(IndexScanDesc scan);
extern bool OhMaxGetTuple(IndexScanDesc scan);
extern void OhMaxEnd(IndexScanDesc scan);
/* What the scan has done. */
extern void OhMaxCount(const OhMaxState *s, OhScanCounters *counters);

/* ---- maxrows.c: where rows come from ---- */

extern void OhMaxRowsReset(OhMaxState *s);
/* The next batch of candidates, or all rows.  false at the end. */
extern bool OhMaxNextBatch(IndexScanDesc scan);
/* May there be another one? */
extern bool OhMaxMayGoOn(const OhMaxState *s);
/* Rank the next candidate. */
extern void OhMaxRankNext(IndexScanDesc scan);
/* A distance that hardly any candidate that is left is nearer than. */
extern double OhMaxBound(const OhMaxState *s);
/* After all: the nearest of the rows that no walk has found; dist is infinite at the end. */
extern const OhRow *OhMaxRest(OhMaxState *s);
/* The next of all rows, in no order; false: there are no more. */
extern bool OhMaxNextTid(IndexScanDesc scan, ItemPointer tid);

#endif							/* OH_MAXSIM_H */
