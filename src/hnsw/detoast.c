/*
 * detoast.c -- vectors of many rows of one table, detoasted fast.
 */
#include "postgres.h"

#include "hnsw/detoast.h"

struct OhDetoaster
{
	Relation	heap;
};

OhDetoaster *
OhDetoastBegin(Relation heap, MemoryContext context)
{
	OhDetoaster *d = MemoryContextAllocZero(context, sizeof(OhDetoaster));

	d->heap = heap;
	return d;
}

OmVector *
OhDetoastVector(OhDetoaster *d, Datum value)
{
	return DatumGetOmVector(value);
}

void
OhDetoastEnd(OhDetoaster *d)
{
	d->heap = NULL;
}
