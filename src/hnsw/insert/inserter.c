/*
 * inserter.c -- ohinsert, and what it keeps of an insert from row to row.
 *
 * An open index keeps the inserter of its last single row, for a few indexes at once.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "filter/key.h"
#include "hnsw/callbacks.h"
#include "hnsw/insert/insert.h"
#include "hnsw/insert/inserter.h"
#include "hnsw/parts.h"
#include "hnsw/stats/counters.h"
#include "hnsw/train/retrain.h"

/* Inserters of single rows kept for the next one, last used first. */
#define KEEP_INSERTERS 8

/* What ohinsert() keeps for one index. */
typedef struct OhRowInserter
{
	dlist_node	kept;			/* in the list of those that are kept */
	OhInserter *ins;
	bool		busy;			/* in the middle of an insert */
	OhKeyMaker *maker;			/* with filter columns, made when first needed */
	MemoryContext key_context;	/* ... of its work, reset after each row */
	OhKeyRow   *keys;			/* ... its result */
} OhRowInserter;

static dlist_head kept_inserters = DLIST_STATIC_INIT(kept_inserters);
static int	nkept_inserters = 0;

static OhRowInserter *
begin_inserter(OhIndex *ix, MemoryContext parent)
{
	OhInserter *ins = OhInserterBegin(ix, parent);
	OhRowInserter *rows = MemoryContextAllocZero(ins->context, sizeof(OhRowInserter));

	rows->ins = ins;
	return rows;
}

static void
end_inserter(OhRowInserter *rows)
{
	/* it lies in the same context */
	OhInserterEnd(rows->ins);
}

static void
drop_inserter(OhIndex *ix)
{
	if (ix->inserter == NULL)
		return;
	dlist_delete(&ix->inserter->kept);
	nkept_inserters--;
	end_inserter(ix->inserter);
	ix->inserter = NULL;
}

/*
 * keep_inserter -- give a new index its inserter, in place of the one that was used
 * least recently if there are many: rows may go to hundreds of partitions.
 */
static void
keep_inserter(OhIndex *ix, OhRowInserter *rows)
{
	ix->inserter = rows;
	dlist_push_head(&kept_inserters, &rows->kept);
	nkept_inserters++;
	if (nkept_inserters > KEEP_INSERTERS)
	{
		OhRowInserter *last = dlist_tail_element(OhRowInserter, kept, &kept_inserters);

		if (!last->busy)
			drop_inserter(last->ins->ix);
	}
}

static Size
inserter_bytes(const OhIndex *ix)
{
	/* the rest is in the index's memory context */
	return ix->inserter == NULL ? 0 : OhVisitedBytes(ix->inserter->ins->near.search->visited);
}

/*
 * borrow_inserter -- the index state's own inserter, made when first needed.
 *
 * One that is in use (an index expression that inserts into the same table) or
 * was left by an error stays as it is until the transaction ends: then a new one
 * serves this row.
 */
static OhRowInserter *
borrow_inserter(OhIndex *ix)
{
	OhRowInserter *rows;

	if (ix->inserter == NULL)
		keep_inserter(ix, begin_inserter(ix, ix->file.context));
	else
		dlist_move_head(&kept_inserters, &ix->inserter->kept);
	rows = ix->inserter->busy ? begin_inserter(ix, CurrentMemoryContext) : ix->inserter;
	rows->busy = true;
	return rows;
}

static void
return_inserter(OhIndex *ix, OhRowInserter *rows)
{
	if (rows == ix->inserter)
		rows->busy = false;
	else
		end_inserter(rows);
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
make_keys(OhRowInserter *rows, const Datum *values, const bool *isnull)
{
	const OhColumns *columns = &rows->ins->ix->columns;
	MemoryContext context = rows->ins->context;
	MemoryContext old;

	if (columns->n == 0)
		return NULL;
	if (rows->key_context == NULL)
	{
		rows->maker = OhKeyMakerBegin(columns, context);
		rows->keys = MemoryContextAllocZero(context, OhKeyRowBytes(columns->n));
		rows->key_context = AllocSetContextCreate(context, "omenhnsw insert row",
												  ALLOCSET_SMALL_SIZES);
	}
	old = MemoryContextSwitchTo(rows->key_context);
	OhMakeKeys(rows->maker, values, isnull, rows->keys);
	MemoryContextSwitchTo(old);
	MemoryContextReset(rows->key_context);
	return rows->keys;
}

/*
 * insert_value -- each of its positions, all with this TID.
 */
static void
insert_value(OhInserter *ins, const OhColumn *column, Datum value, ItemPointer tid, const OhKeyRow *keys)
{
	OhParts		parts;

	OhPartsOpen(column, value, &parts);
	if (parts.n == 0)
		OhInsertRowWithoutPosition(ins, tid, OH_ROW_NO_DIRECTION, keys);
	for (int i = 0; i < parts.n; i++)
	{
		OhPosition	position;

		if (OhPartsRepeats(&parts, i))
			continue;
		OhPartsPosition(&parts, i, &position);
		if (position.no_direction)
			OhInsertRowWithoutPosition(ins, tid, OH_ROW_NO_DIRECTION, keys);
		else
			OhInsertVector(ins, &position, tid, keys);
		OhPositionFree(&position);
	}
	OhPartsClose(&parts);
}

bool
ohinsert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
		 IndexUniqueCheck check, bool unchanged, IndexInfo *info)
{
	OhIndex    *ix = OhIndexOpen(index);
	OhRowInserter *rows = borrow_inserter(ix);
	OhInserter *ins = rows->ins;
	const OhKeyRow *keys = make_keys(rows, values, isnull);

	if (isnull[0])
		OhInsertRowWithoutPosition(ins, tid, OH_ROW_NULL, keys);
	else
		insert_value(ins, &ix->column, values[0], tid, keys);
	return_inserter(ix, rows);
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
