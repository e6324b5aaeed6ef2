/*
 * column_halfvec.c -- indexes on the types halfvec and halfvec[].
 *
 * A position holds the numbers as floats.  Exact distances are computed by the kernels for
 * half precision, as the operators do; their sums may be rounded differently from those of the float
 * kernels, so that the type is not `exact`.
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/column.h"
#include "types/halfvec.h"
#include "types/multivector.h"

static int
halfvec_dim(const void *value)
{
	return ((const OmHalfvec *) value)->dim;
}

static void
halfvec_mismatch(int a, int b)
{
	om_dim_mismatch(&om_halfvec_desc, a, b);
}

static Size
halfvec_bytes(int dim)
{
	return OM_HALFVEC_SIZE(dim);
}

static void
halfvec_position(const OhColumn *column, const void *value, OhPosition *position)
{
	const OmHalfvec *v = value;

	position->x = om_halfvec_floats(v);
	position->floats = (Pointer) position->x;
	position->bytes = v->x;
	position->nbytes = sizeof(uint16) * column->dim;
}

static const OhColumnType halfvec_type = {
	.name = "halfvec",
	.max_dim = OM_HALFVEC_MAX_DIM,
	.dim = halfvec_dim,
	.mismatch = halfvec_mismatch,
	.bytes = halfvec_bytes,
	.position = halfvec_position,
};

/* ---- halfvec[] ---- */

static int
halfvecs_parts(const void *value, const char **first, Size *stride)
{
	OmMultivector vectors;

	om_multivector_of(&om_halfvecs_desc, value, &vectors);
	*first = vectors.first;
	*stride = vectors.stride;
	return vectors.n;
}

static int
halfvecs_dim(const void *value)
{
	OmMultivector vectors;

	om_multivector_of(&om_halfvecs_desc, value, &vectors);
	return vectors.dim;
}

static const OhColumnType halfvecs_type = {
	.name = "halfvec[]",
	.max_dim = OM_HALFVEC_MAX_DIM,
	.parts = halfvecs_parts,
	.dim = halfvecs_dim,
	.mismatch = halfvec_mismatch,
	.position = halfvec_position,
};

/* ---- distances ---- */

/* The square of <->, which sorts alike. */
static double
halfvec_l2(const void *a, const void *b)
{
	return om_halfvec_l2sq(a, b);
}

static double
halfvec_ip(const void *a, const void *b)
{
	return -om_halfvec_ip(a, b);
}

static double
halfvec_cosine(const void *a, const void *b)
{
	return om_halfvec_cosine(a, b);
}

static double
halfvec_l1(const void *a, const void *b)
{
	return om_halfvec_l1(a, b);
}

/* Not symmetric: the query comes first. */
static double
halfvecs_max_sim(const void *query, const void *row)
{
	OmMultivector a;
	OmMultivector b;

	om_multivector_of(&om_halfvecs_desc, row, &a);
	om_multivector_of(&om_halfvecs_desc, query, &b);
	return -om_max_sim(&om_halfvecs_desc, &a, &b);
}

static const OhMetric metric_l2 = {OM_METRIC_L2, &halfvec_type, halfvec_l2};
static const OhMetric metric_ip = {OM_METRIC_IP, &halfvec_type, halfvec_ip};
static const OhMetric metric_cosine = {OM_METRIC_COSINE, &halfvec_type, halfvec_cosine};
static const OhMetric metric_l1 = {OM_METRIC_L1, &halfvec_type, halfvec_l1};
static const OhMetric metric_maxsim = {OM_METRIC_IP, &halfvecs_type, halfvecs_max_sim};

OH_METRIC_SUPPORT(om_hnsw_halfvec_l2_support, metric_l2)
OH_METRIC_SUPPORT(om_hnsw_halfvec_ip_support, metric_ip)
OH_METRIC_SUPPORT(om_hnsw_halfvec_cosine_support, metric_cosine)
OH_METRIC_SUPPORT(om_hnsw_halfvec_l1_support, metric_l1)
OH_METRIC_SUPPORT(om_hnsw_halfvec_maxsim_support, metric_maxsim)
