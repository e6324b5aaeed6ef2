/*
 * link.c -- links between a new node and its neighbours on the base layer.
 *
 * See insert.c for the steps and what a crash leaves.
 */
#include "postgres.h"

#include <float.h>

#include "miscadmin.h"

#include "hnsw/graph/linknow.h"
#include "hnsw/insert/link.h"
#include "hnsw/options.h"

/* Attempts to decide again on neighbours that others have changed. */
#define LINK_ROUNDS 3

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
	float		d[2 * OH_MAX_M + 1];
	bool		diverse = true;
	int			n = list->n;
	int			place;

	if (OhHasLink(list->link, list->n, links->id))
		return -1;
	Assert(n <= max && list->nselected <= n);
	om_quant_query_from_code(links->node->quant, code, links->near->form);
	for (int i = 0; i < n; i++)
	{
		OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, list->link[i]);

		d[i] = FLT_MAX;
		if (cached)
			d[i] = ix->distance(links->node->quant, links->near->form, OhCachedCode(links->near, cached));
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

/* The pages that one WAL record changes. */
typedef struct PageGroup
{
	int			n;
	OhPageRef	page[OH_WRITE_MAX];
} PageGroup;

/*
 * add_page -- add a node page to a group, if there is room for it.
 */
static void
add_page(PageGroup *group, uint32 lp)
{
	for (int i = 0; i < group->n; i++)
	{
		if (group->page[i].array == OH_NODE && group->page[i].lp == lp)
			return;
	}
	if (group->n == OH_WRITE_MAX)
		return;
	group->page[group->n].array = OH_NODE;
	group->page[group->n].lp = lp;
	group->page[group->n++].lockmode = BUFFER_LOCK_EXCLUSIVE;
}

/*
 * buffer_of -- the buffer of a node page; InvalidBuffer if it is not in the group.
 */
static Buffer
buffer_of(const PageGroup *group, uint32 lp)
{
	for (int i = 0; i < group->n; i++)
	{
		if (group->page[i].array == OH_NODE && group->page[i].lp == lp)
			return group->page[i].buffer;
	}
	return InvalidBuffer;
}

/*
 * is_unchanged -- is the neighbour what it was when the link was decided?
 *
 * A vacuum may have freed it, and the new node may have been given its slot.
 */
static bool
is_unchanged(OhLinks *links, const OhBackLink *back, Page page)
{
	uint32		slot = OhSlotOf(&links->ix->file, OH_NODE, back->node);
	OhNodeData *node = OhSlot(&links->ix->file, OH_NODE, page, slot);

	return back->node != links->id && slot < OhTail(page)->nused && node->state == OH_LIVE &&
		node->version == back->version;
}

/*
 * forget_choice -- no longer count the new node's link to this node as one that others may rely on.
 */
static void
forget_choice(OhLinks *links, uint32 id)
{
	OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, id);

	if (cached != NULL)
		cached->marks.chosen = false;
}

/*
 * path_stays -- is there still the path that a list relies on to drop a link?
 *
 * The page of the list is locked while the links of the path are looked at.  So until the list is written, no other
 * insert can come to rely on the link that it drops.  An insert that drops a link of the path after it was looked at
 * has found another path to the target of that link.
 */
static bool
path_stays(OhLinks *links, OhBackLink *back, const PageGroup *group)
{
	for (int h = back->first_held; h < back->last_held; h++)
	{
		uint32		from = links->held[h].from == OH_NONE ? links->id : links->held[h].from;

		/* the list itself is unchanged; the new node's list is written by the same WAL record */
		if (from == back->node || from == OH_NONE)
			continue;
		if (OhStillLinks(links->ix, from, links->held[h].to, buffer_of(group, OhLp(&links->ix->file, OH_NODE, from))))
			continue;
		if (from != links->id)
			back->changed = from;
		else
			forget_choice(links, links->held[h].to);
		return false;
	}
	return true;
}

/*
 * still_valid -- may the back link be written as it was decided?  The pages of the group are locked.
 */
