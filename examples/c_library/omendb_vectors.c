/*
 * omendb_vectors.c -- a C ABI on omendb's kernels (src/kernel) and quantizers (src/quant).
 *
 * It adds what those leave to their caller: memory, checks, the mean and the sample that
 * training takes.
 */
#include "omendb_vectors.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "quant/quant.h"

#define MAX_DIM 16000
#define ALIGNMENT 64

struct omv_quantizer
{
	OmQuantSpec spec;
	OmQuantizer *quant;
	float	   *model;
	size_t		floats;
};

/* Before any thread can call a function. */
__attribute__((constructor)) static void
choose_kernels(void)
{
	om_kernels_init();
}

int
omv_version(void)
{
	return OMV_VERSION;
}

const char *
omv_instructions(void)
{
	return om_kernels->name;
}

const char *
omv_message(int error)
{
	switch (error)
	{
		case OMV_OK:
			return "no error";
		case OMV_ERROR_ARGUMENT:
			return "invalid argument";
		case OMV_ERROR_NOT_FINITE:
			return "a number is NaN or infinite";
		case OMV_ERROR_MEMORY:
			return "out of memory";
		case OMV_ERROR_FEW_ROWS:
			return "too few rows to train with";
		default:
			return "unknown error";
	}
}

static void *
allocate(size_t bytes)
{
	return aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT);
}

static bool
are_finite(const float *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
	{
		if (!isfinite(x[i]))
			return false;
	}
	return true;
}

/* ---- distances ---- */

/* 1 - cosine from a.b, a.a and b.b. */
static double
cosine(double dot, double aa, double bb)
{
	double		norms = sqrt(aa * bb);

	return norms == 0 ? NAN : 1 - fmax(-1, fmin(1, dot / norms));
}

/*
 * cosine_f32 -- in double where squares leave the range in which floats are precise.
 */
static double
cosine_f32(const float *a, const float *b, int dim)
{
	float		sums[3];
	double		dot = 0;
	double		aa = 0;
	double		bb = 0;

	om_kernels->cos_f32(a, b, dim, sums);
	if (fminf(sums[1], sums[2]) > 1e-25f && fmaxf(sums[1], sums[2]) <= FLT_MAX)
		return cosine(sums[0], sums[1], sums[2]);
	for (int i = 0; i < dim; i++)
	{
		dot += (double) a[i] * b[i];
		aa += (double) a[i] * a[i];
		bb += (double) b[i] * b[i];
	}
	return cosine(dot, aa, bb);
}

static bool
are_arrays(const void *query, const void *rows, int64_t n, int dim, const void *out)
{
	return query != NULL && n >= 0 && dim >= 1 && dim <= MAX_DIM &&
		(n == 0 || (rows != NULL && out != NULL));
}

int
omv_distances_f32(int metric, const float *query, const float *rows, int64_t n, int dim,
				  double *out)
{
	if (!are_arrays(query, rows, n, dim, out) || metric < OMV_L2 || metric > OMV_L1)
		return OMV_ERROR_ARGUMENT;
	for (int64_t i = 0; i < n; i++)
	{
		const float *row = rows + i * dim;

		switch (metric)
		{
			case OMV_L2:
				out[i] = om_kernels->l2sq_f32(query, row, dim);
				break;
			case OMV_IP:
				out[i] = -om_kernels->ip_f32(query, row, dim);
				break;
			case OMV_L1:
				out[i] = om_kernels->l1_f32(query, row, dim);
				break;
			default:
				out[i] = cosine_f32(query, row, dim);
		}
	}
	return OMV_OK;
}

int
omv_distances_f16(int metric, const uint16_t *query, const uint16_t *rows, int64_t n, int dim,
				  double *out)
{
	if (!are_arrays(query, rows, n, dim, out) || metric < OMV_L2 || metric > OMV_L1)
		return OMV_ERROR_ARGUMENT;
	for (int64_t i = 0; i < n; i++)
	{
		const uint16_t *row = rows + i * dim;
		float		sums[3];

		switch (metric)
		{
			case OMV_L2:
				out[i] = om_kernels->l2sq_f16(query, row, dim);
				break;
			case OMV_IP:
				out[i] = -om_kernels->ip_f16(query, row, dim);
				break;
			case OMV_L1:
				out[i] = om_kernels->l1_f16(query, row, dim);
				break;
			default:
				om_kernels->cos_f16(query, row, dim, sums);
				out[i] = cosine(sums[0], sums[1], sums[2]);
		}
	}
	return OMV_OK;
}

int
omv_distances_bits(int metric, const uint8_t *query, const uint8_t *rows, int64_t n, int bytes,
				   double *out)
{
	if (!are_arrays(query, rows, n, bytes, out) ||
		(metric != OMV_HAMMING && metric != OMV_JACCARD))
		return OMV_ERROR_ARGUMENT;
	for (int64_t i = 0; i < n; i++)
	{
		const uint8_t *row = rows + i * bytes;
		uint64_t	ones[2];

		if (metric == OMV_HAMMING)
		{
			out[i] = (double) om_kernels->differ_bits(query, row, (size_t) bytes);
			continue;
		}
		om_kernels->share_bits(query, row, (size_t) bytes, ones);
		out[i] = ones[0] == 0 ? 1 : 1 - (double) ones[0] / (double) (ones[0] + ones[1]);
	}
	return OMV_OK;
}

