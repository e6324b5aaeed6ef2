/*
 * sweep.c -- all nodes that a scan has left, nearest first, without the graph.
 *
 * For what a walk of the graph did not reach, for all the others once it has used
 * up its memory, for small graphs, and for conditions that few nodes match: then
 * only these are evaluated, in the order in which they lie.
 *
 * A pass evaluates all nodes and keeps as many of the nearest as fit; another one
 * is needed only when these have been used up.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/sweep.h"

/* Nodes that are prefetched and evaluated at a time. */
#define CHUNK 32

OhSweep *
OhSweepBegin(Relation index, OhIndex *ix, OhFilter *filter, const uint32 *handled, int64 n,
			 Size bytes, MemoryContext context)
{
	OhSweep    *sweep = MemoryContextAllocZero(context, sizeof(OhSweep));

	sweep->eval.index = index;
	sweep->eval.ix = ix;
	sweep->filter = filter;
	sweep->nnodes = filter != NULL ? filter->nnodes :
		OhArrayPages(index, ix, OH_NODE) * ix->array[OH_NODE].per_page;
	sweep->handled = MemoryContextAllocExtended(context,
												(sweep->nnodes / 64 + 1) * sizeof(uint64),
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int64 i = 0; i < n; i++)
	{
		if (handled[i] < sweep->nnodes)
			sweep->handled[handled[i] / 64] |= UINT64CONST(1) << handled[i] % 64;
	}
	sweep->max_rest = Max(1024, bytes / sizeof(OhItem));
	sweep->more = true;
	OhHeapInit(&sweep->found, context, 256);
	OhHeapInit(&sweep->rest, context, 1024);
	return sweep;
}

/*
 * keep -- put an evaluated node among the nearest `want`, or the rest.
 */
static inline void
keep(OhSweep *sweep, OhItem item, int64 want)
{
	if (sweep->found.n < want)
	{
		OhHeapPush(&sweep->found, item, true);
		return;
	}
	if (item.dist < sweep->found.item[0].dist)
		item = OhHeapReplace(&sweep->found, item, true);
	if (sweep->rest.n < sweep->max_rest)
	{
		OhHeapAppend(&sweep->rest, item);
		return;
	}
	if (!sweep->more)
	{
		/* the first that does not fit: from now on the farthest goes */
		OhHeapify(&sweep->rest, true);
		sweep->more = true;
	}
	if (item.dist < sweep->rest.item[0].dist)
		OhHeapReplace(&sweep->rest, item, true);
}

static void
evaluate(OhSweep *sweep, const uint32 *ids, int n, int64 want)
{
	OhEvaluated evaluated[CHUNK];

	CHECK_FOR_INTERRUPTS();
	n = OhEvaluate(&sweep->eval, ids, n, evaluated);
	for (int i = 0; i < n; i++)
	{
		if (evaluated[i].live)
			keep(sweep, evaluated[i].item, want);
	}
}

static void
set_handled(OhSweep *sweep, const OhHeap *heap)
{
	for (int64 i = 0; i < heap->n; i++)
		sweep->handled[heap->item[i].id / 64] |= UINT64CONST(1) << heap->item[i].id % 64;
}

/*
 * pass -- evaluate all that is left.
 */
static void
pass(OhSweep *sweep, int64 want)
{
	uint32		ids[CHUNK];
	int			n = 0;

	sweep->npasses++;
	sweep->more = sweep->sorted = false;
	if (sweep->filter != NULL)
		OhFilterLoadNodes(sweep->filter, 0, sweep->nnodes);
	for (uint32 w = 0; w * UINT64CONST(64) < sweep->nnodes; w++)
	{
		uint64		todo = ~sweep->handled[w];

		if (sweep->filter != NULL)
			todo &= sweep->filter->bits[w];
		while (todo != 0)
		{
			uint32		id = w * 64 + __builtin_ctzll(todo);

			todo &= todo - 1;
			if (id >= sweep->nnodes)
				break;
			ids[n++] = id;
			if (n == CHUNK)
			{
				evaluate(sweep, ids, n, want);
				n = 0;
			}
		}
	}
	evaluate(sweep, ids, n, want);
	if (sweep->more)
	{
		/* those that did not fit are for the next pass */
		set_handled(sweep, &sweep->found);
		set_handled(sweep, &sweep->rest);
	}
}

bool
OhSweepMore(OhSweep *sweep, const OmQuery *query, int64 want)
{
	sweep->eval.query = query;
	sweep->found.n = 0;
	if (sweep->rest.n == 0)
	{
		if (!sweep->more)
			return false;
		pass(sweep, want);
		OhHeapSort(&sweep->found);
		return sweep->found.n > 0;
	}
	if (!sweep->sorted)
		OhHeapify(&sweep->rest, false);
	sweep->sorted = true;
	while (sweep->found.n < want && sweep->rest.n > 0)
		OhHeapAppend(&sweep->found, OhHeapPop(&sweep->rest, false));
	return true;
}
