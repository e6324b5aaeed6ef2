/*
 * typearray.c -- conversion between SQL arrays and float[], and aggregate states.
 *
 * A state is a double precision[]. Sums in double lose nothing that a float could show, and
 * PostgreSQL itself passes the state between parallel workers.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "types/typeutil.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

int
om_array_dim(const OmTypeDesc *desc, ArrayType *array)
{
	int			dim;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("array must be 1-D"),
				 errdetail("The array has %d dimensions; type %s takes a flat list of numbers.",
						   ARR_NDIM(array), desc->name)));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array must not contain nulls")));
	dim = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	om_check_dim(desc, dim);
	return dim;
}

/*
 * narrow -- convert a double to float; finite values must stay finite.
 */
static float
narrow(const OmTypeDesc *desc, double value)
{
	float		result = (float) value;

	if (unlikely(isinf(result) && !isinf(value)))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("\"%g\" is out of range for type %s", value, desc->name)));
	return result;
}

void
om_array_to_floats(const OmTypeDesc *desc, ArrayType *array, int dim, float *out)
{
	Oid			element = ARR_ELEMTYPE(array);

	/* Without nulls, elements of fixed width are contiguous and aligned. */
	if (element == FLOAT4OID)
		memcpy(out, ARR_DATA_PTR(array), sizeof(float) * dim);
	else if (element == INT4OID)
	{
		const int32 *values = (const int32 *) ARR_DATA_PTR(array);

		for (int i = 0; i < dim; i++)
			out[i] = (float) values[i];
	}
	else if (element == INT2OID)
	{
		const int16 *values = (const int16 *) ARR_DATA_PTR(array);

		for (int i = 0; i < dim; i++)
			out[i] = (float) values[i];
	}
	else if (element == INT8OID)
	{
		const int64 *values = (const int64 *) ARR_DATA_PTR(array);

		for (int i = 0; i < dim; i++)
			out[i] = (float) values[i];
	}
	else if (element == FLOAT8OID)
	{
		const float8 *values = (const float8 *) ARR_DATA_PTR(array);

		for (int i = 0; i < dim; i++)
			out[i] = narrow(desc, values[i]);
	}
	else if (element == NUMERICOID)
	{
		Datum	   *values;
		int			n;

		deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &values, NULL, &n);
		Assert(n == dim);
		for (int i = 0; i < dim; i++)
		{
			char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, values[i]));
			OmTextScan	scan = {desc, text, text, NULL};

			(void) om_scan_float(&scan, &out[i]);
			pfree(text);
		}
		pfree(values);
	}
	else
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("unsupported array type %s", format_type_be(get_array_type(element))),
				 errhint("Cast the array to real[] first.")));

	(void) om_check_finite(desc, out, dim, NULL);
	om_check_range(desc, out, dim);
}

/*
 * new_array -- allocate a one-dimensional array of n uninitialised elements, without nulls.
 */
static ArrayType *
new_array(Oid element, Size width, int n)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + width * n;
	ArrayType  *array = palloc(size);

	memset(array, 0, ARR_OVERHEAD_NONULLS(1));
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = element;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;
	return array;
}

ArrayType *
om_floats_to_array(const float *x, int n)
{
	ArrayType  *array = new_array(FLOAT4OID, sizeof(float), n);

	memcpy(ARR_DATA_PTR(array), x, sizeof(float) * n);
	return array;
}

double *
om_state_values(const OmTypeDesc *desc, ArrayType *state, const char *caller, int *dim)
{
	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] < 1 ||
		ARR_ELEMTYPE(state) != FLOAT8OID || array_contains_nulls(state))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s: expected state array", caller),
				 errdetail("A state is a double precision array {count, sums...} without nulls.")));
	*dim = ARR_DIMS(state)[0] - 1;
	if (*dim > 0)
		om_check_dim(desc, *dim);
	return (double *) ARR_DATA_PTR(state);
}

/*
 * check_sums -- raise an error if a sum has become infinite.
 */
static void
check_sums(const double *sums, int dim)
{
	for (int i = 0; i < dim; i++)
	{
		if (unlikely(isinf(sums[i])))
			om_range_overflow();
	}
}

ArrayType *
om_state_add(const OmTypeDesc *desc, ArrayType *state, const float *x, int n,
			 const char *caller, bool in_place)
{
	int			dim;
	double	   *old = om_state_values(desc, state, caller, &dim);
	ArrayType  *result = state;
	double	   *values = old;

	if (dim > 0)
		(void) om_check_typmod(dim, n, NULL);
	if (dim == 0 || !in_place)
	{
		result = new_array(FLOAT8OID, sizeof(double), n + 1);
		values = (double *) ARR_DATA_PTR(result);
	}

	values[0] = old[0] + 1;
	if (dim == 0)
	{
		for (int i = 0; i < n; i++)
			values[i + 1] = x[i];
	}
	else
	{
		for (int i = 0; i < n; i++)
			values[i + 1] = old[i + 1] + x[i];
		check_sums(values + 1, n);
	}
	return result;
}

ArrayType *
om_state_combine(const OmTypeDesc *desc, ArrayType *a, ArrayType *b,
				 const char *caller, bool in_place)
{
	int			dim_a;
	int			dim_b;
	double	   *values_a = om_state_values(desc, a, caller, &dim_a);
	double	   *values_b = om_state_values(desc, b, caller, &dim_b);
	ArrayType  *result = a;
	double	   *values = values_a;

	/* The state of a worker that saw no rows is {0}. */
	if (dim_a == 0)
		return b;
	if (dim_b == 0)
		return a;
	(void) om_check_typmod(dim_a, dim_b, NULL);
	if (!in_place)
	{
		result = new_array(FLOAT8OID, sizeof(double), dim_a + 1);
		values = (double *) ARR_DATA_PTR(result);
	}
	for (int i = 0; i <= dim_a; i++)
		values[i] = values_a[i] + values_b[i];
	check_sums(values + 1, dim_a);
	return result;
}

void
om_state_result(const OmTypeDesc *desc, const double *values, int dim, bool mean, float *out)
{
	double		divisor = mean ? values[0] : 1.0;

	for (int i = 0; i < dim; i++)
	{
		double		value = values[i + 1] / divisor;

		out[i] = (float) value;
		if (unlikely(fabsf(out[i]) >= desc->limit && !isinf(value)))
			om_range_overflow();
	}
	(void) om_check_finite(desc, out, dim, NULL);
}
