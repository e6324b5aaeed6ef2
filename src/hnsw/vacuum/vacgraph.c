/*
 * vacgraph.c -- vacuum's private copy of the graph.
 *
 * Repair follows every link of the graph and reads the codes on either end, in an
 * order that has nothing to do with that of pages.  So vacuum reads the node pages once,
 * in order, and keeps copies in private memory.  The copies may take
 * maintenance_work_mem (autovacuum_work_mem in an autovacuum worker).  Of a larger
 * index only part is kept; its other pages are read when they are needed.
 *
 * A copy may be older than its page.  Code that changes a page because of what it saw in
 * the copy must first compare the record's version, holding the page's lock.
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "postmaster/autovacuum.h"
#include "utils/memutils.h"

#include "compat.h"
#include "hnsw/options.h"
#include "hnsw/vacuum/vacuum.h"

/* Pages prefetched while the copy is made. */
#define READ_AHEAD 32

/*
 * OhVacuumMemory -- see vacuum.h.
 */
Size
OhVacuumMemory(void)
{
	int			kilobytes = maintenance_work_mem;

	if (om_is_autovacuum_worker() && autovacuum_work_mem != -1)
		kilobytes = autovacuum_work_mem;
	return (Size) kilobytes * 1024;
}

/*
 * copy_slots -- number of pages that a copy has room for: those of the array and some that
 * inserts may add while the vacuum runs, but at most "most".
 */
static uint32
copy_slots(uint32 npages, Size most)
{
	return Max(16, (uint32) Min((Size) npages + npages / 16 + 16, most));
}

/*
 * OhVacuumHolds -- see vacuum.h.
 */
bool
OhVacuumHolds(OhIndex *ix)
{
	Size		pages = OhVacuumMemory() / BLCKSZ;
	Size		towers = copy_slots(OhArrayPages(&ix->file, OH_TOWER), pages / 8);
	uint32		npages = OhArrayPages(&ix->file, OH_NODE);

	return copy_slots(npages, pages - Min(pages, towers)) >= npages;
}

static void
copy_init(OhVacuum *v, OhCopy *copy, OhArrayId array, Size most)
{
	copy->array = array;
	copy->npages = OhArrayPages(&v->ix->file, array);
	copy->nslots = copy_slots(copy->npages, most);
	copy->stable = copy->nslots >= copy->npages;
	copy->data = MemoryContextAllocHuge(v->context, (Size) copy->nslots * BLCKSZ);
	copy->lp = MemoryContextAllocHuge(v->context, sizeof(uint32) * (Size) copy->nslots);
	memset(copy->lp, 0xFF, sizeof(uint32) * (Size) copy->nslots);
}

/*
 * note_nodes -- note the states of a page's nodes, as its copy has them.
 */
static void
note_nodes(OhVacuum *v, uint32 lp, Page page)
{
	uint32		per_page = v->ix->file.array[OH_NODE].per_page;
	uint32		nused = Min(OhTail(page)->nused, per_page);

	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhNodeData *node = OhSlot(&v->ix->file, OH_NODE, page, slot);
		uint32		id = lp * per_page + slot;
		int			before;

		if (id >= v->n)
			break;
		if (node->state > OH_DEAD || node->level > OH_MAX_LEVEL)
			OhReportCorruption(v->ix->file.rel, OhArrayBlock(&v->ix->file, OH_NODE, lp),
							   "node %u has state %u and level %u", id, node->state, node->level);
		before = v->node[id] & OH_VAC_STATE;
		if (before == node->state)
			continue;
		v->nlive += (node->state == OH_LIVE) - (before == OH_LIVE);
		v->ndead += (node->state == OH_DEAD) - (before == OH_DEAD);
		v->node[id] = node->state | (node->state == OH_FREE ? 0 : node->level << 4);
	}
}

/*
 * OhVacuumStore -- see vacuum.h.
 */
Page
OhVacuumStore(OhVacuum *v, OhCopy *copy, uint32 lp, Page page)
{
	uint32		slot = lp % copy->nslots;
	char	   *to = copy->data + (Size) slot * BLCKSZ;

	memcpy(to, page, BLCKSZ);
	copy->lp[slot] = lp;
	if (copy->array == OH_NODE)
		note_nodes(v, lp, (Page) to);
	return (Page) to;
}

