/*
 * pq.c -- product quantization: one byte for each subvector.
 *
 * Jegou, Douze and Schmid, PAMI 2011: the vector is cut into m subvectors, and each is
 * replaced by the number of the nearest of 256 centroids.  With the mean c and x' = x - c,
 * the centroids of a code form a vector y near to x'. The estimate of <x', q'>, where q' =
 * q - c, is f <y, q'>. The factor f = |x'|^2 / <y, x'> makes it exact for q' = x'. The
 * formulas for the metrics and the layout of codes are those of rabitq.c, with m bytes in
 * place of the levels.
 *
 * The query form of a vector is a table of <y, q'> for each subvector and centroid, in 16
 * bits: a distance takes one look-up for each byte of the code (ADC). Gather instructions
 * were slower (784 dimensions, 196 subvectors: 60 ns against 48). Making such a table costs
 * as much as a hundred distances, and the query form of a code is not used for that many.
 * So the latter is y in 8 bits, and the y of the other code is assembled from centroids in
 * 8 bits (as accurate as a table of all pairs of centroids, which would take 25 MB).
 *
 * pq.h has the order of centroids and the layout of the model, pq_train.c the training.
 *
 * data:   float mean[padded], longest[m rounded up to OM_LANES] (largest half_sq),
 *         float half_sq[m][256] (half the squared norms of centroids), float centroids[dim][256],
 *         uint8 bytes[256 * dim] (by subvector, then by centroid; 128 stands for 0), 64 bytes
 * Query:  int16[m][256] at OmQuery.q, or int8[dim] and 64 zeros; form tells which
 */
#include <math.h>
#include <string.h>

#include "quant/pq.h"

#define FORM_TABLE	0			/* of a vector */
#define FORM_VECTOR 1			/* of a code */

/* Largest entry of a table. */
#define TABLE_MAX	32000.0

/*
 * Share of a code's own error that is subtracted from the query form made of it: with 1,
 * its distance to itself would be zero.  See near_scale() in rabitq.c.
 */
#define NEAR_SHARE	0.5

static inline const float *
longest(const OmQuantizer *quant)
{
	return quant->data + quant->padded;
}

static inline const float *
half_sq(const OmQuantizer *quant)
{
	return longest(quant) + om_round_up((size_t) quant->spec.subvectors, OM_LANES);
}

static inline const float *
centroids(const OmQuantizer *quant)
{
	return half_sq(quant) + 256 * (size_t) quant->spec.subvectors;
}

static inline const uint8_t *
bytes(const OmQuantizer *quant)
{
	return (const uint8_t *) (centroids(quant) + 256 * (size_t) quant->spec.dim);
}

static bool
pq_valid(const OmQuantSpec *spec)
{
	return spec->metric != OM_METRIC_L1 && spec->bits == 0 && spec->subvectors >= 1 &&
		spec->subvectors <= spec->dim;
}

static size_t
pq_code_bytes(const OmQuantSpec *spec)
{
	return om_round_up(sizeof(OmCodeHead) + (size_t) spec->subvectors, 4);
}

static size_t
pq_model_floats(const OmQuantSpec *spec)
{
	return 257 * (size_t) spec->dim + 2;
}

static size_t
pq_bytes(const OmQuantSpec *spec)
{
	size_t		dim = (size_t) spec->dim;
	size_t		m = (size_t) spec->subvectors;
	size_t		floats = om_round_up(dim, OM_LANES) + om_round_up(m, OM_LANES) + 256 * m + 256 * dim;

	return om_round_up(sizeof(OmQuantizer) + sizeof(float) * floats + 256 * dim + 64, 64);
}

static size_t
pq_query_bytes(const OmQuantSpec *spec)
{
	size_t		table = sizeof(int16_t) * 256 * (size_t) spec->subvectors;
	size_t		vector = om_round_up((size_t) spec->dim, 64) + 64;

	return sizeof(OmQuery) + (table > vector ? table : vector);
}

/* float[padded] */
static size_t
pq_scratch_bytes(const OmQuantSpec *spec)
{
	return om_round_up(sizeof(float) * om_round_up((size_t) spec->dim, OM_LANES), 64);
}

