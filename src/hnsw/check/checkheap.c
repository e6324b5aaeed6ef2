/*
 * checkheap.c -- checks of TIDs, and of the index against its table.
 */
#include "postgres.h"

#include <math.h>

#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "filter/keypage.h"
#include "hnsw/check/check.h"
#include "hnsw/graph/rows.h"
#include "hnsw/parts.h"
#include "filter/key.h"

void
OhCheckAddTid(OhCheck *c, const ItemPointerData *tid, OhArrayId array, uint32 record,
			  uint32 node, BlockNumber block)
{
	OhCheckTid *t;

	if (ItemPointerGetOffsetNumberNoCheck(tid) > MaxOffsetNumber ||
		(c->file.strict && ItemPointerGetBlockNumberNoCheck(tid) >= c->heap_blocks))
		OhReportCorruption(c->file.rel, block, "row (%u,%u) is beyond the table",
						   ItemPointerGetBlockNumberNoCheck(tid), ItemPointerGetOffsetNumberNoCheck(tid));
	if (c->ntids == c->tids_allocated)
	{
		c->tids_allocated = Max(1024, c->tids_allocated * 2);
		if (c->tid == NULL)
			c->tid = MemoryContextAllocHuge(c->file.context, sizeof(OhCheckTid) * c->tids_allocated);
		else
			c->tid = repalloc_huge(c->tid, sizeof(OhCheckTid) * c->tids_allocated);
	}
	t = &c->tid[c->ntids++];
	t->tid = *tid;
	t->array = array;
	t->record = record;
	t->node = node;
}

static int
compare_tids(const void *a, const void *b)
{
	return ItemPointerCompare(unconstify(ItemPointerData *, &((const OhCheckTid *) a)->tid),
							  unconstify(ItemPointerData *, &((const OhCheckTid *) b)->tid));
}

#define ST_SORT sort_tids
#define ST_ELEMENT_TYPE OhCheckTid
#define ST_COMPARE(a, b) compare_tids(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

/*
 * still_there -- does the record still hold this TID?
 */
static bool
still_there(OhCheck *c, const OhCheckTid *t)
{
	char	   *record = palloc(c->ix->file.array[t->array].record_bytes);
	bool		found = false;

	if (OhCheckReadRecord(c, t->array, t->record, record))
	{
		if (t->array == OH_POSTING)
		{
			OhPostingData *posting = (OhPostingData *) record;

			for (int i = 0; posting->node != OH_NONE && i < OH_POSTING_TIDS; i++)
				found |= memcmp(&posting->tid[i], &t->tid, sizeof(ItemPointerData)) == 0;
		}
		else if (t->array == OH_NODE)
			found = ((OhNodeData *) record)->state != OH_FREE &&
				memcmp(&((OhNodeData *) record)->tid, &t->tid, sizeof(ItemPointerData)) == 0;
		else
			found = ((OhNullData *) record)->kind != OH_ROW_FREE &&
				memcmp(&((OhNullData *) record)->tid, &t->tid, sizeof(ItemPointerData)) == 0;
	}
	pfree(record);
	return found;
}

/*
 * may_repeat -- may a row be in both places?  In an index on arrays it is in a node for each of its vectors.
 */
static bool
may_repeat(const OhCheck *c, const OhCheckTid *a, const OhCheckTid *b)
{
	return OhHasParts(&c->ix->column) && a->array != OH_NULLS && b->array != OH_NULLS;
}

/*
 * If a TID was found in two places, both are read again: a vacuum may have removed it from the first, and an insert
 * may then have added it to the second, for a new row.
 */
