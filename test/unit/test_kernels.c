/*
 * test_kernels.c -- every variant that this CPU runs, against sums in double
 * (floats) and against the definition (codes, exactly).
 */
#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "unit.h"

#define MAX_DIM 16000

static const char *const variant_names[] = {
#if defined(__x86_64__)
	"scalar", "avx2", "avx512", "avx512vnni"
#elif defined(__aarch64__)
	"scalar", "neon", "neondot"
#else
	"scalar"
#endif
};

/* 0 to 130, and some longer ones. */
static const int long_dims[] = {200, 256, 300, 784, 1536, 4096, 15999, MAX_DIM};
#define DIMS (131 + (int) (sizeof(long_dims) / sizeof(long_dims[0])))

static int
dim_at(int i)
{
	return i <= 130 ? i : long_dims[i - 131];
}

static void
fill_normal(float *x, int n)
{
	for (int i = 0; i < n; i++)
		x[i] = (float) unit_normal();
}

static bool
near(double got, double want, double scale)
{
	return fabs(got - want) <= 2e-6 * scale + 1e-30;
}

/* Values, all alignments of both arguments; ends at a page that can't be read. */
static void
test_floats(const OmKernels *k)
{
	UnitGuard	ga;
	UnitGuard	gb;

	unit_guard_open(&ga, sizeof(float) * (MAX_DIM + 16));
	unit_guard_open(&gb, sizeof(float) * (MAX_DIM + 16));
	unit_begin("float kernels %s", k->name);
	for (int d = 0; d < DIMS; d++)
		for (int shift = 0; shift < 4; shift++)
		{
			int			dim = dim_at(d);
			/* a ends at the guard; b starts anywhere, odd addresses too */
			float	   *a = unit_guard_tail(&ga, sizeof(float) * (size_t) dim);
			float	   *b = (float *) ((char *) unit_guard_head(&gb) + 4 * shift);
			double		l2 = 0,
						ip = 0,
						l1 = 0,
						aa = 0,
						bb = 0,
						mag = 0;
			float		out[3];

			if (shift == 3)
				b = unit_guard_tail(&gb, sizeof(float) * (size_t) dim);
			fill_normal(a, dim);
			fill_normal(b, dim);
			for (int i = 0; i < dim; i++)
			{
				double		diff = (double) a[i] - b[i];

				l2 += diff * diff;
				l1 += fabs(diff);
				ip += (double) a[i] * b[i];
				mag += fabs((double) a[i] * b[i]);
				aa += (double) a[i] * a[i];
				bb += (double) b[i] * b[i];
			}
			CHECK(near(k->l2sq_f32(a, b, dim), l2, l2), "l2sq dim %d", dim);
			CHECK(near(k->ip_f32(a, b, dim), ip, mag), "ip dim %d", dim);
			CHECK(near(k->l1_f32(a, b, dim), l1, l1), "l1 dim %d", dim);
			k->cos_f32(a, b, dim, out);
			CHECK(near(out[0], ip, mag) && near(out[1], aa, aa) && near(out[2], bb, bb),
				  "cos dim %d: %g %g %g", dim, out[0], out[1], out[2]);
			CHECK(k->l2sq_f32(a, a, dim) == 0.0f, "l2sq of equal vectors");
			CHECK(k->l2sq_f32(a, b, dim) == k->l2sq_f32(b, a, dim), "l2sq symmetric");
		}
	unit_end();
	unit_guard_close(&ga);
	unit_guard_close(&gb);
}

static bool
same_kind(float a, float b)
{
	return isnan(a) ? isnan(b) : isinf(a) ? a == b : isfinite(b);
}

