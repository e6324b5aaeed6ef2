/*
 * rows.h -- the TIDs of nodes, and off-graph rows.
 */
#ifndef OH_ROWS_H
#define OH_ROWS_H

#include "postgres.h"

#include "filter/condition.h"
#include "filter/filter.h"
#include "hnsw/graph/forms.h"

/* A growing list of TIDs. */
typedef struct OhTidList
{
	ItemPointerData *tid;
	int			n;
	int			allocated;
	int			next;			/* the caller's position */
} OhTidList;

/* A node that a walk has found: its distances, and where its rows begin. */
typedef struct OhFoundNode
{
	uint32		id;
	float		error;			/* standard error of the distance from the code */
	double		unrounded;		/* the distance in double, if forms->unrounded */
	float		refined;		/* distance by the refinement (refinement.h) */
	float		refined_error;	/* standard error of refined, negative if there is no refinement */
	uint8		tag;			/* tag of the node's code */
	uint32		posting;		/* OH_NONE: tid is the only row, if it is valid */
	ItemPointerData tid;
} OhFoundNode;

/* A position in a node's chain of postings, which is read in pieces. */
typedef struct OhChain
{
	uint32		node;
	uint32		next;			/* the next record, OH_NONE at the end */
	uint32		last;			/* the one before it, OH_NONE if it is the first */
	uint32		hash;			/* hash of the vector that all rows of the last piece and after it
								 * have, or OH_MIXED */
} OhChain;

/*
 * The set of posting records that a scan has read, one bit each.  Parts of it are allocated
 * when they are needed, because most scans read none; an OhBitset would be as long as the
 * array.
 */
typedef struct OhReadSet
{
	MemoryContext context;
	uint64	  **part;			/* [nparts], NULL: nothing read there */
	uint32		nparts;
} OhReadSet;

/* An empty list. */
extern void OhTidListInit(OhTidList *rows, MemoryContext context);
/* Make an empty set; the memory of an earlier one is freed with its context. */
extern void OhReadSetInit(OhReadSet *set, MemoryContext context);
/*
 * Read the head of a node's rows; a node that is no longer live has no rows.  If refined
 * distances are wanted, base is set to the part of them that depends on the code.
 */
extern void OhReadNodeRows(OhIndex *ix, uint32 id, OhForms *forms,
						   OhFoundNode *head, OmRefineBase *base);
/* Start to read the rows of a node after its own TID. */
extern void OhChainBegin(OhChain *chain, uint32 node, uint32 posting);
static inline bool
OhChainHasMore(const OhChain *chain)
{
	return chain->next != OH_NONE;
}

/*
 * Read the next rows of a chain, some dozens, replacing the list's contents; no rows: the
 * chain is at its end.  Within a scan, each row is returned once.
 */
extern void OhChainNext(OhIndex *ix, OhChain *chain, OhReadSet *seen,
						OhTidList *rows);
/*
 * Read the live nodes of a page (with a filter, those that match): their own TIDs replace
 * the contents of rows, and their chains go to chains[per_page]; returns the number of
 * chains.
 */
extern int	OhRowsOfNodePage(OhIndex *ix, uint32 lp, OhFilter *filter,
							 OhTidList *rows, OhChain *chains);
/*
 * Read the off-graph rows of one kind on a page; with conditions, those that may match.
 */
extern void OhRowsOfNullPage(OhIndex *ix, uint32 lp, uint16 kind,
							 const OhConditions *conditions, OhTidList *rows);

#endif							/* OH_ROWS_H */
