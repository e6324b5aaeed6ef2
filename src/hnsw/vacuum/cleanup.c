/*
 * cleanup.c -- amvacuumcleanup: repair of the graph around dead nodes, whose slots
 * are then free.
 *
 * Replaces links to dead nodes (repair.c), moves the entry point, links what is out of
 * reach (reach.c) and gives the slots back.  Every step leaves a valid index behind:
 * dead nodes route until nothing links to them, and whatever a crash or a cancel leaves
 * undone is found by the next vacuum, which looks at the pages and at nothing else.
 *
 * Slots are freed in the order highway, towers, postings, nodes, so that what is left at
 * any time is owned by a node that is still flagged dead.  A dead node's links to
 * its towers and postings are therefore not to be trusted.
 *
 * Locks: one page at a time.
 */
#include "postgres.h"

#include "access/genam.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "hnsw/calibrate/calibrate.h"
#include "hnsw/callbacks.h"
#include "hnsw/graph/highway.h"
#include "hnsw/graph/linkcode.h"
#include "hnsw/parts.h"
#include "hnsw/stats/counters.h"
#include "hnsw/train/retrain.h"
#include "hnsw/vacuum/vacuum.h"
#include "storage/wal.h"

/* An index of at most FEW_PAGES node pages is always searched for nodes without codes of their links. */
#define FEW_PAGES 2000

/*
 * best_entry -- find a live node of the highest level; OH_NONE if no node is live.
 */
static uint32
best_entry(OhVacuum *v, int *level)
{
	uint32		best = OH_NONE;

	*level = -1;
	for (uint32 id = 0; id < v->n; id++)
	{
		int			l = OH_VAC_LEVEL(v->node[id]);

		if (id % 1024 == 0)
			om_vacuum_delay_point();
		if ((v->node[id] & OH_VAC_STATE) != OH_LIVE || l <= *level)
			continue;
		/* its towers must be there: an insert may not have got that far */
		if (l > 0 && OhVacuumTower(v, id, l) == NULL)
			continue;
		best = id;
		*level = l;
	}
	return best;
}

/*
 * settle_entry -- make the entry point a live node, if there is one.
 */
