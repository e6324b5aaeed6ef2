/*
 * sq8.c -- scalar quantization: one byte for each dimension.
 *
 * Dimension d of a vector is lo[d] + step[d] * (a + b * u), where u is the byte, and a and
 * b belong to the code.  lo and step belong to the model, which is trained from a sample.
 * For every vector within the sample's range, a is 0 and b is 1, so that the error of a
 * component is at most half a step.  A vector that leaves this range has a range of its
 * own, wide enough for all of its components: so an outlier is represented coarsely, but
 * never far off.  Without a model, or with one of a sample in which all vectors are equal,
 * every vector has its own range.
 *
 * Code:   float a, float b, uint8 u[dim], zeros to a multiple of 4
 * Model:  float lo[dim], float step[dim]
 * data:   float lo[padded], step[padded], 1 / step [padded]
 * Query:  float[padded] at OmQuery.q, zero padded: q - lo, or for inner product
 *         q * step, with its sum in mul and -<q, lo> in add.  noise is the b of the
 *         code that the query form is made of, 0 for a vector.
 */
#include <math.h>
#include <string.h>

#include "quant/quant_impl.h"

/*
 * Two ways to choose the range of each dimension: one value in TRIM at each end is ignored, and the range is then
 * widened by WIDEN of its width, but not beyond the values seen; or one value in TRIM_NARROW is ignored.  Training
 * takes the way that has the smaller error.  docs/measurements.md#constants-of-codes
 */
#define TRIM 1000
#define WIDEN 0.25
#define TRIM_NARROW 100
#define MAX_TRIMMED 128
/* Rows that the error is measured on. */
#define ERROR_ROWS 1000
/* A dimension's width is at least this part of the widest one's. */
#define LEAST_WIDTH (1.0 / 64)

typedef struct Sq8Head
{
	float		a;
	float		b;
} Sq8Head;

static inline const float *
row(const OmQuantizer *quant, int n)
{
	return quant->data + (size_t) n * (size_t) quant->padded;
}

#define LO(quant) row(quant, 0)
#define STEP(quant) row(quant, 1)
#define INVERSE(quant) row(quant, 2)

static bool
sq8_valid(const OmQuantSpec *spec)
{
	return spec->bits == 0 && spec->subvectors == 0;
}

static size_t
sq8_code_bytes(const OmQuantSpec *spec)
{
	return om_round_up(sizeof(Sq8Head) + (size_t) spec->dim, 4);
}

static size_t
sq8_model_floats(const OmQuantSpec *spec)
{
	return 2 * (size_t) spec->dim;
}

static size_t
padded_bytes(const OmQuantSpec *spec)
{
	return sizeof(float) * om_round_up((size_t) spec->dim, OM_LANES);
}

static size_t
sq8_bytes(const OmQuantSpec *spec)
{
	return om_round_up(sizeof(OmQuantizer) + 3 * padded_bytes(spec), 64);
}

static size_t
sq8_query_bytes(const OmQuantSpec *spec)
{
	return om_round_up(sizeof(OmQuery) + padded_bytes(spec), 64);
}

/* float[padded] */
static size_t
sq8_scratch_bytes(const OmQuantSpec *spec)
{
	return om_round_up(padded_bytes(spec), 64);
}

static OmQuantizer *
sq8_init(void *mem, const OmQuantSpec *spec, const float *model)
{
	OmQuantizer *quant = mem;
	float	   *lo;
	float	   *step;
	float	   *inverse;
	double		max = 0.0;
	double		sq = 0.0;
	double		far_sq = 0.0;
	double		far;

	memset(quant, 0, sq8_bytes(spec));
	quant->spec = *spec;
	quant->padded = (int) om_round_up((size_t) spec->dim, OM_LANES);
	quant->code_bytes = (int) sq8_code_bytes(spec);
	for (int i = 0; i < spec->dim && model != NULL; i++)
		quant->sq8.ranged |= model[spec->dim + i] > 0.0f;
	quant->sq8.metric_mul = spec->metric == OM_METRIC_COSINE ? 0.5f : 1.0f;
	lo = (float *) LO(quant);
	step = (float *) STEP(quant);
	inverse = (float *) INVERSE(quant);
	for (int i = 0; i < spec->dim; i++)
	{
		lo[i] = model != NULL ? model[i] : 0.0f;
		step[i] = model != NULL && quant->sq8.ranged ? model[spec->dim + i] : 1.0f;
		inverse[i] = step[i] > 0.0f ? om_clamp_float(1.0 / step[i]) : 0.0f;
		max = fmax(max, step[i]);
		sq += (double) step[i] * step[i];
		far = fmax(fabs(lo[i]), fabs(lo[i] + 255.0 * step[i])) * step[i];
		far_sq += far * far;
	}
	/* the variance of a value distributed uniformly between two levels is 1/12 */
	quant->sq8.widest_error = om_clamp_float(max / sqrt(12.0));
	quant->sq8.error_sq = om_clamp_float(sq / 12.0);
	quant->sq8.far_error = om_clamp_float(sqrt(far_sq / 12.0));
	return quant;
}

