/*
 * linkcode.c -- codes of links: the difference of two nodes in a bit for each of 128 dimensions.
 *
 * Let U and V be the vectors of two rabitq codes, centred and rotated, at the length that makes
 * the estimate unbiased (mul / 2 or mul times the levels), and M be 2 for L2, otherwise 1.  The
 * estimates of both codes differ by
 *
 *   d(q, V) - d(q, U) = (add_V - add_U) - M <W, q'>,   W = V - U
 *
 * With s, the signs of W in the first 128 dimensions, and f = |W|^2 / <W, s>, the estimate of
 * RaBitQ for <W, q' - U> is f <s, q' - U>: q' - U is shorter than q' where the link is of use,
 * and so is the error.  <W, U> is known.  Hence
 *
 *   d(q, V) = d(q, U) + add - mul <s, q'>
 *   add = (add_V - add_U) - M <W, U> + M f <s, U>,   mul = M f
 *
 * In a component where both codes have the same level, W tells only how the codes' lengths differ.  Its sign would be
 * that of U, and so wrong together with U's own error.  With 1 and 2 bits most components are like that: their signs
 * are drawn at random, by the number of the dimension.
 *
 * Bit p of byte j is the sign of dimension 16p + j, as kernels of 1 bit a dimension expect it.
 * Figures: docs/measurements.md#codes-of-neighbours
 */
#include <math.h>
#include <string.h>

#include "quant/quant_impl.h"

/* No factor of a code may be larger than this. */
#define MOST 1e30f

/* Signs that are drawn may make <W, s> this share of what it is with W's own. */
#define LEAST_SIZE 0.5f

typedef float Lanes __attribute__((vector_size(sizeof(float) * OM_LANES)));

bool
om_quant_has_links(const OmQuantSpec *spec)
{
	return spec->kind == OM_QUANT_RABITQ;
}

/* Floats of a vector. */
static inline int
padded_dim(const OmQuantSpec *spec)
{
	int			dim = spec->dim > OM_LINK_DIM ? spec->dim : OM_LINK_DIM;

	return (int) om_round_up((size_t) dim, OM_LANES);
}

size_t
om_quant_link_vector_bytes(const OmQuantSpec *spec)
{
	/* the levels are behind the floats */
	return om_round_up((size_t) padded_dim(spec) * (sizeof(float) + 1) + 128, 64);
}

void
om_quant_link_vector(const OmQuantizer *quant, const void *code, float *vector)
{
	const OmCodeHead *head = code;
	const uint8_t *packed = (const uint8_t *) code + sizeof(OmCodeHead);
	int			dim = quant->spec.dim;
	int			padded = padded_dim(&quant->spec);
	float		scale = head->mul / quant->rabitq.metric_mul;
	int8_t	   *level = (int8_t *) (vector + padded);

	if (quant->spec.bits == 8)
	{
		for (int i = 0; i < dim; i++)
			vector[i] = ((float) packed[i] - 127.5f) * scale;
	}
	else
	{
		int			kernel = quant->spec.bits == 1 ? 0 : quant->spec.bits == 2 ? 1 : 2;

		scale /= 2;
		om_kernels->expand_code[kernel] (packed, level, quant->rabitq.stride);
		for (int i = 0; i < dim; i++)
			vector[i] = (float) level[i] * scale;
	}
	memset(vector + dim, 0, sizeof(float) * (size_t) (padded - dim));
}

static inline float
sum_of(const Lanes * lanes)
{
	float		sum = 0.0f;

	for (int i = 0; i < OM_LANES; i++)
		sum += (*lanes)[i];
	return sum;
}

/* A sign for a dimension in which both codes have the same level. */
static inline bool
drawn_sign(int dimension)
{
	return (uint32_t) dimension * 0x9E3779B1u >> 31 != 0;
}

/*
 * encode -- om_quant_link_encode() with signs drawn where |W| is less than `level`.
 *
 * false, too: these happen to cancel out what the others say.
 */
static bool
encode(const OmQuantizer *quant, const void *from_code, const float *from, const void *to_code,
	   const float *to, float level, OmLinkCode *link)
{
	int			padded = padded_dim(&quant->spec);
	float		metric_mul = quant->rabitq.metric_mul;
	Lanes		square = {0};	/* |W|^2 */
	Lanes		across = {0};	/* <W, U> */
	Lanes		size = {0};		/* <W, s> */
	Lanes		most = {0};		/* what that is with W's own signs */
	Lanes		own = {0};		/* <U, s> */
	float		f;

	memset(link, 0, sizeof(OmLinkCode));
	for (int i = 0; i < padded; i += OM_LANES)
	{
		Lanes		u;
		Lanes		w;

		memcpy(&u, from + i, sizeof(Lanes));
		memcpy(&w, to + i, sizeof(Lanes));
		w -= u;
		square += w * w;
		across += w * u;
		if (i >= OM_LINK_DIM)
			continue;
		for (int j = 0; j < OM_LANES; j++)
		{
			float		length = fabsf(w[j]);
			bool		positive = length < level ? drawn_sign(i + j) : w[j] > 0.0f;

			most[j] += length;
			size[j] += positive ? w[j] : -w[j];
			own[j] += positive ? u[j] : -u[j];
			link->bits[j] |= (uint8_t) (positive << (i / OM_LANES));
		}
	}
	f = sum_of(&size);
	if (f < LEAST_SIZE * sum_of(&most))
		return false;
	f = f > 0.0f ? sum_of(&square) / f : 0.0f;
	link->mul = metric_mul * f;
	link->add = ((const OmCodeHead *) to_code)->add - ((const OmCodeHead *) from_code)->add -
		metric_mul * sum_of(&across) + link->mul * sum_of(&own);
	return fabsf(link->add) <= MOST && link->mul <= MOST;
}

bool
om_quant_link_encode(const OmQuantizer *quant, const void *from_code, const float *from,
					 const void *to_code, const float *to, OmLinkCode *link)
{
	float		step = ((const OmCodeHead *) from_code)->mul / quant->rabitq.metric_mul;

	if (quant->spec.bits <= 2 &&
		encode(quant, from_code, from, to_code, to, step / 2, link))
		return true;
	return encode(quant, from_code, from, to_code, to, 0.0f, link);
}

void
om_quant_link_query(const OmQuantizer *quant, const OmQuery *query, OmLinkQuery *link)
{
	int			dim = quant->spec.dim < OM_LINK_DIM ? quant->spec.dim : OM_LINK_DIM;

	memset(link, 0, sizeof(OmLinkQuery));
	memcpy(link->q, query->q, (size_t) dim);
	for (int i = 0; i < dim; i++)
		link->sum += link->q[i];
	/* a query form's mul is half a step of its components */
	link->step = 2 * query->mul;
}

void
om_quant_link_products(const OmLinkQuery *link, const uint8_t *bits, int n, float *product)
{
	for (int i = 0; i < n; i++)
	{
		int32_t		dot = om_kernels->dot_code[0] (bits + (size_t) i * OM_LINK_BYTES, link->q, OM_LINK_BYTES);

		product[i] = link->step * (float) (2 * dot - link->sum);
	}
}
