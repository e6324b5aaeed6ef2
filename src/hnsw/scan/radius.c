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
#include "hnsw/scan/radius.h"
#include "types/sphere.h"

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
read_sphere(const OhRadius *r, Oid vector_type, Datum value, OmSphere *sphere)
{
	if (!om_sphere_read(value, vector_type, sphere))
		return false;
	/* what the operator would say of any row */
	om_check_same_dim(&om_vector_desc, r->dim, sphere->center->dim);
	if (sphere->unordered)
		return true;
	return can_hold(r, sphere->radius) && OhHasDirection(r->metric, sphere->center->x, r->dim);
}

static bool
same_floats(const OhRadius *r, const float *a, const float *b)
{
	for (int i = 0; i < r->dim; i++)
	{
		/* by value: 0 is -0 */
		if (a[i] != b[i])
			return false;
	}
	return true;
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
read_spheres(const OhRadius *r, Oid vector_type, ScanKey key, OmSphere *first)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	int			nspheres = 0;

	if (key->sk_flags & SK_ISNULL)
		return 0;
	if ((key->sk_flags & SK_SEARCHARRAY) == 0)
		return read_sphere(r, vector_type, key->sk_argument, first);

	n = OhKeyElements(key, &elements, &nulls);
	for (int i = 0; i < n; i++)
	{
		OmSphere	sphere;

		if (nulls[i] || !read_sphere(r, vector_type, elements[i], &sphere))
			continue;
		if (nspheres++ == 0)
			*first = sphere;
		first->unordered |= sphere.unordered;
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
add_key(OhRadius *r, Oid vector_type, ScanKey key)
{
	OmSphere	sphere;
	int			nspheres = read_spheres(r, vector_type, key, &sphere);

	if (nspheres == 0)
	{
		r->never = true;
		return;
	}
	r->unordered &= sphere.unordered;
	if (nspheres > 1)
		r->others = true;
	if (!OhHasDirection(r->metric, sphere.center->x, r->dim))
		return;					/* every distance is NaN, and within */
	if (r->center == NULL)
		r->center = sphere.center->x;
	if (nspheres > 1)
		return;
	if (!can_hold(r, sphere.radius))
		r->nothing_near = true;
	if (!same_floats(r, r->center, sphere.center->x))
		r->others = true;
	else if (isnan(r->radius) || sphere.radius < r->radius)
		r->radius = sphere.radius;
}

OhRadius *
OhRadiusBegin(const OhIndex *ix, ScanKey keys, int nkeys, const float *query,
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
			r->dim = ix->dim;
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
