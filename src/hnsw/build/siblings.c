/*
 * siblings.c -- links the siblings in a new graph: nodes with equal codes and different filter keys.
 *
 * The first node with a code is the leader.  While rows are added, searches see only leaders:
 * otherwise a search near a vector that many rows have would find nothing but its siblings, and
 * link to nothing else.  When all rows are in the graph, the siblings are attached: a tree of
 * links leads from the leader to all of them, and each also gets some of the leader's
 * links.  In a large family, a search finds more neighbours than one node has room for, and each sibling gets
 * other ones of these, so that a walk that finds only siblings still sees what is around them.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/build/graph.h"
#include "hnsw/options.h"

/* From this many siblings on, it pays to search for what is around them. */
#define LARGE_FAMILY	4

/* A leader and its siblings. */
typedef struct Family
{
	uint32		leader;
	int			max;			/* links of a list */
	int			fanout;			/* children of a node of the tree */
	float		dist;			/* distance between two of them, no greater than that of any link */
	uint32	   *member;			/* [n], the siblings; the parent of member i is member i / fanout - 1,
								 * or the leader if that is -1 */
	uint32		n;
	uint32		allocated;
	int			nlinks;
	uint32		links[2 * OH_MAX_M];	/* of the leader */
	float		dists[2 * OH_MAX_M];
	int			naround;		/* nodes around the leader, in b->pool; 0 if it was not searched */
} Family;

/*
 * put_link -- add a link to a list, which is sorted by distance, if there is room and the list does not have it.
 */
static void
put_link(const Family *family, uint32 *list, int *n, uint32 link, float d)
{
	float	   *dist = OhListDist(list, family->max);
	int			at = *n;

	if (*n == family->max)
		return;
	for (int i = 0; i < *n; i++)
	{
		if ((list[i] & OH_LINK_ID) == (link & OH_LINK_ID))
			return;
	}
	for (; at > 0 && dist[at - 1] > d; at--)
	{
		list[at] = list[at - 1];
		dist[at] = dist[at - 1];
	}
	list[at] = link;
	dist[at] = d;
	(*n)++;
}

/*
 * put_children -- add links to the children in the tree of member i, or of the leader if i is -1.
 */
static void
put_children(const Family *family, uint32 *list, int *n, int64 i)
{
	uint64		first = (uint64) (i + 1) * family->fanout;

	for (uint64 k = first; k < Min(first + family->fanout, family->n); k++)
		put_link(family, list, n, family->member[k] | OH_LINK_SELECTED, family->dist);
}

static void
end_list(const Family *family, uint32 *list, int n)
{
	for (; n < family->max; n++)
		list[n] = OH_NONE;
}

/*
 * link_sibling -- fill the list of member i with its parent, its children, the leader, diverse links of the
 * leader, some of the nodes around, and fill of the leader, in this order.
 */
static void
link_sibling(OhBuilder *b, const Family *family, uint32 i)
{
	uint32	   *list = OhGraphList(b, family->member[i]);
	uint32		up = i / family->fanout;
	uint32		parent = up == 0 ? family->leader : family->member[up - 1];
	int			n = 0;
	int			half;

	put_link(family, list, &n, parent | OH_LINK_SELECTED, family->dist);
	put_children(family, list, &n, i);
	put_link(family, list, &n, family->leader | OH_LINK_SELECTED, family->dist);
	half = family->naround > 0 ? n + (family->max - n) / 2 : family->max;
	for (int k = 0; k < family->nlinks && n < half; k++)
	{
		if (family->links[k] & OH_LINK_SELECTED)
			put_link(family, list, &n, family->links[k], family->dists[k]);
	}
	for (int k = 0; k < family->naround; k++)
	{
		const OhPoolEntry *near = &b->pool[((uint64) i * (family->max / 2) + k) % family->naround];

		put_link(family, list, &n, near->id, near->dist);
	}
	for (int k = 0; k < family->nlinks; k++)
		put_link(family, list, &n, family->links[k], family->dists[k]);
	end_list(family, list, n);
}

/*
 * link_leader -- add the leader's children to its list; the farthest fill makes room, then the farthest others.
 */
