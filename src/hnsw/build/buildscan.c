/*
 * buildscan.c -- one participant's share of an index build: reads the table and
 * adds its rows, to the graph in memory or, once that is full, to pages.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "pgstat.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "hnsw/build/build.h"
#include "hnsw/build/regions.h"
#include "hnsw/hnsw.h"
#include "hnsw/insert/inserter.h"
#include "hnsw/parts.h"
#include "storage/wait.h"

/* Rows between two reports of progress. */
#define REPORT_ROWS 256

/* Slots that a participant takes at once to relink their nodes. */
#define RELINK_SLOTS 256

/* A row, without its filter keys, which are in the worker. */
typedef struct BuildRow
{
	ItemPointer tid;
	const OhPosition *position;	/* NULL for an off-graph row */
	int			kind;			/* OH_ROW_* of an off-graph row */
} BuildRow;

/*
 * add_to_graph -- add a row to the graph; false if the graph is full or gone.
 */
static bool
add_to_graph(OhBuildWorker *worker, const BuildRow *row)
{
	OhBuildShared *shared = worker->shared;
	bool		ok = false;

	if (worker->builder == NULL)
		return false;
	if (worker->parallel)
		LWLockAcquire(&shared->gate, LW_SHARED);
	if (shared->state == OH_BUILD_GRAPH)
		ok = row->position != NULL ?
			OhGraphAdd(worker->builder, row->position, row->tid, worker->keys) :
			OhGraphAddRow(worker->builder, row->tid, row->kind, worker->keys);
	if (worker->parallel)
		LWLockRelease(&shared->gate);
	return ok;
}

static bool
flush_begins(OhBuildWorker *worker)
{
	OhBuildShared *shared = worker->shared;
	bool		ours;

	LWLockAcquire(&shared->gate, LW_EXCLUSIVE);
	ours = shared->state == OH_BUILD_GRAPH;
	if (ours)
		shared->state = OH_BUILD_FLUSHING;
	LWLockRelease(&shared->gate);
	return ours;
}

static OhBuildState
current_state(OhBuildShared *shared)
{
	OhBuildState state;

	LWLockAcquire(&shared->gate, LW_SHARED);
	state = shared->state;
	LWLockRelease(&shared->gate);
	return state;
}

bool
OhBuildIsInPages(OhBuildShared *shared)
{
	return current_state(shared) == OH_BUILD_PAGES;
}

/*
 * release_graph -- free the graph, which has been written to pages, and allocate what inserts
 * need.
 */
static void
release_graph(OhBuildWorker *worker)
{
	worker->builder = NULL;
	MemoryContextDelete(worker->graph_context);
	worker->graph_context = NULL;
	if (worker->segment != NULL)
		dsm_detach(worker->segment);
	worker->segment = NULL;
}

/*
 * leave_graph -- leave the graph, which is full: one participant writes it to pages, the
 * others wait for that.
 *
 * The gate is not held during the wait, because interrupts are off while an LWLock is held.
 * If the participant that writes fails, the parallel operation ends and so does the wait.
 */
static void
leave_graph(OhBuildWorker *worker)
{
	OhBuildShared *shared = worker->shared;

	if (flush_begins(worker))
	{
		ereport(NOTICE,
				(errmsg("hnsw graph no longer fits into maintenance_work_mem after %llu tuples",
						(unsigned long long) pg_atomic_read_u64(&shared->tuples)),
				 errdetail("The build continues with inserts into pages, which is slower."),
				 errhint("Increase maintenance_work_mem to speed up builds.")));
		OhFlushGraph(worker);
		LWLockAcquire(&shared->gate, LW_EXCLUSIVE);
		shared->state = OH_BUILD_PAGES;
		LWLockRelease(&shared->gate);
		ConditionVariableBroadcast(&shared->flushed);
		if (worker->leader)
			pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, OH_PHASE_INSERT);
	}
	else
	{
		ConditionVariablePrepareToSleep(&shared->flushed);
		while (current_state(shared) == OH_BUILD_FLUSHING)
			ConditionVariableSleep(&shared->flushed, OhWaitEvent(OH_WAIT_BUILD_FLUSH));
		ConditionVariableCancelSleep();
	}
	release_graph(worker);
	worker->inserter = OhInserterBegin(worker->ix, worker->context);
}

static void
add_row(OhBuildWorker *worker, const BuildRow *row)
{
	if (worker->regions != NULL && row->position != NULL)
	{
		OhRegionsAddRow(worker->regions, row->position, row->tid, worker->keys);
		return;
	}
	if (worker->regions != NULL && worker->inserter == NULL)
		worker->inserter = OhInserterBegin(worker->ix, worker->context);
	if (add_to_graph(worker, row))
		return;
	if (worker->builder != NULL)
		leave_graph(worker);
	if (row->position != NULL)
		OhInsertVector(worker->inserter, row->position, row->tid, worker->keys);
	else
		OhInsertRowWithoutPosition(worker->inserter, row->tid, row->kind, worker->keys);
}

