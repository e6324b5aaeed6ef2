/*
 * sparsevec.c -- input, output, wire form, type modifier and casts of sparsevec.
 *
 * Text form   {1:1.5,3:2}/5: indices from 1 in any order, the number of dimensions
 *             at the end; zeros are dropped
 * Wire form   int32 dim, int32 nnz, int32 0, nnz times int32 index (from 0,
 *             ascending), nnz times float4 value (not zero), all big-endian
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "compat.h"
#include "fmgr.h"
#include "kernel/kernel.h"
#include "libpq/pqformat.h"
#include "types/halfvec.h"
#include "types/sparsevec.h"
#include "types/vector.h"
#include "utils/builtins.h"

OM_FUNCTION(om_sparsevec_in);
OM_FUNCTION(om_sparsevec_out);
OM_FUNCTION(om_sparsevec_typmod_in);
OM_FUNCTION(om_sparsevec_recv);
OM_FUNCTION(om_sparsevec_send);
OM_FUNCTION(om_sparsevec_to_sparsevec);
OM_FUNCTION(om_sparsevec_to_vector);
OM_FUNCTION(om_sparsevec_to_halfvec);
OM_FUNCTION(om_vector_to_sparsevec);
OM_FUNCTION(om_halfvec_to_sparsevec);
OM_FUNCTION(om_array_to_sparsevec);

const OmTypeDesc om_sparsevec_desc = {"sparsevec", OM_SPARSEVEC_MAX_DIM, INFINITY, true};

typedef struct Element
{
	int32		index;			/* from 0 */
	float		value;
} Element;

OmSparsevec *
om_sparsevec_new(int dim, int nnz)
{
	Size		size = OM_SPARSEVEC_SIZE(nnz);
	OmSparsevec *result = palloc0(size);

	SET_VARSIZE(result, size);
	result->dim = dim;
	result->nnz = nnz;
	return result;
}

bool
om_check_nnz(int64 nnz, struct Node *escontext)
{
	if (nnz > OM_SPARSEVEC_MAX_NNZ)
		ereturn(escontext, false,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("sparsevec cannot have more than %d non-zero elements", OM_SPARSEVEC_MAX_NNZ),
				 errdetail("The value has %lld elements.", (long long) nnz)));
	return true;
}

bool
om_check_index(const OmSparsevec *v, int i, struct Node *escontext)
{
	if (v->index[i] < 0 || v->index[i] >= v->dim)
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("sparsevec index out of bounds"),
				 errdetail("Index %lld is not between 1 and %d.",
						   (long long) v->index[i] + 1, v->dim)));
	if (i > 0 && v->index[i] == v->index[i - 1])
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("sparsevec indices must not contain duplicates"),
				 errdetail("Index %d occurs twice.", v->index[i] + 1)));
	if (i > 0 && v->index[i] < v->index[i - 1])
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("sparsevec indices must be in ascending order")));
	return true;
}

static int
compare_elements(const void *a, const void *b)
{
	int32		x = ((const Element *) a)->index;
	int32		y = ((const Element *) b)->index;

	return (x > y) - (x < y);
}

/*
 * scan_elements -- read "{1:1.5,3:2}"; zeros are not stored.  false after a soft error.
 */
static bool
scan_elements(OmTextScan *scan, Element *element, int *nnz)
{
	*nnz = 0;
	if (!om_scan_char(scan, '{'))
		return false;
	if (om_scan_accept(scan, '}'))
		return true;
	for (;;)
	{
		Element		e;

		if (!om_scan_int(scan, &e.index) || !om_scan_char(scan, ':') ||
			!om_scan_float(scan, &e.value) ||
			!om_check_finite(scan->desc, &e.value, 1, scan->escontext))
			return false;
		/*
		 * subtracting 1 from the smallest integer would overflow; it is out of bounds in
		 * any case
		 */
		e.index = e.index == PG_INT32_MIN ? e.index : e.index - 1;
		if (e.value != 0)
			element[(*nnz)++] = e;
		if (om_scan_accept(scan, ','))
			continue;
		return om_scan_accept(scan, '}') || om_scan_error(scan, "\",\" or \"}\"");
	}
}

