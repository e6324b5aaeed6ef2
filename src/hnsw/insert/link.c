/*
 * link.c -- links between a new node and its neighbours on the base layer.
 *
 * See insert.c for the steps and what a crash leaves.
 */
#include "postgres.h"

#include <float.h>

#include "miscadmin.h"

#include "hnsw/insert/inserter.h"
#include "hnsw/insert/link.h"
#include "hnsw/options.h"

/* Rounds of deciding again for neighbours that others have changed. */
#define LINK_ROUNDS 3

void
OhLinkChoose(OhInserter *ins, const OhLinkList *list, bool chosen)
{
	for (int i = 0; i < list->n; i++)
	{
		OhCachedNode *kept = OhNodeCacheFind(&ins->keep, list->link[i]);

		if (kept)
			kept->chosen = chosen;
	}
}

/*
 * planned_links -- a node's links as they will be after this insert.
 */
static const uint32 *
planned_links(OhInserter *ins, uint32 id, int *n)
{
	OhCachedNode *kept = OhNodeCacheFind(&ins->keep, id);

	*n = 0;
	if (kept == NULL || !kept->expanded)
		return NULL;
	if (kept->back > 0)
	{
		*n = ins->back[kept->back - 1].list.n;
		return ins->back[kept->back - 1].list.link;
	}
	*n = kept->nlinks;
	return kept->links;
}

static bool
is_held(const OhInserter *ins, uint32 from, uint32 to)
{
	for (int i = 0; i < ins->nheld; i++)
	{
		if (ins->held[i].from == from && ins->held[i].to == to)
			return true;
	}
	return false;
}

/*
 * hold -- note a link that a list relies on; false: there is no room for more.
 */
static bool
hold(OhInserter *ins, uint32 from, uint32 to)
{
	if (ins->nheld >= 8 * ins->ix->m)
		return false;
	ins->held[ins->nheld].from = from;
	ins->held[ins->nheld++].to = to;
	return true;
}

/*
 * leads_to -- will a node still link to another one after this insert?
 */
static bool
leads_to(OhInserter *ins, uint32 from, uint32 to)
{
	const uint32 *links;
	int			n;

	links = planned_links(ins, from, &n);
	for (int i = 0; i < n; i++)
	{
		if (links[i] == to)
			return true;
	}
	return false;
}

/*
 * leads_from -- does a path of one or two links lead from the owner of the list,
 * or from the new node, to a node?  Its links are pinned.
 *
 * avoid: a node that the path must not pass through
 */
static bool
leads_from(OhInserter *ins, const OhLinkList *list, uint32 id, uint32 avoid, bool further)
{
	OhCachedNode *kept = OhNodeCacheFind(&ins->keep, id);

	if (kept == NULL || id == avoid || id == ins->deciding)
		return false;
	if (kept->chosen)
		return true;
	if (OhHasLink(list->link, list->n, id))
		return hold(ins, ins->deciding, id);
	for (int i = 0; further && i < kept->nleading; i++)
	{
		uint32		from = kept->leading[i];

		if (leads_to(ins, from, id) && leads_from(ins, list, from, avoid, false))
			return hold(ins, from, id);
	}
	return false;
}

/*
 * stays_reachable -- would a node still be reached from near if the list dropped it?
 *
 * From the new node, which the list leads to then, or over a path of up to three
 * links from one of these two.  What the path relies on is pinned: no other list of
 * this insert gives it up.
 */
static bool
stays_reachable(OhInserter *ins, const OhLinkList *list, int place)
{
	uint32		id = list->link[place];
	OhCachedNode *kept = OhNodeCacheFind(&ins->keep, id);

	/* upper levels are only short cuts */
	if (ins->deciding == OH_NONE)
		return true;
	if (kept == NULL || is_held(ins, ins->deciding, id))
		return false;
	if (kept->chosen)
		return true;
	for (int i = 0; i < kept->nleading; i++)
	{
		uint32		from = kept->leading[i];

		if (from != ins->deciding && leads_to(ins, from, id) &&
			leads_from(ins, list, from, id, true))
			return hold(ins, from, id);
	}
	for (int i = 0; i < list->n; i++)
	{
		uint32		from = list->link[i];

		if (i != place && from != OH_NONE && leads_to(ins, from, id))
			return hold(ins, from, id) && hold(ins, ins->deciding, from);
	}
	return false;
}

/*
 * farthest -- place of the farthest link of list[from..to) that may go, -1 if none
 * is farther than dist.
 */
static int
farthest(OhInserter *ins, const OhLinkList *list, const float *d, int from, int to, float dist)
{
	bool		refused[2 * OH_MAX_M] = {false};

	for (;;)
	{
		int			place = -1;

		for (int i = from; i < to; i++)
		{
			if (!refused[i] && d[i] > dist && (place < 0 || d[i] > d[place]))
				place = i;
		}
		if (place < 0 || stays_reachable(ins, list, place))
			return place;
		refused[place] = true;
	}
}

