/*
 * linkwrite.c -- writes the links between a new node and its neighbours on the base layer.
 *
 * What link.c has decided is written where it still holds, with the pages locked.  See insert.c for
 * the steps and what a crash leaves.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/graph/linknow.h"
#include "hnsw/insert/link.h"
#include "hnsw/options.h"

/* Attempts to decide again on neighbours that others have changed. */
#define LINK_ROUNDS 3

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
	bool		valid[2 * OH_MAX_M] = {false};
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
			OhLinkDecideAgain(links, back);
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
