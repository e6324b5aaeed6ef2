/*
 * rows.h -- the heap rows of nodes, and the rows without a position.
 */
#ifndef OH_ROWS_H
#define OH_ROWS_H

#include "postgres.h"

#include "hnsw/index.h"

/* A growing list of TIDs. */
typedef struct OhRows
{
	ItemPointerData *tid;
	int			n;
	int			allocated;
	int			next;			/* the caller's position */
} OhRows;

extern void OhRowsInit(OhRows *rows, MemoryContext context);
/*
 * All rows of a live node, in place of what the list held.  *error becomes the
 * standard error of its distance if query is not NULL.
 */
extern void OhRowsOfNode(Relation index, OhIndex *ix, uint32 id, const OmQuery *query,
						 OhRows *rows, float *error);
/* All rows of the live nodes of a page. */
extern void OhRowsOfNodePage(Relation index, OhIndex *ix, uint32 lp, OhRows *rows);
/* The rows of a page of the null array, of one kind. */
extern void OhRowsOfNullPage(Relation index, OhIndex *ix, uint32 lp, uint16 kind, OhRows *rows);

#endif							/* OH_ROWS_H */
