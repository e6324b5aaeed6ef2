/*
 * build.c -- ohbuild: builds an index from a table.
 *
 * Sample the table; set up an empty index and a graph in memory of the size
 * that the table probably needs, at most maintenance_work_mem; add all rows,
 * with parallel workers if PostgreSQL's settings give any; write the graph to
 * pages; log them.  What the participants do with rows is in buildscan.c.
 *
 * The graph is a dynamic shared memory segment if workers are wanted.  It is
 * created before parallel mode begins, in a subtransaction, because there may
 * be too little shared memory: then the build is serial, in private memory.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "pgstat.h"
#include "storage/dsm.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "hnsw/build.h"

/* Chunks of the parallel context. */
#define KEY_SHARED			UINT64CONST(0xB0B0000000000001)
#define KEY_SCAN			UINT64CONST(0xB0B0000000000002)
#define KEY_QUERY_TEXT		UINT64CONST(0xB0B0000000000003)
#define KEY_WAL_USAGE		UINT64CONST(0xB0B0000000000004)
#define KEY_BUFFER_USAGE	UINT64CONST(0xB0B0000000000005)
#define KEY_GRAPH			UINT64CONST(0xB0B0000000000006)

/* PostgreSQL's own rule: each participant shall have this many kilobytes. */
#define WORKER_MEMORY		32768

/* Milliseconds between two reports of progress while workers finish. */
#define REPORT_TIME			500

/* Private memory besides the graph: order and numbers of slots in flush.c. */
#define FLUSH_SLOT_BYTES	(2 * sizeof(uint32))

PGDLLEXPORT void om_build_worker_main(dsm_segment *seg, shm_toc *toc);

/* The leader's state. */
typedef struct Build
{
	OhBuildWorker worker;
	IndexInfo  *info;
	OhCreate	create;
	int			workers;		/* to ask for */
	uint32		capacity;		/* slots of the graph */
	dsm_segment *segment;		/* of the graph, NULL if it is private */
	void	   *private_graph;
	OhBuildShared *shared;
} Build;

/* Leader's side of a running parallel operation. */
typedef struct Launch
{
	ParallelContext *pcxt;
	Snapshot	snapshot;
	ParallelTableScanDesc pscan;
	WalUsage   *wal;
	BufferUsage *buffers;
} Launch;

char *
ohbuildphasename(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case OH_PHASE_SAMPLE:
			return "sampling table";
		case OH_PHASE_TRAIN:
			return "training quantizer";
		case OH_PHASE_INSERT:
			return "inserting tuples";
		case OH_PHASE_CONNECT:
			return "connecting nodes";
		case OH_PHASE_WRITE:
			return "writing pages";
		default:
			return NULL;
	}
}

static void
report_phase(int64 phase)
{
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase);
}

/*
 * toast_workers -- workers for a table whose vectors lie in its TOAST table.
 *
 * PostgreSQL counts the blocks of the table itself, which may be few while the
 * work is much.  Its rule (one worker from min_parallel_table_scan_size on, one
 * more for each factor of three), with the TOAST table counted.
 */
static int
toast_workers(Relation heap, const IndexInfo *info)
{
	double		blocks = RelationGetNumberOfBlocks(heap);
	int			workers = 0;
	Relation	toast;

	if (max_parallel_maintenance_workers == 0 || RelationUsesLocalBuffers(heap) ||
		!OidIsValid(heap->rd_rel->reltoastrelid) || RelationGetParallelWorkers(heap, -1) >= 0 ||
		info->ii_Expressions != NIL || info->ii_Predicate != NIL)
		return 0;

	toast = table_open(heap->rd_rel->reltoastrelid, AccessShareLock);
	blocks += RelationGetNumberOfBlocks(toast);
	table_close(toast, AccessShareLock);
	for (double need = Max(min_parallel_table_scan_size, 1);
		 blocks >= need && workers < max_parallel_maintenance_workers;
		 need *= 3)
		workers++;
	while (workers > 0 && maintenance_work_mem / (workers + 1) < WORKER_MEMORY)
		workers--;
	return workers;
}

static int
choose_workers(Relation heap, Relation index, const IndexInfo *info)
{
	int			workers = om_index_build_workers(heap, index, info);

	return workers > 0 ? workers : toast_workers(heap, info);
}

static OhGraphShape
shape_of(const OhCreate *create)
{
	OhGraphShape shape;

	shape.spec = create->spec;
	shape.m = create->m;
	shape.ef_construction = create->ef_construction;
	shape.refine_bytes = OhRefineBytes(&create->spec, create->rerank);
	shape.nattrs = create->nattrs;
	return shape;
}

