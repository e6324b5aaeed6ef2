/*
 * queue.h -- queues of (distance, node), nearest or farthest first, as binary heaps.
 *
 * Not lib/binaryheap.h: its items are Datums, compared through a function pointer, and it has a fixed size.  A walk
 * pushes and pops thousands of items, which lie here in place and are compared inline.
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

/* Is a ahead of b?  The nearer one is, or with `farthest` the farther one. */
static inline bool
OhItemBefore(OhItem a, OhItem b, bool farthest)
{
	return farthest ? a.dist > b.dist : a.dist < b.dist;
}

/* Append without keeping the order. */
static inline void
OhQueueAppend(OhQueue *queue, OhItem item)
{
	if (unlikely(queue->n == queue->allocated))
	{
		queue->allocated *= 2;
		queue->item = repalloc_huge(queue->item, sizeof(OhItem) * queue->allocated);
	}
	queue->item[queue->n++] = item;
}

static inline void
OhQueueSiftUp(OhQueue *queue, int64 i, bool farthest)
{
	OhItem		item = queue->item[i];

	while (i > 0)
	{
		int64		parent = (i - 1) / 2;

		if (!OhItemBefore(item, queue->item[parent], farthest))
			break;
		queue->item[i] = queue->item[parent];
		i = parent;
	}
	queue->item[i] = item;
}

static inline void
OhQueueSiftDown(OhQueue *queue, int64 i, bool farthest)
{
	OhItem		item = queue->item[i];

	for (;;)
	{
		int64		child = 2 * i + 1;

		if (child >= queue->n)
			break;
		if (child + 1 < queue->n && OhItemBefore(queue->item[child + 1], queue->item[child], farthest))
			child++;
		if (!OhItemBefore(queue->item[child], item, farthest))
			break;
		queue->item[i] = queue->item[child];
		i = child;
	}
	queue->item[i] = item;
}

static inline void
OhQueuePush(OhQueue *queue, OhItem item, bool farthest)
{
	OhQueueAppend(queue, item);
	OhQueueSiftUp(queue, queue->n - 1, farthest);
}

static inline OhItem
OhQueuePop(OhQueue *queue, bool farthest)
{
	OhItem		top = queue->item[0];

	queue->item[0] = queue->item[--queue->n];
	if (queue->n > 1)
		OhQueueSiftDown(queue, 0, farthest);
	return top;
}

/* Replace the top. */
static inline OhItem
OhQueueReplace(OhQueue *queue, OhItem item, bool farthest)
{
	OhItem		top = queue->item[0];

	queue->item[0] = item;
	OhQueueSiftDown(queue, 0, farthest);
	return top;
}

static inline void
OhQueueOrder(OhQueue *queue, bool farthest)
{
	for (int64 i = queue->n / 2 - 1; i >= 0; i--)
		OhQueueSiftDown(queue, i, farthest);
}

/* Sort nearest first.  The queue must have the farthest item on top. */
static inline void
OhQueueSort(OhQueue *queue)
{
	int64		n = queue->n;

	while (queue->n > 1)
	{
		OhItem		top = OhQueuePop(queue, true);

		queue->item[queue->n] = top;
	}
	queue->n = n;
}

static inline void
OhQueueInit(OhQueue *queue, MemoryContext context, int64 size)
{
	queue->n = 0;
	queue->allocated = Max(size, 16);
	queue->item = MemoryContextAllocHuge(context, sizeof(OhItem) * queue->allocated);
}

#endif							/* OH_QUEUE_H */
