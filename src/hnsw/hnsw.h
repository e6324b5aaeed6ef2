/*
 * hnsw.h -- the access method omenhnsw: constants of its operator classes and builds.
 */
#ifndef OH_HNSW_H
#define OH_HNSW_H

#include "postgres.h"

#include "hnsw/index.h"

/* Support functions.  An operator class of a vector has the first, one of a filter column the second. */
#define OH_METRIC_PROC	1		/* returns an OhMetric */
#define OH_FILTER_PROC	2		/* is never called */
#define OH_NPROCS		2

/* Operators of a vector's operator class. */
#define OH_DISTANCE_STRATEGY 1	/* the distance, FOR ORDER BY */
#define OH_RADIUS_STRATEGY 2	/* is the distance to a center below a radius?  FOR SEARCH */

/* Phases in pg_stat_progress_create_index; ohbuildphasename() has their names. */
#define OH_PHASE_SAMPLE		2
#define OH_PHASE_TRAIN		3
#define OH_PHASE_INSERT		4
#define OH_PHASE_RELINK		5
#define OH_PHASE_CONNECT	6
#define OH_PHASE_WRITE		7
#define OH_PHASE_CALIBRATE	8
#define OH_PHASE_DIVIDE		9
#define OH_PHASE_REGIONS	10

/* A random level for a new node: P(level >= l) = m^-l, at most OH_MAX_LEVEL. */
extern int	OhRandomLevel(int m);

#endif							/* OH_HNSW_H */
