/*
 * vacislands.c -- keeps the highway up to date in a vacuum (highway.h).
 *
 * A dead node's member is freed before the node is.  At the end, vacuum looks for islands in
 * its private copy of the graph, by the rules of islands.c, and gives a member to each island
 * that has none.  If memory does not hold the whole copy, a live node that the dead one links
 * to takes over its membership instead: it is on the same island, if any of that is left.  In
 * both cases, members by level become those of a lower level if nodes have become few.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "commands/vacuum.h"
#include "miscadmin.h"

#include "compat.h"
#include "hnsw/graph/forest.h"
#include "hnsw/graph/highway.h"
#include "hnsw/options.h"
#include "hnsw/vacuum/vacuum.h"
#include "storage/wal.h"

/* A node's nearest links.  The first nlocal are local (OhLocalLinks). */
typedef struct Near
{
	uint32		link[OH_NEAR_LINKS + 1];
	float		dist[OH_NEAR_LINKS + 1];
	uint8		n;
	uint8		nlocal;
	float		local;
} Near;

typedef struct Islands
{
	OhVacuum   *v;
	uint32		n;
	Near	   *near;			/* [n] */
	OhForest	forest;			/* of nodes */
	uint8	   *member;			/* [n], OH_MEMBER_* flags of each node */
} Islands;

static bool
is_live(const Islands *s, uint32 id)
{
	return id < s->n && OhVacState(s->v, id) == OH_LIVE;
}

/*
 * look_at -- compute s->near of a node.
 */
static void
look_at(Islands *s, uint32 id)
{
	OhVacuum   *v = s->v;
	Near	   *near = &s->near[id];
	OhCandidate cand[2 * OH_MAX_M];
	uint32		links[2 * OH_MAX_M];
	int			n = OhVacuumLinks(v, id, 0, links);
	int			ncand = 0;
	float		error;

	near->n = near->nlocal = 0;
	near->local = INFINITY;
	for (int i = 0; i < n; i++)
	{
		if (is_live(s, links[i]))
			cand[ncand++].id = links[i];
	}
	if (ncand == 0)
		return;
	OhVacuumQuery(v, id);
	OhVacuumDistances(v, cand, ncand);
	for (int i = 0; i < ncand; i++)
	{
		int			at = near->n;

		if (at > OH_NEAR_LINKS && cand[i].dist >= near->dist[OH_NEAR_LINKS])
			continue;
		if (at > OH_NEAR_LINKS)
			at--;
		else
			near->n++;
		for (; at > 0 && near->dist[at - 1] > cand[i].dist; at--)
		{
			near->dist[at] = near->dist[at - 1];
			near->link[at] = near->link[at - 1];
		}
		near->dist[at] = cand[i].dist;
		near->link[at] = cand[i].id;
	}
	error = OH_ISLAND_ERRORS * om_quant_error(v->ix->quant, v->query,
											  OhNodeCode(OhVacuumNode(v, near->link[0])));
	near->nlocal = OhLocalLinks(near->dist, near->n, error, &near->local);
}

/*
 * joins -- does this local link join the islands of its two nodes?  See islands.c.
 */
static bool
joins(const Islands *s, uint32 from, uint32 to, float dist)
{
	const Near *near = &s->near[to];

	if (s->v->ix->spec.metric == OM_METRIC_IP || dist <= OH_BESIDE * near->local)
		return true;
	for (int i = 0; i < near->nlocal; i++)
	{
		if (near->link[i] == from)
			return true;
	}
	return false;
}

static void
join_all(Islands *s)
{
	for (uint32 id = 0; id < s->n; id++)
	{
		if (id % 1024 == 0)
			om_vacuum_delay_point();
		if (is_live(s, id))
			look_at(s, id);
	}
	for (uint32 id = 0; id < s->n; id++)
	{
		if (id % 1024 == 0)
			om_vacuum_delay_point();
		for (int i = 0; is_live(s, id) && i < s->near[id].nlocal; i++)
		{
			uint32		to = s->near[id].link[i];
			uint32		a = OhForestRoot(&s->forest, id);
			uint32		b = OhForestRoot(&s->forest, to);

			if (a != b && joins(s, id, to, s->near[id].dist[i]))
				OhForestJoin(&s->forest, a, b);
		}
	}
}

/*
 * look_around -- how far apart a node is from other islands, judged by its nearest link that
 * leaves its own; INFINITY if none of its nearest links does.
 */
static float
look_around(Islands *s, uint32 id)
{
	const Near *near = &s->near[id];

	for (int i = 0; i < near->n; i++)
	{
		if (OhForestRoot(&s->forest, near->link[i]) != OhForestRoot(&s->forest, id))
			return OhHowFarApart(near->dist[i], s->near[near->link[i]].local);
	}
	return INFINITY;
}

/*
 * is_better -- is node id a better member than the other one?  A node that is a member already
 * is, otherwise the one with the higher level.
 */
