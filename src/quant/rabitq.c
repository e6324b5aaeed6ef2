/*
 * rabitq.c -- RaBitQ codes of 1, 2, 4 or 8 bits a dimension.
 *
 * Gao and Long, SIGMOD 2024; Gao et al., SIGMOD 2025 (more than one bit). With mean c,
 * rotation P, r = |x - c| and o = P(x - c) / r, a code holds levels u in 0..2^b-1. The grid
 * vector v = u - (2^b - 1) / 2 is, among those tried, the one whose direction is nearest to
 * o; let k = <v, o>. For q' = P(q - c), the estimate <v, q'> / k of <o, q'> is unbiased
 * over the rotations, with the standard error |q'| tan(v, o) / sqrt(dim - 1). The metrics
 * follow:
 *
 *   L2      |x - q|^2 = r^2 + |q'|^2 - 2r <o, q'>
 *   IP      -<x, q>   = -<x - c, c> - <c, q> - r <o, q'>
 *   cosine  half of the L2 of the normalised vectors
 *
 * q' is rounded to int8, so that <v, q'> is an integer dot product.  A query made from a
 * code has v in place of q': no rotation, no rounding.
 *
 * Range: sums of squares are computed in float while they are neither huge nor tiny, and
 * otherwise in double with scaled values.  Stored factors and distances are clamped to the
 * range of float.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "quant/quant_impl.h"

/* Number of dot products that a kernel computes in one call. */
#define DOT_BATCH 64

static inline int
log2_bits(int bits)
{
	return bits == 1 ? 0 : bits == 2 ? 1 : bits == 4 ? 2 : 3;
}

/*
 * |v| of a typical code, measured for normally distributed components.  8 bits clip almost
 * nothing, so there it depends on the largest of dim components.
 */
static double
typical_length(const OmQuantSpec *spec)
{
	static const double rms[4] = {0.5, 0.95, 3.1, 0.0};
	double		dim = spec->dim;

	if (spec->bits == 8)
		return sqrt(dim) * fmin(150.0 / sqrt(2.0 * log(dim) + 1.0), 75.0);
	return sqrt(dim) * rms[log2_bits(spec->bits)];
}

static bool
rabitq_valid(const OmQuantSpec *spec)
{
	if (spec->metric == OM_METRIC_L1 || spec->subvectors != 0)
		return false;
	if (spec->kind == OM_QUANT_BINARY)
		return spec->bits == 1;
	return spec->bits == 1 || spec->bits == 2 || spec->bits == 4 || spec->bits == 8;
}

static size_t
rabitq_code_bytes(const OmQuantSpec *spec)
{
	return om_round_up(sizeof(OmCodeHead) + (size_t) om_quant_stride(spec), 4);
}

static size_t
rabitq_query_bytes(const OmQuantSpec *spec)
{
	size_t		planes = (size_t) (8 / spec->bits);

	return sizeof(OmQuery) +
		om_round_up(planes * (size_t) om_quant_stride(spec), 64) + 64;
}

/* The model is the mean. */
static size_t
rabitq_model_floats(const OmQuantSpec *spec)
{
	return (size_t) spec->dim;
}

static void
rabitq_train(const OmQuantSpec *spec, const OmTraining *training, int from, int to,
			 void *scratch, float *model)
{
	(void) from;
	(void) to;
	(void) scratch;
	memcpy(model, training->mean, sizeof(float) * (size_t) spec->dim);
}

static size_t
rabitq_bytes(const OmQuantSpec *spec)
{
	size_t		padded = om_round_up((size_t) spec->dim, OM_LANES);
	size_t		rows = 1 + (size_t) om_rotate_rounds(spec->dim);

	return om_round_up(sizeof(OmQuantizer) + rows * padded * sizeof(float), 64);
}

/*
 * float[padded], then a byte for each level with room for the last store; a refinement
 * needs the same again.
 */
static size_t
rabitq_scratch_bytes(const OmQuantSpec *spec)
{
	size_t		padded = om_round_up((size_t) spec->dim, OM_LANES);

	return 2 * om_round_up(padded * sizeof(float) + padded + 64, 64);
}

static inline const float *
mean_of(const OmQuantizer *quant)
{
	return quant->data;
}

