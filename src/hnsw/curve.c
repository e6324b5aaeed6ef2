/*
 * curve.c -- picks the ef for a wanted recall (curve.h).
 */
#include "postgres.h"

#include <math.h>

#include "hnsw/curve.h"
#include "hnsw/options.h"

/* Recall must rise by more than this for a higher ef to count as better.  docs/measurements.md#constants */
#define FLAT 0.001

/* An index that has grown since it was measured needs a higher ef: growth to this power times as high. */
#define GROWTH 0.3

const int	oh_curve_ef[OH_CURVE_EFS] = {10, 20, 40, 80, 160, 320, 640, 1280};
const int	oh_curve_k[OH_CURVE_KS] = {1, 10, 100};

bool
OhCurveIsValid(const OhCalibration *c)
{
	if (c->nodes == 0)
		return true;
	for (int k = 0; k < OH_CURVE_KS; k++)
	{
		for (int i = 0; i < OH_CURVE_EFS; i++)
		{
			if (!(c->recall[k][i] >= 0 && c->recall[k][i] <= 1) ||
				!(c->assured[k][i] >= 0 && c->assured[k][i] <= 1))
				return false;
		}
	}
	return true;
}

/*
 * ef_of_curve -- the ef at which the curve of one k reaches the target.
 *
 * Between two points recall is taken to be linear in the logarithm of ef.  In fact it rises fast at
 * first, so that the line is below the curve, and the result on the safe side.  If the curve does
 * not reach the target, *crosses is false, and the result is the ef after which recall rises no more.
 */
static double
ef_of_curve(const float *assured, double target, bool *crosses)
{
	double		best = assured[0];
	int			at = 0;

	*crosses = true;
	if (best >= target)
		return oh_curve_ef[0];
	for (int i = 1; i < OH_CURVE_EFS; i++)
	{
		if (assured[i] >= target)
		{
			double		share = (target - best) / (assured[i] - best);

			return oh_curve_ef[at] * pow((double) oh_curve_ef[i] / oh_curve_ef[at], share);
		}
		if (assured[i] > best + FLAT)
		{
			best = assured[i];
			at = i;
		}
	}
	*crosses = false;
	return oh_curve_ef[at];
}

/*
 * ef_of_k -- the ef at which the curve of searches for oh_curve_k[i] rows reaches the target.
 *
 * The curve of the nearest row, measured with few queries, may stop rising at a low ef.  If it does so
 * below the target, the ef is at least that of the ten nearest rows.
 */
static double
ef_of_k(const OhCalibration *c, int i, double target)
{
	bool		crosses;
	double		ef = ef_of_curve(c->assured[i], target, &crosses);

	if (i == 0 && !crosses)
		ef = Max(ef, ef_of_curve(c->assured[1], target, &crosses));
	return ef;
}

int
OhCurveEf(const OhCalibration *c, double target, double k, double nodes)
{
	double		ef;
	int			i = 0;

	if (c->nodes == 0)
		return 0;
	while (i < OH_CURVE_KS - 1 && k > oh_curve_k[i])
		i++;
	ef = ef_of_k(c, i, target);
	if (i > 0 && k < oh_curve_k[i])
	{
		double		less = ef_of_k(c, i - 1, target);
		double		share = log(k / oh_curve_k[i - 1]) / log((double) oh_curve_k[i] / oh_curve_k[i - 1]);

		ef = less * pow(ef / less, share);
	}
	ef *= Max(k / oh_curve_k[OH_CURVE_KS - 1], 1.0) * pow(Max(nodes / c->nodes, 1.0), GROWTH);
	return (int) Min(Max(ceil(ef), 1), OH_MAX_EF_SEARCH);
}