/*
 * OhLinkDecide -- see link.h.
 *
 * Only distances from the new node and from the one that owns the list are
 * needed.  A link that the search has not met counts as far.
 */
int
OhLinkDecide(OhInserter *ins, OhLinkList *list, int max, const void *code, float dist)
{
	OhIndex    *ix = ins->ix;
	float		d[2 * OH_MAX_M + 1];
	bool		diverse = true;
	int			place;

	if (OhHasLink(list->link, list->n, ins->id))
		return -1;
	om_quant_query_from_code(ins->quant, code, ins->form);
	for (int i = 0; i < list->n; i++)
	{
		OhCachedNode *kept = OhNodeCacheFind(&ins->keep, list->link[i]);

		d[i] = kept ? ix->distance(ins->quant, ins->form, OhCachedCode(ins, kept)) : FLT_MAX;
		if (kept && i < list->nselected && d[i] < dist && kept->dist < dist)
			diverse = false;
	}
	/* a diverse new link makes farther ones fill that are nearer to it */
	for (int i = list->nselected - 1; diverse && i >= 0; i--)
	{
		OhCachedNode *kept = OhNodeCacheFind(&ins->keep, list->link[i]);

		if (kept && d[i] > dist && kept->dist < d[i])
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
		place = farthest(ins, list, d, list->nselected, list->n, diverse ? -FLT_MAX : dist);
		if (place < 0 && diverse)
			place = farthest(ins, list, d, 0, list->nselected, dist);
		if (place < 0)
			return -1;
	}
	if (diverse && place >= list->nselected)
	{
		/* the first fill makes room among the diverse */
		list->link[place] = list->link[list->nselected];
		place = list->nselected++;
	}
	list->link[place] = OH_NONE;
	return place;
}

/*
 * kept_with_links -- what is known of a node, its links read if they were not.
 */
static OhCachedNode *
kept_with_links(OhInserter *ins, uint32 id, bool again)
{
	OhCachedNode *kept = OhNodeCacheFind(&ins->keep, id);

	if (!kept->expanded || again)
		OhSearchLinks(ins->search, id);
	return kept;
}

static void
decide(OhInserter *ins, OhBackLink *back, bool again)
{
	OhCachedNode *kept = kept_with_links(ins, back->node, again);

	back->wanted = false;
	kept->back = 0;
	/* the new node has got the place of one that a vacuum has freed since */
	if (back->node == ins->id)
		return;
	if (!kept->expanded || !kept->live)
		return;
	back->version = kept->version;
	back->list.n = kept->nlinks;
	back->list.nselected = kept->nselected;
	memcpy(back->list.link, kept->links, sizeof(uint32) * kept->nlinks);
	ins->deciding = back->node;
	back->place = OhLinkDecide(ins, &back->list, 2 * ins->ix->m, OhCachedCode(ins, kept),
							   kept->dist);
	ins->deciding = OH_NONE;
	back->wanted = back->place >= 0;
	kept->back = back->wanted ? back - ins->back + 1 : 0;
}

/*
 * take_over -- let the new node link to a node, in the place of its last link.
 *
 * Before anything relies on the links of the new node but those of this function.
 */
static void
take_over(OhInserter *ins, uint32 id)
{
	OhLinkList *list = &ins->list;
	OhCachedNode *kept;
	int			place;

	if (OhHasLink(list->link, list->n, id))
		return;
	if (list->n < 2 * ins->ix->m)
		place = list->n++;
	else
	{
		place = list->link[list->n - 1] == ins->entry ? list->n - 2 : list->n - 1;
		kept = OhNodeCacheFind(&ins->keep, list->link[place]);
		if (kept)
			kept->chosen = false;
	}
	list->link[place] = id;
	kept = OhNodeCacheFind(&ins->keep, id);
	if (kept)
		kept->chosen = true;
}

/*
 * link_entry -- let a node that is to be the entry point link to the one that is.
 *
 * Every node is reachable from the latter, which itself may have no link to it.
 * A dead one is replaced by the vacuum that has to end with it.
 */
static void
link_entry(OhInserter *ins)
{
	uint32		entry = ins->ix->entry;
	OhCachedNode *kept = OhNodeCacheFind(&ins->keep, entry);

	ins->entry = OH_NONE;
	if (ins->level <= ins->ix->entry_level || kept == NULL || !kept->live)
		return;
	ins->entry = entry;
	take_over(ins, entry);
}

/*
 * force -- make the nearest neighbour link back, whatever it costs.
 *
 * Its last link goes; the new node takes that link over, so that its target
 * stays reachable.
 */
