/*
 * test_estimator.c -- estimated distances against exact ones: no bias over
 * rotations, errors as large as announced, on random and on adversarial vectors.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* Unrelated, related, and sparse pairs. */
static void
fill_pair(float *x, float *q, int dim, int kind)
{
	for (int i = 0; i < dim; i++)
	{
		x[i] = (float) unit_normal();
		q[i] = (float) unit_normal();
		if (kind == 1)
			q[i] = x[i] + 0.3f * q[i];
		if (kind == 2 && i % 7 != 0)
			x[i] = 0.0f;
		if (kind == 3)
			x[i] = fabsf(x[i]) + 2.0f;
	}
}

static void
fill_mean(float *mean, int dim, OmMetric metric)
{
	for (int i = 0; i < dim; i++)
		mean[i] = (float) (unit_normal() * (metric == OM_METRIC_COSINE ? 0.3 / sqrt(dim) : 0.3));
}

/* Many rotations of one pair: mean error zero, its spread as announced. */
static void
test_bias(OmMetric metric, int bits)
{
	static const int dims[] = {16, 33, 64, 100, 130, 300};

	unit_begin("no bias over rotations, %s %d bits", unit_metric_name(metric), bits);
	for (size_t d = 0; d < sizeof(dims) / sizeof(dims[0]); d++)
		for (int kind = 0; kind < 4; kind++)
		{
			enum
			{
				rounds = 400
			};
			int			dim = dims[d];
			float		x[300];
			float		q[300];
			float		mean[300];
			double		exact;
			double		sum = 0.0;
			double		sq = 0.0;
			double		announced = 0.0;
			double		z;
			double		ratio;

			fill_pair(x, q, dim, kind);
			fill_mean(mean, dim, metric);
			exact = unit_exact(metric, x, q, dim);
			for (int r = 0; r < rounds; r++)
			{
				UnitQuant	u;
				double		e;
				double		error;

				unit_quant_open(&u, metric, dim, bits, unit_random(), mean);
				om_quant_encode(u.quant, x, u.scratch, u.code);
				om_quant_query(u.quant, q, u.scratch, u.query);
				e = u.distance(u.quant, u.query, u.code) - exact;
				error = om_quant_error(u.quant, u.query, u.code);
				sum += e;
				sq += e * e;
				announced += error * error;
				unit_quant_close(&u);
			}
			z = sum / sqrt(sq);
			ratio = sqrt(sq / announced);
			CHECK(fabs(z) < 4.5, "dim %d kind %d: bias of %.1f deviations", dim, kind, z);
			/* a related pair has less error than the estimate allows for */
			CHECK(ratio < 1.3 && ratio > (kind == 1 ? 0.1 : 0.6),
				  "dim %d kind %d: %.2f times the announced error", dim, kind, ratio);
		}
	unit_end();
}

/* Many pairs and rotations, every dimension: no error beyond its bound. */
static void
test_bound(OmMetric metric, int bits, bool from_code)
{
	unit_begin("error bound%s, %s %d bits", from_code ? " between codes" : "",
			   unit_metric_name(metric), bits);
	for (int at = 1; at <= 134; at++)
	{
		static const int long_dims[] = {784, 1000, 1536, 16000};
		int			dim = at <= 130 ? at : long_dims[at - 131];
		int			pairs = dim <= 130 ? 40 : dim < 2000 ? 20 : 4;
		float	   *x = unit_alloc(sizeof(float) * (size_t) dim);
		float	   *q = unit_alloc(sizeof(float) * (size_t) dim);
		float	   *mean = unit_alloc(sizeof(float) * (size_t) dim);
		double		sq = 0.0;

		fill_mean(mean, dim, metric);
		for (int p = 0; p < pairs; p++)
		{
			double		exact;
			double		e;
			double		error;
			double		rounding;
			UnitQuant	u;
			OmQuery    *query;

			/* a rotation each: similar vectors err alike under the same one */
			unit_quant_open(&u, metric, dim, bits, unit_random(), mean);
			/* codes of related vectors err alike: not this estimate's case */
			fill_pair(x, q, dim, from_code && p % 4 == 1 ? 0 : p % 4);
			exact = unit_exact(metric, x, q, dim);
			query = u.query;
			if (from_code)
			{
				om_quant_encode(u.quant, q, u.scratch, u.code);
				om_quant_query_from_code(u.quant, u.code, u.code_query);
				query = u.code_query;
			}
			om_quant_encode(u.quant, x, u.scratch, u.code);
			om_quant_query(u.quant, q, u.scratch, u.query);
			e = fabs(u.distance(u.quant, query, u.code) - exact);
			error = om_quant_error(u.quant, query, u.code);
			rounding = 1e-5 * (1.0 + fabs(exact) + (metric == OM_METRIC_COSINE ? 1.0 : 10.0 * dim));
			/* 6.5 deviations; from angles alone never more than sqrt(dim) */
			CHECK(e <= 6.5 * error + rounding, "dim %d: error %g, announced %g", dim, e, error);
			sq += error > 0.0 ? (e / error) * (e / error) / pairs : 0.0;
			unit_quant_close(&u);
		}
		if (dim >= 16 && pairs >= 20)
			CHECK(sqrt(sq) <= 1.6, "dim %d: %.2f times the announced error", dim, sqrt(sq));
		free(x);
		free(q);
		free(mean);
	}
	unit_end();
}

