/*
 * textbuild.c -- ambuild: sorts all rows into one segment.
 *
 * The leader and parallel workers, if PostgreSQL's settings give any, read the table and
 * sort postings, together in maintenance_work_mem; what does not fit, and all that workers
 * have, goes to temporary files.  The leader merges these and writes the segment.  Nothing is
 * logged until the end, when all pages are.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "bm25/build/textbuild.h"
#include "bm25/segment/merge.h"
#include "bm25/textcallbacks.h"
#include "storage/parallel.h"
#include "storage/wal.h"

/* Phases of pg_stat_progress_create_index. */
#define PHASE_ROWS		2
#define PHASE_WAIT		3
#define PHASE_WRITE		4

/* Chunks of the parallel context. */
#define KEY_SHARED		OH_KEY(1)
#define KEY_SCAN		OH_KEY(2)

PGDLLEXPORT void om_text_build_main(dsm_segment *seg, shm_toc *toc);

/* The leader's state. */
typedef struct Build
{
	OhTextBuilder builder;
	Relation	heap;
	Relation	index;
	IndexInfo  *info;
	MemoryContext context;
	bool		parallel;
	OhTeam		team;			/* if there are workers */
	Snapshot	snapshot;
	ParallelTableScanDesc pscan;
	OhTextShare total;			/* of all participants */
}			Build;

static void
report_phase(int64 phase)
{
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase);
}

/* ---- workers ---- */

/*
 * om_text_build_main -- entry point of a parallel worker.
 */
void
om_text_build_main(dsm_segment *seg, shm_toc *toc)
{
	OhTextShared *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	LOCKMODE	heap_lock = shared->concurrent ? ShareUpdateExclusiveLock : ShareLock;
	LOCKMODE	index_lock = shared->concurrent ? RowExclusiveLock : AccessExclusiveLock;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenbm25 build", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OhTextShare *share = &shared->share[ParallelWorkerNumber];
	OhTextBuilder builder;
	Relation	heap;
	Relation	index;
	IndexInfo  *info;
	OhText	   *ix;

	(void) OhTeamJoin(toc);
	/* the locks that the leader is known to hold */
	heap = table_open(shared->heap_id, heap_lock);
	index = index_open(shared->index_id, index_lock);
	info = BuildIndexInfo(index);
	info->ii_Concurrent = shared->concurrent;
	ix = OhTextOpenPrivate(index);
	ix->file.building = true;
	SharedFileSetAttach(&shared->files, seg);
	OhTextBuilderBegin(&builder, ix, shared->sort_bytes, context);
	builder.shared = shared;
	OhSorterShare(builder.sorter, &shared->files.fs, ParallelWorkerNumber);

	OhTextBuildScan(&builder, heap, info, shm_toc_lookup(toc, KEY_SCAN, false), share);
	OhSorterLeave(builder.sorter, &share->part);

	OhTeamLeave(toc, NULL);
	index_close(index, index_lock);
	table_close(heap, heap_lock);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/*
 * start_workers -- begin parallel mode and launch them; false if there is too little shared
 * memory for that.
 */
static bool
start_workers(Build * build, int workers)
{
	OhTeam	   *team = &build->team;
	Size		bytes = offsetof(OhTextShared, share) + sizeof(OhTextShare) * workers;
	Size		scan_bytes;
	OhTextShared *shared;

	OhTeamPrepare(team, "om_text_build_main", workers);
	/* as for a btree: all rows, or those that are there now if others may write */
	build->snapshot = build->info->ii_Concurrent ? RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;
	scan_bytes = table_parallelscan_estimate(build->heap, build->snapshot);
	OhTeamReserve(team, bytes);
	OhTeamReserve(team, scan_bytes);
	if (!OhTeamReady(team, NULL))
	{
		if (IsMVCCSnapshot(build->snapshot))
			UnregisterSnapshot(build->snapshot);
		return false;
	}
	shared = OhTeamPlace(team, KEY_SHARED, bytes);
	memset(shared, 0, bytes);
	shared->heap_id = RelationGetRelid(build->heap);
	shared->index_id = RelationGetRelid(build->index);
	shared->concurrent = build->info->ii_Concurrent;
	shared->sort_bytes = (Size) maintenance_work_mem * 1024 / (workers + 1);
	pg_atomic_init_u64(&shared->tuples, 0);
	SharedFileSetInit(&shared->files, team->pcxt->seg);
	build->pscan = OhTeamPlace(team, KEY_SCAN, scan_bytes);
	table_parallelscan_initialize(build->heap, build->pscan, build->snapshot);
	LaunchParallelWorkers(team->pcxt);
	build->builder.shared = shared;
	return true;
}

static void
add_share(Build * build, const OhTextShare * share)
{
	build->total.heap_tuples += share->heap_tuples;
	build->total.index_tuples += share->index_tuples;
	build->total.broken_hot_chain |= share->broken_hot_chain;
}

/*
 * take_shares -- wait until all workers have ended, and take what they have.
 */
static void
take_shares(Build * build)
{
	OhTextShared *shared = build->builder.shared;

	report_phase(PHASE_WAIT);
	OhTeamWait(&build->team);
	for (int i = 0; i < build->team.pcxt->nworkers_launched; i++)
	{
		add_share(build, &shared->share[i]);
		OhSorterTake(build->builder.sorter, &shared->files.fs, i, &shared->share[i].part);
	}
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) build->total.index_tuples);
}

