/*
 * omendb_example.c -- an extension in C on top of omendb: what omendb.h offers, in use.
 *
 * nearest_of     kernels by metric, on values that are checked when they are read
 * distance       the operators' distances, of a metric that is known at run time
 * midpoint       a halfvec, computed in floats
 * largest_terms  a sparsevec, cut down to its largest elements
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "extension/omendb/omendb.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(nearest_of);
PG_FUNCTION_INFO_V1(vector_distance_by);
PG_FUNCTION_INFO_V1(halfvec_distance_by);
PG_FUNCTION_INFO_V1(sparsevec_distance_by);
PG_FUNCTION_INFO_V1(bit_distance_by);
PG_FUNCTION_INFO_V1(midpoint);
PG_FUNCTION_INFO_V1(largest_terms);

/* The metric of an argument, by its name. */
static OmendbMetric
metric_of(text *name)
{
	static const char *const names[] = {"l2", "ip", "cosine", "l1", "hamming", "jaccard"};
	char	   *given = text_to_cstring(name);

	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(given, names[i]) == 0)
			return (OmendbMetric) (OMENDB_L2 + i);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no metric \"%s\"", given),
			 errhint("Metrics are l2, ip, cosine, l1, hamming and jaccard.")));
	return OMENDB_L2;
}

/*
 * nearest_of -- place, from 1, of the vector in an array that is nearest to a query; NULL
 * if there is none.
 */
Datum
nearest_of(PG_FUNCTION_ARGS)
{
	const OmendbApi *omendb = OmendbGetApi();
	const OmVector *query = omendb->vector(PG_GETARG_DATUM(0));
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	OmendbFloatKernel kernel = omendb->float_kernel(metric_of(PG_GETARG_TEXT_PP(2)));
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *element;
	bool	   *is_null;
	int			n;
	int			best = 0;
	double		nearest = INFINITY;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &element, &is_null, &n);
	for (int i = 0; i < n; i++)
	{
		int			dim;
		double		distance;

		if (is_null[i])
			continue;
		/* a kernel checks nothing; of a large value dims() reads the beginning only */
		dim = omendb->dims(OMENDB_VECTOR, element[i]);
		if (dim != query->dim)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("element %d has %d dimensions, and the query has %d", i + 1, dim, query->dim)));
		distance = kernel(query->x, omendb->vector(element[i])->x, query->dim);
		if (best == 0 || distance < nearest)
		{
			best = i + 1;
			nearest = distance;
		}
	}
	if (best == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(best);
}

/* The distance that the operator of the metric computes. */
Datum
vector_distance_by(PG_FUNCTION_ARGS)
{
	const OmendbApi *omendb = OmendbGetApi();

	PG_RETURN_FLOAT8(omendb->distance(OMENDB_VECTOR, metric_of(PG_GETARG_TEXT_PP(2)),
									  omendb->vector(PG_GETARG_DATUM(0)), omendb->vector(PG_GETARG_DATUM(1))));
}

Datum
halfvec_distance_by(PG_FUNCTION_ARGS)
{
	const OmendbApi *omendb = OmendbGetApi();

	PG_RETURN_FLOAT8(omendb->distance(OMENDB_HALFVEC, metric_of(PG_GETARG_TEXT_PP(2)),
									  omendb->halfvec(PG_GETARG_DATUM(0)), omendb->halfvec(PG_GETARG_DATUM(1))));
}

Datum
sparsevec_distance_by(PG_FUNCTION_ARGS)
{
	const OmendbApi *omendb = OmendbGetApi();

	PG_RETURN_FLOAT8(omendb->distance(OMENDB_SPARSEVEC, metric_of(PG_GETARG_TEXT_PP(2)),
									  omendb->sparsevec(PG_GETARG_DATUM(0)), omendb->sparsevec(PG_GETARG_DATUM(1))));
}

/* A bit string is PostgreSQL's own type, so that PostgreSQL's own macro reads it. */
Datum
bit_distance_by(PG_FUNCTION_ARGS)
{
	const OmendbApi *omendb = OmendbGetApi();

	PG_RETURN_FLOAT8(omendb->distance(OMENDB_BIT, metric_of(PG_GETARG_TEXT_PP(2)),
									  PG_GETARG_VARBIT_P(0), PG_GETARG_VARBIT_P(1)));
}

/*
 * midpoint -- half of the sum of two halfvecs.
 */
Datum
midpoint(PG_FUNCTION_ARGS)
{
	const OmendbApi *omendb = OmendbGetApi();
	const OmHalfvec *a = omendb->halfvec(PG_GETARG_DATUM(0));
	const OmHalfvec *b = omendb->halfvec(PG_GETARG_DATUM(1));
	OmHalfvec  *result;
	float	   *x;
	float	   *y;

	if (a->dim != b->dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the values have %d and %d dimensions", a->dim, b->dim)));
	x = palloc(sizeof(float) * a->dim);
	y = palloc(sizeof(float) * a->dim);
	omendb->half_to_float(a->x, x, a->dim);
	omendb->half_to_float(b->x, y, a->dim);
	for (int i = 0; i < a->dim; i++)
		x[i] = (x[i] + y[i]) / 2;
	result = omendb->new_halfvec(a->dim);
	omendb->float_to_half(x, result->x, a->dim);
	PG_RETURN_DATUM(omendb->check(OMENDB_HALFVEC, result));
}

static int
compare_magnitudes(const void *a, const void *b)
{
	float		x = fabsf(*(const float *) a);
	float		y = fabsf(*(const float *) b);

	return (x < y) - (x > y);
}

/*
 * largest_terms -- the n elements of largest magnitude, of equal ones the first.
 */
Datum
largest_terms(PG_FUNCTION_ARGS)
{
	const OmendbApi *omendb = OmendbGetApi();
	const OmSparsevec *v = omendb->sparsevec(PG_GETARG_DATUM(0));
	const float *value = om_sparsevec_values(v);
	int			n = Min(PG_GETARG_INT32(1), v->nnz);
	OmSparsevec *result;
	float	   *sorted;
	int			above = 0;		/* elements larger than the last one kept */
	int			kept = 0;

	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of elements must not be negative")));
	result = omendb->new_sparsevec(v->dim, n);
	if (n == 0)
		PG_RETURN_DATUM(omendb->check(OMENDB_SPARSEVEC, result));

	sorted = palloc(sizeof(float) * v->nnz);
	memcpy(sorted, value, sizeof(float) * v->nnz);
	qsort(sorted, v->nnz, sizeof(float), compare_magnitudes);
	while (fabsf(sorted[above]) > fabsf(sorted[n - 1]))
		above++;
	for (int i = 0, equal = n - above; i < v->nnz; i++)
	{
		float		size = fabsf(value[i]);

		if (size > fabsf(sorted[n - 1]) || (size == fabsf(sorted[n - 1]) && equal-- > 0))
		{
			result->index[kept] = v->index[i];
			om_sparsevec_values(result)[kept++] = value[i];
		}
	}
	PG_RETURN_DATUM(omendb->check(OMENDB_SPARSEVEC, result));
}