void
OhCheckTids(OhCheck *c)
{
	c->f.tids = c->ntids;
	if (c->ntids > 0)
		sort_tids(c->tid, c->ntids);
	for (int64 i = 1; i < c->ntids; i++)
	{
		OhCheckTid *a = &c->tid[i - 1];
		OhCheckTid *b = &c->tid[i];

		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		if (compare_tids(a, b) != 0 || may_repeat(c, a, b))
			continue;
		if (!c->file.strict && !(still_there(c, b) && still_there(c, a) && still_there(c, b)))
			continue;
		OhReportCorruption(c->file.rel, OhRecordBlock(&c->ix->file, b->array, b->record),
						   "row (%u,%u) is in record %u of array %u and in record %u of array %u",
						   ItemPointerGetBlockNumber(&a->tid), ItemPointerGetOffsetNumber(&a->tid),
						   a->record, a->array, b->record, b->array);
	}
}

/* Working space for the check of a row. */
typedef struct HeapCheck
{
	OhCheck    *c;
	void	   *code;			/* code of the row */
	const float *coded;			/* the vector that `code` was made of ... */
	const OmQuantizer *coded_by;	/* ... and the model */
	void	   *refinement;		/* refinement of the row */
	char	   *stored;			/* refinement in the index */
	void	   *scratch;
	OmQuery    *form;
	char	   *node;			/* copy of the row's node */
	OhKeyMaker *maker;			/* NULL without filter columns */
	OhKeyRow   *keys;			/* filter keys of the row */
	OhKeyRow   *stored_keys;	/* filter keys in the index */
	MemoryContext context;		/* reset for each row */
} HeapCheck;

/*
 * check_code -- is the node's code that of this vector?
 *
 * (That of a loose node need not be: retrain.c.)  A CPU that rounds differently may make a slightly different
 * code: then the distance between the two codes must be within the code's own error.
 */
static bool
check_code(HeapCheck *check, const float *x, OhNodeData *node)
{
	OhIndex    *ix = check->c->ix;
	const OmQuantizer *quant = OhModelOf(ix, node->tag);
	const void *stored = OhNodeCode(node);
	float		self;
	float		other;

	if (check->coded != x || check->coded_by != quant)
		om_quant_encode(quant, x, check->scratch, check->code);
	check->coded = x;
	check->coded_by = quant;
	if (memcmp(check->code, stored, ix->code_bytes) == 0)
		return true;
	om_quant_query_from_code(quant, check->code, check->form);
	self = ix->distance(quant, check->form, check->code);
	other = ix->distance(quant, check->form, stored);
	return fabsf(other - self) <= om_quant_error(quant, check->form, stored);
}

/*
 * check_refinement -- is the node's refinement, if it has a usable one, that of this vector?
 *
 * It is compared only if the code is the same byte by byte.
 */
static bool
check_refinement(HeapCheck *check, const float *x, uint32 node, const void *code, uint8 tag)
{
	OhIndex    *ix = check->c->ix;

	if (memcmp(check->code, code, ix->code_bytes) != 0 ||
		!OhCheckReadRecord(check->c, OH_REFINE, node, check->stored) ||
		!om_quant_refine_matches(code, check->stored) ||
		om_quant_refine_is_blurred(check->stored))
		return true;
	om_quant_refine_encode(OhModelOf(ix, tag), x, check->code, check->scratch, check->refinement);
	return memcmp(check->refinement, check->stored, ix->refine_bytes) == 0;
}

/*
 * read_keys -- read a row's filter keys from the index.
 */
static void
read_keys(HeapCheck *check, const OhCheckTid *t)
{
	OhCheck    *c = check->c;
	Buffer		buffer;

	if (t->array == OH_NULLS)
	{
		buffer = OhRecordPage(&c->ix->file, OH_NULLS, t->record, BUFFER_LOCK_SHARE);
		memcpy(check->stored_keys,
			   (OhNullData *) OhRecord(&c->ix->file, OH_NULLS, BufferGetPage(buffer), t->record) + 1,
			   OhKeyRowBytes(c->ix->columns.n));
	}
	else
	{
		buffer = OhArrayRead(&c->ix->file, OH_FILTER_KEY, t->node / c->ix->columns.per_page,
							 BUFFER_LOCK_SHARE);
		OhKeyPageGet(&c->ix->columns, BufferGetPage(buffer), t->node % c->ix->columns.per_page,
					 check->stored_keys);
	}
	UnlockReleaseBuffer(buffer);
}