/*
 * add_value -- add each position of a value, all with this TID.
 */
static void
add_value(OhBuildWorker *worker, Datum value, ItemPointer tid)
{
	OhParts		parts;

	OhPartsOpen(&worker->ix->column, value, &parts);
	if (parts.n == 0)
		add_row(worker, &(BuildRow) {tid, NULL, OH_ROW_NO_DIRECTION});
	for (int i = 0; i < parts.n; i++)
	{
		OhPosition	position;
		BuildRow	row = {tid, &position, 0};

		CHECK_FOR_INTERRUPTS();
		if (OhPartsRepeats(&parts, i))
			continue;
		OhPartsPosition(&parts, i, &position);
		if (position.no_direction)
		{
			row.position = NULL;
			row.kind = OH_ROW_NO_DIRECTION;
		}
		add_row(worker, &row);
	}
}

/*
 * build_row -- callback of the table scan.
 */
static void
build_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *arg)
{
	OhBuildWorker *worker = arg;
	MemoryContext old = MemoryContextSwitchTo(worker->row_context);
	uint64		tuples;

	CHECK_FOR_INTERRUPTS();
	if (worker->maker != NULL)
		OhMakeKeys(worker->maker, values, isnull, worker->keys);
	if (isnull[0])
		add_row(worker, &(BuildRow) {tid, NULL, OH_ROW_NULL});
	else
		add_value(worker, values[0], tid);
	MemoryContextSwitchTo(old);
	MemoryContextReset(worker->row_context);

	tuples = pg_atomic_fetch_add_u64(&worker->shared->tuples, 1) + 1;
	if (worker->leader && tuples % REPORT_ROWS == 0)
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, tuples);
}

/*
 * relink -- together with the other participants, relink the nodes that few nodes link to.
 *
 * phase: the barrier's when this participant attached; if it was late, there were no rows
 * left to add.  A graph that became full was written without being relinked.
 */
static void
relink(OhBuildWorker *worker, int phase)
{
	OhBuildShared *shared = worker->shared;
	OhRelink	work;
	uint32		from;

	if (phase == OH_PART_ADD && BarrierArriveAndWait(&shared->barrier, PG_WAIT_EXTENSION) &&
		current_state(shared) == OH_BUILD_GRAPH)
		OhGraphFindIslands(worker->builder, worker->context);
	if (phase <= OH_PART_COUNT && current_state(shared) == OH_BUILD_GRAPH)
	{
		if (worker->leader)
			pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, OH_PHASE_RELINK);
		OhRelinkBegin(&work, worker->builder, worker->context);
		BarrierArriveAndWait(&shared->barrier, PG_WAIT_EXTENSION);
		while ((from = pg_atomic_fetch_add_u32(&shared->next_slot, RELINK_SLOTS)) < work.nslots)
			OhRelinkSlots(&work, from, from + RELINK_SLOTS);
		OhRelinkEnd(&work);
	}
	BarrierDetach(&shared->barrier);
}

void
OhBuildScan(OhBuildWorker *worker, IndexInfo *info, ParallelTableScanDesc pscan)
{
	OhBuildShared *shared = worker->shared;
	TableScanDesc scan = pscan == NULL ? NULL : table_beginscan_parallel(worker->heap, pscan);
	int			phase = BarrierAttach(&shared->barrier);
	double		heap_tuples;

	worker->row_context = AllocSetContextCreate(worker->context, "omenhnsw build row",
												ALLOCSET_DEFAULT_SIZES);
	if (worker->ix->columns.n > 0)
	{
		worker->maker = OhKeyMakerBegin(&worker->ix->columns, worker->context);
		worker->keys = MemoryContextAllocZero(worker->context,
											   OhKeyRowBytes(worker->ix->columns.n));
	}
	heap_tuples = table_index_build_scan(worker->heap, worker->ix->file.rel, info, true,
										 worker->leader, build_row, worker, scan);
	if (worker->inserter != NULL)
		OhInserterEnd(worker->inserter);
	if (worker->regions != NULL)
		OhRegionsBuild(worker->regions, phase);
	else
		relink(worker, phase);

	SpinLockAcquire(&shared->mutex);
	shared->nfinished++;
	shared->heap_tuples += heap_tuples;
	shared->broken_hot_chain |= info->ii_BrokenHotChain;
	SpinLockRelease(&shared->mutex);
	ConditionVariableSignal(&shared->finished);
}
