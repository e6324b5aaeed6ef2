/*
 * textcheckheap.c -- compares an omenbm25 index with its table: every row is in the index,
 * once, with the terms of its text and its filter keys.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "bm25/check/textcheck.h"
#include "bm25/insert/textinsert.h"
#include "filter/keypage.h"

typedef struct HeapCheck
{
	OhTextCheck *c;
	OhTextMaker *maker;
	OhKeyRow   *stored;			/* filter keys of the index */
} HeapCheck;

static int
compare_tid(const void *a, const void *b)
{
	return ItemPointerCompare(unconstify(ItemPointerData *, (const ItemPointerData *) a),
							  unconstify(ItemPointerData *, &((const OhDocTid *) b)->tid));
}

static void
bad_row(OhTextCheck *c, uint32 doc, ItemPointer tid, const char *what)
{
	OhReportCorruption(c->file.rel, OhRecordBlock(&c->ix->file, OH_DOC, doc), "document %u %s row (%u,%u)", doc, what,
					   ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid));
}

static void
check_keys(HeapCheck *check, uint32 doc, ItemPointer tid, const Datum *values, const bool *isnull)
{
	OhTextCheck *c = check->c;
	OhColumns  *columns = &c->ix->columns;
	Buffer		buffer;

	OhMakeKeys(check->maker->keys, values, isnull, check->maker->row);
	buffer = OhArrayRead(&c->ix->file, OH_DOC_KEY, doc / columns->per_page, BUFFER_LOCK_SHARE);
	OhKeyPageGet(columns, BufferGetPage(buffer), doc % columns->per_page, check->stored);
	UnlockReleaseBuffer(buffer);
	if (memcmp(check->stored, check->maker->row, OhKeyRowBytes(columns->n)) != 0)
		bad_row(c, doc, tid, "does not have the filter columns of");
}

/*
 * check_row -- callback of the table scan.
 */
static void
check_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *state)
{
	HeapCheck  *check = state;
	OhTextCheck *c = check->c;
	const OhDocTid *found = c->ntids == 0 ? NULL :
		bsearch(tid, c->tid, c->ntids, sizeof(OhDocTid), compare_tid);
	MemoryContext old;
	uint32		doc;

	CHECK_FOR_INTERRUPTS();
	c->f.heap_rows++;
	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" lacks row (%u,%u) of table \"%s\"", RelationGetRelationName(index),
						ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid),
						RelationGetRelationName(c->heap)),
				 errhint("Please REINDEX it.")));
	doc = found->doc;
	old = MemoryContextSwitchTo(check->maker->context);
	if ((c->doc[doc].state == OH_DOC_NULL) != isnull[0])
		bad_row(c, doc, tid, isnull[0] ? "is not NULL, as is that of" : "is NULL, as is not that of");
	if (!isnull[0])
	{
		OhTerms		terms;
		uint64		mix = 0;

		OhMakeTerms(check->maker, index, values[0], &terms);
		for (uint32 i = 0; i < terms.n; i++)
			mix += OhMixTerm(terms.hash[i], terms.tf[i]);
		if (terms.length != c->doc[doc].length || mix != c->mix[doc])
			bad_row(c, doc, tid, "does not have the terms of");
	}
	if (c->ix->columns.n > 0)
		check_keys(check, doc, tid, values, isnull);
	MemoryContextSwitchTo(old);
	MemoryContextReset(check->maker->context);
}

void
OhTextCheckHeap(OhTextCheck *c, Snapshot snapshot)
{
	IndexInfo  *info = BuildIndexInfo(c->file.rel);
	HeapCheck	check = {c};
	TableScanDesc scan;

	check.maker = OhTextMakerBegin(c->ix, c->file.context);
	if (c->ix->columns.n > 0)
		check.stored = MemoryContextAllocZero(c->file.context, OhKeyRowBytes(c->ix->columns.n));
	/* scan by a snapshot, like the first scan of CREATE INDEX CONCURRENTLY */
	info->ii_Concurrent = true;
	info->ii_Unique = false;
	scan = table_beginscan_strat(c->heap, snapshot, 0, NULL, true, true);
	table_index_build_scan(c->heap, c->file.rel, info, true, false, check_row, &check, scan);
}
