/*
 * test_refine.c -- refinements: errors as announced and much smaller than those of
 * the code alone, of no code but their own.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* A quantizer, and the buffers of refinements, each of exactly its bytes. */
typedef struct Refined
{
	UnitQuant	u;
	void	   *refinement;
	OmRefineQuery *query;
} Refined;

static void
refined_open(Refined *r, OmMetric metric, int dim, int bits, uint64_t seed, const float *mean)
{
	unit_quant_open(&r->u, metric, dim, bits, seed, mean);
	r->refinement = unit_alloc(om_quant_refine_bytes(&r->u.spec));
	memset(r->refinement, 0xff, om_quant_refine_bytes(&r->u.spec));
	r->query = unit_alloc(om_quant_refine_query_bytes(&r->u.spec));
	memset(r->query, 0xff, om_quant_refine_query_bytes(&r->u.spec));
}

static void
refined_close(Refined *r)
{
	unit_quant_close(&r->u);
	free(r->refinement);
	free(r->query);
}

static void
refined_encode(Refined *r, const float *x)
{
	om_quant_encode(r->u.quant, x, r->u.scratch, r->u.code);
	om_quant_refine_encode(r->u.quant, x, r->u.code, r->u.scratch, r->refinement);
}

/* Distance from q to what refined_encode() made; false: it says nothing. */
static bool
refined_distance(Refined *r, const float *q, float *dist, float *error)
{
	OmRefineBase base;

	om_quant_refine_query(r->u.quant, q, r->u.scratch, r->u.query, r->query);
	om_quant_refine_base(r->u.quant, r->u.query, r->query, r->u.code, &base);
	return om_quant_refine_distance(r->u.quant, r->u.query, r->query, &base, r->refinement,
									dist, error);
}

/* Unrelated, related and sparse pairs, and all components positive. */
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

/* Every dimension, many pairs, a rotation each. */
static void
test_bound(OmMetric metric, int bits)
{
	unit_begin("refined error, %s %d bits", unit_metric_name(metric), bits);
	for (int at = 1; at <= 134; at++)
	{
		static const int long_dims[] = {784, 1000, 1536, 16000};
		int			dim = at <= 130 ? at : long_dims[at - 131];
		int			pairs = dim <= 130 ? 40 : dim < 2000 ? 20 : 4;
		float	   *x = unit_alloc(sizeof(float) * (size_t) dim);
		float	   *q = unit_alloc(sizeof(float) * (size_t) dim);
		float	   *mean = unit_alloc(sizeof(float) * (size_t) dim);
		double		sq = 0.0;
		double		gain = 0.0;

		for (int i = 0; i < dim; i++)
			mean[i] = (float) (unit_normal() * (metric == OM_METRIC_COSINE ? 0.3 / sqrt(dim) : 0.3));
		for (int p = 0; p < pairs; p++)
		{
			Refined		r;
			float		dist = NAN;
			float		error = NAN;
			double		exact;
			double		rounding;
			double		e;
			bool		known;

			refined_open(&r, metric, dim, bits, unit_random(), mean);
			fill_pair(x, q, dim, p % 4);
			exact = unit_exact(metric, x, q, dim);
			refined_encode(&r, x);
			known = refined_distance(&r, q, &dist, &error);
			e = fabs(dist - exact);
			rounding = 1e-6 * (1.0 + fabs(exact) + (metric == OM_METRIC_COSINE ? 1.0 : 10.0 * dim));
			CHECK(known, "dim %d: no refined distance", dim);
			CHECK(e <= 6.5 * error + rounding, "dim %d: error %g, announced %g", dim, e, error);
			sq += error > 0.0 ? (e / error) * (e / error) / pairs : 0.0;
			gain += error / om_quant_error(r.u.quant, r.u.query, r.u.code) / pairs;
			refined_close(&r);
		}
		if (dim >= 16 && pairs >= 20)
		{
			CHECK(sqrt(sq) <= 1.6, "dim %d: %.2f times the announced error", dim, sqrt(sq));
			CHECK(gain < 0.2, "dim %d: %.3f of the error without", dim, gain);
		}
		free(x);
		free(q);
		free(mean);
	}
	unit_end();
}

/* No bias: many rotations of one pair. */
static void
test_bias(OmMetric metric, int bits)
{
	unit_begin("refined distances have no bias, %s %d bits", unit_metric_name(metric), bits);
	for (int dim = 16; dim <= 300; dim += 71)
	{
		enum
		{
			rounds = 400
		};
		float		x[300];
		float		q[300];
		double		exact;
		double		sum = 0.0;
		double		sq = 0.0;
		double		announced = 0.0;

		fill_pair(x, q, dim, dim % 2 ? 0 : 3);
		exact = unit_exact(metric, x, q, dim);
		for (int i = 0; i < rounds; i++)
		{
			Refined		r;
			float		dist;
			float		error;

			refined_open(&r, metric, dim, bits, unit_random(), NULL);
			refined_encode(&r, x);
			if (refined_distance(&r, q, &dist, &error))
			{
				sum += dist - exact;
				sq += (dist - exact) * (dist - exact);
				announced += (double) error * error;
			}
			refined_close(&r);
		}
		CHECK(fabs(sum / sqrt(sq)) < 4.5, "dim %d: bias of %.1f deviations", dim, sum / sqrt(sq));
		CHECK(sqrt(sq / announced) < 1.3 && sqrt(sq / announced) > 0.6,
			  "dim %d: %.2f times the announced error", dim, sqrt(sq / announced));
	}
	unit_end();
}

