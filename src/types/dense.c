/*
 * dense.c -- functions of the SQL types that store a number for each dimension.
 *
 * The arithmetic is done on float[] and rounded once to the type's elements.  That equals
 * exact arithmetic rounded once, because a float has more than twice the digits of a half.
 * A result that is not finite raises an error and is never stored.
 */
#include "postgres.h"

#include "types/dense.h"

#define ARG(n) ((OmDense *) PG_DETOAST_DATUM(PG_GETARG_DATUM(n)))

OmDense *
om_dense_new(const OmDenseType *type, int dim)
{
	Size		size = offsetof(OmDense, x) + type->element * dim;
	OmDense    *result = palloc0(size);

	SET_VARSIZE(result, size);
	result->dim = dim;
	return result;
}

/*
 * done_reading -- free the result of read(), unless it is the value itself.
 */
static void
done_reading(const OmDense *v, float *x)
{
	if ((char *) x != v->x)
		pfree(x);
}

/*
 * store -- round x to a new value.  Infinite results come from overflow, because operands
 * are finite.
 */
static void
store(const OmDenseType *type, OmDense *result, float *x)
{
	type->write(result, x);
	if (unlikely(!om_all_finite(x, result->dim)))
		om_range_overflow();
}

Datum
om_dense_in(FunctionCallInfo fcinfo, const OmDenseType *type)
{
	const char *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	struct Node *escontext = (struct Node *) fcinfo->context;
	OmTextScan	scan = {type->desc, text, text, escontext};
	int64		capacity = Min(om_scan_capacity(&scan), type->desc->max_dim);
	OmDense    *result = om_dense_new(type, capacity);
	float	   *x = type->read(result);
	int			dim;

	if (!om_scan_list(&scan, x, capacity, &dim) ||
		!om_check_typmod(typmod, dim, escontext))
		PG_RETURN_NULL();

	/* The capacity was counted by commas, of which there is one less than numbers. */
	Assert(dim == capacity);
	type->write(result, x);
	PG_RETURN_POINTER(result);
}

Datum
om_dense_out(FunctionCallInfo fcinfo, const OmDenseType *type)
{
	OmDense    *v = ARG(0);

	PG_RETURN_CSTRING(om_print_list(type->read(v), v->dim));
}

Datum
om_dense_recast(FunctionCallInfo fcinfo)
{
	OmDense    *v = ARG(0);

	(void) om_check_typmod(PG_GETARG_INT32(1), v->dim, NULL);
	PG_RETURN_POINTER(v);
}

Datum
om_dense_from_array(FunctionCallInfo fcinfo, const OmDenseType *type)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			dim = om_array_dim(type->desc, array);
	OmDense    *result;
	float	   *x;

	(void) om_check_typmod(PG_GETARG_INT32(1), dim, NULL);
	result = om_dense_new(type, dim);
	x = type->read(result);
	om_array_to_floats(type->desc, array, dim, x);
	type->write(result, x);
	PG_RETURN_POINTER(result);
}

Datum
om_dense_to_float4(FunctionCallInfo fcinfo, const OmDenseType *type)
{
	OmDense    *v = ARG(0);

	PG_RETURN_ARRAYTYPE_P(om_floats_to_array(type->read(v), v->dim));
}

/* ---- parts ---- */

Datum
om_dense_dims(FunctionCallInfo fcinfo)
{
	PG_RETURN_INT32(ARG(0)->dim);
}

Datum
om_dense_norm(FunctionCallInfo fcinfo, const OmDenseType *type)
{
	OmDense    *v = ARG(0);

	PG_RETURN_FLOAT8(om_floats_norm(type->read(v), v->dim));
}

Datum
om_dense_normalize(FunctionCallInfo fcinfo, const OmDenseType *type)
{
	OmDense    *v = ARG(0);
	OmDense    *result = om_dense_new(type, v->dim);
	float	   *x = type->read(result);

	om_floats_normalize(type->read(v), x, v->dim);
	store(type, result, x);
	PG_RETURN_POINTER(result);
}

