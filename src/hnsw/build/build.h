/*
 * build.h -- what the files of the index build share.
 *
 *   build.c      ohbuild: order of the phases, parallel workers (parallel.h)
 *   buildscan.c  what each participant does with a row
 *   graph*.c, relink.c, siblings.c, connect.c, pack.c  the graph in memory
 *   flush.c      from there to pages
 */
#ifndef OH_BUILD_H
#define OH_BUILD_H

#include "postgres.h"

#include "access/relscan.h"
#include "nodes/execnodes.h"
#include "hnsw/build/graph.h"
#include "hnsw/insert/inserter.h"
#include "filter/key.h"
#include "storage/barrier.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "storage/spin.h"

/* Where rows go. */
typedef enum OhBuildState
{
	OH_BUILD_GRAPH,				/* into the graph in memory */
	OH_BUILD_FLUSHING,			/* it is full; a participant writes it to pages */
	OH_BUILD_PAGES				/* into pages */
} OhBuildState;

/* Phases of the barrier, in which the participants work together. */
#define OH_PART_ADD		0		/* add rows */
#define OH_PART_COUNT	1		/* count links; nobody changes any */
#define OH_PART_RELINK	2

/* State that all participants share, in shared memory if there are workers. */
typedef struct OhBuildShared
{
	/* constant */
	Oid			heap_id;
	Oid			index_id;
	bool		concurrent;		/* CREATE INDEX CONCURRENTLY */
	bool		in_regions;		/* the segment is that of regions.h, not a graph */
	int			tranche;		/* of gate */

	/*
	 * Held shared while a row is added to the graph, and exclusively to leave the
	 * state OH_BUILD_GRAPH, which thus cannot happen while a row is being added.
	 */
	LWLock		gate;
	OhBuildState state;			/* changed under gate, or by the participant that flushes */
	ConditionVariable flushed;	/* the state is OH_BUILD_PAGES */
	pg_atomic_uint64 tuples;	/* rows in the index so far */

	/* its phases are OH_PART_* */
	Barrier		barrier;
	pg_atomic_uint32 next_slot; /* next slots to relink */

	/* under mutex, when a participant has finished */
	slock_t		mutex;
	ConditionVariable finished;
	int			nfinished;
	double		heap_tuples;
	bool		broken_hot_chain;
} OhBuildShared;

/* One participant. */
typedef struct OhBuildWorker
{
	Relation	heap;
	Relation	index;
	OhBuildShared *shared;
	OhIndex    *ix;
	OhBuilder  *builder;		/* NULL once the graph is gone */
	OhInserter *inserter;		/* made when the first row goes into pages */
	struct OhRegionWorker *regions; /* of a build in regions (regions.h); NULL of others */
	MemoryContext context;		/* lives as long as the build */
	MemoryContext graph_context;	/* lives as long as the graph: builder, and a private graph */
	dsm_segment *segment;		/* holds the graph if it is shared */
	MemoryContext row_context;	/* reset after each row */
	OhKeyMaker *maker;		/* of filter columns; NULL if there are none */
	OhKeyRow   *keys;			/* of the current row; NULL likewise */
	bool		parallel;		/* there may be other participants */
	bool		leader;			/* reports progress */
} OhBuildWorker;

/* build.c: the maintenance_work_mem with which the graph of an index with this many rows fits in memory */
extern Size OhBuildMemory(const OhIndex *ix, double rows, int participants);

/*
 * buildscan.c: do this participant's share of the build and add its counts to the shared ones.  pscan: the parallel
 * scan of the table, or NULL for a serial build's own
 */
extern void OhBuildScan(OhBuildWorker *worker, struct IndexInfo *info,
						struct ParallelTableScanDescData *pscan);

/* True once the graph has been written, so that further rows go into pages. */
extern bool OhBuildIsInPages(OhBuildShared *shared);

/* flush.c: connect, order and write the graph; the index has no nodes yet */
extern void OhFlushGraph(OhBuildWorker *worker);

/* Set the index's entry point (OH_NONE: there is no node) and the highway's level. */
extern void OhWriteEntry(OhIndex *ix, uint32 entry, int level, int highway_level);

#endif							/* OH_BUILD_H */
