/*
 * sparse.c -- quantizer for sparse vectors: the code has the non-zero elements, 8 bits
 * each.
 *
 * A position of this kind is an OmSparse (quant.h) with spec.subvectors elements; spec.bits
 * is the number of bits of an element's index (its term). A code, after its head:
 *
 *     term[elements] | int8 level[elements] | zeros to 4 bytes
 *
 * with terms uint16, or uint32 where they have more than 16 bits (wide codes).
 *
 * A query form is a table of levels by term, so that a distance costs one look-up for
 * each element of the code: all of the query's elements that the code has, too, and
 * zeros.  Of wide codes it is a hash table that knows its terms:
 *
 *     uint32 term[slots] | int8 level[slots]
 *
 * with linear probing, four slots for each element at least, NO_TERM where one is empty.
 * Terms that meet in a slot stay apart: a sum of the two would put all rows that have one
 * of them in the wrong order.  Levels are in 127ths of the largest element, so that what
 * rounding leaves is far less than what vectors of such data differ by.
 *
 * All four metrics follow from the elements that both vectors have: the inner product, and
 * for L1 the sum of the lesser magnitudes, where signs agree.  If a vector has more
 * elements than a code has room for, the smallest are left out; they count only in the
 * vector's length and in the error.
 */
#include <math.h>
#include <string.h>

#include "quant/quant_impl.h"

#define LEVELS 127

/* Standard deviation of the rounding error, in steps. */
#define ROUNDING 0.2887f

/*
 * The elements left out of a vector may point towards a query as the others do.  Three
 * standard errors, which a scan allows for, are then the most that they can add.
 */
#define REST_COSINE (1.0f / 3.0f)

/* Terms of more bits take four bytes. */
#define NARROW_BITS 16

/* Of an empty slot; terms have up to 30 bits.  Its level is 0. */
#define NO_TERM UINT32_MAX

typedef struct SparseHead
{
	float		add;			/* L2: square of the norm; L1: sum of magnitudes */
	float		step;			/* value of one level; under cosine, divided by the norm */
	float		err;			/* standard error per unit of the query's norm; for L1, absolute */
	float		norm;			/* norm of the vector; 1 under cosine */
	uint32_t	n;
} SparseHead;

static inline bool
is_wide(const OmQuantSpec *spec)
{
	return spec->bits > NARROW_BITS;
}

static inline size_t
term_bytes(const OmQuantSpec *spec)
{
	return is_wide(spec) ? sizeof(uint32_t) : sizeof(uint16_t);
}

/* The terms of a code. */
static inline const void *
terms_of(const void *code)
{
	return (const SparseHead *) code + 1;
}

static inline const int8_t *
levels_of(const OmQuantizer *quant, const void *code)
{
	return (const int8_t *) terms_of(code) + (size_t) quant->spec.subvectors * term_bytes(&quant->spec);
}

/* Bits of a slot's number: four slots or more for each element. */
static inline int
slot_bits(const OmQuantSpec *spec)
{
	int			bits = 6;

	while (((size_t) 1 << bits) < 4 * (size_t) spec->subvectors)
		bits++;
	return bits;
}

/* Number of elements of a code; never more than it has room for, even on a damaged page. */
static inline int
elements_of(const OmQuantizer *quant, const void *code)
{
	uint32_t	n = ((const SparseHead *) code)->n;

	return n <= (uint32_t) quant->spec.subvectors ? (int) n : quant->spec.subvectors;
}

static inline unsigned
term_mask(const OmQuantizer *quant)
{
	return (1u << quant->spec.bits) - 1;
}

static inline uint32_t
term_at(const OmQuantizer *quant, const void *code, int i, bool wide)
{
	uint32_t	term = wide ? ((const uint32_t *) terms_of(code))[i] : ((const uint16_t *) terms_of(code))[i];

	return term & term_mask(quant);
}

/*
 * find_slot -- where a term is in a wide query form, or the empty slot where it would be.
 */
static inline unsigned
find_slot(const uint32_t *slots, int bits, uint32_t term)
{
	unsigned	at = (term * 2654435761u) >> (32 - bits);

	/* one branch, which is hardly ever taken: whether a code has the term no CPU would predict */
	while ((slots[at] != term) & (slots[at] != NO_TERM))
		at = (at + 1) & ((1u << bits) - 1);
	return at;
}

/*
 * level_at -- the query's level of element i of a code.
 */
static inline int
level_at(const OmQuantizer *quant, const OmQuery *query, const void *code, int i, bool wide)
{
	const uint32_t *slots = (const uint32_t *) query->q;
	int			bits = quant->sparse.slot_bits;
	uint32_t	term = term_at(quant, code, i, wide);

	if (!wide)
		return query->q[term];
	return ((const int8_t *) (slots + ((size_t) 1 << bits)))[find_slot(slots, bits, term)];
}

