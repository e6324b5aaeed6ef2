/*
 * reach.c -- keeps every live node reachable from the entry point.
 *
 * A search meets only what the base layer's links lead to.  Pruning, inserts and
 * repair leave a few nodes without an incoming link; vacuum ends by walking the
 * whole graph and gives each node that was not met a link from a near one that
 * was.  The walk is a tree: a list that is full gives up a link that is no edge
 * of the tree, so that nothing else gets lost.
 *
 * As in connect.c, a node gives up one link only, to the first orphan; the others
 * hang on that one, in a tree.  Otherwise the few long vectors that lists
 * under inner product lead to would have nothing but orphans in theirs.
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "hnsw/options.h"
#include "hnsw/vacuum/vacuum.h"
#include "storage/wal.h"

/* Of an orphan's reached links, those that may link back to it. */
#define NEAREST 4

/* Reached nodes that a search offers for a back link. */
#define OFFERS 64

/* Reached nodes to choose from where a search finds none with room. */
#define SAMPLE 1024

/* A node that links to an orphan, of which there are few. */
typedef struct Adopted
{
	uint32		from;
	uint32		orphan;
	char		status;
} Adopted;

#define SH_PREFIX adopted
#define SH_ELEMENT_TYPE Adopted
#define SH_KEY_TYPE uint32
#define SH_KEY from
#define SH_HASH_KEY(tb, key) murmurhash32(key)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct Reach
{
	OhVacuum   *v;
	uint32		n;				/* nodes known when the walk began */
	uint32	   *parent;			/* [n], the node whose link led here */
	adopted_hash *adopted;
	uint32		nreached;
} Reach;

static bool
is_reached(const Reach *reach, uint32 id)
{
	return id < reach->n &&
		(reach->v->node[id] & (OH_VAC_STATE | OH_VAC_REACHED)) == (OH_LIVE | OH_VAC_REACHED);
}

static void
mark_reached(Reach *reach, uint32 id, uint32 parent)
{
	reach->v->node[id] |= OH_VAC_REACHED;
	reach->parent[id] = parent;
	reach->nreached++;
}

/*
 * expand -- reach what a reached node links to.
 */
static void
expand(Reach *reach, uint32 id)
{
	OhVacuum   *v = reach->v;
	uint32		links[2 * OH_MAX_M];
	int			n = OhVacuumLinks(v, id, 0, links);

	v->node[id] |= OH_VAC_EXPANDED;
	for (int i = 0; i < n; i++)
	{
		uint32		to = links[i];

		if (to < reach->n && (v->node[to] & (OH_VAC_STATE | OH_VAC_REACHED)) == OH_LIVE)
			mark_reached(reach, to, id);
	}
}

/*
 * walk_all -- reach all that can be, in passes over the pages in order.
 */
static void
walk_all(Reach *reach)
{
	OhVacuum   *v = reach->v;
	const uint8 mask = OH_VAC_STATE | OH_VAC_REACHED | OH_VAC_EXPANDED;
	const uint8 wanted = OH_LIVE | OH_VAC_REACHED;
	bool		again = true;
	bool		down = false;

	/* up and down in turn: inserts make long chains of ids that descend */
	for (; again; down = !down)
	{
		again = false;
		for (uint32 i = 0; i < reach->n; i++)
		{
			uint32		id = down ? reach->n - 1 - i : i;

			if (i % 1024 == 0)
				om_vacuum_delay_point();
			if ((v->node[id] & mask) == wanted)
			{
				expand(reach, id);
				again = true;
			}
		}
	}
}

/*
 * choose_victim -- place of the link that node "from" can best do without: the
 * farthest that is no edge of the tree.  -1 if there is none.
 */
static int
choose_victim(Reach *reach, uint32 from, const uint32 *links, int n)
{
	OhVacuum   *v = reach->v;
	float		farthest = 0;
	int			victim = -1;

	OhVacuumQuery(v, from);
	for (int i = 0; i < n; i++)
	{
		float		dist;

		/* of a node that is new since, this may be the only link */
		if (!is_reached(reach, links[i]) || reach->parent[links[i]] == from)
			continue;
		dist = v->ix->distance(v->ix->quant, v->query, OhNodeCode(OhVacuumNode(v, links[i])));
		if (victim < 0 || dist > farthest)
		{
			farthest = dist;
			victim = i;
		}
	}
	return victim;
}

/*
 * link_from -- add a link between two live nodes; false if there is no place.
 */
