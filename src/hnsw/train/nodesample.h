/*
 * nodesample.h -- a sample of the rows of an index, to train its quantizer again.
 */
#ifndef OH_NODESAMPLE_H
#define OH_NODESAMPLE_H

#include "postgres.h"

#include "hnsw/table/fetch.h"

typedef struct OhNodeSample
{
	int			n;
	int			ntrain;			/* the first rows are for training, the others for tests */
	float	   *rows;			/* [n][dim], normalised under cosine */
	const float **coded;		/* [n], the vector that a row's code is made of: that of the first
								 * row of its node; NULL if it is the first itself */
	float	   *mean;			/* [dim] */
} OhNodeSample;

/*
 * Take a sample of 1,000 rows, or of as many as the quantizer needs, from nodes all over the index.  It has further
 * rows of nodes in proportion, unless their vectors are known to be equal.  All of it is palloc'd.
 */
extern void OhSampleNodes(OhIndex *ix, OhFetcher *fetcher, OhNodeSample *sample);

#endif							/* OH_NODESAMPLE_H */
