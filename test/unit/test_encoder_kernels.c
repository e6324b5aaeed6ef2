/*
 * test_encoder_kernels.c -- what encoding is made of: equal bits from every
 * variant, and the values that the definitions give.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "unit.h"

#define MAX_DIM 8192

static const int long_dims[] = {255, 784, 1000, 1536, MAX_DIM};
#define DIMS (130 + (int) (sizeof(long_dims) / sizeof(long_dims[0])))

static int
dim_at(int i)
{
	return i < 130 ? i + 1 : long_dims[i - 130];
}

static int
padded(int dim)
{
	return (dim + OM_LANES - 1) / OM_LANES * OM_LANES;
}

/* Normal values with some that lie on the edge: zeros, ties, tiny, large. */
static void
fill(float *x, int dim)
{
	static const float odd[] = {0.0f, -0.0f, 0.5f, -0.5f, 1.0f, -1.5f, 1e-40f, -1e-30f, 50.0f};

	for (int i = 0; i < dim; i++)
		x[i] = unit_random() % 8 == 0 ? odd[unit_random() % 9] : (float) unit_normal();
	for (int i = dim; i < padded(dim); i++)
		x[i] = 0.0f;
}

static bool
same(const void *a, const void *b, size_t bytes)
{
	return memcmp(a, b, bytes) == 0;
}

static void
test_hadamard(const OmKernels *k, const OmKernels *ref)
{
	float	   *x = unit_alloc(sizeof(float) * (MAX_DIM + 8));
	float	   *y = unit_alloc(sizeof(float) * (MAX_DIM + 8));
	float	   *z = unit_alloc(sizeof(float) * (MAX_DIM + 8));

	unit_begin("Hadamard transform %s", k->name);
	for (int n = 1; n <= MAX_DIM; n *= 2)
		for (int shift = 0; shift < 3; shift++)
		{
			double		worst = 0.0;

			for (int i = 0; i < n; i++)
				x[i] = y[i + shift] = z[i] = (float) unit_normal();
			k->fht_f32(y + shift, n);
			ref->fht_f32(z, n);
			CHECK(same(y + shift, z, sizeof(float) * (size_t) n), "n %d differs from scalar", n);
			for (int row = 0; n <= 256 && row < n; row++)
			{
				double		sum = 0.0;

				for (int i = 0; i < n; i++)
					sum += __builtin_parity((unsigned) (row & i)) ? -x[i] : x[i];
				worst = fmax(worst, fabs(sum - y[row + shift]));
			}
			CHECK(worst < 1e-4, "n %d: off by %g", n, worst);
			k->fht_f32(y + shift, n);
			worst = 0.0;
			for (int i = 0; i < n; i++)
				worst = fmax(worst, fabs((double) y[i + shift] / n - x[i]));
			CHECK(worst < 1e-5, "n %d twice: off by %g", n, worst);
		}
	unit_end();
	free(x);
	free(y);
	free(z);
}

static void
test_centering(const OmKernels *k, const OmKernels *ref)
{
	float	   *c = unit_alloc(sizeof(float) * MAX_DIM);
	float	   *y = unit_alloc(sizeof(float) * MAX_DIM);
	float	   *z = unit_alloc(sizeof(float) * MAX_DIM);
	UnitGuard	guard;

	unit_guard_open(&guard, sizeof(float) * MAX_DIM);
	unit_begin("centering %s", k->name);
	for (int d = 0; d < DIMS; d++)
	{
		int			dim = dim_at(d);
		int			n = padded(dim);
		float	   *x = unit_guard_tail(&guard, sizeof(float) * (size_t) dim);
		float		scale = d % 2 == 0 ? 1.0f : 0.3f;
		float		got[2];
		float		want[2];
		double		sq = 0.0;
		double		dot = 0.0;
		double		mag = 0.0;

		for (int i = 0; i < dim; i++)
			x[i] = (float) unit_normal();
		fill(c, dim);
		memset(y, 0xff, sizeof(float) * (size_t) n);
		memset(z, 0xff, sizeof(float) * (size_t) n);
		k->center_f32(x, c, scale, y, dim, got);
		ref->center_f32(x, c, scale, z, dim, want);
		CHECK(same(y, z, sizeof(float) * (size_t) n), "dim %d: vectors differ", dim);
		CHECK(same(got, want, sizeof(got)), "dim %d: sums differ", dim);
		for (int i = 0; i < dim; i++)
		{
			float		s = x[i] * scale;

			CHECK(y[i] == s - c[i], "dim %d at %d", dim, i);
			sq += (double) y[i] * y[i];
			dot += (double) y[i] * c[i];
			mag += fabs((double) y[i] * c[i]);
		}
		for (int i = dim; i < n; i++)
			CHECK(y[i] == 0.0f, "dim %d: padding %d", dim, i);
		CHECK(fabs(got[0] - sq) <= 2e-6 * sq && fabs(got[1] - dot) <= 2e-6 * mag,
			  "dim %d: sums %g %g", dim, got[0], got[1]);
		want[0] = ref->sumsq_f32(x, dim);
		got[0] = k->sumsq_f32(x, dim);
		CHECK(same(got, want, sizeof(float)), "dim %d: sum of squares differs", dim);
		sq = 0.0;
		for (int i = 0; i < dim; i++)
			sq += (double) x[i] * x[i];
		CHECK(fabs(got[0] - sq) <= 2e-6 * sq, "dim %d: sum of squares", dim);
	}
	unit_end();
	unit_guard_close(&guard);
	free(c);
	free(y);
	free(z);
}