/* ---- quantizers ---- */

static bool
take_spec(const omv_spec *given, OmQuantSpec *spec)
{
	if (given == NULL || given->dim < 1 || given->dim > MAX_DIM || given->metric < OMV_L2 ||
		given->metric > OMV_L1 ||
		(given->kind != OMV_RABITQ && given->kind != OMV_PQ && given->kind != OMV_SQ8 &&
		 given->kind != OMV_NONE))
		return false;
	memset(spec, 0, sizeof(OmQuantSpec));
	spec->kind = (OmQuantKind) given->kind;
	spec->metric = (OmMetric) given->metric;
	spec->dim = given->dim;
	spec->bits = given->bits;
	spec->subvectors = given->subvectors;
	spec->seed = given->seed;
	return om_quant_code_bytes(spec) > 0;
}

/*
 * take_row -- under cosine what is trained from are normalised vectors.
 */
static void
take_row(const OmQuantSpec *spec, const float *row, float *out)
{
	double		sum = 0;

	memcpy(out, row, sizeof(float) * (size_t) spec->dim);
	if (spec->metric != OM_METRIC_COSINE)
		return;
	for (int i = 0; i < spec->dim; i++)
		sum += (double) row[i] * row[i];
	for (int i = 0; i < spec->dim && sum > 0; i++)
		out[i] = (float) (row[i] / sqrt(sum));
}

/*
 * make_mean -- of all rows; row float[dim] and sum double[dim] are scratch.
 */
static void
make_mean(const OmQuantSpec *spec, const float *rows, int64_t n, float *row, double *sum,
		  float *mean)
{
	memset(sum, 0, sizeof(double) * (size_t) spec->dim);
	for (int64_t r = 0; r < n; r++)
	{
		take_row(spec, rows + r * spec->dim, row);
		for (int i = 0; i < spec->dim; i++)
			sum[i] += row[i];
	}
	for (int i = 0; i < spec->dim; i++)
		mean[i] = n > 0 ? (float) (sum[i] / (double) n) : 0;
}

static void
interrupt(void *arg)
{
	(void) arg;
}

/*
 * train -- model float[om_quant_model_floats()]; false: out of memory.
 */
static bool
train(const OmQuantSpec *spec, const float *rows, int64_t n, float *model)
{
	int			most = om_quant_train_rows(spec);
	int64_t		step = most > 0 && n > most ? n / most : 1;
	int			nrows = (int) (most > 0 ? (n < most ? n : most) : 0);
	size_t		row_bytes = sizeof(float) * (size_t) spec->dim;
	float	   *sample = allocate(row_bytes * (size_t) (nrows + 1));
	float	   *mean = allocate(row_bytes);
	double	   *sum = allocate(2 * row_bytes);
	void	   *scratch = allocate(om_quant_train_bytes(spec, nrows));
	OmTraining	training = {mean, sample, nrows, interrupt, NULL};
	bool		enough = sample != NULL && mean != NULL && sum != NULL && scratch != NULL;

	if (enough)
	{
		make_mean(spec, rows, n, sample, sum, mean);
		for (int r = 0; r < nrows; r++)
			take_row(spec, rows + r * step * spec->dim, sample + (size_t) r * (size_t) spec->dim);
		om_quant_train(spec, &training, 0, om_quant_train_parts(spec), scratch, model);
		om_quant_train_finish(spec, &training, scratch, model);
	}
	free(sample);
	free(mean);
	free(sum);
	free(scratch);
	return enough;
}

/*
 * make -- a quantizer with room for its model, which is not there yet.
 */
static omv_quantizer *
make(const OmQuantSpec *spec)
{
	omv_quantizer *q = calloc(1, sizeof(omv_quantizer));

	if (q == NULL)
		return NULL;
	q->spec = *spec;
	q->floats = om_quant_model_floats(spec);
	q->model = allocate(sizeof(float) * q->floats);
	q->quant = allocate(om_quant_bytes(spec));
	if (q->model == NULL || q->quant == NULL)
	{
		omv_free(q);
		return NULL;
	}
	return q;
}

/*
 * finish -- the model is there: the quantizer from it.
 */
static int
finish(omv_quantizer *q, omv_quantizer **out)
{
	q->quant = om_quant_init(q->quant, &q->spec, q->floats > 0 ? q->model : NULL);
	*out = q;
	return OMV_OK;
}

