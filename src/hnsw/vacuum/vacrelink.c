/*
 * vacrelink.c -- a second look at nodes that have lost links which led to them.
 *
 * Repair gives each list new links in place of those to dead nodes: it looks after what
 * a node leads to.  That few lead to a node it does not see, and outliers, which few led
 * to before, are then missed by searches.  As in a build (relink.c), such nodes search
 * once more and are linked both ways again.
 *
 * All of that is done in the private copy, which must hold the whole graph.  Then each
 * page that has changed is written once, but for nodes whose version has moved.
 */
#include "postgres.h"

#include <float.h>

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "hnsw/graph/linkcode.h"
#include "hnsw/options.h"
#include "hnsw/vacuum/vacuum.h"
#include "storage/wal.h"

/* A node is looked at if it has lost one of this many links that led to it.  docs/measurements.md#constants */
#define LOST_PART 4

/*
 * ... and few lead to it, unless one of this many nodes has died: by then what each node
 * leads to is patched up, too.
 */
#define DIED_PART 3

/* Of all nodes, at most one in this many. */
#define RELINK_SHARE 4

/* Candidates of a search at most. */
#define MOST_FOUND 256

StaticAssertDecl(MOST_FOUND + 2 * OH_MAX_M <= OH_VAC_CODES, "codes of one list");

typedef struct Relink
{
	OhVacuum   *v;
	uint32		n;
	uint8	   *incoming;		/* [n], links that lead to a node, 255 if there are more */
	bool		any;			/* a node need not have few incoming links */
	bool	   *changed;		/* [n], the copy of a node has other links than the page */
	int			least;			/* a node with fewer incoming links has few */
	OhCandidate cand[MOST_FOUND + 2 * OH_MAX_M];
} Relink;

/*
 * count_targets -- increase the count of each node that one of these links leads to, up to 255.
 */
static void
count_targets(const uint32 *links, int nlinks, uint8 *count, uint32 nnodes)
{
	for (int i = 0; i < nlinks; i++)
	{
		if (links[i] < nnodes)
			count[links[i]] += count[links[i]] < PG_UINT8_MAX;
	}
}

uint8 *
OhVacuumLosses(OhVacuum *v, uint32 *n)
{
	uint8	   *lost;

	if (v->ndead == 0 || !v->nodes.stable)
		return NULL;
	*n = v->n;
	v->ndied = v->ndead;
	lost = MemoryContextAllocHuge(v->context, v->n);
	memset(lost, 0, v->n);
	for (uint32 id = 0; id < v->n; id++)
	{
		uint32		links[2 * OH_MAX_M];
		int			nlinks;

		if (id % 1024 == 0)
			om_vacuum_delay_point();
		if (OhVacState(v, id) != OH_DEAD)
			continue;
		nlinks = OhVacuumLinks(v, id, 0, links);
		count_targets(links, nlinks, lost, v->n);
	}
	return lost;
}

/*
 * count_incoming -- count the links that lead to each node, and choose relink->least.
 */
static void
count_incoming(Relink *relink)
{
	OhVacuum   *v = relink->v;
	uint32		count[PG_UINT8_MAX + 1] = {0};
	uint32		nbelow = 0;

	for (uint32 id = 0; id < relink->n; id++)
	{
		uint32		links[2 * OH_MAX_M];
		int			nlinks;

		if (id % 1024 == 0)
			om_vacuum_delay_point();
		if (OhVacState(v, id) != OH_LIVE)
			continue;
		nlinks = OhVacuumLinks(v, id, 0, links);
		count_targets(links, nlinks, relink->incoming, relink->n);
	}
	for (uint32 id = 0; id < relink->n; id++)
	{
		if (id % 1024 == 0)
			om_vacuum_delay_point();
		count[relink->incoming[id]] += OhVacState(v, id) == OH_LIVE;
	}
	while (relink->least < v->ix->m &&
		   (nbelow += count[relink->least]) <= v->nlive / RELINK_SHARE)
		relink->least++;
}

/*
 * farthest -- find the farthest link among links[from] to links[to - 1] that may be replaced; -1 if none is farther
 * than dist.
 *
 * A link to a node that few links lead to may not be.
 */
static int
farthest(const Relink *relink, const uint32 *links, const OhCandidate *at, int from, int to,
		 float dist)
{
	int			place = -1;

	for (int i = from; i < to; i++)
	{
		if (links[i] >= relink->n || relink->incoming[links[i]] < relink->least ||
			at[i].dist <= dist)
			continue;
		if (place < 0 || at[i].dist > at[place].dist)
			place = i;
	}
	return place;
}

