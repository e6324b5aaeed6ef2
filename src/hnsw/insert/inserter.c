/*
 * inserter.c -- ohinsert(), and the state that it keeps from row to row.
 *
 * An open index keeps the inserter for its next row; this is done for a few indexes at a
 * time.
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

/* Number of indexes whose inserters are kept, last used first. */
#define KEEP_INSERTERS 8

/* What ohinsert() keeps for one index. */
typedef struct OhRowInserter
{
	dlist_node	kept;			/* in the list of inserters that are kept */
	OhInserter *ins;
	bool		busy;			/* an insert is running */
	OhKeyMaker *maker;			/* makes filter keys; created when first needed */
	MemoryContext key_context;	/* ... for its temporary data, reset after each row */
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
	/* rows itself is in that memory context */
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
 * keep_inserter -- keep the inserter of an index.  If there are too many, the least
 * recently used one is freed: rows may go to hundreds of partitions.
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
	/* everything else is in the index's memory context and counted there */
	return ix->inserter == NULL ? 0 : OhVisitedBytes(ix->inserter->ins->near.search->visited);
}

/*
 * borrow_inserter -- return the inserter kept for this index; create one if there is none.
 *
 * A kept inserter may be in use (if an index expression inserts into the same table), or an
 * error may have left it in the middle of an insert.  It then stays as it is until the
 * transaction ends, and a new one is used for this row.
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
 * make_keys -- compute the filter keys of a row, NULL without filter columns.
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
 * insert_value -- insert each of the value's positions, all with this TID.
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
