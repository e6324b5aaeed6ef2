/*
 * test_sq8.c -- the quantizers none and sq8: values, errors as announced, ranges
 * with and without a sample, vectors outside of the range, extreme vectors.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "unit.h"

static const OmMetric all_metrics[] = {OM_METRIC_L2, OM_METRIC_IP, OM_METRIC_COSINE, OM_METRIC_L1};
static const int dims[] = {1, 2, 3, 7, 15, 16, 17, 33, 64, 100, 130, 784};

#define NDIMS (sizeof(dims) / sizeof(dims[0]))
#define SAMPLE 400

static void
interrupt(void *arg)
{
	(*(int *) arg)++;
}

/* Dimensions of different places and widths. */
static void
fill_row(float *x, int dim)
{
	for (int i = 0; i < dim; i++)
		x[i] = (float) ((i % 5) * 3.0 + unit_normal() * (1.0 + i % 7));
}

static void
normalise(float *x, int dim)
{
	double		sq = 0.0;

	for (int i = 0; i < dim; i++)
		sq += (double) x[i] * x[i];
	for (int i = 0; i < dim; i++)
		x[i] = (float) (x[i] / sqrt(sq));
}

static float *
train(const OmQuantSpec *spec)
{
	float	   *rows = unit_alloc(sizeof(float) * SAMPLE * (size_t) spec->dim);
	float	   *model = unit_alloc(sizeof(float) * om_quant_model_floats(spec));
	int			calls = 0;
	OmTraining	training = {NULL, rows, SAMPLE, interrupt, &calls};

	for (int r = 0; r < SAMPLE; r++)
	{
		fill_row(rows + r * spec->dim, spec->dim);
		if (spec->metric == OM_METRIC_COSINE)
			normalise(rows + r * spec->dim, spec->dim);
	}
	om_quant_train(spec, &training, 0, 1, NULL, model);
	CHECK(calls > 0, "training can be interrupted");
	free(rows);
	return model;
}

/* What rounding to float may add to any distance. */
static double
slack(OmMetric metric, const float *x, const float *q, int dim)
{
	double		sum = 0.0;

	if (metric == OM_METRIC_COSINE)
		return 2e-5;
	for (int i = 0; i < dim; i++)
		sum += metric == OM_METRIC_L1 ? fabs(x[i]) + fabs(q[i]) :
			(double) x[i] * x[i] + (double) q[i] * q[i] + 100.0;
	return 1e-5 * (sum + 1.0);
}

static void
test_values(OmMetric metric, bool trained, bool from_code)
{
	unit_begin("sq8 %s %s sample%s", unit_metric_name(metric), trained ? "with" : "without",
			   from_code ? ", between codes" : "");
	for (size_t at = 0; at < NDIMS; at++)
	{
		OmQuantSpec spec = {OM_QUANT_SQ8, metric, dims[at], 0, 1, 0};
		int			dim = spec.dim;
		float	   *model = trained ? train(&spec) : NULL;
		float		x[784];
		float		q[784];
		double		sq = 0.0;
		int			pairs = 100;
		UnitQuant	u;

		unit_quant_open_spec(&u, &spec, model);
		for (int p = 0; p < pairs; p++)
		{
			OmQuery    *query = from_code ? u.code_query : u.query;
			double		exact;
			double		e;
			double		error;

			fill_row(x, dim);
			fill_row(q, dim);
			for (int i = 0; p % 4 == 1 && i < dim; i++)
				q[i] = x[i] + 0.1f * q[i];
			/* far outside of the sample */
			for (int i = 0; p % 4 == 2 && i < dim; i++)
				x[i] *= 50.0f;
			if (p % 4 == 3)
				x[dim / 2] = -1000.0f;
			exact = unit_exact(metric, x, q, dim);
			if (from_code)
			{
				om_quant_encode(u.quant, q, u.scratch, u.code);
				om_quant_query_from_code(u.quant, u.code, query);
			}
			else
				om_quant_query(u.quant, q, u.scratch, query);
			om_quant_encode(u.quant, x, u.scratch, u.code);
			e = fabs(u.distance(u.quant, query, u.code) - exact);
			error = om_quant_error(u.quant, query, u.code);
			CHECK(e <= 6.5 * error + slack(metric, x, q, dim), "dim %d pair %d: error %g, announced %g",
				  dim, p, e, error);
			sq += e > slack(metric, x, q, dim) ? (e / error) * (e / error) / pairs : 0.0;
		}
		CHECK(sqrt(sq) <= 1.8, "dim %d: %.2f times the announced error", dim, sqrt(sq));
		unit_quant_close(&u);
		free(model);
	}
	unit_end();
}

