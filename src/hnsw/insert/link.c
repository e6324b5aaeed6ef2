/*
 * link.c -- decides on the links between a new node and its neighbours on the base layer.
 *
 * It works on the copies that the search has read, without a lock; linkwrite.c writes what is decided.
 */
#include "postgres.h"

#include <float.h>

#include "hnsw/insert/link.h"
#include "hnsw/options.h"

void
OhLinksInit(OhLinks *links, OhNear *near, MemoryContext context)
{
	OhIndex    *ix = near->ix;

	links->ix = ix;
	links->node = near->node;
	links->near = near;
	links->back = MemoryContextAlloc(context, sizeof(OhBackLink) * 2 * ix->m);
	links->held = MemoryContextAlloc(context, sizeof(OhHeldLink) * OH_HELD_LINKS * ix->m);
	links->deciding = OH_NONE;
	OhLinkEncoderInit(&links->encoder, ix, context);
}

void
OhLinkChoose(OhLinks *links, const OhLinkList *list, bool chosen)
{
	for (int i = 0; i < list->n; i++)
	{
		OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, list->link[i]);

		if (cached)
			cached->marks.chosen = chosen;
	}
}

/*
 * planned_links -- return a node's links as they will be after this insert.
 */
static const uint32 *
planned_links(OhLinks *links, uint32 id, int *n)
{
	OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, id);

	*n = 0;
	if (cached == NULL || !cached->expanded || !cached->live)
		return NULL;
	if (cached->marks.back > 0)
	{
		*n = links->back[cached->marks.back - 1].list.n;
		return links->back[cached->marks.back - 1].list.link;
	}
	*n = cached->nlinks;
	return cached->links;
}

static bool
is_held(const OhLinks *links, uint32 from, uint32 to)
{
	for (int i = 0; i < links->nheld; i++)
	{
		if (links->held[i].from == from && links->held[i].to == to)
			return true;
	}
	return false;
}

/*
 * hold -- record a link that must stay, because another list relies on it; false: there is no room for more.
 */
static bool
hold(OhLinks *links, uint32 from, uint32 to)
{
	if (links->nheld >= OH_HELD_LINKS * links->ix->m)
		return false;
	links->held[links->nheld].from = from;
	links->held[links->nheld++].to = to;
	return true;
}

/*
 * leads_to -- will a node still link to another one after this insert?
 */
static bool
leads_to(OhLinks *links, uint32 from, uint32 to)
{
	int			n;
	const uint32 *planned = planned_links(links, from, &n);

	return OhHasLink(planned, n, to);
}

/*
 * leads_from -- does a path lead to a node from the owner of the list or from the new node?
 * The links of that path are held.
 *
 * avoid: a node that the path must not pass through
 * further: may the path have two links?  Otherwise it has one.
 */
static bool
leads_from(OhLinks *links, const OhLinkList *list, uint32 id, uint32 avoid, bool further)
{
	OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, id);

	if (cached == NULL || id == avoid || id == links->deciding)
		return false;
	if (cached->marks.chosen)
		return hold(links, OH_NONE, id);
	if (OhHasLink(list->link, list->n, id))
		return hold(links, links->deciding, id);
	for (int i = 0; further && i < cached->marks.nleading; i++)
	{
		uint32		from = cached->marks.leading[i];

		if (leads_to(links, from, id) && leads_from(links, list, from, avoid, false))
			return hold(links, from, id);
	}
	return false;
}

/*
 * stays_reachable -- if the list drops this link, will its target still be reachable from
 * nearby?
 *
 * That is from the new node, to which the list will link, or over a path of up to three
 * links from the new node or the owner of the list.  The links of that path are held: no
 * other list of this insert will drop them.
 */
static bool
stays_reachable(OhLinks *links, const OhLinkList *list, int place)
{
	uint32		id = list->link[place];
	OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, id);

	/* links of upper levels are only short cuts: no node depends on them */
	if (links->deciding == OH_NONE)
		return true;
	if (cached == NULL || is_held(links, links->deciding, id))
		return false;
	if (cached->marks.chosen)
		return hold(links, OH_NONE, id);
	for (int i = 0; i < cached->marks.nleading; i++)
	{
		uint32		from = cached->marks.leading[i];

		if (from != links->deciding && leads_to(links, from, id) &&
			leads_from(links, list, from, id, true))
			return hold(links, from, id);
	}
	for (int i = 0; i < list->n; i++)
	{
		uint32		from = list->link[i];

		if (i != place && from != OH_NONE && leads_to(links, from, id))
			return hold(links, from, id) && hold(links, links->deciding, from);
	}
	return false;
}

