/*
 * explain.h -- what EXPLAIN (ANALYZE) shows of scans.
 */
#ifndef OH_EXPLAIN_H
#define OH_EXPLAIN_H

extern void OhExplainInit(void);	/* called by _PG_init */

#endif							/* OH_EXPLAIN_H */