/* Every component of a vector in range is within half a step. */
static void
test_steps(void)
{
	unit_begin("sq8: components within half a step, a vector in range");
	for (size_t at = 0; at < NDIMS; at++)
	{
		OmQuantSpec spec = {OM_QUANT_SQ8, OM_METRIC_L1, dims[at], 0, 1, 0};
		float	   *model = train(&spec);
		float		x[784];
		double		most = 0.0;
		UnitQuant	u;

		unit_quant_open_spec(&u, &spec, model);
		for (int i = 0; i < spec.dim; i++)
		{
			float		step = model[spec.dim + i];

			CHECK(step > 0.0f, "dimension %d has no width", i);
			x[i] = model[i] + step * 255.0f * (float) unit_uniform();
			most += 0.501 * step;
		}
		om_quant_encode(u.quant, x, u.scratch, u.code);
		om_quant_query(u.quant, x, u.scratch, u.query);
		CHECK(u.distance(u.quant, u.query, u.code) <= most + 1e-4 * spec.dim, "dim %d: %g of %g",
			  spec.dim, u.distance(u.quant, u.query, u.code), most);
		om_quant_query_from_code(u.quant, u.code, u.code_query);
		CHECK(u.distance(u.quant, u.code_query, u.code) == 0.0f, "a code is at no distance to itself");
		unit_quant_close(&u);
		free(model);
	}
	unit_end();
}

/* Samples that have no range, or one value far out. */
static void
test_samples(void)
{
	unit_begin("sq8: constant samples, and outliers in one");
	for (int kind = 0; kind < 4; kind++)
	{
		OmQuantSpec spec = {OM_QUANT_SQ8, OM_METRIC_L2, 8, 0, 1, 0};
		float		rows[2000 * 8];
		float		model[16];
		float		x[8];
		int			calls = 0;
		OmTraining	training = {NULL, rows, 2000, interrupt, &calls};
		UnitQuant	u;
		double		self;

		for (int i = 0; i < 2000 * 8; i++)
			rows[i] = kind == 0 ? 0.0f : kind == 1 ? 7.0f : (float) unit_uniform();
		if (kind == 2)
			rows[77] = 1e30f;
		if (kind == 3)
			for (int r = 0; r < 2000; r++)
				rows[r * 8 + 3] = 5.0f;
		om_quant_train(&spec, &training, 0, 1, NULL, model);
		unit_quant_open_spec(&u, &spec, model);
		for (int i = 0; i < 8; i++)
			x[i] = kind == 1 ? 7.0f : (float) unit_uniform();
		if (kind == 3)
			x[3] = 5.01f;
		om_quant_encode(u.quant, x, u.scratch, u.code);
		om_quant_query(u.quant, x, u.scratch, u.query);
		self = u.distance(u.quant, u.query, u.code);
		CHECK(self >= 0.0 && self < 8 * 0.003 * 0.003, "kind %d: %g from itself", kind, self);
		unit_quant_close(&u);
	}
	unit_end();
}

/* Ranges that leave outliers out, and that do not where values are rare. */
static void
test_ranges(void)
{
	enum
	{
		DIM = 64,
		ROWS = 3000
	};
	static float rows[ROWS * DIM];

	unit_begin("sq8: ranges of rows with outliers, and of rare values");
	for (int rare = 0; rare < 2; rare++)
	{
		OmQuantSpec spec = {OM_QUANT_SQ8, OM_METRIC_L2, DIM, 0, 1, 0};
		float		model[2 * DIM];
		int			calls = 0;
		OmTraining	training = {NULL, rows, ROWS, interrupt, &calls};
		UnitQuant	u;
		double		error = 0.0;

		for (int i = 0; i < ROWS * DIM; i++)
		{
			rows[i] = (float) unit_uniform();
			/*
			 * every hundredth row is long, or in half of the dimensions every 200th value is not
			 * zero
			 */
			if (!rare && i / DIM % 100 == 0)
				rows[i] *= 50.0f;
			if (rare && i % DIM % 2 == 0 && (i / DIM + i % DIM * 3) % 200 != 0)
				rows[i] = 0.0f;
			else if (rare && i % DIM % 2 == 0)
				rows[i] *= 50.0f;
		}
		om_quant_train(&spec, &training, 0, 1, NULL, model);
		unit_quant_open_spec(&u, &spec, model);
		for (int r = 1; r < 100; r++)
		{
			float		x[DIM];

			om_quant_encode(u.quant, rows + r * DIM, u.scratch, u.code);
			om_quant_decode(u.quant, u.code, u.scratch, x);
			for (int i = 1; i < DIM; i += 2)
				error += pow(x[i] - rows[r * DIM + i], 2) / (99 * DIM / 2);
		}
		CHECK(error < 1e-4, "rare %d: %g a dimension", rare, error);
		unit_quant_close(&u);
	}
	unit_end();
}