static void
test_adversarial(OmMetric metric, int bits)
{
	static const int dims[] = {1, 2, 3, 8, 16, 31, 100, 128, 784};
	static const float scales[] = {1.0f, 1e-15f, 1e-18f, 1e15f, 1e18f};

	unit_begin("refinements of adversarial vectors, %s %d bits", unit_metric_name(metric), bits);
	for (size_t d = 0; d < sizeof(dims) / sizeof(dims[0]); d++)
		for (int shape = 0; shape < 6; shape++)
			for (int s = 0; s < 5; s++)
			{
				int			dim = dims[d];
				float	   *x = unit_alloc(sizeof(float) * (size_t) dim);
				float	   *q = unit_alloc(sizeof(float) * (size_t) dim);
				double		unit = metric == OM_METRIC_COSINE ? 1.0 : (double) scales[s] * scales[s];
				Refined		r;
				float		dist = NAN;
				float		error = NAN;
				double		exact;

				for (int i = 0; i < dim; i++)
				{
					x[i] = shape == 0 ? 1.0f : shape == 1 ? (float) (i == 0) :
						shape == 2 ? (float) (i == dim - 1) : shape == 3 ? (i % 2 ? 1.0f : -1.0f) :
						shape == 4 ? (float) ldexp(1.0, -i) : 0.0f;
					q[i] = shape % 2 == 0 ? (float) (i == dim / 2) : (float) unit_normal();
					x[i] *= scales[s];
					q[i] *= scales[s];
				}
				refined_open(&r, metric, dim, bits, 99, NULL);
				refined_encode(&r, x);
				exact = unit_exact(metric, x, q, dim);
				if (shape == 5 && metric == OM_METRIC_COSINE)
					exact = 0.5;	/* what a vector without direction gets */
				else if (exact > FLT_MAX)
					exact = FLT_MAX;
				/* where it says nothing, nothing is lost */
				if (refined_distance(&r, q, &dist, &error))
					CHECK(fabs(dist - exact) <= 6.5 * error + 1e-5 * (fabs(exact) + unit) + 1e-37,
						  "dim %d shape %d scale %g: %g for %g, announced %g", dim, shape,
						  scales[s], dist, exact, error);
				CHECK(om_quant_refine_matches(r.u.code, r.refinement), "its own code");
				refined_close(&r);
				free(x);
				free(q);
			}
	unit_end();
}

/* One of another code, none at all, a blurred one; the same vector again. */
static void
test_tag(int bits)
{
	enum
	{
		dim = 50
	};
	Refined		r;
	float		x[dim];
	float		other[dim];
	float		dist;
	float		error;
	size_t		bytes;
	char	   *again;

	unit_begin("refinements know their code, %d bits", bits);
	fill_pair(x, other, dim, 0);
	refined_open(&r, OM_METRIC_L2, dim, bits, 7, NULL);
	bytes = om_quant_refine_bytes(&r.u.spec);
	CHECK(bytes == 16 + 28, "%zu bytes", bytes);
	refined_encode(&r, x);
	CHECK(refined_distance(&r, other, &dist, &error), "its own code");
	CHECK(!om_quant_refine_is_blurred(r.refinement), "not blurred");
	again = unit_alloc(bytes);
	memcpy(again, r.refinement, bytes);
	memset(r.u.scratch, 0, om_quant_scratch_bytes(&r.u.spec));
	refined_encode(&r, x);
	CHECK(memcmp(again, r.refinement, bytes) == 0, "the same vector has the same refinement");
	om_quant_refine_blur(r.refinement);
	CHECK(om_quant_refine_is_blurred(r.refinement), "blurred");
	CHECK(om_quant_refine_matches(r.u.code, r.refinement), "a blurred one is still of its code");
	CHECK(!refined_distance(&r, other, &dist, &error), "and says nothing");
	memcpy(r.refinement, again, bytes);
	om_quant_encode(r.u.quant, other, r.u.scratch, r.u.code);
	CHECK(!om_quant_refine_matches(r.u.code, r.refinement), "another vector's code");
	CHECK(!refined_distance(&r, other, &dist, &error), "another vector's code gives no distance");
	memset(r.refinement, 0, bytes);
	CHECK(!refined_distance(&r, other, &dist, &error), "nor do zeros");
	memset(r.u.code, 0, om_quant_code_bytes(&r.u.spec));
	CHECK(!om_quant_refine_matches(r.u.code, r.refinement), "not even for a code of zeros");
	free(again);
	refined_close(&r);
	unit_end();
}

static void
test_none_without(void)
{
	OmQuantSpec spec = {OM_QUANT_RABITQ, OM_METRIC_L2, 64, 8, 1, 0};

	unit_begin("kinds without refinements");
	CHECK(om_quant_refine_bytes(&spec) == 0, "8 bits");
	spec = (OmQuantSpec) {OM_QUANT_PQ, OM_METRIC_L2, 64, 0, 1, 16};
	CHECK(om_quant_refine_bytes(&spec) == 0, "pq");
	spec = (OmQuantSpec) {OM_QUANT_SQ8, OM_METRIC_L2, 64, 0, 1, 0};
	CHECK(om_quant_refine_bytes(&spec) == 0, "sq8");
	spec = (OmQuantSpec) {OM_QUANT_BINARY, OM_METRIC_L2, 64, 1, 1, 0};
	CHECK(om_quant_refine_bytes(&spec) == 16 + 32 + 4, "binary has");
	unit_end();
}

void
test_refine(void)
{
	unit_seed(11);
	for (int bits = 1; bits <= 4; bits *= 2)
	{
		for (int m = 0; m < 3; m++)
		{
			test_bound(unit_metrics[m], bits);
			test_bias(unit_metrics[m], bits);
			test_adversarial(unit_metrics[m], bits);
		}
		test_tag(bits);
	}
	test_none_without();
}
