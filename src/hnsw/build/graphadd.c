/*
 * graphadd.c -- insertion of a node into the in-memory graph of a build.
 *
 * Malkov and Yashunin 2018, algorithm 1, on codes.  Three things make it fast:
 *
 * - A hop prefetches the codes of all its unvisited neighbours before it
 *   evaluates the first, and the best candidates are one short sorted array.
 * - A table (the memo) keeps the distances from the new vector to the nodes that
 *   the search has visited, so that reverse links rarely compute one again.
 * - Lists store their distances, and which links are diverse.  So a reverse link
 *   needs only distances from the new vector, never one between two other nodes,
 *   and no code is decoded for it.
 */
#include "postgres.h"

#include <math.h>

#include "hnsw/build/graph.h"
#include "hnsw/graph/rows.h"
#include "hnsw/options.h"

#define EXPANDED	0x80000000U


/* publish() prefetches the lists of nodes this far ahead. */
#define LINK_AHEAD	8

/*
 * prefetch_bytes -- ask for up to 8 cache lines; the hardware fetches what
 * follows by itself.
 */
static inline void
prefetch_bytes(const char *p, uint32 bytes)
{
	uint32		n = Min(bytes, 512);

	for (uint32 i = 0; i < n; i += 64)
		__builtin_prefetch(p + i);
}

static inline uint32 *
list_of(const OhBuilder *b, uint32 slot, int level)
{
	return level == 0 ? OhGraphList(b, slot) : OhGraphTower(b, slot, level);
}

static inline int
list_max(const OhBuilder *b, int level)
{
	return level == 0 ? 2 * b->m : b->m;
}

/*
 * pool_add -- put an entry into the sorted pool; returns its position.  If the pool has
 * ef entries already, the new one must be nearer than the last.
 */
static inline int
pool_add(OhPoolEntry *pool, int *n, int ef, float dist, uint32 id)
{
	int			count = *n;
	int			at = 0;

	/* binary search without branches on distances, which would be mispredicted */
	for (int left = count; left > 0;)
	{
		int			half = (left + 1) / 2;

		at += pool[at + half - 1].dist <= dist ? half : 0;
		left -= half;
	}
	if (count == ef)
		count--;				/* drops the last one */
	memmove(&pool[at + 1], &pool[at], (count - at) * sizeof(OhPoolEntry));
	pool[at].dist = dist;
	pool[at].id = id;
	*n = count + 1;
	return at;
}

/* The unvisited neighbours of one node. */
typedef struct Hop
{
	int			n;
	uint32		id[2 * OH_MAX_M];
	const void *code[2 * OH_MAX_M];
} Hop;

/*
 * expand -- collect the unvisited neighbours of a node and prefetch their codes.
 */
static inline void
expand(OhBuilder *b, const uint32 *list, int max, Hop *hop)
{
	uint32		code_bytes = b->graph->code_bytes;
	uint8	   *visited = b->visited;
	uint8		epoch = b->epoch;
	int			n = 0;

	for (int i = 0; i < max; i++)
	{
		uint32		link = OhReadLink(&list[i]);
		uint32		slot = link & OH_LINK_ID;

		if (unlikely(link == OH_NONE))
			break;
		hop->id[n] = slot;
		n += visited[slot] != epoch;
		visited[slot] = epoch;
	}
	pg_read_barrier();
	for (int i = 0; i < n; i++)
	{
		hop->code[i] = OhGraphCode(b, hop->id[i]);
		prefetch_bytes(hop->code[i], code_bytes);
	}
	hop->n = n;
}

/*
 * expand_next -- expand the nearest node of the pool that has not been expanded.  The hop is
 * empty if all have been.
 *
 * *at: all earlier entries have been expanded.
 */
static pg_attribute_always_inline void
expand_next(OhBuilder *b, int *at, int npool, int level, Hop *hop)
{
	OhPoolEntry *pool = b->pool;

	hop->n = 0;
	while (hop->n == 0 && *at < npool)
	{
		OhPoolEntry *next = &pool[(*at)++];

		if (next->id & EXPANDED)
			continue;
		expand(b, list_of(b, next->id, level), list_max(b, level), hop);
		next->id |= EXPANDED;
	}
}

/*
 * keep_near -- reduce n distances and ids, in place, to those that may enter the pool.
 */
static inline int
keep_near(float *dist, uint32 *id, int n, float worst)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		dist[kept] = dist[i];
		id[kept] = id[i];
		kept += dist[i] < worst;
	}
	return kept;
}

