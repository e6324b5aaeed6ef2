/*
 * rerank.h -- exact distances of visible rows, from the table.
 */
#ifndef OH_RERANK_H
#define OH_RERANK_H

#include "postgres.h"

#include "access/genam.h"

#include "hnsw/hnsw.h"

typedef struct OhReranker OhReranker;

/* State of the exact distances of one scan, in context. */
extern OhReranker *OhRerankBegin(IndexScanDesc scan, OhIndex *ix, MemoryContext context);
/* Set the query: a detoasted value, which the caller keeps as long as the scan uses it. */
extern void OhRerankQuery(OhReranker *rerank, const void *query);
/*
 * Distance, in order units, of the row version that the scan's snapshot sees at tid.
 * false: it sees none, or the value is NULL or has other dimensions.
 */
extern bool OhRerankRow(OhReranker *rerank, ItemPointerData tid, double *distance);
/* Does the scan's snapshot see a row at tid? */
extern bool OhRerankSees(OhReranker *rerank, ItemPointerData tid);
/*
 * A round of re-ranks ends and another begins.  true: pages have lately been missing,
 * ask for those of the next rows.
 */
extern bool OhRerankAhead(OhReranker *rerank);
/* Ask for a row's page. */
extern void OhRerankAsk(OhReranker *rerank, const ItemPointerData *tid);
/* Start loading a row's line pointer into the CPU cache, or (once that is there) its tuple. */
extern void OhRerankPrefetch(OhReranker *rerank, const ItemPointerData *tid, bool tuple);
/* Release buffer pins; between two calls of amgettuple. */
extern void OhRerankRelease(OhReranker *rerank);
extern void OhRerankEnd(OhReranker *rerank);

#endif							/* OH_RERANK_H */
