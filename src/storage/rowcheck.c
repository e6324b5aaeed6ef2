/*
 * rowcheck.c -- are the rows that an index names in its table?  See rowcheck.h.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"

#include "storage/array.h"
#include "storage/rowcheck.h"

/*
 * check_beyond -- a row is beyond the blocks that the table is known to have: has the table
 * grown?
 *
 * A row is in the table before it is in an index, and a vacuum removes it from the index
 * before it truncates the table.  Other table access methods may have row numbers that are
 * not block numbers.
 */
static void
check_beyond(OhFile *file, const ItemPointerData *tid, int array, uint32 lp)
{
	Relation	heap = table_open(file->rel->rd_index->indrelid, NoLock);

	file->heap_blocks = heap->rd_tableam == GetHeapamTableAmRoutine() ?
		RelationGetNumberOfBlocks(heap) : InvalidBlockNumber;
	table_close(heap, NoLock);
	if (ItemPointerGetBlockNumberNoCheck(tid) >= file->heap_blocks)
		OhReportCorruption(file->rel, OhArrayBlock(file, array, lp),
						   "row (%u,%u) is beyond the table's end, which has %u blocks",
						   ItemPointerGetBlockNumberNoCheck(tid),
						   ItemPointerGetOffsetNumberNoCheck(tid), file->heap_blocks);
}

void
OhCheckRows(OhFile *file, const ItemPointerData *tid, int n, int array, uint32 lp)
{
	for (int i = 0; i < n; i++)
	{
		if (unlikely(ItemPointerGetBlockNumberNoCheck(&tid[i]) >= file->heap_blocks) &&
			ItemPointerIsValid(&tid[i]))
			check_beyond(file, &tid[i], array, lp);
	}
}

void
OhCheckAllRows(OhFile *file, const ItemPointerData *tid, int n, int array, uint32 lp)
{
	for (int i = 0; i < n; i++)
	{
		if (unlikely(!ItemPointerIsValid(&tid[i])))
			OhReportCorruption(file->rel, OhArrayBlock(file, array, lp), "row (%u,%u) is not possible",
							   ItemPointerGetBlockNumberNoCheck(&tid[i]), ItemPointerGetOffsetNumberNoCheck(&tid[i]));
	}
	OhCheckRows(file, tid, n, array, lp);
}
