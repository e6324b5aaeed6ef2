/*
 * multivector.c -- arrays of vectors, compared by MaxSim: max_sim() and the operator @#.
 *
 * MaxSim is not symmetric: the left argument is the row, the right one the query.  If
 * either has no vectors, the result is NULL.
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "fmgr.h"
#include "kernel/kernel.h"
#include "types/halfvec.h"
#include "types/multivector.h"
#include "types/vector.h"

OM_FUNCTION(om_vector_max_sim);
OM_FUNCTION(om_vector_negative_max_sim);
OM_FUNCTION(om_halfvec_max_sim);
OM_FUNCTION(om_halfvec_negative_max_sim);

static double
vector_ip(const void *a, const void *b, int dim)
{
	return om_kernels->ip_f32(((const OmVector *) a)->x, ((const OmVector *) b)->x, dim);
}

static double
halfvec_ip(const void *a, const void *b, int dim)
{
	return om_kernels->ip_f16(((const OmHalfvec *) a)->x, ((const OmHalfvec *) b)->x, dim);
}

const OmMultivectorDesc om_vectors_desc = {&om_vector_desc, sizeof(float), vector_ip};
const OmMultivectorDesc om_halfvecs_desc = {&om_halfvec_desc, sizeof(uint16), halfvec_ip};

/* Both types start with the same fields. */
StaticAssertDecl(offsetof(OmHalfvec, dim) == offsetof(OmVector, dim), "elements of multivectors");
StaticAssertDecl(offsetof(OmHalfvec, x) == offsetof(OmVector, x), "elements of multivectors");

/*
 * check_element -- check that an element is a plain value of dim dimensions that ends
 * before end.
 */
static void
check_element(const OmMultivectorDesc *desc, const char *element, const char *end, int dim, Size bytes)
{
	int			own;

	if (end - element < (ptrdiff_t) offsetof(OmVector, x) || !VARATT_IS_4B_U(element))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("array of type %s[] is damaged", desc->type->name)));
	own = ((const OmVector *) element)->dim;
	if (own != dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different %s dimensions %d and %d in one array", desc->type->name, dim, own),
				 errhint("All vectors of a row must have the same number of dimensions.")));
	if (VARSIZE_4B(element) != bytes || end - element < (ptrdiff_t) bytes)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("array of type %s[] is damaged", desc->type->name)));
}

void
om_multivector_of(const OmMultivectorDesc *desc, const ArrayType *array, OmMultivector *out)
{
	const char *end = (const char *) array + VARSIZE(array);
	Size		bytes;

	memset(out, 0, sizeof(OmMultivector));
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("array must be 1-D"),
				 errdetail("The array has %d dimensions; a row's vectors are a flat list.", ARR_NDIM(array))));
	if (array_contains_nulls(unconstify(ArrayType *, array)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array must not contain nulls")));
	out->n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (out->n == 0)
		return;
	out->first = ARR_DATA_PTR(array);
	if (end - out->first < (ptrdiff_t) offsetof(OmVector, x))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("array of type %s[] is damaged", desc->type->name)));
	out->dim = ((const OmVector *) out->first)->dim;
	bytes = offsetof(OmVector, x) + desc->number_bytes * out->dim;
	out->stride = INTALIGN(bytes);
	for (int i = 0; i < out->n; i++)
		check_element(desc, om_multivector_get(out, i), end, out->dim, bytes);
}

double
om_max_sim(const OmMultivectorDesc *desc, const OmMultivector *row, const OmMultivector *query)
{
	double		sum = 0;

	for (int i = 0; i < query->n; i++)
	{
		const void *q = om_multivector_get(query, i);
		double		best = -INFINITY;

		for (int j = 0; j < row->n; j++)
		{
			double		ip = desc->ip(q, om_multivector_get(row, j), query->dim);

			if (ip > best)
				best = ip;
		}
		sum += best;
	}
	return sum;
}

/*
 * max_sim -- compute MaxSim of the arguments; false if one of them is empty.
 */
static bool
max_sim(FunctionCallInfo fcinfo, const OmMultivectorDesc *desc, double *result)
{
	OmMultivector row;
	OmMultivector query;

	om_multivector_of(desc, PG_GETARG_ARRAYTYPE_P(0), &row);
	om_multivector_of(desc, PG_GETARG_ARRAYTYPE_P(1), &query);
	if (row.n == 0 || query.n == 0)
		return false;
	om_check_same_dim(desc->type, row.dim, query.dim);
	*result = om_max_sim(desc, &row, &query);
	return true;
}

/* Defines an SQL function: its name in C, the type of the elements, 1 or -1. */
#define MAX_SIM(name, desc, sign) \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		double		result; \
		if (!max_sim(fcinfo, &(desc), &result)) \
			PG_RETURN_NULL(); \
		PG_RETURN_FLOAT8((sign) * result); \
	}

MAX_SIM(om_vector_max_sim, om_vectors_desc, 1)
MAX_SIM(om_halfvec_max_sim, om_halfvecs_desc, 1)

/* @#: an index scan returns the smallest values first, so the most similar row comes first. */
MAX_SIM(om_vector_negative_max_sim, om_vectors_desc, -1)
MAX_SIM(om_halfvec_negative_max_sim, om_halfvecs_desc, -1)
