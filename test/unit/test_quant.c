/*
 * test_quant.c -- the quantizer interface: sizes, equal bytes, and vectors that
 * try to break it.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "quant/quant_impl.h"
#include "unit.h"

static const int dims[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65,
100, 127, 128, 129, 130, 784, 1536, 16000};

#define NDIMS ((int) (sizeof(dims) / sizeof(dims[0])))

static void
test_sizes(void)
{
	OmQuantSpec spec = {OM_QUANT_RABITQ, OM_METRIC_L2, 100, 4, 0, 0};
	OmQuantSpec bad;

	unit_begin("sizes, and specs that are not valid");
	CHECK(om_quant_code_bytes(&spec) == 64, "100 dimensions of 4 bits");
	CHECK(om_quant_model_floats(&spec) == 100, "the mean");
	spec.bits = 1;
	CHECK(om_quant_code_bytes(&spec) == 28, "100 dimensions of 1 bit");
	for (int bits = 1; bits <= 8; bits *= 2)
		for (int dim = 1; dim <= 16000; dim = dim < 200 ? dim + 1 : dim * 2)
		{
			size_t		packed = (size_t) (dim * bits + 7) / 8;
			size_t		bytes;

			spec.dim = dim;
			spec.bits = bits;
			bytes = om_quant_code_bytes(&spec);
			CHECK(bytes % 4 == 0 && bytes >= 12 + packed && bytes < 12 + packed + 4,
				  "%d dimensions of %d bits: %zu", dim, bits, bytes);
			CHECK(om_quant_query_bytes(&spec) >= sizeof(OmQuery) + (size_t) dim + 64, "query");
		}
	for (int i = 0; i < 7; i++)
	{
		bad = spec;
		bad.dim = i == 0 ? 0 : i == 1 ? -1 : i == 2 ? 16001 : 10;
		bad.bits = i == 3 ? 3 : i == 4 ? 0 : 4;
		if (i == 5)
			bad.metric = OM_METRIC_L1;
		if (i == 6)
			bad.kind = (OmQuantKind) 0;
		CHECK(om_quant_code_bytes(&bad) == 0 && om_quant_bytes(&bad) == 0 &&
			  om_quant_query_bytes(&bad) == 0 && om_quant_scratch_bytes(&bad) == 0 &&
			  om_quant_model_floats(&bad) == 0 && om_quant_init(NULL, &bad, NULL) == NULL,
			  "spec %d", i);
	}
	unit_end();
}

/* The vectors that every test of robustness goes through. */
#define KINDS 17

static void
fill_kind(float *x, int dim, int kind, const float *mean)
{
	static const float large[] = {1e19f, 1e30f, 3e38f, 1e-20f, 1e-38f, 1e-45f};

	for (int i = 0; i < dim; i++)
		switch (kind)
		{
			case 0:
				x[i] = 0.0f;
				break;
			case 1:
				x[i] = 1.0f;
				break;
			case 2:
				x[i] = i == dim / 2 ? 1.0f : 0.0f;
				break;
			case 3:
				x[i] = i == dim - 1 ? -5.0f : 0.0f;
				break;
			case 4:
				x[i] = i % 2 == 0 ? FLT_MAX : -FLT_MAX;
				break;
			case 5:
				x[i] = i == 0 ? FLT_MAX : 1e-45f;
				break;
			case 6:
				x[i] = mean[i];
				break;
			case 7:
				x[i] = nextafterf(mean[i], 10.0f);
				break;
			case 8:
				x[i] = (float) i;
				break;
			case 9:
				x[i] = -0.0f;
				break;
			case 10:
				x[i] = (float) unit_normal();
				break;
			default:
				x[i] = (float) (unit_uniform() * 2 - 1) * large[kind - 11];
		}
}

static bool
is_distance(float d)
{
	return d >= -FLT_MAX && d <= FLT_MAX;
}

