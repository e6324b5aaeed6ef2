/*
 * islands.c -- the highway of the graph in memory, and the islands of a graph.
 *
 * The highway grows with the graph (highway.h): otherwise the second row of a new cluster
 * would not find the first.  Its members are slots, in two tables that are read without
 * a lock.  That is safe because an entry is written by one store of 4 bytes and always
 * names a node.
 *
 * An island is a set of nodes that are joined by local links.  A local link joins its two
 * nodes if the other one has a local link back, or if the link is not much longer than the
 * other one's local links.  Otherwise an isolated row would count as part of the cluster
 * that it links to for want of anything nearer.
 */
#include "postgres.h"

#include <math.h>

#include "hnsw/graph/forest.h"
#include "hnsw/build/graph.h"
#include "miscadmin.h"

/* Codes whose distances are computed at a time. */
#define BATCH 64

/* ---- members while the graph grows ---- */

/*
 * compare -- find the nearest of n members.
 */
static void
compare(OhBuilder *b, const uint32 *member, uint32 n, int max, OhNearest *nearest)
{
	const void *code[BATCH];
	float		dist[BATCH];

	for (uint32 from = 0; from < n; from += BATCH)
	{
		int			count = Min(BATCH, n - from);
		OhItem		item;

		for (int i = 0; i < count; i++)
			code[i] = OhGraphCode(b, OhReadLink(&member[from + i]));
		om_quant_distances(b->quant, b->form, code, count, dist);
		for (int i = 0; i < count; i++)
		{
			item.dist = dist[i];
			item.id = ((const char *) code[i] - b->codes) / b->code_stride;
			OhNearestAdd(nearest, max, item);
		}
	}
}

void
OhGraphSeeds(OhBuilder *b, OhSeeds *seeds)
{
	memset(seeds, 0, sizeof(OhSeeds));
	seeds->nlevel = pg_atomic_read_u32(&b->graph->nlevel);
	seeds->nisland = pg_atomic_read_u32(&b->graph->nislands);
	pg_read_barrier();
	compare(b, b->level_members, seeds->nlevel, OH_LEVEL_SEEDS, &seeds->level);
	compare(b, b->islands, seeds->nisland, OH_ISLAND_SEEDS, &seeds->island);
}

/*
 * thin -- keep only the members of a level or above.  The caller holds the lock.
 */
static void
thin(OhBuilder *b, uint32 level)
{
	uint32		n = pg_atomic_read_u32(&b->graph->nlevel);
	uint32		kept = 0;

	pg_atomic_write_u32(&b->graph->highway_level, level);
	for (uint32 i = 0; i < n; i++)
	{
		if (b->nodes[b->level_members[i]].level >= level)
			OhWriteLink(&b->level_members[kept++], b->level_members[i]);
	}
	pg_atomic_write_u32(&b->graph->nlevel, kept);
}

void
OhGraphAddByLevel(OhBuilder *b, uint32 slot)
{
	OhGraph    *graph = b->graph;
	uint32		level = b->nodes[slot].level;
	uint32		n;

	if (level < pg_atomic_read_u32(&graph->highway_level))
		return;
	OhGraphLock(&graph->member_lock);
	while (pg_atomic_read_u32(&graph->nlevel) == graph->level_limit &&
		   pg_atomic_read_u32(&graph->highway_level) <= OH_MAX_LEVEL)
		thin(b, pg_atomic_read_u32(&graph->highway_level) + 1);
	n = pg_atomic_read_u32(&graph->nlevel);
	if (level >= pg_atomic_read_u32(&graph->highway_level) && n < graph->level_limit)
	{
		OhWriteLink(&b->level_members[n], slot);
		pg_write_barrier();
		pg_atomic_write_u32(&graph->nlevel, n + 1);
	}
	OhGraphUnlock(&graph->member_lock);
}

/*
 * near_distances -- get the distances of a node's nearest links, at most OH_NEAR_LINKS; returns
 * their number.  The caller holds the node's lock, or nobody changes the graph.
 */
static int
near_distances(const OhBuilder *b, uint32 slot, float *dist)
{
	uint32	   *list = OhGraphList(b, slot);
	int			n = 0;

	for (; n < Min(OH_NEAR_LINKS, 2 * b->m) && list[n] != OH_NONE; n++)
		dist[n] = OhListDist(list, 2 * b->m)[n];
	return n;
}

