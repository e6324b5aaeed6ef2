/*
 * fetch.h -- reads vectors of rows by their TIDs, without a snapshot.
 */
#ifndef OH_FETCH_H
#define OH_FETCH_H

#include "postgres.h"

#include "hnsw/index.h"

typedef struct OhFetcher OhFetcher;

/* Freed by OhFetchEnd(), or with the context. */
extern OhFetcher *OhFetchBegin(Relation heap, OhIndex *ix, MemoryContext context);
/*
 * Read the position of a row into x[dim], and the hash of its value into *hash unless that
 * is NULL. false: no version of the row exists at this moment, or it has no position.  If
 * it has several positions, the one nearest to near[dim] is read, or any if near is NULL.
 */
extern bool OhFetchVector(OhFetcher *fetcher, const ItemPointerData *tid, const float *near, float *x,
						  uint32 *hash);
/* Release the page of the last row. */
extern void OhFetchRelease(OhFetcher *fetcher);
extern void OhFetchEnd(OhFetcher *fetcher);

#endif							/* OH_FETCH_H */
