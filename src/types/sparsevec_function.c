/*
 * sparsevec_function.c -- distances, norms and order of sparsevec.
 *
 * Two values are merged by index; an element that only one of them has is paired with a
 * zero.  Sums are in double: there are few terms, and no product of floats overflows.
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "fmgr.h"
#include "types/sparsevec.h"

OM_FUNCTION(om_sparsevec_l2_normalize);

/* Iterates over the indices of both values. */
typedef struct Merge
{
	const OmSparsevec *a;
	const OmSparsevec *b;
	int			i;
	int			j;
} Merge;

/*
 * next_pair -- the elements at the next index that either value has; false at the end.
 */
static inline bool
next_pair(Merge *m, double *x, double *y)
{
	int			at_a = m->i < m->a->nnz ? m->a->index[m->i] : PG_INT32_MAX;
	int			at_b = m->j < m->b->nnz ? m->b->index[m->j] : PG_INT32_MAX;

	if (at_a == PG_INT32_MAX && at_b == PG_INT32_MAX)
		return false;
	*x = at_a <= at_b ? om_sparsevec_values(m->a)[m->i++] : 0;
	*y = at_b <= at_a ? om_sparsevec_values(m->b)[m->j++] : 0;
	return true;
}

double
om_sparsevec_l2sq(const OmSparsevec *a, const OmSparsevec *b)
{
	Merge		m = {a, b, 0, 0};
	double		sum = 0;
	double		x;
	double		y;

	while (next_pair(&m, &x, &y))
		sum += (x - y) * (x - y);
	return sum;
}

/*
 * om_sparsevec_ip -- inner product, over the indices that both values have; the others add
 * zero.
 */
double
om_sparsevec_ip(const OmSparsevec *a, const OmSparsevec *b)
{
	const float *x = om_sparsevec_values(a);
	const float *y = om_sparsevec_values(b);
	double		sum = 0;
	int			i = 0;
	int			j = 0;

	while (i < a->nnz && j < b->nnz)
	{
		int			at_a = a->index[i];
		int			at_b = b->index[j];

		if (at_a == at_b)
			sum += (double) x[i] * y[j];
		/* no branches here: a CPU could not predict them */
		i += at_a <= at_b;
		j += at_b <= at_a;
	}
	return sum;
}

static double
squares(const OmSparsevec *v)
{
	const float *x = om_sparsevec_values(v);
	double		sum = 0;

	for (int i = 0; i < v->nnz; i++)
		sum += (double) x[i] * x[i];
	return sum;
}

double
om_sparsevec_cosine(const OmSparsevec *a, const OmSparsevec *b)
{
	return om_cosine_from_sums(om_sparsevec_ip(a, b), squares(a), squares(b));
}

double
om_sparsevec_l1(const OmSparsevec *a, const OmSparsevec *b)
{
	Merge		m = {a, b, 0, 0};
	double		sum = 0;
	double		x;
	double		y;

	while (next_pair(&m, &x, &y))
		sum += fabs(x - y);
	return sum;
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
	Merge		m = {a, b, 0, 0};
	int			dim = Min(m.a->dim, m.b->dim);
	int			result = (m.a->dim > m.b->dim) - (m.a->dim < m.b->dim);

	for (;;)
	{
		int			at_a = m.i < m.a->nnz ? m.a->index[m.i] : dim;
		int			at_b = m.j < m.b->nnz ? m.b->index[m.j] : dim;
		double		x;
		double		y;

		if (Min(at_a, at_b) >= dim || !next_pair(&m, &x, &y))
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