int
omv_train(const omv_spec *given, const float *rows, int64_t n, omv_quantizer **out)
{
	OmQuantSpec spec;
	omv_quantizer *q;

	if (!take_spec(given, &spec) || n < 0 || (n > 0 && rows == NULL) || out == NULL)
		return OMV_ERROR_ARGUMENT;
	if (n < om_quant_train_least(&spec))
		return OMV_ERROR_FEW_ROWS;
	if (!are_finite(rows, n * spec.dim))
		return OMV_ERROR_NOT_FINITE;
	q = make(&spec);
	if (q != NULL && q->floats > 0 && !train(&spec, rows, n, q->model))
	{
		omv_free(q);
		q = NULL;
	}
	return q == NULL ? OMV_ERROR_MEMORY : finish(q, out);
}

int64_t
omv_model_floats(const omv_quantizer *q)
{
	return q != NULL ? (int64_t) q->floats : OMV_ERROR_ARGUMENT;
}

int
omv_model(const omv_quantizer *q, float *out)
{
	if (q == NULL || (out == NULL && q->floats > 0))
		return OMV_ERROR_ARGUMENT;
	if (q->floats > 0)
		memcpy(out, q->model, sizeof(float) * q->floats);
	return OMV_OK;
}

int
omv_load(const omv_spec *given, const float *model, int64_t floats, omv_quantizer **out)
{
	OmQuantSpec spec;
	omv_quantizer *q;

	if (!take_spec(given, &spec) || out == NULL || floats < 0 ||
		(size_t) floats != om_quant_model_floats(&spec) || (floats > 0 && model == NULL))
		return OMV_ERROR_ARGUMENT;
	if (!are_finite(model, floats))
		return OMV_ERROR_NOT_FINITE;
	q = make(&spec);
	if (q == NULL)
		return OMV_ERROR_MEMORY;
	if (floats > 0)
		memcpy(q->model, model, sizeof(float) * q->floats);
	return finish(q, out);
}

void
omv_free(omv_quantizer *q)
{
	if (q == NULL)
		return;
	free(q->model);
	free(q->quant);
	free(q);
}

int
omv_code_bytes(const omv_quantizer *q)
{
	return q != NULL ? (int) om_quant_code_bytes(&q->spec) : OMV_ERROR_ARGUMENT;
}

static bool
are_codes(const omv_quantizer *q, const void *codes, int64_t n, const void *rows)
{
	return q != NULL && n >= 0 && (uintptr_t) codes % 4 == 0 &&
		(n == 0 || (codes != NULL && rows != NULL));
}

int
omv_encode(const omv_quantizer *q, const float *rows, int64_t n, uint8_t *codes)
{
	void	   *scratch;
	int			bytes = omv_code_bytes(q);

	if (!are_codes(q, codes, n, rows))
		return OMV_ERROR_ARGUMENT;
	if (!are_finite(rows, n * q->spec.dim))
		return OMV_ERROR_NOT_FINITE;
	scratch = allocate(om_quant_scratch_bytes(&q->spec));
	if (scratch == NULL)
		return OMV_ERROR_MEMORY;
	for (int64_t i = 0; i < n; i++)
		om_quant_encode(q->quant, rows + i * q->spec.dim, scratch, codes + i * bytes);
	free(scratch);
	return OMV_OK;
}

int
omv_decode(const omv_quantizer *q, const uint8_t *codes, int64_t n, float *rows)
{
	void	   *scratch;
	int			bytes = omv_code_bytes(q);

	if (!are_codes(q, codes, n, rows))
		return OMV_ERROR_ARGUMENT;
	scratch = allocate(om_quant_scratch_bytes(&q->spec));
	if (scratch == NULL)
		return OMV_ERROR_MEMORY;
	for (int64_t i = 0; i < n; i++)
		om_quant_decode(q->quant, codes + i * bytes, scratch, rows + i * q->spec.dim);
	free(scratch);
	return OMV_OK;
}

int
omv_distances_codes(const omv_quantizer *q, const float *query, const uint8_t *codes, int64_t n,
					float *out, float *error)
{
	OmQuery    *form;
	void	   *scratch;
	const void *part[64];
	int			bytes = omv_code_bytes(q);

	if (!are_codes(q, codes, n, out) || query == NULL)
		return OMV_ERROR_ARGUMENT;
	if (!are_finite(query, q->spec.dim))
		return OMV_ERROR_NOT_FINITE;
	scratch = allocate(om_quant_scratch_bytes(&q->spec));
	form = allocate(om_quant_query_bytes(&q->spec));
	if (scratch == NULL || form == NULL)
	{
		free(scratch);
		free(form);
		return OMV_ERROR_MEMORY;
	}
	om_quant_query(q->quant, query, scratch, form);
	for (int64_t i = 0; i < n; i += 64)
	{
		int			m = n - i < 64 ? (int) (n - i) : 64;

		for (int k = 0; k < m; k++)
			part[k] = codes + (i + k) * bytes;
		om_quant_distances(q->quant, form, part, m, out + i);
		for (int k = 0; k < m && error != NULL; k++)
			error[i + k] = om_quant_error(q->quant, form, part[k]);
	}
	free(scratch);
	free(form);
	return OMV_OK;
}