/* The factor that is applied to a vector before it is encoded: under cosine it is normalised. */
static double
vector_scale(const OmQuantizer *quant, const float *x)
{
	double		scale = 1.0;

	if (quant->spec.metric == OM_METRIC_COSINE)
		om_inverse_norm(x, quant->spec.dim, &scale);
	return scale;
}

/* The range of a vector in steps: from a to a + 255 b. */
static void
choose_range(const OmQuantizer *quant, double min, double max, Sq8Head *head)
{
	if (quant->sq8.ranged)
	{
		if (min > -0.5 && max < 255.5)
		{
			head->a = 0.0f;
			head->b = 1.0f;
			return;
		}
		min = fmin(min, 0.0);
		max = fmax(max, 255.0);
	}
	head->a = om_clamp_float(min);
	head->b = om_clamp_float((max - head->a) / 255.0);
}

/*
 * fit_range -- move a vector's own range so that its errors add up to zero.
 *
 * If one outlier determines the range, all other components may lie between the same two
 * levels, with the same error.
 */
static void
fit_range(const OmQuantizer *quant, const float *t, const uint8_t *u, Sq8Head *head)
{
	const float *step = STEP(quant);
	double		sum = 0.0;
	double		weight = 0.0;

	for (int i = 0; i < quant->spec.dim; i++)
	{
		double		w = (double) step[i] * step[i];

		sum += w * (t[i] - head->a - (double) head->b * u[i]);
		weight += w;
	}
	if (weight > 0.0)
		head->a = om_clamp_float(head->a + sum / weight);
}

static void
sq8_encode(const OmQuantizer *quant, const float *x, void *scratch, void *code)
{
	const float *lo = LO(quant);
	const float *inverse = INVERSE(quant);
	int			dim = quant->spec.dim;
	double		scale = vector_scale(quant, x);
	float	   *t = scratch;
	Sq8Head    *head = code;
	uint8_t    *u = (uint8_t *) code + sizeof(Sq8Head);
	double		min = INFINITY;
	double		max = -INFINITY;
	double		a;
	double		per_level;

	for (int i = 0; i < dim; i++)
	{
		t[i] = om_clamp_float((x[i] * scale - lo[i]) * inverse[i]);
		min = t[i] < min ? t[i] : min;
		max = t[i] > max ? t[i] : max;
	}
	memset(code, 0, (size_t) quant->code_bytes);
	choose_range(quant, min, max, head);
	a = head->a;
	per_level = head->b > 0.0f ? 1.0 / head->b : 0.0;
	for (int i = 0; i < dim; i++)
	{
		double		level = (t[i] - a) * per_level + 0.5;

		u[i] = level >= 255.0 ? 255 : level > 0.0 ? (uint8_t) level : 0;
	}
	if (head->a != 0.0f || head->b != 1.0f)
		fit_range(quant, t, u, head);
}

/*
 * finish_query -- convert q, which holds the vector less lo (unpadded), to the query form
 * of the metric.
 */
static void
finish_query(const OmQuantizer *quant, OmQuery *query)
{
	int			dim = quant->spec.dim;
	float	   *q = (float *) query->q;
	double		lo_sum = 0.0;
	double		w_sum = 0.0;
	double		sq = 0.0;

	for (int i = dim; i < quant->padded; i++)
		q[i] = 0.0f;
	if (quant->spec.metric != OM_METRIC_IP)
		return;
	for (int i = 0; i < dim; i++)
	{
		double		x = (double) q[i] + LO(quant)[i];

		q[i] = om_clamp_float(x * STEP(quant)[i]);
		lo_sum += x * LO(quant)[i];
		w_sum += q[i];
		sq += (double) q[i] * q[i];
	}
	query->add = om_clamp_float(-lo_sum);
	query->mul = om_clamp_float(w_sum);
	query->norm = om_clamp_float(sqrt(sq / 12.0));
}

