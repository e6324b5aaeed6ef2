/*
 * curve.h -- which recall an index reaches at which ef, as calibrate/ has measured it, and the
 * ef that a search picks by that.
 */
#ifndef OH_CURVE_H
#define OH_CURVE_H

#include "postgres.h"

#include "hnsw/format.h"

/* The ef and the k that are measured. */
extern const int oh_curve_ef[OH_CURVE_EFS];
extern const int oh_curve_k[OH_CURVE_KS];

/* Are these possible contents of a metapage? */
extern bool OhCurveIsValid(const OhCalibration *calibration);
/*
 * The ef that finds the k nearest rows with this recall in an index that now has `nodes` nodes;
 * 0 if nothing has been measured.
 */
extern int	OhCurveEf(const OhCalibration *calibration, double target, double k, double nodes);

#endif							/* OH_CURVE_H */
