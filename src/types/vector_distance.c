/*
 * vector_distance.c -- distances of vectors.
 *
 * The arithmetic is in kernel/. This file has the checks and the roots, and handles results
 * at the ends of the float range.  An index must use the functions declared in vector.h, so
 * that it agrees with a sort.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "compat.h"
#include "fmgr.h"
#include "kernel/kernel.h"
#include "types/vector.h"
#include "utils/float.h"

double
om_vector_l2sq(const OmVector *a, const OmVector *b)
{
	return om_kernels->l2sq_f32(a->x, b->x, a->dim);
}

double
om_vector_ip(const OmVector *a, const OmVector *b)
{
	return om_kernels->ip_f32(a->x, b->x, a->dim);
}

double
om_vector_l1(const OmVector *a, const OmVector *b)
{
	return om_kernels->l1_f32(a->x, b->x, a->dim);
}

double
om_vector_cosine(const OmVector *a, const OmVector *b)
{
	return om_floats_cosine(a->x, b->x, a->dim);
}

/*
 * usable_square -- does a float32 sum of squares have its full precision?  It must be far
 * enough from overflow and from the subnormals, where terms get lost.
 */
static inline bool
usable_square(float sum)
{
	return sum > 1e-25f && sum <= FLT_MAX;
}

/*
 * Below this distance the sums are computed in double: 1 - similarity has lost the digits
 * in which near-duplicates differ.  The relative error of a float32 sum is about 1e-7.
 */
#define NEARLY_PARALLEL 1e-3

/*
 * exact_cosine -- in double, where no product of floats overflows or underflows.
 */
static double
exact_cosine(const float *a, const float *b, int dim)
{
	double		dot[2] = {0, 0};
	double		aa[2] = {0, 0};
	double		bb[2] = {0, 0};
	int			i;

	/* two independent chains of additions for each sum; a single one would wait for each result */
	for (i = 0; i + 2 <= dim; i += 2)
	{
		for (int j = 0; j < 2; j++)
		{
			dot[j] += (double) a[i + j] * b[i + j];
			aa[j] += (double) a[i + j] * a[i + j];
			bb[j] += (double) b[i + j] * b[i + j];
		}
	}
	if (i < dim)
	{
		dot[0] += (double) a[i] * b[i];
		aa[0] += (double) a[i] * a[i];
		bb[0] += (double) b[i] * b[i];
	}
	return om_cosine_from_sums(dot[0] + dot[1], aa[0] + aa[1], bb[0] + bb[1]);
}

double
om_floats_cosine(const float *a, const float *b, int dim)
{
	float		sums[3];
	double		distance;

	om_kernels->cos_f32(a, b, dim, sums);
	if (unlikely(!usable_square(sums[1]) || !usable_square(sums[2]) || !isfinite(sums[0])))
		return exact_cosine(a, b, dim);
	distance = om_cosine_from_sums(sums[0], sums[1], sums[2]);
	return distance >= NEARLY_PARALLEL ? distance : exact_cosine(a, b, dim);
}

/*
 * distance -- call one of these functions with both arguments.
 */
static inline double
distance(FunctionCallInfo fcinfo, double (*function) (const OmVector *, const OmVector *))
{
	OmVector   *a = PG_GETARG_OMVECTOR_P(0);
	OmVector   *b = PG_GETARG_OMVECTOR_P(1);

	om_vector_check_dims(a, b);
	return function(a, b);
}

OM_DISTANCE(om_l2_distance, sqrt(distance(fcinfo, om_vector_l2sq)))
/* The same order as <->, without the square root: for indexes. */
OM_DISTANCE(om_vector_l2_squared_distance, distance(fcinfo, om_vector_l2sq))
OM_DISTANCE(om_inner_product, distance(fcinfo, om_vector_ip))
/* <#>: an index scan returns the smallest values first, so the larger product comes first. */
OM_DISTANCE(om_vector_negative_inner_product, -distance(fcinfo, om_vector_ip))
OM_DISTANCE(om_cosine_distance, distance(fcinfo, om_vector_cosine))
OM_DISTANCE(om_vector_spherical_distance, om_spherical_from_dot(distance(fcinfo, om_vector_ip)))
OM_DISTANCE(om_l1_distance, distance(fcinfo, om_vector_l1))