/* Every variant on an exact copy: one code, one query form, one distance. */
static void
check_variants(UnitQuant *u, const float *x, const float *q, int kind)
{
	const OmKernels *best = om_kernels;
	const OmKernels *list[8];
	int			n = om_kernels_list(list, 8);
	int			dim = u->spec.dim;
	size_t		code_bytes = om_quant_code_bytes(&u->spec);
	size_t		used = offsetof(OmQuery, q) + (size_t) dim;
	char	   *code = unit_alloc(code_bytes);
	char	   *query = unit_alloc(used);
	char	   *code_query = unit_alloc(used);
	char	   *moved = unit_alloc(sizeof(float) * (size_t) dim + 4);
	float		d[2] = {0, 0};
	float		error[2] = {0, 0};

	for (int v = 0; v < n; v++)
	{
		OmDistanceFn distance;

		om_kernels = list[v];
		distance = om_quant_distance_fn(u->quant);
		/* at an address of its own, scratch and output full of something else */
		memcpy(moved + 4, x, sizeof(float) * (size_t) dim);
		memset(u->scratch, v, om_quant_scratch_bytes(&u->spec));
		memset(u->code, v, code_bytes);
		om_quant_encode(u->quant, (float *) (moved + 4), u->scratch, u->code);
		om_quant_query(u->quant, q, u->scratch, u->query);
		om_quant_query_from_code(u->quant, u->code, u->code_query);
		if (v == 0)
		{
			memcpy(code, u->code, code_bytes);
			memcpy(query, u->query, used);
			memcpy(code_query, u->code_query, used);
			d[0] = distance(u->quant, u->query, u->code);
			d[1] = distance(u->quant, u->code_query, u->code);
			error[0] = om_quant_error(u->quant, u->query, u->code);
			error[1] = om_quant_error(u->quant, u->code_query, u->code);
		}
		CHECK(memcmp(code, u->code, code_bytes) == 0, "%s dim %d kind %d: code", list[v]->name,
			  dim, kind);
		CHECK(memcmp(query, u->query, used) == 0, "%s dim %d kind %d: query", list[v]->name,
			  dim, kind);
		CHECK(memcmp(code_query, u->code_query, used) == 0, "%s dim %d kind %d: query of code",
			  list[v]->name, dim, kind);
		CHECK(distance(u->quant, u->query, u->code) == d[0] &&
			  distance(u->quant, u->code_query, u->code) == d[1],
			  "%s dim %d kind %d: distance", list[v]->name, dim, kind);
	}
	om_kernels = best;
	for (int i = 0; i < 2; i++)
	{
		CHECK(is_distance(d[i]), "dim %d kind %d: distance %g", dim, kind, d[i]);
		CHECK(error[i] >= 0.0f && error[i] <= FLT_MAX, "dim %d kind %d: error %g", dim, kind,
			  error[i]);
	}
	for (size_t i = 0; i < 64; i++)
		CHECK(u->query->q[dim + (int) i] == 0 && u->code_query->q[dim + (int) i] == 0,
			  "padding of a query");
	free(code);
	free(query);
	free(code_query);
	free(moved);
}

static void
test_robust(OmMetric metric, int bits)
{
	unit_begin("any vector, any variant, %s %d bits", unit_metric_name(metric), bits);
	for (int d = 0; d < NDIMS; d++)
		for (int large_mean = 0; large_mean < 2; large_mean++)
		{
			int			dim = dims[d];
			float	   *mean = unit_alloc(sizeof(float) * (size_t) dim);
			float	   *x = unit_alloc(sizeof(float) * (size_t) dim);
			float	   *q = unit_alloc(sizeof(float) * (size_t) dim);
			UnitQuant	u;

			/* the long ones once, in one pass */
			if (large_mean && dim > 130)
			{
				free(mean);
				free(x);
				free(q);
				continue;
			}
			for (int i = 0; i < dim; i++)
				mean[i] = (float) (unit_normal() * (large_mean ? 1e20 : 0.2));
			unit_quant_open(&u, metric, dim, bits, 5, mean);
			for (int kind = 0; kind < KINDS; kind++)
			{
				fill_kind(x, dim, kind, mean);
				fill_kind(q, dim, kind % 3 == 0 ? 10 : kind % 3 == 1 ? kind : (kind + 5) % KINDS, mean);
				check_variants(&u, x, q, kind);
			}
			unit_quant_close(&u);
			free(mean);
			free(x);
			free(q);
		}
	unit_end();
}