static bool
link_from(Reach *reach, uint32 from, uint32 to)
{
	OhVacuum   *v = reach->v;
	uint32		per_page = v->ix->file.array[OH_NODE].per_page;
	uint32		lp = from / per_page;
	int			max = 2 * v->ix->m;

	for (;;)
	{
		uint32		links[2 * OH_MAX_M];
		int			n = OhVacuumLinks(v, from, 0, links);
		uint16		version = OhVacuumNode(v, from)->version;
		int			place = n;
		Buffer		buffer;
		OhNodeData *node;
		bool		unchanged;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
		{
			if (links[i] == to)
				return true;
		}
		if (n == max)
			place = choose_victim(reach, from, links, n);
		if (place < 0)
			return false;

		buffer = OhArrayRead(&v->ix->file, OH_NODE, lp, BUFFER_LOCK_EXCLUSIVE);
		node = OhSlot(&v->ix->file, OH_NODE, BufferGetPage(buffer), from % per_page);
		unchanged = node->state == OH_LIVE && node->version == version;
		if (unchanged)
		{
			OhWrite		write;

			OhWriteStart(&write, &v->ix->file);
			node = OhSlot(&v->ix->file, OH_NODE, OhWritePage(&write, buffer, false), from % per_page);
			OhNodeLinks(node, v->ix->code_bytes)[place] = to;
			node->version++;
			OhWriteFinish(&write);
		}
		OhVacuumStore(v, &v->nodes, lp, BufferGetPage(buffer));
		UnlockReleaseBuffer(buffer);
		if (unchanged)
			return true;
	}
}

/*
 * adopt -- link to an orphan from a reached node that has no other orphan yet.
 */
static bool
adopt(Reach *reach, uint32 from, uint32 orphan)
{
	bool		found;

	if (adopted_lookup(reach->adopted, from) != NULL || !link_from(reach, from, orphan))
		return false;
	adopted_insert(reach->adopted, from, &found)->orphan = orphan;
	mark_reached(reach, orphan, from);
	return true;
}

/*
 * adopt_below -- link to an orphan from the tree below the one that a node has
 * adopted; see connect.c.
 */
static bool
adopt_below(Reach *reach, uint32 from, uint32 orphan)
{
	OhVacuum   *v = reach->v;
	const Adopted *adopted = adopted_lookup(reach->adopted, from);
	uint32		at = adopted != NULL ? adopted->orphan : OH_NONE;

	while (at != OH_NONE)
	{
		uint32		links[2 * OH_MAX_M];
		uint32		children[2 * OH_MAX_M];
		int			n = OhVacuumLinks(v, at, 0, links);
		int			nchildren = 0;

		for (int i = 0; i < n; i++)
		{
			if (is_reached(reach, links[i]) && reach->parent[links[i]] == at)
				children[nchildren++] = links[i];
		}
		if (nchildren < v->ix->m && link_from(reach, at, orphan))
		{
			mark_reached(reach, orphan, at);
			return true;
		}
		at = nchildren > 0 ? children[(orphan * 0x9E3779B1U >> 8) % nchildren] : OH_NONE;
	}
	return false;
}

/*
 * adopt_any -- link to an orphan from one of cand[n], nearest first: one of the
 * nearest that has none yet, else from below one, else from any.
 */
static bool
adopt_any(Reach *reach, const OhCandidate *cand, int n, uint32 orphan)
{
	for (int i = 0; i < Min(n, NEAREST); i++)
	{
		if (adopt(reach, cand[i].id, orphan))
			return true;
	}
	for (int i = 0; i < n; i++)
	{
		if (adopt_below(reach, cand[i].id, orphan))
			return true;
	}
	for (int i = NEAREST; i < n; i++)
	{
		if (adopt(reach, cand[i].id, orphan))
			return true;
	}
	return false;
}

static int
compare_distance(const void *a, const void *b)
{
	const OhCandidate *x = a;
	const OhCandidate *y = b;

	if (x->dist != y->dist)
		return x->dist < y->dist ? -1 : 1;
	return x->id < y->id ? -1 : (x->id > y->id);
}

/*
 * sample_reached -- up to SAMPLE reached nodes, from all over the graph, nearest first.
 *
 * For an island that the towers lead to: a search that starts on it meets no
 * node that was reached over the base layer.  And for copies of one vector, which
 * filter columns tell apart: a search finds the same ones each time, whose lists
 * have no link to give up in the end.
 */
static int
sample_reached(Reach *reach, uint32 start, OhCandidate *out)
{
	uint32		step = Max(reach->n / SAMPLE, 1);
	int			n = 0;

	for (uint32 from = 0; from < reach->n && n < SAMPLE; from += step)
	{
		uint32		width = Min(step, reach->n - from);

		/* others each time */
		for (uint32 i = 0; i < width; i++)
		{
			uint32		id = from + (start + i) % width;

			if (is_reached(reach, id))
			{
				out[n++].id = id;
				break;
			}
		}
	}
	OhVacuumDistances(reach->v, out, n);
	qsort(out, n, sizeof(OhCandidate), compare_distance);
	return n;
}