/* Extreme vectors: a number always, the same code from every variant. */
static void
test_extremes(OmQuantKind kind, OmMetric metric)
{
	static const float sizes[] = {0.0f, 1.0f, 1e19f, 3e38f, FLT_MAX, 1e-20f, 1e-45f};
	const OmKernels *list[8];
	const OmKernels *best = om_kernels;
	int			n = om_kernels_list(list, 8);

	unit_begin("%s %s: extreme vectors", kind == OM_QUANT_NONE ? "none" : "sq8",
			   unit_metric_name(metric));
	for (size_t at = 0; at < NDIMS; at++)
	{
		OmQuantSpec spec = {kind, metric, dims[at], 0, 1, 0};
		float	   *model = kind == OM_QUANT_SQ8 && at % 2 == 0 ? train(&spec) : NULL;
		UnitQuant	u;
		UnitQuant	v;

		unit_quant_open_spec(&u, &spec, model);
		unit_quant_open_spec(&v, &spec, model);
		for (int a = 0; a < 14; a++)
			for (int b = 0; b < 14; b++)
			{
				float		x[784];
				float		q[784];
				float		d;
				float		error;

				/* all alike, and one component alone */
				for (int i = 0; i < spec.dim; i++)
				{
					x[i] = a < 7 || i == 0 ? sizes[a % 7] * (i % 2 == 0 ? 1.0f : -1.0f) : 0.0f;
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
					  "dim %d, %d to %d: %g, error %g", spec.dim, a, b, d, error);
				om_quant_query_from_code(u.quant, u.code, u.code_query);
				d = u.distance(u.quant, u.code_query, u.code);
				CHECK(d >= -FLT_MAX && d <= FLT_MAX, "to itself: %g", d);
			}
		unit_quant_close(&u);
		unit_quant_close(&v);
		free(model);
	}
	unit_end();
}

void
test_sq8(void)
{
	unit_seed(12);
	for (int m = 0; m < 4; m++)
	{
		for (int form = 0; form < 4; form++)
			test_values(all_metrics[m], form % 2 == 0, form >= 2);
		test_extremes(OM_QUANT_SQ8, all_metrics[m]);
	}
	test_steps();
	test_samples();
	test_ranges();
}

void
test_none(void)
{
	unit_seed(13);
	for (int m = 0; m < 4; m++)
	{
		OmMetric	metric = all_metrics[m];

		unit_begin("none %s: the float kernel's distances", unit_metric_name(metric));
		for (size_t at = 0; at < NDIMS; at++)
		{
			OmQuantSpec spec = {OM_QUANT_NONE, metric, dims[at], 0, 1, 0};
			int			dim = spec.dim;
			float		x[784];
			float		q[784];
			float		d;
			UnitQuant	u;

			CHECK(om_quant_code_bytes(&spec) == 4 * (size_t) dim &&
				  om_quant_model_floats(&spec) == 0, "sizes");
			unit_quant_open_spec(&u, &spec, NULL);
			fill_row(x, dim);
			fill_row(q, dim);
			om_quant_encode(u.quant, x, u.scratch, u.code);
			om_quant_query(u.quant, q, u.scratch, u.query);
			d = u.distance(u.quant, u.query, u.code);
			if (metric == OM_METRIC_COSINE)
				CHECK(fabs(d - unit_exact(metric, x, q, dim)) <=
					  om_quant_error(u.quant, u.query, u.code), "dim %d", dim);
			else
				CHECK(om_quant_exact(&spec) &&
					  d == (metric == OM_METRIC_L2 ? om_kernels->l2sq_f32(q, x, dim) :
							metric == OM_METRIC_L1 ? om_kernels->l1_f32(q, x, dim) :
							-om_kernels->ip_f32(q, x, dim)), "dim %d", dim);
			unit_quant_close(&u);
		}
		unit_end();
		test_extremes(OM_QUANT_NONE, metric);
	}
}