static OmQuantizer *
rabitq_init(void *mem, const OmQuantSpec *spec, const float *model)
{
	OmQuantizer *quant = mem;
	double		mean_sq = 0.0;

	memset(quant, 0, sizeof(OmQuantizer));
	quant->spec = *spec;
	quant->padded = (int) om_round_up((size_t) spec->dim, OM_LANES);
	quant->rabitq.stride = om_quant_stride(spec);
	quant->rabitq.planes = 8 / spec->bits;
	quant->code_bytes = (int) rabitq_code_bytes(spec);
	quant->rabitq.rounds = om_rotate_rounds(spec->dim);
	quant->rabitq.fht = 1;
	while (quant->rabitq.fht * 2 <= spec->dim)
		quant->rabitq.fht *= 2;
	quant->rabitq.typical_length = (float) typical_length(spec);
	quant->rabitq.metric_mul = spec->metric == OM_METRIC_L2 ? 2.0f : 1.0f;
	for (int i = 0; i < quant->padded; i++)
	{
		float		m = model != NULL && i < spec->dim ? model[i] : 0.0f;

		quant->data[i] = m;
		mean_sq += (double) m * m;
	}
	quant->rabitq.mean_sq = om_clamp_float(mean_sq);
	om_rotate_init(quant);
	return quant;
}

/*
 * Center a vector whose squares leave the range of float: in double, then scaled by a power
 * of two so that its largest component is near 1.
 */
static void
center_extreme(const OmQuantizer *quant, const float *x, double x_scale,
			   OmRotated *out)
{
	const float *mean = mean_of(quant);
	double		max = 0.0;
	double		sq = 0.0;
	int			exponent;

	out->dot_mean = 0.0;
	out->scale = 1.0;
	for (int i = 0; i < quant->spec.dim; i++)
	{
		double		y = x[i] * x_scale - mean[i];

		out->dot_mean += y * mean[i];
		max = fabs(y) > max ? fabs(y) : max;
	}
	memset(out->y, 0, sizeof(float) * (size_t) quant->padded);
	if (max > 0.0)
	{
		frexp(max, &exponent);
		out->scale = ldexp(1.0, exponent);
		for (int i = 0; i < quant->spec.dim; i++)
		{
			double		y = x[i] * x_scale - mean[i];

			out->y[i] = (float) ldexp(y, -exponent);
			sq += (double) out->y[i] * out->y[i];
		}
	}
	out->length = sqrt(sq);
}

void
om_rabitq_rotate(const OmQuantizer *quant, const float *x, void *scratch,
				 OmRotated *out)
{
	double		x_scale = 1.0;
	bool		ordinary = true;
	float		sums[2];

	out->y = scratch;
	if (quant->spec.metric == OM_METRIC_COSINE)
		ordinary = om_inverse_norm(x, quant->spec.dim, &x_scale);
	if (ordinary)
	{
		om_kernels->center_f32(x, mean_of(quant), (float) x_scale, out->y,
							   quant->spec.dim, sums);
		out->scale = 1.0;
		out->length = sqrt((double) sums[0]);
		out->dot_mean = sums[1];
		/* written so that NaN, the result of infinity minus infinity, counts as out of range */
		ordinary = sums[0] >= OM_SQUARE_MIN && sums[0] <= OM_SQUARE_MAX &&
			fabsf(sums[1]) <= FLT_MAX;
	}
	if (!ordinary)
		center_extreme(quant, x, x_scale, out);
	if (out->length > 0.0)
		om_rotate(quant, out->y);
}

/* The best number of levels for a standard deviation, if components are normally distributed. */
static const float normal_scale[4] = {1.0f, 1.0f, 3.0f, 32.4f};

/*
 * Evenly spaced scales are tried, 4 in a pass; vectors with few dimensions gain from more
 * passes.
 */
#define TRIAL_PASSES 4
#define TRIAL_PASSES_SHORT 10
#define TRIAL_SHORT_DIM 64

static void
try_scales(const OmQuantizer *quant, int bits, const float *y, const float t[4],
		   OmTrial *best)
{
	float		pad = 0.25f * (float) (quant->padded - quant->spec.dim);
	float		dot[4];
	float		sq[4];

	om_kernels->trial_f32(y, quant->padded, bits, t, dot, sq);
	for (int i = 0; i < 4; i++)
	{
		double		score = (double) dot[i] * dot[i] / (double) (sq[i] - pad);

		if (score > best->score)
		{
			best->score = score;
			best->t = t[i];
			best->dot = dot[i];
			best->sq = sq[i] - pad;
		}
	}
}

/*
 * om_rabitq_scale -- see quant_impl.h.
 *
 * Tries scales between the one for normal components and the one that clips nothing, then
 * around the best of them.  The last pass includes a step that can only improve the result:
 * the scale at which the levels found approximate y with the least squared error.
 */