static bool
still_valid(OhLinks *links, OhBackLink *back, const PageGroup *group)
{
	Buffer		buffer = buffer_of(group, back->lp);

	return buffer != InvalidBuffer && is_unchanged(links, back, BufferGetPage(buffer)) &&
		path_stays(links, back, group);
}

/*
 * apply -- set a back link, unless it exists.
 *
 * It may exist: an insert that has not verified its links yet may have left one to the node
 * that had this slot before.
 */
static void
apply(OhLinks *links, OhBackLink *back, Page page)
{
	OhIndex    *ix = links->ix;
	OhNodeData *node = OhRecord(&ix->file, OH_NODE, page, back->node);
	OhLinkCodes *codes = &links->back_codes;

	back->done = true;
	if (OhHasLink(back->list.link, back->list.n, links->id))
		return;
	if (ix->neighbor_codes)
		OhLoadLinkCodes(ix, node, codes);
	back->list.link[back->place] = links->id;
	OhStoreLinks(&back->list, OhNodeLinks(node, links->ix->code_bytes), &node->nselected,
				 2 * links->ix->m);
	if (ix->neighbor_codes && codes->model == links->node->number)
	{
		OhLinkEncoderFrom(&links->encoder, links->node->quant, OhNodeCode(node));
		codes->id[codes->n] = links->id;
		if (!OhLinkEncode(&links->encoder, links->node->code, &codes->code[codes->n++]))
			codes->model = OH_NO_LINK_CODES;
		OhStoreLinkCodes(ix, node, codes);
	}
	else
		OhForgetLinkCodes(ix, node);
	node->version++;
}

/*
 * encode_links -- make the codes of the new node's links.
 */
static void
encode_links(OhLinks *links)
{
	OhLinkCodes *codes = &links->codes;

	codes->n = links->list.n;
	codes->model = links->node->number;
	OhLinkEncoderFrom(&links->encoder, links->node->quant, links->node->code);
	for (int i = 0; i < codes->n; i++)
	{
		OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, links->list.link[i]);

		codes->id[i] = links->list.link[i];
		if (cached == NULL || !OhLinkEncode(&links->encoder, OhCachedCode(links->near, cached), &codes->code[i]))
			codes->model = OH_NO_LINK_CODES;
	}
}

/*
 * OhLinkNode -- see link.h.
 *
 * The pages of the new node come first in the group, then those of the nearest neighbours.
 */
OhLinkResult
OhLinkNode(OhLinks *links, const OhNodeSlots *slots, ItemPointer tid)
{
	PageGroup	group;
	Buffer		meta;
	bool		valid[2 * OH_MAX_M];
	bool		any = false;
	OhLinkResult result = OH_LINKED;

	if (links->ix->neighbor_codes)
		encode_links(links);
	group.n = OhNodeSlotPages(links->ix, slots, group.page);
	for (int i = 0; i < links->nback; i++)
	{
		if (links->back[i].wanted)
			add_page(&group, links->back[i].lp);
	}
	meta = OhLockModel(links->node, group.page, group.n);
	OhArrayReadAll(&links->ix->file, group.page, group.n);
	for (int i = 0; i < links->nback; i++)
	{
		valid[i] = links->back[i].wanted && still_valid(links, &links->back[i], &group);
		any = any || valid[i];
	}
	if (!OhNodeSlotIsFree(links->ix, slots, group.page))
		result = OH_NO_SLOT;
	else if (!any || !OhIsNewest(links->node, meta))
		result = OH_CHANGED;
	else
	{
		OhWrite		write;

		OhWriteStart(&write, &links->ix->file);
		links->id = OhTakeNodeSlot(links->node, &write, slots, group.page, tid, &links->list,
								   &links->codes);
		for (int i = 0; i < links->nback; i++)
		{
			if (valid[i])
				apply(links, &links->back[i], OhWritePage(&write, buffer_of(&group, links->back[i].lp), false));
		}
		OhWriteFinish(&write);
	}
	OhReleaseAll(group.page, group.n);
	OhUnlockModel(meta);
	return result;
}

/*
 * link_group -- write the back links on up to OH_WRITE_MAX pages in one record.
 *
 * Takes back links that have not been tried yet; those that are no longer valid are
 * skipped.  Returns false if there are no more.
 */
