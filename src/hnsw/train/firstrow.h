/*
 * firstrow.h -- reads the vector that a node's code is made of.
 */
#ifndef OH_FIRSTROW_H
#define OH_FIRSTROW_H

#include "storage/itemptr.h"

#include "hnsw/table/fetch.h"

/* A live node's rows, as the caller has read them. */
typedef struct OhFirstRow
{
	uint32		id;
	uint32		posting;		/* the first posting, or OH_NONE */
	ItemPointerData tid;		/* the node's own TID; invalid if that row has been removed */
} OhFirstRow;

/*
 * Read the position of a node's first row into x[dim], as OhFetchVector() does, and the hash of its value into *hash
 * unless that is NULL.  It is the node's own row, or the first of its postings' that can be read.  False: none can.
 *
 * checked: may rows of postings be taken only if their vectors have the hash that the posting says?  To be set unless
 * the caller keeps vacuum away, which may give a TID to another row.
 */
extern bool OhReadFirstRow(OhIndex *ix, OhFetcher *fetcher, const OhFirstRow *first, const float *near,
						   bool checked, float *x, uint32 *hash);

#endif							/* OH_FIRSTROW_H */
