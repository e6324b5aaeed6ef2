/*
 * mean.c -- the mean of a sample, without vectors that are far longer than nearly all
 * others.
 *
 * A code holds the difference of its vector from the mean.  If one vector in ten thousand is
 * broken data, 1e8 times as long as the others, a plain mean is so far from all others that
 * their differences, and so their codes, are equal.
 *
 * Vectors are summed in classes of length, each up to twice as long as the one before.  In the
 * end the sums of the classes that are not too long are added.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "hnsw/train/mean.h"

/* frexp() exponents of the least length, 1.4e-45, and the greatest, of 16,000 times 3.4e38. */
#define LEAST_EXPONENT (-149)
#define MOST_EXPONENT 136
#define NCLASSES (MOST_EXPONENT - LEAST_EXPONENT + 1)

/* The shortest 90 % of the vectors are no outliers, nor are those up to 2^OUTLIER_EXPONENT times longer. */
#define ORDINARY 0.9
#define OUTLIER_EXPONENT 6

typedef struct LengthClass
{
	uint64		n;
	double	   *sum;			/* [dim], NULL if n is 0 */
} LengthClass;

struct OhMean
{
	int			dim;
	uint64		nzero;			/* vectors of zeros */
	LengthClass class[NCLASSES];
};

OhMean *
OhMeanBegin(int dim)
{
	OhMean	   *mean = palloc0(sizeof(OhMean));

	mean->dim = dim;
	return mean;
}

void
OhMeanAdd(OhMean *mean, const float *x, double scale, double length)
{
	LengthClass *class;
	int			exponent;

	if (length == 0.0)
	{
		mean->nzero++;
		return;
	}
	frexp(length, &exponent);
	exponent = Max(LEAST_EXPONENT, Min(exponent, MOST_EXPONENT));
	class = &mean->class[exponent - LEAST_EXPONENT];
	if (class->n++ == 0)
	{
		MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(mean));

		class->sum = palloc0(sizeof(double) * mean->dim);
		MemoryContextSwitchTo(old);
	}
	for (int i = 0; i < mean->dim; i++)
		class->sum[i] += x[i] * scale;
}

void
OhMeanEnd(OhMean *mean, float *out, double *limit)
{
	double	   *sum = palloc0(sizeof(double) * mean->dim);
	uint64		all = 0;
	uint64		n = 0;
	int			last = 0;

	for (int c = 0; c < NCLASSES; c++)
		all += mean->class[c].n;
	while (last < NCLASSES - 1 && (n += mean->class[last].n) < all * ORDINARY)
		last++;
	last = Min(last + OUTLIER_EXPONENT, NCLASSES - 1);
	*limit = ldexp(1.0, last + LEAST_EXPONENT);

	n = mean->nzero;
	for (int c = 0; c <= last; c++)
	{
		n += mean->class[c].n;
		for (int i = 0; i < mean->dim && mean->class[c].n > 0; i++)
			sum[i] += mean->class[c].sum[i];
	}
	for (int i = 0; i < mean->dim; i++)
		out[i] = n > 0 ? (float) (sum[i] / n) : 0.0f;
	for (int c = 0; c < NCLASSES; c++)
	{
		if (mean->class[c].sum != NULL)
			pfree(mean->class[c].sum);
	}
	pfree(sum);
	pfree(mean);
}
