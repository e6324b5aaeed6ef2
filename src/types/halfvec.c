/*
 * halfvec.c -- input, output, wire form, type modifier and casts of halfvec.
 *
 * Text form   [1,2.5,-3], as vector's; elements are rounded to half precision
 * Wire form   int16 dim, int16 0, dim times the 2 bytes of a half, all big-endian
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "kernel/half.h"
#include "kernel/kernel.h"
#include "libpq/pqformat.h"
#include "types/dense.h"
#include "types/halfvec.h"
#include "types/vector.h"

OM_FUNCTION(om_halfvec_recv);
OM_FUNCTION(om_halfvec_send);
OM_FUNCTION(om_halfvec_to_vector);
OM_FUNCTION(om_vector_to_halfvec);

/* 65519.99... is still rounded to 65504; 65520 would become infinite. */
const OmTypeDesc om_halfvec_desc = {"halfvec", OM_HALFVEC_MAX_DIM, 65520.0f};

OmHalfvec *
om_halfvec_new(int dim)
{
	return (OmHalfvec *) om_dense_new(&om_halfvec_dense, dim);
}

float *
om_halfvec_floats(const OmHalfvec *v)
{
	float	   *x = palloc(sizeof(float) * Max(v->dim, 1));

	om_kernels->f16_to_f32(v->x, x, v->dim);
	return x;
}

OmHalfvec *
om_halfvec_from_floats(const float *x, int dim)
{
	OmHalfvec  *result = om_halfvec_new(dim);

	om_kernels->f32_to_f16(x, result->x, dim);
	return result;
}

Datum
om_halfvec_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			dim = om_recv_header(&om_halfvec_desc, buf, PG_GETARG_INT32(2));
	OmHalfvec  *result = om_halfvec_new(dim);
	float	   *x = palloc0(sizeof(float) * dim);

	for (int i = 0; i < dim; i++)
	{
		result->x[i] = pq_getmsgint(buf, sizeof(uint16));
		x[i] = om_half_to_float(result->x[i]);
		if (unlikely(!isfinite(x[i])))
			(void) om_check_finite(&om_halfvec_desc, x, i + 1, NULL);
	}
	PG_RETURN_OMHALFVEC_P(result);
}

Datum
om_halfvec_send(PG_FUNCTION_ARGS)
{
	OmHalfvec  *v = PG_GETARG_OMHALFVEC_P(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint16(&buf, v->dim);
	pq_sendint16(&buf, 0);
	for (int i = 0; i < v->dim; i++)
		pq_sendint16(&buf, v->x[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

Datum
om_halfvec_to_vector(PG_FUNCTION_ARGS)
{
	OmHalfvec  *v = PG_GETARG_OMHALFVEC_P(0);
	OmVector   *result;

	om_check_dim(&om_vector_desc, v->dim);
	(void) om_check_typmod(PG_GETARG_INT32(1), v->dim, NULL);
	result = om_vector_new(v->dim);
	om_kernels->f16_to_f32(v->x, result->x, v->dim);
	PG_RETURN_OMVECTOR_P(result);
}

Datum
om_vector_to_halfvec(PG_FUNCTION_ARGS)
{
	OmVector   *v = PG_GETARG_OMVECTOR_P(0);

	om_check_dim(&om_halfvec_desc, v->dim);
	(void) om_check_typmod(PG_GETARG_INT32(1), v->dim, NULL);
	om_check_range(&om_halfvec_desc, v->x, v->dim);
	PG_RETURN_OMHALFVEC_P(om_halfvec_from_floats(v->x, v->dim));
}

OM_DEFINE(om_halfvec_in, om_dense_in(fcinfo, &om_halfvec_dense))
OM_DEFINE(om_halfvec_out, om_dense_out(fcinfo, &om_halfvec_dense))
OM_DEFINE(om_halfvec_typmod_in, Int32GetDatum(om_typmod_in(&om_halfvec_desc, PG_GETARG_ARRAYTYPE_P(0))))
/* Cast to a type modifier: checks, never truncates. */
OM_DEFINE(om_halfvec_to_halfvec, om_dense_recast(fcinfo))
/* Cast from smallint[], integer[], bigint[], real[], double precision[], numeric[]. */
OM_DEFINE(om_array_to_halfvec, om_dense_from_array(fcinfo, &om_halfvec_dense))
OM_DEFINE(om_halfvec_to_float4, om_dense_to_float4(fcinfo, &om_halfvec_dense))
