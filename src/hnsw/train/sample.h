/*
 * sample.h -- the sample of the table that a build takes first.
 */
#ifndef OH_SAMPLE_H
#define OH_SAMPLE_H

#include "postgres.h"

#include "hnsw/train/train.h"
#include "nodes/execnodes.h"

struct OhSample
{
	/* estimates for the whole table */
	double		vectors;		/* positions, plus a margin */
	double		others;			/* off-graph rows, plus a margin */
	double		tuples;			/* both, without margins */
	double		rows;			/* rows of the table; fewer than tuples if the column is an array */

	/* the sample itself */
	uint64		nsample;		/* vectors in it */
	float	   *mean;			/* float[dim], of all but outliers; NULL if there are too few */
	int			nrows;			/* vectors kept in the trainer's rows */
	int		   *elements;		/* [nsample], nonzero elements of sparse values; otherwise NULL */
};

/* Take a sample.  Its vectors go into trainer->rows and trainer->seen. */
extern void OhTakeSample(Relation heap, Relation index, IndexInfo *info,
						 const OhParameters *params, OhTrainer *trainer, OhSample *sample);

/*
 * A step for reading n blocks in the order 0, step, 2 * step, ... (mod n): every block is read once, and
 * those read so far are always spread evenly.
 */
extern uint64 OhBlockStep(uint64 n);
/*
 * Overwrite rows as long as limit or longer with other rows of the sample: a model trained on them
 * would be of no use to the others.  rows: float[nrows][dim]
 */
extern void OhReplaceOutliers(int dim, float *rows, int nrows, double limit);

#endif							/* OH_SAMPLE_H */