/*
 * remember -- put a distance from the vector being inserted into the memo.
 *
 * The memo is small, so that it stays in the cache.  A node that hashes to the same place
 * replaces the entry, whose distance is then computed again.  With a chance of about
 * 2^-32, an entry of an earlier insertion is taken for one of this; that would only
 * misjudge one link.
 */
static inline float
remember(OhBuilder *b, uint32 slot, float dist)
{
	OhMemo	   *memo = &b->memo[slot % OH_MEMO_SIZE];

	memo->key = slot ^ b->memo_key;
	memo->dist = dist;
	return dist;
}

/*
 * evaluate -- put the nodes of a hop into the pool, if they are near enough.
 */
static pg_attribute_always_inline void
evaluate(OhBuilder *b, Hop *hop, int *at, int *npool, int ef, int level)
{
	OhPoolEntry *pool = b->pool;
	uint32		list_bytes = list_max(b, level) * sizeof(uint32);
	float		dist[2 * OH_MAX_M];
	int			n = hop->n;

	om_quant_distances(b->quant, b->form, hop->code, n, dist);
	for (int i = 0; i < n; i++)
		remember(b, hop->id[i], dist[i]);
	n = keep_near(dist, hop->id, n, *npool == ef ? pool[ef - 1].dist : INFINITY);
	for (int i = 0; i < n; i++)
	{
		int			pos;

		if (*npool == ef && dist[i] >= pool[ef - 1].dist)
			continue;
		prefetch_bytes((const char *) list_of(b, hop->id[i], level), list_bytes);
		pos = pool_add(pool, npool, ef, dist[i], hop->id[i]);
		*at = Min(*at, pos);
	}
}

/*
 * search_layer -- best-first search of one level for the neighbours of b->form.
 *
 * b->pool[npool]: the nodes to start from, sorted; becomes the result, of at most ef.
 *
 * The next hop is expanded before the current one is evaluated, so that its codes are
 * fetched from memory during the evaluation.  The search thus sometimes expands a node
 * although the current hop has a nearer one.  This costs little and finds no less.
 */
static pg_attribute_always_inline int
search_layer(OhBuilder *b, int npool, int ef, int level)
{
	OhPoolEntry *pool = b->pool;
	Hop			hops[2];
	int			turn = 0;
	int			at = 0;

	npool = Min(npool, ef);
	for (int i = 0; i < npool; i++)
	{
		pool[i].id &= ~EXPANDED;
		b->visited[pool[i].id] = b->epoch;
	}

	expand_next(b, &at, npool, level, &hops[turn]);
	while (hops[turn].n > 0)
	{
		expand_next(b, &at, npool, level, &hops[!turn]);
		evaluate(b, &hops[turn], &at, &npool, ef, level);
		turn = !turn;
		if (hops[turn].n == 0)
			expand_next(b, &at, npool, level, &hops[turn]);
	}
	for (int i = 0; i < npool; i++)
		pool[i].id &= ~EXPANDED;
	return npool;
}

/*
 * search_base, search_upper -- search a level with ef_construction.  Nodes that the search
 * has visited on other levels are visited again.
 */
static int
search_base(OhBuilder *b, int npool)
{
	b->epoch++;
	return search_layer(b, npool, b->graph->shape.ef_construction, 0);
}

static int
search_upper(OhBuilder *b, int npool, int level)
{
	Assert(level > 0);
	b->epoch++;
	return search_layer(b, npool, b->graph->shape.ef_construction, level);
}

/*
 * descend -- go greedily from the entry point to the nearest node on the levels above "to".
 *
 * The levels share one visited set: a node that a higher level has visited is no nearer than
 * the current one.
 */
static void
descend(OhBuilder *b, int from, int to)
{
	b->epoch++;
	for (int level = from; level > to; level--)
		search_layer(b, 1, 1, level);
}

/*
 * start_search -- start a pool with the entry point, and a new epoch of the visited set.
 */
static void
start_search(OhBuilder *b, uint32 entry)
{
	/* an insertion takes at most one epoch for each level */
	if (b->epoch >= PG_UINT8_MAX - OH_MAX_LEVEL - 2)
	{
		memset(b->visited, 0, OhGraphSlots(b->graph));
		b->epoch = 0;
	}
	b->memo_key = b->memo_key * 1664525U + 1013904223U;
	b->pool[0].id = entry;
	b->pool[0].dist = b->distance(b->quant, b->form, OhGraphCode(b, entry));
	remember(b, entry, b->pool[0].dist);
}