static bool
sparse_valid(const OmQuantSpec *spec)
{
	return spec->bits >= 1 && spec->bits <= OM_SPARSE_BITS && spec->subvectors >= 1 &&
		spec->dim == om_sparse_floats(spec->subvectors);
}

static size_t
sparse_code_bytes(const OmQuantSpec *spec)
{
	return sizeof(SparseHead) + om_round_up((term_bytes(spec) + 1) * (size_t) spec->subvectors, 4);
}

static size_t
sparse_bytes(const OmQuantSpec *spec)
{
	(void) spec;
	return om_round_up(sizeof(OmQuantizer), 64);
}

static size_t
sparse_query_bytes(const OmQuantSpec *spec)
{
	if (is_wide(spec))
		return sizeof(OmQuery) + ((sizeof(uint32_t) + 1) << slot_bits(spec));
	return sizeof(OmQuery) + om_round_up((size_t) 1 << spec->bits, 64);
}

/* A code. */
static size_t
sparse_scratch_bytes(const OmQuantSpec *spec)
{
	return om_round_up(sparse_code_bytes(spec), 64);
}

static OmQuantizer *
sparse_init(void *mem, const OmQuantSpec *spec, const float *model)
{
	OmQuantizer *quant = mem;

	(void) model;
	memset(quant, 0, sizeof(OmQuantizer));
	quant->spec = *spec;
	quant->code_bytes = (int) sparse_code_bytes(spec);
	quant->sparse.slot_bits = slot_bits(spec);
	quant->sparse.metric_mul = spec->metric == OM_METRIC_L2 ? 2.0f : 1.0f;
	return quant;
}

/*
 * to_levels -- round x[n] to steps of 1/127 of the largest; returns the step.
 */
static float
to_levels(const float *x, int n, int8_t *level)
{
	float		most = 0.0f;

	for (int i = 0; i < n; i++)
		most = fmaxf(most, fabsf(x[i]));
	for (int i = 0; i < n; i++)
		level[i] = (int8_t) rintf((float) ((double) x[i] / most * LEVELS));
	return most / LEVELS;
}

/*
 * error_of -- the error of a vector's levels in an inner product with a unit vector; for
 * L1, in sums.
 */
static float
error_of(const OmQuantizer *quant, const OmSparse *v, float step)
{
	if (quant->spec.metric == OM_METRIC_L1)
		return 2.0f * (ROUNDING * step * sqrtf((float) v->n) + REST_COSINE * v->rest_sum);
	return hypotf(ROUNDING * step, REST_COSINE * v->rest);
}

static void
sparse_encode(const OmQuantizer *quant, const float *x, void *scratch, void *code)
{
	const OmSparse *v = (const OmSparse *) x;
	const uint32_t *from = om_sparse_terms(v);
	SparseHead *head = code;
	bool		wide = is_wide(&quant->spec);
	uint16_t   *narrow_term = (uint16_t *) (head + 1);
	uint32_t   *wide_term = (uint32_t *) (head + 1);
	float		by = 1.0f;

	(void) scratch;
	memset(code, 0, (size_t) quant->code_bytes);
	for (uint32_t i = 0; i < v->n; i++)
	{
		if (wide)
			wide_term[i] = from[i];
		else
			narrow_term[i] = (uint16_t) from[i];
	}
	head->n = v->n;
	head->norm = v->norm;
	head->step = to_levels(om_sparse_values(v, quant->spec.subvectors), (int) v->n,
						   (int8_t *) (head + 1) + (size_t) quant->spec.subvectors * term_bytes(&quant->spec));
	head->err = error_of(quant, v, head->step);
	switch (quant->spec.metric)
	{
		case OM_METRIC_L1:
			head->add = v->sum;
			break;
		case OM_METRIC_L2:
			head->add = om_clamp_float((double) v->norm * v->norm);
			break;
		case OM_METRIC_COSINE:
			by = v->norm > 0.0f ? v->norm : 1.0f;
			head->norm = 1.0f;
			break;
		default:
			break;
	}
	head->step /= by;
	head->err /= by;
}

/*
 * The query form of a code.  A term that a damaged code has twice adds up.
 */
