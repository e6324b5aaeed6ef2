/*
 * insert.h -- state of an insert, shared by insert.c, place.c, link.c and tower.c.
 */
#ifndef OH_INSERT_H
#define OH_INSERT_H

#include "postgres.h"

#include "hnsw/graph/linklist.h"
#include "hnsw/graph/search.h"
#include "hnsw/graph/select.h"
#include "hnsw/insert/inserter.h"
#include "hnsw/options.h"
#include "storage/wal.h"

/* A planned link from a neighbour back to the new node. */
typedef struct OhBackLink
{
	uint32		node;
	uint32		lp;				/* its node page */
	uint16		version;		/* of the node when this was decided */
	bool		wanted;
	bool		done;
	int			place;			/* of the new node in the list */
	OhLinkList	list;			/* with the new node in it, as OH_NONE */
} OhBackLink;

/* A link that must stay, because another list gave up its own link to the same node. */
typedef struct OhHeldLink
{
	uint32		from;
	uint32		to;
} OhHeldLink;

/* Where a new node may go: slots of a node page whose filter keys are on one page. */
typedef struct OhPlace
{
	uint32		lp;				/* node page */
	uint32		from;			/* its slots from..to - 1 */
	uint32		to;
	uint32		key_lp;			/* their page of OH_FILTER_KEY, if there are filter columns */
} OhPlace;

struct OhInserter
{
	dlist_node	kept;			/* single rows: in the list of those that are kept */
	OhIndex    *ix;
	MemoryContext context;
	bool		busy;			/* in the middle of an insert */
	struct OhKeyMaker *maker;	/* single rows with filter columns, made when first needed */
	MemoryContext row_context;	/* ... of its work, reset after each row */
	OhKeyRow   *row;			/* ... its result */
	const OhKeyRow *keys;		/* filter keys of the new row, NULL without filter columns */
	const OhPosition *position; /* of the new row ... */
	const float *x;				/* ... of which this is its floats */
	void	   *code;			/* of the new vector */
	void	   *refinement;		/* of the new vector, if the index has them */
	uint8		number;			/* of the model that they are of */
	const OmQuantizer *quant;	/* that model */
	float	   *vector;			/* scratch for OhCachedCode() */
	OhForms		forms;			/* query forms of the new vector */
	OmQuery    *form;			/* query form of a neighbour, scratch */
	void	   *scratch;
	OhNodeCache keep;
	OhSearch   *search;
	OhSelector	selector;
	OhCandidate *candidates;	/* [ef_construction + 1], the chosen ones first */
	int			level;			/* of the new node */
	uint32		id;				/* of the new node */
	bool		apart;			/* it is far away from all others */
	OhLinkList	list;			/* of the new node */
	uint32		entry;			/* entry point that the new node links to and may replace */
	int			nback;
	OhBackLink *back;			/* [2m] */
	uint32		deciding;		/* owner of the list that is decided on, or OH_NONE */
	int			nheld;			/* links that others rely on in this insert */
	OhHeldLink *held;			/* [8m] */
};

extern int	OhChooseNeighbours(OhInserter *ins, int max);

/*
 * A kept node's code, as one of the insert's model: while an index is being
 * trained again, only codes of one model can be compared.
 */
extern const void *OhCachedCode(OhInserter *ins, OhCachedNode *kept);
/*
 * Lock the metapage, before pages that are to be locked together, so that the model
 * of new codes stays what it is: once another one has begun, no node gets a code, and
 * no node with a code a row, of the old one.  In a build there is nothing to lock.
 */
extern Buffer OhLockModel(const OhInserter *ins, const OhPageRef *pages, int n);
/* Are codes of the insert's model still wanted? */
extern bool OhIsNewest(const OhInserter *ins, Buffer meta);
extern void OhUnlockModel(Buffer meta);

/* ---- place.c ---- */

/*
 * Slots of node page lp to try; the array of filter keys reaches to them.  No page
 * may be locked.  false: the page is full.
 */
extern bool OhFindPlace(OhInserter *ins, uint32 lp, OhPlace *place);
/* The pages of a place, to be locked for writing; returns how many (2 at most). */
extern int	OhPlacePages(const OhInserter *ins, const OhPlace *place, OhPageRef *pages);
/*
 * Take a slot of a place and make it a live level-0 node with its filter keys;
 * pages are those of OhPlacePages(), locked.  Returns its id, which the list of its
 * links is freed of.
 */
extern uint32 OhFillPlace(OhInserter *ins, OhWrite *write, const OhPlace *place,
						  const OhPageRef *pages, ItemPointer tid, OhLinkList *list);
/* Is there still a slot?  The pages are locked; raises an error if they are damaged. */
extern bool OhPlaceIsFree(const OhInserter *ins, const OhPlace *place, const OhPageRef *pages);

/* tower.c: step 3 and 4 of an insert */
extern void OhInsertTowers(OhInserter *ins);

#endif							/* OH_INSERT_H */
