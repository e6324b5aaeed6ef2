/*
 * planner.h -- hooks of the planner.
 */
#ifndef OH_PLANNER_H
#define OH_PLANNER_H

#include "postgres.h"

#include "access/genam.h"
#include "catalog/pg_collation.h"

typedef bool (*OhIsMethod) (Oid am);

/*
 * plan.c: called once, by _PG_init().  Avoids computing distances that nobody reads, of omenhnsw and of
 * another access method.
 */
extern void OhPlanInit(OhIsMethod other);

/* discard.c: called by _PG_init. */
extern void OhDiscardInit(void);
/* May the executor discard rows that this scan returns? */
extern bool OhMayDiscard(IndexScanDesc scan);
/* Is the query's order the reverse of the scan's? */
extern bool OhGoesDown(IndexScanDesc scan);
/* How many rows a LIMIT above the scan asks for; 0: that is not known. */
extern double OhLimitOf(IndexScanDesc scan);

/*
 * order.c: a distance has no use for a collation, so this one in the scan's key tells that
 * the order has NULLs and NaNs at opposite ends.
 */
#define OH_NULLS_APART C_COLLATION_OID

/* paths.c: called once, by _PG_init().  Adds paths that the planner does not make itself. */
extern void OhPathsInit(void);

#endif							/* OH_PLANNER_H */