static void
sparse_query_from_code(const OmQuantizer *quant, const void *code, OmQuery *query)
{
	const SparseHead *head = code;
	const int8_t *level = levels_of(quant, code);
	bool		wide = is_wide(&quant->spec);
	int			bits = wide ? quant->sparse.slot_bits : quant->spec.bits;
	uint32_t   *slots = (uint32_t *) query->q;
	int8_t	   *levels = wide ? (int8_t *) (slots + ((size_t) 1 << bits)) : query->q;
	int			n = elements_of(quant, code);

	memset(query, 0, sizeof(OmQuery));
	memset(levels, 0, (size_t) 1 << bits);
	if (wide)
		memset(slots, 0xFF, sizeof(uint32_t) << bits);
	for (int i = 0; i < n; i++)
	{
		uint32_t	term = term_at(quant, code, i, wide);
		unsigned	at = wide ? find_slot(slots, bits, term) : term;
		int			sum = levels[at] + level[i];

		levels[at] = (int8_t) (sum > LEVELS ? LEVELS : sum < -LEVELS ? -LEVELS : sum);
		if (wide)
			slots[at] = term;
	}
	query->add = quant->spec.metric == OM_METRIC_COSINE ? 1.0f : head->add;
	query->mul = quant->sparse.metric_mul * head->step;
	query->norm = head->norm;
	query->noise = head->err;
}

static void
sparse_query(const OmQuantizer *quant, const float *q, void *scratch, OmQuery *query)
{
	sparse_encode(quant, q, NULL, scratch);
	sparse_query_from_code(quant, scratch, query);
}

static void
sparse_decode(const OmQuantizer *quant, const void *code, void *scratch, float *x)
{
	const SparseHead *head = code;
	OmSparse   *v = (OmSparse *) x;
	uint32_t   *term = om_sparse_terms(v);
	float	   *value = om_sparse_values(v, quant->spec.subvectors);

	(void) scratch;
	memset(x, 0, sizeof(float) * (size_t) quant->spec.dim);
	v->n = (uint32_t) elements_of(quant, code);
	v->norm = head->norm;
	for (uint32_t i = 0; i < v->n; i++)
	{
		term[i] = term_at(quant, code, (int) i, is_wide(&quant->spec));
		value[i] = levels_of(quant, code)[i] * head->step;
		v->sum += fabsf(value[i]);
	}
	if (quant->spec.metric == OM_METRIC_L1)
		v->sum = head->add;
}

static inline float
product(const OmQuantizer *quant, const OmQuery *query, const void *code, bool wide)
{
	const SparseHead *head = code;
	const int8_t *level = levels_of(quant, code);
	int			n = elements_of(quant, code);
	int32_t		dot[4] = {0, 0, 0, 0};
	int			i;

	/* 16,129 times 133,144 elements would overflow */
	for (i = 0; i + 4 <= n; i += 4)
	{
		for (int j = 0; j < 4; j++)
			dot[j] += level_at(quant, query, code, i + j, wide) * level[i + j];
	}
	for (; i < n; i++)
		dot[0] += level_at(quant, query, code, i, wide) * level[i];
	return om_clamp_distance(query->add + head->add - query->mul * head->step *
							 (float) (dot[0] + dot[1] + dot[2] + dot[3]));
}

/* |a| + |b| - |a - b| is twice the lesser magnitude, or 0 where signs differ. */
static inline float
lesser(const OmQuantizer *quant, const OmQuery *query, const void *code, bool wide)
{
	const SparseHead *head = code;
	const int8_t *level = levels_of(quant, code);
	int			n = elements_of(quant, code);
	float		sum = 0.0f;

	for (int i = 0; i < n; i++)
	{
		float		a = (float) level_at(quant, query, code, i, wide) * query->mul;
		float		b = level[i] * head->step;

		sum += a > 0.0f ? fmaxf(fminf(a, b), 0.0f) : -fminf(fmaxf(a, b), 0.0f);
	}
	return om_clamp_distance(query->add + head->add - 2.0f * sum);
}

static float
distance_by_product(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return product(quant, query, code, false);
}

static float
distance_by_product_wide(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return product(quant, query, code, true);
}

static float
distance_l1(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return lesser(quant, query, code, false);
}

static float
distance_l1_wide(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return lesser(quant, query, code, true);
}

static OmDistanceFn
sparse_distance_fn(const OmQuantizer *quant)
{
	if (quant->spec.metric == OM_METRIC_L1)
		return is_wide(&quant->spec) ? distance_l1_wide : distance_l1;
	return is_wide(&quant->spec) ? distance_by_product_wide : distance_by_product;
}

static float
sparse_error(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	const SparseHead *head = code;

	if (quant->spec.metric == OM_METRIC_L1)
		return om_clamp_distance(query->noise + head->err);
	/* a sum, not the root of squares: the elements left out of both vectors may be the same */
	return om_clamp_distance(quant->sparse.metric_mul * (query->noise * head->norm +
														 query->norm * head->err));
}

const OmQuantOps om_sparse_ops = {
	.valid = sparse_valid,
	.code_bytes = sparse_code_bytes,
	.bytes = sparse_bytes,
	.query_bytes = sparse_query_bytes,
	.scratch_bytes = sparse_scratch_bytes,
	.init = sparse_init,
	.encode = sparse_encode,
	.query = sparse_query,
	.query_from_code = sparse_query_from_code,
	.decode = sparse_decode,
	.distance_fn = sparse_distance_fn,
	.error = sparse_error,
};