/*
 * farthest -- return the index of the farthest link in list[from..to) that may be dropped;
 * -1 if none is farther than dist.
 */
static int
farthest(OhLinks *links, const OhLinkList *list, const float *d, int from, int to, float dist)
{
	bool		refused[2 * OH_MAX_M] = {false};

	for (;;)
	{
		int			place = -1;
		int			nheld = links->nheld;

		for (int i = from; i < to; i++)
		{
			if (!refused[i] && d[i] > dist && (place < 0 || d[i] > d[place]))
				place = i;
		}
		if (place < 0 || stays_reachable(links, list, place))
			return place;
		links->nheld = nheld;
		refused[place] = true;
	}
}

/*
 * OhLinkDecide -- see link.h.
 *
 * Only distances from the new node and from the owner of the list are needed.  A link to a
 * node that the search has not met counts as far.
 */
int
OhLinkDecide(OhLinks *links, OhLinkList *list, int max, const void *code, float dist)
{
	OhIndex    *ix = links->ix;
	float		d[2 * OH_MAX_M + 1] = {0};	/* [n], from the owner of the list */
	bool		diverse = true;
	int			n = list->n;
	int			place;

	if (OhHasLink(list->link, list->n, links->id))
		return -1;
	Assert(n <= max && list->nselected >= 0 && list->nselected <= n);
	om_quant_query_from_code(links->node->quant, code, links->near->form);
	for (int i = 0; i < n; i++)
	{
		OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, list->link[i]);

		d[i] = cached == NULL ? FLT_MAX :
			ix->distance(links->node->quant, links->near->form, OhCachedCode(links->near, cached));
		if (cached && i < list->nselected && d[i] < dist && cached->dist < dist)
			diverse = false;
	}
	/* farther diverse links that are nearer to the new node become fills */
	for (int i = list->nselected - 1; diverse && i >= 0; i--)
	{
		OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, list->link[i]);

		if (cached && d[i] > dist && cached->dist < d[i])
		{
			int			last = --list->nselected;
			uint32		link = list->link[i];
			float		t = d[i];

			list->link[i] = list->link[last];
			d[i] = d[last];
			list->link[last] = link;
			d[last] = t;
		}
	}
	if (list->n < max)
		place = list->n++;
	else
	{
		place = farthest(links, list, d, list->nselected, n, diverse ? -FLT_MAX : dist);
		if (place < 0 && diverse)
			place = farthest(links, list, d, 0, list->nselected, dist);
		if (place < 0)
			return -1;
	}
	if (diverse && place >= list->nselected)
	{
		/* move the first fill, so that the new link goes to the end of the diverse ones */
		list->link[place] = list->link[list->nselected];
		place = list->nselected++;
	}
	list->link[place] = OH_NONE;
	return place;
}

/*
 * cached_with_links -- the cached copy of a node, with its links, which are read if
 * necessary.
 */
static OhCachedNode *
cached_with_links(OhLinks *links, uint32 id, bool again)
{
	OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, id);

	if (!cached->expanded || again)
		OhSearchLinks(links->near->search, id);
	return cached;
}

/*
 * decide -- decide on the back link from a neighbour.
 *
 * again: read its links once more, and those of the node that has lost a link of the path
 */
static void
decide(OhLinks *links, OhBackLink *back, bool again)
{
	OhCachedNode *cached = cached_with_links(links, back->node, again);

	if (again && back->changed != OH_NONE)
		(void) cached_with_links(links, back->changed, true);
	back->changed = OH_NONE;
	back->wanted = false;
	cached->marks.back = 0;
	/* the new node has taken the slot of this neighbour, which a vacuum has freed */
	if (back->node == links->id)
		return;
	if (!cached->expanded || !cached->live)
		return;
	back->version = cached->version;
	back->list.n = cached->nlinks;
	back->list.nselected = cached->nselected;
	memcpy(back->list.link, cached->links, sizeof(uint32) * cached->nlinks);
	links->deciding = back->node;
	back->first_held = links->nheld;
	back->place = OhLinkDecide(links, &back->list, 2 * links->ix->m, OhCachedCode(links->near, cached),
							   cached->dist);
	back->last_held = links->nheld;
	links->deciding = OH_NONE;
	back->wanted = back->place >= 0;
	cached->marks.back = back->wanted ? back - links->back + 1 : 0;
}