Datum
om_sparsevec_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	struct Node *escontext = (struct Node *) fcinfo->context;
	OmTextScan	scan = {&om_sparsevec_desc, text, text, escontext};
	int64		capacity = om_scan_capacity(&scan);
	Element    *element;
	OmSparsevec *result;
	int			nnz;
	int			dim;

	if (!om_check_nnz(capacity, escontext))
		PG_RETURN_NULL();
	element = palloc(sizeof(Element) * capacity);
	if (!scan_elements(&scan, element, &nnz) || !om_scan_char(&scan, '/') ||
		!om_scan_int(&scan, &dim) || !om_scan_end(&scan) ||
		!om_check_dim_safe(&om_sparsevec_desc, dim, escontext) ||
		!om_check_typmod(typmod, dim, escontext))
		PG_RETURN_NULL();

	qsort(element, nnz, sizeof(Element), compare_elements);
	result = om_sparsevec_new(dim, nnz);
	for (int i = 0; i < nnz; i++)
	{
		result->index[i] = element[i].index;
		om_sparsevec_values(result)[i] = element[i].value;
		if (!om_check_index(result, i, escontext))
			PG_RETURN_NULL();
	}
	PG_RETURN_OMSPARSEVEC_P(result);
}

Datum
om_sparsevec_out(PG_FUNCTION_ARGS)
{
	OmSparsevec *v = PG_GETARG_OMSPARSEVEC_P(0);
	const float *value = om_sparsevec_values(v);
	char	   *text = palloc((size_t) v->nnz * (FLOAT_SHORTEST_DECIMAL_LEN + 12) + 16);
	char	   *at = text;

	*at++ = '{';
	for (int i = 0; i < v->nnz; i++)
	{
		if (i > 0)
			*at++ = ',';
		at += pg_ltoa(v->index[i] + 1, at);
		*at++ = ':';
		at += float_to_shortest_decimal_bufn(value[i], at);
	}
	*at++ = '}';
	*at++ = '/';
	at += pg_ltoa(v->dim, at);
	*at = '\0';
	PG_RETURN_CSTRING(text);
}

Datum
om_sparsevec_typmod_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(om_typmod_in(&om_sparsevec_desc, PG_GETARG_ARRAYTYPE_P(0)));
}

Datum
om_sparsevec_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	OmSparsevec *result;
	float	   *value;
	int			dim;
	int			nnz;
	int			unused;

	dim = (int32) pq_getmsgint(buf, sizeof(int32));
	nnz = (int32) pq_getmsgint(buf, sizeof(int32));
	unused = (int32) pq_getmsgint(buf, sizeof(int32));
	om_check_dim(&om_sparsevec_desc, dim);
	(void) om_check_typmod(PG_GETARG_INT32(2), dim, NULL);
	(void) om_check_nnz(nnz, NULL);
	if (nnz < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("sparsevec cannot have negative number of elements")));
	if (nnz > dim)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("sparsevec cannot have more elements than dimensions")));
	if (unused != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected unused to be 0, not %d", unused)));

	result = om_sparsevec_new(dim, nnz);
	value = om_sparsevec_values(result);
	for (int i = 0; i < nnz; i++)
	{
		result->index[i] = (int32) pq_getmsgint(buf, sizeof(int32));
		(void) om_check_index(result, i, NULL);
	}
	for (int i = 0; i < nnz; i++)
	{
		value[i] = pq_getmsgfloat4(buf);
		if (unlikely(!isfinite(value[i])))
			(void) om_check_finite(&om_sparsevec_desc, value, i + 1, NULL);
		if (value[i] == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("binary representation of sparsevec cannot contain zero values")));
	}
	PG_RETURN_OMSPARSEVEC_P(result);
}

