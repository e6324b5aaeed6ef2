/*
 * column_bit.c -- indexes on PostgreSQL's type bit.
 *
 * A position holds the bits themselves, 32 in the place of each float (quant.h).
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/column.h"
#include "types/bit_distance.h"

/* As pgvector's. */
#define MAX_DIM 64000

static int
bit_dim(const void *value)
{
	return VARBITLEN(value);
}

static void
bit_spec(int dim, int elements, OmQuantSpec *spec)
{
	spec->kind = OM_QUANT_BIT;
	spec->dim = (dim + 31) / 32;
}

static Size
bit_bytes(int dim)
{
	return VARBITTOTALLEN(dim);
}

static void
bit_position(const OhColumn *column, const void *value, OhPosition *position)
{
	Size		words = sizeof(float) * column->position_dim;

	position->bytes = VARBITS(value);
	position->nbytes = VARBITBYTES(value);
	position->x = position->bytes;
	if (position->nbytes < words)
	{
		position->floats = palloc0(words);
		memcpy(position->floats, position->bytes, position->nbytes);
		position->x = (const float *) position->floats;
	}
}

static const OhColumnType bit_type = {
	.name = "bit",
	.max_dim = MAX_DIM,
	.exact = true,
	.dim = bit_dim,
	.mismatch = om_bit_mismatch,
	.bytes = bit_bytes,
	.spec = bit_spec,
	.position = bit_position,
};

static double
bit_hamming(const void *a, const void *b)
{
	return om_bit_hamming(a, b);
}

static double
bit_jaccard(const void *a, const void *b)
{
	return om_bit_jaccard(a, b);
}

static const OhMetric metric_hamming = {OM_METRIC_HAMMING, &bit_type, bit_hamming};
static const OhMetric metric_jaccard = {OM_METRIC_JACCARD, &bit_type, bit_jaccard};

OH_METRIC_SUPPORT(om_hnsw_bit_hamming_support, metric_hamming)
OH_METRIC_SUPPORT(om_hnsw_bit_jaccard_support, metric_jaccard)
