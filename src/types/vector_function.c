/*
 * vector_function.c -- arithmetic on vectors, and what takes them apart.
 *
 * A result that is not finite is an error, never stored.
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "types/vector.h"

OM_FUNCTION(om_vector_add);
OM_FUNCTION(om_vector_sub);
OM_FUNCTION(om_vector_mul);
OM_FUNCTION(om_vector_concat);
OM_FUNCTION(om_vector_dims);
OM_FUNCTION(om_l2_normalize);
OM_FUNCTION(om_subvector);
OM_FUNCTION(om_binary_quantize);

/*
 * check_result -- elements of a result: infinities come from overflow alone,
 * as the operands are finite.
 */
static void
check_result(const OmVector *v)
{
	if (unlikely(!om_all_finite(v->x, v->dim)))
		om_range_overflow();
}

/*
 * combine -- a function of typemath.c applied to both arguments.
 */
static OmVector *
combine(FunctionCallInfo fcinfo, void (*op) (const float *, const float *, float *, int),
		bool product)
{
	OmVector   *a = PG_GETARG_OMVECTOR_P(0);
	OmVector   *b = PG_GETARG_OMVECTOR_P(1);
	OmVector   *result;

	om_vector_check_dims(a, b);
	result = om_vector_new(a->dim);
	op(a->x, b->x, result->x, a->dim);
	check_result(result);
	/* A product that vanishes is an error, as it is for real. */
	if (product && om_floats_vanished(a->x, b->x, result->x, a->dim))
		om_range_underflow();
	return result;
}

Datum
om_vector_add(PG_FUNCTION_ARGS)
{
	PG_RETURN_OMVECTOR_P(combine(fcinfo, om_floats_add, false));
}

Datum
om_vector_sub(PG_FUNCTION_ARGS)
{
	PG_RETURN_OMVECTOR_P(combine(fcinfo, om_floats_sub, false));
}

Datum
om_vector_mul(PG_FUNCTION_ARGS)
{
	PG_RETURN_OMVECTOR_P(combine(fcinfo, om_floats_mul, true));
}

Datum
om_vector_concat(PG_FUNCTION_ARGS)
{
	OmVector   *a = PG_GETARG_OMVECTOR_P(0);
	OmVector   *b = PG_GETARG_OMVECTOR_P(1);
	int			dim = a->dim + b->dim;
	OmVector   *result;

	om_check_dim(&om_vector_desc, dim);
	result = om_vector_new(dim);
	memcpy(result->x, a->x, sizeof(float) * a->dim);
	memcpy(result->x + a->dim, b->x, sizeof(float) * b->dim);
	PG_RETURN_OMVECTOR_P(result);
}

Datum
om_vector_dims(PG_FUNCTION_ARGS)
{
	OmVector   *v = PG_GETARG_OMVECTOR_P(0);

	PG_RETURN_INT32(v->dim);
}

Datum
om_l2_normalize(PG_FUNCTION_ARGS)
{
	OmVector   *v = PG_GETARG_OMVECTOR_P(0);
	OmVector   *result = om_vector_new(v->dim);

	om_floats_normalize(v->x, result->x, v->dim);
	check_result(result);
	PG_RETURN_OMVECTOR_P(result);
}

Datum
om_subvector(PG_FUNCTION_ARGS)
{
	OmVector   *v = PG_GETARG_OMVECTOR_P(0);
	int			first;
	int			n = om_slice(&om_vector_desc, v->dim, PG_GETARG_INT32(1), PG_GETARG_INT32(2), &first);
	OmVector   *result = om_vector_new(n);

	memcpy(result->x, v->x + first, sizeof(float) * n);
	PG_RETURN_OMVECTOR_P(result);
}

Datum
om_binary_quantize(PG_FUNCTION_ARGS)
{
	OmVector   *v = PG_GETARG_OMVECTOR_P(0);

	PG_RETURN_POINTER(om_floats_quantize(v->x, v->dim));
}
