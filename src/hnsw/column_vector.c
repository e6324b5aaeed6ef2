/*
 * column_vector.c -- indexes on the types vector and vector[].  A position is the floats of a vector.
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/column.h"
#include "types/multivector.h"
#include "types/vector.h"

static int
vector_dim(const void *value)
{
	return ((const OmVector *) value)->dim;
}

static void
vector_mismatch(int a, int b)
{
	om_dim_mismatch(&om_vector_desc, a, b);
}

static Size
vector_bytes(int dim)
{
	return OM_VECTOR_SIZE(dim);
}

static void
vector_position(const OhColumn *column, const void *value, OhPosition *position)
{
	position->x = ((const OmVector *) value)->x;
	position->bytes = position->x;
	position->nbytes = sizeof(float) * column->dim;
}

static const OhColumnType vector_type = {
	.name = "vector",
	.max_dim = OM_VECTOR_MAX_DIM,
	.exact = true,
	.dim = vector_dim,
	.mismatch = vector_mismatch,
	.bytes = vector_bytes,
	.position = vector_position,
};

/* ---- vector[] ---- */

static int
vectors_parts(const void *value, const char **first, Size *stride)
{
	OmMultivector vectors;

	om_multivector_of(&om_vectors_desc, value, &vectors);
	*first = vectors.first;
	*stride = vectors.stride;
	return vectors.n;
}

static int
vectors_dim(const void *value)
{
	OmMultivector vectors;

	om_multivector_of(&om_vectors_desc, value, &vectors);
	return vectors.dim;
}

static const OhColumnType vectors_type = {
	.name = "vector[]",
	.max_dim = OM_VECTOR_MAX_DIM,
	.parts = vectors_parts,
	.dim = vectors_dim,
	.mismatch = vector_mismatch,
	.position = vector_position,
};

/* ---- distances ---- */

/* The square of <->, which sorts alike. */
static double
vector_l2(const void *a, const void *b)
{
	return om_vector_l2sq(a, b);
}

static double
vector_ip(const void *a, const void *b)
{
	return -om_vector_ip(a, b);
}

static double
vector_cosine(const void *a, const void *b)
{
	return om_vector_cosine(a, b);
}

static double
vector_l1(const void *a, const void *b)
{
	return om_vector_l1(a, b);
}

/* Not symmetric: the query comes first. */
static double
vectors_max_sim(const void *query, const void *row)
{
	OmMultivector a;
	OmMultivector b;

	om_multivector_of(&om_vectors_desc, row, &a);
	om_multivector_of(&om_vectors_desc, query, &b);
	return -om_max_sim(&om_vectors_desc, &a, &b);
}

static const OhMetric metric_l2 = {OM_METRIC_L2, &vector_type, vector_l2};
static const OhMetric metric_ip = {OM_METRIC_IP, &vector_type, vector_ip};
static const OhMetric metric_cosine = {OM_METRIC_COSINE, &vector_type, vector_cosine};
static const OhMetric metric_l1 = {OM_METRIC_L1, &vector_type, vector_l1};
static const OhMetric metric_maxsim = {OM_METRIC_IP, &vectors_type, vectors_max_sim};

OH_METRIC_SUPPORT(om_hnsw_vector_l2_support, metric_l2)
OH_METRIC_SUPPORT(om_hnsw_vector_ip_support, metric_ip)
OH_METRIC_SUPPORT(om_hnsw_vector_cosine_support, metric_cosine)
OH_METRIC_SUPPORT(om_hnsw_vector_l1_support, metric_l1)
OH_METRIC_SUPPORT(om_hnsw_vector_maxsim_support, metric_maxsim)
