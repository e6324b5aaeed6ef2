/*
 * rows.c -- the TIDs of nodes, and off-graph rows.
 *
 * A node's rows are its own TID and those in its chain of postings.  The chain is read
 * record by record, with one lock at a time, and in pieces: a node may have a million rows,
 * and most scans want ten.
 *
 * A vacuum may free the next record if it has no rows left, between two pieces or within
 * one.  The record then belongs to another node, or to none, and the chain continues where
 * the record before it now points to.  If that one is gone, too, the chain is read again
 * from its head.  A record that was freed and has become the new head of the same node
 * leads to the others once more.  So that each row is returned once, a scan remembers which
 * records it has read: TIDs never move between records, and those added since then are too
 * new for the scan's snapshot.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "filter/condition.h"
#include "hnsw/graph/rows.h"
#include "storage/rowcheck.h"

/* If a piece of a chain has been looked for this often, the index is damaged. */
#define MAX_RESTARTS 1000

/* Number of rows of a piece; the last record may add a few more. */
#define PIECE 48

void
OhTidListInit(OhTidList *rows, MemoryContext context)
{
	rows->n = rows->next = 0;
	rows->allocated = 64;
	rows->tid = MemoryContextAlloc(context, sizeof(ItemPointerData) * rows->allocated);
}

static void
add(OhTidList *rows, const ItemPointerData *tid)
{
	if (rows->n == rows->allocated)
	{
		rows->allocated *= 2;
		rows->tid = repalloc_huge(rows->tid, sizeof(ItemPointerData) * rows->allocated);
	}
	rows->tid[rows->n++] = *tid;
}

/*
 * chain_of -- read the first posting of a node; OH_NONE if the node is no longer live.
 */
static uint32
chain_of(OhIndex *ix, uint32 id)
{
	Buffer		buffer = OhRecordPage(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE);
	OhNodeData *node = OhRecord(&ix->file, OH_NODE, BufferGetPage(buffer), id);
	uint32		posting = node->state == OH_LIVE ? node->posting : OH_NONE;

	UnlockReleaseBuffer(buffer);
	return posting;
}

/* ---- records that have been read ---- */

#define PART_WORDS 512			/* words of a part of a set: 32,768 records */
#define PART_BITS (PART_WORDS * 64)

void
OhReadSetInit(OhReadSet *set, MemoryContext context)
{
	set->context = context;
	set->part = NULL;
	set->nparts = 0;
}

/*
 * add_read -- add a record to the set; false: it is there already.
 */
static bool
add_read(OhReadSet *set, uint32 at)
{
	uint32		i = at / PART_BITS;
	uint64		bit = UINT64CONST(1) << at % 64;
	uint64	   *word;

	if (i >= set->nparts)
	{
		uint32		n = i + i / 4 + 8;
		uint64	  **part = MemoryContextAllocZero(set->context, sizeof(uint64 *) * n);

		if (set->nparts > 0)
			memcpy(part, set->part, sizeof(uint64 *) * set->nparts);
		set->part = part;
		set->nparts = n;
	}
	if (set->part[i] == NULL)
		set->part[i] = MemoryContextAllocZero(set->context, sizeof(uint64) * PART_WORDS);
	word = &set->part[i][at % PART_BITS / 64];
	if ((*word & bit) != 0)
		return false;
	*word |= bit;
	return true;
}

/* ---- chains ---- */

void
OhChainBegin(OhChain *chain, uint32 node, uint32 posting)
{
	chain->node = node;
	chain->next = posting;
	chain->last = OH_NONE;
	chain->hash = OH_MIXED;
}

/*
 * read_posting -- copy the record; false: it does not belong to this node.
 */
static bool
read_posting(OhIndex *ix, uint32 node, uint32 at, OhPostingData *copy)
{
	Buffer		buffer;

	if (!OhArrayHas(&ix->file, OH_POSTING, at))
		return false;
	buffer = OhRecordPage(&ix->file, OH_POSTING, at, BUFFER_LOCK_SHARE);
	*copy = *(OhPostingData *) OhRecord(&ix->file, OH_POSTING, BufferGetPage(buffer), at);
	UnlockReleaseBuffer(buffer);
	return copy->node == node;
}

/*
 * find_next -- the next record no longer belongs to the node: find out where the chain
 * continues.
 */
static void
find_next(OhIndex *ix, OhChain *chain)
{
	OhPostingData record;

	if (chain->last != OH_NONE && read_posting(ix, chain->node, chain->last, &record) &&
		record.next != chain->next)
		chain->next = record.next;
	else
		chain->next = chain_of(ix, chain->node);
	chain->last = OH_NONE;
}

