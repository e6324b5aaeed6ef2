/*
 * bulkdelete.c -- ambulkdelete: removes TIDs.
 *
 * It removes TIDs, and flags a node that has none left as dead.  Correctness needs no more.
 * It may run several times in one vacuum, or not at all.  cleanup.c does
 * the rest.
 *
 * Slots carry no transaction ID.  A search that follows an old link to a freed slot finds it
 * free, or finds another node, whose rows are too new for its snapshot.
 *
 * Locks: one page at a time, except when a node with postings becomes dead.  Then the node's page is
 * locked, so that inserts cannot add to the chain, and the pages of its postings are
 * locked one after the other, each only if that is possible without waiting.  Empty records have been
 * removed from chains before (trim.c), so that few are left to look at.
 */
#include "postgres.h"

#include "access/genam.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "hnsw/callbacks.h"
#include "hnsw/stats/counters.h"
#include "hnsw/vacuum/vacuum.h"
#include "storage/bitset.h"
#include "storage/wait.h"
#include "storage/wal.h"

typedef struct BulkDelete
{
	OhIndex    *ix;
	IndexBulkDeleteCallback callback;
	void	   *callback_state;
	OhBitset	has_posting;	/* nodes with a TID in a posting */
	uint32		beyond;			/* a posting on a page that this backend does not know of, or
								 * OH_NONE */
	bool		marked;			/* the metapage says that there are dead nodes to clean up */
	double		kept;
	double		removed;
} BulkDelete;

static bool
is_dead(BulkDelete *bulk, ItemPointer tid)
{
	if (bulk->callback(tid, bulk->callback_state))
	{
		bulk->removed++;
		return true;
	}
	bulk->kept++;
	return false;
}

/*
 * delete_nulls -- free the slots of dead off-graph rows.
 */
static void
delete_nulls(BulkDelete *bulk)
{
	OhIndex    *ix = bulk->ix;
	uint32		npages = OhArrayPages(&ix->file, OH_NULLS);
	uint16	   *dead = palloc(sizeof(uint16) * ix->file.array[OH_NULLS].per_page);

	for (uint32 lp = 0; lp < npages; lp++)
	{
		Buffer		buffer;
		Page		page;
		uint32		nused;
		int			ndead = 0;

		om_vacuum_delay_point();
		buffer = OhArrayRead(&ix->file, OH_NULLS, lp, BUFFER_LOCK_EXCLUSIVE);
		page = BufferGetPage(buffer);
		nused = OhPageUsed(&ix->file, OH_NULLS, buffer);
		for (uint32 slot = 0; slot < nused; slot++)
		{
			OhNullData *row = OhSlot(&ix->file, OH_NULLS, page, slot);

			if (row->kind != OH_ROW_FREE && is_dead(bulk, &row->tid))
				dead[ndead++] = slot;
		}
		if (ndead > 0)
		{
			OhWrite		write;

			OhWriteStart(&write, &ix->file);
			page = OhWritePage(&write, buffer, false);
			for (int i = 0; i < ndead; i++)
				OhPageFreeSlot(&ix->file, OH_NULLS, page, dead[i]);
			OhWriteFinish(&write);
		}
		UnlockReleaseBuffer(buffer);
	}
	pfree(dead);
}

/*
 * delete_postings -- remove dead TIDs from postings, and note the nodes that have TIDs left there.
 */
