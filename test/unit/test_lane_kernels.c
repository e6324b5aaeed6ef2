/*
 * test_lane_kernels.c -- kernels of sq8 and pq: equal bits from every variant,
 * and the values that the definitions give; nothing read past a code.
 */
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

static void
fill(float *x, int dim, double scale)
{
	for (int i = 0; i < dim; i++)
		x[i] = (float) (unit_normal() * scale);
	for (int i = dim; i < padded(dim); i++)
		x[i] = 0.0f;
}

static bool
near(double got, double want, double scale)
{
	return fabs(got - want) <= 2e-6 * scale + 1e-30;
}

static void
test_scalar_quantization(const OmKernels *k, const OmKernels *ref)
{
	float	   *q = unit_alloc(sizeof(float) * MAX_DIM);
	float	   *step = unit_alloc(sizeof(float) * MAX_DIM);
	float	   *x = unit_alloc(sizeof(float) * MAX_DIM);
	float	   *y = unit_alloc(sizeof(float) * MAX_DIM);
	UnitGuard	guard;

	unit_guard_open(&guard, MAX_DIM);
	unit_begin("scalar quantization %s", k->name);
	for (int d = 0; d < DIMS; d++)
		for (int range = 0; range < 2; range++)
		{
			int			dim = dim_at(d);
			uint8_t    *u = unit_guard_tail(&guard, (size_t) dim);
			float		a = range == 0 ? 0.0f : -3.5f;
			float		b = range == 0 ? 1.0f : 2.25f;
			double		l2 = 0.0;
			double		l1 = 0.0;
			double		dot = 0.0;
			double		mag = 0.0;
			bool		ok = true;

			fill(q, dim, 100.0);
			fill(step, dim, 1.0);
			for (int i = 0; i < dim; i++)
				u[i] = (uint8_t) unit_random();
			for (int i = 0; i < dim; i++)
			{
				double		v = step[i] * ((double) a + b * u[i]);

				l2 += (q[i] - v) * (q[i] - v);
				l1 += fabs(q[i] - v);
				dot += (double) q[i] * u[i];
				mag += fabs((double) q[i] * u[i]);
			}
			CHECK(near(k->sq8_l2sq_f32(u, q, step, dim, a, b), l2, l2), "l2 dim %d", dim);
			CHECK(near(k->sq8_l1_f32(u, q, step, dim, a, b), l1, l1), "l1 dim %d", dim);
			CHECK(near(k->sq8_dot_f32(u, q, dim), dot, mag), "dot dim %d", dim);
			CHECK(k->sq8_l2sq_f32(u, q, step, dim, a, b) == ref->sq8_l2sq_f32(u, q, step, dim, a, b) &&
				  k->sq8_l1_f32(u, q, step, dim, a, b) == ref->sq8_l1_f32(u, q, step, dim, a, b) &&
				  k->sq8_dot_f32(u, q, dim) == ref->sq8_dot_f32(u, q, dim),
				  "dim %d: sums differ from scalar", dim);
			memset(x, 0xff, sizeof(float) * (size_t) padded(dim));
			k->sq8_expand_f32(u, step, dim, a, b, x);
			ref->sq8_expand_f32(u, step, dim, a, b, y);
			for (int i = 0; i < dim; i++)
				ok = ok && x[i] == y[i] && near(x[i], step[i] * ((double) a + b * u[i]),
												fabs(step[i]) * 600.0);
			for (int i = dim; i < padded(dim); i++)
				ok = ok && x[i] == 0.0f;
			CHECK(ok, "expansion dim %d", dim);
		}
	unit_end();
	unit_guard_close(&guard);
	free(q);
	free(step);
	free(x);
	free(y);
}