/*
 * local_links -- the number of a node's local links; see OhLocalLinks().  To be called while
 * nobody changes the graph.
 */
static int
local_links(const OhBuilder *b, uint32 slot, float error, float *local)
{
	float		dist[OH_NEAR_LINKS];

	return OhLocalLinks(dist, near_distances(b, slot, dist), error, local);
}

/*
 * OhGraphAddIfApart -- see graph.h.
 *
 * The neighbour has a link to the new node by now; for a node that is apart it is no local one.
 */
void
OhGraphAddIfApart(OhBuilder *b, uint32 slot, uint32 nearest, float dist)
{
	OhGraph    *graph = b->graph;
	uint32		n = pg_atomic_read_u32(&graph->nislands);
	float		limit = OhApartLimit(n, graph->code_bytes);
	float		near[OH_NEAR_LINKS];
	float		error;
	float		local;
	int			nnear;

	OhGraphLock(OhGraphLockOf(b, nearest));
	nnear = near_distances(b, nearest, near);
	OhGraphUnlock(OhGraphLockOf(b, nearest));
	OhLocalLinks(near, nnear, 0, &local);
	if (graph->shape.spec.metric == OM_METRIC_IP || dist <= limit * local)
		return;
	error = OH_ISLAND_ERRORS * om_quant_error(b->quant, b->form, OhGraphCode(b, nearest));
	OhLocalLinks(near, nnear, error, &local);
	if (dist <= limit * local)
		return;
	OhGraphLock(&graph->member_lock);
	n = pg_atomic_read_u32(&graph->nislands);
	if (n < graph->island_limit)
	{
		OhWriteLink(&b->islands[n], slot);
		pg_write_barrier();
		pg_atomic_write_u32(&graph->nislands, n + 1);
	}
	OhGraphUnlock(&graph->member_lock);
}

/* ---- islands of the whole graph ---- */

typedef struct Islands
{
	OhBuilder  *b;
	uint32		nslots;
	OhForest	forest;			/* of slots */
	float	   *error;			/* [nslots], the error of distances from a node */
} Islands;

/*
 * joins -- does this local link join the islands of its two nodes?
 */
static bool
joins(const Islands *s, uint32 from, uint32 to, float dist)
{
	OhBuilder  *b = s->b;
	const uint32 *list = OhGraphList(b, to);
	float		local;
	int			n = local_links(b, to, s->error[to], &local);

	/* distances under inner product have no zero, so their ratio means nothing */
	if (b->graph->shape.spec.metric == OM_METRIC_IP || dist <= OH_BESIDE * local)
		return true;
	for (int i = 0; i < n; i++)
	{
		if ((list[i] & OH_LINK_ID) == from)
			return true;
	}
	return false;
}

/*
 * measure -- compute the error of each node's distances to its nearest neighbours.
 */