static void
delete_postings(BulkDelete *bulk)
{
	OhIndex    *ix = bulk->ix;
	uint32		npages = OhArrayPages(&ix->file, OH_POSTING);
	uint32		max_node = OhArrayRecords(&ix->file, OH_NODE);
	uint8	   *dead = palloc(ix->file.array[OH_POSTING].per_page);

	for (uint32 lp = 0; lp < npages; lp++)
	{
		Buffer		buffer;
		Page		page;
		uint32		nused;
		bool		any = false;

		om_vacuum_delay_point();
		buffer = OhArrayRead(&ix->file, OH_POSTING, lp, BUFFER_LOCK_EXCLUSIVE);
		page = BufferGetPage(buffer);
		nused = OhPageUsed(&ix->file, OH_POSTING, buffer);
		for (uint32 slot = 0; slot < nused; slot++)
		{
			OhPostingData *posting = OhSlot(&ix->file, OH_POSTING, page, slot);

			dead[slot] = 0;
			if (posting->node == OH_NONE)
				continue;
			for (int i = 0; i < OH_POSTING_TIDS; i++)
			{
				if (!ItemPointerIsValid(&posting->tid[i]))
					continue;
				if (is_dead(bulk, &posting->tid[i]))
					dead[slot] |= 1 << i;
				/* nodes from max_node on are newer: look_at_chain() reads their postings */
				else if (posting->node < max_node)
				{
					OhBitsetGrow(&bulk->has_posting, posting->node);
					OhBitsetAdd(&bulk->has_posting, posting->node);
				}
			}
			any |= dead[slot] != 0;
		}
		if (any)
		{
			OhWrite		write;

			OhWriteStart(&write, &ix->file);
			page = OhWritePage(&write, buffer, false);
			for (uint32 slot = 0; slot < nused; slot++)
			{
				OhPostingData *posting = OhSlot(&ix->file, OH_POSTING, page, slot);

				for (int i = 0; dead[slot] != 0 && i < OH_POSTING_TIDS; i++)
				{
					if (dead[slot] & (1 << i))
						ItemPointerSetInvalid(&posting->tid[i]);
				}
			}
			OhWriteFinish(&write);
		}
		UnlockReleaseBuffer(buffer);
	}
	pfree(dead);
}

StaticAssertDecl(OH_POSTING_TIDS <= 8, "one byte holds a flag a TID");

static void
kill_node(OhNodeData *node)
{
	node->state = OH_DEAD;
	node->version++;
}

typedef enum ChainState
{
	CHAIN_EMPTY,				/* no TID in any record */
	CHAIN_HAS_TID,
	CHAIN_BUSY,					/* a page could not be locked at once, or is not known */
	CHAIN_LONG					/* too many empty records to be looked at under a lock */
} ChainState;

/* Records that are read with the node's page locked, at most. */
#define MOST_RECORDS 64

/*
 * look_at_chain -- does a node have TIDs in its postings?
 *
 * The caller has locked the node's page, so that no TID is added to the chain.
 */
static ChainState
look_at_chain(BulkDelete *bulk, uint32 id, uint32 head)
{
	OhIndex    *ix = bulk->ix;
	uint32		per_page = ix->file.array[OH_POSTING].per_page;
	uint32		limit = ix->file.array[OH_POSTING].npages * per_page;
	int			steps = 0;
	BlockNumber block = InvalidBlockNumber;
	Buffer		buffer = InvalidBuffer;
	ChainState	result = CHAIN_EMPTY;

	for (uint32 at = head; at != OH_NONE && result == CHAIN_EMPTY;)
	{
		BlockNumber wanted;
		OhPostingData *posting;

		if (at >= limit)
		{
			/* the directory must not be read while a page is locked */
			bulk->beyond = at;
			result = CHAIN_BUSY;
			break;
		}
		if (steps++ >= MOST_RECORDS)
		{
			/* it may be a circle, too, which OhTrimChain() will report */
			result = CHAIN_LONG;
			break;
		}
		wanted = OhArrayBlock(&ix->file, OH_POSTING, at / per_page);
		if (wanted != block)
		{
			if (BufferIsValid(buffer))
				UnlockReleaseBuffer(buffer);
			buffer = ReadBufferExtended(ix->file.rel, MAIN_FORKNUM, wanted, RBM_NORMAL,
										ix->file.strategy);
			block = wanted;
			if (!ConditionalLockBuffer(buffer))
			{
				ReleaseBuffer(buffer);
				return CHAIN_BUSY;
			}
			OhVerifyPage(bulk->ix->file.rel, buffer, block, OH_PAGE_ARRAY + OH_POSTING);
		}
		posting = OhSlot(&ix->file, OH_POSTING, BufferGetPage(buffer), at % per_page);
		if (posting->node != id)
			OhReportCorruption(bulk->ix->file.rel, block, "posting %u belongs to node %u, not %u",
							   at, posting->node, id);
		for (int i = 0; i < OH_POSTING_TIDS; i++)
		{
			if (ItemPointerIsValid(&posting->tid[i]))
				result = CHAIN_HAS_TID;
		}
		at = posting->next;
	}
	if (BufferIsValid(buffer))
		UnlockReleaseBuffer(buffer);
	return result;
}

