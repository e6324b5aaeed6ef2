/*
 * fetch.c -- vectors of rows by their TIDs, for whoever has no snapshot.
 *
 * A row is read if it is there at this very moment: committed and not deleted, or
 * written by a transaction in progress.  So its TOASTed values are there as well.
 * All versions that one TID leads to have the same vector, as the index would not
 * share an entry between them otherwise.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "utils/snapmgr.h"

#include "hnsw/fetch.h"
#include "hnsw/hnsw.h"

struct OhFetcher
{
	Relation	index;
	OhIndex    *ix;
	IndexFetchTableData *fetch;
	TupleTableSlot *slot;
	SnapshotData snapshot;
	MemoryContext row_context;	/* reset for each row */
	AttrNumber	attribute;		/* 0: an expression */
	IndexInfo  *info;			/* of an expression index */
	EState	   *estate;
};

OhFetcher *
OhFetchBegin(Relation heap, Relation index, OhIndex *ix, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	OhFetcher  *f = palloc0(sizeof(OhFetcher));

	f->index = index;
	f->ix = ix;
	f->fetch = table_index_fetch_begin(heap);
	f->slot = table_slot_create(heap, NULL);
	InitDirtySnapshot(f->snapshot);
	f->row_context = AllocSetContextCreate(context, "omenhnsw fetch", ALLOCSET_DEFAULT_SIZES);
	f->attribute = index->rd_index->indkey.values[0];
	if (f->attribute == 0)
	{
		f->info = BuildIndexInfo(index);
		f->estate = CreateExecutorState();
	}
	MemoryContextSwitchTo(old);
	return f;
}

/*
 * indexed_value -- the column or expression of the row in the slot.
 */
static Datum
indexed_value(OhFetcher *f, bool *isnull)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	if (f->attribute != 0)
		return slot_getattr(f->slot, f->attribute, isnull);
	GetPerTupleExprContext(f->estate)->ecxt_scantuple = f->slot;
	FormIndexDatum(f->info, f->slot, f->estate, values, nulls);
	*isnull = nulls[0];
	return values[0];
}

bool
OhFetchVector(OhFetcher *f, const ItemPointerData *tid, float *x)
{
	ItemPointerData copy = *tid;
	bool		again = false;
	bool		found = false;
	bool		isnull;
	MemoryContext old;
	Datum		value;

	if (!table_index_fetch_tuple(f->fetch, &copy, &f->snapshot, f->slot, &again, NULL))
		return false;
	old = MemoryContextSwitchTo(f->row_context);
	value = indexed_value(f, &isnull);
	if (!isnull)
	{
		Pointer		to_free;
		const float *vector = OhVectorFloats(f->index, f->ix->dim, value, &to_free);

		found = OhHasDirection(f->ix->spec.metric, vector, f->ix->dim);
		memcpy(x, vector, sizeof(float) * f->ix->dim);
	}
	MemoryContextSwitchTo(old);
	if (f->estate)
		ResetPerTupleExprContext(f->estate);
	MemoryContextReset(f->row_context);
	return found;
}

void
OhFetchRelease(OhFetcher *f)
{
	ExecClearTuple(f->slot);
	table_index_fetch_reset(f->fetch);
}

void
OhFetchEnd(OhFetcher *f)
{
	ExecDropSingleTupleTableSlot(f->slot);
	table_index_fetch_end(f->fetch);
	if (f->estate)
		FreeExecutorState(f->estate);
}
