/*
 * tower.c -- links a new node on the upper levels.
 *
 * The node is already live on the base layer, and the index is valid after every step here.
 * See insert.c.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/insert/tower.h"
#include "hnsw/options.h"

/* The links that a level's search has chosen. */
typedef struct LevelLinks
{
	OhLinkList	list;
	float		dist[OH_MAX_M]; /* from the new node to each */
} LevelLinks;

/*
 * create_tower -- add the tower record of a level, linked from the level below.
 *
 * below: the record of the level below, OH_NONE for level 1. Returns the record's id, or
 * OH_NONE if the node no longer exists.
 */
static uint32
create_tower(OhLinks *links, int level, uint32 below, const OhLinkList *list)
{
	OhIndex    *ix = links->ix;
	uint32		id = OH_NONE;

	while (id == OH_NONE)
	{
		uint32		lp = OhArrayFindFree(&ix->file, OH_TOWER);
		OhPageRef	page[3];
		int			n = 0;
		Buffer		tower_buffer;
		Buffer		below_buffer;
		Buffer		node_buffer;
		bool		gone;

		CHECK_FOR_INTERRUPTS();
		page[n].array = OH_TOWER;
		page[n++].lp = lp;
		page[n].array = OH_NODE;
		page[n++].lp = OhLp(&ix->file, OH_NODE, links->id);
		if (below != OH_NONE && OhLp(&ix->file, OH_TOWER, below) != lp)
		{
			page[n].array = OH_TOWER;
			page[n++].lp = OhLp(&ix->file, OH_TOWER, below);
		}
		for (int i = 0; i < n; i++)
			page[i].lockmode = BUFFER_LOCK_EXCLUSIVE;
		OhArrayReadAll(&ix->file, page, n);
		tower_buffer = page[0].buffer;
		node_buffer = page[1].buffer;
		below_buffer = n == 3 ? page[2].buffer : tower_buffer;
		gone = ((OhNodeData *) OhRecord(&ix->file, OH_NODE, BufferGetPage(node_buffer), links->id))->state != OH_LIVE;
		if (!gone && OhPageHasFree(&ix->file, OH_TOWER, BufferGetPage(tower_buffer)))
		{
			OhWrite		write;
			Page		tower_page;
			OhTowerData *tower;
			OhNodeData *node;
			uint32		slot;

			OhWriteStart(&write, &ix->file);
			tower_page = OhWritePage(&write, tower_buffer, false);
			slot = OhPageTakeSlot(&ix->file, OH_TOWER, tower_page, BufferGetBlockNumber(tower_buffer));
			id = lp * ix->file.array[OH_TOWER].per_page + slot;
			tower = OhSlot(&ix->file, OH_TOWER, tower_page, slot);
			tower->node = links->id;
			tower->up = OH_NONE;
			tower->level = level;
			OhStoreLinks(list, tower->links, &tower->nselected, ix->m);
			node = OhRecord(&ix->file, OH_NODE, OhWritePage(&write, node_buffer, false), links->id);
			node->level = level;
			node->version++;
			if (below == OH_NONE)
				node->tower = id;
			else
			{
				tower = OhRecord(&ix->file, OH_TOWER, OhWritePage(&write, below_buffer, false), below);
				tower->up = id;
				tower->version++;
			}
			OhWriteFinish(&write);
		}
		OhReleaseAll(page, n);
		if (gone)
			return OH_NONE;
	}
	return id;
}

/*
 * back_link -- make a neighbour's tower link to the new node, if the link is good enough.
 */