OmTrial
om_rabitq_scale(const OmQuantizer *quant, int bits, const float *y, double length)
{
	int			dim = quant->spec.dim;
	int			passes = dim <= TRIAL_SHORT_DIM ? TRIAL_PASSES_SHORT : TRIAL_PASSES;
	float		normal = normal_scale[log2_bits(bits)] *
		(float) (sqrt((double) dim) / length);
	float		low = (bits == 2 ? 0.5f : 0.8f) * normal;
	float		high = (float) (1 << (bits - 1)) /
		om_kernels->absmax_f32(y, quant->padded);
	float		step;
	OmTrial		best = {.score = -1.0};
	float		t[4];

	if (bits == 1)
	{
		/* one level on each side of zero: every scale gives the same levels */
		t[0] = t[1] = t[2] = t[3] = normal;
		try_scales(quant, bits, y, t, &best);
		return best;
	}
	high = fmaxf(high * 1.05f, normal * 1.25f);
	step = (high - low) / (float) (4 * passes - 1);
	for (int pass = 0; pass < passes; pass++)
	{
		for (int i = 0; i < 4; i++)
			t[i] = low + step * (float) (4 * pass + i);
		try_scales(quant, bits, y, t, &best);
	}
	t[0] = best.sq / best.dot;
	t[1] = best.t - step / 3;
	t[2] = best.t + step / 3;
	t[3] = best.t + step / 2;
	try_scales(quant, bits, y, t, &best);
	return best;
}

/* Pack levels (a byte each, zero up to planes * stride) into stride bytes. */
static inline __attribute__((always_inline)) void
pack_levels(const uint8_t *u, uint8_t *packed, int stride, int bits)
{
	for (int j = 0; j < stride; j++)
	{
		unsigned int byte = 0;

		for (int p = 0; p < 8 / bits; p++)
			byte |= (unsigned int) u[p * stride + j] << (p * bits);
		packed[j] = (uint8_t) byte;
	}
}

static void
rabitq_encode(const OmQuantizer *quant, const float *x, void *scratch,
			  void *code)
{
	OmCodeHead *head = code;
	uint8_t    *packed = (uint8_t *) code + sizeof(OmCodeHead);
	int			dim = quant->spec.dim;
	int			bits = quant->spec.bits;
	uint8_t    *u = (uint8_t *) scratch + sizeof(float) * (size_t) quant->padded;
	OmRotated	r;
	double		norm;
	double		add;
	double		cos_sq;
	OmTrial		best;

	om_rabitq_rotate(quant, x, scratch, &r);
	memset(code, 0, (size_t) quant->code_bytes);
	norm = r.length * r.scale;
	add = quant->spec.metric == OM_METRIC_IP ? -r.dot_mean : norm * norm;
	head->add = om_clamp_float(quant->spec.metric == OM_METRIC_COSINE ? add / 2 : add);
	if (r.length == 0.0)
		return;

	best = om_rabitq_scale(quant, bits, r.y, r.length);
	om_kernels->quantize_f32(r.y, quant->padded, bits, best.t, u);
	memset(u + dim, 0, (size_t) (quant->rabitq.planes * quant->rabitq.stride - dim));
	switch (bits)
	{
		case 1:
			pack_levels(u, packed, quant->rabitq.stride, 1);
			break;
		case 2:
			pack_levels(u, packed, quant->rabitq.stride, 2);
			break;
		case 4:
			pack_levels(u, packed, quant->rabitq.stride, 4);
			break;
		default:
			memcpy(packed, u, (size_t) quant->rabitq.stride);
	}

	/* r / k = norm / (dot / length) */
	head->mul = om_clamp_float(quant->rabitq.metric_mul * norm * r.length / best.dot);
	cos_sq = best.score / (r.length * r.length);
	if (cos_sq < 1.0 && dim > 1)
		head->err = om_clamp_float(quant->rabitq.metric_mul * norm *
								   sqrt((1.0 - cos_sq) / cos_sq / (dim - 1)));
}

