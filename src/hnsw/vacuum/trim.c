/*
 * trim.c -- frees empty postings in the chains of live nodes.
 *
 * If a row is updated again and again without a change of its vector, its node gets a
 * further posting each time the first one of its chain is full.  Vacuum empties
 * them.  If they were not freed, they would stay as long as the node lives, and every
 * search that returns the node would read them all.
 *
 * The first posting of a chain is kept, because inserts add rows to it.  Only vacuum changes
 * the others, so that it need not lock the node.  A reader that finds a posting freed reads the chain
 * again (rows.c).
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "compat.h"
#include "hnsw/vacuum/vacuum.h"
#include "storage/bitset.h"
#include "storage/wal.h"

/* Postings that are freed in one WAL record, at most. */
#define TRIM_MAX 256

typedef struct Trim
{
	OhIndex    *ix;
	uint32		nnodes;			/* the sets have nodes below this */
	OhBitset	has_empty;		/* a posting of the node has no row */
	OhBitset	has_next;		/* a posting of the node is not its last */
} Trim;

static bool
is_empty(const OhPostingData *posting)
{
	for (int i = 0; i < OH_POSTING_TIDS; i++)
	{
		if (ItemPointerIsValid(&posting->tid[i]))
			return false;
	}
	return true;
}

/*
 * note_chains -- find the nodes whose chains may have something to trim.
 */
