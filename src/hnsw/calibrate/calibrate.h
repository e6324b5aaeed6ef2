/*
 * calibrate.h -- measuring what recall an index reaches at which ef.
 */
#ifndef OH_CALIBRATE_H
#define OH_CALIBRATE_H

#include "postgres.h"

#include "hnsw/index.h"

/* Queries that are measured with, unless a user says or it takes too long. */
#define OH_MOST_QUERIES		500

/* Queries of a user: values of the indexed type. */
typedef struct OhGiven
{
	Datum	   *value;
	int			n;
} OhGiven;

/*
 * Measure an index with `queries` of its rows, or with those given, but with no more of them
 * than `seconds` are enough for; keep the curve in the metapage.  false: the index is too small,
 * no query was of use, or its codes are of two models at the moment.
 */
extern bool OhCalibrate(Relation heap, Relation index, const OhGiven *given, int queries, double seconds);

/* For a vacuum: measure if the index has grown several fold since the last time. */
extern void OhCalibrateGrown(Relation index);

/* ---- truth.c ---- */

/* A query: a row of the index, searched for as if it were not there, or one given. */
typedef struct OhTrial
{
	uint32		node;			/* of the row; OH_NONE: given */
	ItemPointerData tid;		/* of the row */
	void	   *value;			/* of the column's type */
	OhPosition	position;
	int			k;				/* how many of the nearest rows are known */
	int			nexact;			/* k, or as many as there are */
	double	   *exact;			/* [k] their distances, ascending */
	bool		doubled;		/* another node has the row's code: too easy */
} OhTrial;

typedef struct OhTruth
{
	Relation	heap;
	OhIndex    *ix;
	const OhGiven *given;		/* NULL: rows are drawn */
	int			ngiven;			/* of these that have been taken */
	struct OhRowReader *reader;
	Snapshot	snapshot;
	MemoryContext context;		/* reset for each batch */
} OhTruth;

/* Up to n trials, with their exact answers; returns how many. */
extern int	OhTruthBatch(OhTruth *truth, OhTrial *trial, int n);
/* Distance of a trial to a row; false: the snapshot does not see the row. */
extern bool OhTrialDistance(OhTruth *truth, const OhTrial *trial, ItemPointerData tid, double *distance);

#endif							/* OH_CALIBRATE_H */
