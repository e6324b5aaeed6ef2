/*
 * rerank.c -- exact distances of visible rows, from the heap.
 *
 * Fetches a row version by the scan's own snapshot, evaluates the indexed
 * column or expression, and computes the operator's distance with the
 * operator's own kernel, so that the order agrees with SQL's to the last bit.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "utils/snapmgr.h"

#include "hnsw/detoast.h"
#include "hnsw/rerank.h"

struct OhReranker
{
	IndexScanDesc scan;
	OhIndex    *ix;
	const OhMetric *metric;
	const float *query;
	IndexFetchTableData *fetch;
	TupleTableSlot *slot;
	MemoryContext row_context;	/* reset for each row */
	OhDetoaster *detoaster;

	AttrNumber	attribute;		/* 0: an expression */
	IndexInfo  *info;			/* of an expression index */
	EState	   *estate;
};

OhReranker *
OhRerankBegin(IndexScanDesc scan, OhIndex *ix, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	OhReranker *r = palloc0(sizeof(OhReranker));

	if (!IsMVCCSnapshot(scan->xs_snapshot))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" can only be scanned with an MVCC snapshot",
						RelationGetRelationName(scan->indexRelation))));
	r->scan = scan;
	r->ix = ix;
	r->metric = OhGetMetric(scan->indexRelation);
	r->fetch = table_index_fetch_begin(scan->heapRelation);
	r->slot = table_slot_create(scan->heapRelation, NULL);
	r->row_context = AllocSetContextCreate(context, "omenhnsw row", ALLOCSET_DEFAULT_SIZES);
	r->detoaster = OhDetoastBegin(scan->heapRelation, context);
	r->attribute = scan->indexRelation->rd_index->indkey.values[0];
	if (r->attribute == 0)
	{
		r->info = BuildIndexInfo(scan->indexRelation);
		r->estate = CreateExecutorState();
	}
	MemoryContextSwitchTo(old);
	return r;
}

void
OhRerankQuery(OhReranker *r, const float *query)
{
	r->query = query;
}

/*
 * indexed_value -- the column or expression of the row in the slot.
 */
static Datum
indexed_value(OhReranker *r, bool *isnull)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	if (r->attribute != 0)
		return slot_getattr(r->slot, r->attribute, isnull);
	GetPerTupleExprContext(r->estate)->ecxt_scantuple = r->slot;
	FormIndexDatum(r->info, r->slot, r->estate, values, nulls);
	*isnull = nulls[0];
	return values[0];
}

bool
OhRerankRow(OhReranker *r, ItemPointerData tid, double *distance)
{
	bool		call_again = false;
	bool		all_dead;
	bool		isnull;
	MemoryContext old;
	Datum		value;
	bool		ok = false;

	/* tid is a copy: the fetch overwrites it with the visible version's */
	if (!table_index_fetch_tuple(r->fetch, &tid, r->scan->xs_snapshot, r->slot, &call_again,
								 &all_dead))
		return false;
	old = MemoryContextSwitchTo(r->row_context);
	value = indexed_value(r, &isnull);
	if (!isnull)
	{
		OmVector   *vector = OhDetoastVector(r->detoaster, value);

		if (vector->dim == r->ix->dim)
		{
			*distance = r->metric->distance(r->query, vector->x, vector->dim);
			ok = true;
		}
	}
	MemoryContextSwitchTo(old);
	if (r->estate)
		ResetPerTupleExprContext(r->estate);
	MemoryContextReset(r->row_context);
	return ok;
}

void
OhRerankRelease(OhReranker *r)
{
	ExecClearTuple(r->slot);
	table_index_fetch_reset(r->fetch);
}

void
OhRerankEnd(OhReranker *r)
{
	OhDetoastEnd(r->detoaster);
	ExecDropSingleTupleTableSlot(r->slot);
	table_index_fetch_end(r->fetch);
	if (r->estate)
		FreeExecutorState(r->estate);
}