static bool
is_in_pool(const OhBuilder *b, int npool, uint32 slot)
{
	for (int i = 0; i < npool; i++)
	{
		if (b->pool[i].id == slot)
			return true;
	}
	return false;
}

/*
 * add_seeds -- put the nearest members of one kind into the pool.
 */
static void
add_seeds(OhBuilder *b, const OhNearest *nearest, int *npool)
{
	for (int i = 0; i < nearest->n; i++)
	{
		OhItem		item = nearest->item[i];

		/* a small ef_construction may leave no room */
		if (*npool == b->graph->shape.ef_construction || is_in_pool(b, *npool, item.id))
			continue;
		remember(b, item.id, item.dist);
		pool_add(b->pool, npool, b->graph->shape.ef_construction, item.dist, item.id);
	}
}

/*
 * start_base -- fill the pool for a search of the base layer, with the node to which the upper
 * levels lead from the highway's nearest member, and with other near members.  Returns its
 * size.
 */
static int
start_base(OhBuilder *b, uint64 entry)
{
	uint32		start = (uint32) entry;
	int			from = (int) (entry >> 32);
	int			npool = 1;
	OhSeeds		seeds;

	OhGraphSeeds(b, &seeds);
	if (seeds.level.n > 0)
	{
		start = seeds.level.item[0].id;
		from = Min((int) pg_atomic_read_u32(&b->graph->highway_level) - 1,
				   b->nodes[start].level);
	}
	start_search(b, start);
	descend(b, from, 0);
	add_seeds(b, &seeds.level, &npool);
	add_seeds(b, &seeds.island, &npool);
	return npool;
}

int
OhGraphSearch(OhBuilder *b)
{
	uint64		entry = pg_atomic_read_u64(&b->graph->entry);

	if (entry == OH_ENTRY_NONE)
		return 0;
	return search_base(b, start_base(b, entry));
}

/*
 * memo_distance -- the distance from the vector being inserted to any node.
 */
static inline float
memo_distance(OhBuilder *b, uint32 slot)
{
	const OhMemo *memo = &b->memo[slot % OH_MEMO_SIZE];

	if (likely(memo->key == (slot ^ b->memo_key)))
		return memo->dist;
	return remember(b, slot, b->distance(b->quant, b->form, OhGraphCode(b, slot)));
}

static inline void
set_candidate(OhBuilder *b, int i, uint32 slot, float dist)
{
	b->cand[i].dist = dist;
	b->cand[i].id = slot;
	b->cand[i].code = OhGraphCode(b, slot);
}

/*
 * write_list -- write a list from b->cand[n], among which OhSelectNeighbours() has chosen.
 */
static void
write_list(const OhBuilder *b, uint32 *list, int max, int n)
{
	float	   *dist = OhListDist(list, max);

	for (int i = 0; i < n; i++)
	{
		OhWriteLink(&list[i], b->cand[i].id | (b->cand[i].selected ? OH_LINK_SELECTED : 0));
		dist[i] = b->cand[i].dist;
	}
	for (int i = n; i < max; i++)
		OhWriteLink(&list[i], OH_NONE);
}

/*
 * choose_links -- pick neighbours from the pool and write the new node's list.
 */
static void
choose_links(OhBuilder *b, uint32 slot, int level, int npool)
{
	int			max = list_max(b, level);

	for (int i = 0; i < npool; i++)
		set_candidate(b, i, b->pool[i].id, b->pool[i].dist);
	write_list(b, list_of(b, slot, level), max,
			   OhSelectNeighbours(&b->selector, b->cand, npool, max));
}

/*
 * is_shadowed -- is the new node nearer to a diverse link before pos than to
 * the list's owner, at distance d?
 */
static inline bool
is_shadowed(OhBuilder *b, const uint32 *list, int pos, float d)
{
	for (int i = 0; i < pos; i++)
	{
		if ((list[i] & OH_LINK_SELECTED) && memo_distance(b, list[i] & OH_LINK_ID) < d)
			return true;
	}
	return false;
}

/*
 * add_reverse_link -- link a node at distance d to the new one, under its lock.
 *
 * The diverse links stay those that the heuristic would choose from the whole list.  The
 * new link is diverse if no nearer diverse link shadows it; farther links that it shadows
 * become fill.  A full list drops its farthest fill or, if all links are diverse, its
 * farthest link.  That may be the new one.
 */
