/*
 * toy.c -- an access method that keeps the values of an int column in one paged
 * array: what src/storage offers, used without anything else of omendb.
 *
 * It answers no query; toy_sum() and toy_check() read the file.
 */
#include "postgres.h"

#include "access/amapi.h"
#include "access/tableam.h"
#include "access/xloginsert.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/array.h"
#include "storage/verify.h"
#include "storage/wal.h"
#include "utils/rel.h"

PG_MODULE_MAGIC;

typedef struct ToyRecord
{
	bool		taken;
	ItemPointerData tid;
	int32		value;
} ToyRecord;

/* The toy's own fields are between those of OhFileHead. */
typedef struct ToyMeta
{
	uint32		magic;
	uint32		format;
	uint64		build_id;
	char		greeting[28];
	uint32		generation;
	char		unused[80];
	OhArrayHead array[1];
} ToyMeta;

static bool
record_is_free(const void *record)
{
	return !((const ToyRecord *) record)->taken;
}

static const OhRecordKind kinds[1] = {{record_is_free, NULL, .reused = true}};
static const OhFileMethod method = {0x00796F74, 1, 1, kinds};

static void
open_file(OhFile *file, Relation index)
{
	Buffer		buffer = OhReadBlock(index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
	OhFileHead *head = OhHead(BufferGetPage(buffer));

	memset(file, 0, sizeof(OhFile));
	OhVerifyHead(index, head, &method);
	OhFileInit(file, index, &method, head->build_id, CurrentMemoryContext);
	file->generation = head->generation;
	UnlockReleaseBuffer(buffer);
	OhFileSetArray(file, 0, sizeof(ToyRecord));
}

static void
add_record(OhFile *file, ItemPointer tid, int32 value)
{
	for (;;)
	{
		uint32		lp = OhArrayFindFree(file, 0);
		Buffer		buffer = OhArrayRead(file, 0, lp, BUFFER_LOCK_EXCLUSIVE);
		bool		done = OhPageHasFree(file, 0, BufferGetPage(buffer));

		if (done)
		{
			OhWrite		write;
			Page		page;
			ToyRecord  *record;
			uint32		slot;

			OhWriteStart(&write, file);
			page = OhWritePage(&write, buffer, false);
			slot = OhPageTakeSlot(file, 0, page, BufferGetBlockNumber(buffer));
			record = OhSlot(file, 0, page, slot);
			record->taken = true;
			record->tid = *tid;
			record->value = value;
			OhWriteFinish(&write);
		}
		UnlockReleaseBuffer(buffer);
		if (done)
			return;
		file->array[0].cursor++;
	}
}

static void
build_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *file)
{
	if (!isnull[0])
		add_record(file, tid, DatumGetInt32(values[0]));
}

static void
create(Relation index, ForkNumber fork)
{
	ToyMeta		meta = {0};

	strlcpy(meta.greeting, "hello", sizeof(meta.greeting));
	OhFileCreate(index, fork, &method, &meta, sizeof(meta));
}

static IndexBuildResult *
toy_build(Relation heap, Relation index, IndexInfo *info)
{
	IndexBuildResult *result = palloc(sizeof(IndexBuildResult));
	OhFile		file;

	create(index, MAIN_FORKNUM);
	open_file(&file, index);
	file.building = true;
	result->heap_tuples = table_index_build_scan(heap, index, info, true, false, build_row, &file,
												 NULL);
	result->index_tuples = result->heap_tuples;
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), false);
	return result;
}

static void
toy_buildempty(Relation index)
{
	create(index, INIT_FORKNUM);
	log_newpage_range(index, INIT_FORKNUM, 0, 1, false);
}

static bool
toy_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
		   IndexUniqueCheck check, bool unchanged, IndexInfo *info)
{
	OhFile		file;

	open_file(&file, index);
	if (!isnull[0])
		add_record(&file, tid, DatumGetInt32(values[0]));
	return false;
}