/*
 * check_keys -- are the filter keys in the index those of the row?
 */
static void
check_keys(HeapCheck *check, ItemPointer tid, const OhCheckTid *t, const Datum *values,
		   const bool *isnull)
{
	OhCheck    *c = check->c;
	OhIndex    *ix = c->ix;
	const OhKeyRow *row = check->keys;
	const OhKeyRow *stored = check->stored_keys;
	OhArrayId	array = t->array == OH_NULLS ? OH_NULLS : OH_FILTER_KEY;
	uint32		lp = t->array == OH_NULLS ? OhLp(&ix->file, OH_NULLS, t->record) :
		t->node / ix->columns.per_page;

	OhMakeKeys(check->maker, values, isnull, check->keys);
	read_keys(check, t);
	if (memcmp(row, stored, OhKeyRowBytes(ix->columns.n)) == 0)
		return;
	for (int i = 0; i < ix->columns.n; i++)
	{
		bool		null = (row->nulls >> i) & 1;
		bool		stored_null = (stored->nulls >> i) & 1;

		if (null == stored_null && row->value[i] == stored->value[i])
			continue;
		OhReportCorruption(c->file.rel, OhArrayBlock(&ix->file, array, lp),
						   "%s %u does not have the value of column %d of row (%u,%u): %s" UINT64_FORMAT " instead of %s" UINT64_FORMAT,
						   array == OH_NULLS ? "record" : "node",
						   array == OH_NULLS ? t->record : t->node, i + 2,
						   ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid),
						   stored_null ? "NULL, " : "", stored->value[i], null ? "NULL, " : "", row->value[i]);
	}
	OhReportCorruption(c->file.rel, OhArrayBlock(&ix->file, array, lp),
					   "the filter columns of row (%u,%u) are damaged",
					   ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid));
}

/*
 * check_hash -- check that a row of a posting has the vector that the posting says all its rows have.
 */
static void
check_hash(OhCheck *c, const OhPosition *position, uint32 at)
{
	OhPostingData record;

	if (!OhCheckReadRecord(c, OH_POSTING, at, &record))
		return;					/* checkgraph.c checks that postings exist */
	if (record.hash != OH_MIXED && record.hash != OhPositionHash(position))
		OhReportCorruption(c->file.rel, OhRecordBlock(&c->ix->file, OH_POSTING, at),
						   "posting %u of node %u has rows of other vectors than it says", at, record.node);
}

/*
 * read_node -- copy the node of a row, which must be live, and have a code of a model that the index has.
 */
static void
read_node(OhCheck *c, const OhCheckTid *t, OhNodeData *node)
{
	if (!OhCheckReadRecord(c, OH_NODE, t->node, node) || node->state != OH_LIVE)
		OhReportCorruption(c->file.rel, OhRecordBlock(&c->ix->file, t->array, t->record),
						   "row (%u,%u) belongs to node %u, which is not live",
						   ItemPointerGetBlockNumber(&t->tid), ItemPointerGetOffsetNumber(&t->tid), t->node);
	if (OhModelOf(c->ix, node->tag) == NULL)
		OhReportCorruption(c->file.rel, OhRecordBlock(&c->ix->file, OH_NODE, t->node),
						   "node %u has a code of model %u, which the index does not have", t->node,
						   node->tag & OH_TAG_MODEL);
}

/*
 * check_parts -- check that each vector of an array is in one of the nodes t[n] of its row, and that each of these
 * nodes has the code of one of the vectors.
 */