static void
add_reverse_link(OhBuilder *b, uint32 *list, int max, uint32 slot, float d)
{
	float	   *dist = OhListDist(list, max);
	uint32		link = slot;
	int			n = max;
	int			pos;
	int			victim;

	while (n > 0 && list[n - 1] == OH_NONE)
		n--;
	for (pos = n; pos > 0 && dist[pos - 1] > d; pos--)
		;

	if (!is_shadowed(b, list, pos, d))
	{
		link |= OH_LINK_SELECTED;
		for (int i = pos; i < n; i++)
		{
			if ((list[i] & OH_LINK_SELECTED) &&
				memo_distance(b, list[i] & OH_LINK_ID) < dist[i])
				OhWriteLink(&list[i], list[i] & OH_LINK_ID);
		}
	}

	victim = n;					/* the free place after the last */
	if (n == max)
	{
		for (victim = n - 1; victim >= 0 && (list[victim] & OH_LINK_SELECTED); victim--)
			;
		if (!(link & OH_LINK_SELECTED) && victim < pos)
			return;				/* the new link is the farthest fill */
		if (victim < 0)
		{
			if (pos == n)
				return;
			victim = n - 1;
		}
	}

	if (victim >= pos)
	{
		memmove(&dist[pos + 1], &dist[pos], (victim - pos) * sizeof(float));
		for (int i = victim; i > pos; i--)
			OhWriteLink(&list[i], list[i - 1]);
	}
	else
	{
		pos--;
		memmove(&dist[victim], &dist[victim + 1], (pos - victim) * sizeof(float));
		for (int i = victim; i < pos; i++)
			OhWriteLink(&list[i], list[i + 1]);
	}
	dist[pos] = d;
	OhWriteLink(&list[pos], link);
}

static inline void
prefetch_list(const OhBuilder *b, uint32 link, int level, int max)
{
	if (link != OH_NONE)
	{
		uint32		slot = link & OH_LINK_ID;

		__builtin_prefetch(OhGraphLockOf(b, slot), 1);
		prefetch_bytes((const char *) list_of(b, slot, level), max * 2 * sizeof(uint32));
	}
}

static bool
has_link(const uint32 *list, int max, uint32 slot)
{
	for (int i = 0; i < max && list[i] != OH_NONE; i++)
	{
		if ((list[i] & OH_LINK_ID) == slot)
			return true;
	}
	return false;
}

/*
 * publish -- add the reverse links of a node on one level.
 *
 * again: some of the reverse links exist already.
 */
static void
publish(OhBuilder *b, uint32 slot, int level, bool again)
{
	int			max = list_max(b, level);
	uint32		link[2 * OH_MAX_M + LINK_AHEAD];
	float		dist[2 * OH_MAX_M];
	uint32	   *own = list_of(b, slot, level);

	/* work on a copy: from the first reverse link on, if not before, others may change our list */
	OhGraphLock(OhGraphLockOf(b, slot));
	memcpy(link, own, max * sizeof(uint32));
	memcpy(dist, OhListDist(own, max), max * sizeof(float));
	OhGraphUnlock(OhGraphLockOf(b, slot));
	for (int i = 0; i < LINK_AHEAD; i++)
		link[max + i] = OH_NONE;

	pg_write_barrier();
	for (int i = 0; i < LINK_AHEAD; i++)
		prefetch_list(b, link[i], level, max);
	for (int i = 0; link[i] != OH_NONE; i++)
	{
		uint32		other = link[i] & OH_LINK_ID;
		pg_atomic_uint32 *lock = OhGraphLockOf(b, other);

		prefetch_list(b, link[i + LINK_AHEAD], level, max);
		OhGraphLock(lock);
		if (!again || !has_link(list_of(b, other, level), max, slot))
			add_reverse_link(b, list_of(b, other, level), max, slot, dist[i]);
		OhGraphUnlock(lock);
	}
}

/*
 * take_towers -- allocate the lists of levels 1 to level; returns the highest level that there
 * is room for.
 */
static int
take_towers(OhBuilder *b, OhGraphNode *node, int level)
{
	OhGraph    *graph = b->graph;

	node->tower = OH_NONE;
	if (level == 0)
		return 0;
	if (pg_atomic_read_u32(&graph->next_tower) >= graph->tower_capacity - OH_MAX_LEVEL)
		return 0;
	node->tower = pg_atomic_fetch_add_u32(&graph->next_tower, level);
	if (node->tower + level > graph->tower_capacity)
	{
		node->tower = OH_NONE;
		return 0;
	}
	memset(b->towers + (Size) node->tower * 2 * b->m, 0xFF,
		   (Size) level * 2 * b->m * sizeof(uint32));
	return level;
}

