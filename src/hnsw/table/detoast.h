/*
 * detoast.h -- fast detoasting of the values of many rows of one table.
 */
#ifndef OH_DETOAST_H
#define OH_DETOAST_H

#include "postgres.h"

#include "utils/rel.h"

#include "hnsw/table/heapread.h"

typedef struct OhDetoaster OhDetoaster;

/* State for values of this table, in context.  hints: where chunks were found before */
extern OhDetoaster *OhDetoastBegin(Relation heap, OhHints *hints, MemoryContext context);
/*
 * Detoast a value.  The result is valid until the next call, and at most as long as the
 * toasted one.
 */
extern void *OhDetoastValue(OhDetoaster *detoaster, Datum value);
extern void OhDetoastEnd(OhDetoaster *detoaster);

#endif							/* OH_DETOAST_H */
