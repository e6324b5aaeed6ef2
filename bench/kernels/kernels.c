/*
 * kernels.c -- nanoseconds a call of every kernel and of the quantizer.
 *
 * Usage: kernels DIM...   Operands are in the first-level cache; each figure is
 * the least of several runs of about 2 ms.  Columns are variants that this CPU
 * runs.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/kernel.h"
#include "quant/quant.h"

#define RUNS 7
#define RUN_NS 2e6
#define RANGE_VALUES 1000

/* What a measured call works on. */
typedef struct Bench
{
	const OmKernels *k;
	int			dim;
	int			log2;			/* of the bits a dimension */
	int			stride;
	float	   *x;
	float	   *y;
	uint8_t    *levels;
	int8_t	   *q;
	OmQuantizer *quant;
	OmQuery    *query;
	void	   *scratch;
	void	   *code;
	OmDistanceFn distance;
	void	   *values;			/* random, for ranges */
	uint64_t   *bits;
} Bench;

typedef float (*BenchCall) (Bench *b);

static volatile float sink;

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

static double
measure(BenchCall call, Bench *b)
{
	long		calls = 16;
	double		best = 1e18;

	for (int run = 0; run < RUNS;)
	{
		double		start = now_ns();
		double		took;
		float		sum = 0.0f;

		for (long i = 0; i < calls; i++)
			sum += call(b);
		took = now_ns() - start;
		sink = sum;
		if (took < RUN_NS)
		{
			calls *= 2;
			continue;
		}
		best = fmin(best, took / (double) calls);
		run++;
	}
	return best;
}

static float
call_l2sq(Bench *b)
{
	return b->k->l2sq_f32(b->x, b->y, b->dim);
}

static float
call_ip(Bench *b)
{
	return b->k->ip_f32(b->x, b->y, b->dim);
}

static float
call_cos(Bench *b)
{
	float		out[3];

	b->k->cos_f32(b->x, b->y, b->dim, out);
	return out[0];
}

static float
call_l1(Bench *b)
{
	return b->k->l1_f32(b->x, b->y, b->dim);
}

static float
call_dot(Bench *b)
{
	return (float) b->k->dot_code[b->log2] (b->levels, b->q, b->stride);
}

static float
call_expand(Bench *b)
{
	b->k->expand_code[b->log2] (b->levels, b->q, b->stride);
	return 0.0f;
}

static float
call_encode(Bench *b)
{
	om_quant_encode(b->quant, b->x, b->scratch, b->code);
	return 0.0f;
}

static float
call_query(Bench *b)
{
	om_quant_query(b->quant, b->x, b->scratch, b->query);
	return 0.0f;
}

static float
call_query_from_code(Bench *b)
{
	om_quant_query_from_code(b->quant, b->code, b->query);
	return 0.0f;
}

static float
call_distance(Bench *b)
{
	return b->distance(b->quant, b->query, b->code);
}

static float
call_error(Bench *b)
{
	return om_quant_error(b->quant, b->query, b->code);
}

