/*
 * halfvec_function.c -- distances, arithmetic, order and aggregates of halfvec.
 *
 * Arithmetic is that of float[], rounded once to half precision: the same as
 * exact arithmetic rounded once, as a float has more than twice the digits.
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "fmgr.h"
#include "kernel/kernel.h"
#include "types/halfvec.h"
#include "utils/array.h"

OM_FUNCTION(om_halfvec_l2_distance);
OM_FUNCTION(om_halfvec_l2_squared_distance);
OM_FUNCTION(om_halfvec_inner_product);
OM_FUNCTION(om_halfvec_negative_inner_product);
OM_FUNCTION(om_halfvec_cosine_distance);
OM_FUNCTION(om_halfvec_spherical_distance);
OM_FUNCTION(om_halfvec_l1_distance);
OM_FUNCTION(om_halfvec_dims);
OM_FUNCTION(om_halfvec_l2_norm);
OM_FUNCTION(om_halfvec_l2_normalize);
OM_FUNCTION(om_halfvec_subvector);
OM_FUNCTION(om_halfvec_binary_quantize);
OM_FUNCTION(om_halfvec_add);
OM_FUNCTION(om_halfvec_sub);
OM_FUNCTION(om_halfvec_mul);
OM_FUNCTION(om_halfvec_concat);
OM_FUNCTION(om_halfvec_accum);
OM_FUNCTION(om_halfvec_combine);
OM_FUNCTION(om_halfvec_avg);
OM_FUNCTION(om_halfvec_sum);

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

	/* Squares of halves neither overflow nor vanish in float. */
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
 * distance -- one of these, of both arguments.
 */
static double
distance(FunctionCallInfo fcinfo, double (*function) (const OmHalfvec *, const OmHalfvec *))
{
	OmHalfvec  *a = PG_GETARG_OMHALFVEC_P(0);
	OmHalfvec  *b = PG_GETARG_OMHALFVEC_P(1);

	om_halfvec_check_dims(a, b);
	return function(a, b);
}

Datum
om_halfvec_l2_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sqrt(distance(fcinfo, om_halfvec_l2sq)));
}

Datum
om_halfvec_l2_squared_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(distance(fcinfo, om_halfvec_l2sq));
}

Datum
om_halfvec_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(distance(fcinfo, om_halfvec_ip));
}

Datum
om_halfvec_negative_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(-distance(fcinfo, om_halfvec_ip));
}

Datum
om_halfvec_cosine_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(distance(fcinfo, om_halfvec_cosine));
}

/*
 * Angle between unit vectors as a share of a half circle, 0 to 1.
 */
Datum
om_halfvec_spherical_distance(PG_FUNCTION_ARGS)
{
	double		dot = distance(fcinfo, om_halfvec_ip);

	PG_RETURN_FLOAT8(acos(Min(Max(dot, -1), 1)) / M_PI);
}

Datum
om_halfvec_l1_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(distance(fcinfo, om_halfvec_l1));
}

/* --- parts --------------------------------------------------------------- */

Datum
om_halfvec_dims(PG_FUNCTION_ARGS)
{
	OmHalfvec  *v = PG_GETARG_OMHALFVEC_P(0);

	PG_RETURN_INT32(v->dim);
}

Datum
om_halfvec_l2_norm(PG_FUNCTION_ARGS)
{
	OmHalfvec  *v = PG_GETARG_OMHALFVEC_P(0);

	PG_RETURN_FLOAT8(om_floats_norm(om_halfvec_floats(v), v->dim));
}

Datum
om_halfvec_l2_normalize(PG_FUNCTION_ARGS)
{
	OmHalfvec  *v = PG_GETARG_OMHALFVEC_P(0);
	float	   *x = om_halfvec_floats(v);

	om_floats_normalize(x, x, v->dim);
	PG_RETURN_OMHALFVEC_P(om_halfvec_from_floats(x, v->dim));
}

Datum
om_halfvec_subvector(PG_FUNCTION_ARGS)
{
	OmHalfvec  *v = PG_GETARG_OMHALFVEC_P(0);
	int			first;
	int			n = om_slice(&om_halfvec_desc, v->dim, PG_GETARG_INT32(1), PG_GETARG_INT32(2), &first);
	OmHalfvec  *result = om_halfvec_new(n);

	memcpy(result->x, v->x + first, sizeof(uint16) * n);
	PG_RETURN_OMHALFVEC_P(result);
}

Datum
om_halfvec_binary_quantize(PG_FUNCTION_ARGS)
{
	OmHalfvec  *v = PG_GETARG_OMHALFVEC_P(0);

	PG_RETURN_POINTER(om_floats_quantize(om_halfvec_floats(v), v->dim));
}