/*
 * memory_needed -- bytes of a build with a graph of so many slots.
 */
static Size
memory_needed(const OhGraphShape *shape, uint32 capacity, int participants)
{
	return OhGraphBytes(shape, capacity) + participants * OhBuilderBytes(capacity) +
		(Size) capacity * FLUSH_SLOT_BYTES;
}

/*
 * choose_capacity -- slots for what the sample promises, or as many as
 * maintenance_work_mem has room for.
 */
static uint32
choose_capacity(const Build *build, const OhSample *sample)
{
	OhGraphShape shape = shape_of(&build->create);
	double		want = sample->vectors + sample->others / OhChunkRows(&shape) + 64;
	Size		limit = (Size) maintenance_work_mem * 1024;
	int			participants = build->workers + 1;
	uint32		low = 1;
	uint32		high = (uint32) Min(want, OH_GRAPH_MAX_SLOTS);

	while (low < high)
	{
		uint32		mid = low + (high - low + 1) / 2;

		if (memory_needed(&shape, mid, participants) <= limit)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

/*
 * create_segment -- shared memory for the graph, or NULL if there is too little.
 */
static dsm_segment *
create_segment(Size bytes)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	dsm_segment *segment = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		segment = dsm_create(bytes, DSM_CREATE_NULL_IF_MAXSEGMENTS);
		if (segment != NULL)
			dsm_pin_mapping(segment);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		FreeErrorData(error);
		segment = NULL;
	}
	PG_END_TRY();

	/* now it goes with the transaction, or with our own dsm_detach() */
	if (segment != NULL)
		dsm_unpin_mapping(segment);
	return segment;
}

/*
 * create_graph -- memory for the graph, shared if there are to be workers.
 */
static OhGraph *
create_graph(Build *build)
{
	OhGraphShape shape = shape_of(&build->create);
	Size		bytes = OhGraphBytes(&shape, build->capacity);
	void	   *mem;

	if (build->workers > 0)
	{
		build->segment = create_segment(bytes);
		if (build->segment == NULL)
		{
			ereport(NOTICE,
					(errmsg("too little shared memory for a parallel build of index \"%s\"",
							RelationGetRelationName(build->worker.index)),
					 errdetail("It needs %zu MB. The build goes on with one process, in private memory.",
							   bytes / 1024 / 1024 + 1),
					 errhint("Shared memory may be limited by the size of /dev/shm, for example in a container.")));
			build->workers = 0;
		}
	}
	if (build->segment != NULL)
		mem = dsm_segment_address(build->segment);
	else
	{
		build->private_graph = MemoryContextAllocHuge(build->worker.context, bytes + 64);
		mem = (void *) TYPEALIGN(64, build->private_graph);
	}
	return OhGraphInit(mem, &shape, build->capacity);
}

static void
init_shared(OhBuildShared *shared, const Build *build)
{
	memset(shared, 0, sizeof(OhBuildShared));
	shared->heap_id = RelationGetRelid(build->worker.heap);
	shared->index_id = RelationGetRelid(build->worker.index);
	shared->concurrent = build->info->ii_Concurrent;
	shared->tranche = LWLockNewTrancheId();
	LWLockRegisterTranche(shared->tranche, "omenhnsw_build");
	LWLockInitialize(&shared->gate, shared->tranche);
	shared->state = OH_BUILD_GRAPH;
	ConditionVariableInit(&shared->flushed);
	ConditionVariableInit(&shared->finished);
	pg_atomic_init_u64(&shared->tuples, 0);
	SpinLockInit(&shared->mutex);
}

/*
 * start_workers -- begin parallel mode and launch them; build->shared is in
 * shared memory then.  false if there is no room for that.
 */