Datum
om_sparsevec_send(PG_FUNCTION_ARGS)
{
	OmSparsevec *v = PG_GETARG_OMSPARSEVEC_P(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint32(&buf, v->dim);
	pq_sendint32(&buf, v->nnz);
	pq_sendint32(&buf, 0);
	for (int i = 0; i < v->nnz; i++)
		pq_sendint32(&buf, v->index[i]);
	for (int i = 0; i < v->nnz; i++)
		pq_sendfloat4(&buf, om_sparsevec_values(v)[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* --- casts --------------------------------------------------------------- */

/*
 * from_floats -- make a value of the non-zero elements of x[dim]; error 54000 if there are
 * too many.
 */
static OmSparsevec *
from_floats(const float *x, int dim)
{
	OmSparsevec *result;
	int			nnz = 0;

	for (int i = 0; i < dim; i++)
		nnz += x[i] != 0;
	(void) om_check_nnz(nnz, NULL);
	result = om_sparsevec_new(dim, nnz);
	nnz = 0;
	for (int i = 0; i < dim; i++)
	{
		if (x[i] != 0)
		{
			result->index[nnz] = i;
			om_sparsevec_values(result)[nnz++] = x[i];
		}
	}
	return result;
}

/*
 * dense -- all elements as float[dim]; desc is the type that they are cast to.
 */
static float *
dense(OmSparsevec *v, const OmTypeDesc *desc, int32 typmod)
{
	float	   *x;

	om_check_dim(desc, v->dim);
	(void) om_check_typmod(typmod, v->dim, NULL);
	x = palloc0(sizeof(float) * v->dim);
	for (int i = 0; i < v->nnz; i++)
		x[v->index[i]] = om_sparsevec_values(v)[i];
	om_check_range(desc, x, v->dim);
	return x;
}

/*
 * om_sparsevec_to_sparsevec -- sparsevec to sparsevec(n): checks, never truncates.
 */
Datum
om_sparsevec_to_sparsevec(PG_FUNCTION_ARGS)
{
	OmSparsevec *v = PG_GETARG_OMSPARSEVEC_P(0);

	(void) om_check_typmod(PG_GETARG_INT32(1), v->dim, NULL);
	PG_RETURN_OMSPARSEVEC_P(v);
}

Datum
om_sparsevec_to_vector(PG_FUNCTION_ARGS)
{
	OmSparsevec *v = PG_GETARG_OMSPARSEVEC_P(0);
	float	   *x = dense(v, &om_vector_desc, PG_GETARG_INT32(1));
	OmVector   *result = om_vector_new(v->dim);

	memcpy(result->x, x, sizeof(float) * v->dim);
	PG_RETURN_OMVECTOR_P(result);
}

Datum
om_sparsevec_to_halfvec(PG_FUNCTION_ARGS)
{
	OmSparsevec *v = PG_GETARG_OMSPARSEVEC_P(0);
	float	   *x = dense(v, &om_halfvec_desc, PG_GETARG_INT32(1));

	PG_RETURN_OMHALFVEC_P(om_halfvec_from_floats(x, v->dim));
}

Datum
om_vector_to_sparsevec(PG_FUNCTION_ARGS)
{
	OmVector   *v = PG_GETARG_OMVECTOR_P(0);

	(void) om_check_typmod(PG_GETARG_INT32(1), v->dim, NULL);
	PG_RETURN_OMSPARSEVEC_P(from_floats(v->x, v->dim));
}

Datum
om_halfvec_to_sparsevec(PG_FUNCTION_ARGS)
{
	OmHalfvec  *v = PG_GETARG_OMHALFVEC_P(0);

	(void) om_check_typmod(PG_GETARG_INT32(1), v->dim, NULL);
	PG_RETURN_OMSPARSEVEC_P(from_floats(om_halfvec_floats(v), v->dim));
}

Datum
om_array_to_sparsevec(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			dim = om_array_dim(&om_sparsevec_desc, array);
	float	   *x;

	(void) om_check_typmod(PG_GETARG_INT32(1), dim, NULL);
	x = palloc_extended(sizeof(float) * dim, MCXT_ALLOC_HUGE);
	om_array_to_floats(&om_sparsevec_desc, array, dim, x);
	PG_RETURN_OMSPARSEVEC_P(from_floats(x, dim));
}
