/*
 * bits.c -- quantizer for bit strings: the code is the value itself.
 *
 * A position of this kind is not a row of numbers: each float of x holds 32 bits, in memory
 * order, with zeros after the last bit.  The code and the query form are the same.
 *
 * Counts of bits are exact, and so is a Hamming distance.  A Jaccard distance is rounded to
 * float; om_quant_unrounded() returns it in double.
 */
#include <string.h>

#include "quant/quant_impl.h"

/* Rounding error of a number between 0 and 1. */
#define JACCARD_ERROR 6e-8f

static bool
bits_valid(const OmQuantSpec *spec)
{
	return spec->bits == 0 && spec->subvectors == 0;
}

static size_t
bits_code_bytes(const OmQuantSpec *spec)
{
	return sizeof(float) * (size_t) spec->dim;
}

static size_t
bits_bytes(const OmQuantSpec *spec)
{
	(void) spec;
	return om_round_up(sizeof(OmQuantizer), 64);
}

static size_t
bits_query_bytes(const OmQuantSpec *spec)
{
	return sizeof(OmQuery) + om_round_up(bits_code_bytes(spec), 64);
}

static size_t
bits_scratch_bytes(const OmQuantSpec *spec)
{
	(void) spec;
	return 64;
}

static OmQuantizer *
bits_init(void *mem, const OmQuantSpec *spec, const float *model)
{
	OmQuantizer *quant = mem;

	(void) model;
	memset(quant, 0, sizeof(OmQuantizer));
	quant->spec = *spec;
	quant->code_bytes = (int) bits_code_bytes(spec);
	return quant;
}

static void
bits_encode(const OmQuantizer *quant, const float *x, void *scratch, void *code)
{
	(void) scratch;
	memcpy(code, x, (size_t) quant->code_bytes);
}

static void
bits_query_from_code(const OmQuantizer *quant, const void *code, OmQuery *query)
{
	memset(query, 0, sizeof(OmQuery));
	memcpy(query->q, code, (size_t) quant->code_bytes);
}

static void
bits_query(const OmQuantizer *quant, const float *q, void *scratch, OmQuery *query)
{
	(void) scratch;
	bits_query_from_code(quant, q, query);
}

static void
bits_decode(const OmQuantizer *quant, const void *code, void *scratch, float *x)
{
	(void) scratch;
	memcpy(x, code, (size_t) quant->code_bytes);
}

static float
distance_hamming(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return (float) om_kernels->differ_bits((const uint8_t *) query->q, code,
										   (size_t) quant->code_bytes);
}

static double
bits_unrounded(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	uint64_t	ones[2];

	if (quant->spec.metric == OM_METRIC_HAMMING)
		return distance_hamming(quant, query, code);
	om_kernels->share_bits((const uint8_t *) query->q, code, (size_t) quant->code_bytes, ones);
	/* no bit in common, or no bit set at all */
	if (ones[0] == 0)
		return 1.0;
	return 1.0 - (double) ones[0] / (double) (ones[0] + ones[1]);
}

static float
distance_jaccard(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return (float) bits_unrounded(quant, query, code);
}

static OmDistanceFn
bits_distance_fn(const OmQuantizer *quant)
{
	return quant->spec.metric == OM_METRIC_HAMMING ? distance_hamming : distance_jaccard;
}

static float
bits_error(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	(void) query;
	(void) code;
	return quant->spec.metric == OM_METRIC_HAMMING ? 0.0f : JACCARD_ERROR;
}

static OmExactness
bits_exactness(const OmQuantSpec *spec)
{
	return spec->metric == OM_METRIC_JACCARD ? OM_ROUNDED : OM_EXACT;
}

const OmQuantOps om_bits_ops = {
	.valid = bits_valid,
	.code_bytes = bits_code_bytes,
	.bytes = bits_bytes,
	.query_bytes = bits_query_bytes,
	.scratch_bytes = bits_scratch_bytes,
	.init = bits_init,
	.encode = bits_encode,
	.query = bits_query,
	.query_from_code = bits_query_from_code,
	.decode = bits_decode,
	.distance_fn = bits_distance_fn,
	.error = bits_error,
	.exactness = bits_exactness,
	.unrounded = bits_unrounded,
};
