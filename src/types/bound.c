/*
 * bound.c -- bound_vector() and the like: take an upper bound of a distance as people write
 * it, and solve it for the distance.
 *
 * The planner turns
 *
 *     1 - (embedding <=> $1) > 0.7    into    embedding <<=> bound_vector($1, 0.7, '>', -1, 1)
 *
 * for an index, which only knows a center and a radius.  Every row that meets the first
 * condition must meet the second, whatever the first one's arithmetic rounds, and also
 * where a distance is NaN: in SQL, NaN is greater than all numbers, so that 1 - NaN > 0.7
 * is true.  See planner/bounds.c.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/htup_details.h"
#include "compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "types/sphere.h"
#include "utils/builtins.h"

OM_FUNCTION(om_bound);

/*
 * The rounding error, in units of DBL_EPSILON, of the clause's arithmetic (a product and a
 * sum, or several of these that were folded) and of the solution here.
 */
#define ROUNDING 16

/*
 * solve -- compute a radius that is greater than every distance d with scale * d + shift
 * <comparison> bound.  No argument is NaN.
 *
 * If scale is 1 or -1 and shift is 0, nothing is rounded, and the condition "distance <
 * radius" is equivalent.
 */
static double
solve(double bound, bool inclusive, double scale, double shift)
{
	double		radius = (bound - shift) / scale;

	/* then the distance may be infinite, too */
	if (isinf(radius))
	{
		if (radius > 0)
			return inclusive ? get_float8_nan() : radius;
		return inclusive || !isinf(bound) ? -DBL_MAX : radius;
	}
	if (shift != 0 || fabs(scale) != 1)
		return nextafter(radius + ROUNDING * DBL_EPSILON * (fabs(bound) + 2 * fabs(shift)) / fabs(scale),
						 INFINITY);
	return inclusive ? nextafter(radius, INFINITY) : radius;
}

/*
 * om_bound -- bound_vector(center vector, bound, comparison, scale, shift): the values for
 * which scale * distance + shift <comparison> bound.
 *
 * scale   positive if comparison is < or <=, negative if it is > or >=, so that the
 *         distance is bounded from above
 */
Datum
om_bound(PG_FUNCTION_ARGS)
{
	double		bound = PG_GETARG_FLOAT8(1);
	char	   *comparison = text_to_cstring(PG_GETARG_TEXT_PP(2));
	double		scale = PG_GETARG_FLOAT8(3);
	double		shift = PG_GETARG_FLOAT8(4);
	bool		less = comparison[0] == '<';
	bool		inclusive = comparison[0] != '\0' && comparison[1] == '=';
	TupleDesc	desc;
	double		radius;
	bool		unordered;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if ((comparison[0] != '<' && comparison[0] != '>') || comparison[inclusive ? 2 : 1] != '\0' ||
		!isfinite(scale) || !isfinite(shift) || scale == 0 || less != (scale > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not an upper bound of a distance: %g * distance + %g %s %g", scale, shift, comparison, bound)));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != 3)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("type of a bound does not consist of three columns")));

	/* NaN equals NaN, and is greater than all numbers */
	if (isnan(bound))
	{
		radius = less ? bound : -get_float8_infinity();
		unordered = inclusive;
	}
	else
	{
		radius = solve(bound, inclusive, scale, shift);
		unordered = !less;
	}
	values[0] = PG_GETARG_DATUM(0);
	values[1] = Float8GetDatum(radius);
	values[2] = BoolGetDatum(unordered);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
