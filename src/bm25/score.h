/*
 * score.h -- the formula of BM25. All scores are computed here, in the same order of
 * operations, so that they can be compared.
 *
 *   score(d, q) = sum over terms t of q of
 *       count(t in q) * idf(t) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average))
 *   idf(t) = ln(1 + (N - n + .5) / (n + .5))
 *
 * N: number of documents in the index; n: documents that have the term; tf: how often the
 * document has it; length: sum of the document's tf; average: mean length of all documents.
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
	/* if inserts come between the two counts, more documents may have the term than there are */
	return log(1 + (Max(ndocs - with_term, 0) + 0.5) / (with_term + 0.5));
}

/* The part of the denominator that is the same for all terms of a document. */
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
 * An impact is the greatest tf / (tf + norm) in a list of postings, with the average length
 * at the time of writing, rounded up to a multiple of 1 / 65535.
 */
#define OH_IMPACT_STEPS	65535.0

static inline uint16
OhImpact(double largest)
{
	return (uint16) Min(ceil(largest * OH_IMPACT_STEPS + 1e-6), OH_IMPACT_STEPS);
}

/*
 * The upper bound of tf / (tf + norm) that an impact stands for, with the current average
 * length.  The norm changes by a factor of at most then / now, and only if the average has
 * grown.
 */
static inline double
OhImpactBound(uint16 impact, double then, double now)
{
	double		bound = impact / OH_IMPACT_STEPS;

	/* without an average all lengths count the same (OhLengthNorm), which no factor makes good */
	if (!(now > 0 && then > 0))
		bound = 1.0;
	else if (now > then)
		bound *= now / then;
	return Min(bound, 1.0) * (1 + 1e-9);
}

#endif							/* OH_SCORE_H */