static double
clamped(double x)
{
	return fmin(fmax(x, -FLT_MAX), FLT_MAX);
}

/* Shapes that a rotation must spread: estimates stay within their bound. */
static void
test_adversarial(OmMetric metric, int bits)
{
	static const int dims[] = {8, 16, 31, 64, 100, 128, 130, 784, 1536};
	/* cosine has no scale: the last two are for it alone */
	static const float scales[] = {1.0f, 1e-15f, 1e-18f, 1e15f, 1e18f, 1e-37f, 3e37f};

	unit_begin("adversarial vectors, %s %d bits", unit_metric_name(metric), bits);
	for (size_t d = 0; d < sizeof(dims) / sizeof(dims[0]); d++)
		for (int shape = 0; shape < 5; shape++)
			for (int s = 0; s < (metric == OM_METRIC_COSINE ? 7 : 5); s++)
			{
				int			dim = dims[d];
				float		scale = scales[s];
				float	   *x = unit_alloc(sizeof(float) * (size_t) dim);
				float	   *q = unit_alloc(sizeof(float) * (size_t) dim);
				double		unit = metric == OM_METRIC_COSINE ? 1.0 : (double) scale * scale;
				double		exact;
				double		e;
				double		error;
				UnitQuant	u;

				for (int i = 0; i < dim; i++)
				{
					x[i] = shape == 0 ? 1.0f : shape == 1 ? (float) (i == 0) :
						shape == 2 ? (float) (i == dim - 1) : shape == 3 ? (i % 2 ? 1.0f : -1.0f) :
						(float) ldexp(1.0, -i);
					q[i] = shape % 2 == 0 ? (float) (i == dim / 2) : (float) unit_normal();
					x[i] *= scale;
					q[i] *= scale;
				}
				unit_quant_open(&u, metric, dim, bits, 99, NULL);
				exact = clamped(unit_exact(metric, x, q, dim));
				om_quant_encode(u.quant, x, u.scratch, u.code);
				om_quant_query(u.quant, q, u.scratch, u.query);
				e = fabs(u.distance(u.quant, u.query, u.code) - exact);
				error = om_quant_error(u.quant, u.query, u.code);
				CHECK(e <= 6.5 * error + 1e-5 * (fabs(exact) + unit) + 1e-37,
					  "dim %d shape %d scale %g: %g, announced %g", dim, shape, scale, e, error);
				/* the vector itself is nearest to its own code, but for that error */
				om_quant_query(u.quant, x, u.scratch, u.query);
				e = u.distance(u.quant, u.query, u.code);
				exact = clamped(unit_exact(metric, x, x, dim));
				/* squares that overflow leave no distance */
				if (metric == OM_METRIC_L2 && !(u.query->add < FLT_MAX))
					exact = FLT_MAX;
				error = om_quant_error(u.quant, u.query, u.code);
				CHECK(fabs(e - exact) <= 6.5 * error + 1e-5 * (fabs(exact) + unit * dim) + 1e-37,
					  "dim %d shape %d scale %g: itself at %g", dim, shape, scale, e);
				unit_quant_close(&u);
				free(x);
				free(q);
			}
	unit_end();
}

void
test_estimator(void)
{
	unit_seed(5);
	for (int m = 0; m < 3; m++)
		for (int bits = 1; bits <= 8; bits *= 2)
		{
			test_bias(unit_metrics[m], bits);
			test_bound(unit_metrics[m], bits, false);
			test_bound(unit_metrics[m], bits, true);
			test_adversarial(unit_metrics[m], bits);
		}
}
