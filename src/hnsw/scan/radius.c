/*
 * radius.c -- conditions "within a radius" of a scan: <<->> and its like, and <<->
 * of bounds.
 *
 * Where the center is what the scan is ordered by, such a condition is a limit:
 * a scan that has come so far is at its end.  With another center it is one that
 * the executor must check, row by row.
 *
 * Several conditions are one, that with the smallest radius, if they share the
 * center.  One with ANY (array) of several spheres is for the executor, too.
 */
#include "postgres.h"

#include <math.h>

#include "filter/condition.h"
#include "hnsw/hnsw.h"
#include "hnsw/scan/radius.h"
#include "types/sphere.h"

/* A sphere, and its center as the index takes it. */
typedef struct Sphere
{
	OmSphere	parts;
	OhPosition	center;
} Sphere;

/*
 * can_hold -- false where no distance is less than the radius.
 */
static bool
can_hold(const OhRadius *r, double radius)
{
	/* NaN is above all numbers */
	return !(radius <= (r->metric == OM_METRIC_IP ? -INFINITY : 0));
}

/*
 * read_sphere -- center and radius of a condition.  false: it holds for no row.
 */
static bool
read_sphere(const OhRadius *r, Oid type, Datum value, Sphere *sphere)
{
	if (!om_sphere_read(value, type, &sphere->parts))
		return false;
	/* of other dimensions: the error that the operator would raise for any row */
	OhGetPosition(r->column, sphere->parts.center, &sphere->center);
	if (sphere->parts.unordered)
		return true;
	return can_hold(r, sphere->parts.radius) && !sphere->center.no_direction;
}

/*
 * order_limit -- the radius in order units, rounded up: what is farther is not
 * within.
 */
static double
order_limit(OmMetric metric, double radius)
{
	if (isnan(radius))
		return INFINITY;
	/* of the square's rounding one step up is enough */
	return metric == OM_METRIC_L2 ? nextafter(radius * radius, INFINITY) : radius;
}

/*
 * read_spheres -- the one sphere of a key, or the first that holds for some row of
 * those in its array; returns how many there are.
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
 * add_key -- take one more condition.
 *
 * Under cosine a row whose distance is NaN has no direction: then its distance to
 * every center is NaN.
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
		return;					/* every distance is NaN, and within */
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
			r->radius = NAN;	/* as if there were none */
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
