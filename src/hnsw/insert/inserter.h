/*
 * inserter.h -- inserts rows into an index, one by one.
 */
#ifndef OH_INSERTER_H
#define OH_INSERTER_H

#include "postgres.h"

#include "hnsw/index.h"

/*
 * Inserts rows one by one (insert.c).  This is the body of ohinsert(), and the build uses it once
 * the graph has outgrown maintenance_work_mem.
 */
typedef struct OhInserter OhInserter;

/* State for inserts of many rows, in a memory context of its own below this one. */
extern OhInserter *OhInserterBegin(OhIndex *ix, MemoryContext context);
/* Insert a row with a position, which must have a direction.  keys: its filter keys, NULL without filter columns */
extern void OhInsertVector(OhInserter *ins, const OhPosition *position, ItemPointer tid,
						   const OhKeyRow *keys);
/* Insert an off-graph row (offgraph.c).  kind: OH_ROW_NULL or OH_ROW_NO_DIRECTION */
extern void OhInsertRowWithoutPosition(OhInserter *ins, ItemPointer tid, uint16 kind,
									   const OhKeyRow *keys);
/* Free the state. */
extern void OhInserterEnd(OhInserter *ins);
/* Called when the library is loaded. */
extern void OhInsertInit(void);

#endif							/* OH_INSERTER_H */