static bool
link_group(OhLinks *links, bool *tried)
{
	PageGroup	group = {0};
	bool		started = false;
	OhWrite		write;

	for (int i = 0; i < links->nback; i++)
	{
		if (!links->back[i].done && !tried[i] && links->back[i].wanted)
			add_page(&group, links->back[i].lp);
	}
	if (group.n == 0)
		return false;
	OhArrayReadAll(&links->ix->file, group.page, group.n);
	for (int i = 0; i < links->nback; i++)
	{
		OhBackLink *back = &links->back[i];
		Buffer		buffer;

		if (back->done || tried[i] || !back->wanted)
			continue;
		buffer = buffer_of(&group, back->lp);
		if (buffer == InvalidBuffer)
			continue;
		tried[i] = true;
		if (!still_valid(links, back, &group))
			continue;
		if (!started)
			OhWriteStart(&write, &links->ix->file);
		started = true;
		apply(links, back, OhWritePage(&write, buffer, false));
	}
	if (started)
		OhWriteFinish(&write);
	OhReleaseAll(group.page, group.n);
	return true;
}

void
OhLinkRest(OhLinks *links)
{
	for (int round = 0; round < LINK_ROUNDS; round++)
	{
		bool		tried[2 * OH_MAX_M] = {false};
		bool		left = false;

		while (link_group(links, tried))
			CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < links->nback; i++)
		{
			OhBackLink *back = &links->back[i];

			if (back->done || !back->wanted)
				continue;
			decide(links, back, true);
			left = left || back->wanted;
		}
		if (!left)
			return;
	}
}

/*
 * is_same_node -- is a node still the one that the search saw?
 *
 * If its code has been replaced by one of another model since then, it is taken to be the same.
 */
static bool
is_same_node(OhLinks *links, uint32 id)
{
	OhIndex    *ix = links->ix;
	OhCachedNode *cached = OhNodeCacheFind(&links->near->cache, id);
	Buffer		buffer = OhRecordPage(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE);
	OhNodeData *node = OhRecord(&ix->file, OH_NODE, BufferGetPage(buffer), id);
	bool		same = node->state == OH_LIVE &&
		(cached == NULL || node->tag != cached->tag ||
		 memcmp(OhNodeCode(node), cached->code, ix->code_bytes) == 0);

	UnlockReleaseBuffer(buffer);
	return same;
}

/*
 * OhLinkVerify -- see link.h.
 *
 * The links were chosen before the node became visible to vacuum.  A target that was
 * flagged dead before that is found here.  A target that is flagged from now on is found by
 * the vacuum that flags it, because that vacuum reads this node afterwards.
 */
void
OhLinkVerify(OhLinks *links)
{
	OhIndex    *ix = links->ix;
	uint32		bad[2 * OH_MAX_M];
	int			nbad = 0;
	Buffer		buffer;
	OhWrite		write;
	OhLinkList	stored;
	OhNodeData *node;

	for (int i = 0; i < links->list.n; i++)
	{
		if (!is_same_node(links, links->list.link[i]))
			bad[nbad++] = links->list.link[i];
	}
	if (nbad == 0)
		return;
	buffer = OhRecordPage(&ix->file, OH_NODE, links->id, BUFFER_LOCK_EXCLUSIVE);
	OhWriteStart(&write, &ix->file);
	node = OhRecord(&ix->file, OH_NODE, OhWritePage(&write, buffer, false), links->id);
	stored.n = OhCopyLinks(OhNodeLinks(node, ix->code_bytes), 2 * ix->m, stored.link);
	stored.nselected = Min(node->nselected, stored.n);
	if (ix->neighbor_codes)
		OhLoadLinkCodes(ix, node, &links->back_codes);
	for (int b = 0; b < nbad; b++)
		OhDropLink(&stored, bad[b]);
	OhStoreLinks(&stored, OhNodeLinks(node, ix->code_bytes), &node->nselected, 2 * ix->m);
	if (ix->neighbor_codes)
		OhStoreLinkCodes(ix, node, &links->back_codes);
	node->version++;
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}
