/*
 * connect.c -- makes every node of a new graph reachable from the entry point.
 *
 * Insertion prunes links, which leaves a few nodes in a thousand without an
 * incoming one.  A breadth-first walk from the entry point makes a tree of the
 * links by which nodes are reached first.  A node that is not reached, an orphan, gets a link
 * from a near node that is.  This link replaces one that is not in the tree, so that no other
 * node is lost, and the walk continues from the orphan.
 *
 * Under inner product most nodes may be orphans: short vectors are near to nothing, and their own
 * links all lead to the same few long ones, whose lists searches depend on.  So a
 * node gives up only one link, to its first orphan.  Further orphans are linked below that one, in
 * a tree.
 */
#include "postgres.h"

#include "hnsw/build/graph.h"
#include "hnsw/options.h"
#include "miscadmin.h"

/* An orphan is linked from one of the nearest nodes that it links to itself: this many are tried first. */
#define NEAREST 4

typedef struct Walk
{
	OhBuilder  *b;
	int			max;			/* links of a list */
	uint32		nslots;
	uint32	   *parent;			/* [nslots], OH_NONE: not reached */
	uint32	   *adopted;		/* [nslots], the orphan that a node links to, or OH_NONE */
	uint32	   *queue;			/* [nslots], reached nodes in the order of the walk */
	uint32		nqueue;
	uint32		done;			/* nodes of the queue whose links have been followed */
} Walk;

static inline bool
is_node(const Walk *walk, uint32 slot)
{
	return walk->b->nodes[slot].kind == OH_SLOT_NODE;
}

/*
 * reach -- mark a node, and all nodes that can be reached from it, as reached.
 */
