/*
 * detoast.h -- values of many rows of one table, detoasted fast.
 */
#ifndef OH_DETOAST_H
#define OH_DETOAST_H

#include "postgres.h"

#include "utils/rel.h"

#include "hnsw/table/heapread.h"

typedef struct OhDetoaster OhDetoaster;

extern OhDetoaster *OhDetoastBegin(Relation heap, OhHints *hints, MemoryContext context);
/*
 * The detoasted value.  Valid until the next call, and at most as long as
 * the toasted one is.
 */
extern void *OhDetoastValue(OhDetoaster *detoaster, Datum value);
extern void OhDetoastEnd(OhDetoaster *detoaster);

#endif							/* OH_DETOAST_H */
