/*
 * rows.h -- the heap rows of nodes, and the rows without a position.
 */
#ifndef OH_ROWS_H
#define OH_ROWS_H

#include "postgres.h"

#include "hnsw/filter.h"

/* A growing list of TIDs. */
typedef struct OhRows
{
	ItemPointerData *tid;
	int			n;
	int			allocated;
	int			next;			/* the caller's position */
} OhRows;

extern void OhRowsInit(OhRows *rows, MemoryContext context);
/* Where a node's rows begin. */
typedef struct OhNodeRows
{
	uint32		id;
	float		error;			/* standard error of the distance from the code */
	float		refined;		/* distance by the refinement (refinement.h) */
	float		refined_error;	/* its standard error, below zero if it has none */
	uint32		posting;		/* OH_NONE: tid is the only row, if it is valid */
	ItemPointerData tid;
} OhNodeRows;

/*
 * Read that of a node; one that is no longer live has no rows.  With a query form
 * for refined distances, base becomes what its code adds to them.
 */
extern void OhReadNodeRows(Relation index, OhIndex *ix, uint32 id, const OmQuery *query,
						   const OmRefineQuery *refine, OhNodeRows *head, OmRefineBase *base);
/* All rows of the node, in place of what the list held. */
extern void OhRowsOfNode(Relation index, OhIndex *ix, const OhNodeRows *head, OhRows *rows);
/* All rows of the live nodes of a page; with a filter, of those that match. */
extern void OhRowsOfNodePage(Relation index, OhIndex *ix, uint32 lp, OhFilter *filter,
							 OhRows *rows);
/*
 * The rows of a page of the null array, of one kind; with conditions, those that
 * may match.
 */
extern void OhRowsOfNullPage(Relation index, OhIndex *ix, uint32 lp, uint16 kind,
							 const OhConditions *conditions, OhRows *rows);

#endif							/* OH_ROWS_H */
