/*
 * inserter.c -- ohinsert, and the states of inserts that it keeps from row to row.
 *
 * An open index keeps the inserter of its last single row, for a few indexes at once.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "filter/key.h"
#include "hnsw/callbacks.h"
#include "hnsw/insert/insert.h"
#include "hnsw/insert/inserter.h"
#include "hnsw/stats/counters.h"
#include "hnsw/train/retrain.h"

/* Inserters of single rows kept for the next one, last used first. */
#define KEEP_INSERTERS 8

static dlist_head kept_inserters = DLIST_STATIC_INIT(kept_inserters);
static int	nkept_inserters = 0;

/*
 * OhInserterBegin -- state for inserts of many rows, in a context of its own.
 */
OhInserter *
OhInserterBegin(OhIndex *ix, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "omenhnsw insert",
												  ALLOCSET_DEFAULT_SIZES);
	OhInserter *ins = MemoryContextAllocZero(context, sizeof(OhInserter));

	ins->ix = ix;
	ins->context = context;
	ins->code = OhAlignedAlloc(context, ix->code_bytes);
	ins->refinement = OhAlignedAlloc(context, ix->refine_bytes);
	ins->vector = OhAlignedAlloc(context, sizeof(float) * ix->dim);
	OhFormsInit(&ins->forms, ix, false, context);
	ins->form = OhAlignedAlloc(context, om_quant_query_bytes(&ix->spec));
	ins->scratch = OhAlignedAlloc(context, om_quant_scratch_bytes(&ix->spec));
	OhNodeCacheInit(&ins->keep, context);
	/* nodes with one code make a walk go on with what it has set aside */
	ins->search = OhSearchBegin(ix, ix->columns.n > 0, &ins->keep, context);
	OhSelectorInit(&ins->selector, ix->quant, context);
	ins->back = MemoryContextAlloc(context, sizeof(OhBackLink) * 2 * ix->m);
	ins->held = MemoryContextAlloc(context, sizeof(OhHeldLink) * 8 * ix->m);
	ins->deciding = OH_NONE;
	ins->candidates = MemoryContextAlloc(context,
										 sizeof(OhCandidate) * (ix->ef_construction + 1));
	return ins;
}

void
OhInserterEnd(OhInserter *ins)
{
	MemoryContextDelete(ins->context);
}

static void
drop_inserter(OhIndex *ix)
{
	if (ix->inserter == NULL)
		return;
	dlist_delete(&ix->inserter->kept);
	nkept_inserters--;
	OhInserterEnd(ix->inserter);
	ix->inserter = NULL;
}

/*
 * keep_inserter -- give a new index its inserter, in place of the one that was used
 * least recently if there are many: rows may go to hundreds of partitions.
 */
static void
keep_inserter(OhIndex *ix, OhInserter *ins)
{
	ix->inserter = ins;
	dlist_push_head(&kept_inserters, &ins->kept);
	nkept_inserters++;
	if (nkept_inserters > KEEP_INSERTERS)
	{
		OhInserter *last = dlist_tail_element(OhInserter, kept, &kept_inserters);

		if (!last->busy)
			drop_inserter(last->ix);
	}
}

static Size
inserter_bytes(const OhIndex *ix)
{
	/* the rest is in the index's memory context */
	return ix->inserter == NULL ? 0 : OhVisitedBytes(ix->inserter->search->visited);
}

/*
 * borrow_inserter -- the index state's own inserter, made when first needed.
 *
 * One that is in use (an index expression that inserts into the same table) or
 * was left by an error stays as it is until the transaction ends: then a new one
 * serves this row.
 */
static OhInserter *
borrow_inserter(OhIndex *ix)
{
	OhInserter *ins;

	if (ix->inserter == NULL)
		keep_inserter(ix, OhInserterBegin(ix, ix->file.context));
	else
		dlist_move_head(&kept_inserters, &ix->inserter->kept);
	ins = ix->inserter->busy ? OhInserterBegin(ix, CurrentMemoryContext) : ix->inserter;
	ins->busy = true;
	return ins;
}

static void
return_inserter(OhIndex *ix, OhInserter *ins)
{
	if (ins == ix->inserter)
		ins->busy = false;
	else
		OhInserterEnd(ins);
}

static void
reset_inserter(OhIndex *ix)
{
	if (ix->inserter != NULL)
		ix->inserter->busy = false;
}

/*
 * make_keys -- filter keys of a row's filter columns, NULL if there are none.
 */
static const OhKeyRow *
make_keys(OhInserter *ins, const Datum *values, const bool *isnull)
{
	MemoryContext old;

	if (ins->ix->columns.n == 0)
		return NULL;
	if (ins->row_context == NULL)
	{
		ins->maker = OhKeyMakerBegin(&ins->ix->columns, ins->context);
		ins->row = MemoryContextAllocZero(ins->context, OhKeyRowBytes(ins->ix->columns.n));
		ins->row_context = AllocSetContextCreate(ins->context, "omenhnsw insert row",
												 ALLOCSET_SMALL_SIZES);
	}
	old = MemoryContextSwitchTo(ins->row_context);
	OhMakeKeys(ins->maker, values, isnull, ins->row);
	MemoryContextSwitchTo(old);
	MemoryContextReset(ins->row_context);
	return ins->row;
}

bool
ohinsert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
		 IndexUniqueCheck check, bool unchanged, IndexInfo *info)
{
	OhIndex    *ix = OhIndexOpen(index);
	OhInserter *ins = borrow_inserter(ix);
	const OhKeyRow *keys = make_keys(ins, values, isnull);

	if (isnull[0])
		OhInsertRowWithoutPosition(ins, tid, OH_ROW_NULL, keys);
	else
	{
		OhPosition	position;

		OhGetPosition(&ix->column, values[0], &position);
		if (position.no_direction)
			OhInsertRowWithoutPosition(ins, tid, OH_ROW_NO_DIRECTION, keys);
		else
			OhInsertVector(ins, &position, tid, keys);
		OhPositionFree(&position);
	}
	return_inserter(ix, ins);
	OhCount(index)[OH_COUNT_INSERTS]++;
	if (unlikely(OhRetrainIsDue(ix)))
		OhRetrainStep(heap, ix);
	return false;
}

void
OhInsertInit(void)
{
	static const OhIndexOwner owner = {reset_inserter, drop_inserter, inserter_bytes};

	OhRegisterIndexOwner(&owner);
}
