/*
 * metric.c -- metrics of the operator classes, and the vector in a Datum.
 *
 * Owns support function 1 of the operator classes, which says what the index
 * orders by, and all that depends on the type of the indexed column: another
 * type adds its support functions and its way to floats here.  The arithmetic is
 * that of the SQL operators, so that re-ranking agrees with a sort to the last
 * bit.
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "fmgr.h"

#include "compat.h"
#include "hnsw/hnsw.h"
#include "kernel/kernel.h"
#include "types/vector.h"

OM_FUNCTION(om_hnsw_vector_l2_support);
OM_FUNCTION(om_hnsw_vector_ip_support);
OM_FUNCTION(om_hnsw_vector_cosine_support);
OM_FUNCTION(om_hnsw_vector_l1_support);

/* <-> is the root of this, and orders alike. */
static double
distance_l2(const float *a, const float *b, int dim)
{
	return (double) om_kernels->l2sq_f32(a, b, dim);
}

static double
distance_ip(const float *a, const float *b, int dim)
{
	return -(double) om_kernels->ip_f32(a, b, dim);
}

static double
distance_l1(const float *a, const float *b, int dim)
{
	return (double) om_kernels->l1_f32(a, b, dim);
}

static const OhMetric metric_vector_l2 = {
	.metric = OM_METRIC_L2,
	.max_dim = OM_VECTOR_MAX_DIM,
	.distance = distance_l2,
};

static const OhMetric metric_vector_ip = {
	.metric = OM_METRIC_IP,
	.max_dim = OM_VECTOR_MAX_DIM,
	.distance = distance_ip,
};

static const OhMetric metric_vector_cosine = {
	.metric = OM_METRIC_COSINE,
	.max_dim = OM_VECTOR_MAX_DIM,
	.distance = om_floats_cosine,
};

static const OhMetric metric_vector_l1 = {
	.metric = OM_METRIC_L1,
	.max_dim = OM_VECTOR_MAX_DIM,
	.distance = distance_l1,
};

Datum
om_hnsw_vector_l2_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(&metric_vector_l2);
}

Datum
om_hnsw_vector_ip_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(&metric_vector_ip);
}

Datum
om_hnsw_vector_cosine_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(&metric_vector_cosine);
}

Datum
om_hnsw_vector_l1_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(&metric_vector_l1);
}

/*
 * OhGetMetric -- the metric of an index, static: valid for ever.
 */
const OhMetric *
OhGetMetric(Relation index)
{
	FmgrInfo   *proc;

	if (!OidIsValid(index_getprocid(index, 1, OH_METRIC_PROC)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the first column of index \"%s\" is not a vector",
						RelationGetRelationName(index)),
				 errhint("In an omenhnsw index a vector comes first, then the columns of conditions.")));
	proc = index_getprocinfo(index, 1, OH_METRIC_PROC);
	return (const OhMetric *) DatumGetPointer(FunctionCall1(proc, PointerGetDatum(NULL)));
}

/*
 * OhVectorFloats -- the numbers of an indexed value or a query.
 *
 * dim       of the index; another number of dimensions is the same error that
 *           the operator raises, whether the plan uses the index or not
 * value     a vector, maybe toasted; not NULL
 * to_free   out, what the caller shall pfree() when done, or NULL
 * Returns float[dim], in value itself or in *to_free.
 */
const float *
OhVectorFloats(Relation index, int dim, Datum value, Pointer *to_free)
{
	OmVector   *vector = DatumGetOmVector(value);

	if (vector->dim != dim)
		om_dim_mismatch(&om_vector_desc, dim, vector->dim);

	*to_free = NULL;
	if ((Pointer) vector != DatumGetPointer(value))
		*to_free = (Pointer) vector;
	return vector->x;
}

/*
 * OhHasDirection -- false where the distance to x[dim] is NaN: the cosine
 * distance of a vector of zeros.
 */
bool
OhHasDirection(OmMetric metric, const float *x, int dim)
{
	if (metric != OM_METRIC_COSINE)
		return true;

	for (int i = 0; i < dim; i++)
	{
		if (x[i] != 0.0f)
			return true;
	}
	return false;
}

/*
 * OhRandomLevel -- level of a new node: P(level >= l) = m^-l, at most
 * OH_MAX_LEVEL.
 */
int
OhRandomLevel(int m)
{
	/* in (0, 1]: no logarithm of zero */
	double		u = 1.0 - pg_prng_double(&pg_global_prng_state);
	double		level = -log(u) / log((double) m);

	return (int) Min(level, (double) OH_MAX_LEVEL);
}
