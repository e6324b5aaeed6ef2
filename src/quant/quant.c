/*
 * quant.c -- the quantizer interface: checks a spec and hands on to its kind.
 *
 * Knows no arithmetic; rabitq.c has it.
 */
#include "quant/quant_impl.h"

static bool
spec_valid(const OmQuantSpec *spec)
{
	return spec->kind == OM_QUANT_RABITQ &&
		(spec->metric == OM_METRIC_L2 || spec->metric == OM_METRIC_IP ||
		 spec->metric == OM_METRIC_COSINE) &&
		spec->dim >= 1 && spec->dim <= OM_QUANT_MAX_DIM &&
		(spec->bits == 1 || spec->bits == 2 || spec->bits == 4 ||
		 spec->bits == 8);
}

size_t
om_quant_code_bytes(const OmQuantSpec *spec)
{
	size_t		bytes;

	if (!spec_valid(spec))
		return 0;
	bytes = sizeof(OmCodeHead) + (size_t) om_quant_stride(spec);
	return (bytes + 3) & ~(size_t) 3;
}

size_t
om_quant_model_floats(const OmQuantSpec *spec)
{
	return spec_valid(spec) ? (size_t) spec->dim : 0;
}

size_t
om_quant_bytes(const OmQuantSpec *spec)
{
	return spec_valid(spec) ? om_rabitq_bytes(spec) : 0;
}

size_t
om_quant_query_bytes(const OmQuantSpec *spec)
{
	size_t		planes;

	if (!spec_valid(spec))
		return 0;
	planes = (size_t) (8 / spec->bits);
	return sizeof(OmQuery) +
		om_round_up(planes * (size_t) om_quant_stride(spec), 64) + 64;
}

size_t
om_quant_scratch_bytes(const OmQuantSpec *spec)
{
	return spec_valid(spec) ? om_rabitq_scratch_bytes(spec) : 0;
}

OmQuantizer *
om_quant_init(void *mem, const OmQuantSpec *spec, const float *model)
{
	if (!spec_valid(spec))
		return NULL;
	return om_rabitq_init(mem, spec, model);
}

void
om_quant_encode(const OmQuantizer *quant, const float *x, void *scratch,
				void *code)
{
	om_rabitq_encode(quant, x, scratch, code);
}

void
om_quant_query(const OmQuantizer *quant, const float *q, void *scratch,
			   OmQuery *query)
{
	om_rabitq_query(quant, q, scratch, query);
}

void
om_quant_query_from_code(const OmQuantizer *quant, const void *code,
						 OmQuery *query)
{
	om_rabitq_query_from_code(quant, code, query);
}

OmDistanceFn
om_quant_distance_fn(const OmQuantizer *quant)
{
	return om_rabitq_distance_fn(quant);
}

const OmQuantSpec *
om_quant_spec(const OmQuantizer *quant)
{
	return &quant->spec;
}

float
om_quant_error(const OmQuantizer *quant, const OmQuery *query,
			   const void *code)
{
	return om_rabitq_error(quant, query, code);
}

void
om_quant_distances(const OmQuantizer *quant, const OmQuery *query,
				   const void *const *codes, int n, float *dist)
{
	om_rabitq_distances(quant, query, codes, n, dist);
}