static IndexBulkDeleteResult *
toy_bulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats, IndexBulkDeleteCallback callback,
			   void *state)
{
	OhFile		file;

	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	open_file(&file, info->index);
	for (uint32 lp = 0; lp < OhArrayPages(&file, 0); lp++)
	{
		Buffer		buffer = OhArrayRead(&file, 0, lp, BUFFER_LOCK_EXCLUSIVE);
		OhWrite		write;
		Page		page;

		OhWriteStart(&write, &file);
		page = OhWritePage(&write, buffer, false);
		for (uint32 slot = 0; slot < OhTail(page)->nused; slot++)
		{
			ToyRecord  *record = OhSlot(&file, 0, page, slot);

			if (record->taken && callback(&record->tid, state))
			{
				OhPageFreeSlot(&file, 0, page, slot);
				stats->tuples_removed++;
			}
		}
		OhWriteFinish(&write);
		UnlockReleaseBuffer(buffer);
	}
	return stats;
}

static IndexBulkDeleteResult *
toy_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	Buffer		buffer = OhReadBlock(info->index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	OhFile		file;
	OhWrite		write;
	OhFileHead *head;

	memset(&file, 0, sizeof(file));
	OhFileInit(&file, info->index, &method, 0, CurrentMemoryContext);
	OhWriteStart(&write, &file);
	head = OhHead(OhWritePage(&write, buffer, false));
	head->array[0].free_hint = 0;
	head->generation++;
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
	open_file(&file, info->index);
	OhReclaimPages(&file);
	return stats;
}

static bytea *
toy_options(Datum reloptions, bool validate)
{
	return NULL;
}

static bool
toy_validate(Oid opclass)
{
	return true;
}

static void
toy_cost(struct PlannerInfo *root, struct IndexPath *path, double loop_count, Cost *startup,
		 Cost *total, Selectivity *selectivity, double *correlation, double *pages)
{
	*startup = *total = 1e10;
	*selectivity = 1;
	*correlation = *pages = 0;
}

PGDLLEXPORT Datum toy_handler(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(toy_handler);
Datum
toy_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *am = makeNode(IndexAmRoutine);

	am->amstrategies = 1;
	am->amoptionalkey = true;
	am->amkeytype = InvalidOid;
	am->ambuild = toy_build;
	am->ambuildempty = toy_buildempty;
	am->aminsert = toy_insert;
	am->ambulkdelete = toy_bulkdelete;
	am->amvacuumcleanup = toy_cleanup;
	am->amcostestimate = toy_cost;
	am->amoptions = toy_options;
	am->amvalidate = toy_validate;
	PG_RETURN_POINTER(am);
}

PGDLLEXPORT Datum toy_sum(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(toy_sum);
Datum
toy_sum(PG_FUNCTION_ARGS)
{
	Relation	index = index_open(PG_GETARG_OID(0), AccessShareLock);
	OhFile		file;
	int64		sum = 0;

	open_file(&file, index);
	for (uint32 lp = 0; lp < OhArrayPages(&file, 0); lp++)
	{
		Buffer		buffer = OhArrayRead(&file, 0, lp, BUFFER_LOCK_SHARE);
		uint32		nused = OhPageUsed(&file, 0, buffer);

		for (uint32 slot = 0; slot < nused; slot++)
		{
			ToyRecord  *record = OhSlot(&file, 0, BufferGetPage(buffer), slot);

			sum += record->taken ? record->value : 0;
		}
		UnlockReleaseBuffer(buffer);
	}
	index_close(index, AccessShareLock);
	PG_RETURN_INT64(sum);
}

/* Pages of the array; an error if anything is damaged. */
PGDLLEXPORT Datum toy_check(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(toy_check);
Datum
toy_check(PG_FUNCTION_ARGS)
{
	Relation	index = index_open(PG_GETARG_OID(0), AccessShareLock);
	OhFileCheck check = {index, &method, .strict = true, .context = CurrentMemoryContext};
	PGAlignedBlock meta;
	PGAlignedBlock page;
	OhFile		file;

	OhCheckHead(&check, meta.data);
	OhCheckDirectories(&check, OhHead(meta.data));
	open_file(&file, index);
	for (uint32 lp = 0; lp < check.npages[0]; lp++)
		OhCheckReadPage(&check, &file, 0, lp, page.data);
	OhCheckOtherBlocks(&check);
	index_close(index, AccessShareLock);
	PG_RETURN_INT64(check.npages[0]);
}