static bool
is_better(const Islands *s, uint32 id, uint32 than)
{
	if (s->member[id] != s->member[than])
		return s->member[id] > s->member[than];
	return OH_VAC_LEVEL(s->v->node[id]) > OH_VAC_LEVEL(s->v->node[than]);
}

/*
 * gather -- fill island[] from the forest, in no order; returns their number.
 */
static uint32
gather(Islands *s, OhIsland *island)
{
	uint32		n = 0;

	for (uint32 id = 0; id < s->n; id++)
	{
		if (id % 1024 == 0)
			om_vacuum_delay_point();
		if (!is_live(s, id) || !OhForestIsRoot(&s->forest, id))
			continue;
		island[n].size = s->forest.size[id];
		island[n].node = id;
		island[n].apart = INFINITY;
		/* from now on, a root's size is its index in island[] */
		s->forest.size[id] = n++;
	}
	for (uint32 id = 0; id < s->n; id++)
	{
		OhIsland   *of;

		if (id % 1024 == 0)
			om_vacuum_delay_point();
		if (!is_live(s, id))
			continue;
		of = &island[s->forest.size[OhForestRoot(&s->forest, id)]];
		if (is_better(s, id, of->node))
			of->node = id;
		if (of->size < OH_LARGE_ISLAND)
			of->apart = Min(of->apart, look_around(s, id));
	}
	return n;
}

/*
 * read_members -- read the highway's pages into s->member[].
 */
static void
read_members(Islands *s)
{
	OhVacuum   *v = s->v;
	uint32		npages = OhArrayPages(&v->ix->file, OH_HIGHWAY);

	for (uint32 lp = 0; lp < npages; lp++)
	{
		Buffer		buffer = OhArrayRead(&v->ix->file, OH_HIGHWAY, lp, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buffer);

		for (uint32 slot = 0; slot < Min(OhTail(page)->nused, v->ix->file.array[OH_HIGHWAY].per_page); slot++)
		{
			const OhMemberData *member = OhSlot(&v->ix->file, OH_HIGHWAY, page, slot);

			if (member->node < s->n)
				s->member[member->node] = member->kind;
		}
		UnlockReleaseBuffer(buffer);
	}
}

/*
 * change_page -- free the members of dead nodes on a page and, unless kind is NULL, set the
 * others to kind[n].  Members of nodes that were inserted since the copy was made stay.
 *
 * heirs: unless it is NULL, collects the dead nodes that were members for their islands.
 */
static void
change_page(OhVacuum *v, uint32 lp, const uint8 *kind, uint32 n, List **heirs)
{
	OhIndex    *ix = v->ix;
	Buffer		buffer = OhArrayRead(&ix->file, OH_HIGHWAY, lp, BUFFER_LOCK_EXCLUSIVE);
	Page		page = BufferGetPage(buffer);
	uint32		nused = Min(OhTail(page)->nused, ix->file.array[OH_HIGHWAY].per_page);
	bool		writing = false;
	OhWrite		write;

	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhMemberData *member = OhSlot(&ix->file, OH_HIGHWAY, page, slot);
		int			wanted = member->kind;

		if (member->node == OH_NONE)
			continue;
		/* a node whose slot was free in the copy has been inserted since */
		if (OhVacState(v, member->node) == OH_DEAD)
			wanted = 0;
		else if (kind != NULL && member->node < n && OhVacState(v, member->node) == OH_LIVE)
			wanted = kind[member->node];
		if (wanted == member->kind)
			continue;
		if (heirs != NULL && (member->kind & OH_MEMBER_ISLAND))
			*heirs = lappend_int(*heirs, (int) member->node);
		if (!writing)
		{
			OhWriteStart(&write, &ix->file);
			page = OhWritePage(&write, buffer, false);
			member = OhSlot(&ix->file, OH_HIGHWAY, page, slot);
			writing = true;
		}
		member->kind = wanted;
		if (wanted == 0)
			OhPageFreeSlot(&ix->file, OH_HIGHWAY, page, slot);
	}
	if (writing)
		OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}

/*
 * put_heir -- make a live neighbour of a dead node a member in its place.
 */
static void
put_heir(OhVacuum *v, uint32 dead)
{
	uint32		links[2 * OH_MAX_M];
	int			n = OhVacuumLinks(v, dead, 0, links);

	for (int i = 0; i < n; i++)
	{
		if (OhVacState(v, links[i]) == OH_LIVE)
		{
			OhHighwayJoin(v->ix, links[i], OH_VAC_LEVEL(v->node[links[i]]),
						  OH_MEMBER_ISLAND, OhVacuumNode(v, links[i])->tag,
						  OhNodeCode(OhVacuumNode(v, links[i])));
			return;
		}
	}
}