static void
rabitq_query(const OmQuantizer *quant, const float *q, void *scratch,
			 OmQuery *query)
{
	int			dim = quant->spec.dim;
	size_t		end = (size_t) (quant->rabitq.planes * quant->rabitq.stride) + 64;
	OmRotated	r;
	double		norm;
	double		step;
	float		max;

	om_rabitq_rotate(quant, q, scratch, &r);
	norm = r.length * r.scale;
	memset(query, 0, sizeof(OmQuery));
	query->norm = om_clamp_float(norm);
	if (quant->spec.metric == OM_METRIC_IP)
		query->add = om_clamp_float(-r.dot_mean - quant->rabitq.mean_sq);
	else
		query->add = om_clamp_float(norm * norm * (quant->rabitq.metric_mul / 2));
	max = r.length > 0.0 ? om_kernels->absmax_f32(r.y, quant->padded) : 0.0f;
	if (!(max > 0.0f))
	{
		memset(query->q, 0, end);
		return;
	}
	query->qsum = om_kernels->to_i8_f32(r.y, quant->padded, 127.0f / max, query->q);
	query->qsum *= (1 << quant->spec.bits) - 1;
	memset(query->q + dim, 0, end - (size_t) dim);
	step = r.scale * max / 127.0;
	query->mul = om_clamp_float(step / 2);
	query->noise = om_clamp_float(step * sqrt(1.0 / 12.0) * quant->rabitq.typical_length);
}

/* What rabitq_error() needs of a code that acts as a query: |q'| and its error. */
static void
from_code_error(const OmQuantizer *quant, const OmCodeHead *head,
				OmQuery *query)
{
	double		length = quant->rabitq.typical_length;
	double		noise = head->err / quant->rabitq.metric_mul * length;

	if (quant->spec.metric == OM_METRIC_IP)
		query->norm = om_clamp_float(head->mul * length);
	else
		query->norm = sqrtf(head->add) * (quant->spec.metric == OM_METRIC_L2 ? 1.0f : sqrtf(2.0f));
	/* rounding v to int8 is wrong by up to half a level, less what scaling makes up for */
	if (quant->spec.bits == 8)
		noise = hypot(noise, 0.4 * head->mul / quant->rabitq.metric_mul * length);
	query->noise = om_clamp_float(noise);
}

/*
 * r / k is unbiased for a vector whose code has independent errors.  Codes of near vectors
 * have similar errors, so that with few bits their inner product comes out too large: for
 * normal components and one bit, asin(c) for a cosine c.  This factor is right between the
 * two, at the cosines that neighbours have.  With it, choosing neighbours by codes prunes
 * about as many as with exact distances (100-d in loose clusters, one bit: 58 % against 63
 * % with exact distances, and 78 % without the factor). 1 - 0.22 times the squared tangent
 * between o and v fits 1, 2 and 4 bits.
 */
static double
near_scale(const OmQuantizer *quant, const OmCodeHead *head)
{
	double		ratio;
	double		sin_sq;

	if (!(head->mul > 0.0f))
		return 1.0;
	/* err / mul = |v| sin / sqrt(dim - 1) */
	ratio = head->err / (head->mul * quant->rabitq.typical_length);
	sin_sq = fmin(ratio * ratio * (quant->spec.dim - 1), 0.4);
	return 1.0 - 0.22 * sin_sq / (1.0 - sin_sq);
}

static void
rabitq_query_from_code(const OmQuantizer *quant, const void *code,
					   OmQuery *query)
{
	const OmCodeHead *head = code;
	int			dim = quant->spec.dim;
	int			bits = quant->spec.bits;
	size_t		end = (size_t) (quant->rabitq.planes * quant->rabitq.stride) + 64;
	double		scale = near_scale(quant, head) * head->mul / quant->rabitq.metric_mul / 2;
	int32_t		sums[3];

	memset(query, 0, sizeof(OmQuery));
	om_kernels->expand_code[log2_bits(bits)] ((const uint8_t *) code + sizeof(OmCodeHead),
											  query->q, quant->rabitq.stride);
	memset(query->q + dim, 0, end - (size_t) dim);
	om_kernels->sums_i8(query->q, dim, sums);
	query->qsum = sums[0] * ((1 << bits) - 1);
	if (bits == 8)
	{
		/* |v| = |e| + 1/2, and q' is in units of e: scale by <v, v> / <v, e> */
		double		ve = sums[2] + 0.5 * sums[1];
		double		vv = ve + 0.5 * sums[1] + 0.25 * dim;

		scale = ve > 0.0 ? 2 * scale * vv / ve : 0.0;
	}
	query->mul = om_clamp_float(scale / 2);
	query->add = head->add;
	if (quant->spec.metric == OM_METRIC_IP)
		query->add = om_clamp_float((double) head->add - quant->rabitq.mean_sq);
	from_code_error(quant, head, query);
}

/*
 * rabitq_decode -- rotate the levels back, at the length that the code's factors give.
 *
 * For inner product that length follows from the other factors: err / mul is |v| sin /
 * sqrt(dim - 1), and mul is |x'| / (|v| cos).
 */
