/*
 * sparsevec_function.c -- distances, norms and order of sparsevec.
 *
 * Two values are merged by index; what only one of them has meets a zero.  Sums in
 * double: there are few terms, and no product of floats overflows.
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "fmgr.h"
#include "types/sparsevec.h"

OM_FUNCTION(om_sparsevec_l2_distance);
OM_FUNCTION(om_sparsevec_l2_squared_distance);
OM_FUNCTION(om_sparsevec_inner_product);
OM_FUNCTION(om_sparsevec_negative_inner_product);
OM_FUNCTION(om_sparsevec_cosine_distance);
OM_FUNCTION(om_sparsevec_l1_distance);
OM_FUNCTION(om_sparsevec_l2_norm);
OM_FUNCTION(om_sparsevec_l2_normalize);

/* A walk over the indices of both. */
typedef struct Merge
{
	OmSparsevec *a;
	OmSparsevec *b;
	int			i;
	int			j;
} Merge;

/*
 * next_pair -- the elements at the next index that either has; false at the end.
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

static Merge
begin(FunctionCallInfo fcinfo)
{
	Merge		m = {PG_GETARG_OMSPARSEVEC_P(0), PG_GETARG_OMSPARSEVEC_P(1), 0, 0};

	om_sparsevec_check_dims(m.a, m.b);
	return m;
}

static double
l2sq(FunctionCallInfo fcinfo)
{
	Merge		m = begin(fcinfo);
	double		sum = 0;
	double		x;
	double		y;

	while (next_pair(&m, &x, &y))
		sum += (x - y) * (x - y);
	return sum;
}

static double
inner_product(OmSparsevec *a, OmSparsevec *b)
{
	Merge		m = {a, b, 0, 0};
	double		sum = 0;
	double		x;
	double		y;

	while (next_pair(&m, &x, &y))
		sum += x * y;
	return sum;
}

static double
product_of_args(FunctionCallInfo fcinfo)
{
	Merge		m = begin(fcinfo);

	return inner_product(m.a, m.b);
}

Datum
om_sparsevec_l2_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sqrt(l2sq(fcinfo)));
}

Datum
om_sparsevec_l2_squared_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(l2sq(fcinfo));
}

Datum
om_sparsevec_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(product_of_args(fcinfo));
}

Datum
om_sparsevec_negative_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(-product_of_args(fcinfo));
}

Datum
om_sparsevec_cosine_distance(PG_FUNCTION_ARGS)
{
	Merge		m = begin(fcinfo);

	PG_RETURN_FLOAT8(om_cosine_from_sums(inner_product(m.a, m.b), inner_product(m.a, m.a),
										 inner_product(m.b, m.b)));
}

Datum
om_sparsevec_l1_distance(PG_FUNCTION_ARGS)
{
	Merge		m = begin(fcinfo);
	double		sum = 0;
	double		x;
	double		y;

	while (next_pair(&m, &x, &y))
		sum += fabs(x - y);
	PG_RETURN_FLOAT8(sum);
}

Datum
om_sparsevec_l2_norm(PG_FUNCTION_ARGS)
{
	OmSparsevec *v = PG_GETARG_OMSPARSEVEC_P(0);

	PG_RETURN_FLOAT8(om_floats_norm(om_sparsevec_values(v), v->nnz));
}

/*
 * om_sparsevec_l2_normalize -- divided by its norm; a zero vector stays as it is.
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
	/* what has become zero is not stored */
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
 * compare_args -- the order of the same vectors written out, zeros included.
 *
 * An element beyond the other vector's dimensions does not count: then the number of
 * dimensions decides.
 */
static int
compare_args(FunctionCallInfo fcinfo)
{
	Merge		m = {PG_GETARG_OMSPARSEVEC_P(0), PG_GETARG_OMSPARSEVEC_P(1), 0, 0};
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
	PG_FREE_IF_COPY(m.a, 0);
	PG_FREE_IF_COPY(m.b, 1);
	return result;
}

OM_COMPARISONS(om_sparsevec, compare_args)
