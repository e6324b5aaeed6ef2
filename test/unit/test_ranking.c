/*
 * test_ranking.c -- what estimates are for: the true nearest neighbours are
 * among the first by estimate.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define ROWS 2000
#define CENTERS 40
#define QUERIES 20
#define NEAREST 10

typedef struct Ranked
{
	double		distance;
	int			row;
} Ranked;

static int
compare(const void *a, const void *b)
{
	double		x = ((const Ranked *) a)->distance;
	double		y = ((const Ranked *) b)->distance;

	return x < y ? -1 : x > y;
}

/* Clusters of unequal size and spread, off the origin. */
static float *
make_rows(int dim, int n)
{
	float	   *centers = unit_alloc(sizeof(float) * (size_t) (CENTERS * dim));
	float	   *rows = unit_alloc(sizeof(float) * (size_t) (n * dim));

	for (int i = 0; i < CENTERS * dim; i++)
		centers[i] = (float) unit_normal() + 0.5f;
	for (int r = 0; r < n; r++)
	{
		int			c = (int) (unit_uniform() * unit_uniform() * CENTERS);

		for (int i = 0; i < dim; i++)
			rows[r * dim + i] = centers[c * dim + i] +
				(float) ((0.3 + 0.02 * c) * unit_normal());
	}
	free(centers);
	return rows;
}

/*
 * Share of the true nearest among the first `first` by estimate, over queries
 * from vectors and from codes.
 */
static void
measure(OmMetric metric, int dim, int bits, int first, double share[2])
{
	float	   *rows = make_rows(dim, ROWS + QUERIES);
	float	   *mean = unit_alloc(sizeof(float) * (size_t) dim);
	Ranked	   *exact = unit_alloc(sizeof(Ranked) * ROWS);
	Ranked	   *guess = unit_alloc(sizeof(Ranked) * ROWS);
	UnitQuant	u;
	size_t		bytes;
	char	   *codes;
	int			found[2] = {0, 0};

	memset(mean, 0, sizeof(float) * (size_t) dim);
	for (int r = 0; r < ROWS; r++)
	{
		double		norm = 1.0;

		if (metric == OM_METRIC_COSINE)
		{
			norm = 0.0;
			for (int i = 0; i < dim; i++)
				norm += (double) rows[r * dim + i] * rows[r * dim + i];
			norm = sqrt(norm);
		}
		for (int i = 0; i < dim; i++)
			mean[i] += (float) (rows[r * dim + i] / norm / ROWS);
	}
	unit_quant_open(&u, metric, dim, bits, 23, mean);
	bytes = om_quant_code_bytes(&u.spec);
	codes = unit_alloc(bytes * ROWS);
	for (int r = 0; r < ROWS; r++)
		om_quant_encode(u.quant, rows + r * dim, u.scratch, codes + (size_t) r * bytes);
	for (int k = ROWS; k < ROWS + QUERIES; k++)
	{
		const float *q = rows + k * dim;

		for (int r = 0; r < ROWS; r++)
		{
			exact[r].row = r;
			exact[r].distance = unit_exact(metric, q, rows + r * dim, dim);
		}
		qsort(exact, ROWS, sizeof(Ranked), compare);
		om_quant_query(u.quant, q, u.scratch, u.query);
		om_quant_encode(u.quant, q, u.scratch, u.code);
		om_quant_query_from_code(u.quant, u.code, u.code_query);
		for (int form = 0; form < 2; form++)
		{
			OmQuery    *query = form == 0 ? u.query : u.code_query;

			for (int r = 0; r < ROWS; r++)
			{
				guess[r].row = r;
				guess[r].distance = u.distance(u.quant, query, codes + (size_t) r * bytes);
			}
			qsort(guess, ROWS, sizeof(Ranked), compare);
			for (int i = 0; i < NEAREST; i++)
				for (int j = 0; j < first; j++)
					found[form] += exact[i].row == guess[j].row;
		}
	}
	for (int form = 0; form < 2; form++)
		share[form] = found[form] / (double) (NEAREST * QUERIES);
	unit_quant_close(&u);
	free(rows);
	free(mean);
	free(exact);
	free(guess);
	free(codes);
}

void
test_ranking(void)
{
	/* least share of the 10 nearest among the first 20 by estimate */
	static const struct
	{
		int			dim;
		int			bits;
		double		least;
		double		least_codes;
	}			cases[] = {
		{16, 8, 0.99, 0.99},
		{16, 4, 0.95, 0.90},
		{64, 8, 0.99, 0.99},
		{64, 4, 0.97, 0.93},
		{64, 2, 0.75, 0.60},
		{200, 8, 0.99, 0.99},
		{200, 4, 0.94, 0.89},
		{200, 2, 0.65, 0.55},
		{200, 1, 0.40, 0.30},
	};

	unit_seed(6);
	for (int m = 0; m < 3; m++)
	{
		unit_begin("nearest neighbours by estimate, %s", unit_metric_name(unit_metrics[m]));
		for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
		{
			double		share[2];

			measure(unit_metrics[m], cases[c].dim, cases[c].bits, 20, share);
			CHECK(share[0] >= cases[c].least, "dim %d, %d bits: %.3f", cases[c].dim,
				  cases[c].bits, share[0]);
			CHECK(share[1] >= cases[c].least_codes, "dim %d, %d bits, between codes: %.3f",
				  cases[c].dim, cases[c].bits, share[1]);
		}
		unit_end();
	}
}
