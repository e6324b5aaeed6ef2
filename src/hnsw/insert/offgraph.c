/*
 * offgraph.c -- inserts off-graph rows: NULL, or a vector without direction.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/insert/insert.h"
#include "hnsw/insert/inserter.h"

/*
 * OhInsertRowWithoutPosition -- see inserter.h.
 *
 * Pages that another backend is writing to are skipped, so that such inserts do not queue
 * for one page.
 */
void
OhInsertRowWithoutPosition(OhInserter *ins, ItemPointer tid, uint16 kind, const OhKeyRow *keys)
{
	OhIndex    *ix = ins->ix;
	OhArray    *array = &ix->file.array[OH_NULLS];

	for (;;)
	{
		uint32		lp = OhArrayFindFree(&ix->file, OH_NULLS);
		Buffer		buffer = ReadBuffer(ix->file.rel, OhArrayBlock(&ix->file, OH_NULLS, lp));
		bool		done = false;

		CHECK_FOR_INTERRUPTS();
		if (!ConditionalLockBuffer(buffer))
		{
			ReleaseBuffer(buffer);
			if (lp + 1 < array->npages)
			{
				array->cursor = lp + 1;
				continue;
			}
			array->cursor = OhArrayExtend(&ix->file, OH_NULLS);
			continue;
		}
		OhVerifyPage(ix->file.rel, buffer, BufferGetBlockNumber(buffer), OH_PAGE_ARRAY + OH_NULLS);
		if (OhPageHasFree(&ix->file, OH_NULLS, BufferGetPage(buffer)))
		{
			OhWrite		write;
			Page		page;
			uint32		slot;
			OhNullData *record;

			OhWriteStart(&write, &ix->file);
			page = OhWritePage(&write, buffer, false);
			slot = OhPageTakeSlot(&ix->file, OH_NULLS, page, BufferGetBlockNumber(buffer));
			record = OhSlot(&ix->file, OH_NULLS, page, slot);
			record->tid = *tid;
			record->kind = kind;
			if (ix->columns.n > 0)
				memcpy(record + 1, keys, OhKeyRowBytes(ix->columns.n));
			OhWriteFinish(&write);
			done = true;
		}
		UnlockReleaseBuffer(buffer);
		if (done)
			return;
	}
}
