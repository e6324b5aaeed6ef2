/*
 * test_pq.c -- product quantization: training on ordinary and on degenerate
 * samples, errors as announced, every way to cut a vector, extreme vectors.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "unit.h"

#define ROWS 1500
#define MAX_DIM 130

static void
interrupt(void *arg)
{
	(*(int *) arg)++;
}

/* Vectors of few intrinsic dimensions: four numbers, bent, and some noise. */
static void
fill_row(float *x, int dim)
{
	double		z[4];

	for (int i = 0; i < 4; i++)
		z[i] = unit_normal();
	for (int i = 0; i < dim; i++)
		x[i] = (float) (sin(z[i % 4] * (1 + i % 3) + i) + z[(i / 4) % 4] + 0.1 * unit_normal());
}

static void
normalise(float *x, int dim)
{
	double		sq = 0.0;

	for (int i = 0; i < dim; i++)
		sq += (double) x[i] * x[i];
	for (int i = 0; i < dim && sq > 0.0; i++)
		x[i] = (float) (x[i] / sqrt(sq));
}

/* Train and open; rows are not changed. */
static void
open_trained(UnitQuant *u, const OmQuantSpec *spec, const float *rows, int n)
{
	float	   *mean = unit_alloc(sizeof(float) * (size_t) spec->dim);
	float	   *model = unit_alloc(sizeof(float) * om_quant_model_floats(spec));
	float	   *scratch = unit_alloc(om_quant_train_bytes(spec, n));
	float	   *copy = unit_alloc(sizeof(float) * (size_t) (n * spec->dim));
	int			calls = 0;
	OmTraining	training = {mean, copy, n, interrupt, &calls};
	bool		finite = true;

	memcpy(copy, rows, sizeof(float) * (size_t) (n * spec->dim));
	for (int r = 0; spec->metric == OM_METRIC_COSINE && r < n; r++)
		normalise(copy + r * spec->dim, spec->dim);
	for (int i = 0; i < spec->dim; i++)
	{
		double		sum = 0.0;

		for (int r = 0; r < n; r++)
			sum += copy[r * spec->dim + i];
		mean[i] = (float) (sum / n);
	}
	om_quant_train(spec, &training, 0, om_quant_train_parts(spec), scratch, model);
	om_quant_train_finish(spec, &training, scratch, model);
	for (size_t i = 0; i < om_quant_model_floats(spec); i++)
		finite = finite && isfinite(model[i]);
	CHECK(finite, "a value of the model is not finite");
	CHECK(calls >= spec->subvectors, "training can be interrupted");
	unit_quant_open_spec(u, spec, model);
	free(mean);
	free(model);
	free(scratch);
	free(copy);
}