static bool
start_workers(Build *build, Launch *launch)
{
	Relation	heap = build->worker.heap;
	ParallelContext *pcxt;
	Size		scan_bytes;
	Size		query_bytes = debug_query_string ? strlen(debug_query_string) + 1 : 0;
	dsm_handle *handle;

	EnterParallelMode();
	pcxt = CreateParallelContext("omendb", "om_build_worker_main", build->workers);
	launch->pcxt = pcxt;
	/* as for a btree: all rows, or those that are there now if others may write */
	launch->snapshot = build->info->ii_Concurrent ?
		RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;

	scan_bytes = table_parallelscan_estimate(heap, launch->snapshot);
	shm_toc_estimate_chunk(&pcxt->estimator, sizeof(OhBuildShared));
	shm_toc_estimate_chunk(&pcxt->estimator, scan_bytes);
	shm_toc_estimate_chunk(&pcxt->estimator, mul_size(sizeof(WalUsage), pcxt->nworkers));
	shm_toc_estimate_chunk(&pcxt->estimator, mul_size(sizeof(BufferUsage), pcxt->nworkers));
	shm_toc_estimate_chunk(&pcxt->estimator, sizeof(dsm_handle));
	shm_toc_estimate_chunk(&pcxt->estimator, query_bytes);
	shm_toc_estimate_keys(&pcxt->estimator, 6);

	InitializeParallelDSM(pcxt);
	if (pcxt->seg == NULL)
	{
		if (IsMVCCSnapshot(launch->snapshot))
			UnregisterSnapshot(launch->snapshot);
		DestroyParallelContext(pcxt);
		ExitParallelMode();
		return false;
	}

	build->shared = shm_toc_allocate(pcxt->toc, sizeof(OhBuildShared));
	init_shared(build->shared, build);
	shm_toc_insert(pcxt->toc, KEY_SHARED, build->shared);
	launch->pscan = shm_toc_allocate(pcxt->toc, scan_bytes);
	table_parallelscan_initialize(heap, launch->pscan, launch->snapshot);
	shm_toc_insert(pcxt->toc, KEY_SCAN, launch->pscan);
	launch->wal = shm_toc_allocate(pcxt->toc, mul_size(sizeof(WalUsage), pcxt->nworkers));
	shm_toc_insert(pcxt->toc, KEY_WAL_USAGE, launch->wal);
	launch->buffers = shm_toc_allocate(pcxt->toc, mul_size(sizeof(BufferUsage), pcxt->nworkers));
	shm_toc_insert(pcxt->toc, KEY_BUFFER_USAGE, launch->buffers);
	handle = shm_toc_allocate(pcxt->toc, sizeof(dsm_handle));
	*handle = dsm_segment_handle(build->segment);
	shm_toc_insert(pcxt->toc, KEY_GRAPH, handle);
	if (query_bytes > 0)
	{
		char	   *text = shm_toc_allocate(pcxt->toc, query_bytes);

		memcpy(text, debug_query_string, query_bytes);
		shm_toc_insert(pcxt->toc, KEY_QUERY_TEXT, text);
	}
	LaunchParallelWorkers(pcxt);
	return true;
}

/*
 * wait_for_workers -- until all participants have finished, reporting progress.
 */
static void
wait_for_workers(Build *build, Launch *launch)
{
	OhBuildShared *shared = build->shared;
	int			participants = launch->pcxt->nworkers_launched + 1;

	WaitForParallelWorkersToAttach(launch->pcxt);
	for (;;)
	{
		int			nfinished;

		SpinLockAcquire(&shared->mutex);
		nfinished = shared->nfinished;
		SpinLockRelease(&shared->mutex);
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE,
									 pg_atomic_read_u64(&shared->tuples));
		if (nfinished == participants)
			break;
		ConditionVariableTimedSleep(&shared->finished, REPORT_TIME,
									WAIT_EVENT_PARALLEL_CREATE_INDEX_SCAN);
	}
	ConditionVariableCancelSleep();
}

static void
end_workers(Build *build, Launch *launch, OhBuildShared *result)
{
	ParallelContext *pcxt = launch->pcxt;

	WaitForParallelWorkersToFinish(pcxt);
	for (int i = 0; i < pcxt->nworkers_launched; i++)
		InstrAccumParallelQuery(&launch->buffers[i], &launch->wal[i]);
	*result = *build->shared;
	build->shared = result;
	build->worker.shared = result;
	if (IsMVCCSnapshot(launch->snapshot))
		UnregisterSnapshot(launch->snapshot);
	DestroyParallelContext(pcxt);
	ExitParallelMode();
}

/*
 * om_build_worker_main -- entry point of a parallel worker.
 */
