/*
 * curve.h -- the curve of an index: which recall it reaches at which ef, as calibrate/ has measured, and the
 * ef that a search picks by it.
 */
#ifndef OH_CURVE_H
#define OH_CURVE_H

#include "postgres.h"

#include "hnsw/format.h"

/* The values of ef and k at which recall is measured. */
extern const int oh_curve_ef[OH_CURVE_EFS];
extern const int oh_curve_k[OH_CURVE_KS];

/* Can this be in a metapage: is all recall from 0 to 1? */
extern bool OhCurveIsValid(const OhCalibration *calibration);
/*
 * The ef that finds the k nearest rows with this recall in an index that now has `nodes` nodes; 0 if
 * the index has not been measured.
 */
extern int	OhCurveEf(const OhCalibration *calibration, double target, double k, double nodes);

#endif							/* OH_CURVE_H */
