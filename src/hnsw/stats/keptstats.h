/*
 * keptstats.h -- counters of indexes among PostgreSQL's own cumulative statistics, which
 * survive a restart.
 *
 * Where PostgreSQL has no kinds of extensions (before 18), the functions do nothing and
 * OhKept() is false.
 */
#ifndef OH_KEPTSTATS_H
#define OH_KEPTSTATS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "compat.h"
#include "hnsw/stats/counters.h"

/* Totals of an index. */
typedef struct OhTotals
{
	int64		count[OH_NCOUNTERS];
	TimestampTz reset;
} OhTotals;

#ifdef OM_HAS_STATISTICS_KINDS

/* Called while libraries are preloaded: register the kind, if its number is free. */
extern void OhKeptInit(void);
/* Are counters kept there? */
extern bool OhKept(void);
/* Counters of this session that are to be added: int64[OH_NCOUNTERS]. */
extern int64 *OhKeptCount(Oid index);
/* Indexes of this database that may have counters. */
extern List *OhKeptIndexes(void);
/* Totals of an index, with what this session has yet to add; false: it has none. */
extern bool OhKeptTotals(Oid index, OhTotals *totals);
/* Set them to zero. */
extern void OhKeptReset(Oid index);

#else

static inline void
OhKeptInit(void)
{
}
static inline bool
OhKept(void)
{
	return false;
}
static inline int64 *
OhKeptCount(Oid index)
{
	return NULL;
}
static inline List *
OhKeptIndexes(void)
{
	return NIL;
}
static inline bool
OhKeptTotals(Oid index, OhTotals *totals)
{
	return false;
}
static inline void
OhKeptReset(Oid index)
{
}

#endif

#endif							/* OH_KEPTSTATS_H */
