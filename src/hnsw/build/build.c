/*
 * build.c -- ohbuild: builds an index from a table.
 *
 * A build samples the table, sets up an empty index and allocates a graph in memory,
 * of the size that the table probably needs, at most maintenance_work_mem.  It adds all
 * rows, with parallel workers if PostgreSQL's settings allow any.  Then it writes the
 * graph to pages and logs them.  What the participants do with rows is in buildscan.c.
 *
 * If workers are wanted, the graph is in a dynamic shared memory segment.  This is
 * created before parallel mode begins, so that with too little shared memory the build
 * can still be serial, in private memory (parallel.h).  When the graph is full and
 * written, each participant releases it before it allocates what inserts need.
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "hnsw/build/build.h"
#include "hnsw/build/create.h"
#include "hnsw/build/regions.h"
#include "hnsw/calibrate/calibrate.h"
#include "hnsw/graph/linkcode.h"
#include "hnsw/callbacks.h"
#include "hnsw/hnsw.h"
#include "hnsw/options.h"
#include "hnsw/train/choose.h"
#include "hnsw/train/sample.h"
#include "hnsw/train/train.h"
#include "storage/crash.h"
#include "storage/parallel.h"

/* Chunks of the parallel context. */
#define KEY_SHARED			OH_KEY(1)
#define KEY_SCAN			OH_KEY(2)

/* Milliseconds between two reports of progress while workers finish. */
#define REPORT_TIME			500

/* Measuring recall may take this part of the time that the build took. */
#define CALIBRATION_PART	0.1

/* Private memory a slot, next to the graph: for connect.c, later for flush.c, which needs no more. */
#define FLUSH_SLOT_BYTES	(3 * sizeof(uint32))

PGDLLEXPORT void om_build_worker_main(dsm_segment *seg, shm_toc *toc);

/* The leader's state. */
typedef struct Build
{
	OhBuildWorker worker;
	IndexInfo  *info;
	OhParameters params;
	int			workers;		/* to ask for */
	double		tuples;			/* estimated */
	double		wanted;			/* slots that a graph of these rows needs, with a margin */
	uint32		capacity;		/* slots of the graph */
	OhBuildShared *shared;
}			Build;

/* Leader's side of a running parallel operation. */
typedef struct Launch
{
	OhTeam		team;
	Snapshot	snapshot;
	ParallelTableScanDesc pscan;
}			Launch;

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
		case OH_PHASE_RELINK:
			return "relinking nodes";
		case OH_PHASE_CONNECT:
			return "connecting nodes";
		case OH_PHASE_WRITE:
			return "writing pages";
		case OH_PHASE_DIVIDE:
			return "dividing rows into regions";
		case OH_PHASE_REGIONS:
			return "building regions";
		case OH_PHASE_CALIBRATE:
			return "measuring recall";
		default:
			return NULL;
	}
}

static void
report_phase(int64 phase)
{
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase);
}

static OhGraphShape
shape_of(const OhParameters *params)
{
	OhGraphShape shape;

	shape.spec = params->spec;
	shape.m = params->m;
	shape.ef_construction = params->ef_construction;
	shape.refine_bytes = OhRefineBytes(&params->spec, params->rerank);
	shape.ncolumns = params->ncolumns;
	return shape;
}

/*
 * memory_needed -- bytes that a build with a graph of this many slots takes.  Each
 * participant has its own quantizer and query form.
 */
static Size
memory_needed(const OhGraphShape * shape, uint32 capacity, int participants)
{
	Size		own = OhBuilderBytes(capacity) + om_quant_bytes(&shape->spec) +
		om_quant_query_bytes(&shape->spec) + om_quant_scratch_bytes(&shape->spec);

	return OhGraphBytes(shape, capacity) + participants * own +
		(Size) capacity * FLUSH_SLOT_BYTES;
}

