/*
 * vector.c -- input, output, wire form, type modifier and casts of vector.
 *
 * Text form   [1,2.5,-3], white space allowed between tokens
 * Wire form   int16 dim, int16 0, dim times float4, all big-endian
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
#include "types/vector.h"
#include "utils/array.h"

OM_FUNCTION(om_vector_in);
OM_FUNCTION(om_vector_out);
OM_FUNCTION(om_vector_typmod_in);
OM_FUNCTION(om_vector_recv);
OM_FUNCTION(om_vector_send);
OM_FUNCTION(om_vector_to_vector);
OM_FUNCTION(om_array_to_vector);
OM_FUNCTION(om_vector_to_float4);

const OmTypeDesc om_vector_desc = {"vector", OM_VECTOR_MAX_DIM, INFINITY};

OmVector *
om_vector_new(int dim)
{
	Size		size = OM_VECTOR_SIZE(dim);
	OmVector   *result = palloc0(size);

	SET_VARSIZE(result, size);
	result->dim = dim;
	return result;
}

/*
 * om_vector_in -- cstring, type OID, type modifier to vector.
 */
Datum
om_vector_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	struct Node *escontext = (struct Node *) fcinfo->context;
	OmTextScan	scan = {&om_vector_desc, text, text, escontext};
	int64		capacity = Min(om_scan_capacity(&scan), OM_VECTOR_MAX_DIM);
	OmVector   *result = om_vector_new(capacity);
	int			dim;

	if (!om_scan_list(&scan, result->x, capacity, &dim) ||
		!om_check_typmod(typmod, dim, escontext))
		PG_RETURN_NULL();

	/* A list has exactly one comma less than numbers. */
	Assert(dim == capacity);
	PG_RETURN_OMVECTOR_P(result);
}

Datum
om_vector_out(PG_FUNCTION_ARGS)
{
	OmVector   *v = PG_GETARG_OMVECTOR_P(0);

	PG_RETURN_CSTRING(om_print_list(v->x, v->dim));
}

Datum
om_vector_typmod_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(om_typmod_in(&om_vector_desc, PG_GETARG_ARRAYTYPE_P(0)));
}

Datum
om_vector_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			dim = om_recv_header(&om_vector_desc, buf, PG_GETARG_INT32(2));
	OmVector   *result = om_vector_new(dim);

	for (int i = 0; i < dim; i++)
	{
		result->x[i] = pq_getmsgfloat4(buf);
		if (unlikely(!isfinite(result->x[i])))
			(void) om_check_finite(&om_vector_desc, result->x, i + 1, NULL);
	}
	PG_RETURN_OMVECTOR_P(result);
}

Datum
om_vector_send(PG_FUNCTION_ARGS)
{
	OmVector   *v = PG_GETARG_OMVECTOR_P(0);
	StringInfoData buf;
	char	   *data;

	pq_begintypsend(&buf);
	enlargeStringInfo(&buf, 4 + sizeof(float) * v->dim);
	pq_sendint16(&buf, v->dim);
	pq_sendint16(&buf, 0);
	data = buf.data + buf.len;
	for (int i = 0; i < v->dim; i++)
	{
		uint32		bits;

		memcpy(&bits, &v->x[i], sizeof(bits));
		bits = pg_hton32(bits);
		memcpy(data + sizeof(bits) * i, &bits, sizeof(bits));
	}
	buf.len += sizeof(float) * v->dim;
	buf.data[buf.len] = '\0';
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/*
 * om_vector_to_vector -- vector to vector(n): checks, never truncates.
 */
Datum
om_vector_to_vector(PG_FUNCTION_ARGS)
{
	OmVector   *v = PG_GETARG_OMVECTOR_P(0);

	(void) om_check_typmod(PG_GETARG_INT32(1), v->dim, NULL);
	PG_RETURN_OMVECTOR_P(v);
}

/*
 * om_array_to_vector -- smallint[], integer[], bigint[], real[], double precision[], numeric[].
 */
Datum
om_array_to_vector(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			dim = om_array_dim(&om_vector_desc, array);
	OmVector   *result;

	(void) om_check_typmod(PG_GETARG_INT32(1), dim, NULL);
	result = om_vector_new(dim);
	om_array_to_floats(&om_vector_desc, array, dim, result->x);
	PG_RETURN_OMVECTOR_P(result);
}

Datum
om_vector_to_float4(PG_FUNCTION_ARGS)
{
	OmVector   *v = PG_GETARG_OMVECTOR_P(0);

	PG_RETURN_ARRAYTYPE_P(om_floats_to_array(v->x, v->dim));
}
