/*
 * score.h -- the formula of BM25, in one place: whatever is compared was computed
 * here, in the same order of operations.
 *
 *   score(d, q) = sum over terms t of q of
 *       count(t in q) * idf(t) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average))
 *   idf(t) = ln(1 + (N - n + .5) / (n + .5))
 *
 * N documents of the index, n those with the term, tf how often the document has it,
 * length the sum of the document's tf, average its mean over all documents.
 */
#ifndef OH_SCORE_H
#define OH_SCORE_H

#include "postgres.h"

#include <math.h>

typedef struct OhScoring
{
	double		k1;
	double		b;
} OhScoring;

static inline double
OhIdf(double ndocs, double with_term)
{
	/* more documents may have the term than there are, if inserts come between two counts */
	return log(1 + (Max(ndocs - with_term, 0) + 0.5) / (with_term + 0.5));
}

/* What is the same for all terms of a document. */
static inline double
OhLengthNorm(const OhScoring *s, double length, double average)
{
	return s->k1 * (1 - s->b + s->b * (average > 0 ? length / average : 1));
}

/* weight: count(t in q) * idf(t) * (k1 + 1) */
static inline double
OhTermScore(double weight, double tf, double norm)
{
	return weight * (tf / (tf + norm));
}

/*
 * An impact is the greatest tf / (tf + norm) of a list of postings, by the average
 * length that there was when it was written, rounded up to a multiple of 1 / 65535.
 */
#define OH_IMPACT_STEPS	65535.0

static inline uint16
OhImpact(double largest)
{
	return (uint16) Min(ceil(largest * OH_IMPACT_STEPS + 1e-6), OH_IMPACT_STEPS);
}

/*
 * The bound of tf / (tf + norm) that an impact stands for, now that the average is
 * another one: norm changes by the factor then / now at most, and only where the
 * average has grown.
 */
static inline double
OhImpactBound(uint16 impact, double then, double now)
{
	double		bound = impact / OH_IMPACT_STEPS;

	if (now > then && then > 0)
		bound *= now / then;
	return Min(bound, 1.0) * (1 + 1e-9);
}

#endif							/* OH_SCORE_H */