/* Parts in another order, with scratch of other contents, by any variant: the same model. */
static void
test_parts(void)
{
	static const int cuts[][2] = {{12, 1}, {37, 9}, {40, 40}};
	const OmKernels *list[8];
	const OmKernels *best = om_kernels;
	int			variants = om_kernels_list(list, 8);
	int			calls = 0;

	unit_begin("pq: training by parts");
	for (size_t at = 0; at < sizeof(cuts) / sizeof(cuts[0]); at++)
	{
		OmQuantSpec spec = {OM_QUANT_PQ, OM_METRIC_L2, cuts[at][0], 0, 77, cuts[at][1]};
		int			parts = om_quant_train_parts(&spec);
		int			n = 1100;
		size_t		scratch_bytes = om_quant_train_bytes(&spec, n);
		size_t		model_bytes = sizeof(float) * om_quant_model_floats(&spec);
		float	   *mean = unit_alloc(sizeof(float) * (size_t) spec.dim);
		float	   *rows = unit_alloc(sizeof(float) * (size_t) (n * spec.dim));
		float	   *whole = unit_alloc(model_bytes);
		float	   *model = unit_alloc(model_bytes);
		void	   *scratch = unit_alloc(scratch_bytes);
		OmTraining	training = {mean, rows, n, interrupt, &calls};
		bool		differ = false;

		CHECK(parts == spec.subvectors, "%d parts", parts);
		for (int r = 0; r < n; r++)
			fill_row(rows + r * spec.dim, spec.dim);
		memset(mean, 0, sizeof(float) * (size_t) spec.dim);
		memset(scratch, 0, scratch_bytes);
		memset(whole, 0, model_bytes);
		om_quant_train(&spec, &training, 0, parts, scratch, whole);
		om_quant_train_finish(&spec, &training, scratch, whole);
		for (int v = 0; v < variants; v++)
		{
			om_kernels = list[v];
			memset(model, 0x7f, model_bytes);
			memset(scratch, 0x7f, scratch_bytes);
			/* from the end, by twos */
			for (int to = parts; to > 0; to -= to > 1 ? 2 : 1)
				om_quant_train(&spec, &training, to > 1 ? to - 2 : 0, to, scratch, model);
			memset(scratch, 0x7f, scratch_bytes);
			om_quant_train_finish(&spec, &training, scratch, model);
			CHECK(memcmp(model, whole, model_bytes) == 0, "%d subvectors, %s: another model",
				  parts, list[v]->name);
		}
		om_kernels = best;
		/* another seed is another model, and no two subvectors have the same random numbers */
		spec.seed++;
		om_quant_train(&spec, &training, 0, parts, scratch, model);
		om_quant_train_finish(&spec, &training, scratch, model);
		CHECK(memcmp(model, whole, model_bytes) != 0, "%d subvectors: the seed counts", parts);
		for (int r = 0; r < n; r++)
			for (int i = 1; i < spec.dim; i++)
				rows[r * spec.dim + i] = rows[r * spec.dim];
		om_quant_train(&spec, &training, 0, parts, scratch, model);
		for (int c = 0; c < 256 && parts == spec.dim; c++)
			differ = differ || model[spec.dim + 2 + c] != model[spec.dim + 2 + 256 + c];
		CHECK(differ || parts != spec.dim, "equal subvectors, equal centroids");
		free(mean);
		free(rows);
		free(whole);
		free(model);
		free(scratch);
	}
	CHECK(calls > 0, "interrupts");
	unit_end();
}

/* Pairs of rows that training has not seen: errors, and the bound. */
static void
test_errors(OmMetric metric, bool from_code)
{
	static const int cuts[][2] = {{1, 1}, {7, 3}, {16, 4}, {33, 8}, {64, 16}, {100, 25}, {130, 33},
	{100, 100}, {130, 7}, {100, 1}, {130, 20}};

	unit_begin("pq %s: errors as announced%s", unit_metric_name(metric),
			   from_code ? " between codes" : "");
	for (size_t at = 0; at < sizeof(cuts) / sizeof(cuts[0]); at++)
	{
		OmQuantSpec spec = {OM_QUANT_PQ, metric, cuts[at][0], 0, 5, cuts[at][1]};
		int			dim = spec.dim;
		float	   *rows = unit_alloc(sizeof(float) * (size_t) (ROWS * dim));
		int			pairs = 400;
		int			beyond = 0;
		double		sq = 0.0;
		double		spread = 0.0;
		double		mean_exact = 0.0;
		double		mean_sq = 0.0;
		UnitQuant	u;

		for (int r = 0; r < ROWS; r++)
			fill_row(rows + r * dim, dim);
		open_trained(&u, &spec, rows, ROWS);
		CHECK(om_quant_code_bytes(&spec) == (12 + (size_t) spec.subvectors + 3) / 4 * 4, "bytes");
		for (int p = 0; p < pairs; p++)
		{
			float		x[MAX_DIM];
			float		q[MAX_DIM];
			OmQuery    *query = from_code ? u.code_query : u.query;
			double		exact;
			double		e;
			double		error;

			fill_row(x, dim);
			fill_row(q, dim);
			exact = unit_exact(metric, x, q, dim);
			om_quant_encode(u.quant, q, u.scratch, u.code);
			if (from_code)
				om_quant_query_from_code(u.quant, u.code, query);
			else
				om_quant_query(u.quant, q, u.scratch, query);
			om_quant_encode(u.quant, x, u.scratch, u.code);
			e = u.distance(u.quant, query, u.code) - exact;
			error = om_quant_error(u.quant, query, u.code);
			CHECK(isfinite(e) && isfinite(error) && error >= 0.0, "a number");
			beyond += fabs(e) > 4.0 * error + 1e-3;
			sq += error > 0.0 ? fmin((e / error) * (e / error), 100.0) / pairs : 0.0;
			mean_exact += exact / pairs;
			mean_sq += exact * exact / pairs;
			spread += e * e / pairs;
		}
		spread = sqrt(spread / (mean_sq - mean_exact * mean_exact));
		CHECK(beyond <= pairs / 40, "%d dimensions, %d subvectors: %d of %d errors beyond 4 times the announced",
			  dim, spec.subvectors, beyond, pairs);
		CHECK(dim == 1 || sqrt(sq) <= 1.7, "%d dimensions, %d subvectors: %.2f times the announced error",
			  dim, spec.subvectors, sqrt(sq));
		/* one byte for a hundred dimensions says little */
		CHECK(spread < (dim > 16 * spec.subvectors ? 0.9 : 0.35),
			  "%d dimensions, %d subvectors: errors %.2f of the distances' spread", dim,
			  spec.subvectors, spread);
		unit_quant_close(&u);
		free(rows);
	}
	unit_end();
}

