/*
 * reach.c -- keeps every live node reachable from the entry point.
 *
 * A search finds only nodes that the base layer's links lead to.  Pruning, inserts and
 * repair leave a few nodes without an incoming link.  So vacuum ends by following all
 * links from the entry point.  A live node that this does not reach is an orphan; it
 * gets a link from a near node that was reached.  The first links to reach each node
 * form a tree.  A full list makes room by giving up a link that is no edge of the
 * tree, so that every reached node stays reachable.
 *
 * But an insert that runs at the same time may just have dropped an edge of the tree because
 * the link that is given up led to the same node.  So a list first tries to give up a link to
 * a node that another of its links leads to as well, and looks whether that path is still
 * there while the list is locked.
 *
 * As in connect.c, a node gives up only one link, for its first orphan; further orphans
 * are linked from that orphan, in a tree.  Otherwise, under inner product, the few long
 * vectors that most lists lead to would end up with nothing but orphans in theirs.
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "hnsw/graph/linkcode.h"
#include "hnsw/graph/linknow.h"
#include "hnsw/options.h"
#include "hnsw/vacuum/vacuum.h"
#include "storage/wal.h"

/* Candidates that are asked first to adopt an orphan, before any that has adopted one passes it on to its tree. */
#define NEAREST 4

/* Reached nodes that a search offers for a back link. */
#define OFFERS 64

/* Reached nodes to choose from if a search finds none that can give up a link. */
#define SAMPLE 1024

/* A node that has adopted an orphan; there are few. */
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
	bool		careful;		/* give up a link only if a path of two other links leads to its
								 * target */
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
 * expand -- mark as reached the live nodes that a reached node links to.
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
 * walk_all -- reach every node that can be, in sequential passes over the ids.
 */
