/*
 * queue.h -- binary heaps of (distance, node), nearest or farthest first.
 */
#ifndef OH_QUEUE_H
#define OH_QUEUE_H

#include "postgres.h"

#include "utils/memutils.h"

typedef struct OhItem
{
	float		dist;
	uint32		id;
} OhItem;

typedef struct OhQueue
{
	OhItem	   *item;			/* [n]; item[0] is the top */
	int64		n;
	int64		allocated;
} OhQueue;

/* Items before others: nearer ones, or farther ones in a heap with farthest set. */
static inline bool
OhItemBefore(OhItem a, OhItem b, bool farthest)
{
	return farthest ? a.dist > b.dist : a.dist < b.dist;
}

/* Append without keeping the order. */
static inline void
OhQueueAppend(OhQueue *heap, OhItem item)
{
	if (unlikely(heap->n == heap->allocated))
	{
		heap->allocated *= 2;
		heap->item = repalloc_huge(heap->item, sizeof(OhItem) * heap->allocated);
	}
	heap->item[heap->n++] = item;
}

static inline void
OhQueueSiftUp(OhQueue *heap, int64 i, bool farthest)
{
	OhItem		item = heap->item[i];

	while (i > 0)
	{
		int64		parent = (i - 1) / 2;

		if (!OhItemBefore(item, heap->item[parent], farthest))
			break;
		heap->item[i] = heap->item[parent];
		i = parent;
	}
	heap->item[i] = item;
}

static inline void
OhQueueSiftDown(OhQueue *heap, int64 i, bool farthest)
{
	OhItem		item = heap->item[i];

	for (;;)
	{
		int64		child = 2 * i + 1;

		if (child >= heap->n)
			break;
		if (child + 1 < heap->n && OhItemBefore(heap->item[child + 1], heap->item[child], farthest))
			child++;
		if (!OhItemBefore(heap->item[child], item, farthest))
			break;
		heap->item[i] = heap->item[child];
		i = child;
	}
	heap->item[i] = item;
}

static inline void
OhQueuePush(OhQueue *heap, OhItem item, bool farthest)
{
	OhQueueAppend(heap, item);
	OhQueueSiftUp(heap, heap->n - 1, farthest);
}

static inline OhItem
OhQueuePop(OhQueue *heap, bool farthest)
{
	OhItem		top = heap->item[0];

	heap->item[0] = heap->item[--heap->n];
	if (heap->n > 1)
		OhQueueSiftDown(heap, 0, farthest);
	return top;
}

/* Replace the top. */
static inline OhItem
OhHeapReplace(OhQueue *heap, OhItem item, bool farthest)
{
	OhItem		top = heap->item[0];

	heap->item[0] = item;
	OhQueueSiftDown(heap, 0, farthest);
	return top;
}

static inline void
OhHeapify(OhQueue *heap, bool farthest)
{
	for (int64 i = heap->n / 2 - 1; i >= 0; i--)
		OhQueueSiftDown(heap, i, farthest);
}

/* Sort nearest first; the heap must be one with the farthest on top. */
static inline void
OhHeapSort(OhQueue *heap)
{
	int64		n = heap->n;

	while (heap->n > 1)
	{
		OhItem		top = OhQueuePop(heap, true);

		heap->item[heap->n] = top;
	}
	heap->n = n;
}

static inline void
OhHeapInit(OhQueue *heap, MemoryContext context, int64 size)
{
	heap->n = 0;
	heap->allocated = Max(size, 16);
	heap->item = MemoryContextAllocHuge(context, sizeof(OhItem) * heap->allocated);
}

#endif							/* OH_QUEUE_H */