void
OhLinkDecideAgain(OhLinks *links, OhBackLink *back)
{
	decide(links, back, true);
}

/*
 * take_over -- make the new node link to a node, in place of the new node's last link.
 *
 * Must run before anything relies on the new node's links, except for those made here.
 */
static void
take_over(OhLinks *links, uint32 id)
{
	OhLinkList *list = &links->list;
	OhCachedNode *cached;
	int			place;

	if (OhHasLink(list->link, list->n, id))
		return;
	if (list->n < 2 * links->ix->m)
		place = list->n++;
	else
	{
		place = list->link[list->n - 1] == links->entry ? list->n - 2 : list->n - 1;
		cached = OhNodeCacheFind(&links->near->cache, list->link[place]);
		if (cached)
			cached->marks.chosen = false;
	}
	list->link[place] = id;
	cached = OhNodeCacheFind(&links->near->cache, id);
	if (cached)
		cached->marks.chosen = true;
}

/*
 * link_entry -- if the new node is to be the entry point, make it link to the current one.
 *
 * Every node is reachable from the current entry point, but nothing else may link to that
 * one.  If it is dead, the vacuum that frees it will replace it.
 */
static void
link_entry(OhLinks *links)
{
	uint32		entry = links->ix->entry;
	OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, entry);

	links->entry = OH_NONE;
	if (links->node->level <= links->ix->entry_level || cached == NULL || !cached->live)
		return;
	links->entry = entry;
	take_over(links, entry);
}

/*
 * force -- make the nearest neighbour link back to the new node, in any case.
 *
 * Its last link is dropped.  The new node takes over that link, so that its target stays
 * reachable.
 */
static void
force(OhLinks *links, OhBackLink *back)
{
	OhLinkList *list = &back->list;
	OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, back->node);

	list->n = cached->nlinks;
	list->nselected = cached->nselected;
	memcpy(list->link, cached->links, sizeof(uint32) * cached->nlinks);
	back->place = list->n - 1;
	take_over(links, list->link[back->place]);
	back->first_held = links->nheld;
	(void) hold(links, OH_NONE, list->link[back->place]);
	back->last_held = links->nheld;
	list->link[back->place] = OH_NONE;
	back->wanted = true;
	cached->marks.back = back - links->back + 1;
}

/*
 * note_leading -- for each evaluated node, record which of the nodes found link to it.
 */
static void
note_leading(OhLinks *links)
{
	const OhQueue *found = &links->near->search->found;

	for (int64 i = 0; i < found->n; i++)
	{
		const OhCachedNode *from = OhNodeCacheFind(&links->near->cache, found->item[i].id);

		for (int k = 0; from != NULL && from->expanded && k < from->nlinks; k++)
		{
			OhCachedNode *to = OhNodeCacheFind(&links->near->cache, from->links[k]);

			if (to != NULL && to->marks.nleading < OH_CACHED_LEADING)
				to->marks.leading[to->marks.nleading++] = from->id;
		}
	}
}

void
OhLinkPlan(OhLinks *links, int n)
{
	links->id = OH_NONE;
	links->list.n = n;
	links->list.nselected = OhCandidateLinks(links->near->candidates, n, links->list.link);
	links->nback = n;
	links->nheld = 0;
	note_leading(links);
	OhLinkChoose(links, &links->list, true);
	link_entry(links);
	for (int i = 0; i < n; i++)
	{
		OhBackLink *back = &links->back[i];

		back->node = links->near->candidates[i].id;
		back->lp = OhLp(&links->ix->file, OH_NODE, back->node);
		back->done = false;
		back->changed = OH_NONE;
		decide(links, back, false);
		if (i == 0 && !back->wanted)
		{
			OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, back->node);

			if (cached->expanded && cached->live && cached->nlinks > 0)
				force(links, back);
		}
	}
}
