/*
 * mean.c -- the mean of a sample, without vectors that are far longer than nearly
 * all others.
 *
 * Codes hold what a vector differs from the mean by.  One vector of broken data
 * in ten thousand, 1e8 times as long as the others, would move the mean so far away
 * that all others have the same difference, and one code.
 *
 * Vectors are summed by classes of length, a factor of two each; the sums of the
 * classes that are not too long are added in the end.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "hnsw/train/mean.h"

/* Exponents of lengths: of 1.4e-45, and of 16,000 components of 3.4e38. */
#define LEAST_EXPONENT (-149)
#define MOST_EXPONENT 136
#define NCLASSES (MOST_EXPONENT - LEAST_EXPONENT + 1)

/* This share of the vectors counts as ordinary ... */
#define ORDINARY 0.9
/* ... and so do vectors up to 2 to this power times as long. */
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

/*
 * OhMeanAdd -- add x times scale; length is that of the product.
 */
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

/*
 * OhMeanEnd -- the mean, float[dim], and the length from which a vector is an outlier.
 */
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
