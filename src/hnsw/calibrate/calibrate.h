/*
 * calibrate.h -- measures which recall an index reaches at which ef.
 */
#ifndef OH_CALIBRATE_H
#define OH_CALIBRATE_H

#include "postgres.h"

#include "hnsw/index.h"

/* Number of queries, unless a user gives another or they take too long. */
#define OH_MOST_QUERIES		500

/* Queries from a user: values of the indexed type. */
typedef struct OhGiven
{
	Datum	   *value;
	int			n;
} OhGiven;

/*
 * Measure an index with up to `queries` of its rows, or of the given queries if that is not NULL, and write
 * the curve to the metapage.  Queries run in batches; except for the first, no batch begins that would
 * probably end after `seconds`.  False, with nothing written: the index is too small or on an array, no query
 * could be used, or nodes have codes of two models at the moment.
 */
extern bool OhCalibrate(Relation heap, Relation index, const OhGiven *given, int queries, double seconds);

/* For a vacuum: measure again, for a second at most, if the index has grown several fold since the last time. */
extern void OhCalibrateGrown(Relation index);

/* ---- truth.c ---- */

/* A query with its exact answer.  It is a row of the index, searched for as if it were not in it, or a user's. */
typedef struct OhTrial
{
	uint32		node;			/* of the row; OH_NONE if the query is a user's */
	ItemPointerData tid;		/* of the row */
	void	   *value;			/* of the column's type, detoasted */
	OhPosition	position;
	int			k;				/* how many of the nearest rows are wanted */
	int			nexact;			/* k, or the number of rows if there are fewer */
	double	   *exact;			/* [k], their distances, ascending */
	bool		doubled;		/* not to be used: another node has the row's code, which makes it
								 * too easy */
	struct distances_hash *known;	/* distances of rows that have been read */
	bool		done;			/* a search has found all of them */
} OhTrial;

typedef struct OhTruth
{
	Relation	heap;
	OhIndex    *ix;
	const OhGiven *given;		/* queries from a user; NULL: rows are drawn at random */
	int			ngiven;			/* how many of these have been used */
	struct OhRowReader *reader;
	Snapshot	snapshot;
	MemoryContext context;		/* reset for each batch */
} OhTruth;

/* Make up to n trials, in truth->context; returns how many. */
extern int	OhTruthBatch(OhTruth *truth, OhTrial *trial, int n);
/* The exact distance of a trial to a row; false if the row does not exist or has none. */
extern bool OhTrialDistance(OhTruth *truth, OhTrial *trial, ItemPointerData tid, double *distance);

#endif							/* OH_CALIBRATE_H */