static void
test_products(const OmKernels *k)
{
	float	   *x = unit_alloc(sizeof(float) * MAX_DIM);
	float	   *m = unit_alloc(sizeof(float) * MAX_DIM);
	float	   *a = unit_alloc(sizeof(float) * MAX_DIM);
	float	   *b = unit_alloc(sizeof(float) * MAX_DIM);

	unit_begin("product and mixing %s", k->name);
	for (int d = 0; d < DIMS; d++)
	{
		int			dim = dim_at(d);
		bool		ok = true;

		fill(x, dim);
		fill(m, dim);
		memcpy(a, x, sizeof(float) * (size_t) padded(dim));
		k->mul_f32(a, m, padded(dim));
		for (int i = 0; i < padded(dim); i++)
			ok = ok && a[i] == x[i] * m[i];
		CHECK(ok, "product dim %d", dim);
		memcpy(a, x, sizeof(float) * (size_t) dim);
		memcpy(b, m, sizeof(float) * (size_t) dim);
		if (dim < MAX_DIM)
			b[dim] = a[dim] = 123.0f;
		k->mix_f32(a, b, dim);
		for (int i = 0; i < dim; i++)
			ok = ok && a[i] == x[i] + m[i] && b[i] == x[i] - m[i];
		if (dim < MAX_DIM)
			ok = ok && b[dim] == 123.0f && a[dim] == 123.0f;
		CHECK(ok, "mixing dim %d", dim);
	}
	unit_end();
	free(x);
	free(m);
	free(a);
	free(b);
}

/* Level magnitudes and levels of one component, by the definition. */
static double
magnitude(float x, float t, int bits)
{
	return fmin(floor((double) (t * fabsf(x))), (1 << (bits - 1)) - 1) + 0.5;
}

static void
test_quantizing(const OmKernels *k, const OmKernels *ref)
{
	float	   *x = unit_alloc(sizeof(float) * MAX_DIM);
	uint8_t    *u = unit_alloc(MAX_DIM);
	uint8_t    *w = unit_alloc(MAX_DIM);

	unit_begin("trials and levels %s", k->name);
	for (int d = 0; d < DIMS; d++)
		for (int bits = 1; bits <= 8; bits *= 2)
		{
			int			dim = dim_at(d);
			int			n = padded(dim);
			float		base = (float) (1 << (bits - 1)) / 3.0f;
			float		t[4] = {base, base * 1.1f, base * 0.7f, base * 4.0f};
			float		dot[2][4];
			float		sq[2][4];
			bool		ok = true;

			fill(x, dim);
			k->trial_f32(x, n, bits, t, dot[0], sq[0]);
			ref->trial_f32(x, n, bits, t, dot[1], sq[1]);
			CHECK(same(dot[0], dot[1], sizeof(dot[0])) && same(sq[0], sq[1], sizeof(sq[0])),
				  "%d bits dim %d: trials differ", bits, dim);
			for (int i = 0; i < 4; i++)
			{
				double		want_dot = 0.0;
				double		want_sq = 0.0;

				for (int j = 0; j < n; j++)
				{
					double		m = magnitude(x[j], t[i], bits);

					want_dot += m * fabsf(x[j]);
					want_sq += m * m;
				}
				CHECK(fabs(want_dot - dot[0][i]) <= 1e-5 * want_dot &&
					  fabs(want_sq - sq[0][i]) <= 1e-5 * want_sq,
					  "%d bits dim %d trial %d", bits, dim, i);
			}
			k->quantize_f32(x, n, bits, t[0], u);
			ref->quantize_f32(x, n, bits, t[0], w);
			CHECK(same(u, w, (size_t) n), "%d bits dim %d: levels differ", bits, dim);
			for (int j = 0; j < n; j++)
			{
				double		v = magnitude(x[j], t[0], bits);
				int			half = 1 << (bits - 1);

				ok = ok && u[j] == (signbit(x[j]) ? half - 0.5 - v : half - 0.5 + v);
			}
			CHECK(ok, "%d bits dim %d: levels", bits, dim);
		}
	unit_end();
	free(x);
	free(u);
	free(w);
}

static void
test_rounding(const OmKernels *k)
{
	float	   *x = unit_alloc(sizeof(float) * MAX_DIM);
	int8_t	   *q = unit_alloc(MAX_DIM);

	unit_begin("rounding to int8 %s", k->name);
	for (int d = 0; d < DIMS; d++)
	{
		int			dim = dim_at(d);
		int			n = padded(dim);
		float		max = 0.0f;
		float		scale;
		int32_t		sum = 0;
		int32_t		got;
		bool		ok = true;

		fill(x, dim);
		for (int i = 0; i < n; i++)
			max = fmaxf(max, fabsf(x[i]));
		CHECK(k->absmax_f32(x, n) == max, "dim %d: largest", dim);
		/* an odd dimension meets many ties: x.5 goes to the even neighbour */
		scale = dim % 2 == 1 || max == 0.0f ? 1.0f : 127.0f / max;
		got = k->to_i8_f32(x, n, scale, q);
		for (int i = 0; i < n; i++)
		{
			int			want = (int) nearbyintf(x[i] * scale);

			ok = ok && q[i] == want;
			sum += want;
		}
		CHECK(got == sum, "dim %d: sum %d, not %d", dim, got, sum);
		CHECK(ok, "dim %d: values", dim);
	}
	unit_end();
	free(x);
	free(q);
}

void
test_encoder_kernels(void)
{
	const OmKernels *list[8];
	int			n = om_kernels_list(list, 8);

	unit_seed(2);
	for (int i = 0; i < n; i++)
	{
		test_hadamard(list[i], list[0]);
		test_centering(list[i], list[0]);
		test_products(list[i]);
		test_quantizing(list[i], list[0]);
		test_rounding(list[i]);
	}
}