Size
OhBuildMemory(const OhIndex *ix, double rows, int participants)
{
	OhGraphShape shape = {.spec = ix->spec, .m = ix->m, .ef_construction = ix->ef_construction,
	.refine_bytes = ix->refine_bytes, .ncolumns = ix->columns.n};

	return memory_needed(&shape, (uint32) Min(rows + 64, OH_GRAPH_MAX_SLOTS), participants);
}

/*
 * choose_capacity -- choose the graph's number of slots: what the sample suggests, but no
 * more than fit maintenance_work_mem.
 */
static void
choose_capacity(Build * build, const OhSample *sample)
{
	OhGraphShape shape = shape_of(&build->params);
	double		want = ceil(sample->vectors + sample->others / OhChunkRows(&shape)) + 64;
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
	build->wanted = want;
	build->capacity = low;
}

/*
 * start_regions -- set up a build in regions, if the graph does not fit
 * maintenance_work_mem.  Returns false if it fits, or if OhRegionsBegin() finds no way.
 */
static bool
start_regions(Build * build)
{
	OhBuildWorker *worker = &build->worker;
	OhGraphShape shape = shape_of(&build->params);

	if (build->capacity >= build->wanted || build->wanted > OH_GRAPH_MAX_SLOTS)
		return false;
	worker->regions = OhRegionsBegin(worker, &shape, build->wanted, build->workers + 1);
	if (worker->regions == NULL)
		return false;
	ereport(NOTICE,
			(errmsg("hnsw graph of about %.0f tuples does not fit into maintenance_work_mem", build->tuples),
			 errdetail("The index is built in regions, with temporary files, which is slower."),
			 errhint("Increase maintenance_work_mem to speed up builds.")));
	return true;
}

/*
 * create_graph -- allocate the graph, in shared memory if workers are wanted.
 */
static OhGraph *
create_graph(Build * build)
{
	OhGraphShape shape = shape_of(&build->params);
	Size		bytes = OhGraphBytes(&shape, build->capacity);
	void	   *mem;

	if (build->workers > 0)
	{
		build->worker.segment = OhSegmentCreate(bytes);
		if (build->worker.segment == NULL)
		{
			ereport(NOTICE,
					(errmsg("too little shared memory for a parallel build of index \"%s\"",
							RelationGetRelationName(build->worker.index)),
					 errdetail("It needs %zu MB. The build continues with one process, in private memory.",
							   bytes / 1024 / 1024 + 1),
					 errhint("Shared memory may be limited by the size of /dev/shm, for example in a container.")));
			build->workers = 0;
		}
	}
	if (build->worker.segment != NULL)
		mem = dsm_segment_address(build->worker.segment);
	else
		mem = (void *) TYPEALIGN(64, MemoryContextAllocHuge(build->worker.graph_context, bytes + 64));
	return OhGraphInit(mem, &shape, build->capacity);
}

/*
 * build_tranche -- the LWLock tranche of parallel builds' gates.  All builds share one for the
 * life of the server: there are only 65,536 tranches, and PostgreSQL never frees one.
 */
static int
build_tranche(void)
{
	int		   *tranche;
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	tranche = ShmemInitStruct("omenhnsw build tranche", sizeof(int), &found);
	if (!found)
		*tranche = LWLockNewTrancheId();
	LWLockRelease(AddinShmemInitLock);
	LWLockRegisterTranche(*tranche, "omenhnsw_build");
	return *tranche;
}

static void
init_shared(OhBuildShared * shared, const Build * build)
{
	memset(shared, 0, sizeof(OhBuildShared));
	shared->heap_id = RelationGetRelid(build->worker.heap);
	shared->index_id = RelationGetRelid(build->worker.index);
	shared->concurrent = build->info->ii_Concurrent;
	shared->in_regions = build->worker.regions != NULL;
	/* nobody waits at the gate of a serial build, so any tranche will do */
	shared->tranche = build->workers > 0 ? build_tranche() : LWTRANCHE_BUFFER_CONTENT;
	LWLockInitialize(&shared->gate, shared->tranche);
	shared->state = OH_BUILD_GRAPH;
	ConditionVariableInit(&shared->flushed);
	BarrierInit(&shared->barrier, 0);
	pg_atomic_init_u32(&shared->next_slot, 0);
	ConditionVariableInit(&shared->finished);
	pg_atomic_init_u64(&shared->tuples, 0);
	SpinLockInit(&shared->mutex);
}

