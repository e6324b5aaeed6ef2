/*
 * calibrate.h -- measures which recall an index reaches at which ef.
 */
#ifndef OH_CALIBRATE_H
#define OH_CALIBRATE_H

#include "postgres.h"

#include "hnsw/index.h"

/* Number of queries, unless a user gives another or they take too long. */
#define OH_MOST_QUERIES		500

/* Queries given by a user: values of the indexed type. */
typedef struct OhGiven
{
	Datum	   *value;
	int			n;
} OhGiven;

/*
 * Measure an index with up to `queries` of its rows, or with those given, and write the curve to
 * the metapage.  Stops after one batch of queries at the earliest when `seconds` are over.  false:
 * the index is too small, no query could be used, or nodes have codes of two models at the moment.
 */
extern bool OhCalibrate(Relation heap, Relation index, const OhGiven *given, int queries, double seconds);

/* For a vacuum: measure if the index has grown several fold since the last time. */
extern void OhCalibrateGrown(Relation index);

/* ---- truth.c ---- */

/* A query: a row of the index, searched for as if it were not in it, or one given. */
typedef struct OhTrial
{
	uint32		node;			/* of the row; OH_NONE: the query was given */
	ItemPointerData tid;		/* of the row */
	void	   *value;			/* of the column's type */
	OhPosition	position;
	int			k;				/* how many of the nearest rows are wanted */
	int			nexact;			/* k, or the number of rows if there are fewer */
	double	   *exact;			/* [k] their distances, ascending */
	bool		doubled;		/* another node has the same code, which makes the query too easy */
} OhTrial;

typedef struct OhTruth
{
	Relation	heap;
	OhIndex    *ix;
	const OhGiven *given;		/* NULL: rows are drawn */
	int			ngiven;			/* how many of these have been used */
	struct OhRowReader *reader;
	Snapshot	snapshot;
	MemoryContext context;		/* reset for each batch */
} OhTruth;

/* Up to n trials, with their exact answers; returns how many. */
extern int	OhTruthBatch(OhTruth *truth, OhTrial *trial, int n);
/* Distance of a trial to a row; false: the row does not exist. */
extern bool OhTrialDistance(OhTruth *truth, const OhTrial *trial, ItemPointerData tid, double *distance);

#endif							/* OH_CALIBRATE_H */
