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
	bool		never;			/* no row is within: a NULL, no direction, a radius of 0 */
	bool		nothing_near;	/* no row that has a distance is: but some that have none may be */
	bool		unordered;		/* are rows within whose distance is NaN? */
	bool		others;			/* some have another center: the row itself must be checked */
	const OhPosition *center;	/* the query; NULL if never, or if no condition needs it */
	double		radius;			/* around it, the smallest */
	double		limit;			/* the same in order units, rounded up: what is farther from the
								 * query is not within; INFINITY if nothing is known */
} OhRadius;

/*
 * The conditions among the keys of a (re)scan, NULL if there are none; others are
 * the caller's.
 *
 * query     what the scan is ordered by, NULL if it has no order: the
 *           center takes its place then
 * context   must live as long as the result is used, and the keys' values too
 */
extern OhRadius *OhRadiusBegin(const OhIndex *ix, ScanKey keys, int nkeys,
							   const OhPosition *query, MemoryContext context);

/*
 * Is a row that is exactly so far from the query, in order units, within all
 * conditions that have the query as their center?
 */
extern bool OhRadiusHolds(const OhRadius *radius, double dist);

#endif							/* OH_RADIUS_H */
