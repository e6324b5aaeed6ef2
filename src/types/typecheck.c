/*
 * typecheck.c -- checks of dimensions, elements and type modifiers.
 *
 * All messages about values that a vector-like type cannot hold are in this file.  Soft
 * errors go to escontext where the server supports them (16 and later).
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "compat.h"
#include "libpq/pqformat.h"
#include "types/typeutil.h"
#include "utils/array.h"

/*
 * om_check_dim_safe -- see typeutil.h.
 */
bool
om_check_dim_safe(const OmTypeDesc *desc, int64 dim, struct Node *escontext)
{
	if (dim < 1)
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s must have at least 1 dimension", desc->name)));
	if (dim > desc->max_dim)
		ereturn(escontext, false,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s cannot have more than %d dimensions", desc->name, desc->max_dim),
				 errdetail("The value has %lld dimensions.", (long long) dim)));
	return true;
}

void
om_check_dim(const OmTypeDesc *desc, int64 dim)
{
	(void) om_check_dim_safe(desc, dim, NULL);
}

bool
om_check_typmod(int32 typmod, int dim, struct Node *escontext)
{
	if (typmod != -1 && typmod != dim)
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", (int) typmod, dim)));
	return true;
}

bool
om_all_finite(const float *x, int n)
{
	uint32		any = 0;

	/*
	 * This tests the bits: an exponent of all ones means infinity or NaN. Only then does
	 * adding one unit of exponent carry into the sign bit.
	 */
	for (int i = 0; i < n; i++)
	{
		uint32		bits;

		memcpy(&bits, &x[i], sizeof(bits));
		any |= (bits & 0x7fffffff) + 0x00800000;
	}
	return (any & 0x80000000) == 0;
}

bool
om_check_finite(const OmTypeDesc *desc, const float *x, int n, struct Node *escontext)
{
	if (likely(om_all_finite(x, n)))
		return true;

	for (int i = 0; i < n; i++)
	{
		if (isnan(x[i]))
			ereturn(escontext, false,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("NaN not allowed in %s", desc->name),
					 errdetail("Element %d is not a number.", i + 1)));
		if (isinf(x[i]))
			ereturn(escontext, false,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("infinite value not allowed in %s", desc->name),
					 errdetail("Element %d is infinite.", i + 1)));
	}
	return true;
}

void
om_check_range(const OmTypeDesc *desc, const float *x, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (unlikely(fabsf(x[i]) >= desc->limit && !isinf(x[i])))
		{
			char		text[FLOAT_SHORTEST_DECIMAL_LEN];

			float_to_shortest_decimal_buf(x[i], text);
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("\"%s\" is out of range for type %s", text, desc->name),
					 errdetail("Element %d is too large.", i + 1)));
		}
	}
}

int32
om_typmod_in(const OmTypeDesc *desc, ArrayType *args)
{
	int			n;
	int32	   *values = ArrayGetIntegerTypmods(args, &n);

	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid type modifier"),
				 errdetail("Type %s takes one modifier, the number of dimensions.", desc->name)));
	if (values[0] < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type %s must be at least 1", desc->name)));
	if (values[0] > desc->max_dim)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type %s cannot exceed %d", desc->name, desc->max_dim)));
	return values[0];
}

int
om_recv_header(const OmTypeDesc *desc, StringInfo buf, int32 typmod)
{
	int			dim = (int16) pq_getmsgint(buf, sizeof(int16));
	int			unused = (int16) pq_getmsgint(buf, sizeof(int16));

	om_check_dim(desc, dim);
	(void) om_check_typmod(typmod, dim, NULL);
	if (unused != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected unused to be 0, not %d", unused)));
	return dim;
}

void
om_dim_mismatch(const OmTypeDesc *desc, int a, int b)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("different %s dimensions %d and %d", desc->name, a, b)));
}

void
om_range_overflow(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("value out of range: overflow")));
}

void
om_range_underflow(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("value out of range: underflow")));
}