static void
reach(Walk *walk, uint32 slot, uint32 parent)
{
	OhBuilder  *b = walk->b;

	walk->parent[slot] = parent;
	walk->queue[walk->nqueue++] = slot;
	while (walk->done < walk->nqueue)
	{
		uint32		from = walk->queue[walk->done++];
		const uint32 *list = OhGraphList(b, from);

		if (walk->done + 8 < walk->nqueue)
		{
			const char *ahead = (const char *) OhGraphList(b, walk->queue[walk->done + 8]);

			for (int i = 0; i < walk->max * (int) sizeof(uint32); i += 64)
				__builtin_prefetch(ahead + i);
		}
		for (int i = 0; i < walk->max && list[i] != OH_NONE; i++)
		{
			uint32		to = list[i] & OH_LINK_ID;

			if (walk->parent[to] == OH_NONE)
			{
				walk->parent[to] = from;
				walk->queue[walk->nqueue++] = to;
			}
		}
		if (walk->done % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/*
 * free_place -- the place in a reached node's list for a further link: a free one; else that of the farthest
 * fill, else of the farthest link, that is not in the tree.  -1 if all are.
 */
static int
free_place(const Walk *walk, uint32 from)
{
	const uint32 *list = OhGraphList(walk->b, from);
	int			n = walk->max;
	int			diverse = -1;

	if (list[n - 1] == OH_NONE)
	{
		while (n > 0 && list[n - 1] == OH_NONE)
			n--;
		return n;
	}
	for (int i = n - 1; i >= 0; i--)
	{
		if (walk->parent[list[i] & OH_LINK_ID] == from)
			continue;
		if (!(list[i] & OH_LINK_SELECTED))
			return i;
		if (diverse < 0)
			diverse = i;
	}
	return diverse;
}

/*
 * try_link -- link a reached node to an orphan, and continue the walk there; false if it has no place.
 */
static bool
try_link(Walk *walk, uint32 from, uint32 to)
{
	OhBuilder  *b = walk->b;
	uint32	   *list = OhGraphList(b, from);
	float	   *dist = OhListDist(list, walk->max);
	int			place = free_place(walk, from);
	float		d;

	if (place < 0)
		return false;
	om_quant_query_from_code(b->quant, OhGraphCode(b, from), b->form);
	d = b->distance(b->quant, b->form, OhGraphCode(b, to));
	for (; place > 0 && dist[place - 1] > d; place--)
	{
		list[place] = list[place - 1];
		dist[place] = dist[place - 1];
	}
	for (; place + 1 < walk->max && list[place + 1] != OH_NONE && dist[place + 1] < d; place++)
	{
		list[place] = list[place + 1];
		dist[place] = dist[place + 1];
	}
	list[place] = to | OH_LINK_SELECTED;
	dist[place] = d;
	reach(walk, to, from);
	return true;
}

/*
 * adopt -- link a reached node to an orphan; false if it has an orphan already, or no place.
 */
static bool
adopt(Walk *walk, uint32 from, uint32 orphan)
{
	if (walk->adopted[from] != OH_NONE || !try_link(walk, from, orphan))
		return false;
	walk->adopted[from] = orphan;
	return true;
}

/*
 * adopt_below -- link to an orphan from the tree below the orphan that a node has adopted; false if there is no
 * place.
 *
 * A node of this tree uses up to half of its list for children.  If that is full, one of its children is
 * tried, chosen by the orphan's number so that the tree stays flat.
 */
static bool
adopt_below(Walk *walk, uint32 from, uint32 orphan)
{
	uint32		at = walk->adopted[from];

	while (at != OH_NONE)
	{
		const uint32 *list = OhGraphList(walk->b, at);
		uint32		children[2 * OH_MAX_M];
		int			nchildren = 0;

		for (int i = 0; i < walk->max && list[i] != OH_NONE; i++)
		{
			uint32		to = list[i] & OH_LINK_ID;

			if (walk->parent[to] == at)
				children[nchildren++] = to;
		}
		if (nchildren < (walk->max + 1) / 2 && try_link(walk, at, orphan))
			return true;
		at = nchildren > 0 ? children[(orphan * 0x9E3779B1U >> 8) % nchildren] : OH_NONE;
	}
	return false;
}

/*
 * link_from_own -- link to an orphan from a reached node that it links to: from one of the nearest without
 * an orphan; else from below one of them; else from one farther away.
 */
static bool
link_from_own(Walk *walk, uint32 slot)
{
	const uint32 *list = OhGraphList(walk->b, slot);
	uint32		reached[2 * OH_MAX_M];
	int			n = 0;

	for (int i = 0; i < walk->max && list[i] != OH_NONE; i++)
	{
		uint32		from = list[i] & OH_LINK_ID;

		if (walk->parent[from] != OH_NONE)
			reached[n++] = from;
	}
	for (int i = 0; i < Min(n, NEAREST); i++)
	{
		if (adopt(walk, reached[i], slot))
			return true;
	}
	for (int i = 0; i < n; i++)
	{
		if (adopt_below(walk, reached[i], slot))
			return true;
	}
	for (int i = NEAREST; i < n; i++)
	{
		if (adopt(walk, reached[i], slot))
			return true;
	}
	return false;
}

/*
 * link_from_search -- link to an orphan from the nearest node that a search finds, or at worst from any.
 *
 * Some node has a place, as the tree has fewer links than the lists have places.
 */
static void
link_from_search(Walk *walk, uint32 slot)
{
	OhBuilder  *b = walk->b;
	int			n;

	om_quant_query_from_code(b->quant, OhGraphCode(b, slot), b->form);
	n = OhGraphSearch(b);
	for (int i = 0; i < n; i++)
	{
		uint32		from = b->pool[i].id;

		if (walk->parent[from] != OH_NONE &&
			(adopt(walk, from, slot) || adopt_below(walk, from, slot)))
			return;
	}
	for (uint32 i = walk->nqueue; i-- > 0;)
	{
		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		if (try_link(walk, walk->queue[i], slot))
			return;
	}
	Assert(false);
}

uint32
OhGraphConnect(OhBuilder *b, MemoryContext context)
{
	uint64		entry = pg_atomic_read_u64(&b->graph->entry);
	uint32		unreached = 0;
	Walk		walk = {0};

	if (entry == OH_ENTRY_NONE)
		return 0;
	walk.b = b;
	walk.max = 2 * b->m;
	walk.nslots = OhGraphSlots(b->graph);
	walk.parent = MemoryContextAllocHuge(context, (Size) walk.nslots * sizeof(uint32));
	walk.queue = MemoryContextAllocHuge(context, (Size) walk.nslots * sizeof(uint32));
	walk.adopted = MemoryContextAllocHuge(context, (Size) walk.nslots * sizeof(uint32));
	memset(walk.parent, 0xFF, (Size) walk.nslots * sizeof(uint32));
	memset(walk.adopted, 0xFF, (Size) walk.nslots * sizeof(uint32));
	reach(&walk, (uint32) entry, (uint32) entry);

	for (uint32 slot = 0; slot < walk.nslots; slot++)
		unreached += is_node(&walk, slot) && walk.parent[slot] == OH_NONE;

	/* first the orphans that link to a reached node, which is probably near */
	for (bool progress = unreached > 0; progress;)
	{
		progress = false;
		for (uint32 slot = 0; slot < walk.nslots; slot++)
		{
			if (is_node(&walk, slot) && walk.parent[slot] == OH_NONE)
				progress |= link_from_own(&walk, slot);
		}
	}
	for (uint32 slot = 0; unreached > 0 && slot < walk.nslots; slot++)
	{
		if (is_node(&walk, slot) && walk.parent[slot] == OH_NONE)
			link_from_search(&walk, slot);
	}
	pfree(walk.parent);
	pfree(walk.adopted);
	pfree(walk.queue);
	return unreached;
}
