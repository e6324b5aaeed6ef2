/*
 * inserter.h -- inserts rows into an index, one by one.
 */
#ifndef OH_INSERTER_H
#define OH_INSERTER_H

#include "postgres.h"

#include "hnsw/index.h"

/*
 * Insert one row (insert.c). This is the body of ohinsert(), and the build uses it once the
 * graph has outgrown maintenance_work_mem.  keys are the row's filter keys, NULL without
 * filter columns.
 */
typedef struct OhInserter OhInserter;
extern OhInserter *OhInserterBegin(OhIndex *ix, MemoryContext context);
extern void OhInsertVector(OhInserter *ins, const OhPosition *position, ItemPointer tid,
						   const OhKeyRow *keys);
extern void OhInsertRowWithoutPosition(OhInserter *ins, ItemPointer tid, uint16 kind,
									   const OhKeyRow *keys);
extern void OhInserterEnd(OhInserter *ins);
/* Called when the library is loaded. */
extern void OhInsertInit(void);

#endif							/* OH_INSERTER_H */
