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

/*
 * discard.c: called by _PG_init.
 *
 * What the following two answer decides how well and how fast a scan finds rows, not which rows are
 * right: nothing is known of a scan that the executor begins without its hook (EvalPlanQual).
 */
extern void OhDiscardInit(void);
/* May the executor discard rows that this scan returns? */
extern bool OhMayDiscard(IndexScanDesc scan);
/* How many rows a LIMIT above the scan asks for; 0: that is not known. */
extern double OhLimitOf(IndexScanDesc scan);

/*
 * order.c: where an order puts the rows that have no place by their distance.  A distance has no use for a
 * collation, so the one in the scan's key (the input collation of the plan's distance) tells it.  No
 * collation: both come last.
 */
#define OH_NULLS_FIRST C_COLLATION_OID
#define OH_NANS_FIRST DEFAULT_COLLATION_OID
#define OH_BOTH_FIRST 951		/* "POSIX", which has no name in the headers of PostgreSQL 18 */

/* paths.c: called once, by _PG_init().  Adds paths that the planner does not make itself. */
extern void OhPathsInit(void);

#endif							/* OH_PLANNER_H */