static void
rabitq_decode(const OmQuantizer *quant, const void *code, void *scratch, float *x)
{
	const OmCodeHead *head = code;
	const uint8_t *packed = (const uint8_t *) code + sizeof(OmCodeHead);
	int			dim = quant->spec.dim;
	int			bits = quant->spec.bits;
	float	   *y = scratch;
	double		sq = 0.0;
	double		length;

	memset(y, 0, sizeof(float) * (size_t) quant->padded);
	for (int i = 0; i < dim; i++)
	{
		int			level = packed[i % quant->rabitq.stride] >> (i / quant->rabitq.stride * bits);

		y[i] = (float) (level & ((1 << bits) - 1)) - 0.5f * (float) ((1 << bits) - 1);
		sq += (double) y[i] * y[i];
	}
	if (quant->spec.metric == OM_METRIC_IP)
	{
		double		sin_sq = head->mul > 0.0f ? (double) head->err / head->mul : 0.0;

		sin_sq = fmin(sin_sq * sin_sq * (dim - 1) / sq, 1.0);
		length = head->mul * sqrt(sq * (1.0 - sin_sq));
	}
	else
		length = sqrt(head->add * (quant->spec.metric == OM_METRIC_COSINE ? 2.0 : 1.0));
	for (int i = 0; i < dim; i++)
		y[i] = om_clamp_float(y[i] * length / sqrt(sq));
	om_rotate_back(quant, y);
	for (int i = 0; i < dim; i++)
		x[i] = om_clamp_float((double) y[i] + mean_of(quant)[i]);
}

/* The estimated distance, from the integer dot product of levels and query. */
static inline float
dot_distance(const OmQuery *query, const OmCodeHead *head, int32_t dot)
{
	float		d = head->add + query->add -
		head->mul * (query->mul * (float) (2 * dot - query->qsum));

	return om_clamp_distance(d);
}

static inline float
code_distance(const OmQuantizer *quant, const OmQuery *query, const void *code,
			  int log2)
{
	int32_t		dot = om_kernels->dot_code[log2] ((const uint8_t *) code + sizeof(OmCodeHead),
												  query->q, quant->rabitq.stride);

	return dot_distance(query, code, dot);
}

/*
 * rabitq_distances -- distances of many codes, equal to the last bit to computing them one
 * by one.
 */
static void
rabitq_distances(const OmQuantizer *quant, const OmQuery *query,
				 const void *const *codes, int n, float *dist)
{
	int			log2 = log2_bits(quant->spec.bits);
	int32_t		dot[DOT_BATCH];

	if (om_kernels->dot_codes[log2] == NULL)
	{
		for (int i = 0; i < n; i++)
			dist[i] = code_distance(quant, query, codes[i], log2);
		return;
	}
	for (int done = 0; done < n; done += DOT_BATCH)
	{
		int			batch = n - done < DOT_BATCH ? n - done : DOT_BATCH;

		om_kernels->dot_codes[log2] (codes + done, sizeof(OmCodeHead), batch,
									 query->q, quant->rabitq.stride, dot);
		for (int i = 0; i < batch; i++)
			dist[done + i] = dot_distance(query, codes[done + i], dot[i]);
	}
}

static float
distance_1(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return code_distance(quant, query, code, 0);
}

static float
distance_2(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return code_distance(quant, query, code, 1);
}

static float
distance_4(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return code_distance(quant, query, code, 2);
}

static float
distance_8(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	return code_distance(quant, query, code, 3);
}

static OmDistanceFn
rabitq_distance_fn(const OmQuantizer *quant)
{
	static const OmDistanceFn fns[4] = {distance_1, distance_2, distance_4, distance_8};

	return fns[log2_bits(quant->spec.bits)];
}

static float
rabitq_error(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	const OmCodeHead *head = code;
	double		a = (double) head->err * query->norm;
	double		b = (double) head->mul * query->noise;

	(void) quant;
	return om_clamp_float(sqrt(a * a + b * b));
}

const OmQuantOps om_rabitq_ops = {
	.valid = rabitq_valid,
	.code_bytes = rabitq_code_bytes,
	.model_floats = rabitq_model_floats,
	.bytes = rabitq_bytes,
	.query_bytes = rabitq_query_bytes,
	.scratch_bytes = rabitq_scratch_bytes,
	.init = rabitq_init,
	.encode = rabitq_encode,
	.query = rabitq_query,
	.query_from_code = rabitq_query_from_code,
	.decode = rabitq_decode,
	.distance_fn = rabitq_distance_fn,
	.distances = rabitq_distances,
	.error = rabitq_error,
	.refine = &om_rabitq_refine_ops,
	.train = rabitq_train,
};
