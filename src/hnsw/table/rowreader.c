/*
 * rowreader.c -- reads rows of the table by their TIDs.  See rowreader.h.
 */
#include "postgres.h"

#include "utils/relcache.h"

#include "hnsw/table/rowreader.h"

void
OhRowReaderBegin(OhRowReader *reader, Relation heap, Relation index)
{
	reader->fetch = table_index_fetch_begin(heap);
	reader->slot = table_slot_create(heap, NULL);
	reader->attribute = index->rd_index->indkey.values[0];
	reader->expression = NULL;
	reader->estate = NULL;
	if (reader->attribute == 0)
	{
		reader->estate = CreateExecutorState();
		reader->expression = ExecPrepareExpr((Expr *) linitial(RelationGetIndexExpressions(index)),
											 reader->estate);
	}
}

void
OhRowReaderEnd(OhRowReader *reader)
{
	ExecDropSingleTupleTableSlot(reader->slot);
	table_index_fetch_end(reader->fetch);
	if (reader->estate)
		FreeExecutorState(reader->estate);
}

void
OhRowReaderRelease(OhRowReader *reader)
{
	ExecClearTuple(reader->slot);
	table_index_fetch_reset(reader->fetch);
}

bool
OhReadRow(OhRowReader *reader, ItemPointer tid, Snapshot snapshot)
{
	bool		call_again = false;

	return table_index_fetch_tuple(reader->fetch, tid, snapshot, reader->slot, &call_again, NULL);
}

/*
 * OhRowValue -- see rowreader.h.
 *
 * Evaluates only the first column: expressions of filter columns may be costly, or fail.
 */
Datum
OhRowValue(OhRowReader *reader, bool *isnull)
{
	ExprContext *econtext;

	if (reader->attribute != 0)
		return slot_getattr(reader->slot, reader->attribute, isnull);
	econtext = GetPerTupleExprContext(reader->estate);
	econtext->ecxt_scantuple = reader->slot;
	return ExecEvalExprSwitchContext(reader->expression, econtext, isnull);
}

void
OhRowValueDone(OhRowReader *reader)
{
	if (reader->estate)
		ResetPerTupleExprContext(reader->estate);
}
