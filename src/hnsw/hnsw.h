/*
 * hnsw.h -- the access method omenhnsw: constants of its operator classes and builds.
 */
#ifndef OH_HNSW_H
#define OH_HNSW_H

#include "postgres.h"

#include "hnsw/index.h"

/* Support functions: a class has the first, of a vector, or the second. */
#define OH_METRIC_PROC	1		/* OhMetric of the operator class */
#define OH_FILTER_PROC	2		/* the class is of a filter column */
#define OH_NPROCS		2

/* Operators of a vector class */
#define OH_DISTANCE_STRATEGY 1	/* distance, FOR ORDER BY */
#define OH_RADIUS_STRATEGY 2	/* within a radius of a center, FOR SEARCH */

/* phases of pg_stat_progress_create_index */
#define OH_PHASE_SAMPLE		2
#define OH_PHASE_TRAIN		3
#define OH_PHASE_INSERT		4
#define OH_PHASE_RELINK		5
#define OH_PHASE_CONNECT	6
#define OH_PHASE_WRITE		7
#define OH_PHASE_CALIBRATE	8

/* The level of a new node, at random: P(level >= l) = m^-l, at most OH_MAX_LEVEL. */
extern int	OhRandomLevel(int m);

#endif							/* OH_HNSW_H */
