/*
 * radius.h -- conditions "within a radius" of a scan.
 */
#ifndef OH_RADIUS_H
#define OH_RADIUS_H

#include "postgres.h"

#include "access/skey.h"

#include "hnsw/hnsw.h"

typedef struct OhRadius
{
	OmMetric	metric;
	const OhColumn *column;
	bool		never;			/* no row can be within: the condition is NULL, has no direction,
								 * or a radius of 0 */
	bool		nothing_near;	/* no row with a distance can be within, but rows whose distance is
								 * NaN may */
	bool		unordered;		/* rows whose distance is NaN are within */
	bool		others;			/* some conditions have another center, so the executor must
								 * recheck the row */
	const OhPosition *center;	/* the query; NULL if never, or if no condition needs it */
	double		radius;			/* the smallest one around center */
	double		limit;			/* radius in order units, rounded up: anything farther is not
								 * within; INFINITY if there is no limit */
} OhRadius;

/*
 * Read the radius conditions among the keys of a (re)scan; returns NULL if there are none.
 * The caller handles all other keys.
 *
 * query     the vector that the scan is ordered by, NULL without ORDER BY:
 *           then the center of the conditions takes its place
 * context   must live as long as the result is used, and the keys' values too
 */
extern OhRadius *OhRadiusBegin(const OhIndex *ix, ScanKey keys, int nkeys,
							   const OhPosition *query, MemoryContext context);

/*
 * Is a row at exactly this distance from the query (in order units) within all conditions
 * that have the query as their center?
 */
extern bool OhRadiusHolds(const OhRadius *radius, double dist);

#endif							/* OH_RADIUS_H */
