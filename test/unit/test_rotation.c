/*
 * test_rotation.c -- the random rotation: orthonormal in every dimension, the
 * same from every variant, and no component left alone.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quant/quant_impl.h"
#include "unit.h"

static const int long_dims[] = {200, 255, 257, 784, 1000, 1536, 8191, 15999, 16000};

/* All pairs of rotated axes. */
static void
test_matrix(void)
{
	unit_begin("rotation is orthonormal, 1 to 130 dimensions");
	for (int dim = 1; dim <= 130; dim++)
	{
		UnitQuant	u;
		float	   *rows;
		int			padded;
		double		worst = 0.0;

		unit_quant_open(&u, OM_METRIC_L2, dim, 4, 7, NULL);
		padded = u.quant->padded;
		rows = unit_alloc(sizeof(float) * (size_t) (padded * dim));
		memset(rows, 0, sizeof(float) * (size_t) (padded * dim));
		for (int i = 0; i < dim; i++)
		{
			rows[i * padded + i] = 1.0f;
			om_rotate(u.quant, rows + i * padded);
		}
		for (int i = 0; i < dim; i++)
		{
			for (int j = 0; j <= i; j++)
			{
				double		dot = 0.0;

				for (int d = 0; d < dim; d++)
					dot += (double) rows[i * padded + d] * rows[j * padded + d];
				worst = fmax(worst, fabs(dot - (i == j)));
			}
			for (int d = dim; d < padded; d++)
				worst = fmax(worst, fabsf(rows[i * padded + d]));
		}
		CHECK(worst < 1e-5, "dim %d: off by %g", dim, worst);
		free(rows);
		unit_quant_close(&u);
	}
	unit_end();
}

/* Lengths and angles of random vectors; no peak left of a one-hot vector. */
static void
test_long(void)
{
	unit_begin("rotation of long vectors");
	for (size_t l = 0; l < sizeof(long_dims) / sizeof(long_dims[0]); l++)
	{
		int			dim = long_dims[l];
		UnitQuant	u;
		float	   *x;
		float	   *y;
		size_t		bytes;

		unit_quant_open(&u, OM_METRIC_L2, dim, 1, 11, NULL);
		bytes = sizeof(float) * (size_t) u.quant->padded;
		x = unit_alloc(bytes);
		y = unit_alloc(bytes);
		for (int trial = 0; trial < 5; trial++)
		{
			double		before[3] = {0, 0, 0};
			double		after[3] = {0, 0, 0};

			memset(x, 0, bytes);
			memset(y, 0, bytes);
			for (int i = 0; i < dim; i++)
			{
				x[i] = (float) unit_normal();
				y[i] = (float) unit_normal() + x[i];
				before[0] += (double) x[i] * x[i];
				before[1] += (double) y[i] * y[i];
				before[2] += (double) x[i] * y[i];
			}
			om_rotate(u.quant, x);
			om_rotate(u.quant, y);
			for (int i = 0; i < dim; i++)
			{
				after[0] += (double) x[i] * x[i];
				after[1] += (double) y[i] * y[i];
				after[2] += (double) x[i] * y[i];
			}
			for (int i = 0; i < 3; i++)
				CHECK(fabs(after[i] - before[i]) < 1e-5 * before[1], "dim %d: %g became %g",
					  dim, before[i], after[i]);
		}
		for (int trial = 0; trial < 20; trial++)
		{
			double		max = 0.0;

			memset(x, 0, bytes);
			x[unit_random() % (uint64_t) dim] = 1.0f;
			om_rotate(u.quant, x);
			for (int i = 0; i < dim; i++)
				max = fmax(max, fabsf(x[i]));
			CHECK(max * sqrt(dim) < 6.5, "dim %d: a peak of %g deviations", dim, max * sqrt(dim));
		}
		free(x);
		free(y);
		unit_quant_close(&u);
	}
	unit_end();
}

static void
test_seeds(void)
{
	UnitQuant	a;
	UnitQuant	b;
	float		x[112] = {0};
	float		y[112] = {0};

	unit_begin("rotation depends on the seed, not on the CPU");
	for (int i = 0; i < 100; i++)
		x[i] = y[i] = (float) unit_normal();
	unit_quant_open(&a, OM_METRIC_L2, 100, 4, 1, NULL);
	unit_quant_open(&b, OM_METRIC_L2, 100, 4, 2, NULL);
	om_rotate(a.quant, x);
	om_rotate(b.quant, y);
	CHECK(memcmp(x, y, sizeof(x)) != 0, "two seeds, one rotation");
	unit_quant_close(&a);
	unit_quant_close(&b);
	for (int dim = 1; dim <= 100; dim++)
	{
		const OmKernels *best = om_kernels;
		const OmKernels *list[8];
		int			n = om_kernels_list(list, 8);
		float		z[112] = {0};

		unit_quant_open(&a, OM_METRIC_L2, dim, 4, 3, NULL);
		memset(x, 0, sizeof(x));
		for (int i = 0; i < dim; i++)
			x[i] = (float) unit_normal();
		for (int v = 0; v < n; v++)
		{
			memcpy(y, x, sizeof(x));
			om_kernels = list[v];
			om_rotate(a.quant, y);
			if (v == 0)
				memcpy(z, y, sizeof(z));
			CHECK(memcmp(z, y, sizeof(z)) == 0, "dim %d: %s differs", dim, list[v]->name);
		}
		om_kernels = best;
		unit_quant_close(&a);
	}
	unit_end();
}

void
test_rotation(void)
{
	unit_seed(3);
	test_matrix();
	test_long();
	test_seeds();
}
