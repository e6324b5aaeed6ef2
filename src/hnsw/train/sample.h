/*
 * sample.h -- a sample of the table.
 */
#ifndef OH_SAMPLE_H
#define OH_SAMPLE_H

#include "postgres.h"

#include "hnsw/train/train.h"
#include "nodes/execnodes.h"

/* A sample of the table. */
struct OhSample
{
	double		vectors;		/* estimated positions, with a margin */
	double		others;			/* the same of rows without */
	double		tuples;			/* both, without */
	double		rows;			/* estimated rows, fewer than that where they are arrays */
	uint64		nsample;		/* vectors seen */
	float	   *mean;			/* of them, but for outliers, float[dim] */
	int			nrows;			/* how many of them were kept for training */
	int		   *elements;		/* [nsample], of sparse values; NULL of others */
};

/* Keeps vectors in the trainer's rows; mean is palloc'd, or NULL */
extern void OhTakeSample(Relation heap, Relation index, IndexInfo *info,
						 const OhParameters *params, OhTrainer *trainer, OhSample *sample);

extern uint64 OhBlockStep(uint64 n);
extern void OhReplaceOutliers(int dim, float *rows, int nrows, double limit);

#endif							/* OH_SAMPLE_H */
