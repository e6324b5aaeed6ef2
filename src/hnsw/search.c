/*
 * search.c -- best-first walks of the graph in buffer pages.
 *
 * A hop reads one node's links, prefetches what it needs of the neighbours not
 * seen before, and evaluates them page by page.  No lock is held between pages
 * and never more than one.  Readers tolerate whatever writers do meanwhile: a
 * node that was freed is skipped, one that was recycled is another node, whose
 * rows are too new for the snapshot.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/buf_internals.h"

#include "hnsw/hnsw.h"
#include "hnsw/search.h"

#define MAX_LINKS (2 * OH_MAX_M)
#define CACHE_LINE 64

/* Cache lines of a node that are prefetched at most. */
#define PREFETCH_LINES 6

/* ---- what inserts keep ---- */

/*
 * keep_node -- remember an evaluated node; the page is locked.
 */
static void
keep_node(OhSearch *s, uint32 id, float dist, OhNodeData *node)
{
	bool		found;
	OhKept	   *kept = OhKeepAdd(s->keep, id, &found);

	if (found)
		return;					/* seen on another level */
	kept->dist = dist;
	kept->live = node->state == OH_LIVE;
	kept->code = OhKeepAlloc(s->keep, s->ix->code_bytes);
	memcpy(kept->code, OhNodeCode(node), s->ix->code_bytes);
}

static void
keep_links(OhSearch *s, uint32 id, const OhNodeData *node, const uint32 *links, int n)
{
	OhKept	   *kept = OhKeepFind(s->keep, id);

	if (kept == NULL)
		return;
	if (kept->links == NULL)
		kept->links = OhKeepAlloc(s->keep, sizeof(uint32) * 2 * s->ix->m);
	memcpy(kept->links, links, sizeof(uint32) * n);
	kept->nlinks = n;
	kept->nselected = Min(node->nselected, n);
	kept->live = node->state == OH_LIVE;
	kept->version = node->version;
	kept->expanded = true;
}

/* ---- walks ---- */

OhSearch *
OhSearchBegin(Relation index, OhIndex *ix, bool streaming, OhKeep *keep, MemoryContext context)
{
	OhSearch   *s = MemoryContextAllocZero(context, sizeof(OhSearch));
	uint64		nnodes = (uint64) OhArrayPages(index, ix, OH_NODE) * ix->array[OH_NODE].per_page;

	s->index = index;
	s->ix = ix;
	s->context = context;
	s->streaming = streaming;
	s->keep = keep;
	s->visited = OhVisitedGet(context, nnodes);
	OhHeapInit(&s->cand, context, 1024);
	OhHeapInit(&s->found, context, 256);
	OhHeapInit(&s->evicted, context, streaming ? 1024 : 0);
	OhHeapInit(&s->rejected, context, streaming ? 4096 : 0);
	return s;
}

void
OhSearchReset(OhSearch *s, const OmQuery *query)
{
	s->query = query;
	s->resumed = false;
	s->cand.n = s->found.n = s->evicted.n = s->rejected.n = 0;
	s->evaluations = 0;
}

Size
OhSearchBytes(const OhSearch *s)
{
	/* what this walk uses: memory that an earlier one has left is no reason to end it */
	return sizeof(OhItem) * (s->cand.n + s->evicted.n + s->rejected.n) +
		(s->visited->mark ? 0 : OhVisitedBytes(s->visited));
}

/*
 * copy_links -- links up to the first gap.
 */
static int
copy_links(const uint32 *links, int max, uint32 *out)
{
	int			n = 0;

	while (n < max && links[n] != OH_NONE)
	{
		out[n] = links[n];
		n++;
	}
	return n;
}

/*
 * find_tower -- a node's record on a level, from that of level 1; its links in
 * out[], their number in *n.  OH_NONE if it is no longer there.
 */
static uint32
find_tower(OhSearch *s, uint32 id, uint32 tower, int level, uint32 *out, int *n)
{
	OhIndex    *ix = s->ix;

	*n = 0;
	for (int l = 1; l <= level; l++)
	{
		Buffer		buffer;
		OhTowerData *record;
		uint32		up;
		bool		mine;

		if (!OhArrayHas(s->index, ix, OH_TOWER, tower))
			return OH_NONE;
		buffer = OhArrayRead(s->index, ix, OH_TOWER, OhLp(ix, OH_TOWER, tower), BUFFER_LOCK_SHARE);
		record = OhSlot(ix, OH_TOWER, BufferGetPage(buffer), OhSlotOf(ix, OH_TOWER, tower));
		mine = record->node == id && record->level == l;
		if (mine && l == level)
			*n = copy_links(record->links, ix->m, out);
		up = record->up;
		UnlockReleaseBuffer(buffer);
		if (!mine)
			return OH_NONE;
		if (l < level)
			tower = up;
	}
	return tower;
}

/*
 * first_tower -- a node's tower link.
 */
