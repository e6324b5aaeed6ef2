/*
 * parallel.c -- parallel workers of an index build; see parallel.h.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "compat.h"
#include "storage/parallel.h"

#define KEY_QUERY_TEXT		OH_KEY(0x101)
#define KEY_WAL_USAGE		OH_KEY(0x102)
#define KEY_BUFFER_USAGE	OH_KEY(0x103)
#define KEY_DATA			OH_KEY(0x104)

/* PostgreSQL's own rule: each participant has at least this many kilobytes. */
#define WORKER_MEMORY		32768

/* A copy of this backend's row of pg_stat_progress_create_index. */
typedef struct Progress
{
	ProgressCommandType command;
	Oid			target;
	int64		param[PGSTAT_NUM_PROGRESS_PARAM];
} Progress;

static void
save_progress(Progress *progress)
{
	progress->command = PROGRESS_COMMAND_INVALID;
	if (MyBEEntry == NULL)
		return;
	progress->command = MyBEEntry->st_progress_command;
	progress->target = MyBEEntry->st_progress_command_target;
	for (int i = 0; i < PGSTAT_NUM_PROGRESS_PARAM; i++)
		progress->param[i] = MyBEEntry->st_progress_param[i];
}

/*
 * restore_progress -- report as before a subtransaction that failed, which has ended the report.
 */
static void
restore_progress(const Progress *progress)
{
	int			index[PGSTAT_NUM_PROGRESS_PARAM];

	if (progress->command == PROGRESS_COMMAND_INVALID)
		return;
	for (int i = 0; i < PGSTAT_NUM_PROGRESS_PARAM; i++)
		index[i] = i;
	pgstat_progress_start_command(progress->command, progress->target);
	pgstat_progress_update_multi_param(PGSTAT_NUM_PROGRESS_PARAM, index, progress->param);
}

/*
 * OhSegmentCreate() works in a subtransaction, so that running out of shared memory leads to
 * a serial build instead of an error.
 */
dsm_segment *
OhSegmentCreate(Size bytes)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	dsm_segment *segment = NULL;
	Progress	progress;

	save_progress(&progress);
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
		restore_progress(&progress);
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		FreeErrorData(error);
		segment = NULL;
	}
	PG_END_TRY();

	/* from here on the resource owner of the transaction has it */
	if (segment != NULL)
		dsm_unpin_mapping(segment);
	return segment;
}

/*
 * toast_workers -- workers for a table whose values lie in its TOAST table.
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

int
OhTeamWorkers(Relation heap, Relation index, const IndexInfo *info)
{
	int			workers = om_index_build_workers(heap, index, info);

	return workers > 0 ? workers : toast_workers(heap, info);
}

void
OhTeamPrepare(OhTeam *team, const char *function, int workers)
{
	EnterParallelMode();
	team->pcxt = CreateParallelContext("omendb", function, workers);
	team->query_bytes = debug_query_string ? strlen(debug_query_string) + 1 : 0;
	OhTeamReserve(team, mul_size(sizeof(WalUsage), team->pcxt->nworkers));
	OhTeamReserve(team, mul_size(sizeof(BufferUsage), team->pcxt->nworkers));
	OhTeamReserve(team, sizeof(dsm_handle));
	if (team->query_bytes > 0)
		OhTeamReserve(team, team->query_bytes);
}

void
OhTeamReserve(OhTeam *team, Size bytes)
{
	shm_toc_estimate_chunk(&team->pcxt->estimator, bytes);
	shm_toc_estimate_keys(&team->pcxt->estimator, 1);
}

bool
OhTeamReady(OhTeam *team, dsm_segment *data)
{
	ParallelContext *pcxt = team->pcxt;
	dsm_handle *handle;

	InitializeParallelDSM(pcxt);
	if (pcxt->seg == NULL)
	{
		OhTeamEnd(team);
		return false;
	}
	team->wal = OhTeamPlace(team, KEY_WAL_USAGE, mul_size(sizeof(WalUsage), pcxt->nworkers));
	team->buffers = OhTeamPlace(team, KEY_BUFFER_USAGE,
								mul_size(sizeof(BufferUsage), pcxt->nworkers));
	handle = OhTeamPlace(team, KEY_DATA, sizeof(dsm_handle));
	*handle = data != NULL ? dsm_segment_handle(data) : DSM_HANDLE_INVALID;
	if (team->query_bytes > 0)
		memcpy(OhTeamPlace(team, KEY_QUERY_TEXT, team->query_bytes), debug_query_string,
			   team->query_bytes);
	return true;
}

void *
OhTeamPlace(OhTeam *team, uint64 key, Size bytes)
{
	void	   *chunk = shm_toc_allocate(team->pcxt->toc, bytes);

	shm_toc_insert(team->pcxt->toc, key, chunk);
	return chunk;
}

void
OhTeamWait(OhTeam *team)
{
	WaitForParallelWorkersToFinish(team->pcxt);
	for (int i = 0; i < team->pcxt->nworkers_launched; i++)
		InstrAccumParallelQuery(&team->buffers[i], &team->wal[i]);
}

void
OhTeamEnd(OhTeam *team)
{
	DestroyParallelContext(team->pcxt);
	ExitParallelMode();
}

dsm_segment *
OhTeamJoin(shm_toc *toc)
{
	dsm_handle *handle = shm_toc_lookup(toc, KEY_DATA, false);
	dsm_segment *data;

	debug_query_string = shm_toc_lookup(toc, KEY_QUERY_TEXT, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	data = *handle == DSM_HANDLE_INVALID ? NULL : dsm_attach(*handle);
	InstrStartParallelQuery();
	return data;
}

void
OhTeamDataMissing(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("could not map dynamic shared memory segment")));
}

void
OhTeamLeave(shm_toc *toc, dsm_segment *data)
{
	WalUsage   *wal = shm_toc_lookup(toc, KEY_WAL_USAGE, false);
	BufferUsage *buffers = shm_toc_lookup(toc, KEY_BUFFER_USAGE, false);

	InstrEndParallelQuery(&buffers[ParallelWorkerNumber], &wal[ParallelWorkerNumber]);
	if (data != NULL)
		dsm_detach(data);
}
