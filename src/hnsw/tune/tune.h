/*
 * tune.h -- what the files of tune/ share: functions that measure indexes, and advise.
 */
#ifndef OH_TUNE_H
#define OH_TUNE_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/rel.h"

#include "hnsw/index.h"

/* An index opened for a function, with its table. */
typedef struct OhOpened
{
	Relation	heap;
	Relation	index;
	OhIndex    *ix;
} OhOpened;

/*
 * Open an omenhnsw index and its table, both locked by AccessShareLock, for a function
 * that reads rows of the table as the caller: error if the caller may not select from
 * the table, or not see all of its rows.
 */
extern void OhOpenToRead(Oid index, OhOpened *opened);
/*
 * The same for a function that reveals nothing about rows: the caller needs the privilege
 * to select from the table.
 */
extern void OhOpenToUse(Oid index, OhOpened *opened);
extern void OhOpenedClose(OhOpened *opened);

/* ---- queries.c: to be called between SPI_connect() and SPI_finish() ---- */

/* Run a SELECT as the caller; its result is in SPI_tuptable.  An error if the statement is no SELECT. */
extern void OhRunSelect(const char *sql);
/* The same for a SELECT that must return one column of this type. */
extern void OhRunQueries(const char *sql, Oid wanted);
/*
 * Row i of n (at most SPI_processed) that are spread evenly over the result, and its first column; NULL if that
 * is NULL.
 */
extern HeapTuple OhSpreadRow(uint64 i, uint64 n, Datum *value);

/* ---- hide.c: searches for a row as if it were not in the index ---- */

typedef struct OhHider OhHider;

/* State of OhNodeToHide(), in context. */
extern OhHider *OhHiderBegin(OhIndex *ix, MemoryContext context);
/*
 * The node of the row with this position, which walks must not enter; OH_NONE if it cannot
 * be told or must not be hidden.
 */
extern uint32 OhNodeToHide(OhHider *hider, const float *x);

#endif							/* OH_TUNE_H */
