/*
 * pivots.c -- chooses the pivots of a build in regions.
 *
 * Pivots are the means that k-means finds on the codes of the sample or, for types that have no
 * means, random rows of the sample.  Each pivot then gets a weight, which is added to every
 * distance from it, so that all regions have about the same number of rows (home rows and guests
 * together).
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "hnsw/build/regions.h"

#define MEANS_ROUNDS	6
#define WEIGHT_ROUNDS	60

/* The matrix of distances takes at most this part of maintenance_work_mem. */
#define MATRIX_PART		4

typedef struct Chooser
{
	OhRegionWorker *rw;
	MemoryContext context;
	const char **code;			/* [nsample] */
	uint32		nsample;
	uint32		n;				/* number of pivots */
	const void **pivot;			/* [n] */
	float	   *dist;			/* [nsample][n] */
	float	   *weight;			/* [n] */
	uint32	   *load;			/* [n], rows of the sample in each region */
} Chooser;

/*
 * gather_sample -- collect pointers to codes of the sample in random order, up to the number
 * that the matrix has room for.
 */
static void
gather_sample(Chooser *c)
{
	OhRegions  *regions = c->rw->regions;
	const uint32 *taken = OhRegionsAt(regions, regions->taken_offset);
	const char *sample = OhRegionsAt(regions, regions->sample_offset);
	Size		room = (Size) maintenance_work_mem * 1024 / MATRIX_PART / sizeof(float) / regions->n;
	uint32		total = 0;

	for (uint32 p = 0; p < regions->participants; p++)
		total += taken[p];
	c->code = MemoryContextAllocHuge(c->context, sizeof(char *) * (Size) Max(total, 1));
	for (uint32 p = 0; p < regions->participants; p++)
	{
		for (uint32 i = 0; i < taken[p]; i++)
		{
			uint32		at = pg_prng_uint64_range(&pg_global_prng_state, 0, c->nsample);

			c->code[c->nsample] = c->code[at];
			c->code[at] = sample + ((Size) p * regions->sample_room + i) * regions->code_bytes;
			c->nsample++;
		}
	}
	c->nsample = Min(c->nsample, Max(room, regions->n));
}

static inline float *
dist_of(const Chooser *c, uint32 i)
{
	return c->dist + (Size) i * c->n;
}

static void
measure(Chooser *c)
{
	for (uint32 i = 0; i < c->nsample; i++)
	{
		CHECK_FOR_INTERRUPTS();
		OhPivotDistances(c->rw, c->code[i], c->pivot, c->n, dist_of(c, i));
	}
}

/*
 * add_vector -- add a vector to a sum, scaled to length 1 if only its direction counts.
 */
static void
add_vector(double *sum, const float *x, int dim, bool direction)
{
	double		square = 0;
	double		scale = 1;

	for (int i = 0; direction && i < dim; i++)
		square += (double) x[i] * x[i];
	if (square > 0)
		scale = 1 / sqrt(square);
	for (int i = 0; i < dim; i++)
		sum[i] += scale * x[i];
}

/*
 * move_pivot -- move a pivot to the mean of its rows.
 */
static void
move_pivot(Chooser *c, uint32 k, const double *sum, uint32 count, float *x)
{
	const OmQuantSpec *spec = &c->rw->regions->shape.spec;
	double		square = 0;
	double		scale = 1.0 / count;

	for (int i = 0; spec->metric == OM_METRIC_IP && i < spec->dim; i++)
		square += sum[i] * sum[i];
	if (square > 0)
		scale = 1 / sqrt(square);
	for (int i = 0; i < spec->dim; i++)
		x[i] = (float) (sum[i] * scale);
	om_quant_encode(c->rw->worker->ix->quant, x, c->rw->scratch, OhRegionPivot(c->rw->regions, k));
}

/*
 * move_to_means -- one round of k-means.
 */
static void
move_to_means(Chooser *c, double *sum, float *x)
{
	const OmQuantSpec *spec = &c->rw->regions->shape.spec;
	bool		direction = spec->metric == OM_METRIC_IP;

	measure(c);
	memset(sum, 0, sizeof(double) * c->n * spec->dim);
	memset(c->load, 0, sizeof(uint32) * c->n);
	for (uint32 i = 0; i < c->nsample; i++)
	{
		const float *dist = dist_of(c, i);
		uint32		best = 0;

		CHECK_FOR_INTERRUPTS();
		for (uint32 k = 1; k < c->n; k++)
			best = dist[k] < dist[best] ? k : best;
		om_quant_decode(c->rw->worker->ix->quant, c->code[i], c->rw->scratch, x);
		add_vector(sum + (Size) best * spec->dim, x, spec->dim, direction);
		c->load[best]++;
	}
	for (uint32 k = 0; k < c->n; k++)
	{
		if (c->load[k] > 0)
			move_pivot(c, k, sum + (Size) k * spec->dim, c->load[k], x);
		else
			memcpy(OhRegionPivot(c->rw->regions, k),
				   c->code[pg_prng_uint64_range(&pg_global_prng_state, 0, c->nsample - 1)],
				   c->rw->regions->code_bytes);
	}
}