/* A vector at the mean has an exact distance, whatever the query. */
static void
test_at_mean(void)
{
	unit_begin("a vector at the mean");
	for (int d = 0; d < NDIMS; d++)
		for (int bits = 1; bits <= 8; bits *= 2)
			for (int m = 0; m < 2; m++)
			{
				int			dim = dims[d];
				float	   *mean = unit_alloc(sizeof(float) * (size_t) dim);
				float	   *q = unit_alloc(sizeof(float) * (size_t) dim);
				double		want;
				double		scale = 0.0;
				UnitQuant	u;

				for (int i = 0; i < dim; i++)
				{
					mean[i] = (float) unit_normal();
					q[i] = (float) unit_normal();
					scale += fabs((double) mean[i] * q[i]);
				}
				unit_quant_open(&u, unit_metrics[m], dim, bits, 5, mean);
				want = unit_exact(unit_metrics[m], mean, q, dim);
				om_quant_encode(u.quant, mean, u.scratch, u.code);
				om_quant_query(u.quant, q, u.scratch, u.query);
				CHECK(fabs(u.distance(u.quant, u.query, u.code) - want) <= 1e-5 * (fabs(want) + scale),
					  "dim %d %s: %g, not %g", dim, unit_metric_name(unit_metrics[m]),
					  u.distance(u.quant, u.query, u.code), want);
				CHECK(om_quant_error(u.quant, u.query, u.code) == 0.0f, "its error");
				/* and as a query, from itself and from its code */
				om_quant_encode(u.quant, q, u.scratch, u.code);
				om_quant_query(u.quant, mean, u.scratch, u.query);
				CHECK(fabs(u.distance(u.quant, u.query, u.code) - want) <= 1e-5 * (fabs(want) + scale),
					  "dim %d: query at the mean", dim);
				CHECK(om_quant_error(u.quant, u.query, u.code) == 0.0f, "its error");
				unit_quant_close(&u);
				free(mean);
				free(q);
			}
	unit_end();
}

/* The batch equals single calls; a copied quantizer serves as well. */
static void
test_batch(void)
{
	enum
	{
		count = 37, dim = 100
	};
	float		x[dim];
	float		dist[count];
	const void *codes[count];

	unit_begin("batches, and a quantizer at another address");
	for (int bits = 1; bits <= 8; bits *= 2)
	{
		UnitQuant	u;
		size_t		bytes;
		OmQuantizer *copy;

		unit_quant_open(&u, OM_METRIC_COSINE, dim, bits, 5, NULL);
		bytes = om_quant_code_bytes(&u.spec);
		for (int i = 0; i < count; i++)
		{
			char	   *code = unit_alloc(bytes);

			for (int j = 0; j < dim; j++)
				x[j] = (float) unit_normal();
			om_quant_encode(u.quant, x, u.scratch, code);
			codes[i] = code;
		}
		om_quant_query(u.quant, x, u.scratch, u.query);
		for (int n = 0; n <= count; n += n < 6 ? 1 : 31)
		{
			memset(dist, 0, sizeof(dist));
			om_quant_distances(u.quant, u.query, codes, n, dist);
			for (int i = 0; i < count; i++)
				CHECK(dist[i] == (i < n ? u.distance(u.quant, u.query, codes[i]) : 0.0f),
					  "code %d of %d", i, n);
		}
		copy = unit_alloc(om_quant_bytes(&u.spec));
		memcpy(copy, u.quant, om_quant_bytes(&u.spec));
		memset(u.quant, 0x5a, om_quant_bytes(&u.spec));
		om_quant_encode(copy, x, u.scratch, u.code);
		CHECK(memcmp(u.code, codes[count - 1], bytes) == 0, "code of the copy");
		CHECK(om_quant_distance_fn(copy) (copy, u.query, u.code) == dist[count - 1],
			  "distance of the copy");
		for (int i = 0; i < count; i++)
			free((void *) codes[i]);
		free(copy);
		unit_quant_close(&u);
	}
	unit_end();
}

