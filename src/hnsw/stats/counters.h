/*
 * counters.h -- counters of scans and of indexes.
 *
 * Counters are plain fields that searches, inserts and vacuums add to.  Adding reads no
 * page and takes no lock.
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
	OH_BY_ARRAY					/* in the order of the index's arrays: the query orders nothing */
} OhStrategy;

/* ... and for which reason. */
typedef enum OhReason
{
	OH_AS_CONDITIONS_NEVER_MATCH,
	OH_AS_NO_CONDITIONS,
	OH_AS_MANY_MATCH,
	OH_AS_FEW_NODES,
	OH_AS_FEW_MATCH,
	OH_AS_GIVEN_UP,				/* the walk met fewer matching nodes than estimated */
	OH_AS_READ_ON,				/* more rows were wanted than the walk reaches, or than work_mem
								 * holds */
	OH_AS_NO_ORDER
} OhReason;

/* One scan.  It may consist of several searches: a nested loop rescans its inner side. */
typedef struct OhScanCounters
{
	int			ef;
	OhEfSource	ef_source;
	OhStrategy	strategy;		/* strategy of the last search */
	OhReason	reason;
	int64		searches;
	int64		walks;			/* searches by a walk only ... */
	int64		sweeps;			/* ... by a sweep only ... */
	int64		both;			/* ... and by one after the other */
	int64		rows;			/* returned */
	int64		hops;			/* nodes whose links were followed */
	int64		compared;		/* codes compared */
	int64		refined;		/* nodes re-ranked by their refinements */
	int64		fetched;		/* rows re-ranked by their vectors in the table */
	int64		late;			/* rows held back to the end */
	int64		passes;			/* passes of sweeps over the nodes */
	int64		tested;			/* nodes for which walks tested conditions */
	int64		filter_pages;	/* pages of filter keys that were read */
	instr_time	time;			/* where track_io_timing is on */
} OhScanCounters;

/* ---- lastscan.c ---- */

/* true while an index is measured: its scans are not a user's, and are not counted. */
extern bool oh_measuring;

/* Record that a scan of this index has ended. */
extern void OhNoteScan(Relation index, const OhScanCounters *counters);
/* Their names, as EXPLAIN and omendb_last_scan() show them. */
extern const char *OhStrategyName(OhStrategy strategy);
extern const char *OhReasonName(OhReason reason);

/* ---- cumulative.c: counters of indexes ---- */

/* A new one comes last: PostgreSQL keeps them by number over restarts (keptstats.c). */
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
	OH_COUNT_REMOVED,			/* rows removed by vacuum */
	OH_COUNT_FREED,				/* records freed by vacuum */
	OH_COUNT_VACUUM_US,
	OH_NCOUNTERS
} OhCounter;

/* The counters of an index that this transaction adds to: int64[OH_NCOUNTERS]. */
extern int64 *OhCount(Relation index);
/* Count the time since `from` as work of vacuum on an index, and add n to a counter. */
extern void OhCountVacuum(Relation index, instr_time from, OhCounter counter, int64 n);
/* Called by _PG_init. */
extern void OhStatsInit(void);

#endif							/* OH_COUNTERS_H */