static void
walk_all(Reach *reach)
{
	OhVacuum   *v = reach->v;
	const uint8 mask = OH_VAC_STATE | OH_VAC_REACHED | OH_VAC_EXPANDED;
	const uint8 wanted = OH_LIVE | OH_VAC_REACHED;
	bool		again = true;
	bool		down = false;

	/* up and down in turn: inserts leave long chains in which each node links to a lower id */
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
 * find_witness -- one of links[n], a node's list, that links to links[victim] itself, or OH_NONE.
 */
static uint32
find_witness(Reach *reach, const uint32 *links, int n, int victim)
{
	for (int i = 0; i < n; i++)
	{
		uint32		further[2 * OH_MAX_M];

		if (i != victim && is_reached(reach, links[i]) &&
			OhHasLink(further, OhVacuumLinks(reach->v, links[i], 0, further), links[victim]))
			return links[i];
	}
	return OH_NONE;
}

/*
 * choose_victim -- the place of the link that node "from" needs least: the farthest
 * one that is no edge of the tree.  -1 if all are edges.
 *
 * witness: out, if reach->careful, the node of the list that links to the victim, too
 */
static int
choose_victim(Reach *reach, uint32 from, const uint32 *links, int n, uint32 *witness)
{
	OhVacuum   *v = reach->v;
	float		dist[2 * OH_MAX_M];
	bool		refused[2 * OH_MAX_M];

	OhVacuumQuery(v, from);
	for (int i = 0; i < n; i++)
	{
		/* a node inserted since the walk began may have no other incoming link */
		refused[i] = !is_reached(reach, links[i]) || reach->parent[links[i]] == from;
		if (!refused[i])
			dist[i] = v->ix->distance(v->ix->quant, v->query, OhNodeCode(OhVacuumNode(v, links[i])));
	}
	for (;;)
	{
		int			victim = -1;

		for (int i = 0; i < n; i++)
		{
			if (!refused[i] && (victim < 0 || dist[i] > dist[victim]))
				victim = i;
		}
		if (victim < 0 || !reach->careful)
			return victim;
		*witness = find_witness(reach, links, n, victim);
		if (*witness != OH_NONE)
			return victim;
		refused[victim] = true;
	}
}

/*
 * link_from -- add a link between two live nodes; false if the list is full and cannot
 * give up any link.
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
		uint32		witness = OH_NONE;
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
			place = choose_victim(reach, from, links, n, &witness);
		if (place < 0)
			return false;

		buffer = OhArrayRead(&v->ix->file, OH_NODE, lp, BUFFER_LOCK_EXCLUSIVE);
		node = OhSlot(&v->ix->file, OH_NODE, BufferGetPage(buffer), from % per_page);
		unchanged = node->state == OH_LIVE && node->version == version &&
			(witness == OH_NONE ||
			 OhStillLinks(v->ix, witness, links[place], witness / per_page == lp ? buffer : InvalidBuffer));
		if (unchanged)
		{
			OhWrite		write;

			OhWriteStart(&write, &v->ix->file);
			node = OhSlot(&v->ix->file, OH_NODE, OhWritePage(&write, buffer, false), from % per_page);
			OhNodeLinks(node, v->ix->code_bytes)[place] = to;
			OhForgetLinkCodes(v->ix, node);
			node->version++;
			OhWriteFinish(&write);
		}
		OhVacuumStore(v, &v->nodes, lp, BufferGetPage(buffer));
		UnlockReleaseBuffer(buffer);
		if (unchanged)
			return true;
		if (witness != OH_NONE)
			OhVacuumRefresh(v, &v->nodes, witness / per_page);
	}
}

/*
 * adopt -- link to an orphan from a reached node that has not adopted one yet.
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
 * adopt_below -- link to an orphan from the tree below the orphan that node "from" has
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
 * adopt_any -- link to an orphan from one of cand[n], which are sorted: from one of the
 * NEAREST that has not adopted yet, else from the tree below any, else from any other.
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
 * Two cases need it.  Upper levels can lead into a part of the base layer that no link
 * leaves: a search that starts there finds no reached node.  And where rows have equal
 * vectors but different filter keys, every search finds the same nodes, whose lists
 * soon have no link left to give up.
 */
static int
sample_reached(Reach *reach, uint32 start, OhCandidate *out)
{
	uint32		step = Max(reach->n / SAMPLE, 1);
	int			n = 0;

	for (uint32 from = 0; from < reach->n && n < SAMPLE; from += step)
	{
		uint32		width = Min(step, reach->n - from);

		/* start differs for each orphan, so that not all get the same sample */
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
 * heal -- link an orphan from a reached node.
 *
 * Its own neighbours are tried first.  search: if these fail, search the graph, then
 * try a sample of all reached nodes.
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
		/* choose_victim() has changed the query */
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
 * walk_on -- reach all nodes that can be reached from a newly linked one.
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
 * Nodes that were inserted since the vacuum began are left out: their inserts link them.
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
	reach.careful = true;
	reach.parent = MemoryContextAllocHuge(v->context, sizeof(uint32) * (Size) v->n);
	reach.adopted = adopted_create(v->context, 64, NULL);
	for (uint32 id = 0; id < v->n; id++)
	{
		if (id % 1024 == 0)
			om_vacuum_delay_point();
		if ((v->node[id] & OH_VAC_STATE) == OH_LIVE)
			v->node[id] &= ~(OH_VAC_REACHED | OH_VAC_EXPANDED);
	}
	mark_reached(&reach, v->entry, OH_NONE);
	walk_all(&reach);

	/*
	 * Cheapest first: orphans are linked from their own neighbours; once that links none, also from
	 * nodes that a search finds; once that links none, by giving up links without a path around them
	 */
	for (;;)
	{
		bool		progress = false;

		left = 0;
		for (uint32 id = 0; id < reach.n; id++)
		{
			if (id % 1024 == 0)
				om_vacuum_delay_point();
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
		if (left == 0 || (!reach.careful && !progress))
			break;
		if (!progress)
		{
			reach.careful = !search;
			search = true;
		}
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
