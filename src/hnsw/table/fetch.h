/*
 * fetch.h -- vectors of rows by their TIDs, for whoever has no snapshot.
 */
#ifndef OH_FETCH_H
#define OH_FETCH_H

#include "postgres.h"

#include "hnsw/index.h"

typedef struct OhFetcher OhFetcher;

/* Goes with OhFetchEnd() or the context. */
extern OhFetcher *OhFetchBegin(Relation heap, OhIndex *ix, MemoryContext context);
/*
 * x[dim] becomes the position of a row, *hash that of its value if hash is not NULL.  false: no
 * version of the row is there at this moment, or it has no position.  Of several positions it is
 * the one nearest to near[dim], or any if that is NULL.
 */
extern bool OhFetchVector(OhFetcher *fetcher, const ItemPointerData *tid, const float *near, float *x,
						  uint32 *hash);
/* Let go of the page of the last row. */
extern void OhFetchRelease(OhFetcher *fetcher);
extern void OhFetchEnd(OhFetcher *fetcher);

#endif							/* OH_FETCH_H */
