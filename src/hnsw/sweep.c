/*
 * sweep.c -- what a scan has left once the walk of the graph is over.
 *
 * A scan may not end while a live row is unreturned: nodes that the walk did
 * not reach, and all the others once the walk has used up its memory, are found
 * by passes over the node array, each of which keeps the nearest that fit.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/sweep.h"

OhSweep *
OhSweepBegin(Relation index, OhIndex *ix, const uint32 *handled, int64 n, Size bytes,
			 MemoryContext context)
{
	OhSweep    *sweep = MemoryContextAllocZero(context, sizeof(OhSweep));

	sweep->index = index;
	sweep->ix = ix;
	sweep->nnodes = OhArrayPages(index, ix, OH_NODE) * ix->array[OH_NODE].per_page;
	sweep->handled = MemoryContextAllocExtended(context, sweep->nnodes / 8 + 1,
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int64 i = 0; i < n; i++)
	{
		if (handled[i] < sweep->nnodes)
			sweep->handled[handled[i] / 8] |= 1 << handled[i] % 8;
	}
	sweep->batch = Max(1024, bytes / sizeof(OhItem));
	OhHeapInit(&sweep->found, context, 1024);
	return sweep;
}

static inline bool
is_handled(const OhSweep *sweep, uint32 id)
{
	return sweep->handled[id / 8] & (1 << id % 8);
}

/*
 * sweep_page -- evaluate the live nodes of one page that are left.
 */
static void
sweep_page(OhSweep *sweep, uint32 lp, const OmQuery *query)
{
	OhIndex    *ix = sweep->ix;
	uint32		per_page = ix->array[OH_NODE].per_page;
	Buffer		buffer = OhArrayRead(sweep->index, ix, OH_NODE, lp, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	uint32		nused = OhTail(page)->nused;

	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhNodeData *node = OhSlot(ix, OH_NODE, page, slot);
		OhItem		item;

		item.id = lp * per_page + slot;
		if (node->state != OH_LIVE || is_handled(sweep, item.id))
			continue;
		item.dist = ix->distance(ix->quant, query, OhNodeCode(node));
		sweep->evaluations++;
		if (sweep->found.n < sweep->batch)
			OhHeapPush(&sweep->found, item, true);
		else if (item.dist < sweep->found.item[0].dist)
			OhHeapReplace(&sweep->found, item, true);
	}
	UnlockReleaseBuffer(buffer);
}

bool
OhSweepMore(OhSweep *sweep, const OmQuery *query)
{
	uint32		npages = sweep->nnodes / sweep->ix->array[OH_NODE].per_page;

	sweep->found.n = 0;
	for (uint32 lp = 0; lp < npages; lp++)
	{
		CHECK_FOR_INTERRUPTS();
		sweep_page(sweep, lp, query);
	}
	OhHeapSort(&sweep->found);
	for (int64 i = 0; i < sweep->found.n; i++)
		sweep->handled[sweep->found.item[i].id / 8] |= 1 << sweep->found.item[i].id % 8;
	return sweep->found.n > 0;
}
