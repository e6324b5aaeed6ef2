/*
 * types.c -- bytes a nanosecond of the distance kernels of each type, on rows that lie in
 * memory and on rows that lie in the first-level cache.
 *
 * Usage: types [MEGABYTES]   Of this CPU's best variant.  One query of the type is compared
 * with row after row, which fill MEGABYTES of memory (256: more than any cache), or 16 kB.
 * Each figure is the best of RUNS, in the process's CPU time; the kernels take turns, so that
 * what else runs on the machine meets all of them.  "read" adds up the same memory as 64-bit
 * numbers, without a kernel.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/kernel.h"
#include "kernel/sparse.h"
#include "quant/quant.h"

#define RUNS 9
#define DIM 768
/* Elements as SPLADE's texts and questions have them. */
#define ROW_ELEMENTS 140
#define QUERY_ELEMENTS 40
#define TERMS 30000
#define CACHED_BYTES 16384
#define LEAST_BYTES (64L << 20) /* that a figure is of */

typedef struct Rows
{
	char	   *at;
	size_t		bytes;			/* of one row */
	long		n;
} Rows;

static char query[1 << 17] __attribute__((aligned(64)));
static OmQuantizer *quant;
static OmDistanceFn code_distance;

typedef double (*Call) (const char *row, size_t bytes);

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

static double
call_read(const char *row, size_t bytes)
{
	const uint64_t *x = (const uint64_t *) row;
	uint64_t	sum = 0;

	for (size_t i = 0; i < bytes / 8; i++)
		sum += x[i];
	return (double) sum;
}

