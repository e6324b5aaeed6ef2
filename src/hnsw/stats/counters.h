/*
 * counters.h -- what a scan has done, and what has been done to an index.
 *
 * Counters are plain fields that the code at hand adds to; nothing here reads a page or
 * takes a lock while something is searched, inserted or vacuumed.
 */
#ifndef OH_COUNTERS_H
#define OH_COUNTERS_H

#include "postgres.h"

#include "portability/instr_time.h"
#include "utils/rel.h"

#include "hnsw/ef.h"

/* How the rows of a scan were found. */
typedef enum OhStrategy
{
	OH_BY_NOTHING,				/* no row can match */
	OH_BY_WALK,
	OH_BY_SWEEP,
	OH_BY_WALK_AND_SWEEP,
	OH_BY_ARRAY					/* as they lie: the query orders nothing */
} OhStrategy;

/* ... and why so. */
typedef enum OhReason
{
	OH_AS_CONDITIONS_NEVER_MATCH,
	OH_AS_NO_CONDITIONS,
	OH_AS_MANY_MATCH,
	OH_AS_FEW_NODES,
	OH_AS_FEW_MATCH,
	OH_AS_GIVEN_UP,				/* fewer matched on the way than had been thought */
	OH_AS_READ_ON,				/* past what a walk reaches, or what work_mem holds */
	OH_AS_NO_ORDER
} OhReason;

/* One scan, which may be several searches: rescans, as of a nested loop. */
typedef struct OhScanCounters
{
	int			ef;
	OhEfSource	ef_source;
	OhStrategy	strategy;		/* of the last search */
	OhReason	reason;
	int64		searches;
	int64		walks;			/* searches by a walk only ... */
	int64		sweeps;			/* ... by a sweep only ... */
	int64		both;			/* ... and by one after the other */
	int64		rows;			/* returned */
	int64		hops;			/* nodes whose links were followed */
	int64		compared;		/* codes */
	int64		refined;		/* nodes re-ranked by their refinements */
	int64		fetched;		/* rows re-ranked by their vectors in the table */
	int64		late;			/* rows held back to the end */
	int64		passes;			/* of sweeps over the nodes */
	int64		tested;			/* nodes that walks tested conditions on */
	int64		filter_pages;	/* pages of filter keys that were looked at */
	instr_time	time;			/* where track_io_timing is on */
} OhScanCounters;

/* ---- lastscan.c ---- */

/* A scan of this index has ended. */
extern void OhNoteScan(Relation index, const OhScanCounters *counters);
extern const char *OhStrategyName(OhStrategy strategy);
extern const char *OhReasonName(OhReason reason);

/* ---- cumulative.c: counters of indexes ---- */

typedef enum OhCounter
{
	OH_COUNT_SCANS,
	OH_COUNT_ROWS,
	OH_COUNT_HOPS,
	OH_COUNT_COMPARED,
	OH_COUNT_REFINED,
	OH_COUNT_FETCHED,
	OH_COUNT_LATE,
	OH_COUNT_TESTED,
	OH_COUNT_WALKS,
	OH_COUNT_SWEEPS,
	OH_COUNT_BOTH,
	OH_COUNT_PASSES,
	OH_COUNT_SCAN_US,
	OH_COUNT_INSERTS,
	OH_COUNT_RETRIES,			/* inserts that started over */
	OH_COUNT_VACUUMS,
	OH_COUNT_REMOVED,			/* rows */
	OH_COUNT_FREED,				/* records */
	OH_COUNT_VACUUM_US,
	OH_NCOUNTERS
} OhCounter;

/* The counters of an index that this transaction adds to: int64[OH_NCOUNTERS]. */
extern int64 *OhCount(Relation index);
/* Vacuum has worked on an index since then, and counted n. */
extern void OhCountVacuum(Relation index, instr_time from, OhCounter counter, int64 n);
extern void OhStatsInit(void);	/* called by _PG_init */

#endif							/* OH_COUNTERS_H */
