/*
 * insert.c -- inserts one row into the graph.
 *
 * Each of the following steps is one or more WAL records, and the index is valid after each
 * record:
 *
 *   1. the node becomes live on the base layer, with its filter keys, its links and
 *      the back links from its nearest neighbours (four pages at most), so that it
 *      is reachable from the first moment;
 *   2. its refinement, if the index has them (refinement.c), then the other back
 *      links, up to four pages a record;
 *   3. for each level above: the tower record and the link to it, then the back
 *      links on that level;
 *   4. the entry point, if the new node's level is higher. For this, the node links to
 *      the old entry point from step 1 on: everything stays reachable that is
 *      reachable only through the old one;
 *   5. a place on the highway (highway.h), if the node has upper levels or is far from
 *      all others.
 *
 * A crash between two records leaves a node with fewer levels, with fewer back links,
 * without a refinement or missing from the highway.
 *
 * Back links are decided without a lock, on copies that the search has read, and applied
 * under the page's lock if the neighbour's version is still the same.  A full list drops a
 * link only if its target is also linked from the new node or from another node of the
 * list: so the target stays reachable.
 *
 * Lock order: several buffers are locked in ascending block order.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/graph/highway.h"
#include "hnsw/graph/refinement.h"
#include "hnsw/insert/addrow.h"
#include "hnsw/insert/insert.h"
#include "hnsw/insert/tower.h"
#include "hnsw/stats/counters.h"

/*
 * An insert starts over when others have changed what it found.  If that happens this
 * often, the index is damaged.
 */
#define MAX_ROUNDS 1000

OhInserter *
OhInserterBegin(OhIndex *ix, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "omenhnsw insert",
												  ALLOCSET_DEFAULT_SIZES);
	OhInserter *ins = MemoryContextAllocZero(context, sizeof(OhInserter));

	ins->ix = ix;
	ins->context = context;
	OhNewNodeInit(&ins->node, ix, context);
	OhNearInit(&ins->near, &ins->node, context);
	OhLinksInit(&ins->links, &ins->near, context);
	return ins;
}

void
OhInserterEnd(OhInserter *ins)
{
	MemoryContextDelete(ins->context);
}

/*
 * entry_version -- the version of the entry point that this process knows.
 */
static uint16
entry_version(OhIndex *ix)
{
	Buffer		buffer;
	const OhNodeData *node = OhRecordRead(&ix->file, OH_NODE, ix->entry, BUFFER_LOCK_SHARE, &buffer);
	uint16		version = node->version;

	UnlockReleaseBuffer(buffer);
	return version;
}

/*
 * insert_first -- make the node the entry point of a graph that has no live node.
 *
 * version: of the entry point, if there is one, from before the search that found no live node
 *
 * false: the entry point is no longer the one that this process knows.  That the metapage names the same id does not
 * mean that it is: a vacuum may have freed the dead node, and another insert may have taken its slot and become the
 * entry point, which only its version shows.
 */