/* Round the centroids to 8 bits; unit is the value of one step, 0 if all are zero. */
static void
fill_bytes(OmQuantizer *quant)
{
	const OmQuantSpec *spec = &quant->spec;
	const float *centroid = centroids(quant);
	uint8_t    *to = (uint8_t *) bytes(quant);
	float		max = 0.0f;

	for (size_t i = 0; i < 256 * (size_t) spec->dim; i++)
		max = fmaxf(max, fabsf(centroid[i]));
	quant->pq.unit = max / 127.0f;
	for (int j = 0; j < spec->subvectors; j++)
	{
		int			from = om_pq_start(spec, j);
		int			n = om_pq_start(spec, j + 1) - from;

		for (int c = 0; c < 256; c++)
			for (int d = 0; d < n; d++)
			{
				double		v = centroid[256 * (size_t) (from + d) + (size_t) c];

				*to++ = (uint8_t) (128 + (max > 0.0f ? (int) rint(127.0 * v / max) : 0));
			}
	}
	memset(to, 128, 64);
}

static OmQuantizer *
pq_init(void *mem, const OmQuantSpec *spec, const float *model)
{
	OmQuantizer *quant = mem;
	size_t		dim = (size_t) spec->dim;
	double		mean_sq = 0.0;

	if (model == NULL)
		return NULL;
	memset(quant, 0, sizeof(OmQuantizer));
	quant->spec = *spec;
	quant->padded = (int) om_round_up(dim, OM_LANES);
	quant->code_bytes = (int) pq_code_bytes(spec);
	quant->pq.metric_mul = spec->metric == OM_METRIC_L2 ? 2.0f : 1.0f;
	memset(quant->data, 0, sizeof(float) * (size_t) quant->padded);
	memcpy(quant->data, model, sizeof(float) * dim);
	for (size_t i = 0; i < dim; i++)
		mean_sq += (double) model[i] * model[i];
	quant->pq.mean_sq = om_clamp_float(mean_sq);
	quant->pq.calibration = model[dim];
	quant->pq.typical_length = model[dim + 1];
	memcpy((float *) centroids(quant), model + dim + 2, sizeof(float) * 256 * dim);
	for (int j = 0; j < spec->subvectors; j++)
	{
		int			from = om_pq_start(spec, j);
		float	   *half = (float *) half_sq(quant) + 256 * (size_t) j;
		float		max = 0.0f;

		om_pq_half_sq(centroids(quant) + 256 * (size_t) from, om_pq_start(spec, j + 1) - from, half);
		for (int c = 0; c < 256; c++)
			max = half[c] > max ? half[c] : max;
		((float *) longest(quant))[j] = max;
	}
	fill_bytes(quant);
	return quant;
}

/* Properties of a centred vector. */
typedef struct Centered
{
	double		sq;				/* |x'|^2 */
	double		dot_mean;		/* <x', c> */
} Centered;

static Centered
center(const OmQuantizer *quant, const float *x, float *y)
{
	Centered	r = {0.0, 0.0};
	double		scale = 1.0;

	if (quant->spec.metric == OM_METRIC_COSINE)
		om_inverse_norm(x, quant->spec.dim, &scale);
	for (int i = 0; i < quant->spec.dim; i++)
	{
		double		v = x[i] * scale - quant->data[i];

		r.sq += v * v;
		r.dot_mean += v * quant->data[i];
		y[i] = om_pq_clamp(v);
	}
	return r;
}

/* How well a code fits its vector y[dim]. */
typedef struct Fit
{
	double		factor;			/* f */
	double		error_sq;		/* |y - f * centroids|^2 */
	double		centroid_sq;	/* |centroids|^2 */
} Fit;

static Fit
fit_code(const OmQuantSpec *spec, const float *centroid, const float *y, const uint8_t *u,
		 double sq)
{
	Fit			fit = {1.0, 0.0, 0.0};
	double		dot = 0.0;

	for (int j = 0; j < spec->subvectors; j++)
		for (int d = om_pq_start(spec, j); d < om_pq_start(spec, j + 1); d++)
		{
			double		v = centroid[256 * (size_t) d + u[j]];

			dot += v * y[d];
			fit.centroid_sq += v * v;
		}
	if (dot > 0.0)
		fit.factor = fmin(sq / dot, OM_PQ_MAX_FACTOR);
	fit.error_sq = sq - 2.0 * fit.factor * dot + fit.factor * fit.factor * fit.centroid_sq;
	fit.error_sq = fmax(fit.error_sq, 0.0);
	return fit;
}

