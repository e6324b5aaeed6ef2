/*
 * textbuildscan.c -- a participant's part of a build: reads rows of the table, writes their
 * document records and filter keys, and passes their postings to its sorter.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "bm25/build/textbuild.h"

/* Number of rows between two reports of progress. */
#define REPORT_ROWS 256

void
OhTextBuilderBegin(OhTextBuilder * builder, OhText *ix, Size sort_bytes, MemoryContext context)
{
	memset(builder, 0, sizeof(OhTextBuilder));
	builder->ix = ix;
	builder->maker = OhTextMakerBegin(ix, context);
	builder->sorter = OhSorterBegin(sort_bytes, ix->lists, context);
	builder->lp = OH_NONE;
}

/*
 * append_doc -- append a document's record and its filter keys; returns its number.
 */
static uint32
append_doc(OhTextBuilder * builder, ItemPointer tid, uint8 state, uint32 length)
{
	OhText	   *ix = builder->ix;
	OhFile	   *file = &ix->file;
	uint32		per_page = file->array[OH_DOC].per_page;
	uint32		doc;
	Buffer		buffer;
	Page		page;
	OhDocData  *record;

	if (builder->lp == OH_NONE || builder->nused == per_page)
	{
		builder->lp = OhArrayExtend(file, OH_DOC);
		builder->nused = 0;
	}
	doc = builder->lp * per_page + builder->nused++;
	buffer = OhArrayRead(file, OH_DOC, builder->lp, BUFFER_LOCK_EXCLUSIVE);
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
		OhKeyPageSet(&ix->columns, BufferGetPage(buffer), doc % ix->columns.per_page, builder->maker->row);
		MarkBufferDirty(buffer);
		UnlockReleaseBuffer(buffer);
	}
	return doc;
}

/*
 * report -- count a row, and let the leader report from time to time.
 */
static void
report(OhTextBuilder * builder)
{
	uint64		all = ++builder->tuples;

	if (builder->shared != NULL)
		all = pg_atomic_fetch_add_u64(&builder->shared->tuples, 1) + 1;
	if (builder->leader && builder->tuples % REPORT_ROWS == 0)
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, all);
}

/*
 * build_row -- callback of the table scan.
 */
static void
build_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *state)
{
	OhTextBuilder *builder = state;
	MemoryContext old = MemoryContextSwitchTo(builder->maker->context);

	CHECK_FOR_INTERRUPTS();
	if (builder->maker->keys != NULL)
		OhMakeKeys(builder->maker->keys, values, isnull, builder->maker->row);
	if (isnull[0])
		(void) append_doc(builder, tid, OH_DOC_NULL, 0);
	else
	{
		OhTerms		terms;
		uint32		doc;

		OhMakeTerms(builder->maker, index, values[0], &terms);
		doc = append_doc(builder, tid, OH_DOC_LIVE, terms.length);
		OhSorterAdd(builder->sorter, doc, terms.length, terms.n, terms.hash, terms.tf, true);
		if (builder->ix->lists != 0)
			OhSorterAddKeys(builder->sorter, doc, builder->maker->row);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(builder->maker->context);
	report(builder);
}

void
OhTextBuildScan(OhTextBuilder * builder, Relation heap, IndexInfo *info, ParallelTableScanDesc pscan,
				OhTextShare * share)
{
	TableScanDesc scan = pscan == NULL ? NULL : table_beginscan_parallel(heap, pscan);

	share->heap_tuples = table_index_build_scan(heap, builder->ix->file.rel, info, true, builder->leader, build_row,
												builder, scan);
	share->index_tuples = builder->tuples;
	share->broken_hot_chain = info->ii_BrokenHotChain;
}