/* Fewer distinct points than centroids: each is met exactly. */
static void
test_few_points(void)
{
	unit_begin("pq: fewer distinct points than centroids");
	for (int distinct = 1; distinct <= 200; distinct = distinct * 3 + 1)
	{
		OmQuantSpec spec = {OM_QUANT_PQ, OM_METRIC_L2, 12, 0, 9, 3};
		float		points[200 * 12];
		float	   *rows = unit_alloc(sizeof(float) * 1200 * 12);
		UnitQuant	u;

		for (int i = 0; i < distinct * 12; i++)
			points[i] = (float) unit_normal();
		for (int r = 0; r < 1200; r++)
			memcpy(rows + r * 12, points + (r % distinct) * 12, sizeof(float) * 12);
		open_trained(&u, &spec, rows, 1200);
		for (int p = 0; p < distinct; p++)
		{
			const float *x = points + p * 12;
			const float *q = points + (distinct - 1 - p) * 12;
			double		exact = unit_exact(OM_METRIC_L2, x, q, 12);
			double		d;

			om_quant_encode(u.quant, x, u.scratch, u.code);
			om_quant_query(u.quant, q, u.scratch, u.query);
			d = u.distance(u.quant, u.query, u.code);
			CHECK(fabs(d - exact) <= 2e-3 * (1.0 + exact), "%d points: %g, not %g", distinct, d, exact);
		}
		unit_quant_close(&u);
		free(rows);
	}
	unit_end();
}

