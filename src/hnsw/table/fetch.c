/*
 * fetch.c -- reads vectors of rows by their TIDs, without a snapshot.
 *
 * A row is read if it exists at this moment: it is committed and not deleted, or was
 * written by a transaction in progress.  So its TOASTed values exist, too.  All row
 * versions that one TID leads to have the same vector, because otherwise they would not
 * share an index entry.
 */
#include "postgres.h"

#include <math.h>

#include "utils/snapmgr.h"

#include "hnsw/parts.h"
#include "hnsw/table/fetch.h"
#include "hnsw/table/rowreader.h"
#include "kernel/kernel.h"

struct OhFetcher
{
	OhIndex    *ix;
	OhRowReader reader;
	SnapshotData snapshot;
	MemoryContext row_context;	/* reset for each row */
};

OhFetcher *
OhFetchBegin(Relation heap, OhIndex *ix, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	OhFetcher  *f = palloc0(sizeof(OhFetcher));

	f->ix = ix;
	OhRowReaderBegin(&f->reader, heap, ix->file.rel);
	InitDirtySnapshot(f->snapshot);
	f->row_context = AllocSetContextCreate(context, "omenhnsw fetch", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(old);
	return f;
}

/*
 * nearest_part -- the part of an array that is nearest to x, or any part if x is NULL.
 */
static int
nearest_part(const OhFetcher *f, const OhParts *parts, const ItemPointerData *tid, const float *x)
{
	int			best = 0;
	float		least = INFINITY;

	if (x == NULL)
		return (ItemPointerGetBlockNumber(tid) + ItemPointerGetOffsetNumber(tid) * 7) % parts->n;
	for (int i = 0; i < parts->n; i++)
	{
		OhPosition	position;
		float		dist;

		OhPartsPosition(parts, i, &position);
		dist = om_kernels->l2sq_f32(position.x, x, f->ix->dim);
		if (dist < least)
		{
			least = dist;
			best = i;
		}
		OhPositionFree(&position);
	}
	return best;
}

bool
OhFetchVector(OhFetcher *f, const ItemPointerData *tid, const float *near, float *x, uint32 *hash)
{
	ItemPointerData copy = *tid;
	bool		found = false;
	bool		isnull;
	MemoryContext old;
	Datum		value;

	if (!OhReadRow(&f->reader, &copy, &f->snapshot))
		return false;
	old = MemoryContextSwitchTo(f->row_context);
	value = OhRowValue(&f->reader, &isnull);
	if (!isnull)
	{
		OhPosition	position;
		OhParts		parts;

		OhPartsOpen(&f->ix->column, value, &parts);
		if (parts.n > 0)
		{
			OhPartsPosition(&parts, parts.n == 1 ? 0 : nearest_part(f, &parts, tid, near), &position);
			found = !position.no_direction;
			memcpy(x, position.x, sizeof(float) * f->ix->dim);
			if (hash != NULL)
				*hash = OhPositionHash(&position);
		}
	}
	MemoryContextSwitchTo(old);
	OhRowValueDone(&f->reader);
	MemoryContextReset(f->row_context);
	return found;
}

void
OhFetchRelease(OhFetcher *f)
{
	OhRowReaderRelease(&f->reader);
}

void
OhFetchEnd(OhFetcher *f)
{
	OhRowReaderEnd(&f->reader);
}