static void
sq8_query(const OmQuantizer *quant, const float *q, void *scratch, OmQuery *query)
{
	double		scale = vector_scale(quant, q);
	float	   *out = (float *) query->q;

	(void) scratch;
	memset(query, 0, sizeof(OmQuery));
	for (int i = 0; i < quant->spec.dim; i++)
		out[i] = om_clamp_float(q[i] * scale - LO(quant)[i]);
	finish_query(quant, query);
}

static void
sq8_query_from_code(const OmQuantizer *quant, const void *code, OmQuery *query)
{
	const Sq8Head *head = code;

	memset(query, 0, sizeof(OmQuery));
	om_kernels->sq8_expand_f32((const uint8_t *) code + sizeof(Sq8Head), STEP(quant),
							   quant->spec.dim, head->a, head->b, (float *) query->q);
	finish_query(quant, query);
	query->noise = head->b;
}

static void
sq8_decode(const OmQuantizer *quant, const void *code, void *scratch, float *x)
{
	const Sq8Head *head = code;
	const uint8_t *u = (const uint8_t *) code + sizeof(Sq8Head);

	(void) scratch;
	for (int i = 0; i < quant->spec.dim; i++)
		x[i] = om_clamp_float(LO(quant)[i] + (double) STEP(quant)[i] *
							  (head->a + (double) head->b * u[i]));
}

static float
distance_l2(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	const Sq8Head *head = code;

	return om_clamp_distance(quant->sq8.metric_mul *
							 om_kernels->sq8_l2sq_f32((const uint8_t *) code + sizeof(Sq8Head),
													  (const float *) query->q, STEP(quant),
													  quant->spec.dim, head->a, head->b));
}

static float
distance_l1(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	const Sq8Head *head = code;

	return om_clamp_distance(om_kernels->sq8_l1_f32((const uint8_t *) code + sizeof(Sq8Head),
													(const float *) query->q, STEP(quant),
													quant->spec.dim, head->a, head->b));
}

static float
distance_ip(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	const Sq8Head *head = code;
	float		dot = om_kernels->sq8_dot_f32((const uint8_t *) code + sizeof(Sq8Head),
											  (const float *) query->q, quant->spec.dim);

	return om_clamp_distance(query->add - (head->a * query->mul + head->b * dot));
}

static OmDistanceFn
sq8_distance_fn(const OmQuantizer *quant)
{
	switch (quant->spec.metric)
	{
		case OM_METRIC_IP:
			return distance_ip;
		case OM_METRIC_L1:
			return distance_l1;
		default:
			return distance_l2;
	}
}

/*
 * sq8_error -- the standard error, as if rounding errors were independent and uniform
 * between two levels; for L2, by the widest step.  If two vectors are nearer than their
 * errors, L2 and L1 come out too large; this is included, too.
 */
static float
sq8_error(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	const Sq8Head *head = code;
	double		b_sq = (double) head->b * head->b + (double) query->noise * query->noise;
	double		sum_sq = b_sq * quant->sq8.error_sq;
	double		error;

	if (quant->spec.metric == OM_METRIC_IP)
	{
		/* a query made from a code has an error, too, and the vector it meets may be this long */
		error = hypot((double) query->norm * head->b,
					  (double) query->noise * quant->sq8.far_error * fmax(head->b, 1.0));
	}
	else if (quant->spec.metric == OM_METRIC_L1)
	{
		double		d = distance_l1(quant, query, code);
		double		all = sqrt(sum_sq * quant->spec.dim);

		/* E|x + e| - |x| is about e^2 / 2|x|, at most |e| */
		error = hypot(sqrt(sum_sq), d > 0.0 ? fmin(all, all * all / (2.0 * d)) : all);
	}
	else
	{
		double		d = distance_l2(quant, query, code) / quant->sq8.metric_mul;

		error = quant->sq8.metric_mul * (2.0 * sqrt(d * b_sq) * quant->sq8.widest_error + sum_sq);
	}
	return om_clamp_float(error);
}

