/*
 * textbuild.c -- ambuild: sorts all rows into one segment.
 *
 * Postings are sorted in maintenance_work_mem; what does not fit goes to temporary files.
 * Nothing is logged until the end, when all pages are.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "bm25/insert/textinsert.h"
#include "bm25/segment/merge.h"
#include "bm25/segment/writer.h"
#include "bm25/textcallbacks.h"
#include "storage/wal.h"

/* Phases of pg_stat_progress_create_index. */
#define PHASE_ROWS		2
#define PHASE_WRITE		3

typedef struct Build
{
	OhText	   *ix;
	OhTextMaker *maker;
	OhSorter   *sorter;
	uint32		ndocs;
} Build;

/*
 * append_doc -- append a document's record and its filter keys.
 */
static uint32
append_doc(Build *build, ItemPointer tid, uint8 state, uint32 length)
{
	OhText	   *ix = build->ix;
	OhFile	   *file = &ix->file;
	uint32		doc = build->ndocs++;
	uint32		lp = OhLp(file, OH_DOC, doc);
	Buffer		buffer;
	Page		page;
	OhDocData  *record;

	if (lp >= file->array[OH_DOC].npages)
		(void) OhArrayExtend(file, OH_DOC);
	buffer = OhArrayRead(file, OH_DOC, lp, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(buffer);
	record = OhSlot(file, OH_DOC, page, OhPageTakeSlot(file, OH_DOC, page, BufferGetBlockNumber(buffer)));
	record->tid = *tid;
	record->state = state;
	record->length = length;
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
	if (ix->columns.n > 0)
	{
		OhKeyPageReserve(&ix->columns, doc);
		buffer = OhArrayRead(file, OH_DOC_KEY, doc / ix->columns.per_page, BUFFER_LOCK_EXCLUSIVE);
		OhKeyPageSet(&ix->columns, BufferGetPage(buffer), doc % ix->columns.per_page, build->maker->row);
		MarkBufferDirty(buffer);
		UnlockReleaseBuffer(buffer);
	}
	return doc;
}

static void
build_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *state)
{
	Build	   *build = state;
	MemoryContext old = MemoryContextSwitchTo(build->maker->context);

	CHECK_FOR_INTERRUPTS();
	if (build->maker->keys != NULL)
		OhMakeKeys(build->maker->keys, values, isnull, build->maker->row);
	if (isnull[0])
		(void) append_doc(build, tid, OH_DOC_NULL, 0);
	else
	{
		OhTerms		terms;
		uint32		doc;

		OhMakeTerms(build->maker, index, values[0], &terms);
		doc = append_doc(build, tid, OH_DOC_LIVE, terms.length);
		OhSorterAdd(build->sorter, doc, terms.length, terms.n, terms.hash, terms.tf, true);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(build->maker->context);
}

IndexBuildResult *
ohtextbuild(Relation heap, Relation index, IndexInfo *info)
{
	IndexBuildResult *result = palloc(sizeof(IndexBuildResult));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenbm25 build", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Build		build = {0};
	OhSegmentWriter *writer;
	OhSegment	segment;
	double		average;

	if (info->ii_ExclusionOps != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("access method omenbm25 does not support exclusion constraints")));
	OhTextCreate(index, MAIN_FORKNUM);
	build.ix = OhTextOpenPrivate(index);
	build.ix->file.building = true;
	build.maker = OhTextMakerBegin(build.ix, context);
	build.sorter = OhSorterBegin((Size) maintenance_work_mem * 1024, context);

	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, PHASE_ROWS);
	result->heap_tuples = table_index_build_scan(heap, index, info, true, true, build_row, &build, NULL);
	result->index_tuples = build.ndocs;

	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, PHASE_WRITE);
	if (OhSorterRuns(build.sorter) > 0)
		ereport(DEBUG1,
				(errmsg_internal("index \"%s\": postings of %d runs", RelationGetRelationName(index),
								 OhSorterRuns(build.sorter) + 1)));
	average = OhSorterDocs(build.sorter) == 0 ? 0 :
		(double) OhSorterLength(build.sorter) / OhSorterDocs(build.sorter);
	writer = OhSegmentWriterBegin(build.ix, average, context);
	OhSorterFinish(build.sorter, writer);
	if (OhSegmentWriterFinish(writer, &segment))
		OhChangeList(build.ix, NULL, 0, &segment, 0);
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), false);
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
		case PHASE_WRITE:
			return "writing postings";
		default:
			return NULL;
	}
}