static bool
insert_first(const OhNewNode *new, ItemPointer tid, uint16 version)
{
	OhIndex    *ix = new->ix;
	OhNodeSlots slots;
	OhPageRef	pages[2];
	Buffer		meta;
	uint32		id = OH_NONE;

	if (!OhFindNodeSlots(ix, OhArrayFindFree(&ix->file, OH_NODE), &slots))
		return false;
	/* OhArrayBlock() may have to read block 0 to learn of a new page: do that before any lock */
	(void) OhArrayBlock(&ix->file, OH_NODE, slots.lp);

	/* lock order: block 0 comes before all others */
	meta = OhReadBlock(ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	if (OhMeta(BufferGetPage(meta))->entry == ix->entry && OhIsNewest(new, meta) &&
		(ix->entry == OH_NONE || entry_version(ix) == version))
	{
		int			n = OhNodeSlotPages(ix, &slots, pages);

		OhArrayReadAll(&ix->file, pages, n);
		if (OhNodeSlotIsFree(ix, &slots, pages))
		{
			OhWrite		write;
			Page		page;
			OhLinkList	none = {0};
			OhLinkCodes no_codes = {.model = new->number};

			OhWriteStart(&write, &ix->file);
			id = OhTakeNodeSlot(new, &write, &slots, pages, tid, &none, &no_codes);
			page = OhWritePage(&write, meta, false);
			OhMeta(page)->entry = id;
			OhMeta(page)->entry_level = 0;
			OhWriteFinish(&write);
		}
		OhReleaseAll(pages, n);
	}
	UnlockReleaseBuffer(meta);
	if (id == OH_NONE)
		return false;
	OhNewNodeRefine(new, id);
	OhHighwayJoin(ix, id, 0, OH_MEMBER_ISLAND, new->number, new->code);
	return true;
}

/*
 * join_highway -- step 5: add the node to the highway.
 */
static void
join_highway(const OhInserter *ins, bool apart)
{
	OhIndex    *ix = ins->ix;
	const OhNewNode *new = &ins->node;
	uint32		nlevel = ins->near.search->seeds.nlevel;
	int			kind = apart ? OH_MEMBER_ISLAND : 0;

	if (new->level > 0 && new->level >= ix->highway_level)
	{
		if (nlevel >= OhHighwayLevelLimit(ix->code_bytes))
			OhHighwayThin(ix);
		if (new->level >= ix->highway_level)
			kind |= OH_MEMBER_LEVEL;
	}
	if (kind != 0)
		OhHighwayJoin(ix, ins->links.id, new->level, kind, new->number, new->code);
}

/*
 * place_node -- steps 1 and 2: create the node on the base layer, with n neighbours.
 *
 * false: the graph has changed too much, start over.
 */
static bool
place_node(OhInserter *ins, int n, ItemPointer tid)
{
	OhLinkPlan(&ins->links, n);
	for (int attempt = 0; attempt < 10; attempt++)
	{
		OhNodeSlots slots;

		CHECK_FOR_INTERRUPTS();
		if (!OhFindNodeSlots(ins->ix, OhNearPage(&ins->near, n), &slots))
			continue;
		switch (OhLinkNode(&ins->links, &slots, tid))
		{
			case OH_LINKED:
				OhNewNodeRefine(&ins->node, ins->links.id);
				OhLinkRest(&ins->links);
				OhLinkVerify(&ins->links);
				return true;
			case OH_NO_SLOT:
				break;
			case OH_CHANGED:
				return false;
		}
	}
	return false;
}

/*
 * try_insert -- all steps, based on the current state of the index; false: start over.
 */
static bool
try_insert(OhInserter *ins, ItemPointer tid)
{
	OhIndex    *ix = ins->ix;
	const OhNewNode *new = &ins->node;
	uint32		twin;
	bool		apart;
	int			n;

	if (ix->entry == OH_NONE)
		return insert_first(new, tid, 0);
	if (!OhNearSearch(&ins->near))
	{
		/* that counts only if the entry point stays as it was before the search */
		uint16		version = entry_version(ix);

		if (!OhNearSearch(&ins->near))
			return insert_first(new, tid, version);
	}
	twin = OhFindTwin(&ins->near);
	if (twin != OH_NONE)
	{
		if (ix->refine_bytes > 0)
			OhJoinRefinement(ix, twin, new->code, new->refinement);
		return OhAddRow(new, twin, tid);
	}
	n = OhChooseNeighbours(&ins->near, 2 * ix->m);
	if (n == 0)
		return false;
	apart = OhIsApart(&ins->near);
	if (!place_node(ins, n, tid))
		return false;
	if (new->level > 0)
		OhInsertTowers(&ins->links);
	join_highway(ins, apart);
	return true;
}

void
OhInsertVector(OhInserter *ins, const OhPosition *position, ItemPointer tid, const OhKeyRow *keys)
{
	OhIndex    *ix = ins->ix;

	OhNewNodeSet(&ins->node, position, keys);
	for (int round = 0; round < MAX_ROUNDS; round++)
	{
		if (round > 0)
			OhCount(ix->file.rel)[OH_COUNT_RETRIES]++;
		OhIndexRefresh(ix);
		CHECK_FOR_INTERRUPTS();
		OhNewNodeEncode(&ins->node);
		if (try_insert(ins, tid))
			return;
	}
	/* each round fails because of a concurrent insert or vacuum, which cannot happen this often */
	OhReportCorruption(ix->file.rel, OH_META_BLOCK,
					   "no slot was found for a row in %d rounds, or none that is still there",
					   MAX_ROUNDS);
}