static void
force(OhInserter *ins, OhBackLink *back)
{
	OhLinkList *list = &back->list;
	OhCachedNode *kept = OhNodeCacheFind(&ins->keep, back->node);

	list->n = kept->nlinks;
	list->nselected = kept->nselected;
	memcpy(list->link, kept->links, sizeof(uint32) * kept->nlinks);
	back->place = list->n - 1;
	take_over(ins, list->link[back->place]);
	list->link[back->place] = OH_NONE;
	back->wanted = true;
	kept->back = back - ins->back + 1;
}

/*
 * note_leading -- note which of the nodes found link to each of those evaluated.
 */
static void
note_leading(OhInserter *ins)
{
	const OhQueue *found = &ins->search->found;

	for (int64 i = 0; i < found->n; i++)
	{
		const OhCachedNode *from = OhNodeCacheFind(&ins->keep, found->item[i].id);

		for (int k = 0; from != NULL && from->expanded && k < from->nlinks; k++)
		{
			OhCachedNode *to = OhNodeCacheFind(&ins->keep, from->links[k]);

			if (to != NULL && to->nleading < OH_CACHED_LEADING)
				to->leading[to->nleading++] = from->id;
		}
	}
}

void
OhLinkPlan(OhInserter *ins, int n)
{
	ins->list.n = n;
	ins->list.nselected = OhCandidateLinks(ins->candidates, n, ins->list.link);
	ins->nback = n;
	ins->nheld = 0;
	note_leading(ins);
	OhLinkChoose(ins, &ins->list, true);
	link_entry(ins);
	for (int i = 0; i < n; i++)
	{
		OhBackLink *back = &ins->back[i];

		back->node = ins->candidates[i].id;
		back->lp = OhLp(&ins->ix->file, OH_NODE, back->node);
		back->done = false;
		decide(ins, back, false);
		if (i == 0 && !back->wanted)
		{
			OhCachedNode *kept = OhNodeCacheFind(&ins->keep, back->node);

			if (kept->expanded && kept->live && kept->nlinks > 0)
				force(ins, back);
		}
	}
}

/* The pages of one change. */
typedef struct PageGroup
{
	int			n;
	OhPageRef	page[OH_WRITE_MAX];
} PageGroup;

/*
 * add_page -- add a node page to a group, if there is room.
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
 * buffer_of -- the buffer of a node page; InvalidBuffer if the group lacks it.
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
 * still_valid -- is the neighbour as it was when the link was decided?
 *
 * A vacuum may have freed it, and the new node may have got its place.
 */
static bool
still_valid(OhInserter *ins, const OhBackLink *back, Page page)
{
	uint32		slot = OhSlotOf(&ins->ix->file, OH_NODE, back->node);
	OhNodeData *node = OhSlot(&ins->ix->file, OH_NODE, page, slot);

	return back->node != ins->id && slot < OhTail(page)->nused && node->state == OH_LIVE &&
		node->version == back->version;
}

/*
 * apply -- set a back link, unless it is there.
 *
 * It may be: left over by an insert that has not verified its links yet, from the
 * node whose place the new one has got.
 */
static void
apply(OhInserter *ins, OhBackLink *back, Page page)
{
	OhNodeData *node = OhRecord(&ins->ix->file, OH_NODE, page, back->node);

	back->done = true;
	if (OhHasLink(back->list.link, back->list.n, ins->id))
		return;
	back->list.link[back->place] = ins->id;
	OhStoreLinks(&back->list, OhNodeLinks(node, ins->ix->code_bytes), &node->nselected,
				 2 * ins->ix->m);
	node->version++;
}

/*
 * OhLinkNode -- see link.h.
 *
 * The pages of the place come first in the group, then those of the nearest
 * neighbours.
 */
OhLinkResult
OhLinkNode(OhInserter *ins, const OhPlace *place, ItemPointer tid)
{
	PageGroup	group;
	Buffer		meta;
	int			valid = 0;
	OhLinkResult result = OH_LINKED;

	group.n = OhPlacePages(ins, place, group.page);
	for (int i = 0; i < ins->nback; i++)
	{
		if (ins->back[i].wanted)
			add_page(&group, ins->back[i].lp);
	}
	meta = OhLockModel(ins, group.page, group.n);
	OhArrayReadAll(&ins->ix->file, group.page, group.n);
	for (int i = 0; i < ins->nback; i++)
	{
		Buffer		buffer = buffer_of(&group, ins->back[i].lp);

		if (ins->back[i].wanted && buffer != InvalidBuffer &&
			still_valid(ins, &ins->back[i], BufferGetPage(buffer)))
			valid++;
	}
	if (!OhPlaceIsFree(ins, place, group.page))
		result = OH_NO_SLOT;
	else if (valid == 0 || !OhIsNewest(ins, meta))
		result = OH_CHANGED;
	else
	{
		OhWrite		write;

		OhWriteStart(&write, &ins->ix->file);
		ins->id = OhFillPlace(ins, &write, place, group.page, tid, &ins->list);
		for (int i = 0; i < ins->nback; i++)
		{
			Buffer		buffer = buffer_of(&group, ins->back[i].lp);

			if (ins->back[i].wanted && buffer != InvalidBuffer &&
				still_valid(ins, &ins->back[i], BufferGetPage(buffer)))
				apply(ins, &ins->back[i], OhWritePage(&write, buffer, false));
		}
		OhWriteFinish(&write);
	}
	OhReleaseAll(group.page, group.n);
	OhUnlockModel(meta);
	return result;
}

