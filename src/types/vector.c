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
#include "types/dense.h"
#include "types/vector.h"
#include "utils/array.h"

OM_FUNCTION(om_vector_recv);
OM_FUNCTION(om_vector_send);

const OmTypeDesc om_vector_desc = {"vector", OM_VECTOR_MAX_DIM, INFINITY};

OmVector *
om_vector_new(int dim)
{
	return (OmVector *) om_dense_new(&om_vector_dense, dim);
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

OM_DEFINE(om_vector_in, om_dense_in(fcinfo, &om_vector_dense))
OM_DEFINE(om_vector_out, om_dense_out(fcinfo, &om_vector_dense))
OM_DEFINE(om_vector_typmod_in, Int32GetDatum(om_typmod_in(&om_vector_desc, PG_GETARG_ARRAYTYPE_P(0))))
/* Cast to a type modifier: checks, never truncates. */
OM_DEFINE(om_vector_to_vector, om_dense_recast(fcinfo))
/* Cast from smallint[], integer[], bigint[], real[], double precision[], numeric[]. */
OM_DEFINE(om_array_to_vector, om_dense_from_array(fcinfo, &om_vector_dense))
OM_DEFINE(om_vector_to_float4, om_dense_to_float4(fcinfo, &om_vector_dense))
