/*
 * sphere.h -- the SQL types sphere_<type>, a center and a radius, and bound_<type>, which
 * also tells whether a NaN distance is within.
 *
 * These are composite types, which users may make by ROW(...) as well as by sphere(). So
 * the contents are checked whenever a value is read.
 */
#ifndef OM_SPHERE_H
#define OM_SPHERE_H

#include <math.h>

#include "utils/float.h"

typedef struct OmSphere
{
	Datum		center;			/* possibly toasted */
	double		radius;			/* NaN: every distance is within, except possibly NaN */
	bool		unordered;		/* a NaN distance is within */
} OmSphere;

/*
 * om_sphere_read -- read the parts of a sphere.
 *
 * value   a sphere or bound, not NULL, possibly toasted
 * type    the type that the center must have; otherwise an error is raised
 * Returns false if one of its parts is NULL. The result is allocated in the current memory
 * context.
 */
extern bool om_sphere_read(Datum value, Oid type, OmSphere *sphere);

/*
 * om_within -- is a distance (or a negative inner product) less than a radius, as SQL
 * defines it?  In SQL, NaN is greater than all numbers.
 */
static inline bool
om_within(double distance, double radius)
{
	return float8_lt(distance, radius);
}

static inline bool
om_sphere_holds(const OmSphere *sphere, double distance)
{
	return om_within(distance, sphere->radius) || (sphere->unordered && isnan(distance));
}

#endif							/* OM_SPHERE_H */
