/*
 * sphere.h -- the SQL type sphere_vector: a center and a radius.
 *
 * A composite type, which users may put together by ROW(...) as well as by
 * sphere(): what a value holds is checked where it is read.
 */
#ifndef OM_SPHERE_H
#define OM_SPHERE_H

#include "utils/float.h"

#include "types/vector.h"

typedef struct OmSphere
{
	OmVector   *center;
	double		radius;
} OmSphere;

/*
 * om_sphere_read -- the parts of a sphere.
 *
 * value          not NULL, maybe toasted
 * vector_type    OID of the type vector: the type of the center, or an error
 * Returns false if one of its parts is NULL.  What has to be allocated for it
 * is left in the current memory context.
 */
extern bool om_sphere_read(Datum value, Oid vector_type, OmSphere *sphere);

/*
 * om_within -- is a distance (or a negative inner product) within a radius: the
 * "distance < radius" of SQL?  A distance that is NaN is not, nothing else is
 * beyond a radius that is NaN.
 */
static inline bool
om_within(double distance, double radius)
{
	return float8_lt(distance, radius);
}

#endif							/* OM_SPHERE_H */
