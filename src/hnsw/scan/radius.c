/*
 * radius.c -- conditions "within a radius" of a scan: <<->> and the like, and <<-> for
 * range bounds of distances.
 *
 * If the sphere's center is the vector that the scan is ordered by, the condition is a
 * limit: the scan ends once it has passed the radius.  With another center the executor
 * must recheck the condition for each row.
 *
 * Several conditions with one center act as one with the smallest radius.  A condition with
 * ANY (array) of several spheres is rechecked by the executor, too.
 */
#include "postgres.h"

#include <math.h>

#include "filter/condition.h"
#include "hnsw/hnsw.h"
#include "hnsw/scan/radius.h"
#include "types/sphere.h"

/* A sphere, with its center in the form that the index uses. */
typedef struct Sphere
{
	OmSphere	parts;
	OhPosition	center;
} Sphere;

/*
 * can_hold -- can a distance be less than this radius?
 */
static bool
can_hold(const OhRadius *r, double radius)
{
	/* as in SQL, NaN is greater than all numbers, so it excludes nothing */
	return !(radius <= (r->metric == OM_METRIC_IP ? -INFINITY : 0));
}

/*
 * read_sphere -- read the center and the radius of a condition.  false: no row can be
 * within.
 */
static bool
read_sphere(const OhRadius *r, Oid type, Datum value, Sphere *sphere)
{
	if (!om_sphere_read(value, type, &sphere->parts))
		return false;
	/* with other dimensions this raises the error that the operator would raise for any row */
	OhGetPosition(r->column, sphere->parts.center, &sphere->center);
	if (sphere->parts.unordered)
		return true;
	return can_hold(r, sphere->parts.radius) && !sphere->center.no_direction;
}

/*
 * order_limit -- the radius in order units, rounded up, so that anything farther is
 * certainly not within.
 */
static double
order_limit(OmMetric metric, double radius)
{
	if (isnan(radius))
		return INFINITY;
	/* one step up is enough to make up for the rounding of the square */
	return metric == OM_METRIC_L2 ? nextafter(radius * radius, INFINITY) : radius;
}

/*
 * read_spheres -- read the sphere of a key, or the first one of its array that some row can
 * be within.  Returns how many of them there are.
 */
static int
read_spheres(const OhRadius *r, Oid type, ScanKey key, Sphere *first)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	int			nspheres = 0;

	if (key->sk_flags & SK_ISNULL)
		return 0;
	if ((key->sk_flags & SK_SEARCHARRAY) == 0)
		return read_sphere(r, type, key->sk_argument, first);

	n = OhKeyElements(key, &elements, &nulls);
	for (int i = 0; i < n; i++)
	{
		Sphere		sphere;

		if (nulls[i] || !read_sphere(r, type, elements[i], &sphere))
			continue;
		if (nspheres++ == 0)
			*first = sphere;
		first->parts.unordered |= sphere.parts.unordered;
	}
	return nspheres;
}

/*
 * add_key -- add a condition.
 *
 * Under cosine, a distance of NaN means that the row's vector has no direction; then its
 * distance to every center is NaN.
 */
static void
add_key(OhRadius *r, Oid type, ScanKey key)
{
	Sphere		sphere;
	int			nspheres = read_spheres(r, type, key, &sphere);

	if (nspheres == 0)
	{
		r->never = true;
		return;
	}
	r->unordered &= sphere.parts.unordered;
	if (nspheres > 1)
		r->others = true;
	if (sphere.center.no_direction)
		return;					/* every distance is NaN, and so within */
	if (r->center == NULL)
		r->center = memcpy(palloc(sizeof(OhPosition)), &sphere.center, sizeof(OhPosition));
	if (nspheres > 1)
		return;
	if (!can_hold(r, sphere.parts.radius))
		r->nothing_near = true;
	if (!OhSameValue(r->center, &sphere.center))
		r->others = true;
	else if (isnan(r->radius) || sphere.parts.radius < r->radius)
		r->radius = sphere.parts.radius;
}

OhRadius *
OhRadiusBegin(const OhIndex *ix, ScanKey keys, int nkeys, const OhPosition *query,
			  MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	OhRadius   *r = NULL;

	for (int i = 0; i < nkeys; i++)
	{
		if (keys[i].sk_attno != 1 || keys[i].sk_strategy != OH_RADIUS_STRATEGY ||
			(keys[i].sk_flags & (SK_SEARCHNULL | SK_SEARCHNOTNULL)))
			continue;
		if (r == NULL)
		{
			r = palloc0(sizeof(OhRadius));
			r->metric = ix->spec.metric;
			r->column = &ix->column;
			r->center = query;
			r->radius = NAN;	/* no limit yet */
			r->unordered = true;
		}
		add_key(r, ix->file.rel->rd_opcintype[0], &keys[i]);
	}
	if (r != NULL)
		r->limit = order_limit(r->metric, r->radius);
	MemoryContextSwitchTo(old);
	return r;
}

bool
OhRadiusHolds(const OhRadius *r, double dist)
{
	return isnan(r->radius) || (r->unordered && isnan(dist)) ||
		om_within(r->metric == OM_METRIC_L2 ? sqrt(dist) : dist, r->radius);
}
