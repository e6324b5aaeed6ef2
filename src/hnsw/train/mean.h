/*
 * mean.h -- the mean of a set of vectors without its outliers.
 */
#ifndef OH_MEAN_H
#define OH_MEAN_H

#include "postgres.h"

typedef struct OhMean OhMean;

/* An empty set of vectors of dim dimensions, in the current memory context. */
extern OhMean *OhMeanBegin(int dim);
/* Add the vector x * scale, whose length the caller knows.  x: float[dim] */
extern void OhMeanAdd(OhMean *mean, const float *x, double scale, double length);
/*
 * Compute the mean, and free the state.  out: float[dim]; *limit: vectors of this length or longer are
 * outliers, and were left out.
 */
extern void OhMeanEnd(OhMean *mean, float *out, double *limit);

#endif							/* OH_MEAN_H */
