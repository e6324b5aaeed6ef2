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

/*
 * compare_args -- the order of the two arguments, leaving no copy
 * behind: a btree compares many pairs in one memory context.
 */
static int
compare_args(FunctionCallInfo fcinfo)
{
	OmVector   *a = PG_GETARG_OMVECTOR_P(0);
	OmVector   *b = PG_GETARG_OMVECTOR_P(1);
	int			result = om_floats_compare(a->x, a->dim, b->x, b->dim);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

OM_COMPARISONS(om_vector, compare_args)
