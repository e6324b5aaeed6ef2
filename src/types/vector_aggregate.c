/*
 * vector_aggregate.c -- avg(vector) and sum(vector).
 *
 * Both keep the state of typeutil.h, so that their results do not depend on the
 * order of the rows beyond double rounding, and combine across workers.
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "types/vector.h"
#include "utils/array.h"

OM_FUNCTION(om_vector_accum);
OM_FUNCTION(om_vector_combine);
OM_FUNCTION(om_vector_avg);
OM_FUNCTION(om_vector_sum);

/*
 * om_vector_accum -- one row more.  Inside an aggregate the state is ours alone.
 */
Datum
om_vector_accum(PG_FUNCTION_ARGS)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	OmVector   *v = PG_GETARG_OMVECTOR_P(1);
	bool		in_place = AggCheckCallContext(fcinfo, NULL) != 0;

	PG_RETURN_ARRAYTYPE_P(om_state_add(&om_vector_desc, state, v->x, v->dim,
									   "vector_accum", in_place));
}

Datum
om_vector_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *a = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *b = PG_GETARG_ARRAYTYPE_P(1);
	bool		in_place = AggCheckCallContext(fcinfo, NULL) != 0;

	PG_RETURN_ARRAYTYPE_P(om_state_combine(&om_vector_desc, a, b, "vector_combine", in_place));
}

/*
 * finish -- result of a state; NULL where it counts no row.
 */
static Datum
finish(FunctionCallInfo fcinfo, const char *caller, bool mean)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	OmVector   *result;
	int			dim;
	double	   *values = om_state_values(&om_vector_desc, state, caller, &dim);

	if (values[0] == 0)
		PG_RETURN_NULL();
	om_check_dim(&om_vector_desc, dim);
	result = om_vector_new(dim);
	om_state_result(&om_vector_desc, values, dim, mean, result->x);
	PG_RETURN_OMVECTOR_P(result);
}

Datum
om_vector_avg(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, "vector_avg", true);
}

Datum
om_vector_sum(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, "vector_sum", false);
}