Page
OhVacuumRefresh(OhVacuum *v, OhCopy *copy, uint32 lp)
{
	Buffer		buffer = OhArrayRead(&v->ix->file, copy->array, lp, BUFFER_LOCK_SHARE);
	Page		page;

	page = OhVacuumStore(v, copy, lp, BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
	return page;
}

/*
 * OhVacuumPage -- see vacuum.h.
 */
Page
OhVacuumPage(OhVacuum *v, OhCopy *copy, uint32 lp)
{
	uint32		slot = lp % copy->nslots;

	if (likely(copy->lp[slot] == lp))
		return (Page) (copy->data + (Size) slot * BLCKSZ);
	CHECK_FOR_INTERRUPTS();
	return OhVacuumRefresh(v, copy, lp);
}

/*
 * OhVacuumGrow -- see vacuum.h.
 */
void
OhVacuumGrow(OhVacuum *v)
{
	uint32		n;

	v->nodes.npages = OhArrayPages(&v->ix->file, OH_NODE);
	v->towers.npages = OhArrayPages(&v->ix->file, OH_TOWER);
	v->nodes.stable = v->nodes.nslots >= v->nodes.npages;
	v->towers.stable = v->towers.nslots >= v->towers.npages;

	n = v->nodes.npages * v->ix->file.array[OH_NODE].per_page;
	if (n > v->state_size)
	{
		uint32		size = n + n / 16 + 1024;

		if (v->node == NULL)
			v->node = MemoryContextAllocHuge(v->context, size);
		else
			v->node = repalloc_huge(v->node, size);
		memset(v->node + v->state_size, OH_FREE, size - v->state_size);
		v->state_size = size;
	}
	v->n = Max(v->n, n);
}

void
OhVacuumReadAll(OhVacuum *v)
{
	OhVacuumGrow(v);
	for (uint32 lp = 0; lp < v->nodes.npages; lp++)
	{
		om_vacuum_delay_point();
		if (lp + READ_AHEAD < v->nodes.npages)
			PrefetchBuffer(v->ix->file.rel, MAIN_FORKNUM,
						   OhArrayBlock(&v->ix->file, OH_NODE, lp + READ_AHEAD));
		OhVacuumRefresh(v, &v->nodes, lp);
	}
}

OhVacuum *
OhVacuumBegin(Relation index, Size memory)
{
	MemoryContext context;
	OhVacuum   *v;
	Size		pages = memory / BLCKSZ;
	Size		form;

	context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw vacuum", ALLOCSET_DEFAULT_SIZES);
	v = MemoryContextAllocZero(context, sizeof(OhVacuum));
	v->context = context;
	v->ix = OhIndexOpen(index);
	v->entry = v->ix->entry;
	v->entry_level = v->ix->entry_level;

	form = om_quant_query_bytes(&v->ix->spec);
	v->query = OhAlignedAlloc(context, form);
	v->form = OhAlignedAlloc(context, form);
	OhSelectorInit(&v->sel, v->ix->quant, context);
	v->sel.alpha = 1.2f;
	v->visited = MemoryContextAlloc(context, sizeof(uint32) * OH_VAC_VISITED * 2);
	v->visited_stamp = MemoryContextAllocZero(context, sizeof(uint32) * OH_VAC_VISITED * 2);

	copy_init(v, &v->towers, OH_TOWER, pages / 8);
	copy_init(v, &v->nodes, OH_NODE, pages - Min(pages, v->towers.nslots));
	OhVacuumReadAll(v);
	return v;
}

void
OhVacuumEnd(OhVacuum *v)
{
	MemoryContextDelete(v->context);
}

/*
 * OhVacuumNode -- see vacuum.h.
 */
OhNodeData *
OhVacuumNode(OhVacuum *v, uint32 id)
{
	uint32		per_page = v->ix->file.array[OH_NODE].per_page;

	Assert(id < v->n);
	return OhSlot(&v->ix->file, OH_NODE, OhVacuumPage(v, &v->nodes, id / per_page), id % per_page);
}

/*
 * OhVacuumTower -- see vacuum.h.
 *
 * If an earlier vacuum freed a dead node's towers but did not finish, the chain may end
 * below this level or lead to a record that belongs to another node by now.
 */
OhTowerData *
OhVacuumTower(OhVacuum *v, uint32 id, int level)
{
	uint32		per_page = v->ix->file.array[OH_TOWER].per_page;
	uint32		at = OhVacuumNode(v, id)->tower;

	for (int l = 1;; l++)
	{
		OhTowerData *tower;

		if (at == OH_NONE || at / per_page >= v->towers.npages)
			return NULL;
		tower = OhSlot(&v->ix->file, OH_TOWER, OhVacuumPage(v, &v->towers, at / per_page), at % per_page);
		if (tower->node != id || tower->level != l)
			return NULL;
		if (l == level)
			return tower;
		at = tower->up;
	}
}

/*
 * OhVacuumLinks -- see vacuum.h.
 */
int
OhVacuumLinks(OhVacuum *v, uint32 id, int level, uint32 *out)
{
	const uint32 *links;
	int			max = v->ix->m;

	if (level == 0)
	{
		links = OhNodeLinks(OhVacuumNode(v, id), v->ix->code_bytes);
		max *= 2;
	}
	else
	{
		OhTowerData *tower = OhVacuumTower(v, id, level);

		if (tower == NULL)
			return 0;
		links = tower->links;
	}
	return OhCopyLinks(links, max, out);
}

/*
 * OhVacuumState -- see vacuum.h.
 */
int
OhVacuumState(OhVacuum *v, uint32 id)
{
	int			state = OhVacState(v, id);

	if (state != OH_FREE)
		return state;
	if (id >= v->n)
	{
		OhVacuumGrow(v);
		if (id >= v->n)
			return OH_FREE;
	}
	OhVacuumRefresh(v, &v->nodes, id / v->ix->file.array[OH_NODE].per_page);
	return OhVacState(v, id);
}

/*
 * OhVacuumQuery -- see vacuum.h.
 */
void
OhVacuumQuery(OhVacuum *v, uint32 id)
{
	om_quant_query_from_code(v->ix->quant, OhNodeCode(OhVacuumNode(v, id)), v->query);
}

/*
 * OhVacuumCodes -- see vacuum.h.
 */
void
OhVacuumCodes(OhVacuum *v, OhCandidate *cand, int n)
{
	Assert(n <= OH_VAC_CODES);
	if (v->nodes.stable)
	{
		for (int i = 0; i < n; i++)
			cand[i].code = OhNodeCode(OhVacuumNode(v, cand[i].id));
		return;
	}
	if (v->codes == NULL)
		v->codes = MemoryContextAllocHuge(v->context, (Size) OH_VAC_CODES * v->ix->code_bytes);
	for (int i = 0; i < n; i++)
	{
		char	   *to = v->codes + (Size) i * v->ix->code_bytes;

		memcpy(to, OhNodeCode(OhVacuumNode(v, cand[i].id)), v->ix->code_bytes);
		cand[i].code = to;
	}
}

void
OhVacuumDistances(OhVacuum *v, OhCandidate *cand, int n)
{
	const void *codes[64];
	float		dist[64];

	if (!v->nodes.stable)
	{
		for (int i = 0; i < n; i++)
			cand[i].dist = v->ix->distance(v->ix->quant, v->query,
										   OhNodeCode(OhVacuumNode(v, cand[i].id)));
		return;
	}
	for (int i = 0; i < n; i += 64)
	{
		int			nbatch = Min(64, n - i);

		for (int k = 0; k < nbatch; k++)
		{
			codes[k] = OhNodeCode(OhVacuumNode(v, cand[i + k].id));
			for (uint32 at = 0; at < v->ix->code_bytes; at += 64)
				__builtin_prefetch((const char *) codes[k] + at);
		}
		om_quant_distances(v->ix->quant, v->query, codes, nbatch, dist);
		for (int k = 0; k < nbatch; k++)
			cand[i + k].dist = dist[k];
	}
}

void
OhVacuumForget(OhVacuum *v)
{
	v->nvisited = 0;
	if (++v->stamp == 0)
	{
		memset(v->visited_stamp, 0, sizeof(uint32) * OH_VAC_VISITED * 2);
		v->stamp = 1;
	}
}

bool
OhVacuumVisit(OhVacuum *v, uint32 id)
{
	uint32		at = murmurhash32(id) % (OH_VAC_VISITED * 2);

	while (v->visited_stamp[at] == v->stamp)
	{
		if (v->visited[at] == id)
			return false;
		at = (at + 1) % (OH_VAC_VISITED * 2);
	}
	if (v->nvisited >= OH_VAC_VISITED)
		return false;
	v->nvisited++;
	v->visited[at] = id;
	v->visited_stamp[at] = v->stamp;
	return true;
}

static float
distance_to(OhVacuum *v, uint32 id)
{
	return v->ix->distance(v->ix->quant, v->query, OhNodeCode(OhVacuumNode(v, id)));
}

/*
 * descend -- go greedily towards v->query on the levels above this one; returns the node
 * where that ends.
 */
static uint32
descend(OhVacuum *v, int level)
{
	uint32		at = v->entry;
	float		nearest = distance_to(v, at);
	uint32		links[2 * OH_MAX_M];

	for (int l = v->entry_level; l > level; l--)
	{
		bool		moved = true;

		while (moved)
		{
			int			n = OhVacuumLinks(v, at, l, links);

			CHECK_FOR_INTERRUPTS();
			moved = false;
			for (int i = 0; i < n; i++)
			{
				float		dist;

				if (OhVacState(v, links[i]) == OH_FREE)
					continue;
				dist = distance_to(v, links[i]);
				if (dist < nearest)
				{
					nearest = dist;
					at = links[i];
					moved = true;
				}
			}
		}
	}
	return at;
}

/*
 * put -- insert a candidate into a sorted list that has *n entries and room for max.
 *
 * Returns its place, or -1 if it is too far.  In these lists, "selected" means that the
 * candidate's links have been followed.
 */
static int
put(OhCandidate *list, int *n, int max, uint32 id, float dist)
{
	int			at = *n;

	if (at == max && !(dist < list[max - 1].dist))
		return -1;
	if (at < max)
		(*n)++;
	else
		at--;
	while (at > 0 && dist < list[at - 1].dist)
	{
		list[at] = list[at - 1];
		at--;
	}
	list[at].id = id;
	list[at].dist = dist;
	list[at].code = NULL;
	list[at].selected = false;
	return at;
}

/*
 * walk -- best-first walk of one level from node start and, unless near is OH_NONE, from
 * the links of node near.  pool[width] is scratch.
 */
static int
walk(OhVacuum *v, uint32 start, uint32 near, int level, int width, OhCandidate *pool,
	 int ef, bool reached, OhCandidate *out)
{
	uint32		links[2 * OH_MAX_M + 1];
	int			npool = 0;
	int			nout = 0;
	int			next = 0;

	OhVacuumForget(v);
	links[0] = start;
	for (int n = 1 + (near == OH_NONE ? 0 : OhVacuumLinks(v, near, level, links + 1));;)
	{
		for (int i = 0; i < n; i++)
		{
			uint32		id = links[i];
			int			state = OhVacState(v, id);
			float		dist;
			int			at;

			if (state == OH_FREE || !OhVacuumVisit(v, id))
				continue;
			dist = distance_to(v, id);
			at = put(pool, &npool, width, id, dist);
			if (at >= 0 && at < next)
				next = at;
			if (state == OH_LIVE && OH_VAC_LEVEL(v->node[id]) >= level &&
				(!reached || (v->node[id] & OH_VAC_REACHED)))
				put(out, &nout, ef, id, dist);
		}
		CHECK_FOR_INTERRUPTS();
		while (next < npool && pool[next].selected)
			next++;
		if (next == npool)
			return nout;
		pool[next].selected = true;
		n = OhVacuumLinks(v, pool[next].id, level, links);
	}
}

/*
 * OhVacuumSearch -- see vacuum.h.
 *
 * Where nearly all nodes are dead (or not reached), the walk is repeated with a larger width.
 */
int
OhVacuumSearch(OhVacuum *v, int level, int ef, bool reached, OhCandidate *out)
{
	uint32		start;
	int			nout = 0;

	if (v->entry == OH_NONE || OhVacState(v, v->entry) == OH_FREE || v->entry_level < level)
		return 0;
	start = descend(v, level);
	for (int width = ef; width <= OH_VAC_VISITED / 2; width *= 4)
	{
		OhCandidate *pool = palloc(sizeof(OhCandidate) * width);

		nout = walk(v, start, OH_NONE, level, width, pool, ef, reached, out);
		pfree(pool);
		if (nout >= Min(ef, 8))
			break;
	}
	return nout;
}

/*
 * OhVacuumSearchNear -- see vacuum.h.
 */
int
OhVacuumSearchNear(OhVacuum *v, uint32 id, int ef, OhCandidate *out)
{
	OhCandidate *pool = palloc(sizeof(OhCandidate) * ef);
	int			n = walk(v, descend(v, 0), id, 0, ef, pool, ef, false, out);

	pfree(pool);
	return n;
}