/* A code that ends where memory ends is not read past. */
static void
test_code_bounds(void)
{
	UnitGuard	guard;

	unit_guard_open(&guard, 20000);
	unit_begin("no access past a code");
	for (int bits = 1; bits <= 8; bits *= 2)
		for (int dim = 1; dim <= 300; dim++)
		{
			UnitQuant	u;
			float		x[300];
			void	   *code;

			unit_quant_open(&u, OM_METRIC_L2, dim, bits, 5, NULL);
			code = unit_guard_tail(&guard, om_quant_code_bytes(&u.spec));
			for (int i = 0; i < dim; i++)
				x[i] = (float) unit_normal();
			om_quant_encode(u.quant, x, u.scratch, code);
			om_quant_query(u.quant, x, u.scratch, u.query);
			om_quant_query_from_code(u.quant, code, u.code_query);
			CHECK(is_distance(u.distance(u.quant, u.query, code)) &&
				  is_distance(u.distance(u.quant, u.code_query, code)) &&
				  om_quant_error(u.quant, u.query, code) >= 0.0f, "dim %d", dim);
			unit_quant_close(&u);
		}
	unit_end();
	unit_guard_close(&guard);
}

/*
 * What a code stands for is as near to the vector as its bits allow, whatever
 * the mean.  A vector of 1 or 2 dimensions has too few to speak of.
 */
static void
test_decode(void)
{
	static const double most[] = {0.85, 0.55, 0.16, 0.012};

	unit_begin("vectors back from codes");
	unit_seed(11);
	for (int d = 4; d < NDIMS - 1; d++)
		for (int b = 0; b < 4; b++)
			for (int m = 0; m < 3; m++)
			{
				int			dim = dims[d];
				float	   *mean = unit_alloc(sizeof(float) * (size_t) dim);
				float	   *x = unit_alloc(sizeof(float) * (size_t) dim);
				float	   *y = unit_alloc(sizeof(float) * (size_t) dim);
				UnitQuant	u;
				double		error = 0.0;
				double		all = 0.0;

				for (int i = 0; i < dim; i++)
					mean[i] = unit_metrics[m] == OM_METRIC_COSINE ? (float) (0.5 / sqrt(dim)) : 3.0f;
				unit_quant_open(&u, unit_metrics[m], dim, 1 << b, 5, mean);
				for (int n = 0; n < 20; n++)
				{
					double		sq = 0.0;

					for (int i = 0; i < dim; i++)
					{
						x[i] = (float) unit_normal();
						sq += (double) x[i] * x[i];
					}
					for (int i = 0; i < dim; i++)
						x[i] = unit_metrics[m] == OM_METRIC_COSINE ? (float) (x[i] / sqrt(sq)) :
							x[i] + mean[i];
					om_quant_encode(u.quant, x, u.scratch, u.code);
					om_quant_decode(u.quant, u.code, u.scratch, y);
					for (int i = 0; i < dim; i++)
					{
						error += ((double) x[i] - y[i]) * ((double) x[i] - y[i]);
						all += ((double) x[i] - mean[i]) * ((double) x[i] - mean[i]);
					}
				}
				CHECK(sqrt(error / all) < most[b], "%s, %d dimensions, %d bits: %g",
					  unit_metric_name(unit_metrics[m]), dim, 1 << b, sqrt(error / all));
				unit_quant_close(&u);
				free(mean);
				free(x);
				free(y);
			}
	unit_end();
}

void
test_quant(void)
{
	unit_seed(4);
	test_sizes();
	for (int m = 0; m < 3; m++)
		for (int bits = 1; bits <= 8; bits *= 2)
			test_robust(unit_metrics[m], bits);
	test_at_mean();
	test_batch();
	test_code_bounds();
	test_decode();
}
