/*
 * rows.c -- the heap rows of nodes, and the rows without a position.
 *
 * A node's rows are its own TID and those in its chain of postings.  The chain
 * is read record by record, one lock at a time: records stay in it until the
 * node dies, and a record that then belongs to somebody else ends the reading.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/rows.h"

void
OhRowsInit(OhRows *rows, MemoryContext context)
{
	rows->n = rows->next = 0;
	rows->allocated = 64;
	rows->tid = MemoryContextAlloc(context, sizeof(ItemPointerData) * rows->allocated);
}

static void
add(OhRows *rows, const ItemPointerData *tid)
{
	if (rows->n == rows->allocated)
	{
		rows->allocated *= 2;
		rows->tid = repalloc_huge(rows->tid, sizeof(ItemPointerData) * rows->allocated);
	}
	rows->tid[rows->n++] = *tid;
}

static void
add_postings(Relation index, OhIndex *ix, uint32 id, uint32 posting, OhRows *rows)
{
	uint64		steps = 0;

	while (posting != OH_NONE && OhArrayHas(index, ix, OH_POSTING, posting))
	{
		Buffer		buffer;
		OhPostingData record;

		CHECK_FOR_INTERRUPTS();
		buffer = OhArrayRead(index, ix, OH_POSTING, OhLp(ix, OH_POSTING, posting),
							 BUFFER_LOCK_SHARE);
		record = *(OhPostingData *) OhSlot(ix, OH_POSTING, BufferGetPage(buffer),
										   OhSlotOf(ix, OH_POSTING, posting));
		UnlockReleaseBuffer(buffer);
		if (record.node != id)
			return;
		for (int i = 0; i < OH_POSTING_TIDS; i++)
		{
			if (ItemPointerIsValid(&record.tid[i]))
				add(rows, &record.tid[i]);
		}
		posting = record.next;
		if (++steps > (uint64) ix->array[OH_POSTING].npages * ix->array[OH_POSTING].per_page)
			OhCorrupt(index, OhArrayBlock(index, ix, OH_POSTING, OhLp(ix, OH_POSTING, posting)),
					  "the postings of node %u form a circle", id);
	}
}

void
OhReadNodeRows(Relation index, OhIndex *ix, uint32 id, const OmQuery *query, OhNodeRows *head)
{
	Buffer		buffer = OhArrayRead(index, ix, OH_NODE, OhLp(ix, OH_NODE, id), BUFFER_LOCK_SHARE);
	OhNodeData *node = OhSlot(ix, OH_NODE, BufferGetPage(buffer), OhSlotOf(ix, OH_NODE, id));

	head->id = id;
	head->error = 0;
	head->posting = OH_NONE;
	ItemPointerSetInvalid(&head->tid);
	if (node->state == OH_LIVE)
	{
		head->error = om_quant_error(ix->quant, query, OhNodeCode(node));
		head->posting = node->posting;
		head->tid = node->tid;
	}
	UnlockReleaseBuffer(buffer);
}

void
OhRowsOfNode(Relation index, OhIndex *ix, const OhNodeRows *head, OhRows *rows)
{
	rows->n = rows->next = 0;
	if (ItemPointerIsValid(&head->tid))
		add(rows, &head->tid);
	add_postings(index, ix, head->id, head->posting, rows);
}

void
OhRowsOfNodePage(Relation index, OhIndex *ix, uint32 lp, OhRows *rows)
{
	uint32		per_page = ix->array[OH_NODE].per_page;
	Buffer		buffer = OhArrayRead(index, ix, OH_NODE, lp, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	uint32		nused = OhTail(page)->nused;
	uint32		posting[BLCKSZ / sizeof(OhNodeData)];

	rows->n = rows->next = 0;
	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhNodeData *node = OhSlot(ix, OH_NODE, page, slot);

		posting[slot] = node->state == OH_LIVE ? node->posting : OH_NONE;
		if (node->state == OH_LIVE && ItemPointerIsValid(&node->tid))
			add(rows, &node->tid);
	}
	UnlockReleaseBuffer(buffer);
	for (uint32 slot = 0; slot < nused; slot++)
		add_postings(index, ix, lp * per_page + slot, posting[slot], rows);
}

void
OhRowsOfNullPage(Relation index, OhIndex *ix, uint32 lp, uint16 kind, OhRows *rows)
{
	Buffer		buffer = OhArrayRead(index, ix, OH_NULLS, lp, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	uint32		nused = OhTail(page)->nused;

	rows->n = rows->next = 0;
	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhNullData *record = OhSlot(ix, OH_NULLS, page, slot);

		if (record->kind == kind)
			add(rows, &record->tid);
	}
	UnlockReleaseBuffer(buffer);
}