/* One value that is no number, at every position, gives what scalar gives. */
static void
test_not_finite(const OmKernels *k, const OmKernels *ref)
{
	static const int dims[] = {1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100, 130};
	const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f};
	float		a[130];
	float		b[130];

	unit_begin("NaN, infinity, overflow %s", k->name);
	for (size_t d = 0; d < sizeof(dims) / sizeof(dims[0]); d++)
		for (int at = 0; at < dims[d]; at++)
			for (int o = 0; o < 4; o++)
			{
				int			dim = dims[d];
				float		out[3];
				float		want[3];

				for (int i = 0; i < dim; i++)
					a[i] = b[i] = 1.0f;
				a[at] = odd[o];
				CHECK(same_kind(ref->l2sq_f32(a, b, dim), k->l2sq_f32(a, b, dim)), "l2sq");
				CHECK(same_kind(ref->ip_f32(a, b, dim), k->ip_f32(a, b, dim)), "ip");
				CHECK(same_kind(ref->l1_f32(a, b, dim), k->l1_f32(a, b, dim)), "l1");
				CHECK(isnan(odd[o]) == isnan(k->l2sq_f32(a, b, dim)), "l2sq NaN");
				CHECK(isnan(odd[o]) == isnan(k->l1_f32(a, b, dim)), "l1 NaN");
				ref->cos_f32(a, b, dim, want);
				k->cos_f32(a, b, dim, out);
				for (int i = 0; i < 3; i++)
					CHECK(same_kind(want[i], out[i]), "cos %d", i);
				b[at] = a[at];
				CHECK(same_kind(ref->l2sq_f32(a, b, dim), k->l2sq_f32(a, b, dim)),
					  "l2sq of two");
			}
	unit_end();
}

static int64_t
dot_by_definition(const uint8_t *code, const int8_t *q, int stride, int bits)
{
	int64_t		sum = 0;

	for (int p = 0; p < 8 / bits; p++)
		for (int j = 0; j < stride; j++)
			sum += ((code[j] >> (p * bits)) & ((1 << bits) - 1)) * q[p * stride + j];
	return sum;
}

/*
 * Batches of all lengths to 9 with the code at each place, others being its
 * complement: a result in the wrong place shows.
 */
static void
check_batches(const OmKernels *k, int log2, const uint8_t *code, const int8_t *q, int stride,
			  int32_t want)
{
	static uint8_t other[MAX_DIM];
	int32_t		want_other;

	for (int i = 0; i < stride; i++)
		other[i] = (uint8_t) ~code[i];
	want_other = (int32_t) dot_by_definition(other, q, stride, 1 << log2);
	for (int n = 1; n <= 9; n++)
		for (int at = 0; at < n; at++)
		{
			const void *codes[9];
			int32_t		dot[9];

			for (int i = 0; i < n; i++)
				codes[i] = (i == at ? code : other) - 3;
			k->dot_codes[log2] (codes, 3, n, q, stride, dot);
			for (int i = 0; i < n; i++)
				CHECK(dot[i] == (i == at ? want : want_other), "batch of %d, place %d: %d", n, i, dot[i]);
		}
}

/*
 * The code lies between two pages that can't be read, q has its 64 bytes and
 * not one more; what the 64 bytes hold must not matter.
 */
static void
test_codes(const OmKernels *k, int log2)
{
	int			bits = 1 << log2;
	int			planes = 8 / bits;
	UnitGuard	gc;
	UnitGuard	gq;

	unit_guard_open(&gc, MAX_DIM);
	unit_guard_open(&gq, MAX_DIM + 4096);
	unit_begin("%d-bit dot product %s", bits, k->name);
	for (int d = 0; d < DIMS; d++)
		for (int round = 0; round < 4; round++)
		{
			int			stride = dim_at(d) <= 130 ? dim_at(d) : dim_at(d) / planes;
			size_t		length = (size_t) (planes * stride);
			uint8_t    *code = round == 1 ? unit_guard_head(&gc) :
				unit_guard_tail(&gc, (size_t) stride);
			int8_t	   *q = unit_guard_tail(&gq, length + 64);
			int64_t		want;

			for (int i = 0; i < stride; i++)
				code[i] = round == 2 ? 255 : (uint8_t) unit_random();
			for (size_t i = 0; i < length + 64; i++)
				q[i] = round == 2 ? -128 : round == 3 ? 127 : (int8_t) unit_random();
			want = dot_by_definition(code, q, stride, bits);
			CHECK(k->dot_code[log2] (code, q, stride) == want, "stride %d round %d: %d, not %lld",
				  stride, round, k->dot_code[log2] (code, q, stride), (long long) want);
			if (k->dot_codes[log2] != NULL)
				check_batches(k, log2, code, q, stride, (int32_t) want);
		}
	unit_end();
	unit_guard_close(&gc);
	unit_guard_close(&gq);
}

