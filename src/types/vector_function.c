/*
 * vector_function.c -- arithmetic on vectors, and what takes them apart.
 *
 * A result that is not finite is an error, never stored.
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "types/vector.h"
#include "utils/varbit.h"

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

Datum
om_vector_add(PG_FUNCTION_ARGS)
{
	OmVector   *a = PG_GETARG_OMVECTOR_P(0);
	OmVector   *b = PG_GETARG_OMVECTOR_P(1);
	OmVector   *result;

	om_vector_check_dims(a, b);
	result = om_vector_new(a->dim);
	for (int i = 0, dim = a->dim; i < dim; i++)
		result->x[i] = a->x[i] + b->x[i];
	check_result(result);
	PG_RETURN_OMVECTOR_P(result);
}

Datum
om_vector_sub(PG_FUNCTION_ARGS)
{
	OmVector   *a = PG_GETARG_OMVECTOR_P(0);
	OmVector   *b = PG_GETARG_OMVECTOR_P(1);
	OmVector   *result;

	om_vector_check_dims(a, b);
	result = om_vector_new(a->dim);
	for (int i = 0, dim = a->dim; i < dim; i++)
		result->x[i] = a->x[i] - b->x[i];
	check_result(result);
	PG_RETURN_OMVECTOR_P(result);
}

/*
 * om_vector_mul -- element by element.  A product that vanishes is an error, as
 * it is for real.
 */
Datum
om_vector_mul(PG_FUNCTION_ARGS)
{
	OmVector   *a = PG_GETARG_OMVECTOR_P(0);
	OmVector   *b = PG_GETARG_OMVECTOR_P(1);
	OmVector   *result;
	bool		vanished = false;

	om_vector_check_dims(a, b);
	result = om_vector_new(a->dim);
	for (int i = 0, dim = a->dim; i < dim; i++)
	{
		float		product = a->x[i] * b->x[i];

		result->x[i] = product;
		vanished |= (product == 0) & (a->x[i] != 0) & (b->x[i] != 0);
	}
	check_result(result);
	if (unlikely(vanished))
		om_range_underflow();
	PG_RETURN_OMVECTOR_P(result);
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

/*
 * om_l2_normalize -- the vector divided by its norm; zeros stay as they are.
 */
Datum
om_l2_normalize(PG_FUNCTION_ARGS)
{
	OmVector   *v = PG_GETARG_OMVECTOR_P(0);
	double		norm = om_floats_norm(v->x, v->dim);
	OmVector   *result = om_vector_new(v->dim);

	if (norm > 0)
	{
		for (int i = 0, dim = v->dim; i < dim; i++)
			result->x[i] = (float) (v->x[i] / norm);
		check_result(result);
	}
	PG_RETURN_OMVECTOR_P(result);
}

/*
 * om_subvector -- elements start to start + count - 1, counted from 1; as
 * substring does, what lies outside of the vector is left out.
 */
Datum
om_subvector(PG_FUNCTION_ARGS)
{
	OmVector   *v = PG_GETARG_OMVECTOR_P(0);
	int64		start = PG_GETARG_INT32(1);
	int64		count = PG_GETARG_INT32(2);
	int64		first = Max(start, 1);
	int64		last = Min(start + count - 1, v->dim);
	OmVector   *result;

	om_check_dim(&om_vector_desc, last - first + 1);
	result = om_vector_new(last - first + 1);
	memcpy(result->x, v->x + first - 1, sizeof(float) * result->dim);
	PG_RETURN_OMVECTOR_P(result);
}

/*
 * om_binary_quantize -- bit(dim): 1 where the element is above zero.
 */
Datum
om_binary_quantize(PG_FUNCTION_ARGS)
{
	OmVector   *v = PG_GETARG_OMVECTOR_P(0);
	int			size = VARBITTOTALLEN(v->dim);
	VarBit	   *result = palloc0(size);
	bits8	   *bits = VARBITS(result);

	SET_VARSIZE(result, size);
	VARBITLEN(result) = v->dim;
	for (int i = 0; i < v->dim; i++)
		bits[i / BITS_PER_BYTE] |= (v->x[i] > 0) << (BITS_PER_BYTE - 1 - i % BITS_PER_BYTE);
	PG_RETURN_VARBIT_P(result);
}