/*
 * kill_if_empty -- flag the nodes in slots[n] of a page as dead whose postings are all empty.
 *
 * Those whose postings could not be read without waiting are tried again.
 */
static void
kill_if_empty(BulkDelete *bulk, uint32 lp, uint16 *slots, int n)
{
	OhIndex    *ix = bulk->ix;

	while (n > 0)
	{
		Buffer		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_EXCLUSIVE);
		Page		page = BufferGetPage(buffer);
		uint16	   *dying = palloc(sizeof(uint16) * n);
		int			ndying = 0;
		int			nbusy = 0;
		uint32		too_long = OH_NONE;

		for (int i = 0; i < n; i++)
		{
			OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, slots[i]);

			if (node->state != OH_LIVE || ItemPointerIsValid(&node->tid))
				continue;
			switch (look_at_chain(bulk, lp * ix->file.array[OH_NODE].per_page + slots[i], node->posting))
			{
				case CHAIN_EMPTY:
					dying[ndying++] = slots[i];
					break;
				case CHAIN_HAS_TID:
					break;
				case CHAIN_LONG:
					too_long = lp * ix->file.array[OH_NODE].per_page + slots[i];
					/* FALLTHROUGH */
				case CHAIN_BUSY:
					slots[nbusy++] = slots[i];
					break;
			}
		}
		if (ndying > 0)
		{
			OhWrite		write;

			OhWriteStart(&write, &ix->file);
			page = OhWritePage(&write, buffer, false);
			for (int i = 0; i < ndying; i++)
				kill_node(OhSlot(&ix->file, OH_NODE, page, dying[i]));
			OhWriteFinish(&write);
		}
		UnlockReleaseBuffer(buffer);
		pfree(dying);
		n = nbusy;
		if (too_long != OH_NONE)
			OhTrimChain(ix, too_long);
		else if (n > 0)
		{
			CHECK_FOR_INTERRUPTS();
			if (bulk->beyond != OH_NONE &&
				!OhArrayHas(&ix->file, OH_POSTING, bulk->beyond))
				OhReportCorruption(bulk->ix->file.rel, OhArrayBlock(&ix->file, OH_NODE, lp),
								   "a chain of postings leads to record %u, which does not exist",
								   bulk->beyond);
			bulk->beyond = OH_NONE;
			OhSleep(1, OH_WAIT_PAGE);
		}
	}
}

/*
 * mark_unclean -- note that flagged nodes wait for a cleanup, whether or not this
 * vacuum gets there and the next one has anything to delete.
 */
