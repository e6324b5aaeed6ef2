/*
 * sphere.h -- the SQL types sphere_<type>, a center and a radius, and bound_<type>,
 * which tells of distances that are NaN, too.
 *
 * Composite types, which users may put together by ROW(...) as well as by
 * sphere(): what a value holds is checked where it is read.
 */
#ifndef OM_SPHERE_H
#define OM_SPHERE_H

#include <math.h>

#include "utils/float.h"

typedef struct OmSphere
{
	Datum		center;			/* maybe toasted */
	double		radius;			/* NaN: nothing but a distance that is NaN is beyond */
	bool		unordered;		/* is a distance that is NaN within? */
} OmSphere;

/*
 * om_sphere_read -- the parts of a sphere.
 *
 * value   a sphere or bound, not NULL, maybe toasted
 * type    OID that the center's type must have, or an error
 * Returns false if one of its parts is NULL.  What has to be allocated for it
 * is left in the current memory context.
 */
extern bool om_sphere_read(Datum value, Oid type, OmSphere *sphere);

/*
 * om_within -- is a distance (or a negative inner product) within a radius: the
 * "distance < radius" of SQL?  NaN is above all numbers there.
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
