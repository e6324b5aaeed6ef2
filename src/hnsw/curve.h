/*
 * curve.h -- what recall an index reaches at which ef, as it was measured.
 *
 * The measuring is done by calibrate/.  Here is what a search makes of it.
 */
#ifndef OH_CURVE_H
#define OH_CURVE_H

#include "postgres.h"

#include "hnsw/format.h"

/* The ef and the k that are measured. */
extern const int oh_curve_ef[OH_CURVE_EFS];
extern const int oh_curve_k[OH_CURVE_KS];

/* Can a metapage hold this? */
extern bool OhCurveIsValid(const OhCalibration *calibration);
/*
 * The ef with which the k nearest of now `nodes` nodes are found with this recall, or that
 * from which on the curve is flat; 0: nothing has been measured.
 */
extern int	OhCurveEf(const OhCalibration *calibration, double target, double k, double nodes);

#endif							/* OH_CURVE_H */
