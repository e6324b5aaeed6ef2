/*
 * planner.h -- hooks of the planner.
 */
#ifndef OH_PLANNER_H
#define OH_PLANNER_H

#include "postgres.h"

#include "access/genam.h"
#include "catalog/pg_collation.h"

/* plan.c: distances that nobody looks at */
extern void OhPlanInit(void);

/* discard.c: scans whose rows the executor may discard */
extern void OhDiscardInit(void);
extern bool OhMayDiscard(IndexScanDesc scan);
/* Is the query's order that of the scan downwards? */
extern bool OhGoesDown(IndexScanDesc scan);

/*
 * order.c: the collation of a distance, which has no use for one, in a scan's order if
 * that has NULLs and NaNs at different ends.  It reaches the scan in its key.
 */
#define OH_NULLS_APART C_COLLATION_OID

/* paths.c: paths that the planner does not make */
extern void OhPathsInit(void);

#endif							/* OH_PLANNER_H */