Datum
om_dense_subvector(FunctionCallInfo fcinfo, const OmDenseType *type)
{
	OmDense    *v = ARG(0);
	int			first;
	int			n = om_slice(type->desc, v->dim, PG_GETARG_INT32(1), PG_GETARG_INT32(2), &first);
	OmDense    *result = om_dense_new(type, n);

	memcpy(result->x, v->x + type->element * first, type->element * n);
	PG_RETURN_POINTER(result);
}

Datum
om_dense_quantize(FunctionCallInfo fcinfo, const OmDenseType *type)
{
	OmDense    *v = ARG(0);

	PG_RETURN_POINTER(om_floats_quantize(type->read(v), v->dim));
}

/* ---- arithmetic ---- */

Datum
om_dense_combine(FunctionCallInfo fcinfo, const OmDenseType *type,
				 void (*op) (const float *, const float *, float *, int), bool product)
{
	OmDense    *a = ARG(0);
	OmDense    *b = ARG(1);
	float	   *x;
	float	   *y;
	OmDense    *result;
	float	   *out;

	om_check_same_dim(type->desc, a->dim, b->dim);
	x = type->read(a);
	y = type->read(b);
	result = om_dense_new(type, a->dim);
	out = type->read(result);
	op(x, y, out, a->dim);
	store(type, result, out);
	if (product && om_floats_vanished(x, y, out, a->dim))
		om_range_underflow();
	PG_RETURN_POINTER(result);
}

Datum
om_dense_concat(FunctionCallInfo fcinfo, const OmDenseType *type)
{
	OmDense    *a = ARG(0);
	OmDense    *b = ARG(1);
	int			dim = a->dim + b->dim;
	OmDense    *result;

	om_check_dim(type->desc, dim);
	result = om_dense_new(type, dim);
	memcpy(result->x, a->x, type->element * a->dim);
	memcpy(result->x + type->element * a->dim, b->x, type->element * b->dim);
	PG_RETURN_POINTER(result);
}

/* ---- order ---- */

int
om_dense_compare(FunctionCallInfo fcinfo, const OmDenseType *type)
{
	OmDense    *a = ARG(0);
	OmDense    *b = ARG(1);
	float	   *x = type->read(a);
	float	   *y = type->read(b);
	int			result = om_floats_compare(x, a->dim, y, b->dim);

	done_reading(a, x);
	done_reading(b, y);
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

/* ---- aggregates ---- */

Datum
om_dense_accumulate(FunctionCallInfo fcinfo, const OmDenseType *type, const char *name)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	OmDense    *v = ARG(1);
	bool		in_place = AggCheckCallContext(fcinfo, NULL) != 0;
	float	   *x = type->read(v);
	ArrayType  *result = om_state_add(type->desc, state, x, v->dim, name, in_place);

	done_reading(v, x);
	PG_RETURN_ARRAYTYPE_P(result);
}

Datum
om_dense_add_states(FunctionCallInfo fcinfo, const OmDenseType *type, const char *name)
{
	ArrayType  *a = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *b = PG_GETARG_ARRAYTYPE_P(1);
	bool		in_place = AggCheckCallContext(fcinfo, NULL) != 0;

	PG_RETURN_ARRAYTYPE_P(om_state_combine(type->desc, a, b, name, in_place));
}

Datum
om_dense_finish(FunctionCallInfo fcinfo, const OmDenseType *type, const char *name, bool mean)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	int			dim;
	double	   *values = om_state_values(type->desc, state, name, &dim);
	OmDense    *result;
	float	   *x;

	if (values[0] == 0)
		PG_RETURN_NULL();
	om_check_dim(type->desc, dim);
	result = om_dense_new(type, dim);
	x = type->read(result);
	om_state_result(type->desc, values, dim, mean, x);
	type->write(result, x);
	PG_RETURN_POINTER(result);
}