static void
pq_encode(const OmQuantizer *quant, const float *x, void *scratch, void *code)
{
	const OmQuantSpec *spec = &quant->spec;
	OmCodeHead *head = code;
	uint8_t    *u = (uint8_t *) code + sizeof(OmCodeHead);
	float	   *y = scratch;
	Centered	r = center(quant, x, y);
	double		add = spec->metric == OM_METRIC_IP ? -r.dot_mean : r.sq;
	float		score;
	Fit			fit;

	memset(code, 0, (size_t) quant->code_bytes);
	for (int j = 0; j < spec->subvectors; j++)
	{
		int			from = om_pq_start(spec, j);

		om_kernels->nearest_f32(y + from, 1, centroids(quant) + 256 * (size_t) from,
								half_sq(quant) + 256 * (size_t) j,
								om_pq_start(spec, j + 1) - from, u + j, &score);
	}
	fit = fit_code(spec, centroids(quant), y, u, r.sq);
	head->add = om_clamp_float(spec->metric == OM_METRIC_COSINE ? add / 2 : add);
	head->mul = om_clamp_float(quant->pq.metric_mul * fit.factor);
	head->err = om_clamp_float(quant->pq.metric_mul * quant->pq.calibration *
							   sqrt(fit.error_sq / spec->dim));
}

static void
pq_query(const OmQuantizer *quant, const float *q, void *scratch, OmQuery *query)
{
	const OmQuantSpec *spec = &quant->spec;
	float	   *y = scratch;
	Centered	r = center(quant, q, y);
	double		most = 0.0;
	double		scale;

	memset(query, 0, sizeof(OmQuery));
	query->form = FORM_TABLE;
	query->norm = om_clamp_float(sqrt(r.sq));
	if (spec->metric == OM_METRIC_IP)
		query->add = om_clamp_float(-r.dot_mean - quant->pq.mean_sq);
	else
		query->add = om_clamp_float(r.sq * (quant->pq.metric_mul / 2));

	/* an entry is at most the product of the two norms */
	for (int j = 0; j < spec->subvectors; j++)
	{
		double		sq = 0.0;

		for (int d = om_pq_start(spec, j); d < om_pq_start(spec, j + 1); d++)
			sq += (double) y[d] * y[d];
		most = fmax(most, sq * 2.0 * longest(quant)[j]);
	}
	scale = most > 0.0 ? TABLE_MAX / sqrt(most) : 0.0;
	for (int d = 0; d < spec->dim; d++)
		y[d] = om_clamp_float(y[d] * scale);
	for (int j = 0; j < spec->subvectors; j++)
	{
		int			from = om_pq_start(spec, j);

		om_kernels->table_i16(y + from, centroids(quant) + 256 * (size_t) from,
							  om_pq_start(spec, j + 1) - from,
							  (int16_t *) query->q + 256 * (size_t) j);
	}
	query->mul = scale > 0.0 ? om_clamp_float(1.0 / scale) : 0.0f;
	query->noise = query->mul * (float) sqrt(spec->subvectors / 12.0);
}

static void
pq_decode(const OmQuantizer *quant, const void *code, void *scratch, float *x)
{
	const OmQuantSpec *spec = &quant->spec;
	const OmCodeHead *head = code;
	const uint8_t *u = (const uint8_t *) code + sizeof(OmCodeHead);
	double		factor = head->mul / quant->pq.metric_mul;

	(void) scratch;
	for (int j = 0; j < spec->subvectors; j++)
		for (int d = om_pq_start(spec, j); d < om_pq_start(spec, j + 1); d++)
			x[d] = om_clamp_float(quant->data[d] +
								  factor * centroids(quant)[256 * (size_t) d + u[j]]);
}

/*
 * put_together -- copy the centroids of a code, in 8 bits, one after the other.
 *
 * width   bytes copied for each subvector, at least its length; the next
 *         subvector overwrites the excess
 * to      writable for 64 bytes past dim
 */
static inline __attribute__((always_inline)) void
put_together(const OmQuantizer *quant, const uint8_t *u, uint8_t *to, int width)
{
	const uint8_t *from = bytes(quant);
	int			base = om_pq_base(&quant->spec);
	int			extra = quant->spec.dim % quant->spec.subvectors;

	for (int j = 0; j < quant->spec.subvectors; j++)
	{
		int			n = base + (j < extra);

		memcpy(to, from + (size_t) (u[j] * n), (size_t) (width > 0 ? width : n));
		to += n;
		from += 256 * (size_t) n;
	}
}

static inline void
decode(const OmQuantizer *quant, const uint8_t *u, uint8_t *to)
{
	int			width = om_pq_width(&quant->spec);

	if (width <= 4)
		put_together(quant, u, to, 4);
	else if (width <= 8)
		put_together(quant, u, to, 8);
	else if (width <= 16)
		put_together(quant, u, to, 16);
	else
		put_together(quant, u, to, 0);
}