static void
settle_entry(OhVacuum *v)
{
	for (;;)
	{
		Buffer		buffer;
		uint32		entry;
		uint32		best;
		int			level;
		bool		done;

		CHECK_FOR_INTERRUPTS();
		OhIndexRefresh(v->ix);
		entry = v->ix->entry;
		if (entry == OH_NONE ? v->nlive == 0 : OhVacuumState(v, entry) == OH_LIVE)
			break;
		best = best_entry(v, &level);
		buffer = OhReadBlock(v->ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
		done = OhMeta(BufferGetPage(buffer))->entry == entry;
		if (done && entry != best)
		{
			OhWrite		write;
			OhMetaPageData *meta;

			OhWriteStart(&write, &v->ix->file);
			meta = OhMeta(OhWritePage(&write, buffer, false));
			meta->entry = best;
			meta->entry_level = level;
			OhWriteFinish(&write);
		}
		UnlockReleaseBuffer(buffer);
		if (done)
		{
			v->ix->entry = best;
			v->ix->entry_level = level;
			break;
		}
	}
	v->entry = v->ix->entry;
	v->entry_level = v->ix->entry_level;
}

/*
 * follow_entry -- has an insert made another node the entry point, which this vacuum may have linked as any other?
 *
 * A node that the copy does not have was linked by its insert alone: the entry point before is reachable from it.
 */
static bool
follow_entry(OhVacuum *v)
{
	OhIndexRefresh(v->ix);
	if (v->ix->entry == v->entry || OhVacState(v, v->ix->entry) != OH_LIVE)
		return false;
	v->entry = v->ix->entry;
	v->entry_level = v->ix->entry_level;
	return true;
}

/*
 * is_freeable -- is this a dead node that nothing links to any more?
 */
static bool
is_freeable(OhVacuum *v, uint32 id)
{
	return id < v->n && (v->node[id] & (OH_VAC_STATE | OH_VAC_KEEP)) == OH_DEAD;
}

/*
 * owner_of -- the node that a record belongs to; OH_NONE if it is free, or belongs to no node.
 */
static uint32
owner_of(OhVacuum *v, OhArrayId array, Page page, uint32 lp, uint32 slot)
{
	void	   *record = OhSlot(&v->ix->file, array, page, slot);

	if (array == OH_TOWER)
		return ((OhTowerData *) record)->node;
	if (array == OH_POSTING)
		return ((OhPostingData *) record)->node;
	if (array != OH_NODE)
		return OH_NONE;
	if (((OhNodeData *) record)->state != OH_DEAD)
		return OH_NONE;
	return lp * v->ix->file.array[OH_NODE].per_page + slot;
}

/*
 * free_page -- free the records of a page that belong to dead nodes; returns how many.
 *
 * first   lowered to lp if the page has a free slot afterwards
 * empty   increased if the page has no record left
 */
static uint32
free_page(OhVacuum *v, OhArrayId array, uint32 lp, uint32 *first, uint32 *empty)
{
	OhIndex    *ix = v->ix;
	Buffer		buffer = OhArrayRead(&ix->file, array, lp, BUFFER_LOCK_EXCLUSIVE);
	Page		page = BufferGetPage(buffer);
	uint32		nused = OhPageUsed(&ix->file, array, buffer);
	OhWrite		write;
	uint32		nfreed = 0;

	for (uint32 slot = 0; slot < nused; slot++)
	{
		if (!is_freeable(v, owner_of(v, array, page, lp, slot)))
			continue;
		if (nfreed++ == 0)
		{
			OhWriteStart(&write, &ix->file);
			page = OhWritePage(&write, buffer, false);
		}
		OhPageFreeSlot(&ix->file, array, page, slot);
	}
	if (nfreed > 0)
		OhWriteFinish(&write);
	page = BufferGetPage(buffer);
	if (OhPageHasFree(&ix->file, array, page))
		*first = Min(*first, lp);
	if (OhTail(page)->nfree == nused)
		(*empty)++;
	if (array == OH_NODE && nfreed > 0)
		OhVacuumStore(v, &v->nodes, lp, page);
	UnlockReleaseBuffer(buffer);
	return nfreed;
}

/*
 * free_records -- free the records of an array that belong to dead nodes, with one WAL record for each page; returns
 * how many.
 *
 * first   set to the first page with a free slot
 */
static uint32
free_records(OhVacuum *v, OhArrayId array, uint32 *first, uint32 *empty)
{
	uint32		npages = OhArrayPages(&v->ix->file, array);
	uint32		nfreed = 0;

	*first = npages;
	for (uint32 lp = 0; lp < npages; lp++)
	{
		om_vacuum_delay_point();
		nfreed += free_page(v, array, lp, first, empty);
	}
	return nfreed;
}

/*
 * set_hints -- make inserts look for free slots from the first page that has one.
 */
static void
set_hints(OhVacuum *v, const uint32 *first, bool freed, uint8 unclean)
{
	Buffer		buffer = OhReadBlock(v->ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	OhMetaPageData *meta = OhMeta(BufferGetPage(buffer));
	bool		changed = freed || meta->unclean != unclean;

	for (int a = 0; a < OH_NARRAYS; a++)
		changed |= oh_file_method.kind[a].reused && first[a] < meta->array[a].free_hint;
	if (changed)
	{
		OhWrite		write;

		OhWriteStart(&write, &v->ix->file);
		meta = OhMeta(OhWritePage(&write, buffer, false));
		for (int a = 0; a < OH_NARRAYS; a++)
		{
			if (oh_file_method.kind[a].reused)
				meta->array[a].free_hint = Min(first[a], meta->array[a].free_hint);
		}
		meta->generation++;
		meta->unclean = unclean;
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
}

/*
 * leaves_dead_nodes -- has the last pass over the graph left links to dead nodes, which are not freed then?
 */
static bool
leaves_dead_nodes(const OhVacuum *v)
{
	for (uint32 id = 0; id < v->n; id++)
	{
		if ((v->node[id] & (OH_VAC_STATE | OH_VAC_KEEP)) == (OH_DEAD | OH_VAC_KEEP))
			return true;
	}
	return false;
}

/*
 * clean_graph -- repair the graph, free what belongs to dead nodes, and link nodes again; returns how many records
 * were freed.
 *
 * relink: all nodes, because they have chosen their neighbours by codes of an old model
 */
static uint32
clean_graph(Relation index, IndexBulkDeleteResult *stats, bool relink)
{
	OhVacuum   *v = OhVacuumBegin(index, OhVacuumMemory());
	MemoryContext old = MemoryContextSwitchTo(v->context);
	uint32		first[OH_NARRAYS] = {0};
	uint32		empty = 0;
	uint32		nfreed = 0;
	uint32		unreachable;
	uint32		nlost = 0;
	uint8	   *lost;
	uint8		unclean;
	bool		relinked;

	settle_entry(v);
	lost = OhVacuumLosses(v, &nlost);
	OhRepair(v);
	OhVacuumFreeMembers(v);
	nfreed += free_records(v, OH_TOWER, &first[OH_TOWER], &empty);
	nfreed += free_records(v, OH_POSTING, &first[OH_POSTING], &empty);
	nfreed += free_records(v, OH_NODE, &first[OH_NODE], &empty);
	unclean = leaves_dead_nodes(v) ? OH_UNCLEAN_NODES : 0;
	free_records(v, OH_NULLS, &first[OH_NULLS], &empty);

	/* if the graph was empty, inserts may have come in without an entry point */
	if (v->entry == OH_NONE)
	{
		OhVacuumReadAll(v);
		settle_entry(v);
	}
	relinked = OhVacuumRelink(v, lost, nlost, relink);
	/*
	 * inserts that ran at the same time may have relied on links that this vacuum has replaced
	 * since
	 */
	OhVacuumReadAll(v);
	do
		unreachable = OhReach(v);
	while (follow_entry(v));
	OhVacuumHighway(v);
	OhHighwayMerge(v->ix);
	if (relink && !relinked)
		unclean |= OH_UNCLEAN_LINKS;
	set_hints(v, first, nfreed > 0 || stats->tuples_removed > 0, unclean);
	ereport(DEBUG1,
			(errmsg_internal("index \"%s\": %u records freed, %u live nodes, %u out of reach",
							 RelationGetRelationName(index), nfreed, v->nlive, unreachable)));
	stats->pages_deleted = empty;
	MemoryContextSwitchTo(old);
	OhVacuumEnd(v);
	return nfreed;
}

/*
 * what_is_unclean -- OH_UNCLEAN_*: what an interrupted vacuum or training has left to be done.
 */
static uint8
what_is_unclean(Relation index)
{
	Buffer		buffer = OhReadBlock(index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
	uint8		unclean = OhMeta(BufferGetPage(buffer))->unclean;

	UnlockReleaseBuffer(buffer);
	return unclean;
}

/*
 * ohvacuumcleanup -- amvacuumcleanup: clean up after the deletions of this vacuum, or of an earlier one that was
 * interrupted before it had cleaned up.
 *
 * If nothing was deleted, nodes are read only if their links were chosen by codes of an old model; otherwise it
 * finishes training that has begun, and looks at the members of the highway.
 */
IndexBulkDeleteResult *
ohvacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	IndexBulkDeleteResult none = {0};
	BlockNumber nfree;
	uint32		nfreed = 0;
	uint8		unclean;
	instr_time	from;
	OhIndex    *ix;

	if (info->analyze_only)
		return stats;
	INSTR_TIME_SET_CURRENT(from);
	ix = OhVacuumOpen(info);
	/* repair compares codes, which must be of one model */
	OhRetrainLock(info->index);
	OhRetrainAll(info->index, stats != NULL && stats->tuples_removed > 0);
	/* an insert may have been late with a member of an old model */
	OhHighwayRecode(ix);
	unclean = what_is_unclean(info->index);
	if (stats != NULL || (unclean & OH_UNCLEAN_NODES) ||
		((unclean & OH_UNCLEAN_LINKS) && OhVacuumHolds(ix)))
		nfreed = clean_graph(info->index, stats != NULL ? stats : &none, (unclean & OH_UNCLEAN_LINKS) != 0);
	if (stats != NULL || unclean != 0 || OhArrayPages(&ix->file, OH_NODE) <= FEW_PAGES)
		OhFillLinkCodes(ix);
	OhRetrainUnlock(info->index);
	OhCalibrateGrown(info->index);
	nfree = OhReclaimPages(&ix->file);
	OhVacuumClose(ix);
	OhCount(info->index)[OH_COUNT_VACUUMS]++;
	OhCountVacuum(info->index, from, OH_COUNT_FREED, nfreed);
	if (stats != NULL)
	{
		stats->pages_free = nfree;
		stats->num_pages = RelationGetNumberOfBlocks(info->index);
		/* the heap knows better, unless it has only estimated */
		if (!info->estimated_count && stats->num_index_tuples > info->num_heap_tuples)
			stats->num_index_tuples = info->num_heap_tuples;
		/* TIDs are not rows: of arrays there are as many as they have elements */
		if (OhHasParts(&OhIndexOpen(info->index)->column))
		{
			stats->num_index_tuples = Max(info->num_heap_tuples, 0);
			stats->estimated_count = info->estimated_count;
		}
	}
	return stats;
}