static int
expanded(int u, int bits)
{
	if (bits < 8)
		return 2 * u - ((1 << bits) - 1);
	/* u - 127.5 towards zero */
	return u >= 128 ? u - 128 : u - 127;
}

static void
test_expand(const OmKernels *k, int log2)
{
	int			bits = 1 << log2;
	int			planes = 8 / bits;
	UnitGuard	gc;
	UnitGuard	go;

	unit_guard_open(&gc, MAX_DIM);
	unit_guard_open(&go, MAX_DIM + 4096);
	unit_begin("%d-bit expansion %s", bits, k->name);
	for (int d = 0; d < DIMS; d++)
	{
		int			stride = dim_at(d) <= 130 ? dim_at(d) : dim_at(d) / planes;
		size_t		length = (size_t) (planes * stride);
		uint8_t    *code = unit_guard_tail(&gc, (size_t) stride);
		int8_t	   *out = unit_guard_tail(&go, length + 64);
		bool		ok = true;

		for (int i = 0; i < stride; i++)
			code[i] = (uint8_t) unit_random();
		memset(out, 77, length + 64);
		k->expand_code[log2] (code, out, stride);
		for (int p = 0; p < planes; p++)
			for (int j = 0; j < stride; j++)
				ok = ok && out[p * stride + j] ==
					expanded((code[j] >> (p * bits)) & ((1 << bits) - 1), bits);
		CHECK(ok, "stride %d", stride);
	}
	unit_end();
	unit_guard_close(&gc);
	unit_guard_close(&go);
}

static void
test_sums(const OmKernels *k)
{
	int8_t	   *x = unit_alloc(MAX_DIM + 64);

	unit_begin("sums of int8 %s", k->name);
	for (int d = 0; d < DIMS; d++)
		for (int round = 0; round < 2; round++)
		{
			int			dim = dim_at(d);
			int32_t		want[3] = {0, 0, 0};
			int32_t		got[3];

			for (int i = 0; i < dim + 64; i++)
				x[i] = (int8_t) (round == 0 ? (int) (unit_random() % 255) - 127 : -127);
			for (int i = 0; i < dim; i++)
			{
				want[0] += x[i];
				want[1] += x[i] < 0 ? -x[i] : x[i];
				want[2] += x[i] * x[i];
			}
			k->sums_i8(x, dim, got);
			CHECK(memcmp(want, got, sizeof(want)) == 0, "dim %d: %d %d %d", dim,
				  got[0], got[1], got[2]);
		}
	unit_end();
	__builtin_free(x);
}

void
test_kernels(void)
{
	const OmKernels *list[8];
	int			n = om_kernels_list(list, 8);

	unit_seed(1);
	unit_begin("choice of kernels");
	CHECK(n >= 1 && strcmp(list[0]->name, "scalar") == 0, "scalar comes first");
	CHECK(om_kernels == list[n - 1], "the fastest is chosen");
	CHECK(om_kernels_list(list, 1) == 1, "no more than asked for");
	om_kernels_init();
	om_kernels_list(list, 8);
	CHECK(om_kernels == list[n - 1], "initialised twice");
	unit_end();

	for (size_t v = 0; v < sizeof(variant_names) / sizeof(variant_names[0]); v++)
	{
		const OmKernels *k = NULL;

		for (int i = 0; i < n; i++)
			if (strcmp(list[i]->name, variant_names[v]) == 0)
				k = list[i];
		if (k == NULL)
		{
			unit_skip("kernels %s: this CPU lacks them", variant_names[v]);
			continue;
		}
		test_floats(k);
		test_not_finite(k, list[0]);
		for (int log2 = 0; log2 < 4; log2++)
		{
			test_codes(k, log2);
			test_expand(k, log2);
		}
		test_sums(k);
	}
}