/*
 * count_loads -- count the sample's rows in each region under the current weights.  Returns the
 * largest count.
 */
static uint32
count_loads(Chooser *c)
{
	uint32		most = 0;

	memset(c->load, 0, sizeof(uint32) * c->n);
	for (uint32 i = 0; i < c->nsample; i++)
	{
		const float *dist = dist_of(c, i);
		uint32		first = 0;
		uint32		second = 0;
		float		best = INFINITY;
		float		next = INFINITY;

		CHECK_FOR_INTERRUPTS();
		for (uint32 k = 0; k < c->n; k++)
		{
			float		d = dist[k] + c->weight[k];

			if (d < best)
			{
				next = best;
				second = first;
				best = d;
				first = k;
			}
			else if (d < next)
			{
				next = d;
				second = k;
			}
		}
		c->load[first]++;
		c->load[second]++;
	}
	for (uint32 k = 0; k < c->n; k++)
		most = Max(most, c->load[k]);
	return most;
}

/*
 * spread -- how much a row's distances differ: the mean distance less the nearest one, averaged
 * over the sample.
 */
static float
spread(const Chooser *c)
{
	double		total = 0;

	for (uint32 i = 0; i < c->nsample; i++)
	{
		const float *dist = dist_of(c, i);
		double		sum = 0;
		float		best = dist[0];

		CHECK_FOR_INTERRUPTS();
		for (uint32 k = 0; k < c->n; k++)
		{
			sum += dist[k];
			best = Min(best, dist[k]);
		}
		total += sum / c->n - best;
	}
	return (float) (total / c->nsample);
}

/*
 * balance -- raise the weights of regions with too many rows, lower those with too few.
 */
static void
balance(Chooser *c)
{
	float	   *found = OhRegionsAt(c->rw->regions, c->rw->regions->weight_offset);
	double		mean = 2.0 * c->nsample / c->n;
	float		unit = spread(c);
	uint32		least = PG_UINT32_MAX;

	for (int round = 0; round < WEIGHT_ROUNDS; round++)
	{
		float		step = unit * 0.2f / (1 + 0.1f * round);
		uint32		most = count_loads(c);

		if (most < least)
		{
			least = most;
			memcpy(found, c->weight, sizeof(float) * c->n);
		}
		for (uint32 k = 0; k < c->n; k++)
			c->weight[k] += step * (float) Min(c->load[k] / mean - 1, 1.0);
	}
	ereport(DEBUG1,
			(errmsg_internal("%u regions, the largest has %.2f times the mean", c->n, least / mean)));
}

void
OhChoosePivots(OhRegionWorker *rw)
{
	OhRegions  *regions = rw->regions;
	const OmQuantSpec *spec = &regions->shape.spec;
	Chooser		c = {.rw = rw};

	c.context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw pivots", ALLOCSET_DEFAULT_SIZES);
	gather_sample(&c);
	regions->n = Max(Min(regions->n, c.nsample), 1);
	c.n = regions->n;
	c.pivot = MemoryContextAllocHuge(c.context, sizeof(void *) * c.n);
	for (uint32 k = 0; k < c.n && c.nsample > 0; k++)
	{
		c.pivot[k] = OhRegionPivot(regions, k);
		memcpy(OhRegionPivot(regions, k), c.code[k], regions->code_bytes);
	}
	if (c.n > 1)
	{
		c.dist = MemoryContextAllocHuge(c.context, sizeof(float) * (Size) c.nsample * c.n);
		c.weight = MemoryContextAllocZero(c.context, sizeof(float) * c.n);
		c.load = MemoryContextAllocZero(c.context, sizeof(uint32) * c.n);
		if (om_quant_has_numbers(spec))
		{
			double	   *sum = MemoryContextAllocHuge(c.context, sizeof(double) * (Size) c.n * spec->dim);
			float	   *x = MemoryContextAllocHuge(c.context, sizeof(float) * spec->dim);

			for (int round = 0; round < MEANS_ROUNDS; round++)
				move_to_means(&c, sum, x);
		}
		measure(&c);
		balance(&c);
	}
	MemoryContextDelete(c.context);
}
