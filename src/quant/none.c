/*
 * none.c -- no quantization: the code is the vector itself.
 *
 * A code is float[dim]; under cosine, of the normalised vector.  The query form is the
 * same, float[padded] at OmQuery.q.  Distances are those of the float kernels; a cosine
 * distance is half the squared L2 distance of the unit vectors.
 */
#include <math.h>
#include <string.h>

#include "quant/quant_impl.h"

/* Rounding error of a cosine distance: of norms, differences and their sum. */
#define COSINE_ERROR 1e-6f

static bool
none_valid(const OmQuantSpec *spec)
{
	return spec->bits == 0 && spec->subvectors == 0;
}

static size_t
none_code_bytes(const OmQuantSpec *spec)
{
	return sizeof(float) * (size_t) spec->dim;
}

static size_t
none_bytes(const OmQuantSpec *spec)
{
	(void) spec;
	return om_round_up(sizeof(OmQuantizer), 64);
}

static size_t
none_query_bytes(const OmQuantSpec *spec)
{
	return sizeof(OmQuery) + om_round_up(none_code_bytes(spec), 64);
}

static size_t
none_scratch_bytes(const OmQuantSpec *spec)
{
	(void) spec;
	return 64;
}

static OmQuantizer *
none_init(void *mem, const OmQuantSpec *spec, const float *model)
{
	OmQuantizer *quant = mem;

	(void) model;
	memset(quant, 0, sizeof(OmQuantizer));
	quant->spec = *spec;
	quant->padded = (int) om_round_up((size_t) spec->dim, OM_LANES);
	quant->code_bytes = (int) none_code_bytes(spec);
	return quant;
}

static void
none_encode(const OmQuantizer *quant, const float *x, void *scratch, void *code)
{
	int			dim = quant->spec.dim;
	float	   *out = code;
	double		scale;

	(void) scratch;
	if (quant->spec.metric != OM_METRIC_COSINE)
	{
		memcpy(out, x, sizeof(float) * (size_t) dim);
		return;
	}
	om_inverse_norm(x, dim, &scale);
	for (int i = 0; i < dim; i++)
		out[i] = om_clamp_float(x[i] * scale);
}

static void
none_query(const OmQuantizer *quant, const float *q, void *scratch, OmQuery *query)
{
	memset(query, 0, sizeof(OmQuery));
	none_encode(quant, q, scratch, query->q);
}

static void
none_query_from_code(const OmQuantizer *quant, const void *code, OmQuery *query)
{
	memset(query, 0, sizeof(OmQuery));
	memcpy(query->q, code, (size_t) quant->code_bytes);
}

static void
none_decode(const OmQuantizer *quant, const void *code, void *scratch, float *x)
{
	(void) scratch;
	memcpy(x, code, (size_t) quant->code_bytes);
}

static float
distance_l2(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return om_clamp_distance(om_kernels->l2sq_f32((const float *) query->q, code,
												  quant->spec.dim));
}

static float
distance_ip(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return om_clamp_distance(-om_kernels->ip_f32((const float *) query->q, code,
												 quant->spec.dim));
}

static float
distance_cosine(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return om_clamp_distance(0.5f * om_kernels->l2sq_f32((const float *) query->q, code,
														 quant->spec.dim));
}

static float
distance_l1(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return om_clamp_distance(om_kernels->l1_f32((const float *) query->q, code,
												quant->spec.dim));
}

static OmDistanceFn
none_distance_fn(const OmQuantizer *quant)
{
	switch (quant->spec.metric)
	{
		case OM_METRIC_IP:
			return distance_ip;
		case OM_METRIC_COSINE:
			return distance_cosine;
		case OM_METRIC_L1:
			return distance_l1;
		default:
			return distance_l2;
	}
}

static float
none_error(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	(void) query;
	(void) code;
	return quant->spec.metric == OM_METRIC_COSINE ? COSINE_ERROR : 0.0f;
}

static OmExactness
none_exactness(const OmQuantSpec *spec)
{
	/* under cosine, dividing by the norms rounds differently than the float kernel does */
	return spec->metric == OM_METRIC_COSINE ? OM_ESTIMATED : OM_EXACT;
}

const OmQuantOps om_none_ops = {
	.valid = none_valid,
	.code_bytes = none_code_bytes,
	.bytes = none_bytes,
	.query_bytes = none_query_bytes,
	.scratch_bytes = none_scratch_bytes,
	.init = none_init,
	.encode = none_encode,
	.query = none_query,
	.query_from_code = none_query_from_code,
	.decode = none_decode,
	.distance_fn = none_distance_fn,
	.error = none_error,
	.exactness = none_exactness,
};
