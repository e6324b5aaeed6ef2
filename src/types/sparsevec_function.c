/*
 * sparsevec_function.c -- distances, norms and order of sparsevec.
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "fmgr.h"
#include "kernel/sparse.h"
#include "types/sparsevec.h"

OM_FUNCTION(om_sparsevec_l2_normalize);

static inline OmElements
elements_of(const OmSparsevec *v)
{
	OmElements	elements = {v->nnz, v->index, om_sparsevec_values(v)};

	return elements;
}

double
om_sparsevec_l2sq(const OmSparsevec *a, const OmSparsevec *b)
{
	OmElements	x = elements_of(a);
	OmElements	y = elements_of(b);

	return om_elements_l2sq(&x, &y);
}

double
om_sparsevec_ip(const OmSparsevec *a, const OmSparsevec *b)
{
	OmElements	x = elements_of(a);
	OmElements	y = elements_of(b);

	return om_elements_ip(&x, &y);
}

static double
squares(const OmSparsevec *v)
{
	OmElements	x = elements_of(v);

	return om_elements_squares(&x);
}

double
om_sparsevec_cosine(const OmSparsevec *a, const OmSparsevec *b)
{
	return om_cosine_from_sums(om_sparsevec_ip(a, b), squares(a), squares(b));
}

double
om_sparsevec_l1(const OmSparsevec *a, const OmSparsevec *b)
{
	OmElements	x = elements_of(a);
	OmElements	y = elements_of(b);

	return om_elements_l1(&x, &y);
}

/*
 * distance -- call one of these functions with both arguments.
 */
static inline double
distance(FunctionCallInfo fcinfo, double (*function) (const OmSparsevec *, const OmSparsevec *))
{
	OmSparsevec *a = PG_GETARG_OMSPARSEVEC_P(0);
	OmSparsevec *b = PG_GETARG_OMSPARSEVEC_P(1);

	om_sparsevec_check_dims(a, b);
	return function(a, b);
}

OM_DISTANCE(om_sparsevec_l2_distance, sqrt(distance(fcinfo, om_sparsevec_l2sq)))
OM_DISTANCE(om_sparsevec_l2_squared_distance, distance(fcinfo, om_sparsevec_l2sq))
OM_DISTANCE(om_sparsevec_inner_product, distance(fcinfo, om_sparsevec_ip))
OM_DISTANCE(om_sparsevec_negative_inner_product, -distance(fcinfo, om_sparsevec_ip))
OM_DISTANCE(om_sparsevec_cosine_distance, distance(fcinfo, om_sparsevec_cosine))
OM_DISTANCE(om_sparsevec_l1_distance, distance(fcinfo, om_sparsevec_l1))

static double
norm(const OmSparsevec *v)
{
	return om_floats_norm(om_sparsevec_values(v), v->nnz);
}

OM_DEFINE(om_sparsevec_l2_norm, Float8GetDatum(norm(PG_GETARG_OMSPARSEVEC_P(0))))

/*
 * om_sparsevec_l2_normalize -- divide by the norm; a zero vector stays as it is.
 */
Datum
om_sparsevec_l2_normalize(PG_FUNCTION_ARGS)
{
	OmSparsevec *v = PG_GETARG_OMSPARSEVEC_P(0);
	float	   *x = palloc(sizeof(float) * Max(v->nnz, 1));
	OmSparsevec *result;
	int			nnz = 0;

	om_floats_normalize(om_sparsevec_values(v), x, v->nnz);
	if (!om_all_finite(x, v->nnz))
		om_range_overflow();
	/* elements that have become zero are not stored */
	for (int i = 0; i < v->nnz; i++)
		nnz += x[i] != 0;
	result = om_sparsevec_new(v->dim, nnz);
	nnz = 0;
	for (int i = 0; i < v->nnz; i++)
	{
		if (x[i] != 0)
		{
			result->index[nnz] = v->index[i];
			om_sparsevec_values(result)[nnz++] = x[i];
		}
	}
	PG_RETURN_OMSPARSEVEC_P(result);
}

/* --- order --------------------------------------------------------------- */

/*
 * compare_args -- the same order as that of the vectors written out, zeros included.
 *
 * Elements beyond the shorter vector's dimensions are ignored; if all others are equal, the
 * number of dimensions decides.
 */
static int
compare_args(FunctionCallInfo fcinfo)
{
	OmSparsevec *a = PG_GETARG_OMSPARSEVEC_P(0);
	OmSparsevec *b = PG_GETARG_OMSPARSEVEC_P(1);
	OmElements	of_a = elements_of(a);
	OmElements	of_b = elements_of(b);
	OmMerge		m = {&of_a, &of_b, 0, 0};
	int			dim = Min(a->dim, b->dim);
	int			result = (a->dim > b->dim) - (a->dim < b->dim);

	for (;;)
	{
		int			at_a = m.i < of_a.n ? of_a.index[m.i] : dim;
		int			at_b = m.j < of_b.n ? of_b.index[m.j] : dim;
		double		x;
		double		y;

		if (Min(at_a, at_b) >= dim || !om_next_pair(&m, &x, &y))
			break;
		if (x != y)
		{
			result = x < y ? -1 : 1;
			break;
		}
	}
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

OM_COMPARISONS(om_sparsevec, compare_args)