/*
 * start_workers -- begin parallel mode, put build->shared into shared memory and launch
 * the workers.  Returns false if there is too little shared memory.
 */
static bool
start_workers(Build * build, Launch * launch)
{
	Relation	heap = build->worker.heap;
	OhTeam	   *team = &launch->team;
	Size		scan_bytes;

	OhTeamPrepare(team, "om_build_worker_main", build->workers);
	/* as nbtree does: all rows, or those of an MVCC snapshot if others may write to the table */
	launch->snapshot = build->info->ii_Concurrent ?
		RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;
	scan_bytes = table_parallelscan_estimate(heap, launch->snapshot);
	OhTeamReserve(team, sizeof(OhBuildShared));
	OhTeamReserve(team, scan_bytes);
	if (!OhTeamReady(team, build->worker.segment))
	{
		if (IsMVCCSnapshot(launch->snapshot))
			UnregisterSnapshot(launch->snapshot);
		return false;
	}
	build->shared = OhTeamPlace(team, KEY_SHARED, sizeof(OhBuildShared));
	init_shared(build->shared, build);
	launch->pscan = OhTeamPlace(team, KEY_SCAN, scan_bytes);
	table_parallelscan_initialize(heap, launch->pscan, launch->snapshot);
	LaunchParallelWorkers(team->pcxt);
	return true;
}

/*
 * wait_for_workers -- wait until all participants have finished, reporting progress.
 */
