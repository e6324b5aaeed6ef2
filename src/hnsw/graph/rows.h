/*
 * rows.h -- the heap rows of nodes, and the rows without a position.
 */
#ifndef OH_ROWS_H
#define OH_ROWS_H

#include "postgres.h"

#include "filter/condition.h"
#include "filter/filter.h"
#include "hnsw/graph/forms.h"

/* A growing list of TIDs. */
typedef struct OhRows
{
	ItemPointerData *tid;
	int			n;
	int			allocated;
	int			next;			/* the caller's position */
} OhRows;

/* Where a node's rows begin. */
typedef struct OhNodeRows
{
	uint32		id;
	float		error;			/* standard error of the distance from the code */
	double		unrounded;		/* that distance, if forms ask for it */
	float		refined;		/* distance by the refinement (refinement.h) */
	float		refined_error;	/* its standard error, below zero if it has none */
	uint8		tag;			/* of the node's code */
	uint32		posting;		/* OH_NONE: tid is the only row, if it is valid */
	ItemPointerData tid;
} OhNodeRows;

/* A place in a node's chain of postings, which is read piece by piece. */
typedef struct OhChain
{
	uint32		node;
	uint32		next;			/* the record to be read, OH_NONE at the end */
	uint32		last;			/* the one before it, OH_NONE if it is the first */
	uint32		hash;			/* of the vector that all rows of the last piece and behind it
								 * have, or OH_MIXED */
} OhChain;

/*
 * Posting records that a scan has read, a bit each; parts of the set are made when
 * they are needed, as most scans read none: an OhBitset would be as long as the array.
 */
typedef struct OhReadSet
{
	MemoryContext context;
	uint64	  **part;			/* [nparts], NULL: nothing read there */
	uint32		nparts;
} OhReadSet;

/*
 * Raise an error if one of the TIDs, which were read from page lp of an array, is
 * beyond the end of the table.  The page must not be locked any more.
 */
extern void OhCheckRows(OhIndex *ix, const ItemPointerData *tid, int n, int array, uint32 lp);
extern void OhRowsInit(OhRows *rows, MemoryContext context);
/* An empty set; what an earlier one held goes with its context. */
extern void OhReadSetInit(OhReadSet *set, MemoryContext context);
/*
 * Read that of a node; one that is no longer live has no rows.  With query forms
 * for refined distances, base becomes what its code adds to them.
 */
extern void OhReadNodeRows(OhIndex *ix, uint32 id, OhForms *forms,
						   OhNodeRows *head, OmRefineBase *base);
/* The rows of a node behind its own TID. */
extern void OhChainBegin(OhChain *chain, uint32 node, uint32 posting);
static inline bool
OhChainHasMore(const OhChain *chain)
{
	return chain->next != OH_NONE;
}

/*
 * The next rows of a chain, some dozens, in place of what the list held; none: the
 * chain is at its end.  In one scan each row comes once.
 */
extern void OhChainNext(OhIndex *ix, OhChain *chain, OhReadSet *seen,
						OhRows *rows);
/*
 * The live nodes of a page, with a filter those that match: their own TIDs in place
 * of what rows held, and their chains; returns how many chains.  chains[per_page].
 */
extern int	OhRowsOfNodePage(OhIndex *ix, uint32 lp, OhFilter *filter,
							 OhRows *rows, OhChain *chains);
/*
 * The rows of a page of the null array, of one kind; with conditions, those that
 * may match.
 */
extern void OhRowsOfNullPage(OhIndex *ix, uint32 lp, uint16 kind,
							 const OhConditions *conditions, OhRows *rows);

#endif							/* OH_ROWS_H */
