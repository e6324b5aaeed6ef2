/*
 * nodesample.h -- a sample of the rows of an index that has grown.
 */
#ifndef OH_NODESAMPLE_H
#define OH_NODESAMPLE_H

#include "postgres.h"

#include "hnsw/table/fetch.h"

/* Written by nodesample.c alone. */
typedef struct OhNodeSample
{
	int			n;
	int			ntrain;			/* the first of them are for training */
	float	   *rows;			/* [n][dim], normalised under cosine */
	const float **coded;		/* [n], the row that a row's code is of: the first one of its node,
								 * NULL if that is itself */
	float	   *mean;			/* [dim] */
} OhNodeSample;

/*
 * Rows of nodes all over the index, 1,000 or what the quantizer needs; palloc'd.  Further rows of nodes are among them
 * in proportion, if their vectors are not known to be equal.
 */
extern void OhSampleNodes(OhIndex *ix, OhFetcher *fetcher, OhNodeSample *sample);

#endif							/* OH_NODESAMPLE_H */