static void
wait_for_workers(Build * build, Launch * launch)
{
	OhBuildShared *shared = build->shared;
	int			participants = launch->team.pcxt->nworkers_launched + 1;

	WaitForParallelWorkersToAttach(launch->team.pcxt);
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
end_workers(Build * build, Launch * launch, OhBuildShared * result)
{
	OhTeamWait(&launch->team);
	*result = *build->shared;
	build->shared = result;
	build->worker.shared = result;
	if (IsMVCCSnapshot(launch->snapshot))
		UnregisterSnapshot(launch->snapshot);
	OhTeamEnd(&launch->team);
}

static void
make_contexts(OhBuildWorker * worker)
{
	worker->context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw build", ALLOCSET_DEFAULT_SIZES);
	worker->graph_context = AllocSetContextCreate(worker->context, "omenhnsw graph", ALLOCSET_DEFAULT_SIZES);
}

/*
 * join_graph -- attach a worker to the graph.  If it starts late, the others may already have
 * filled the graph, written it to pages and released it.
 */
static void
join_graph(OhBuildWorker * worker, shm_toc *toc)
{
	worker->segment = OhTeamJoin(toc);
	if (worker->segment != NULL && worker->shared->in_regions)
		worker->regions = OhRegionsJoin(worker);
	else if (worker->segment != NULL)
		worker->builder = OhBuilderBegin(dsm_segment_address(worker->segment), worker->ix->quant,
										 OhRandomLevel, worker->graph_context);
	else if (OhBuildIsInPages(worker->shared))
		worker->inserter = OhInserterBegin(worker->ix, worker->context);
	else
		OhTeamDataMissing();
}

/*
 * om_build_worker_main -- entry point of a parallel worker.
 */
void
om_build_worker_main(dsm_segment *seg, shm_toc *toc)
{
	OhBuildShared *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	LOCKMODE	heap_lock = shared->concurrent ? ShareUpdateExclusiveLock : ShareLock;
	LOCKMODE	index_lock = shared->concurrent ? RowExclusiveLock : AccessExclusiveLock;
	OhBuildWorker worker = {0};
	IndexInfo  *info;

	LWLockRegisterTranche(shared->tranche, "omenhnsw_build");
	/* the same locks that the leader holds */
	worker.heap = table_open(shared->heap_id, heap_lock);
	worker.index = index_open(shared->index_id, index_lock);
	worker.shared = shared;
	worker.parallel = true;
	make_contexts(&worker);
	worker.ix = OhIndexOpen(worker.index);
	worker.ix->file.building = true;
	join_graph(&worker, toc);
	info = BuildIndexInfo(worker.index);
	info->ii_Concurrent = shared->concurrent;

	OhBuildScan(&worker, info, shm_toc_lookup(toc, KEY_SCAN, false));

	MemoryContextDelete(worker.context);
	OhTeamLeave(toc, worker.segment);
	index_close(worker.index, index_lock);
	table_close(worker.heap, heap_lock);
}

/*
 * add_rows -- run the scans of all participants; *result gets what they found.
 */
static void
add_rows(Build * build, OhBuildShared * result)
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

static double
seconds_since(instr_time from)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, from);
	return INSTR_TIME_GET_DOUBLE(now);
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
	OhTrainer	trainer;
	OhSample	sample;
	instr_time	from;

	INSTR_TIME_SET_CURRENT(from);
	check_index(info);
	worker->heap = heap;
	worker->index = index;
	worker->leader = true;
	make_contexts(worker);
	build.info = info;
	OhResolveOptions(index, &build.params);

	report_phase(OH_PHASE_SAMPLE);
	build.workers = OhTeamWorkers(heap, index, info);
	OhTrainerBegin(&trainer, heap, &build.params.spec, build.workers);
	OhChoiceBegin(&trainer, &build.params, worker->context);
	OhTakeSample(heap, index, info, &build.params, &trainer, &sample);
	if (sample.tuples <= 0)
		build.workers = 0;
	report_phase(OH_PHASE_TRAIN);
	OhChooseCodes(index, &build.params, &trainer, &sample);
	if (trainer.seen != NULL)
		pfree(trainer.seen);
	OhTrain(index, &build.params, &trainer, &sample);
	worker->ix = OhIndexCreate(index, MAIN_FORKNUM, &build.params);
	OhTrainerEnd(&trainer);
	build.params.model = NULL;
	build.tuples = sample.tuples;
	choose_capacity(&build, &sample);
	if (!start_regions(&build))
		worker->builder = OhBuilderBegin(create_graph(&build), worker->ix->quant, OhRandomLevel,
										 worker->graph_context);

	report_phase(OH_PHASE_INSERT);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, 0);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, (int64) sample.rows);
	add_rows(&build, &shared);
	if (worker->regions != NULL)
	{
		OhRegionsWrite(worker->regions);
		OhFillLinkCodes(worker->ix);
	}
	else if (shared.state == OH_BUILD_GRAPH)
		OhFlushGraph(worker);

	if (worker->segment != NULL)
		dsm_detach(worker->segment);
	MemoryContextDelete(worker->context);
	OH_CRASH_POINT("build_written");
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);
	OH_CRASH_POINT("build_logged");
	/* the pages are logged now, so further changes must be WAL-logged as usual */
	worker->ix->file.building = false;
	report_phase(OH_PHASE_CALIBRATE);
	OhCalibrate(heap, index, NULL, OH_MOST_QUERIES, CALIBRATION_PART * seconds_since(from));

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
	OhParameters params = {0};
	OhIndex    *ix;

	OhResolveOptions(index, &params);
	if (om_quant_train_least(&params.spec) > 0)
		OhFallBack(index, &params, 0);
	ix = OhIndexCreate(index, INIT_FORKNUM, &params);
	MemoryContextDelete(ix->file.context);
	/* an init fork must be WAL-logged, though nothing else of an unlogged relation is */
	log_newpage_range(index, INIT_FORKNUM, 0, 1, true);
}