/* ---- the leader ---- */

/*
 * read_rows -- all participants' rows, to the leader's sorter and to runs.
 */
static void
read_rows(Build * build, OhText *ix)
{
	int			workers = OhTeamWorkers(build->heap, build->index, build->info);
	OhTextShare own = {0};

	report_phase(PHASE_ROWS);
	OhTextBuilderBegin(&build->builder, ix, (Size) maintenance_work_mem * 1024 / (workers + 1), build->context);
	build->builder.leader = true;
	build->parallel = workers > 0 && start_workers(build, workers);
	OhTextBuildScan(&build->builder, build->heap, build->info, build->pscan, &own);
	add_share(build, &own);
	if (build->parallel)
		take_shares(build);
}

/*
 * write_segment -- what the sorter has.
 */
static void
write_segment(Build * build, OhText *ix)
{
	OhSorter   *sorter = build->builder.sorter;
	uint32		ndocs = OhSorterDocs(sorter);
	OhSegmentWriter *writer;
	OhSegment	segment;

	report_phase(PHASE_WRITE);
	if (OhSorterRuns(sorter) > 0)
		ereport(DEBUG1,
				(errmsg_internal("index \"%s\": %d runs on disk, %d workers", RelationGetRelationName(build->index),
								 OhSorterRuns(sorter), build->parallel ? build->team.pcxt->nworkers_launched : 0)));
	writer = OhSegmentWriterBegin(ix, ndocs == 0 ? 0 : (double) OhSorterLength(sorter) / ndocs, build->context);
	OhSorterFinish(sorter, writer);
	if (OhSegmentWriterFinish(writer, &segment))
		OhChangeList(ix, NULL, 0, &segment, 0);
}

/*
 * write_hint -- tell inserts that all pages of documents but the last are full.  (So are those that workers have
 * not filled, one of each, until a vacuum.)
 */
static void
write_hint(OhText *ix)
{
	uint32		npages = OhArrayPages(&ix->file, OH_DOC);
	Buffer		buffer = OhReadBlock(ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);

	OhTextMetaOf(BufferGetPage(buffer))->array[OH_DOC].free_hint = Max(npages, 1) - 1;
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

/*
 * end_workers -- the runs are deleted with the parallel context.
 */
static void
end_workers(Build * build)
{
	if (IsMVCCSnapshot(build->snapshot))
		UnregisterSnapshot(build->snapshot);
	OhTeamEnd(&build->team);
}

IndexBuildResult *
ohtextbuild(Relation heap, Relation index, IndexInfo *info)
{
	IndexBuildResult *result = palloc(sizeof(IndexBuildResult));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenbm25 build", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Build		build = {.heap = heap, .index = index, .info = info, .context = context};
	OhText	   *ix;

	if (info->ii_ExclusionOps != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("access method omenbm25 does not support exclusion constraints")));
	OhTextCreate(index, MAIN_FORKNUM);
	ix = OhTextOpenPrivate(index);
	ix->file.building = true;
	read_rows(&build, ix);
	write_segment(&build, ix);
	write_hint(ix);
	if (build.parallel)
		end_workers(&build);
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), false);
	info->ii_BrokenHotChain |= build.total.broken_hot_chain;
	result->heap_tuples = build.total.heap_tuples;
	result->index_tuples = build.total.index_tuples;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return result;
}

void
ohtextbuildempty(Relation index)
{
	OhTextCreate(index, INIT_FORKNUM);
	log_newpage_range(index, INIT_FORKNUM, 0, 1, false);
}

char *
ohtextbuildphasename(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case PHASE_ROWS:
			return "reading rows";
		case PHASE_WAIT:
			return "waiting for workers";
		case PHASE_WRITE:
			return "writing postings";
		default:
			return NULL;
	}
}
