/*
 * mean.h -- the mean of vectors, outliers left out.
 */
#ifndef OH_MEAN_H
#define OH_MEAN_H

#include "postgres.h"


/* OhMeanEnd() frees the state */
typedef struct OhMean OhMean;

extern OhMean *OhMeanBegin(int dim);
extern void OhMeanAdd(OhMean *mean, const float *x, double scale, double length);
extern void OhMeanEnd(OhMean *mean, float *out, double *limit);

#endif							/* OH_MEAN_H */
