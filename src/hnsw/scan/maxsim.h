/*
 * maxsim.h -- scans of an index on arrays, in the order of MaxSim: the state that maxsim.c
 * and maxrows.c share.
 *
 * Each element of an array is a node, and rows are what is ranked.  A row has several
 * nodes.  Its distance is the sum, over the query's vectors, of the distance to the row's
 * nearest node.
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
	MAX_NULLS_FIRST,			/* rows without a vector, where NULLs are first */
	MAX_EMPTY_FIRST,
	MAX_ROWS,					/* rows that have a distance */
	MAX_UNORDERED,				/* all rows that have vectors, if the query orders nothing */
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
	bool		ranked;			/* it has been fetched from the table ... */
	bool		invisible;		/* ... where the snapshot does not see it */
	int			round;			/* the round of walks that the following fields are about */
	bool		found;			/* a walk has kept one of its elements */
	int			nmet;			/* number of walks that have met it */
	int			last;			/* the last of the query's vectors whose walk has met it ... */
	float		best;			/* ... and the least distance from that */
	double		sum;			/* sum over the vectors before last of best - missing[]: how much
								 * nearer the row is than if no walk had met it */
} OhMaxRow;

/* A row to be ranked. */
typedef struct OhMaxCandidate
{
	double		estimate;		/* lower bound of its distance: vectors whose walk did not meet it
								 * count missing[] */
	double		least;			/* the estimate plus the usual gap (see sort_candidates) */
	int			nmissing;		/* number of the query's vectors whose walk has not met it */
	ItemPointerData tid;
} OhMaxCandidate;

typedef struct OhMaxState
{
	bool		maxsim;			/* first, as in OhScanState: true */
	OhScanQuery base;			/* what it has in common with other scans: conditions, forms,
								 * settings */
	MemoryContext chain_context;	/* for reading a node's chain of postings */
	OhSearch   *search;
	OhReranker *rerank;
	bool		discarded;		/* the executor may discard rows */
	OhParts		query;			/* n = 0 if it has no vectors and orders nothing */
	OhMaxPhase	phase;
	OhTidList	rows;			/* rows of a page, or of a piece of a chain */
	uint32		lp;				/* next page, in the phases that read an array */

	/* candidates, by maxrows.c */
	OhNearRows	near;			/* rows that the last walk has met */
	struct maxrows_hash *seen;	/* rows that walks have met */
	int			batch;			/* number of batches so far */
	int			ef;				/* ef of the last batch */
	int			round;			/* of walks; a batch may take several */
	double		wider;			/* walks, by rows that the snapshot does not see */
	float	   *missing;		/* [query.n], the least distance to vector i of rows that its walk
								 * has not met */
	OhMaxCandidate *candidate;	/* [ncandidates] of the round, nearest first */
	int64		ncandidates;
	int64		next;			/* the first one that has not been ranked */
	int64		nbefore;		/* of nvisible, before this batch */
	int64		allocated;
	int64		nfound;			/* rows of all batches, ranked or not, without invisible ones */
	double		gaps;			/* distance - estimate of ranked rows, summed up ... */
	double		gap_squares;	/* ... its squares, each divided by nmissing ... */
	double		missed;			/* ... sum of nmissing ... */
	int64		ngaps;			/* ... and the number of these rows */
	int64		next_sort;		/* after this many ranked rows the others are sorted again */
	bool		all;			/* rank_all() has ranked the remaining rows */
	Tuplesortstate *tids;		/* TIDs of all rows, in order, each several times */
	int64		last_tid;		/* the last of them that was returned */
	Tuplesortstate *rest;		/* (distance, TID) of the rows that no walk has found, in order */
	TupleTableSlot *put;		/* for writing a row to rest ... */
	TupleTableSlot *slot;		/* ... and for reading one */
	bool		rest_known;		/* first_rest is the next row of rest ... */
	OhRankedRow first_rest;		/* ... with dist infinite at the end */

	OhScanCounters counters;	/* of the searches before this one */
	int64		hops;			/* nodes whose links were followed */

	OhRanked	ranked;
	OhRanked	late;
	double		last;			/* distance of the last row returned in order */
	int64		nreturned;

	int64		evaluations;
	int64		nfetched;		/* rows fetched from the table ... */
	int64		nvisible;		/* ... and seen by the snapshot */
} OhMaxState;

/* Is this a MaxSim scan? */
static inline bool
OhIsMaxScan(IndexScanDesc scan)
{
	return *(const bool *) scan->opaque;
}

/* ---- maxsim.c: the callbacks, for an index of arrays ---- */

/* What scan.c's callbacks of the same names do for such an index. */
extern IndexScanDesc OhMaxBegin(Relation index, int nkeys, int norderbys);
extern void OhMaxRescan(IndexScanDesc scan);
extern bool OhMaxGetTuple(IndexScanDesc scan);
extern void OhMaxEnd(IndexScanDesc scan);
/* Collect the counters of a scan, including the search in progress. */
extern void OhMaxCount(const OhMaxState *s, OhScanCounters *counters);

/* ---- maxrows.c: where rows come from ---- */

/* Free all candidates and rows, before the next query or the end. */
extern void OhMaxRowsReset(OhMaxState *s);
/* Find the next batch of candidates, or all rows. false at the end. */
extern bool OhMaxNextBatch(IndexScanDesc scan);
/* May there be another batch? */
extern bool OhMaxMayGoOn(const OhMaxState *s);
/* Rank the next candidate. */
extern void OhMaxRankNext(IndexScanDesc scan);
/* A distance such that hardly any of the remaining candidates is nearer. */
extern double OhMaxBound(const OhMaxState *s);
/* After rank_all(): the nearest row that no walk has found; its dist is infinite at the end. */
extern const OhRankedRow *OhMaxRest(OhMaxState *s);
/* The next of all rows, in no particular order; false at the end. */
extern bool OhMaxNextTid(IndexScanDesc scan, ItemPointer tid);

#endif							/* OH_MAXSIM_H */