void
OhChainNext(OhIndex *ix, OhChain *chain, OhReadSet *seen, OhTidList *rows)
{
	int			restarts = 0;
	uint64		steps = 0;
	bool		first = true;

	rows->n = rows->next = 0;
	while (chain->next != OH_NONE && rows->n < PIECE)
	{
		uint32		at = chain->next;
		OhPostingData record;
		bool		alone;

		CHECK_FOR_INTERRUPTS();
		if (!read_posting(ix, chain->node, at, &record))
		{
			if (++restarts > MAX_RESTARTS)
				OhReportCorruption(ix->file.rel, OhRecordBlock(&ix->file, OH_NODE, chain->node),
								   "node %u has posting %u, which is not its own", chain->node, at);
			find_next(ix, chain);
			continue;
		}
		/* a record that was read before a restart counts as a step, too */
		if (++steps > 8 * (uint64) ix->file.array[OH_POSTING].npages * ix->file.array[OH_POSTING].per_page)
			OhReportCorruption(ix->file.rel, OhRecordBlock(&ix->file, OH_POSTING, at),
							   "the postings of node %u form a circle", chain->node);
		/*
		 * No reader comes back to a chain of one record.  But one may come back to the last
		 * record of several: the record that was to come next can be freed and become the
		 * new head, which leads to all others again.
		 */
		alone = chain->last == OH_NONE && restarts == 0 && record.next == OH_NONE;
		chain->last = at;
		chain->next = record.next;
		if (!alone && !add_read(seen, at))
			continue;
		OhCheckRows(&ix->file, record.tid, OH_POSTING_TIDS, OH_POSTING, OhLp(&ix->file, OH_POSTING, at));
		if (first)
			chain->hash = record.hash;
		first = false;
		for (int i = 0; i < OH_POSTING_TIDS; i++)
		{
			if (ItemPointerIsValid(&record.tid[i]))
				add(rows, &record.tid[i]);
		}
	}
}

void
OhReadNodeRows(OhIndex *ix, uint32 id, OhForms *forms, OhFoundNode *head,
			   OmRefineBase *base)
{
	int			rounds = 0;

	for (;;)
	{
		Buffer		buffer = OhRecordPage(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE);
		OhNodeData *node = OhRecord(&ix->file, OH_NODE, BufferGetPage(buffer), id);
		const OmQuantizer *quant = NULL;
		const OhForm *form = OhFormOf(forms, ix, node->tag, &quant);
		bool		live = node->state == OH_LIVE;

		head->id = id;
		head->error = 0;
		head->refined_error = -1;
		head->tag = node->tag;
		head->posting = OH_NONE;
		ItemPointerSetInvalid(&head->tid);
		if (forms->refined)
			memset(base, 0, sizeof(OmRefineBase));
		if (live && form != NULL)
		{
			head->error = om_quant_error(quant, form->query, OhNodeCode(node));
			if (forms->unrounded)
				head->unrounded = om_quant_unrounded(quant, form->query, OhNodeCode(node));
			head->posting = node->posting;
			head->tid = node->tid;
			if (forms->refined)
				om_quant_refine_base(quant, form->query, form->refine, OhNodeCode(node), base);
		}
		UnlockReleaseBuffer(buffer);
		OhCheckRows(&ix->file, &head->tid, 1, OH_NODE, OhLp(&ix->file, OH_NODE, id));
		if (!live || form != NULL)
			return;
		OhFormsNeed(forms, ix, id, head->tag, &rounds);
	}
}

int
OhRowsOfNodePage(OhIndex *ix, uint32 lp, OhFilter *filter, OhTidList *rows,
				 OhChain *chains)
{
	uint32		per_page = ix->file.array[OH_NODE].per_page;
	Buffer		buffer;
	Page		page;
	uint32		nused;
	int			nchains = 0;

	if (filter != NULL)
		OhFilterLoadRecords(filter, lp * per_page, per_page);
	buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	nused = OhPageUsed(&ix->file, OH_NODE, buffer);
	rows->n = rows->next = 0;
	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, slot);

		bool		wanted = node->state == OH_LIVE &&
			(filter == NULL || OhFilterBit(filter, lp * per_page + slot));

		if (wanted && node->posting != OH_NONE)
			OhChainBegin(&chains[nchains++], lp * per_page + slot, node->posting);
		if (wanted && ItemPointerIsValid(&node->tid))
			add(rows, &node->tid);
	}
	UnlockReleaseBuffer(buffer);
	OhCheckRows(&ix->file, rows->tid, rows->n, OH_NODE, lp);
	return nchains;
}

void
OhRowsOfNullPage(OhIndex *ix, uint32 lp, uint16 kind,
				 const OhConditions *conditions, OhTidList *rows)
{
	Buffer		buffer = OhArrayRead(&ix->file, OH_NULLS, lp, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	uint32		nused = OhPageUsed(&ix->file, OH_NULLS, buffer);

	rows->n = rows->next = 0;
	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhNullData *record = OhSlot(&ix->file, OH_NULLS, page, slot);

		if (record->kind == kind &&
			(conditions == NULL || OhConditionsRow(conditions, (OhKeyRow *) (record + 1))))
			add(rows, &record->tid);
	}
	UnlockReleaseBuffer(buffer);
	OhCheckRows(&ix->file, rows->tid, rows->n, OH_NULLS, lp);
}
