/*
 * halfvec_function.c -- distances, arithmetic, order and aggregates of halfvec.
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "fmgr.h"
#include "kernel/kernel.h"
#include "types/dense.h"
#include "types/halfvec.h"

/* --- distances ----------------------------------------------------------- */

double
om_halfvec_l2sq(const OmHalfvec *a, const OmHalfvec *b)
{
	return om_kernels->l2sq_f16(a->x, b->x, a->dim);
}

double
om_halfvec_ip(const OmHalfvec *a, const OmHalfvec *b)
{
	return om_kernels->ip_f16(a->x, b->x, a->dim);
}

double
om_halves_cosine(const uint16 *a, const uint16 *b, int dim)
{
	float		sums[3];

	/* squares of halves neither overflow nor underflow in float */
	om_kernels->cos_f16(a, b, dim, sums);
	return om_cosine_from_sums(sums[0], sums[1], sums[2]);
}

double
om_halfvec_cosine(const OmHalfvec *a, const OmHalfvec *b)
{
	return om_halves_cosine(a->x, b->x, a->dim);
}

double
om_halfvec_l1(const OmHalfvec *a, const OmHalfvec *b)
{
	return om_kernels->l1_f16(a->x, b->x, a->dim);
}

/*
 * distance -- call one of these functions with both arguments.
 */
static inline double
distance(FunctionCallInfo fcinfo, double (*function) (const OmHalfvec *, const OmHalfvec *))
{
	OmHalfvec  *a = PG_GETARG_OMHALFVEC_P(0);
	OmHalfvec  *b = PG_GETARG_OMHALFVEC_P(1);

	om_halfvec_check_dims(a, b);
	return function(a, b);
}

/* As in vector_distance.c: C symbols of its own, by pgvector's names. */
OM_DISTANCE(om_halfvec_l2_distance, sqrt(distance(fcinfo, om_halfvec_l2sq)))
OM_DISTANCE(om_halfvec_l2_squared_distance, distance(fcinfo, om_halfvec_l2sq))
OM_DISTANCE(om_halfvec_inner_product, distance(fcinfo, om_halfvec_ip))
OM_DISTANCE(om_halfvec_negative_inner_product, -distance(fcinfo, om_halfvec_ip))
OM_DISTANCE(om_halfvec_cosine_distance, distance(fcinfo, om_halfvec_cosine))
OM_DISTANCE(om_halfvec_spherical_distance, om_spherical_from_dot(distance(fcinfo, om_halfvec_ip)))
OM_DISTANCE(om_halfvec_l1_distance, distance(fcinfo, om_halfvec_l1))

/* --- parts, arithmetic, order and aggregates ----------------------------- */

static float *
read_elements(const OmDense *v)
{
	return om_halfvec_floats((const OmHalfvec *) v);
}

static void
write_elements(OmDense *v, float *x)
{
	OmHalfvec  *to = (OmHalfvec *) v;

	om_kernels->f32_to_f16(x, to->x, to->dim);
	om_kernels->f16_to_f32(to->x, x, to->dim);
}

const OmDenseType om_halfvec_dense = {&om_halfvec_desc, sizeof(uint16), read_elements, write_elements};

#define TYPE &om_halfvec_dense

static int
compare_args(FunctionCallInfo fcinfo)
{
	return om_dense_compare(fcinfo, TYPE);
}

/* As in vector_function.c: a type needs C symbols of its own, by pgvector's names; dense.c has the bodies. */
OM_DEFINE(om_halfvec_dims, om_dense_dims(fcinfo))
OM_DEFINE(om_halfvec_l2_norm, om_dense_norm(fcinfo, TYPE))
OM_DEFINE(om_halfvec_l2_normalize, om_dense_normalize(fcinfo, TYPE))
OM_DEFINE(om_halfvec_subvector, om_dense_subvector(fcinfo, TYPE))
OM_DEFINE(om_halfvec_binary_quantize, om_dense_quantize(fcinfo, TYPE))
OM_DEFINE(om_halfvec_add, om_dense_combine(fcinfo, TYPE, om_floats_add, false))
OM_DEFINE(om_halfvec_sub, om_dense_combine(fcinfo, TYPE, om_floats_sub, false))
OM_DEFINE(om_halfvec_mul, om_dense_combine(fcinfo, TYPE, om_floats_mul, true))
OM_DEFINE(om_halfvec_concat, om_dense_concat(fcinfo, TYPE))
OM_DEFINE(om_halfvec_accum, om_dense_accumulate(fcinfo, TYPE, "halfvec_accum"))
OM_DEFINE(om_halfvec_combine, om_dense_add_states(fcinfo, TYPE, "halfvec_combine"))
OM_DEFINE(om_halfvec_avg, om_dense_finish(fcinfo, TYPE, "halfvec_avg", true))
OM_DEFINE(om_halfvec_sum, om_dense_finish(fcinfo, TYPE, "halfvec_sum", false))
OM_COMPARISONS(om_halfvec, compare_args)
