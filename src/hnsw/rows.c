/*
 * rows.c -- the heap rows of nodes, and the rows without a position.
 *
 * A node's rows are its own TID and those in its chain of postings.  The chain
 * is read record by record, one lock at a time.  A record that is no longer the
 * node's has been freed by a vacuum, and the chain is read again; one that is
 * the node's again, as a new head, leads to records that were read before, so
 * that TIDs may be met twice.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/rows.h"

/* A chain is read again so often before it is called damaged. */
#define MAX_RESTARTS 1000

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

/*
 * chain_of -- the first posting of a node, OH_NONE if it is no longer live.
 */
static uint32
chain_of(Relation index, OhIndex *ix, uint32 id)
{
	Buffer		buffer = OhArrayRead(index, ix, OH_NODE, OhLp(ix, OH_NODE, id), BUFFER_LOCK_SHARE);
	OhNodeData *node = OhSlot(ix, OH_NODE, BufferGetPage(buffer), OhSlotOf(ix, OH_NODE, id));
	uint32		posting = node->state == OH_LIVE ? node->posting : OH_NONE;

	UnlockReleaseBuffer(buffer);
	return posting;
}

static int
compare_tids(const void *a, const void *b)
{
	return ItemPointerCompare((ItemPointer) a, (ItemPointer) b);
}

/*
 * drop_repeated -- sort the list from a place on, and keep each TID once.
 */
static void
drop_repeated(OhRows *rows, int from)
{
	int			n = from + 1;

	qsort(rows->tid + from, rows->n - from, sizeof(ItemPointerData), compare_tids);
	for (int i = from + 1; i < rows->n; i++)
	{
		if (!ItemPointerEquals(&rows->tid[i], &rows->tid[n - 1]))
			rows->tid[n++] = rows->tid[i];
	}
	rows->n = n;
}

/*
 * add_postings -- the rows of a chain, each once.
 */
static void
add_postings(Relation index, OhIndex *ix, uint32 id, uint32 posting, OhRows *rows)
{
	int			from = rows->n;
	int			restarts = 0;
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
		{
			if (++restarts > MAX_RESTARTS)
				OhCorrupt(index, OhArrayBlock(index, ix, OH_POSTING, OhLp(ix, OH_POSTING, posting)),
						  "posting %u belongs to node %u, not %u", posting, record.node, id);
			posting = chain_of(index, ix, id);
			rows->n = from;
			steps = 0;
			continue;
		}
		for (int i = 0; i < OH_POSTING_TIDS; i++)
		{
			if (ItemPointerIsValid(&record.tid[i]))
				add(rows, &record.tid[i]);
		}
		posting = record.next;
		/* records met twice are few */
		if (++steps > 8 * (uint64) ix->array[OH_POSTING].npages * ix->array[OH_POSTING].per_page)
			OhCorrupt(index, OhArrayBlock(index, ix, OH_POSTING, OhLp(ix, OH_POSTING, posting)),
					  "the postings of node %u form a circle", id);
	}
	if (steps > 1 && rows->n > from + 1)
		drop_repeated(rows, from);
}

void
OhReadNodeRows(Relation index, OhIndex *ix, uint32 id, const OmQuery *query,
			   const OmRefineQuery *refine, OhNodeRows *head, OmRefineBase *base)
{
	Buffer		buffer = OhArrayRead(index, ix, OH_NODE, OhLp(ix, OH_NODE, id), BUFFER_LOCK_SHARE);
	OhNodeData *node = OhSlot(ix, OH_NODE, BufferGetPage(buffer), OhSlotOf(ix, OH_NODE, id));

	head->id = id;
	head->error = 0;
	head->refined_error = -1;
	head->posting = OH_NONE;
	ItemPointerSetInvalid(&head->tid);
	if (node->state == OH_LIVE)
	{
		head->error = om_quant_error(ix->quant, query, OhNodeCode(node));
		head->posting = node->posting;
		head->tid = node->tid;
		if (refine != NULL)
			om_quant_refine_base(ix->quant, query, refine, OhNodeCode(node), base);
	}
	else if (refine != NULL)
		memset(base, 0, sizeof(OmRefineBase));
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
OhRowsOfNodePage(Relation index, OhIndex *ix, uint32 lp, OhFilter *filter, OhRows *rows)
{
	uint32		per_page = ix->array[OH_NODE].per_page;
	Buffer		buffer;
	Page		page;
	uint32		nused;
	uint32		posting[BLCKSZ / sizeof(OhNodeData)];

	if (filter != NULL)
		OhFilterLoadNodes(filter, lp * per_page, per_page);
	buffer = OhArrayRead(index, ix, OH_NODE, lp, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	nused = OhTail(page)->nused;
	rows->n = rows->next = 0;
	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhNodeData *node = OhSlot(ix, OH_NODE, page, slot);

		bool		wanted = node->state == OH_LIVE &&
			(filter == NULL || OhFilterBit(filter, lp * per_page + slot));

		posting[slot] = wanted ? node->posting : OH_NONE;
		if (wanted && ItemPointerIsValid(&node->tid))
			add(rows, &node->tid);
	}
	UnlockReleaseBuffer(buffer);
	for (uint32 slot = 0; slot < nused; slot++)
		add_postings(index, ix, lp * per_page + slot, posting[slot], rows);
}

void
OhRowsOfNullPage(Relation index, OhIndex *ix, uint32 lp, uint16 kind,
				 const OhConditions *conditions, OhRows *rows)
{
	Buffer		buffer = OhArrayRead(index, ix, OH_NULLS, lp, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	uint32		nused = OhTail(page)->nused;

	rows->n = rows->next = 0;
	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhNullData *record = OhSlot(ix, OH_NULLS, page, slot);

		if (record->kind == kind &&
			(conditions == NULL || OhConditionsRow(conditions, (OhAttrRow *) (record + 1))))
			add(rows, &record->tid);
	}
	UnlockReleaseBuffer(buffer);
}
