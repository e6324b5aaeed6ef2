/*
 * regain.c -- after the back links are written: nodes to which a list has dropped its link are looked at again.
 *
 * A list drops a link because a path leads to its target over other links (link.c), which are
 * read without a lock.  Two inserts may drop two links, each relying on that of the other.
 * Each of them writes first and then looks whether the links that it relied on are still there:
 * so at least one of them finds that they are not, and puts the link back.
 */
#include "postgres.h"

#include "hnsw/graph/linkcode.h"
#include "hnsw/insert/link.h"
#include "storage/wal.h"

/*
 * copy_links -- a node's links on the base layer; none if it is free.
 */
static int
copy_links(OhLinks *links, uint32 id, uint32 *out)
{
	OhIndex    *ix = links->ix;
	Buffer		buffer;
	OhNodeData *node = OhRecordRead(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE, &buffer);
	int			n = node->state == OH_FREE ? 0 :
		OhCopyLinks(OhNodeLinks(node, ix->code_bytes), 2 * ix->m, out);

	UnlockReleaseBuffer(buffer);
	return n;
}

/*
 * find_lost -- mark lost[nback]: back links that have taken the place of a link, relying on others of
 * which one is gone.  false: there are none.
 */
static bool
find_lost(OhLinks *links, bool *lost)
{
	bool		looked[OH_HELD_LINKS * OH_MAX_M] = {false};
	bool		gone[OH_HELD_LINKS * OH_MAX_M] = {false};
	bool		any = false;

	for (int i = 0; i < links->nback; i++)
	{
		const OhBackLink *back = &links->back[i];

		lost[i] = false;
		if (!back->done || back->dropped == OH_NONE)
			continue;
		for (int h = back->first_held; h < back->last_held; h++)
		{
			uint32		from = links->held[h].from;
			uint32		list[2 * OH_MAX_M];
			int			n;

			if (!looked[h])
			{
				n = copy_links(links, from == OH_NONE ? links->id : from, list);
				for (int k = h; k < links->nheld; k++)
				{
					if (links->held[k].from != from)
						continue;
					looked[k] = true;
					gone[k] = !OhHasLink(list, n, links->held[k].to);
				}
			}
			lost[i] = lost[i] || gone[h];
		}
		any = any || lost[i];
	}
	return any;
}

/*
 * has_another -- does another neighbour than this one link to the new node?
 */
static bool
has_another(OhLinks *links, const OhBackLink *than)
{
	for (int i = 0; i < links->nback; i++)
	{
		const OhBackLink *back = &links->back[i];
		uint32		list[2 * OH_MAX_M];

		if (back->done && back != than &&
			OhHasLink(list, copy_links(links, back->node, list), links->id))
			return true;
	}
	return false;
}

/*
 * own_place -- a place in the new node's list of n links: n if there is room, otherwise that of the
 * last one that nothing is known to rely on; -1 if there is none.
 */
static int
own_place(const OhLinks *links, const uint32 *list, int n)
{
	if (n < 2 * links->ix->m)
		return n;
	for (int place = n - 1; place >= 0; place--)
	{
		bool		free = list[place] != links->entry;

		for (int h = 0; h < links->nheld && free; h++)
			free = links->held[h].from != OH_NONE || links->held[h].to != list[place];
		if (free)
			return place;
	}
	return -1;
}

/*
 * change_link -- in the list of a node, put a link to node `to` in place of that to node `instead`.
 *
 * to: OH_NONE to remove the link
 * instead: OH_NONE for a place that nothing relies on, in the list of the new node
 *
 * false: the list has changed, or has no place.
 */
static bool
change_link(OhLinks *links, uint32 from, uint32 instead, uint32 to)
{
	OhIndex    *ix = links->ix;
	int			max = 2 * ix->m;
	Buffer		buffer = OhRecordPage(&ix->file, OH_NODE, from, BUFFER_LOCK_EXCLUSIVE);
	OhNodeData *node = OhRecord(&ix->file, OH_NODE, BufferGetPage(buffer), from);
	OhLinkList	list;
	int			place = 0;
	bool		changed;

	list.n = OhCopyLinks(OhNodeLinks(node, ix->code_bytes), max, list.link);
	list.nselected = Min(node->nselected, list.n);
	if (instead == OH_NONE)
		place = own_place(links, list.link, list.n);
	else
	{
		while (place < list.n && list.link[place] != instead)
			place++;
		if (place == list.n && place == max)
			place = -1;
	}
	changed = node->state == OH_LIVE && place >= 0 && (to != OH_NONE || place < list.n) &&
		!OhHasLink(list.link, list.n, to);
	if (changed)
	{
		OhWrite		write;

		if (to == OH_NONE)
			OhDropLink(&list, instead);
		else
			list.link[place] = to;
		list.n = Max(list.n, to == OH_NONE ? 0 : place + 1);
		OhWriteStart(&write, &ix->file);
		node = OhRecord(&ix->file, OH_NODE, OhWritePage(&write, buffer, false), from);
		OhStoreLinks(&list, OhNodeLinks(node, ix->code_bytes), &node->nselected, max);
		OhForgetLinkCodes(ix, node);
		node->version++;
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
	return changed;
}

void
OhLinkRegain(OhLinks *links)
{
	bool		lost[2 * OH_MAX_M];

	if (!find_lost(links, lost))
		return;
	for (int i = 0; i < links->nback; i++)
	{
		OhBackLink *back = &links->back[i];
		uint32		from = back->node;
		bool		done = false;

		if (!lost[i])
			continue;
		/* the list gets its link back, unless the new node then could not be reached */
		if (has_another(links, back))
			done = change_link(links, back->node, links->id, back->dropped);
		if (done)
			back->done = false;
		else
		{
			from = links->id;
			done = change_link(links, from, OH_NONE, back->dropped);
		}
		/* as in OhLinkVerify(): a node that was freed before that is not linked */
		if (done && !OhIsSameNode(links, back->dropped))
			(void) change_link(links, from, back->dropped, OH_NONE);
	}
}