/*
 * link_node -- search for the neighbours of a new node and link both ways.
 *
 * All searches come before the first reverse link: once other searches can find the node on
 * a level, they need its lists on the levels below.
 */
static void
link_node(OhBuilder *b, uint32 slot, uint64 entry)
{
	int			level = b->nodes[slot].level;
	int			top = (int) (entry >> 32);
	int			npool = 1;

	if (level > 0)
	{
		start_search(b, (uint32) entry);
		descend(b, top, level);
		for (int l = Min(level, top); l > 0; l--)
		{
			npool = search_upper(b, npool, l);
			choose_links(b, slot, l, npool);
		}
	}
	npool = search_base(b, start_base(b, entry));
	choose_links(b, slot, 0, npool);

	for (int l = 0; l <= Min(level, top); l++)
		publish(b, slot, l, false);
	OhGraphAddIfApart(b, slot, b->pool[0].id, b->pool[0].dist);
	if (level > 0)
		OhGraphAddByLevel(b, slot);
}

/*
 * search_again -- search the base layer for better neighbours of a node whose vector is b->form.
 * The search also starts from its links, own[max].  Returns the size of the pool.
 */
static int
search_again(OhBuilder *b, uint32 slot, const uint32 *own, int max)
{
	uint64		entry = pg_atomic_read_u64(&b->graph->entry);
	int			ef = b->graph->shape.ef_construction;
	int			npool = start_base(b, entry);

	b->epoch++;
	b->visited[slot] = b->epoch;
	for (int i = 0; i < npool; i++)
		b->visited[b->pool[i].id] = b->epoch;
	for (int i = 0; i < max && own[i] != OH_NONE && npool < ef; i++)
	{
		uint32		id = own[i] & OH_LINK_ID;

		if (b->visited[id] == b->epoch)
			continue;
		b->visited[id] = b->epoch;
		pool_add(b->pool, &npool, ef, memo_distance(b, id), id);
	}
	return search_layer(b, npool, ef, 0);
}

/*
 * OhGraphRelink -- see graph.h.
 *
 * A link that another participant adds to the node between the search and the new list is lost.
 */
void
OhGraphRelink(OhBuilder *b, uint32 slot)
{
	uint32	   *list = OhGraphList(b, slot);
	int			max = 2 * b->m;
	uint32		own[2 * OH_MAX_M];
	int			n = 0;
	int			npool;

	OhGraphLock(OhGraphLockOf(b, slot));
	memcpy(own, list, max * sizeof(uint32));
	OhGraphUnlock(OhGraphLockOf(b, slot));
	om_quant_query_from_code(b->quant, OhGraphCode(b, slot), b->form);
	npool = search_again(b, slot, own, max);
	for (int i = 0; i < npool; i++)
	{
		if (b->pool[i].id != slot)
			set_candidate(b, n++, b->pool[i].id, b->pool[i].dist);
	}
	/* links that the search left out of the pool may still be diverse */
	for (int i = 0; i < max && own[i] != OH_NONE; i++)
	{
		uint32		other = own[i] & OH_LINK_ID;
		bool		found = false;

		for (int k = 0; k < npool && !found; k++)
			found = b->pool[k].id == other;
		if (!found)
			set_candidate(b, n++, other, memo_distance(b, other));
	}
	n = OhSelectNeighbours(&b->selector, b->cand, n, max);
	OhGraphLock(OhGraphLockOf(b, slot));
	write_list(b, list, max, n);
	OhGraphUnlock(OhGraphLockOf(b, slot));
	publish(b, slot, 0, true);
}

/*
 * OhGraphAddNode -- see graph.h.
 */
void
OhGraphAddNode(OhBuilder *b, uint32 slot, int level)
{
	OhGraph    *graph = b->graph;
	OhGraphNode *node = &b->nodes[slot];
	uint64		entry = OH_ENTRY_NONE;
	uint64		self;

	node->level = take_towers(b, node, level);
	node->kind = OH_SLOT_NODE;
	memset(OhGraphList(b, slot), 0xFF, 2 * b->m * sizeof(uint32));
	self = (uint64) node->level << 32 | slot;
	pg_write_barrier();

	if (pg_atomic_read_u64(&graph->entry) == OH_ENTRY_NONE &&
		pg_atomic_compare_exchange_u64(&graph->entry, &entry, self))
		return;
	entry = pg_atomic_read_u64(&graph->entry);

	link_node(b, slot, entry);

	while ((int) (entry >> 32) < node->level &&
		   !pg_atomic_compare_exchange_u64(&graph->entry, &entry, self))
		;
}
