/*
 * divide.c -- divides the rows of a build into regions.
 *
 * See regions.h.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "hnsw/build/regions.h"

/*
 * OhPivotDistances -- see regions.h.
 *
 * Under inner product, rows of one direction belong together whatever their length.  Pivots
 * have length 1, so scale the row to length 1 as well.
 */
void
OhPivotDistances(OhRegionWorker *rw, const void *code, const void *const *pivot, uint32 n, float *dist)
{
	OhIndex    *ix = rw->worker->ix;
	float		square;

	om_quant_query_from_code(ix->quant, code, rw->form);
	om_quant_distances(ix->quant, rw->form, pivot, (int) n, dist);
	if (rw->regions->shape.spec.metric != OM_METRIC_IP)
		return;
	square = -ix->distance(ix->quant, rw->form, code);
	for (uint32 i = 0; i < n; i++)
		dist[i] = square > 0 ? dist[i] / sqrtf(square) : 0;
}

/* Where rows go. */
typedef struct Divider
{
	OhRegionWorker *rw;
	const void **pivot;			/* [n] */
	const float *weight;		/* [n] */
	float	   *dist;			/* [n] */
	BufFile   **file;			/* [n], by region; NULL before the first row */
} Divider;

/*
 * nearest_two -- the regions of the two nearest pivots; the second is OH_NONE if there is only
 * one region.
 */
static void
nearest_two(Divider *d, const void *code, uint32 *first, uint32 *second)
{
	uint32		n = d->rw->regions->n;
	float		best = INFINITY;
	float		next = INFINITY;

	OhPivotDistances(d->rw, code, d->pivot, n, d->dist);
	*first = 0;
	*second = OH_NONE;
	for (uint32 i = 0; i < n; i++)
	{
		float		dist = d->dist[i] + d->weight[i];

		if (dist < best)
		{
			if (best < INFINITY)
			{
				*second = *first;
				next = best;
			}
			*first = i;
			best = dist;
		}
		else if (dist < next)
		{
			*second = i;
			next = dist;
		}
	}
}

static void
put_row(Divider *d, uint32 region, uint32 bytes)
{
	OhRegionWorker *rw = d->rw;

	if (d->file[region] == NULL)
		d->file[region] = OhSpillCreate(&rw->regions->spill, "region", region, rw->number);
	OhSpillWrite(&rw->regions->spill, d->file[region], rw->row, bytes);
}

void
OhDivideRows(OhRegionWorker *rw)
{
	OhRegions  *regions = rw->regions;
	uint32		bytes = OhRegionRowBytes(regions);
	OhRowHead  *head = (OhRowHead *) rw->row;
	const char *code = OhRowCodeOf(regions, rw->row);
	Divider		d = {.rw = rw};
	BufFile    *rows = OhSpillOpen(&regions->spill, "rows", rw->number, 0);

	if (rows == NULL)
		return;
	d.pivot = palloc(sizeof(void *) * regions->n);
	d.weight = OhRegionsAt(regions, regions->weight_offset);
	d.dist = palloc(sizeof(float) * regions->n);
	d.file = palloc0(sizeof(BufFile *) * regions->n);
	for (uint32 i = 0; i < regions->n; i++)
		d.pivot[i] = OhRegionPivot(regions, i);
	while (OhSpillRead(rows, rw->row, bytes))
	{
		uint32		second;

		CHECK_FOR_INTERRUPTS();
		nearest_two(&d, code, &head->home, &second);
		head->number = (*OhRegionHome(regions, head->home, rw->number))++;
		put_row(&d, head->home, bytes);
		if (second != OH_NONE)
			put_row(&d, second, bytes - regions->shape.refine_bytes);
	}
	BufFileClose(rows);
	OhSpillDelete(&regions->spill, "rows", rw->number, 0);
	for (uint32 i = 0; i < regions->n; i++)
	{
		if (d.file[i] != NULL)
			BufFileClose(d.file[i]);
	}
	pfree(d.pivot);
	pfree(d.dist);
	pfree(d.file);
}

void
OhNumberRows(OhRegionWorker *rw)
{
	OhRegions  *regions = rw->regions;
	Size		n = (Size) regions->n * regions->participants;
	uint32		number = 0;

	rw->first = MemoryContextAllocHuge(rw->worker->context, sizeof(uint32) * (n + 1));
	for (Size i = 0; i < n; i++)
	{
		rw->first[i] = number;
		number += *OhRegionHome(regions, i / regions->participants, i % regions->participants);
	}
	rw->first[n] = number;
}
