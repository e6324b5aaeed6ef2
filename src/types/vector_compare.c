/*
 * vector_compare.c -- the order of vectors, for btree, DISTINCT and sorts.
 *
 * Elements decide first, then the number of dimensions, as in arrays.  0 and -0
 * are equal.
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "types/vector.h"

OM_FUNCTION(om_vector_cmp);
OM_FUNCTION(om_vector_lt);
OM_FUNCTION(om_vector_le);
OM_FUNCTION(om_vector_eq);
OM_FUNCTION(om_vector_ne);
OM_FUNCTION(om_vector_ge);
OM_FUNCTION(om_vector_gt);

int
om_vector_compare(const OmVector *a, const OmVector *b)
{
	return om_floats_compare(a->x, a->dim, b->x, b->dim);
}

/*
 * compare_args -- om_vector_compare of the two arguments, leaving no copy
 * behind: a btree compares many pairs in one memory context.
 */
static int
compare_args(FunctionCallInfo fcinfo)
{
	OmVector   *a = PG_GETARG_OMVECTOR_P(0);
	OmVector   *b = PG_GETARG_OMVECTOR_P(1);
	int			result = om_vector_compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

Datum
om_vector_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_args(fcinfo));
}

Datum
om_vector_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) < 0);
}

Datum
om_vector_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) <= 0);
}

Datum
om_vector_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) == 0);
}

Datum
om_vector_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) != 0);
}

Datum
om_vector_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) >= 0);
}

Datum
om_vector_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) > 0);
}
