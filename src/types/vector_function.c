/*
 * vector_function.c -- arithmetic, parts, order and aggregates of vector.
 *
 * Aggregates keep the state of typeutil.h, so that their results do not depend on the
 * order of the rows beyond double rounding, and combine across workers.
 */
#include "postgres.h"

#include "compat.h"
#include "types/dense.h"
#include "types/vector.h"

static float *
read_elements(const OmDense *v)
{
	return ((OmVector *) v)->x;
}

static void
write_elements(OmDense *v, float *x)
{
	/* the elements are in place already */
	Assert(x == ((OmVector *) v)->x);
}

const OmDenseType om_vector_dense = {&om_vector_desc, sizeof(float), read_elements, write_elements};

#define TYPE &om_vector_dense

static int
compare_args(FunctionCallInfo fcinfo)
{
	return om_dense_compare(fcinfo, TYPE);
}

OM_DEFINE(om_vector_dims, om_dense_dims(fcinfo))
OM_DEFINE(om_vector_norm, om_dense_norm(fcinfo, TYPE))
OM_DEFINE(om_l2_normalize, om_dense_normalize(fcinfo, TYPE))
OM_DEFINE(om_subvector, om_dense_subvector(fcinfo, TYPE))
OM_DEFINE(om_binary_quantize, om_dense_quantize(fcinfo, TYPE))
OM_DEFINE(om_vector_add, om_dense_combine(fcinfo, TYPE, om_floats_add, false))
OM_DEFINE(om_vector_sub, om_dense_combine(fcinfo, TYPE, om_floats_sub, false))
OM_DEFINE(om_vector_mul, om_dense_combine(fcinfo, TYPE, om_floats_mul, true))
OM_DEFINE(om_vector_concat, om_dense_concat(fcinfo, TYPE))
OM_DEFINE(om_vector_accum, om_dense_accumulate(fcinfo, TYPE, "vector_accum"))
OM_DEFINE(om_vector_combine, om_dense_add_states(fcinfo, TYPE, "vector_combine"))
OM_DEFINE(om_vector_avg, om_dense_finish(fcinfo, TYPE, "vector_avg", true))
OM_DEFINE(om_vector_sum, om_dense_finish(fcinfo, TYPE, "vector_sum", false))
OM_COMPARISONS(om_vector, compare_args)