/*
 * swap -- exchange two links of a list, and their distances.
 */
static inline void
swap(uint32 *links, OhCandidate *at, int i, int k)
{
	uint32		link = links[i];
	OhCandidate cand = at[i];

	links[i] = links[k];
	at[i] = at[k];
	links[k] = link;
	at[k] = cand;
}

/*
 * has_new_links -- does a list lead to nodes that are not live in the copy, as they were inserted since?  They may
 * have no other incoming link, so the list stays.
 */
static bool
has_new_links(const OhVacuum *v, const uint32 *links, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (OhVacState(v, links[i]) != OH_LIVE)
			return true;
	}
	return false;
}

/*
 * link_back -- link a node to another one at this distance, whose query form is v->form, by the rule of inserts
 * (OhLinkDecide()).
 */
static void
link_back(Relink *relink, uint32 from, uint32 to, float dist)
{
	OhVacuum   *v = relink->v;
	OhNodeData *node = OhVacuumNode(v, from);
	uint32	   *links = OhNodeLinks(node, v->ix->code_bytes);
	int			max = 2 * v->ix->m;
	int			n = OhCountLinks(links, max);
	int			nselected = Min(node->nselected, n);
	OhCandidate at[2 * OH_MAX_M];
	float		beside[2 * OH_MAX_M];	/* distances from the node that is linked to */
	bool		diverse = true;
	int			place = n;

	Assert(n >= 0 && n <= 2 * OH_MAX_M);
	if (OhHasLink(links, n, to) || has_new_links(v, links, n))
		return;
	for (int i = 0; i < n; i++)
		at[i].id = links[i];
	OhVacuumQuery(v, from);
	OhVacuumDistances(v, at, n);
	for (int i = 0; i < nselected; i++)
	{
		beside[i] = v->ix->distance(v->ix->quant, v->form, OhNodeCode(OhVacuumNode(v, links[i])));
		diverse = diverse && !(at[i].dist < dist && beside[i] < dist);
	}
	for (int i = nselected - 1; diverse && i >= 0; i--)
	{
		/* those after i are looked at already, so that beside needs no swap */
		if (at[i].dist > dist && beside[i] < at[i].dist)
			swap(links, at, i, --nselected);
	}
	if (n == max)
	{
		place = farthest(relink, links, at, nselected, n, diverse ? -FLT_MAX : dist);
		if (place < 0 && diverse)
			place = farthest(relink, links, at, 0, nselected, dist);
	}
	if (place >= 0)
	{
		if (n == max)
			relink->incoming[links[place]]--;
		if (diverse && place >= nselected)
		{
			links[place] = links[nselected];
			place = nselected++;
		}
		links[place] = to;
		relink->incoming[to] += relink->incoming[to] < PG_UINT8_MAX;
	}
	/* what has become fill is so, whether the link found a place or not */
	node->nselected = nselected;
	relink->changed[from] = true;
}

/*
 * find -- candidates for a node's list: what a search finds, and what it has.
 *
 * Of siblings a few are enough, as in inserts: where there are many they are all that the search finds.
 */
static int
find(Relink *relink, uint32 id, const uint32 *links, int nlinks)
{
	OhVacuum   *v = relink->v;
	OhCandidate *cand = relink->cand;
	int			nfound = OhVacuumSearchNear(v, id, Min(v->ix->ef_construction, MOST_FOUND), cand);
	int			copies = 0;
	int			n = 0;
	int			first;

	for (int i = 0; i < nfound; i++)
	{
		OhCandidate found = cand[i];

		if (found.id == id)
			continue;
		copies = n > 0 && cand[n - 1].dist == found.dist ? copies + 1 : 0;
		if (v->ix->columns.n == 0 || copies < OH_MOST_SIBLINGS)
			cand[n++] = found;
	}
	first = n;
	for (int i = 0; i < nlinks; i++)
	{
		bool		known = false;

		for (int k = 0; k < first && !known; k++)
			known = cand[k].id == links[i];
		if (!known)
			cand[n++].id = links[i];
	}
	OhVacuumDistances(v, cand + first, n - first);
	OhVacuumCodes(v, cand, n);
	return n;
}

/*
 * relink_node -- search for a node's neighbours again, and add links in both directions.
 */
