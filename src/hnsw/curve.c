/*
 * curve.c -- picks the ef for a wanted recall.
 */
#include "postgres.h"

#include <math.h>

#include "hnsw/curve.h"
#include "hnsw/options.h"

/* A higher ef counts as better only if recall has risen by more than this. */
#define FLAT 0.001

/*
 * An index that has grown since needs a higher ef for the same recall, by this power of the
 * growth.
 */
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
 * ef_of_curve -- find where the curve of one k reaches the target.
 *
 * Between two points recall is taken to be linear in the logarithm of ef.  It really rises fast
 * first, so that the line is below the curve.  If the curve does not reach the target, *crosses
 * is false, and the result is the ef from which on recall does not rise any more.
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
 * ef_of_k -- the same for the i-th k.
 *
 * With few trials the recall of the nearest row reaches 1 early.  If even that is below the
 * target, the result is at least that for the ten nearest rows.
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