static void
check_parts(HeapCheck *check, const OhParts *parts, const OhCheckTid *t, int n)
{
	OhCheck    *c = check->c;
	char	   *nodes = palloc(n * (Size) c->ix->node_bytes);
	bool	   *known = palloc0(sizeof(bool) * n);
	bool		loose = false;

	for (int k = 0; k < n; k++)
	{
		OhNodeData *node = (OhNodeData *) (nodes + k * (Size) c->ix->node_bytes);

		read_node(c, &t[k], node);
		known[k] = (node->tag & OH_TAG_LOOSE) != 0;
		loose |= known[k];
	}
	for (int i = 0; i < parts->n; i++)
	{
		OhPosition	position;
		bool		found = false;

		CHECK_FOR_INTERRUPTS();
		OhPartsPosition(parts, i, &position);
		check->coded = NULL;
		for (int k = 0; k < n; k++)
		{
			if (!check_code(check, position.x, (OhNodeData *) (nodes + k * (Size) c->ix->node_bytes)))
				continue;
			found = known[k] = true;
		}
		if (!found && !loose)
			ereport(ERROR,
					(errcode(ERRCODE_INDEX_CORRUPTED),
					 errmsg("index \"%s\" lacks vector %d of row (%u,%u) of table \"%s\"",
							RelationGetRelationName(c->file.rel), i + 1, ItemPointerGetBlockNumber(&t->tid),
							ItemPointerGetOffsetNumber(&t->tid), RelationGetRelationName(c->heap)),
					 errhint("Please REINDEX it.")));
	}
	for (int k = 0; k < n; k++)
	{
		if (!known[k])
			OhReportCorruption(c->file.rel, OhRecordBlock(&c->ix->file, OH_NODE, t[k].node),
							   "node %u does not have the code of a vector of row (%u,%u)", t[k].node,
							   ItemPointerGetBlockNumber(&t->tid), ItemPointerGetOffsetNumber(&t->tid));
	}
}

/*
 * check_array -- check a row of an index on arrays, one of whose places in the index is t.
 */
static void
check_array(HeapCheck *check, const OhCheckTid *t, Datum *values, bool *isnull)
{
	OhCheck    *c = check->c;
	const OhCheckTid *end = t + 1;
	OhParts		parts = {0};
	uint16		kind = OH_ROW_NULL;

	while (t > c->tid && compare_tids(t - 1, t) == 0)
		t--;
	while (end < c->tid + c->ntids && compare_tids(t, end) == 0)
		end++;
	if (!isnull[0])
	{
		OhPartsOpen(&c->ix->column, values[0], &parts);
		kind = parts.n == 0 ? OH_ROW_NO_DIRECTION : 0;
	}
	if ((t->array == OH_NULLS ? t->node : 0) != kind)
		OhReportCorruption(c->file.rel, OhRecordBlock(&c->ix->file, t->array, t->record),
						   "row (%u,%u) should be of kind %u and is of kind %u", ItemPointerGetBlockNumber(&t->tid),
						   ItemPointerGetOffsetNumber(&t->tid), kind, t->array == OH_NULLS ? t->node : 0);
	if (kind == 0)
		check_parts(check, &parts, t, end - t);
	for (; t < end && c->ix->columns.n > 0; t++)
	{
		ItemPointerData tid = t->tid;

		check_keys(check, &tid, t, values, isnull);
	}
}

/*
 * check_row -- callback of the table scan: check that the row is in the index as it should be.
 */