void
om_build_worker_main(dsm_segment *seg, shm_toc *toc)
{
	OhBuildShared *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	dsm_handle *handle = shm_toc_lookup(toc, KEY_GRAPH, false);
	WalUsage   *wal = shm_toc_lookup(toc, KEY_WAL_USAGE, false);
	BufferUsage *buffers = shm_toc_lookup(toc, KEY_BUFFER_USAGE, false);
	LOCKMODE	heap_lock = shared->concurrent ? ShareUpdateExclusiveLock : ShareLock;
	LOCKMODE	index_lock = shared->concurrent ? RowExclusiveLock : AccessExclusiveLock;
	OhBuildWorker worker = {0};
	dsm_segment *graph;
	IndexInfo  *info;

	debug_query_string = shm_toc_lookup(toc, KEY_QUERY_TEXT, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	LWLockRegisterTranche(shared->tranche, "omenhnsw_build");

	graph = dsm_attach(*handle);
	if (graph == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not map dynamic shared memory segment")));

	/* the locks that the leader is known to hold */
	worker.heap = table_open(shared->heap_id, heap_lock);
	worker.index = index_open(shared->index_id, index_lock);
	worker.shared = shared;
	worker.parallel = true;
	worker.context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw build",
										   ALLOCSET_DEFAULT_SIZES);
	worker.ix = OhIndexOpen(worker.index);
	worker.ix->building = true;
	worker.builder = OhBuilderBegin(dsm_segment_address(graph), worker.ix->quant,
									OhRandomLevel, worker.context);
	info = BuildIndexInfo(worker.index);
	info->ii_Concurrent = shared->concurrent;

	InstrStartParallelQuery();
	OhBuildScan(&worker, info, shm_toc_lookup(toc, KEY_SCAN, false));
	InstrEndParallelQuery(&buffers[ParallelWorkerNumber], &wal[ParallelWorkerNumber]);

	MemoryContextDelete(worker.context);
	dsm_detach(graph);
	index_close(worker.index, index_lock);
	table_close(worker.heap, heap_lock);
}

/*
 * add_rows -- all participants' scans; the results are in build->shared.
 */
static void
add_rows(Build *build, OhBuildShared *result)
{
	OhBuildWorker *worker = &build->worker;
	Launch		launch;

	if (build->workers > 0 && start_workers(build, &launch))
	{
		worker->shared = build->shared;
		worker->parallel = true;
		OhBuildScan(worker, build->info, launch.pscan);
		wait_for_workers(build, &launch);
		end_workers(build, &launch, result);
	}
	else
	{
		build->shared = result;
		worker->shared = result;
		init_shared(result, build);
		OhBuildScan(worker, build->info, NULL);
	}
}

static void
check_index(const IndexInfo *info)
{
	if (info->ii_ExclusionOps != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("access method \"omenhnsw\" does not support exclusion constraints")));
}

/*
 * ohbuild -- ambuild.
 */
IndexBuildResult *
ohbuild(Relation heap, Relation index, IndexInfo *info)
{
	IndexBuildResult *result = palloc(sizeof(IndexBuildResult));
	Build		build = {0};
	OhBuildWorker *worker = &build.worker;
	OhBuildShared shared;
	OhSample	sample;

	check_index(info);
	worker->heap = heap;
	worker->index = index;
	worker->leader = true;
	worker->context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw build",
											ALLOCSET_DEFAULT_SIZES);
	build.info = info;
	OhResolveOptions(index, &build.create);

	report_phase(OH_PHASE_SAMPLE);
	OhTakeSample(heap, index, info, &build.create.spec, OhTrainRows(&build.create.spec), &sample);
	report_phase(OH_PHASE_TRAIN);
	OhTrain(index, &build.create, &sample);
	if (sample.rows != NULL)
		pfree(sample.rows);
	worker->ix = OhIndexCreate(index, MAIN_FORKNUM, &build.create);
	build.workers = sample.tuples > 0 ? choose_workers(heap, index, info) : 0;
	build.capacity = choose_capacity(&build, &sample);
	worker->builder = OhBuilderBegin(create_graph(&build), worker->ix->quant, OhRandomLevel,
									 worker->context);

	report_phase(OH_PHASE_INSERT);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, (int64) sample.tuples);
	add_rows(&build, &shared);
	if (shared.state == OH_BUILD_GRAPH)
		OhFlushGraph(worker);

	if (build.segment != NULL)
		dsm_detach(build.segment);
	MemoryContextDelete(worker->context);
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);
	/* from now on this transaction's changes are like anybody's */
	worker->ix->building = false;

	info->ii_BrokenHotChain |= shared.broken_hot_chain;
	result->heap_tuples = shared.heap_tuples;
	result->index_tuples = (double) pg_atomic_read_u64(&shared.tuples);
	return result;
}

/*
 * ohbuildempty -- ambuildempty: the init fork of an unlogged index.
 */
void
ohbuildempty(Relation index)
{
	OhCreate	create = {0};
	OhIndex    *ix;

	OhResolveOptions(index, &create);
	if (om_quant_train_least(&create.spec) > 0)
		OhFallBack(index, &create, 0);
	ix = OhIndexCreate(index, INIT_FORKNUM, &create);
	MemoryContextDelete(ix->context);
	/* also when nothing else of this relation is in the WAL */
	log_newpage_range(index, INIT_FORKNUM, 0, 1, true);
}