static void
note_chains(Trim *t)
{
	OhIndex    *ix = t->ix;
	uint32		npages = OhArrayPages(&ix->file, OH_POSTING);

	for (uint32 lp = 0; lp < npages; lp++)
	{
		Buffer		buffer;
		Page		page;
		uint32		nused;

		om_vacuum_delay_point();
		buffer = OhArrayRead(&ix->file, OH_POSTING, lp, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		nused = OhPageUsed(&ix->file, OH_POSTING, buffer);
		for (uint32 slot = 0; slot < nused; slot++)
		{
			OhPostingData *posting = OhSlot(&ix->file, OH_POSTING, page, slot);

			if (posting->node >= t->nnodes)
				continue;		/* free, or of a node younger than this vacuum */
			if (is_empty(posting))
				OhBitsetAdd(&t->has_empty, posting->node);
			if (posting->next != OH_NONE)
				OhBitsetAdd(&t->has_next, posting->node);
		}
		UnlockReleaseBuffer(buffer);
	}
}

/*
 * first_posting -- the first posting of a live node; OH_NONE if it has none, or is not live.
 */
static uint32
first_posting(Trim *t, uint32 id)
{
	OhIndex    *ix = t->ix;
	Buffer		buffer = OhRecordPage(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE);
	OhNodeData *node = OhRecord(&ix->file, OH_NODE, BufferGetPage(buffer), id);
	uint32		posting = node->state == OH_LIVE ? node->posting : OH_NONE;

	UnlockReleaseBuffer(buffer);
	return posting;
}

/*
 * read_posting -- copy a posting of the chain of node id.
 */
static OhPostingData
read_posting(Trim *t, uint32 id, uint32 at)
{
	OhIndex    *ix = t->ix;
	Buffer		buffer;
	OhPostingData copy;

	/* raises an error if there is no such page */
	buffer = OhRecordPage(&ix->file, OH_POSTING, at, BUFFER_LOCK_SHARE);
	copy = *(OhPostingData *) OhRecord(&ix->file, OH_POSTING, BufferGetPage(buffer), at);
	UnlockReleaseBuffer(buffer);
	if (copy.node != id)
		OhReportCorruption(t->ix->file.rel, OhRecordBlock(&ix->file, OH_POSTING, at),
						   "posting %u belongs to node %u, not %u", at, copy.node, id);
	return copy;
}

/*
 * unlink_run -- free the postings run[n], all on one page, which are between `before` and `next` in
 * their chain.
 */
static void
unlink_run(Trim *t, uint32 before, const uint32 *run, int n, uint32 next)
{
	OhIndex    *ix = t->ix;
	uint32		before_lp = OhLp(&ix->file, OH_POSTING, before);
	uint32		run_lp = OhLp(&ix->file, OH_POSTING, run[0]);
	bool		first = OhArrayBlock(&ix->file, OH_POSTING, before_lp) <
		OhArrayBlock(&ix->file, OH_POSTING, run_lp);
	Buffer		before_buffer = InvalidBuffer;
	Buffer		run_buffer;
	OhWrite		write;
	Page		page;
	OhPostingData *posting;

	if (before_lp != run_lp && first)
		before_buffer = OhArrayRead(&ix->file, OH_POSTING, before_lp, BUFFER_LOCK_EXCLUSIVE);
	run_buffer = OhArrayRead(&ix->file, OH_POSTING, run_lp, BUFFER_LOCK_EXCLUSIVE);
	if (before_lp != run_lp && !first)
		before_buffer = OhArrayRead(&ix->file, OH_POSTING, before_lp, BUFFER_LOCK_EXCLUSIVE);

	OhWriteStart(&write, &ix->file);
	page = OhWritePage(&write, run_buffer, false);
	for (int i = 0; i < n; i++)
	{
		/* a damaged chain may have a posting twice */
		if (OhSlotIsFree(&ix->file, OH_POSTING, page, OhSlotOf(&ix->file, OH_POSTING, run[i])))
			OhReportCorruption(t->ix->file.rel, BufferGetBlockNumber(run_buffer), "posting %u is in a chain twice",
							   run[i]);
		OhPageFreeSlot(&ix->file, OH_POSTING, page, OhSlotOf(&ix->file, OH_POSTING, run[i]));
	}
	if (BufferIsValid(before_buffer))
		page = OhWritePage(&write, before_buffer, false);
	posting = OhRecord(&ix->file, OH_POSTING, page, before);
	posting->next = next;
	OhWriteFinish(&write);
	if (BufferIsValid(before_buffer))
		UnlockReleaseBuffer(before_buffer);
	UnlockReleaseBuffer(run_buffer);
}

/*
 * trim_chain -- free the empty postings of a node but the first one.
 */
static void
trim_chain(Trim *t, uint32 id)
{
	OhIndex    *ix = t->ix;
	uint32		first = first_posting(t, id);
	uint32		before = first;
	uint32		run[TRIM_MAX];
	int			n = 0;
	uint64		steps = 0;
	uint32		at;

	if (before == OH_NONE)
		return;
	at = read_posting(t, id, before).next;
	while (at != OH_NONE || n > 0)
	{
		OhPostingData posting = {.next = OH_NONE};

		om_vacuum_delay_point();
		if (at != OH_NONE)
			posting = read_posting(t, id, at);
		if (n > 0 && (at == OH_NONE || n == TRIM_MAX || !is_empty(&posting) ||
					  OhLp(&ix->file, OH_POSTING, at) != OhLp(&ix->file, OH_POSTING, run[0])))
		{
			unlink_run(t, before, run, n, at);
			n = 0;
			continue;
		}
		if (is_empty(&posting))
			run[n++] = at;
		else
			before = at;
		at = posting.next;
		if (at == first ||
			++steps > (uint64) ix->file.array[OH_POSTING].npages * ix->file.array[OH_POSTING].per_page)
			OhReportCorruption(t->ix->file.rel, OH_META_BLOCK, "the postings of node %u form a circle", id);
	}
}

void
OhTrimChain(OhIndex *ix, uint32 id)
{
	Trim		t = {.ix = ix};

	trim_chain(&t, id);
}

void
OhTrimChains(OhIndex *ix)
{
	Trim		t = {.ix = ix};

	t.nnodes = OhArrayRecords(&ix->file, OH_NODE);
	OhBitsetInit(&t.has_empty, t.nnodes, CurrentMemoryContext);
	OhBitsetInit(&t.has_next, t.nnodes, CurrentMemoryContext);
	note_chains(&t);
	for (uint64 w = 0; w < t.has_empty.nwords; w++)
	{
		uint64		both = t.has_empty.word[w] & t.has_next.word[w];

		for (; both != 0; both &= both - 1)
			trim_chain(&t, w * 64 + pg_rightmost_one_pos64(both));
	}
	OhBitsetFree(&t.has_empty);
	OhBitsetFree(&t.has_next);
}