static void
mark_unclean(BulkDelete *bulk)
{
	Buffer		buffer = OhReadBlock(bulk->ix->file.rel, OH_META_BLOCK, OH_PAGE_META,
									 BUFFER_LOCK_EXCLUSIVE);

	if (!(OhMeta(BufferGetPage(buffer))->unclean & OH_UNCLEAN_NODES))
	{
		OhWrite		write;

		OhWriteStart(&write, &bulk->ix->file);
		OhMeta(OhWritePage(&write, buffer, false))->unclean |= OH_UNCLEAN_NODES;
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
	bulk->marked = true;
}

/*
 * delete_nodes -- remove dead TIDs from nodes, and flag nodes without any as dead.
 */
static void
delete_nodes(BulkDelete *bulk)
{
	OhIndex    *ix = bulk->ix;
	uint32		npages = OhArrayPages(&ix->file, OH_NODE);
	uint32		per_page = ix->file.array[OH_NODE].per_page;
	uint16	   *dead = palloc(sizeof(uint16) * per_page);
	uint16	   *unsure = palloc(sizeof(uint16) * per_page);

	/* the node of a posting that was emptied may become dead below */
	if (bulk->removed > 0)
		mark_unclean(bulk);
	for (uint32 lp = 0; lp < npages; lp++)
	{
		Buffer		buffer;
		Page		page;
		uint32		nused;
		int			ndead = 0;
		int			nunsure = 0;
		double		kept = bulk->kept;
		double		removed = bulk->removed;

		om_vacuum_delay_point();
		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_EXCLUSIVE);
		page = BufferGetPage(buffer);
		nused = OhPageUsed(&ix->file, OH_NODE, buffer);
		for (uint32 slot = 0; slot < nused; slot++)
		{
			OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, slot);
			uint32		id = lp * per_page + slot;

			if (node->state == OH_FREE)
				continue;
			if (ItemPointerIsValid(&node->tid) && is_dead(bulk, &node->tid))
				dead[ndead++] = slot;
			else if (ItemPointerIsValid(&node->tid))
				continue;
			if (node->state == OH_LIVE && node->posting != OH_NONE &&
				!OhBitsetHas(&bulk->has_posting, id))
				unsure[nunsure++] = slot;
		}
		if (ndead > 0 && !bulk->marked)
		{
			/* block 0 must be locked before other pages: mark it, and process this page again */
			UnlockReleaseBuffer(buffer);
			mark_unclean(bulk);
			bulk->kept = kept;
			bulk->removed = removed;
			lp--;
			continue;
		}
		if (ndead > 0)
		{
			OhWrite		write;

			OhWriteStart(&write, &ix->file);
			page = OhWritePage(&write, buffer, false);
			for (int i = 0; i < ndead; i++)
			{
				OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, dead[i]);

				ItemPointerSetInvalid(&node->tid);
				if (node->state == OH_LIVE && node->posting == OH_NONE)
					kill_node(node);
			}
			OhWriteFinish(&write);
		}
		UnlockReleaseBuffer(buffer);
		kill_if_empty(bulk, lp, unsure, nunsure);
	}
	pfree(dead);
	pfree(unsure);
}

/*
 * ohbulkdelete -- ambulkdelete.  The callback is called once for each TID, or again where a page is gone through again.
 *
 * Postings come first, because a node is only dead if its postings are empty.  TIDs that are added during
 * the scan are not among those to be removed.
 */
IndexBulkDeleteResult *
ohbulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
			 IndexBulkDeleteCallback callback, void *callback_state)
{
	BulkDelete	bulk = {0};
	MemoryContext context;
	MemoryContext old;
	instr_time	from;

	INSTR_TIME_SET_CURRENT(from);
	if (stats == NULL)
		stats = (IndexBulkDeleteResult *) palloc0(sizeof(IndexBulkDeleteResult));
	context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw bulk delete",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	bulk.ix = OhVacuumOpen(info);
	bulk.callback = callback;
	bulk.callback_state = callback_state;
	bulk.beyond = OH_NONE;
	OhBitsetInit(&bulk.has_posting, 0, context);
	delete_nulls(&bulk);
	delete_postings(&bulk);
	/* before nodes are processed, so that of a chain without rows only the first record is left */
	if (bulk.removed > 0)
		OhTrimChains(bulk.ix);
	delete_nodes(&bulk);
	OhVacuumClose(bulk.ix);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);

	stats->estimated_count = false;
	stats->num_index_tuples = bulk.kept;
	stats->tuples_removed += bulk.removed;
	OhCountVacuum(info->index, from, OH_COUNT_REMOVED, bulk.removed);
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	return stats;
}
