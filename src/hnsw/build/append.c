/*
 * append.c -- appends records to the arrays of an index that a build fills.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/build/append.h"
#include "hnsw/build/graph.h"

void
OhAppendBegin(OhAppender *out, OhIndex *ix, OhArrayId array)
{
	out->ix = ix;
	out->array = array;
	out->buffer = InvalidBuffer;
	out->next = 0;
}

void
OhAppendEnd(OhAppender *out)
{
	if (out->buffer == InvalidBuffer)
		return;
	OhPageSetLower(&out->ix->file, out->array, BufferGetPage(out->buffer));
	MarkBufferDirty(out->buffer);
	UnlockReleaseBuffer(out->buffer);
	out->buffer = InvalidBuffer;
}

uint32
OhAppendPlan(OhIndex *ix, OhArrayId array, uint32 records, uint32 per_page)
{
	uint32		npages = records / per_page + (records % per_page != 0);

	OhArrayPlan(&ix->file, array, npages);
	return npages;
}

Buffer
OhAppendPage(OhIndex *ix, OhArrayId array, uint32 lp)
{
	uint32		got;

	CHECK_FOR_INTERRUPTS();
	got = OhArrayExtend(&ix->file, array);
	if (got != lp)
		OhReportCorruption(ix->file.rel, OH_META_BLOCK, "array %d has page %u before the build wrote it",
						   (int) array, got);
	return OhArrayRead(&ix->file, array, lp, BUFFER_LOCK_EXCLUSIVE);
}

void *
OhAppend(OhAppender *out)
{
	uint32		slot = OhSlotOf(&out->ix->file, out->array, out->next);
	Page		page;
	void	   *record;

	if (slot == 0)
	{
		OhAppendEnd(out);
		out->buffer = OhAppendPage(out->ix, out->array, OhLp(&out->ix->file, out->array, out->next));
	}
	page = BufferGetPage(out->buffer);
	record = OhSlot(&out->ix->file, out->array, page, slot);
	memset(record, 0, out->ix->file.array[out->array].record_bytes);
	OhTail(page)->nused = slot + 1;
	out->next++;
	return record;
}

int
OhWriteList(const uint32 *list, int n, const uint32 *number, uint32 *to, int max)
{
	int			count = 0;
	int			nselected = 0;

	for (int fill = 0; fill <= 1; fill++)
	{
		for (int i = 0; i < n && list[i] != OH_NONE && count < max; i++)
		{
			uint32		slot = list[i] & OH_LINK_ID;

			if (((list[i] & OH_LINK_SELECTED) == 0) == fill)
				to[count++] = number != NULL ? number[slot] : slot;
		}
		if (!fill)
			nselected = count;
	}
	for (; count < max; count++)
		to[count] = OH_NONE;
	return nselected;
}