static void
measure(Islands *s)
{
	OhBuilder  *b = s->b;

	for (uint32 slot = 0; slot < s->nslots; slot++)
	{
		uint32		nearest;

		if (slot % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		s->error[slot] = 0;
		if (b->nodes[slot].kind != OH_SLOT_NODE || OhGraphList(b, slot)[0] == OH_NONE)
			continue;
		nearest = OhGraphList(b, slot)[0] & OH_LINK_ID;
		om_quant_query_from_code(b->quant, OhGraphCode(b, slot), b->form);
		s->error[slot] = OH_ISLAND_ERRORS *
			om_quant_error(b->quant, b->form, OhGraphCode(b, nearest));
	}
}

static void
join_all(Islands *s)
{
	OhBuilder  *b = s->b;

	for (uint32 slot = 0; slot < s->nslots; slot++)
	{
		const uint32 *list = OhGraphList(b, slot);
		const float *dist = OhListDist(unconstify(uint32 *, list), 2 * b->m);
		float		local;
		int			n;

		if (slot % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		if (b->nodes[slot].kind != OH_SLOT_NODE)
			continue;
		n = local_links(b, slot, s->error[slot], &local);
		for (int i = 0; i < n; i++)
		{
			uint32		to = list[i] & OH_LINK_ID;
			uint32		here = OhForestRoot(&s->forest, slot);
			uint32		there = OhForestRoot(&s->forest, to);

			if (here != there && joins(s, slot, to, dist[i]))
				OhForestJoin(&s->forest, here, there);
		}
	}
}

/*
 * is_better -- is a node a better member for its island than another?  The one with the higher
 * level is, which may be a member by its level anyway; else the one with nearer neighbours.
 */
static bool
is_better(const Islands *s, uint32 slot, uint32 than)
{
	const OhBuilder *b = s->b;
	float		dist;
	float		dist_than;

	if (b->nodes[slot].level != b->nodes[than].level)
		return b->nodes[slot].level > b->nodes[than].level;
	local_links(b, slot, s->error[slot], &dist);
	local_links(b, than, s->error[than], &dist_than);
	return dist < dist_than;
}

/*
 * look_around -- how far apart a node is from other islands, judged by its nearest link that
 * leaves its own; INFINITY if none of its nearest links does.
 */
static float
look_around(Islands *s, uint32 slot)
{
	OhBuilder  *b = s->b;
	const uint32 *list = OhGraphList(b, slot);
	const float *dist = OhListDist(unconstify(uint32 *, list), 2 * b->m);

	for (int i = 0; i <= OH_NEAR_LINKS && i < 2 * b->m && list[i] != OH_NONE; i++)
	{
		uint32		to = list[i] & OH_LINK_ID;
		float		local;

		if (OhForestRoot(&s->forest, to) == OhForestRoot(&s->forest, slot))
			continue;
		local_links(b, to, s->error[to], &local);
		return OhHowFarApart(dist[i], local);
	}
	return INFINITY;
}

/*
 * gather -- fill island[] from the forest, in no order; returns their number.
 */
static uint32
gather(Islands *s, OhIsland *island)
{
	OhBuilder  *b = s->b;
	uint32		n = 0;

	for (uint32 slot = 0; slot < s->nslots; slot++)
	{
		if (slot % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		if (b->nodes[slot].kind != OH_SLOT_NODE || !OhForestIsRoot(&s->forest, slot))
			continue;
		island[n].size = s->forest.size[slot];
		island[n].node = slot;
		island[n].apart = INFINITY;
		/* from now on, a root's size is its index in island[] */
		s->forest.size[slot] = n++;
	}
	for (uint32 slot = 0; slot < s->nslots; slot++)
	{
		OhIsland   *of;

		if (slot % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		if (b->nodes[slot].kind != OH_SLOT_NODE)
			continue;
		of = &island[s->forest.size[OhForestRoot(&s->forest, slot)]];
		if (is_better(s, slot, of->node))
			of->node = slot;
		if (of->size < OH_LARGE_ISLAND)
			of->apart = Min(of->apart, look_around(s, slot));
	}
	return n;
}

OhIsland *
OhGraphIslands(OhBuilder *b, MemoryContext context, uint32 *n)
{
	Islands		s = {.b = b,.nslots = OhGraphSlots(b->graph)};
	OhIsland   *island;
	uint32		nroots = 0;

	OhForestInit(&s.forest, s.nslots, context);
	s.error = MemoryContextAllocHuge(context, sizeof(float) * (Size) Max(s.nslots, 1));
	measure(&s);
	join_all(&s);
	for (uint32 slot = 0; slot < s.nslots; slot++)
	{
		if (slot % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		nroots += b->nodes[slot].kind == OH_SLOT_NODE && OhForestIsRoot(&s.forest, slot);
	}
	island = MemoryContextAllocHuge(context, sizeof(OhIsland) * (Size) Max(nroots, 1));
	*n = gather(&s, island);
	OhSortIslands(island, *n);
	OhForestFree(&s.forest);
	pfree(s.error);
	return island;
}

uint32
OhGraphSetIslands(OhBuilder *b, const OhIsland *island, uint32 nroots)
{
	OhGraph    *graph = b->graph;
	uint32		n = 0;

	for (uint32 i = 0; i < nroots && n < graph->island_limit; i++)
	{
		if (OhIslandCounts(island[i].size, island[i].apart, n, graph->code_bytes))
			b->islands[n++] = island[i].node;
	}
	ereport(DEBUG1,
			(errmsg_internal("%u islands, %u of them have a member of the highway", nroots, n)));
	pg_write_barrier();
	pg_atomic_write_u32(&graph->nislands, n);
	return n;
}

uint32
OhGraphFindIslands(OhBuilder *b, MemoryContext context)
{
	uint32		nroots;
	OhIsland   *island = OhGraphIslands(b, context, &nroots);
	uint32		n = OhGraphSetIslands(b, island, nroots);

	pfree(island);
	return n;
}