static void
back_link(OhLinks *links, uint32 neighbour, float dist, int level)
{
	OhIndex    *ix = links->ix;
	OhCachedNode *kept = OhNodeCacheFind(&links->near->cache, neighbour);
	uint32		tower = OhSearchTower(links->near->search, neighbour, level);
	OhLinkList	list;
	OhTowerData *record;
	uint16		version;
	Buffer		buffer;
	bool		there;
	int			place;

	if (tower == OH_NONE || kept == NULL)
		return;
	record = OhRecordRead(&ix->file, OH_TOWER, tower, BUFFER_LOCK_SHARE, &buffer);
	version = record->version;
	there = record->node == neighbour && record->level == level;
	for (list.n = 0; list.n < ix->m && record->links[list.n] != OH_NONE; list.n++)
		list.link[list.n] = record->links[list.n];
	list.nselected = Min(record->nselected, list.n);
	UnlockReleaseBuffer(buffer);
	if (!there)
		return;
	place = OhLinkDecide(links, &list, ix->m, OhCachedCode(links->near, kept), dist);
	if (place < 0)
		return;
	list.link[place] = links->id;
	record = OhRecordRead(&ix->file, OH_TOWER, tower, BUFFER_LOCK_EXCLUSIVE, &buffer);
	/*
	 * upper levels are only short cuts: if somebody else has changed the record, the link
	 * is not made
	 */
	if (record->node == neighbour && record->level == level && record->version == version)
	{
		OhWrite		write;

		OhWriteStart(&write, &ix->file);
		record = OhRecord(&ix->file, OH_TOWER, OhWritePage(&write, buffer, false), tower);
		OhStoreLinks(&list, record->links, &record->nselected, ix->m);
		record->version++;
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
}

/*
 * raise_entry -- make the node the entry point if its level is higher.
 *
 * Not if the entry point has changed since the node linked to it, or if that link is gone: the current one
 * might not be reachable from the new node.  The node's version counts up, so that nobody who has
 * taken it for any node before removes the link.
 */
static void
raise_entry(OhLinks *links)
{
	OhIndex    *ix = links->ix;
	Buffer		meta = OhReadBlock(ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);

	if (OhMeta(BufferGetPage(meta))->entry_level < links->node->level &&
		OhMeta(BufferGetPage(meta))->entry == links->entry)
	{
		Buffer		buffer;
		OhNodeData *node = OhRecordRead(&ix->file, OH_NODE, links->id, BUFFER_LOCK_EXCLUSIVE, &buffer);

		if (OhHasLink(OhNodeLinks(node, ix->code_bytes), 2 * ix->m, links->entry))
		{
			OhWrite		write;
			Page		page;

			OhWriteStart(&write, &ix->file);
			page = OhWritePage(&write, meta, false);
			OhMeta(page)->entry = links->id;
			OhMeta(page)->entry_level = links->node->level;
			node = OhRecord(&ix->file, OH_NODE, OhWritePage(&write, buffer, false), links->id);
			node->version++;
			OhWriteFinish(&write);
		}
		UnlockReleaseBuffer(buffer);
	}
	UnlockReleaseBuffer(meta);
}

void
OhInsertTowers(OhLinks *links)
{
	OhIndex    *ix = links->ix;
	int			level = links->node->level;
	LevelLinks *chosen = palloc0(sizeof(LevelLinks) * (OH_MAX_LEVEL + 1));
	uint32		below = OH_NONE;

	OhSearchReset(links->near->search, &links->near->node->forms);
	OhSearchDescend(links->near->search, level);
	for (int l = Min(level, ix->entry_level); l > 0; l--)
	{
		OhSearchLevel(links->near->search, l, ix->ef_construction);
		chosen[l].list.n = OhChooseNeighbours(links->near, ix->m);
		chosen[l].list.nselected = OhCandidateLinks(links->near->candidates, chosen[l].list.n,
													chosen[l].list.link);
		/* a list may already have a link to this id, from the node that had the slot before */
		OhDropLink(&chosen[l].list, links->id);
		for (int i = 0; i < chosen[l].list.n; i++)
			chosen[l].dist[i] = OhNodeCacheFind(&links->near->cache, chosen[l].list.link[i])->dist;
	}
	OhLinkChoose(links, &links->list, false);
	for (int l = 1; l <= level; l++)
	{
		below = create_tower(links, l, below, &chosen[l].list);
		if (below == OH_NONE)
			break;
		OhLinkChoose(links, &chosen[l].list, true);
		for (int i = 0; i < chosen[l].list.n; i++)
			back_link(links, chosen[l].list.link[i], chosen[l].dist[i], l);
		OhLinkChoose(links, &chosen[l].list, false);
	}
	if (below != OH_NONE && links->entry != OH_NONE)
		raise_entry(links);
	pfree(chosen);
}