void
OhVacuumFreeMembers(OhVacuum *v)
{
	uint32		npages = OhArrayPages(&v->ix->file, OH_HIGHWAY);
	List	   *heirs = NIL;
	ListCell   *lc;

	for (uint32 lp = 0; lp < npages; lp++)
	{
		om_vacuum_delay_point();
		change_page(v, lp, NULL, 0, v->nodes.stable ? NULL : &heirs);
	}
	foreach(lc, heirs)
		put_heir(v, (uint32) lfirst_int(lc));
	list_free(heirs);
}

/*
 * choose_level -- the lowest level whose nodes are few enough to be members.
 */
static int
choose_level(OhVacuum *v)
{
	uint32		count[OH_MAX_LEVEL + 1] = {0};

	for (uint32 id = 0; id < v->n; id++)
	{
		if (id % 1024 == 0)
			om_vacuum_delay_point();
		if (OhVacState(v, id) == OH_LIVE)
			count[OH_VAC_LEVEL(v->node[id])]++;
	}
	return OhHighwayLevel(count, v->ix->code_bytes);
}

static void
set_level(OhVacuum *v, int level)
{
	Buffer		buffer = OhReadBlock(v->ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);

	if (OhMeta(BufferGetPage(buffer))->highway_level != level)
	{
		OhWrite		write;

		OhWriteStart(&write, &v->ix->file);
		OhMeta(OhWritePage(&write, buffer, false))->highway_level = level;
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
	v->ix->highway_level = level;
}

/*
 * lower_level -- where nodes have gone, let those of lower levels become members.  This needs
 * no copy of the graph.
 */
static void
lower_level(OhVacuum *v, int level)
{
	if (level >= v->ix->highway_level)
		return;
	for (uint32 id = 0; id < v->n; id++)
	{
		OhNodeData *node;

		if (id % 1024 == 0)
			om_vacuum_delay_point();
		if (OhVacState(v, id) != OH_LIVE || OH_VAC_LEVEL(v->node[id]) < level)
			continue;
		node = OhVacuumNode(v, id);
		OhHighwayJoin(v->ix, id, node->level, OH_MEMBER_LEVEL, node->tag, OhNodeCode(node));
	}
	set_level(v, level);
}

/*
 * choose_members -- the OH_MEMBER_* flags that all nodes should have, palloc'd.
 */
static uint8 *
choose_members(Islands *s, int level)
{
	uint32		code_bytes = s->v->ix->code_bytes;
	uint8	   *kind = MemoryContextAllocExtended(s->v->context, s->n,
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	OhIsland   *island;
	uint32		nroots = 0;
	uint32		n = 0;

	for (uint32 id = 0; id < s->n; id++)
	{
		if (id % 1024 == 0)
			om_vacuum_delay_point();
		nroots += is_live(s, id) && OhForestIsRoot(&s->forest, id);
		if (is_live(s, id) && OH_VAC_LEVEL(s->v->node[id]) >= level)
			kind[id] = OH_MEMBER_LEVEL;
	}
	island = MemoryContextAllocHuge(s->v->context, sizeof(OhIsland) * (Size) Max(nroots, 1));
	nroots = gather(s, island);
	OhSortIslands(island, nroots);
	for (uint32 i = 0; i < nroots && n < OhHighwayIslandLimit(code_bytes); i++)
	{
		if (!OhIslandCounts(island[i].size, island[i].apart, n, code_bytes))
			continue;
		kind[island[i].node] |= OH_MEMBER_ISLAND;
		n++;
	}
	pfree(island);
	return kind;
}

void
OhVacuumHighway(OhVacuum *v)
{
	Islands		s = {.v = v, .n = v->n};
	int			level = choose_level(v);
	uint8	   *kind;
	uint32		npages;

	if (v->nlive == 0)
		return;
	if (!v->nodes.stable)
	{
		lower_level(v, level);
		return;
	}
	s.near = MemoryContextAllocHuge(v->context, sizeof(Near) * (Size) s.n);
	OhForestInit(&s.forest, s.n, v->context);
	s.member = MemoryContextAllocExtended(v->context, s.n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	read_members(&s);
	join_all(&s);
	kind = choose_members(&s, level);
	for (uint32 id = 0; id < s.n; id++)
	{
		if (id % 1024 == 0)
			om_vacuum_delay_point();
		if (kind[id] != 0 && s.member[id] == 0)
			OhHighwayAdd(v->ix, id, OH_VAC_LEVEL(v->node[id]), kind[id],
						 OhVacuumNode(v, id)->tag, OhNodeCode(OhVacuumNode(v, id)));
	}
	/* searches descend from this level: add its members before, free the others after */
	set_level(v, level);
	npages = OhArrayPages(&v->ix->file, OH_HIGHWAY);
	for (uint32 lp = 0; lp < npages; lp++)
	{
		om_vacuum_delay_point();
		change_page(v, lp, kind, s.n, NULL);
	}
	pfree(s.near);
	OhForestFree(&s.forest);
	pfree(s.member);
	pfree(kind);
}