static void
test_centroids(const OmKernels *k, const OmKernels *ref)
{
	static const int dims[] = {1, 2, 3, 4, 5, 7, 8, 16, 33, 100};

	unit_begin("nearest centroid and tables %s", k->name);
	for (size_t at = 0; at < sizeof(dims) / sizeof(dims[0]); at++)
		for (int round = 0; round < 40; round++)
		{
			int			dim = dims[at];
			float		centroids[100 * 256];
			float		half[256];
			float		x[7 * 100];
			int16_t		got[256];
			int16_t		want[256];
			uint8_t		nearest[7];
			uint8_t		alone[7];
			float		score[7];
			float		alone_score[7];
			int			expected = 0;
			double		least = INFINITY;
			bool		ok = true;

			/* coarse values: many ties */
			for (int i = 0; i < dim * 256; i++)
				centroids[i] = round % 2 == 0 ? (float) unit_normal() : (float) (unit_random() % 3);
			for (int i = 0; i < 7 * dim; i++)
				x[i] = round % 2 == 0 ? (float) unit_normal() : (float) (unit_random() % 3);
			for (int c = 0; c < 256; c++)
			{
				double		sq = 0.0;
				double		away = 0.0;

				for (int d = 0; d < dim; d++)
				{
					double		v = centroids[256 * d + c];

					sq += v * v;
					away += (v - x[d]) * (v - x[d]);
				}
				half[c] = (float) (sq / 2);
				if (away < least - 1e-4)
				{
					least = away;
					expected = c;
				}
			}
			k->nearest_f32(x, 7, centroids, half, dim, nearest, score);
			for (int i = 0; i < 7; i++)
				ref->nearest_f32(x + i * dim, 1, centroids, half, dim, alone + i, alone_score + i);
			CHECK(memcmp(nearest, alone, sizeof(nearest)) == 0 &&
				  memcmp(score, alone_score, sizeof(score)) == 0,
				  "dim %d: differs from scalar, point by point", dim);
			CHECK(round % 2 == 0 || nearest[0] == expected, "dim %d: %d, not %d", dim, nearest[0],
				  expected);
			for (int d = 0; d < dim; d++)
				x[d] *= 100.0f;
			k->table_i16(x, centroids, dim, got);
			ref->table_i16(x, centroids, dim, want);
			CHECK(memcmp(got, want, sizeof(got)) == 0, "dim %d: tables differ", dim);
			for (int c = 0; c < 256; c++)
			{
				double		dot = 0.0;

				for (int d = 0; d < dim; d++)
					dot += (double) x[d] * centroids[256 * d + c];
				ok = ok && fabs(got[c] - dot) <= 0.5 + 1e-3;
			}
			CHECK(ok, "dim %d: table", dim);
		}
	unit_end();
}

/* Scores that are infinite or no number; the last centroid and the first. */
static void
test_odd_centroids(const OmKernels *k)
{
	float		centroids[2 * 256];
	float		half[256] = {0};
	float		x[5 * 2];
	uint8_t		nearest[5];
	float		score[5];

	unit_begin("nearest of odd centroids %s", k->name);
	for (int at = -1; at < 256; at++)
	{
		for (int c = 0; c < 512; c++)
			centroids[c] = NAN;
		if (at >= 0)
			centroids[at] = centroids[256 + at] = -1.0f;
		for (int i = 0; i < 10; i++)
			x[i] = (float) (1 + i / 2);
		k->nearest_f32(x, 5, centroids, half, 2, nearest, score);
		for (int i = 0; i < 5; i++)
			CHECK(nearest[i] == (at < 0 ? 0 : at) && score[i] == (at < 0 ? -INFINITY : -2.0f * x[2 * i]),
				  "%d: %d, %g", at, nearest[i], score[i]);
	}
	for (int c = 0; c < 512; c++)
		centroids[c] = c % 256 < 30 ? -1.0f : INFINITY;
	k->nearest_f32(x, 5, centroids, half, 2, nearest, score);
	for (int i = 0; i < 5; i++)
		CHECK(nearest[i] == 30 && score[i] == INFINITY, "infinite: %d, %g", nearest[i], score[i]);
	unit_end();
}

void
test_lane_kernels(void)
{
	const OmKernels *list[8];
	int			n = om_kernels_list(list, 8);

	unit_seed(11);
	for (int i = 0; i < n; i++)
	{
		test_scalar_quantization(list[i], list[0]);
		test_centroids(list[i], list[0]);
		test_odd_centroids(list[i]);
	}
}