static uint32
first_tower(OhSearch *s, uint32 id)
{
	OhIndex    *ix = s->ix;
	Buffer		buffer = OhArrayRead(s->index, ix, OH_NODE, OhLp(ix, OH_NODE, id),
									 BUFFER_LOCK_SHARE);
	OhNodeData *node = OhSlot(ix, OH_NODE, BufferGetPage(buffer), OhSlotOf(ix, OH_NODE, id));
	uint32		tower = node->state == OH_FREE ? OH_NONE : node->tower;

	UnlockReleaseBuffer(buffer);
	return tower;
}

uint32
OhSearchTower(OhSearch *s, uint32 id, int level)
{
	uint32		links[OH_MAX_M];
	int			n;

	return find_tower(s, id, first_tower(s, id), level, links, &n);
}

/*
 * read_links -- a node's links on a level; 0 if it is no longer there.
 */
static int
read_links(OhSearch *s, uint32 id, int level, uint32 *out)
{
	OhIndex    *ix = s->ix;
	Buffer		buffer;
	OhNodeData *node;
	int			n = 0;

	if (level > 0)
	{
		find_tower(s, id, first_tower(s, id), level, out, &n);
		return n;
	}
	buffer = OhArrayRead(s->index, ix, OH_NODE, OhLp(ix, OH_NODE, id), BUFFER_LOCK_SHARE);
	node = OhSlot(ix, OH_NODE, BufferGetPage(buffer), OhSlotOf(ix, OH_NODE, id));
	if (node->state != OH_FREE)
	{
		n = copy_links(OhNodeLinks(node, ix->code_bytes), 2 * ix->m, out);
		if (s->keep)
			keep_links(s, id, node, out, n);
	}
	UnlockReleaseBuffer(buffer);
	return n;
}

void
OhSearchLinks(OhSearch *s, uint32 id)
{
	uint32		links[MAX_LINKS];

	Assert(s->keep);
	read_links(s, id, 0, links);
}

/*
 * prefetch -- start loading what the evaluation of a node will touch.
 */
static inline void
prefetch(const OhIndex *ix, uint32 lp, uint32 slot)
{
	Buffer		buffer = ix->array[OH_NODE].hint[lp];
	uintptr_t	start;
	uintptr_t	end;

	if (buffer <= 0)
		return;
	__builtin_prefetch(GetBufferDescriptor(buffer - 1), 1);
	start = (uintptr_t) OhSlot(ix, OH_NODE, BufferGetPage(buffer), slot);
	end = start + sizeof(OhNodeData) + ix->code_bytes;
	/* the hardware follows a long code by itself once it is being read */
	end = Min(end, start + PREFETCH_LINES * CACHE_LINE);
	for (start &= ~(uintptr_t) (CACHE_LINE - 1); start < end; start += CACHE_LINE)
		__builtin_prefetch((void *) start);
}

/* An evaluated node. */
typedef struct Evaluated
{
	OhItem		item;
	bool		live;
} Evaluated;

/*
 * evaluate -- distances to nodes ids[n]; returns how many were there.
 */
static int
evaluate(OhSearch *s, const uint32 *ids, int n, Evaluated *out)
{
	OhIndex    *ix = s->ix;
	uint32		per_page = ix->array[OH_NODE].per_page;
	uint64		key[MAX_LINKS];
	int			count = 0;
	int			nout = 0;

	for (int i = 0; i < n; i++)
	{
		uint32		lp = ids[i] / per_page;
		uint32		slot = ids[i] - lp * per_page;
		uint64		k = (uint64) lp << 32 | slot;
		int			j;

		if (unlikely(lp >= ix->array[OH_NODE].npages) && !OhArrayHas(s->index, ix, OH_NODE, ids[i]))
			continue;
		prefetch(ix, lp, slot);
		for (j = count++; j > 0 && key[j - 1] > k; j--)
			key[j] = key[j - 1];
		key[j] = k;
	}
	for (int i = 0; i < count;)
	{
		uint32		lp = key[i] >> 32;
		Buffer		buffer = OhArrayRead(s->index, ix, OH_NODE, lp, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buffer);

		for (; i < count && key[i] >> 32 == lp; i++)
		{
			uint32		slot = (uint32) key[i];
			OhNodeData *node = OhSlot(ix, OH_NODE, page, slot);

			/* a slot never used is all zero: free */
			if (node->state == OH_FREE)
				continue;
			out[nout].item.dist = ix->distance(ix->quant, s->query, OhNodeCode(node));
			out[nout].item.id = lp * per_page + slot;
			out[nout].live = node->state == OH_LIVE;
			if (s->keep)
				keep_node(s, out[nout].item.id, out[nout].item.dist, node);
			nout++;
		}
		UnlockReleaseBuffer(buffer);
	}
	s->evaluations += nout;
	return nout;
}

/*
 * admit -- put an evaluated node where it belongs.
 */