/* --- arithmetic ---------------------------------------------------------- */

/*
 * combine -- a function of typemath.c applied to both arguments.
 */
static OmHalfvec *
combine(FunctionCallInfo fcinfo, void (*op) (const float *, const float *, float *, int),
		bool product)
{
	OmHalfvec  *a = PG_GETARG_OMHALFVEC_P(0);
	OmHalfvec  *b = PG_GETARG_OMHALFVEC_P(1);
	float	   *x = om_halfvec_floats(a);
	float	   *y = om_halfvec_floats(b);
	OmHalfvec  *result;
	float	   *rounded;

	om_halfvec_check_dims(a, b);
	rounded = palloc(sizeof(float) * a->dim);
	op(x, y, rounded, a->dim);
	result = om_halfvec_from_floats(rounded, a->dim);
	om_kernels->f16_to_f32(result->x, rounded, a->dim);
	if (!om_all_finite(rounded, a->dim))
		om_range_overflow();
	if (product && om_floats_vanished(x, y, rounded, a->dim))
		om_range_underflow();
	return result;
}

Datum
om_halfvec_add(PG_FUNCTION_ARGS)
{
	PG_RETURN_OMHALFVEC_P(combine(fcinfo, om_floats_add, false));
}

Datum
om_halfvec_sub(PG_FUNCTION_ARGS)
{
	PG_RETURN_OMHALFVEC_P(combine(fcinfo, om_floats_sub, false));
}

Datum
om_halfvec_mul(PG_FUNCTION_ARGS)
{
	PG_RETURN_OMHALFVEC_P(combine(fcinfo, om_floats_mul, true));
}

Datum
om_halfvec_concat(PG_FUNCTION_ARGS)
{
	OmHalfvec  *a = PG_GETARG_OMHALFVEC_P(0);
	OmHalfvec  *b = PG_GETARG_OMHALFVEC_P(1);
	int			dim = a->dim + b->dim;
	OmHalfvec  *result;

	om_check_dim(&om_halfvec_desc, dim);
	result = om_halfvec_new(dim);
	memcpy(result->x, a->x, sizeof(uint16) * a->dim);
	memcpy(result->x + a->dim, b->x, sizeof(uint16) * b->dim);
	PG_RETURN_OMHALFVEC_P(result);
}

/* --- order --------------------------------------------------------------- */

/*
 * compare_args -- leaves no copy behind: a btree compares many pairs in one
 * memory context.
 */
static int
compare_args(FunctionCallInfo fcinfo)
{
	OmHalfvec  *a = PG_GETARG_OMHALFVEC_P(0);
	OmHalfvec  *b = PG_GETARG_OMHALFVEC_P(1);
	float	   *x = om_halfvec_floats(a);
	float	   *y = om_halfvec_floats(b);
	int			result = om_floats_compare(x, a->dim, y, b->dim);

	pfree(x);
	pfree(y);
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

OM_COMPARISONS(om_halfvec, compare_args)

/* --- aggregates ---------------------------------------------------------- */

Datum
om_halfvec_accum(PG_FUNCTION_ARGS)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	OmHalfvec  *v = PG_GETARG_OMHALFVEC_P(1);
	bool		in_place = AggCheckCallContext(fcinfo, NULL) != 0;
	float	   *x = om_halfvec_floats(v);
	ArrayType  *result = om_state_add(&om_halfvec_desc, state, x, v->dim, "halfvec_accum", in_place);

	pfree(x);
	PG_RETURN_ARRAYTYPE_P(result);
}

Datum
om_halfvec_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *a = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *b = PG_GETARG_ARRAYTYPE_P(1);
	bool		in_place = AggCheckCallContext(fcinfo, NULL) != 0;

	PG_RETURN_ARRAYTYPE_P(om_state_combine(&om_halfvec_desc, a, b, "halfvec_combine", in_place));
}

/*
 * finish -- result of a state; NULL where it counts no row.
 */
static Datum
finish(FunctionCallInfo fcinfo, const char *caller, bool mean)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	int			dim;
	double	   *values = om_state_values(&om_halfvec_desc, state, caller, &dim);
	float	   *x;

	if (values[0] == 0)
		PG_RETURN_NULL();
	om_check_dim(&om_halfvec_desc, dim);
	x = palloc(sizeof(float) * dim);
	om_state_result(&om_halfvec_desc, values, dim, mean, x);
	PG_RETURN_OMHALFVEC_P(om_halfvec_from_floats(x, dim));
}

Datum
om_halfvec_avg(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, "halfvec_avg", true);
}

Datum
om_halfvec_sum(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, "halfvec_sum", false);
}