#define F32(name) \
	static double call_##name##_f32(const char *row, size_t bytes) \
	{ return om_kernels->name##_f32((const float *) query, (const float *) row, (int) (bytes / 4)); }
#define F16(name) \
	static double call_##name##_f16(const char *row, size_t bytes) \
	{ return om_kernels->name##_f16((const uint16_t *) query, (const uint16_t *) row, (int) (bytes / 2)); }

F32(l2sq)
F32(ip)
F32(l1)
F16(l2sq)
F16(ip)
F16(l1)

static double
call_cos_f32(const char *row, size_t bytes)
{
	float		out[3];

	om_kernels->cos_f32((const float *) query, (const float *) row, (int) (bytes / 4), out);
	return out[0];
}

static double
call_cos_f16(const char *row, size_t bytes)
{
	float		out[3];

	om_kernels->cos_f16((const uint16_t *) query, (const uint16_t *) row, (int) (bytes / 2), out);
	return out[0];
}

static double
call_differ(const char *row, size_t bytes)
{
	return (double) om_kernels->differ_bits((const uint8_t *) query, (const uint8_t *) row, bytes);
}

static double
call_share(const char *row, size_t bytes)
{
	uint64_t	out[2];

	om_kernels->share_bits((const uint8_t *) query, (const uint8_t *) row, bytes, out);
	return (double) out[0];
}

/* A row is its indices, then its values. */
static OmElements
elements_at(const char *row, int n)
{
	OmElements	elements = {n, (const int32_t *) row, (const float *) (row + 4 * n)};

	return elements;
}

#define ELEMENTS(name) \
	static double call_##name##_elements(const char *row, size_t bytes) \
	{ \
		OmElements	a = elements_at(query, QUERY_ELEMENTS); \
		OmElements	b = elements_at(row, (int) (bytes / 8)); \
		return om_elements_##name(&a, &b); \
	}

ELEMENTS(ip)
ELEMENTS(l2sq)
ELEMENTS(l1)

static double
call_code(const char *row, size_t bytes)
{
	(void) bytes;
	return code_distance(quant, (const OmQuery *) query, row);
}

/* ---- rows ---- */

static int
compare_indices(const void *a, const void *b)
{
	return *(const int32_t *) a - *(const int32_t *) b;
}

static void
fill_elements(char *row, int n)
{
	int32_t    *index = (int32_t *) row;
	float	   *value = (float *) (row + 4 * n);

	for (int i = 0; i < n;)
	{
		double		u = (double) random() / RAND_MAX;
		bool		there = false;

		/* few terms are in many texts */
		index[i] = (int32_t) ((TERMS - 1) * u * u * u);
		for (int j = 0; j < i; j++)
			there |= index[j] == index[i];
		i += !there;
	}
	qsort(index, (size_t) n, sizeof(int32_t), compare_indices);
	for (int i = 0; i < n; i++)
		value[i] = 0.1f + (float) random() / (float) RAND_MAX;
}

static void
fill_floats(char *row, size_t bytes)
{
	for (size_t i = 0; i < bytes / 4; i++)
		((float *) row)[i] = (float) random() / (float) RAND_MAX - 0.5f;
}

static void
fill_halves(char *row, size_t bytes)
{
	for (size_t i = 0; i < bytes / 2; i++)
	{
		float		x = (float) random() / (float) RAND_MAX - 0.5f;

		om_kernels->f32_to_f16(&x, (uint16_t *) row + i, 1);
	}
}

static void
fill_bits(char *row, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		row[i] = (char) random();
}

static void
fill_row(char *row, size_t bytes)
{
	fill_elements(row, (int) (bytes / 8));
}

static void
position_of(const char *row, int n, float *x)
{
	OmElements	elements = elements_at(row, n);
	OmSparse   *v = (OmSparse *) x;
	double		squares = om_elements_squares(&elements);

	memset(x, 0, sizeof(float) * (size_t) om_sparse_floats(ROW_ELEMENTS));
	v->n = (uint32_t) n;
	v->norm = (float) sqrt(squares);
	for (int i = 0; i < n; i++)
	{
		om_sparse_terms(v)[i] = (uint32_t) elements.index[i];
		om_sparse_values(v, ROW_ELEMENTS)[i] = elements.value[i];
	}
}

static float position[5 + 2 * ROW_ELEMENTS];
static char elements[8 * ROW_ELEMENTS];

static void
fill_code(char *row, size_t bytes)
{
	(void) bytes;
	fill_elements(elements, ROW_ELEMENTS);
	position_of(elements, ROW_ELEMENTS, position);
	om_quant_encode(quant, position, NULL, row);
}

/* ---- measuring ---- */

typedef struct Kernel
{
	const char *name;
	Call		call;
	size_t		bytes;
	void		(*fill) (char *row, size_t bytes);
	int			bits;			/* of a code's terms */
	double		best[2];
} Kernel;

static Kernel kernels[] = {
	{"read", call_read, 4 * DIM, fill_floats, 0, {0, 0}},
	{"vector, l2", call_l2sq_f32, 4 * DIM, fill_floats, 0, {0, 0}},
	{"vector, ip", call_ip_f32, 4 * DIM, fill_floats, 0, {0, 0}},
	{"vector, cosine", call_cos_f32, 4 * DIM, fill_floats, 0, {0, 0}},
	{"vector, l1", call_l1_f32, 4 * DIM, fill_floats, 0, {0, 0}},
	{"halfvec, l2", call_l2sq_f16, 2 * DIM, fill_halves, 0, {0, 0}},
	{"halfvec, ip", call_ip_f16, 2 * DIM, fill_halves, 0, {0, 0}},
	{"halfvec, cosine", call_cos_f16, 2 * DIM, fill_halves, 0, {0, 0}},
	{"halfvec, l1", call_l1_f16, 2 * DIM, fill_halves, 0, {0, 0}},
	{"bit(1024), hamming", call_differ, 128, fill_bits, 0, {0, 0}},
	{"bit(1024), jaccard", call_share, 128, fill_bits, 0, {0, 0}},
	{"bit(8192), hamming", call_differ, 1024, fill_bits, 0, {0, 0}},
	{"bit(8192), jaccard", call_share, 1024, fill_bits, 0, {0, 0}},
	{"sparsevec, l2", call_l2sq_elements, 8 * ROW_ELEMENTS, fill_row, 0, {0, 0}},
	{"sparsevec, ip", call_ip_elements, 8 * ROW_ELEMENTS, fill_row, 0, {0, 0}},
	{"sparsevec, l1", call_l1_elements, 8 * ROW_ELEMENTS, fill_row, 0, {0, 0}},
	{"code of it, 16 bits", call_code, 0, fill_code, 16, {0, 0}},
	{"code of it, 18 bits", call_code, 0, fill_code, 18, {0, 0}},
};

static volatile double sink;

static void
prepare(Kernel *k)
{
	if (k->bits > 0)
	{
		OmQuantSpec spec = {OM_QUANT_SPARSE, OM_METRIC_IP, om_sparse_floats(ROW_ELEMENTS), k->bits, 1, ROW_ELEMENTS};
		void	   *scratch = calloc(1, om_quant_scratch_bytes(&spec));
		void	   *block;

		if (posix_memalign(&block, 64, om_quant_bytes(&spec)) != 0 || scratch == NULL ||
			om_quant_query_bytes(&spec) > sizeof(query))
			exit(1);
		quant = om_quant_init(block, &spec, NULL);
		code_distance = om_quant_distance_fn(quant);
		k->bytes = om_quant_code_bytes(&spec);
		fill_elements(elements, QUERY_ELEMENTS);
		position_of(elements, QUERY_ELEMENTS, position);
		om_quant_query(quant, position, scratch, (OmQuery *) query);
		free(scratch);
	}
	else if (k->fill == fill_row)
		fill_elements(query, QUERY_ELEMENTS);
	else
		k->fill(query, k->bytes);
}

/*
 * run -- bytes a nanosecond of a kernel.
 */
static double
run(const Kernel *k, const Rows *rows)
{
	long		rounds = LEAST_BYTES / (long) (rows->bytes * (size_t) rows->n) + 1;
	double		sum = 0;
	double		took = now_ns();

	for (long r = 0; r < rounds; r++)
	{
		for (long i = 0; i < rows->n; i++)
			sum += k->call(rows->at + rows->bytes * (size_t) i, rows->bytes);
	}
	took = now_ns() - took;
	sink = sum;
	return (double) rounds * (double) rows->n * (double) rows->bytes / took;
}

int
main(int argc, char **argv)
{
	size_t		size = (size_t) (argc > 1 ? atol(argv[1]) : 256) << 20;
	char	   *memory;
	int			n = sizeof(kernels) / sizeof(kernels[0]);

	om_kernels_init();
	if (size < 1 << 20 || posix_memalign((void **) &memory, 64, size) != 0)
	{
		fprintf(stderr, "usage: %s [MEGABYTES]\n", argv[0]);
		return 1;
	}
	for (int r = 0; r < RUNS; r++)
	{
		for (int i = 0; i < n; i++)
		{
			Kernel	   *k = &kernels[i];
			size_t		some;

			prepare(k);
			/* rows of a megabyte, again and again */
			some = (1 << 20) / k->bytes * k->bytes;
			for (size_t at = 0; at < some; at += k->bytes)
				k->fill(memory + at, k->bytes);
			for (size_t at = some; at < size; at += some)
				memcpy(memory + at, memory, at + some <= size ? some : size - at);
			for (int cached = 0; cached < 2; cached++)
			{
				Rows		rows = {memory, k->bytes, (long) ((cached ? CACHED_BYTES : size) / k->bytes)};

				k->best[cached] = fmax(k->best[cached], run(k, &rows));
			}
		}
	}
	printf("%s; bytes a nanosecond\n%-22s%10s%10s%18s\n", om_kernels->name, "", "memory", "cache", "of vector, l2");
	for (int i = 0; i < n; i++)
		printf("%-22s%10.1f%10.1f%16.0f %%\n", kernels[i].name, kernels[i].best[0], kernels[i].best[1],
			   100 * kernels[i].best[0] / kernels[1].best[0]);
	return 0;
}