/* Half of the values lie in the range. */
#define CALL_RANGE(W) \
	static float \
	call_range##W(Bench *b) \
	{ \
		b->k->range_u##W(b->values, RANGE_VALUES, (uint##W##_t) ((uint##W##_t) ~0 / 4), \
						 (uint##W##_t) ((uint##W##_t) ~0 / 4 * 3), b->bits); \
		return (float) b->bits[0]; \
	}

CALL_RANGE(8)
CALL_RANGE(16)
CALL_RANGE(32)
CALL_RANGE(64)

static void
line(const char *what, BenchCall call, Bench *b, const OmKernels **list, int n)
{
	printf("%-22s", what);
	for (int v = 0; v < n; v++)
	{
		b->k = om_kernels = list[v];
		if (b->quant != NULL)
			b->distance = om_quant_distance_fn(b->quant);
		printf("%12.1f", measure(call, b));
		fflush(stdout);
	}
	printf("\n");
}

static void *
need(size_t bytes)
{
	void	   *p;

	if (posix_memalign(&p, 64, (bytes + 63) / 64 * 64) != 0)
	{
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	memset(p, 0, (bytes + 63) / 64 * 64);
	return p;
}

static void
bench_quantizer(Bench *b, const OmQuantSpec *spec, const float *model, const char *what,
				const OmKernels **list, int n)
{
	char		name[64];

	b->quant = om_quant_init(need(om_quant_bytes(spec)), spec, model);
	b->scratch = need(om_quant_scratch_bytes(spec));
	b->query = need(om_quant_query_bytes(spec));
	b->code = need(om_quant_code_bytes(spec));
	om_quant_encode(b->quant, b->y, b->scratch, b->code);
	om_quant_query(b->quant, b->x, b->scratch, b->query);
#define LINE(call_name, call) \
	do { \
		snprintf(name, sizeof(name), "%s %s", what, call_name); \
		line(name, call, b, list, n); \
	} while (0)
	if (spec->kind == OM_QUANT_RABITQ)
	{
		LINE("dot product", call_dot);
		LINE("expansion", call_expand);
	}
	LINE("distance", call_distance);
	LINE("error", call_error);
	LINE("encode", call_encode);
	LINE("query", call_query);
	LINE("query from code", call_query_from_code);
	LINE("code distance", call_distance);
#undef LINE
	free(b->quant);
	free(b->scratch);
	free(b->query);
	free(b->code);
	b->quant = NULL;
}

static void
bench_bits(Bench *b, int log2, const OmKernels **list, int n)
{
	OmQuantSpec spec = {OM_QUANT_RABITQ, OM_METRIC_L2, b->dim, 1 << log2, 42, 0};
	char		name[64];

	b->log2 = log2;
	b->stride = (b->dim * (1 << log2) + 7) / 8;
	snprintf(name, sizeof(name), "%d bits", 1 << log2);
	bench_quantizer(b, &spec, NULL, name, list, n);
}

/* The other quantizers, with a model of random numbers. */
static void
bench_others(Bench *b, const OmKernels **list, int n)
{
	static const OmQuantKind kinds[] = {OM_QUANT_PQ, OM_QUANT_SQ8, OM_QUANT_NONE};
	static const char *const names[] = {"pq", "sq8", "none"};

	for (int i = 0; i < 3; i++)
	{
		OmQuantSpec spec = {kinds[i], OM_METRIC_L2, b->dim, 0, 42, 0};
		size_t		floats;
		float	   *model;

		if (kinds[i] == OM_QUANT_PQ)
			spec.subvectors = b->dim / 4 > 0 ? b->dim / 4 : 1;
		floats = om_quant_model_floats(&spec);
		model = need(sizeof(float) * floats);
		for (size_t f = 0; f < floats; f++)
			model[f] = (float) random() / (float) RAND_MAX;
		bench_quantizer(b, &spec, floats > 0 ? model : NULL, names[i], list, n);
		free(model);
	}
}

static void
heading(const char *what, const OmKernels **list, int n)
{
	printf("%-22s", what);
	for (int v = 0; v < n; v++)
		printf("%12s", list[v]->name);
	printf("\n");
}

static void
bench_ranges(const OmKernels **list, int n)
{
	Bench		b = {.dim = 0};
	uint8_t    *values = need(sizeof(uint64_t) * RANGE_VALUES);

	for (size_t i = 0; i < sizeof(uint64_t) * RANGE_VALUES; i++)
		values[i] = (uint8_t) random();
	b.values = values;
	b.bits = need(sizeof(uint64_t) * ((RANGE_VALUES + 63) / 64));
	heading("1000 values, ns", list, n);
	line("range, 8 bits", call_range8, &b, list, n);
	line("range, 16 bits", call_range16, &b, list, n);
	line("range, 32 bits", call_range32, &b, list, n);
	line("range, 64 bits", call_range64, &b, list, n);
	free(b.values);
	free(b.bits);
}

int
main(int argc, char **argv)
{
	const OmKernels *list[8];
	int			n = om_kernels_list(list, 8);
	char		title[64];

	for (int a = 1; a < argc; a++)
	{
		Bench		b = {.dim = atoi(argv[a])};

		if (b.dim < 1 || b.dim > 16000)
		{
			fprintf(stderr, "usage: %s DIM...   (1 to 16000)\n", argv[0]);
			return 1;
		}
		b.x = need(sizeof(float) * (size_t) b.dim);
		b.y = need(sizeof(float) * (size_t) b.dim);
		b.levels = need((size_t) b.dim);
		b.q = need((size_t) b.dim + 128);
		srandom(1);
		for (int i = 0; i < b.dim; i++)
		{
			b.x[i] = (float) random() / (float) RAND_MAX - 0.5f;
			b.y[i] = (float) random() / (float) RAND_MAX - 0.5f;
			b.levels[i] = (uint8_t) random();
			b.q[i] = (int8_t) random();
		}
		snprintf(title, sizeof(title), "%d dimensions, ns", b.dim);
		heading(title, list, n);
		line("l2sq", call_l2sq, &b, list, n);
		line("inner product", call_ip, &b, list, n);
		line("cosine", call_cos, &b, list, n);
		line("l1", call_l1, &b, list, n);
		for (int log2 = 0; log2 < 4; log2++)
			bench_bits(&b, log2, list, n);
		bench_others(&b, list, n);
		printf("\n");
		free(b.x);
		free(b.y);
		free(b.levels);
		free(b.q);
	}
	bench_ranges(list, n);
	return 0;
}
