/*
 * nodeslot.h -- the slot for a new node, and the page of its filter keys.
 */
#ifndef OH_NODESLOT_H
#define OH_NODESLOT_H

#include "postgres.h"

#include "hnsw/graph/linkcode.h"
#include "hnsw/graph/linklist.h"
#include "hnsw/insert/newnode.h"
#include "storage/wal.h"

/* Slots that a new node may use: those of a node page whose filter keys are on one page. */
typedef struct OhNodeSlots
{
	uint32		lp;				/* node page */
	uint32		from;			/* its slots from..to - 1 */
	uint32		to;
	uint32		key_lp;			/* their page of OH_FILTER_KEY, if there are filter columns */
} OhNodeSlots;

/*
 * Find the slots of node page lp to try; extends the array of filter keys to them.  The
 * caller must hold no page lock.  false: the page is full.
 */
extern bool OhFindNodeSlots(OhIndex *ix, uint32 lp, OhNodeSlots *slots);
/* List the pages of these slots, which must be locked for writing; returns how many (2 at most). */
extern int	OhNodeSlotPages(const OhIndex *ix, const OhNodeSlots *slots, OhPageRef *pages);
/* Is one of them still free?  The pages are locked; raises an error if they are damaged. */
extern bool OhNodeSlotIsFree(const OhIndex *ix, const OhNodeSlots *slots, const OhPageRef *pages);
/*
 * Take one of the slots and make it a live node on level 0; pages are those of
 * OhNodeSlotPages(), locked.  Returns its id, and removes a link to that id from list.
 * codes: those of the links, if the index has them.
 */
extern uint32 OhTakeNodeSlot(const OhNewNode *new, OhWrite *write, const OhNodeSlots *slots,
							 const OhPageRef *pages, ItemPointer tid, OhLinkList *list,
							 const OhLinkCodes *codes);

#endif							/* OH_NODESLOT_H */