static inline void
admit(OhSearch *s, const Evaluated *e, bool as_result, int ef)
{
	if (s->found.n < ef || e->item.dist < s->found.item[0].dist)
	{
		OhHeapPush(&s->cand, e->item, false);
		if (!as_result)
			return;
		if (s->found.n < ef)
			OhHeapPush(&s->found, e->item, true);
		else
		{
			OhItem		out = OhHeapReplace(&s->found, e->item, true);

			if (s->resumed)
				OhHeapPush(&s->evicted, out, false);
			else if (s->streaming)
				OhHeapAppend(&s->evicted, out);
		}
	}
	else if (s->resumed)
	{
		OhHeapPush(&s->cand, e->item, false);
		if (as_result)
			OhHeapPush(&s->evicted, e->item, false);
	}
	else if (s->streaming)
	{
		OhHeapAppend(&s->rejected, e->item);
		if (as_result)
			OhHeapAppend(&s->evicted, e->item);
	}
}

/*
 * visit -- add a node to the visited set; true if it was not there and may exist.
 *
 * A damaged link must not make the set grow to its number.
 */
static inline bool
visit(OhSearch *s, uint32 id)
{
	if (unlikely(s->visited->mark != NULL && id >= s->visited->size) &&
		!OhArrayHas(s->index, s->ix, OH_NODE, id))
		return false;
	return OhVisitedAdd(s->visited, id);
}

/*
 * walk -- expand candidates until none is nearer than the ef-th found.
 */
static void
walk(OhSearch *s, int level, int ef)
{
	uint32		ids[MAX_LINKS];
	Evaluated	evaluated[MAX_LINKS];

	while (s->cand.n > 0)
	{
		int			n;
		int			fresh = 0;

		CHECK_FOR_INTERRUPTS();
		if (s->found.n >= ef && s->cand.item[0].dist > s->found.item[0].dist)
			break;
		n = read_links(s, OhHeapPop(&s->cand, false).id, level, ids);
		for (int i = 0; i < n; i++)
		{
			if (visit(s, ids[i]))
				ids[fresh++] = ids[i];
		}
		n = evaluate(s, ids, fresh, evaluated);
		for (int i = 0; i < n; i++)
			admit(s, &evaluated[i], evaluated[i].live || level > 0, ef);
	}
}

/*
 * OhSearchLevel -- see search.h.
 *
 * The seeds are what found holds, and on the base layer the entry point: all
 * nodes are reachable from there, and not always from where the descent ends.
 */
void
OhSearchLevel(OhSearch *s, int level, int ef)
{
	bool		streaming = s->streaming;
	uint32		seeds[OH_MAX_EF_CONSTRUCTION + 1];
	Evaluated	evaluated[MAX_LINKS];
	int			nseeds = 0;

	for (int64 i = 0; i < s->found.n && nseeds < OH_MAX_EF_CONSTRUCTION; i++)
		seeds[nseeds++] = s->found.item[i].id;
	if ((nseeds == 0 || level == 0) && s->ix->entry != OH_NONE)
		seeds[nseeds++] = s->ix->entry;
	s->streaming = streaming && level == 0;
	s->found.n = 0;
	s->cand.n = 0;
	OhVisitedClear(s->visited);
	for (int i = 0; i < nseeds; i += MAX_LINKS)
	{
		int			count = Min(MAX_LINKS, nseeds - i);
		uint32		fresh[MAX_LINKS];
		int			nfresh = 0;
		int			n;

		for (int j = i; j < i + count; j++)
		{
			if (visit(s, seeds[j]))
				fresh[nfresh++] = seeds[j];
		}
		n = evaluate(s, fresh, nfresh, evaluated);
		for (int j = 0; j < n; j++)
			admit(s, &evaluated[j], evaluated[j].live || level > 0, ef);
	}
	walk(s, level, ef);
	OhHeapSort(&s->found);
	s->streaming = streaming;
}

void
OhSearchDescend(OhSearch *s, int level)
{
	s->found.n = 0;
	for (int l = s->ix->entry_level; l > level; l--)
	{
		OhSearchLevel(s, l, 1);
		if (s->found.n == 0)
			return;				/* the entry point is gone: the caller starts over */
	}
}

/*
 * OhSearchMore -- see search.h.
 *
 * The first batch is an ordinary search.  What it set aside then becomes
 * candidates and results of the following ones.
 */
bool
OhSearchMore(OhSearch *s, int ef)
{
	Assert(s->streaming);
	if (!s->resumed)
	{
		s->resumed = true;
		for (int64 i = 0; i < s->rejected.n; i++)
			OhHeapAppend(&s->cand, s->rejected.item[i]);
		s->rejected.n = 0;
		OhHeapify(&s->cand, false);
		OhHeapify(&s->evicted, false);
	}
	s->found.n = 0;
	while (s->evicted.n > 0 && s->found.n < ef)
		OhHeapPush(&s->found, OhHeapPop(&s->evicted, false), true);
	walk(s, 0, ef);
	OhHeapSort(&s->found);
	return s->found.n > 0;
}
