/*
 * rerank.c -- exact distances of visible rows, computed from the table.
 *
 * Fetches a row version with the scan's own snapshot, evaluates the indexed column or
 * expression, and computes the distance with the operator's own kernel, so that the order
 * agrees with SQL's to the last bit.
 *
 * A plain column of an ordinary heap is read directly from the page, which a hint helps to
 * find.  Expressions and other table access methods go through the table access method's
 * interface.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "utils/snapmgr.h"

#include "hnsw/table/detoast.h"
#include "hnsw/scan/rerank.h"
#include "hnsw/stats/counters.h"
#include "hnsw/table/rowreader.h"

struct OhReranker
{
	IndexScanDesc scan;
	OhIndex    *ix;
	const OhMetric *metric;
	const void *query;			/* a value of the column's type */
	OhRowReader reader;
	MemoryContext row_context;	/* reset for each row */
	OhDetoaster *detoaster;
	OhHints    *hints;
	bool		direct;			/* plain column of a heap */
};

OhReranker *
OhRerankBegin(IndexScanDesc scan, OhIndex *ix, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	OhReranker *r = palloc0(sizeof(OhReranker));

	if (!IsMVCCSnapshot(scan->xs_snapshot) && !oh_measuring)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" can only be scanned with an MVCC snapshot",
						RelationGetRelationName(scan->indexRelation))));
	r->scan = scan;
	r->ix = ix;
	r->metric = ix->column.metric;
	OhRowReaderBegin(&r->reader, scan->heapRelation, scan->indexRelation);
	r->row_context = AllocSetContextCreate(context, "omenhnsw row", ALLOCSET_DEFAULT_SIZES);
	r->hints = OhGetHints(ix);
	r->detoaster = OhDetoastBegin(scan->heapRelation, r->hints, context);
	r->direct = r->reader.attribute != 0 &&
		scan->heapRelation->rd_tableam == GetHeapamTableAmRoutine();
	MemoryContextSwitchTo(old);
	return r;
}

void
OhRerankQuery(OhReranker *r, const void *query)
{
	r->query = query;
}

/*
 * exact_distance -- compute the distance to an indexed value; false if it has none.
 */
static bool
exact_distance(OhReranker *r, Datum value, double *distance)
{
	MemoryContext old = MemoryContextSwitchTo(r->row_context);
	void	   *detoasted = OhDetoastValue(r->detoaster, value);
	bool		fits = r->metric->type->dim(detoasted) == r->ix->column.dim;

	if (fits)
		*distance = r->metric->distance(r->query, detoasted);
	MemoryContextSwitchTo(old);
	if (detoasted != DatumGetPointer(value))
		MemoryContextReset(r->row_context);
	return fits;
}

/*
 * rerank_direct -- read the value directly from the heap page.
 */
static bool
rerank_direct(OhReranker *r, ItemPointer tid, double *distance)
{
	Relation	heap = r->scan->heapRelation;
	Buffer		buffer = OhHintedRead(heap, ItemPointerGetBlockNumber(tid), r->hints,
									  &r->hints->heap);
	HeapTupleData tuple;
	bool		found;
	bool		isnull;
	Datum		value;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	found = heap_hot_search_buffer(tid, heap, buffer, r->scan->xs_snapshot, &tuple, NULL, true);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	/* the buffer pin keeps the tuple in place */
	if (found)
	{
		value = heap_getattr(&tuple, r->reader.attribute, RelationGetDescr(heap), &isnull);
		found = !isnull && exact_distance(r, value, distance);
	}
	ReleaseBuffer(buffer);
	return found;
}

bool
OhRerankRow(OhReranker *r, ItemPointerData tid, double *distance)
{
	bool		found;
	bool		isnull;
	MemoryContext old;
	Datum		value;

	/* tid is a copy: the fetch overwrites it with the visible version's */
	if (r->direct)
		return rerank_direct(r, &tid, distance);
	if (!OhReadRow(&r->reader, &tid, r->scan->xs_snapshot))
		return false;
	old = MemoryContextSwitchTo(r->row_context);
	value = OhRowValue(&r->reader, &isnull);
	MemoryContextSwitchTo(old);
	found = !isnull && exact_distance(r, value, distance);
	OhRowValueDone(&r->reader);
	MemoryContextReset(r->row_context);
	return found;
}

bool
OhRerankSees(OhReranker *r, ItemPointerData tid)
{
	return OhReadRow(&r->reader, &tid, r->scan->xs_snapshot);
}

bool
OhRerankAhead(OhReranker *r)
{
	OhAheadEnd(&r->hints->ahead);
	return OhAheadBegin(&r->hints->ahead);
}

void
OhRerankAsk(OhReranker *r, const ItemPointerData *tid)
{
	BlockNumber block = ItemPointerGetBlockNumberNoCheck(tid);
	const OhBlockHint *hint = &r->hints->heap.hint[block & r->hints->heap.mask];

	OhAheadBlock(r->scan->heapRelation, block, hint->block == block ? hint->buffer : InvalidBuffer);
}

void
OhRerankPrefetch(OhReranker *r, const ItemPointerData *tid, bool tuple)
{
	if (r->direct)
		OhPrefetchRow(r->hints, tid, tuple);
}

void
OhRerankRelease(OhReranker *r)
{
	OhRowReaderRelease(&r->reader);
}

void
OhRerankEnd(OhReranker *r)
{
	OhDetoastEnd(r->detoaster);
	OhRowReaderEnd(&r->reader);
}