static void
check_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *state)
{
	HeapCheck  *check = state;
	OhCheck    *c = check->c;
	OhCheckTid	key;
	OhCheckTid *t;
	MemoryContext old;
	uint16		kind = 0;
	const float *x = NULL;
	OhNodeData *node = (OhNodeData *) check->node;
	bool		loose;
	OhPosition	position;
	BlockNumber row_block = ItemPointerGetBlockNumber(tid);
	OffsetNumber row_offset = ItemPointerGetOffsetNumber(tid);

	CHECK_FOR_INTERRUPTS();
	c->f.heap_rows++;
	key.tid = *tid;
	t = c->ntids == 0 ? NULL : bsearch(&key, c->tid, c->ntids, sizeof(OhCheckTid), compare_tids);
	if (t == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" lacks row (%u,%u) of table \"%s\"",
						RelationGetRelationName(index), row_block, row_offset,
						RelationGetRelationName(c->heap)),
				 errhint("Please REINDEX it.")));
	old = MemoryContextSwitchTo(check->context);
	if (OhHasParts(&c->ix->column))
	{
		check_array(check, t, values, isnull);
		MemoryContextSwitchTo(old);
		MemoryContextReset(check->context);
		return;
	}
	check->coded = NULL;
	if (isnull[0])
		kind = OH_ROW_NULL;
	else
	{
		OhGetPosition(&c->ix->column, values[0], &position);
		x = position.x;
		if (position.no_direction)
			kind = OH_ROW_NO_DIRECTION;
	}
	if ((t->array == OH_NULLS ? t->node : 0) != kind)
		OhReportCorruption(index, OhRecordBlock(&c->ix->file, t->array, t->record),
						   "row (%u,%u) should be of kind %u and is of kind %u", row_block, row_offset, kind,
						   t->array == OH_NULLS ? t->node : 0);
	if (kind == 0)
	{
		read_node(c, t, node);
		loose = (node->tag & OH_TAG_LOOSE) != 0;
		if (!loose && !check_code(check, x, node))
			OhReportCorruption(index, OhRecordBlock(&c->ix->file, OH_NODE, t->node),
							   "node %u does not have the code of row (%u,%u)", t->node, row_block, row_offset);
		if (c->ix->refine_bytes > 0 && !loose &&
			!check_refinement(check, x, t->node, OhNodeCode(node), node->tag))
			OhReportCorruption(index, OhRecordBlock(&c->ix->file, OH_REFINE, t->node),
							   "node %u does not have the refinement of row (%u,%u)", t->node, row_block, row_offset);
	}
	if (t->array == OH_POSTING)
		check_hash(c, &position, t->record);
	if (c->ix->columns.n > 0)
		check_keys(check, tid, t, values, isnull);
	MemoryContextSwitchTo(old);
	MemoryContextReset(check->context);
}

void
OhCheckHeap(OhCheck *c, Snapshot snapshot)
{
	IndexInfo  *info = BuildIndexInfo(c->file.rel);
	HeapCheck	check = {0};
	TableScanDesc scan;

	check.c = c;
	check.code = OhAlignedAlloc(c->file.context, c->ix->code_bytes);
	check.refinement = OhAlignedAlloc(c->file.context, c->ix->refine_bytes);
	check.stored = OhAlignedAlloc(c->file.context, c->ix->refine_bytes);
	check.scratch = OhAlignedAlloc(c->file.context, om_quant_scratch_bytes(&c->ix->spec));
	check.form = OhAlignedAlloc(c->file.context, om_quant_query_bytes(&c->ix->spec));
	check.node = OhAlignedAlloc(c->file.context, c->ix->node_bytes);
	if (c->ix->columns.n > 0)
	{
		check.maker = OhKeyMakerBegin(&c->ix->columns, c->file.context);
		check.keys = MemoryContextAllocZero(c->file.context, OhKeyRowBytes(c->ix->columns.n));
		check.stored_keys = MemoryContextAllocZero(c->file.context, OhKeyRowBytes(c->ix->columns.n));
	}
	check.context = AllocSetContextCreate(c->file.context, "omenhnsw check row", ALLOCSET_DEFAULT_SIZES);

	/* scan by a snapshot, as the first scan of CREATE INDEX CONCURRENTLY does */
	info->ii_Concurrent = true;
	info->ii_Unique = false;
	scan = table_beginscan_strat(c->heap, snapshot, 0, NULL, true, true);
	table_index_build_scan(c->heap, c->file.rel, info, true, false, check_row, &check, scan);
}