/*
 * link_group -- the back links of up to OH_WRITE_MAX pages in one record.
 *
 * Takes those not tried yet; those that are no longer valid are left undone.
 * Returns false once none is left.
 */
static bool
link_group(OhInserter *ins, bool *tried)
{
	PageGroup	group = {0};
	bool		started = false;
	OhWrite		write;

	for (int i = 0; i < ins->nback; i++)
	{
		if (!ins->back[i].done && !tried[i] && ins->back[i].wanted)
			add_page(&group, ins->back[i].lp);
	}
	if (group.n == 0)
		return false;
	OhArrayReadAll(&ins->ix->file, group.page, group.n);
	for (int i = 0; i < ins->nback; i++)
	{
		OhBackLink *back = &ins->back[i];
		Buffer		buffer;

		if (back->done || tried[i] || !back->wanted)
			continue;
		buffer = buffer_of(&group, back->lp);
		if (buffer == InvalidBuffer)
			continue;
		tried[i] = true;
		if (!still_valid(ins, back, BufferGetPage(buffer)))
			continue;
		if (!started)
			OhWriteStart(&write, &ins->ix->file);
		started = true;
		apply(ins, back, OhWritePage(&write, buffer, false));
	}
	if (started)
		OhWriteFinish(&write);
	OhReleaseAll(group.page, group.n);
	return true;
}

void
OhLinkRest(OhInserter *ins)
{
	for (int round = 0; round < LINK_ROUNDS; round++)
	{
		bool		tried[2 * OH_MAX_M] = {false};
		bool		left = false;

		while (link_group(ins, tried))
			CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < ins->nback; i++)
		{
			OhBackLink *back = &ins->back[i];

			if (back->done || !back->wanted)
				continue;
			decide(ins, back, true);
			left = left || back->wanted;
		}
		if (!left)
			return;
	}
}

/*
 * is_same -- is the node still the one that the search saw?
 *
 * One that has got a code of another model since most probably is.
 */
static bool
is_same(OhInserter *ins, uint32 id)
{
	OhIndex    *ix = ins->ix;
	OhCachedNode *kept = OhNodeCacheFind(&ins->keep, id);
	Buffer		buffer = OhRecordPage(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE);
	OhNodeData *node = OhRecord(&ix->file, OH_NODE, BufferGetPage(buffer), id);
	bool		same = node->state == OH_LIVE &&
		(kept == NULL || node->tag != kept->tag ||
		 memcmp(OhNodeCode(node), kept->code, ix->code_bytes) == 0);

	UnlockReleaseBuffer(buffer);
	return same;
}

/*
 * OhLinkVerify -- see link.h.
 *
 * The links were chosen before the node was there to be seen.  A target that
 * was flagged dead in between is found here; one that is flagged from now on is
 * found by the vacuum that does it, which reads this node afterwards.
 */
void
OhLinkVerify(OhInserter *ins)
{
	OhIndex    *ix = ins->ix;
	uint32		bad[2 * OH_MAX_M];
	int			nbad = 0;
	Buffer		buffer;
	OhWrite		write;
	uint32	   *links;
	OhNodeData *node;
	int			kept = 0;
	int			nselected = 0;

	for (int i = 0; i < ins->list.n; i++)
	{
		if (!is_same(ins, ins->list.link[i]))
			bad[nbad++] = ins->list.link[i];
	}
	if (nbad == 0)
		return;
	buffer = OhRecordPage(&ix->file, OH_NODE, ins->id, BUFFER_LOCK_EXCLUSIVE);
	OhWriteStart(&write, &ix->file);
	node = OhRecord(&ix->file, OH_NODE, OhWritePage(&write, buffer, false), ins->id);
	links = OhNodeLinks(node, ix->code_bytes);
	for (int i = 0; i < 2 * ix->m; i++)
	{
		bool		drop = links[i] == OH_NONE;

		for (int b = 0; b < nbad; b++)
			drop = drop || links[i] == bad[b];
		if (drop)
			continue;
		if (i < node->nselected)
			nselected++;
		links[kept++] = links[i];
	}
	node->nselected = nselected;
	while (kept < 2 * ix->m)
		links[kept++] = OH_NONE;
	node->version++;
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}
