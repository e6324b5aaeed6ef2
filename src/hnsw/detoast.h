/*
 * detoast.h -- vectors of many rows of one table, detoasted fast.
 */
#ifndef OH_DETOAST_H
#define OH_DETOAST_H

#include "postgres.h"

#include "utils/rel.h"

#include "types/vector.h"

typedef struct OhDetoaster OhDetoaster;

extern OhDetoaster *OhDetoastBegin(Relation heap, MemoryContext context);
/* The vector in CurrentMemoryContext, or value itself if it is inline. */
extern OmVector *OhDetoastVector(OhDetoaster *detoaster, Datum value);
extern void OhDetoastEnd(OhDetoaster *detoaster);

#endif							/* OH_DETOAST_H */
