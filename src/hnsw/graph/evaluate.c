/*
 * evaluate.c -- distances from a query to the codes of nodes, in buffer pages.
 *
 * All pages and codes of a call are prefetched before the first is touched; then
 * the nodes of one page are evaluated under one lock.  Never more than one lock
 * is held.
 */
#include "postgres.h"

#include "storage/buf_internals.h"

#include "hnsw/graph/evaluate.h"

#define CACHE_LINE 64

/* At most this many cache lines of a node are prefetched. */
#define PREFETCH_LINES 6

/*
 * cache_node -- put a copy of an evaluated node into the cache; its page is locked.
 */
static void
cache_node(OhEvaluator *e, uint32 id, float dist, OhNodeData *node)
{
	bool		found;
	OhCachedNode *cached = OhNodeCacheAdd(e->cache, id, &found);

	if (found)
		return;					/* it is there already, from another level */
	cached->dist = dist;
	cached->live = node->state == OH_LIVE;
	cached->tag = node->tag;
	cached->code = OhNodeCacheAlloc(e->cache, e->ix->code_bytes);
	memcpy(cached->code, OhNodeCode(node), e->ix->code_bytes);
}

void
OhNearRowsInit(OhNearRows *rows, MemoryContext context)
{
	rows->n = 0;
	rows->allocated = 1024;
	rows->row = MemoryContextAlloc(context, sizeof(OhNearRow) * rows->allocated);
}

/*
 * reserve_rows -- make room for n more rows: no page may be locked.
 */
static void
reserve_rows(OhNearRows *rows, int n)
{
	if (rows->n + n <= rows->allocated)
		return;
	rows->allocated *= 2;
	rows->row = repalloc_huge(rows->row, sizeof(OhNearRow) * rows->allocated);
}

/*
 * prefetch -- prefetch the memory that the evaluation of a node will read.
 */
static inline void
prefetch(const OhIndex *ix, uint32 lp, uint32 slot)
{
	Buffer		buffer = ix->file.array[OH_NODE].hint[lp];
	uintptr_t	start;
	uintptr_t	end;

	if (buffer <= 0)
		return;
	__builtin_prefetch(GetBufferDescriptor(buffer - 1), 1);
	start = (uintptr_t) OhSlot(&ix->file, OH_NODE, BufferGetPage(buffer), slot);
	end = start + sizeof(OhNodeData) + ix->code_bytes;
	/* once a long code is being read, the hardware prefetches the rest */
	end = Min(end, start + PREFETCH_LINES * CACHE_LINE);
	for (start &= ~(uintptr_t) (CACHE_LINE - 1); start < end; start += CACHE_LINE)
		__builtin_prefetch((void *) start);
}

/*
 * ask_ahead -- start reading the pages of the nodes from key[i] on; these are in the order
 * of pages.
 */
static void
ask_ahead(OhIndex *ix, const uint64 *key, int i, int count)
{
	for (; i < count; i++)
	{
		if (i == 0 || key[i] >> 32 != key[i - 1] >> 32)
			OhArrayPrefetch(&ix->file, OH_NODE, key[i] >> 32);
	}
}

int
OhEvaluate(OhEvaluator *e, const uint32 *ids, int n, OhEvaluated *out)
{
	OhIndex    *ix = e->ix;
	uint32		per_page = ix->file.array[OH_NODE].per_page;
	uint64		key[OH_MAX_EVALUATED];
	int			count = 0;
	int			nout = 0;
	int			rounds = 0;
	bool		asked;
	const OmQuantizer *quant = NULL;
	const OhForm *form = OhFormOf(e->forms, ix, e->forms->number, &quant);
	uint8		number = form != NULL ? form->number : OH_TAG_LOOSE;	/* no node's */

	Assert(n <= OH_MAX_EVALUATED);
	if (e->near)
		reserve_rows(e->near, OH_MAX_EVALUATED);
	for (int i = 0; i < n; i++)
	{
		uint32		lp = ids[i] / per_page;
		uint32		slot = ids[i] - lp * per_page;
		uint64		k = (uint64) lp << 32 | slot;
		int			j;

		if (unlikely(lp >= ix->file.array[OH_NODE].npages) && !OhArrayHas(&ix->file, OH_NODE, ids[i]))
			continue;
		prefetch(ix, lp, slot);
		for (j = count++; j > 0 && key[j - 1] > k; j--)
			key[j] = key[j - 1];
		key[j] = k;
	}
	asked = OhAheadBegin(&ix->file.ahead);
	if (unlikely(asked) && !e->asked)
		ask_ahead(ix, key, 0, count);
	e->asked = false;
	for (int i = 0; i < count;)
	{
		uint32		lp = key[i] >> 32;
		Buffer		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buffer);
		int			missing = -1;

		if (unlikely(!asked && OhAheadWaited(&ix->file.ahead)))
		{
			ask_ahead(ix, key, i + 1, count);
			asked = true;
		}
		for (; i < count && key[i] >> 32 == lp; i++)
		{
			uint32		slot = (uint32) key[i];
			OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, slot);

			/* a slot that was never used is all zeros, and so is free */
			if (node->state == OH_FREE)
				continue;
			if (unlikely((node->tag & OH_TAG_MODEL) != number))
			{
				form = OhFormOf(e->forms, ix, node->tag, &quant);
				if (form == NULL)
				{
					missing = node->tag;
					break;
				}
				number = form->number;
			}
			out[nout].item.dist = ix->distance(quant, form->query, OhNodeCode(node));
			out[nout].item.id = lp * per_page + slot;
			out[nout].live = node->state == OH_LIVE;
			if (e->cache)
				cache_node(e, out[nout].item.id, out[nout].item.dist, node);
			if (e->near && out[nout].live && ItemPointerIsValid(&node->tid))
				e->near->row[e->near->n++] = (OhNearRow) {out[nout].item.dist, node->tid};
			nout++;
		}
		UnlockReleaseBuffer(buffer);
		/* the node is read again after that, and may have another code then */
		if (unlikely(missing >= 0))
		{
			OhFormsNeed(e->forms, ix, lp * per_page + (uint32) key[i], missing, &rounds);
			form = OhFormOf(e->forms, ix, e->forms->number, &quant);
			number = form != NULL ? form->number : OH_TAG_LOOSE;
		}
	}
	OhAheadEnd(&ix->file.ahead);
	e->evaluations += nout;
	return nout;
}