static void
pq_query_from_code(const OmQuantizer *quant, const void *code, OmQuery *query)
{
	const OmCodeHead *head = code;
	int			dim = quant->spec.dim;
	uint8_t    *q = (uint8_t *) query->q;
	double		factor = head->mul / quant->pq.metric_mul;
	double		error;
	double		length_sq;
	int32_t		sums[3];

	memset(query, 0, sizeof(OmQuery));
	query->form = FORM_VECTOR;
	decode(quant, (const uint8_t *) code + sizeof(OmCodeHead), q);
	for (int i = 0; i < dim; i++)
		q[i] ^= 128;
	memset(q + dim, 0, 64);
	om_kernels->sums_i8(query->q, dim, sums);
	query->qsum = 128 * sums[0];

	/* |f y|^2, and the part of it that is error */
	length_sq = factor * factor * quant->pq.unit * quant->pq.unit * sums[2];
	error = quant->pq.calibration > 0.0f ? head->err / quant->pq.metric_mul / quant->pq.calibration : 0.0;
	error = error * error * dim;
	if (length_sq > 0.0)
		factor *= 1.0 - NEAR_SHARE * fmin(error / length_sq, 0.5);
	query->mul = om_clamp_float(factor * quant->pq.unit * quant->pq.unit);
	query->add = head->add;
	if (quant->spec.metric == OM_METRIC_IP)
	{
		query->add = om_clamp_float((double) head->add - quant->pq.mean_sq);
		query->norm = om_clamp_float(sqrt(length_sq));
	}
	else
		query->norm = sqrtf(head->add * (2.0f / quant->pq.metric_mul));
	/* the error of the code, and that of rounding both sides to 8 bits */
	query->noise = om_clamp_float(quant->pq.typical_length *
								  hypot(head->err / quant->pq.metric_mul,
										factor * quant->pq.unit * sqrt(1.0 / 6.0)));
}

/* Sum of one table entry for each byte of the code; table int16[n][256]. */
static inline int32_t
look_up(const uint8_t *u, const int16_t *table, int n)
{
	int32_t		s0 = 0;
	int32_t		s1 = 0;
	int32_t		s2 = 0;
	int32_t		s3 = 0;
	int			j = 0;

	/* the sum of 16,000 entries of 16 bits fits in 32 bits */
	for (; j + 4 <= n; j += 4, table += 1024)
	{
		s0 += table[u[j]];
		s1 += table[256 + u[j + 1]];
		s2 += table[512 + u[j + 2]];
		s3 += table[768 + u[j + 3]];
	}
	for (; j < n; j++, table += 256)
		s0 += table[u[j]];
	return (s0 + s1) + (s2 + s3);
}

static int32_t __attribute__((noinline))
dot_vector(const OmQuantizer *quant, const OmQuery *query, const uint8_t *u)
{
	uint8_t		y[OM_QUANT_MAX_DIM + 64];

	decode(quant, u, y);
	return om_kernels->dot_code[3] (y, query->q, quant->spec.dim) - query->qsum;
}

static float
pq_distance(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	const OmCodeHead *head = code;
	const uint8_t *u = (const uint8_t *) code + sizeof(OmCodeHead);
	int32_t		dot = query->form == FORM_TABLE ?
		look_up(u, (const int16_t *) query->q, quant->spec.subvectors) :
		dot_vector(quant, query, u);

	return om_clamp_distance(head->add + query->add - head->mul * (query->mul * (float) dot));
}

static OmDistanceFn
pq_distance_fn(const OmQuantizer *quant)
{
	(void) quant;
	return pq_distance;
}

static float
pq_error(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	const OmCodeHead *head = code;
	double		a = (double) head->err * query->norm;
	double		b = (double) head->mul * query->noise;

	(void) quant;
	return om_clamp_float(sqrt(a * a + b * b));
}

const OmQuantOps om_pq_ops = {
	.valid = pq_valid,
	.code_bytes = pq_code_bytes,
	.model_floats = pq_model_floats,
	.bytes = pq_bytes,
	.query_bytes = pq_query_bytes,
	.scratch_bytes = pq_scratch_bytes,
	.init = pq_init,
	.encode = pq_encode,
	.query = pq_query,
	.query_from_code = pq_query_from_code,
	.decode = pq_decode,
	.distance_fn = pq_distance_fn,
	.error = pq_error,
	.train_rows = 10000,
	.train_least = 1000,
	.train_bytes = om_pq_train_bytes,
	.train_parts = om_pq_train_parts,
	.train = om_pq_train,
	.train_finish = om_pq_train_finish,
};