/*
 * heal -- link a node that was not reached from one that was.
 *
 * Its own neighbours come first; search: ask the graph, too.
 */
static bool
heal(Reach *reach, uint32 id, bool search)
{
	OhVacuum   *v = reach->v;
	OhCandidate cand[SAMPLE];
	uint32		links[2 * OH_MAX_M];
	int			n = OhVacuumLinks(v, id, 0, links);
	int			ncand = 0;

	for (int i = 0; i < n; i++)
	{
		if (is_reached(reach, links[i]))
			cand[ncand++].id = links[i];
	}
	if (ncand == 0 && !search)
		return false;
	OhVacuumQuery(v, id);
	OhVacuumDistances(v, cand, ncand);
	qsort(cand, ncand, sizeof(OhCandidate), compare_distance);
	for (int pass = 0; pass < (search ? 3 : 1); pass++)
	{
		/* looking for a link to give up has changed the query */
		if (pass > 0)
			OhVacuumQuery(v, id);
		if (pass == 1)
			ncand = OhVacuumSearch(v, 0, OFFERS, true, cand);
		else if (pass == 2)
			ncand = sample_reached(reach, id, cand);
		if (adopt_any(reach, cand, ncand, id))
			return true;
	}
	return false;
}

StaticAssertDecl(OFFERS <= SAMPLE && 2 * OH_MAX_M <= SAMPLE, "offers fit");

/*
 * walk_on -- reach what one newly reached node leads to.
 */
static void
walk_on(Reach *reach, uint32 start)
{
	OhVacuum   *v = reach->v;
	uint32	   *stack;
	uint32		size = 64;
	uint32		depth = 0;

	stack = palloc(sizeof(uint32) * size);
	stack[depth++] = start;
	while (depth > 0)
	{
		uint32		id = stack[--depth];
		uint32		links[2 * OH_MAX_M];
		int			n;

		CHECK_FOR_INTERRUPTS();
		if (v->node[id] & OH_VAC_EXPANDED)
			continue;
		n = OhVacuumLinks(v, id, 0, links);
		if (depth + n > size)
		{
			size = 2 * (depth + n);
			stack = repalloc_huge(stack, sizeof(uint32) * (Size) size);
		}
		for (int i = 0; i < n; i++)
		{
			if (links[i] < reach->n &&
				(v->node[links[i]] & (OH_VAC_STATE | OH_VAC_REACHED)) == OH_LIVE)
				stack[depth++] = links[i];
		}
		expand(reach, id);
	}
	pfree(stack);
}

/*
 * OhReach -- see vacuum.h.
 *
 * Nodes that were inserted since the vacuum began are not looked at: their inserts link them.
 */
uint32
OhReach(OhVacuum *v)
{
	Reach		reach;
	bool		search = false;
	uint32		left;

	if (v->nlive == 0 || v->entry == OH_NONE || OhVacState(v, v->entry) != OH_LIVE)
		return v->nlive;
	reach.v = v;
	reach.n = v->n;
	reach.nreached = 0;
	reach.parent = MemoryContextAllocHuge(v->context, sizeof(uint32) * (Size) v->n);
	reach.adopted = adopted_create(v->context, 64, NULL);
	for (uint32 id = 0; id < v->n; id++)
	{
		if ((v->node[id] & OH_VAC_STATE) == OH_LIVE)
			v->node[id] &= ~(OH_VAC_REACHED | OH_VAC_EXPANDED);
	}
	mark_reached(&reach, v->entry, OH_NONE);
	walk_all(&reach);

	/* neighbours first, as often as that helps; then with searches */
	for (;;)
	{
		bool		progress = false;

		left = 0;
		for (uint32 id = 0; id < reach.n; id++)
		{
			if ((v->node[id] & (OH_VAC_STATE | OH_VAC_REACHED)) != OH_LIVE)
				continue;
			CHECK_FOR_INTERRUPTS();
			if (heal(&reach, id, search))
			{
				progress = true;
				walk_on(&reach, id);
			}
			else
				left++;
		}
		if (left == 0 || (search && !progress))
			break;
		if (!progress)
			search = true;
	}
	pfree(reach.parent);
	adopted_destroy(reach.adopted);
	return left;
}

Size
OhReachBytes(uint32 nodes)
{
	return (sizeof(uint32) + 1) * (Size) nodes;
}