static void
link_leader(OhBuilder *b, const Family *family)
{
	uint32	   *list = OhGraphList(b, family->leader);
	int			nselected = 0;
	int			n = 0;
	int			nfill;

	put_children(family, list, &n, -1);
	for (int k = 0; k < family->nlinks; k++)
		nselected += (family->links[k] & OH_LINK_SELECTED) != 0;
	nfill = Max(family->max - n - nselected, 0);
	for (int k = 0; k < family->nlinks; k++)
	{
		if ((family->links[k] & OH_LINK_SELECTED) || nfill-- > 0)
			put_link(family, list, &n, family->links[k], family->dists[k]);
	}
	end_list(family, list, n);
}

/*
 * gather -- set *family to a leader and its siblings, which are the chain in next[] that begins with `first`.
 */
static void
gather(OhBuilder *b, Family *family, uint32 leader, uint32 first, const uint32 *next)
{
	uint32	   *list = OhGraphList(b, leader);

	family->leader = leader;
	family->n = 0;
	for (uint32 slot = first; slot != OH_NONE; slot = next[slot])
	{
		if (family->n % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		if (family->n == family->allocated)
		{
			family->allocated *= 2;
			family->member = repalloc_huge(family->member,
										   sizeof(uint32) * (Size) family->allocated);
		}
		family->member[family->n++] = slot;
	}
	family->nlinks = 0;
	while (family->nlinks < family->max && list[family->nlinks] != OH_NONE)
		family->nlinks++;
	memcpy(family->links, list, sizeof(uint32) * family->nlinks);
	memcpy(family->dists, OhListDist(list, family->max), sizeof(float) * family->nlinks);
	om_quant_query_from_code(b->quant, OhGraphCode(b, leader), b->form);
	family->dist = b->distance(b->quant, b->form, OhGraphCode(b, leader));
	if (family->nlinks > 0)
		family->dist = Min(family->dist, family->dists[0]);
}

/*
 * attach -- give a family's siblings their links.  Nothing outside of the family links to them yet.
 */
static void
attach(OhBuilder *b, Family *family)
{
	family->naround = family->n < LARGE_FAMILY ? 0 : OhGraphSearch(b);
	for (uint32 i = 0; i < family->n; i++)
	{
		OhGraphNode *node = &b->nodes[family->member[i]];

		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		link_sibling(b, family, i);
		node->kind = OH_SLOT_NODE;
		node->tower = OH_NONE;
	}
}

/* Leaders are linked to their siblings in a second pass, so that searches of the first see only leaders. */
uint32
OhGraphAttach(OhBuilder *b, MemoryContext context)
{
	uint32		nslots = OhGraphSlots(b->graph);
	uint32		count = 0;
	uint32	   *first;
	uint32	   *next;
	Family		family = {0};

	for (uint32 slot = 0; slot < nslots; slot++)
	{
		if (slot % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		count += b->nodes[slot].kind == OH_SLOT_SIBLING;
	}
	if (count == 0)
		return 0;
	first = MemoryContextAllocHuge(context, (Size) nslots * sizeof(uint32));
	next = MemoryContextAllocHuge(context, (Size) nslots * sizeof(uint32));
	memset(first, 0xFF, (Size) nslots * sizeof(uint32));
	for (uint32 slot = nslots; slot-- > 0;)
	{
		if (slot % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		if (b->nodes[slot].kind == OH_SLOT_SIBLING)
		{
			next[slot] = first[b->nodes[slot].tower];
			first[b->nodes[slot].tower] = slot;
		}
	}
	family.max = 2 * b->m;
	family.fanout = Max(b->m / 2, 2);
	family.allocated = 64;
	family.member = MemoryContextAlloc(context, sizeof(uint32) * family.allocated);
	for (int pass = 0; pass < 2; pass++)
	{
		for (uint32 slot = 0; slot < nslots; slot++)
		{
			if (first[slot] == OH_NONE)
				continue;
			CHECK_FOR_INTERRUPTS();
			gather(b, &family, slot, first[slot], next);
			if (pass == 0)
				attach(b, &family);
			else
				link_leader(b, &family);
		}
	}
	pfree(family.member);
	pfree(first);
	pfree(next);
	return count;
}
