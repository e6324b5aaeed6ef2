/*
 * place.h -- where a new node goes: its slot, and the page of its filter keys.
 */
#ifndef OH_PLACE_H
#define OH_PLACE_H

#include "postgres.h"

#include "hnsw/graph/linklist.h"
#include "hnsw/insert/newnode.h"
#include "storage/wal.h"

/* Where a new node may go: slots of a node page whose filter keys are on one page. */
typedef struct OhPlace
{
	uint32		lp;				/* node page */
	uint32		from;			/* its slots from..to - 1 */
	uint32		to;
	uint32		key_lp;			/* their page of OH_FILTER_KEY, if there are filter columns */
} OhPlace;

/*
 * Slots of node page lp to try; the array of filter keys reaches to them.  No page
 * may be locked.  false: the page is full.
 */
extern bool OhFindPlace(OhIndex *ix, uint32 lp, OhPlace *place);
/* The pages of a place, to be locked for writing; returns how many (2 at most). */
extern int	OhPlacePages(const OhIndex *ix, const OhPlace *place, OhPageRef *pages);
/* Is there still a slot?  The pages are locked; raises an error if they are damaged. */
extern bool OhPlaceIsFree(const OhIndex *ix, const OhPlace *place, const OhPageRef *pages);
/*
 * Take a slot of a place and make it a live level-0 node; pages are those of
 * OhPlacePages(), locked.  Returns its id, which the list of its links is freed of.
 */
extern uint32 OhFillPlace(const OhNewNode *new, OhWrite *write, const OhPlace *place,
						  const OhPageRef *pages, ItemPointer tid, OhLinkList *list);

#endif							/* OH_PLACE_H */
