/*
 * nodeslot.c -- finds a slot for a new node, and the page of its filter keys.
 *
 * Both are written in one WAL record, so both pages are locked together, in block order.
 * See insert.c for the steps of an insert.
 */
#include "postgres.h"

#include "filter/keypage.h"
#include "hnsw/insert/nodeslot.h"

/*
 * OhFindNodeSlots -- see nodeslot.h.
 *
 * The slot determines the node's id, and the id determines the page of its filter keys.  So
 * the slot that is free now tells which page to lock together with the node page.
 * Afterwards only slots whose filter keys are on that page may be taken.
 */
bool
OhFindNodeSlots(OhIndex *ix, uint32 lp, OhNodeSlots *slots)
{
	uint32		per_page = ix->file.array[OH_NODE].per_page;
	uint64		first = (uint64) lp * per_page;
	uint64		first_key;
	Buffer		buffer;
	bool		has_free;
	uint32		slot;

	slots->lp = lp;
	slots->from = 0;
	slots->to = per_page;
	if (ix->columns.n == 0)
		return true;
	buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_SHARE);
	has_free = OhPageHasFree(&ix->file, OH_NODE, BufferGetPage(buffer));
	slot = OhPageFindSlot(&ix->file, OH_NODE, BufferGetPage(buffer), BufferGetBlockNumber(buffer), 0,
						  per_page);
	UnlockReleaseBuffer(buffer);
	if (!has_free)
		return false;
	slots->key_lp = (first + slot) / ix->columns.per_page;
	first_key = (uint64) slots->key_lp * ix->columns.per_page;
	slots->from = first_key > first ? first_key - first : 0;
	slots->to = Min(per_page, first_key + ix->columns.per_page - first);
	OhKeyPageReserve(&ix->columns, first + slot);
	return true;
}

int
OhNodeSlotPages(const OhIndex *ix, const OhNodeSlots *slots, OhPageRef *pages)
{
	pages[0].array = OH_NODE;
	pages[0].lp = slots->lp;
	pages[0].lockmode = BUFFER_LOCK_EXCLUSIVE;
	if (ix->columns.n == 0)
		return 1;
	pages[1].array = OH_FILTER_KEY;
	pages[1].lp = slots->key_lp;
	pages[1].lockmode = BUFFER_LOCK_EXCLUSIVE;
	return 2;
}

bool
OhNodeSlotIsFree(const OhIndex *ix, const OhNodeSlots *slots, const OhPageRef *pages)
{
	Page		page = BufferGetPage(pages[0].buffer);

	if (OhPageFindSlot(&ix->file, OH_NODE, page, pages[0].block, slots->from, slots->to) == OH_NONE)
		return false;
	if (ix->columns.n > 0)
		OhKeyPageVerify(&ix->columns, BufferGetPage(pages[1].buffer), pages[1].block);
	return true;
}

uint32
OhTakeNodeSlot(const OhNewNode *new, OhWrite *write, const OhNodeSlots *slots, const OhPageRef *pages,
			   ItemPointer tid, OhLinkList *list, const OhLinkCodes *codes)
{
	OhIndex    *ix = new->ix;
	Page		page = OhWritePage(write, pages[0].buffer, false);
	OhNodeData *node;
	uint32		slot;
	uint32		id;

	slot = OhPageTakeSlotIn(&ix->file, OH_NODE, page, pages[0].block, slots->from, slots->to);
	id = slots->lp * ix->file.array[OH_NODE].per_page + slot;
	/* the slot may be that of a neighbour which a vacuum has freed in the meantime */
	OhDropLink(list, id);
	node = OhSlot(&ix->file, OH_NODE, page, slot);
	node->state = OH_LIVE;
	node->tid = *tid;
	node->tag = new->number;
	node->posting = OH_NONE;
	node->tower = OH_NONE;
	memcpy(OhNodeCode(node), new->code, ix->code_bytes);
	OhStoreLinks(list, OhNodeLinks(node, ix->code_bytes), &node->nselected, 2 * ix->m);
	if (ix->neighbor_codes)
		OhStoreLinkCodes(ix, node, codes);
	if (ix->columns.n > 0)
		OhKeyPageSet(&ix->columns, OhWritePage(write, pages[1].buffer, false), id % ix->columns.per_page,
					 new->keys);
	return id;
}
