/*
 * pq.h -- what product quantization (pq.c) and its training (pq_train.c) share.
 *
 * The first dim % m subvectors are one dimension longer than the others.
 * Centroids are kept by dimension: float[dim][256], 256 coordinates a dimension.
 *
 * Model:	float mean[dim], calibration, length, float centroids[dim][256]
 */
#ifndef OM_PQ_H
#define OM_PQ_H

#include "quant/quant_impl.h"

/* Larger components are clamped to this, so that no sum of products overflows. */
#define OM_PQ_COMPONENT_MAX 1e17

/* Upper limit of f (see pq.c): beyond it, the code says next to nothing about the vector. */
#define OM_PQ_MAX_FACTOR 4.0

static inline int
om_pq_base(const OmQuantSpec *spec)
{
	return spec->dim / spec->subvectors;
}

/* First dimension of subvector j; dim for the one past the last. */
static inline int
om_pq_start(const OmQuantSpec *spec, int j)
{
	int			extra = spec->dim % spec->subvectors;

	return j * om_pq_base(spec) + (j < extra ? j : extra);
}

/* Dimensions of the longest subvector. */
static inline int
om_pq_width(const OmQuantSpec *spec)
{
	return (spec->dim + spec->subvectors - 1) / spec->subvectors;
}

static inline float
om_pq_clamp(double x)
{
	return (float) (x > OM_PQ_COMPONENT_MAX ? OM_PQ_COMPONENT_MAX :
					x < -OM_PQ_COMPONENT_MAX ? -OM_PQ_COMPONENT_MAX : x);
}

/* Half the squared norms of the centroids of one subvector, float[256]. */
static inline void
om_pq_half_sq(const float *centroid, int dim, float *half)
{
	for (int c = 0; c < 256; c++)
	{
		double		sq = 0.0;

		for (int d = 0; d < dim; d++)
			sq += (double) centroid[256 * d + c] * centroid[256 * d + c];
		half[c] = om_clamp_float(sq / 2);
	}
}

/* pq_train.c: what om_quant_train() and its kin do for pq. */
extern size_t om_pq_train_bytes(const OmQuantSpec *spec, int nrows);
extern int	om_pq_train_parts(const OmQuantSpec *spec);
/* Train the centroids of subvectors from..to - 1. */
extern void om_pq_train(const OmQuantSpec *spec, const OmTraining *training, int from, int to,
						void *scratch, float *model);
/* Set the mean and the calibration, once all centroids are trained. */
extern void om_pq_train_finish(const OmQuantSpec *spec, const OmTraining *training,
							   void *scratch, float *model);

#endif							/* OM_PQ_H */
