/*
 * explain.h -- what EXPLAIN (ANALYZE) shows of scans.
 */
#ifndef OH_EXPLAIN_H
#define OH_EXPLAIN_H

/* Called by _PG_init: set the hook. */
extern void OhExplainInit(void);

#endif							/* OH_EXPLAIN_H */