/* Insert x into least[n], which is ascending, if x is less than the last; that one is dropped. */
static inline void
keep_least(float *least, int n, float x)
{
	int			i;

	if (x >= least[n - 1])
		return;
	for (i = n - 1; i > 0 && least[i - 1] > x; i--)
		least[i] = least[i - 1];
	least[i] = x;
}

/* Range of one dimension, rows stride floats apart. */
static void
train_range(const float *x, int nrows, int stride, int trim, double part, double *lo, double *hi)
{
	float		least[MAX_TRIMMED + 1];
	float		most[MAX_TRIMMED + 1];	/* negated */
	int			n = nrows / trim + 1;
	double		widen;

	n = n < 1 ? 1 : n > MAX_TRIMMED + 1 ? MAX_TRIMMED + 1 : n;
	for (int i = 0; i < n; i++)
		least[i] = most[i] = INFINITY;
	for (int r = 0; r < nrows; r++, x += stride)
	{
		keep_least(least, n, *x);
		keep_least(most, n, -*x);
	}
	*lo = least[n - 1];
	*hi = -(double) most[n - 1];
	widen = part * (*hi - *lo);
	*lo = fmax(least[0], *lo - widen);
	*hi = fmin(-(double) most[0], *hi + widen);
}

/* A model of ranges that are chosen in one way. */
static void
train_ranges(const OmQuantSpec *spec, const OmTraining *training, int trim, double part, float *model)
{
	float	   *lo = model;
	float	   *step = model + spec->dim;
	double		widest = 0.0;

	for (int i = 0; i < spec->dim; i++)
	{
		double		from;
		double		to;

		if (i % 16 == 0)
			training->interrupt(training->arg);
		train_range(training->rows + i, training->nrows, spec->dim, trim, part, &from, &to);
		lo[i] = (float) from;
		step[i] = om_clamp_float(to - from);
		widest = fmax(widest, step[i]);
	}
	/* all zero if the sample has no spread */
	for (int i = 0; i < spec->dim && widest > 0.0; i++)
		step[i] = (float) fmax(fmax(step[i], widest * LEAST_WIDTH) / 255.0, FLT_MIN);
}

/*
 * ranges_error -- mean squared error of the sample's codes, up to a factor: the squared steps, by how much rows that
 * leave the ranges widen their own.  Infinite if there are no ranges.
 */
static double
ranges_error(const OmQuantSpec *spec, const OmTraining *training, const float *model)
{
	const float *lo = model;
	const float *step = model + spec->dim;
	int			stride = training->nrows / ERROR_ROWS + 1;
	double		steps_sq = 0.0;
	double		sum = 0.0;

	for (int i = 0; i < spec->dim; i++)
		steps_sq += (double) step[i] * step[i];
	for (int r = 0; r < training->nrows; r += stride)
	{
		const float *x = training->rows + (size_t) r * (size_t) spec->dim;
		double		min = 0.0;
		double		max = 255.0;

		for (int i = 0; i < spec->dim && step[i] > 0.0f; i++)
		{
			double		t = ((double) x[i] - lo[i]) / step[i];

			min = fmin(min, t);
			max = fmax(max, t);
		}
		sum += (max - min) * (max - min);
	}
	return steps_sq > 0.0 ? steps_sq * sum : INFINITY;
}

static void
sq8_train(const OmQuantSpec *spec, const OmTraining *training, int first, int last,
		  void *scratch, float *model)
{
	double		narrow;

	(void) first;
	(void) last;
	(void) scratch;
	train_ranges(spec, training, TRIM_NARROW, 0.0, model);
	narrow = ranges_error(spec, training, model);
	train_ranges(spec, training, TRIM, WIDEN, model);
	if (narrow < ranges_error(spec, training, model))
		train_ranges(spec, training, TRIM_NARROW, 0.0, model);
}

const OmQuantOps om_sq8_ops = {
	.valid = sq8_valid,
	.code_bytes = sq8_code_bytes,
	.model_floats = sq8_model_floats,
	.bytes = sq8_bytes,
	.query_bytes = sq8_query_bytes,
	.scratch_bytes = sq8_scratch_bytes,
	.init = sq8_init,
	.encode = sq8_encode,
	.query = sq8_query,
	.query_from_code = sq8_query_from_code,
	.decode = sq8_decode,
	.distance_fn = sq8_distance_fn,
	.error = sq8_error,
	.train_rows = 10000,
	.train_least = 16,
	.train = sq8_train,
};