static void
relink_node(Relink *relink, uint32 id)
{
	OhVacuum   *v = relink->v;
	OhNodeData *node = OhVacuumNode(v, id);
	uint32	   *links = OhNodeLinks(node, v->ix->code_bytes);
	int			max = 2 * v->ix->m;
	int			before = OhCountLinks(links, max);
	int			n;

	if (has_new_links(v, links, before))
		return;
	OhVacuumQuery(v, id);
	n = find(relink, id, links, before);
	n = OhSelectNeighbours(&v->sel, relink->cand, n, max);
	for (int i = 0; i < before; i++)
	{
		if (links[i] < relink->n)
			relink->incoming[links[i]] -= relink->incoming[links[i]] < PG_UINT8_MAX;
	}
	node->nselected = OhCandidateLinks(relink->cand, n, links);
	for (int i = n; i < max; i++)
		links[i] = OH_NONE;
	count_targets(links, n, relink->incoming, relink->n);
	relink->changed[id] = true;
	om_quant_query_from_code(v->ix->quant, OhNodeCode(node), v->form);
	for (int i = 0; i < n; i++)
	{
		if (relink->cand[i].id < relink->n)
			link_back(relink, relink->cand[i].id, id, relink->cand[i].dist);
	}
}

/*
 * write_page -- write the changed lists of a page, unless others have changed them since they were copied.
 */
static void
write_page(Relink *relink, uint32 lp)
{
	OhVacuum   *v = relink->v;
	OhIndex    *ix = v->ix;
	uint32		per_page = ix->file.array[OH_NODE].per_page;
	Buffer		buffer;
	OhWrite		write;
	Page		page;
	bool		any = false;

	for (uint32 slot = 0; slot < per_page && !any; slot++)
		any = lp * per_page + slot < relink->n && relink->changed[lp * per_page + slot];
	if (!any)
		return;
	buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_EXCLUSIVE);
	OhWriteStart(&write, &ix->file);
	page = OhWritePage(&write, buffer, false);
	for (uint32 slot = 0; slot < per_page; slot++)
	{
		uint32		id = lp * per_page + slot;
		OhNodeData *to = OhSlot(&ix->file, OH_NODE, page, slot);
		const OhNodeData *from;

		if (id >= relink->n || !relink->changed[id])
			continue;
		from = OhVacuumNode(v, id);
		if (to->state != OH_LIVE || to->version != from->version)
			continue;
		memcpy(OhNodeLinks(to, ix->code_bytes), OhNodeLinks((OhNodeData *) from, ix->code_bytes),
			   sizeof(uint32) * 2 * ix->m);
		to->nselected = from->nselected;
		OhForgetLinkCodes(ix, to);
		to->version++;
	}
	OhWriteFinish(&write);
	OhVacuumStore(v, &v->nodes, lp, BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
}

/*
 * is_left_behind -- has a node lost a part of the links that led to it?
 */
static bool
is_left_behind(const Relink *relink, uint32 id, uint8 lost)
{
	return (relink->any || relink->incoming[id] < relink->least) &&
		lost * LOST_PART >= lost + relink->incoming[id];
}

bool
OhVacuumRelink(OhVacuum *v, const uint8 *lost, uint32 n, bool all)
{
	Relink	   *relink;
	float		alpha = v->sel.alpha;
	uint32		done = 0;

	if (v->entry == OH_NONE || OhVacState(v, v->entry) != OH_LIVE)
		return true;
	if (!v->nodes.stable)
		return false;
	if (all)
		n = v->n;
	else if (lost == NULL)
		return true;
	relink = MemoryContextAllocZero(v->context, sizeof(Relink));
	relink->v = v;
	relink->n = n;
	relink->any = v->ndied > (v->ndied + v->nlive) / DIED_PART;
	relink->incoming = MemoryContextAllocExtended(v->context, n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	relink->changed = MemoryContextAllocExtended(v->context, n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	count_incoming(relink);
	v->sel.alpha = 1.0f;
	for (uint32 id = 0; id < n; id++)
	{
		if (id % 1024 == 0)
			om_vacuum_delay_point();
		if (OhVacState(v, id) != OH_LIVE ||
			(!all && !is_left_behind(relink, id, lost[id])))
			continue;
		om_vacuum_delay_point();
		relink_node(relink, id);
		done++;
	}
	v->sel.alpha = alpha;
	for (uint32 lp = 0; lp < v->nodes.npages && done > 0; lp++)
	{
		om_vacuum_delay_point();
		write_page(relink, lp);
	}
	ereport(DEBUG1,
			(errmsg_internal("index \"%s\": %u nodes linked again, which fewer than %d led to",
							 RelationGetRelationName(v->ix->file.rel), done, relink->least)));
	pfree(relink->incoming);
	pfree(relink->changed);
	pfree(relink);
	return true;
}