/* Vectors that the sample says nothing about; equal codes from every variant. */
static void
test_extremes(OmMetric metric)
{
	static const float sizes[] = {0.0f, 1.0f, 1e19f, 3e38f, FLT_MAX, 1e-20f, 1e-45f};
	OmQuantSpec spec = {OM_QUANT_PQ, metric, 37, 0, 3, 9};
	const OmKernels *list[8];
	const OmKernels *best = om_kernels;
	int			n = om_kernels_list(list, 8);
	float	   *rows = unit_alloc(sizeof(float) * ROWS * 37);

	unit_begin("pq %s: extreme vectors", unit_metric_name(metric));
	for (int sample = 0; sample < 4; sample++)
	{
		UnitQuant	u;
		UnitQuant	v;

		/* ordinary, zeros, all alike, huge and tiny */
		for (int r = 0; r < ROWS; r++)
		{
			fill_row(rows + r * 37, 37);
			for (int i = 0; i < 37 && sample > 0; i++)
				rows[r * 37 + i] = sample == 1 ? 0.0f : sample == 2 ? 3.0f :
					rows[r * 37 + i] * (r % 2 == 0 ? 1e37f : 1e-37f);
		}
		open_trained(&u, &spec, rows, ROWS);
		open_trained(&v, &spec, rows, ROWS);
		for (int a = 0; a < 14; a++)
			for (int b = 0; b < 14; b++)
			{
				float		x[37];
				float		q[37];
				float		d;
				float		error;

				for (int i = 0; i < 37; i++)
				{
					x[i] = a < 7 || i == 36 ? sizes[a % 7] * (i % 2 == 0 ? 1.0f : -1.0f) : 0.0f;
					q[i] = b < 7 || i == 0 ? sizes[b % 7] * (i % 3 == 0 ? 1.0f : -1.0f) : 0.0f;
				}
				om_quant_encode(u.quant, x, u.scratch, u.code);
				for (int k = 0; k < n; k++)
				{
					om_kernels = list[k];
					om_quant_encode(v.quant, x, v.scratch, v.code);
					CHECK(memcmp(u.code, v.code, om_quant_code_bytes(&spec)) == 0,
						  "%s: another code", list[k]->name);
				}
				om_kernels = best;
				om_quant_query(u.quant, q, u.scratch, u.query);
				d = u.distance(u.quant, u.query, u.code);
				error = om_quant_error(u.quant, u.query, u.code);
				CHECK(d >= -FLT_MAX && d <= FLT_MAX && error >= 0.0f && error <= FLT_MAX,
					  "sample %d, %d to %d: %g, error %g", sample, a, b, d, error);
				om_quant_query_from_code(u.quant, u.code, u.code_query);
				d = u.distance(u.quant, u.code_query, u.code);
				CHECK(d >= -FLT_MAX && d <= FLT_MAX, "to itself: %g", d);
			}
		unit_quant_close(&u);
		unit_quant_close(&v);
	}
	unit_end();
	free(rows);
}

static void
test_specs(void)
{
	OmQuantSpec spec = {OM_QUANT_PQ, OM_METRIC_L2, 16, 0, 3, 4};
	OmQuantSpec bad;

	unit_begin("pq, sq8, none, binary: specs that are not valid");
	CHECK(om_quant_code_bytes(&spec) == 16 && om_quant_model_floats(&spec) == 257 * 16 + 2, "sizes");
	CHECK(om_quant_init(NULL, &spec, NULL) == NULL, "not without a model");
	for (int i = 0; i < 10; i++)
	{
		bad = spec;
		if (i >= 5)
		{
			bad.kind = i == 9 ? OM_QUANT_BINARY : i % 2 == 0 ? OM_QUANT_NONE : OM_QUANT_SQ8;
			bad.subvectors = i <= 6 ? 4 : 0;
			bad.bits = i <= 6 ? 0 : 4;
		}
		bad.subvectors = i == 0 ? 0 : i == 1 ? 17 : i == 2 ? -1 : bad.subvectors;
		bad.bits = i == 3 ? 8 : bad.bits;
		bad.metric = i == 4 ? OM_METRIC_L1 : OM_METRIC_L2;
		CHECK(om_quant_code_bytes(&bad) == 0 && om_quant_bytes(&bad) == 0 &&
			  om_quant_query_bytes(&bad) == 0 && om_quant_scratch_bytes(&bad) == 0 &&
			  om_quant_model_floats(&bad) == 0 && om_quant_train_rows(&bad) == 0 &&
			  om_quant_init(NULL, &bad, NULL) == NULL, "spec %d", i);
	}
	unit_end();
}

void
test_pq(void)
{
	unit_seed(14);
	test_specs();
	test_parts();
	for (int m = 0; m < 3; m++)
	{
		test_errors(unit_metrics[m], false);
		test_errors(unit_metrics[m], true);
		test_extremes(unit_metrics[m]);
	}
	test_few_points();
}
