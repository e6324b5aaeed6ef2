/*
 * parts.h -- the positions of an indexed value: one, or one for each vector of an array.
 *
 * Each position of a row becomes a node, or its TID is added to a node with an equal
 * code.  So a TID may occur several times in an index on arrays, but only once in any other.
 */
#ifndef OH_PARTS_H
#define OH_PARTS_H

#include "postgres.h"

#include "hnsw/column.h"

typedef struct OhParts
{
	const OhColumn *column;
	const void *value;			/* detoasted */
	Pointer		copy;			/* the value, if detoasting has made a copy */
	int			n;				/* number of positions; 0 for an empty array */
	const char *first;			/* the first part */
	Size		stride;			/* bytes from one part to the next */
} OhParts;

/* Can a value of the column have several positions? */
static inline bool
OhHasParts(const OhColumn *column)
{
	return column->metric->type->parts != NULL;
}

/*
 * Find the parts of an indexed value or a query, which may be toasted but not NULL.  Raises the error that
 * the operator raises for other dimensions than the column's.
 */
extern void OhPartsOpen(const OhColumn *column, Datum value, OhParts *parts);
/* Set the position of part i, from 0; free it by OhPositionFree(). */
extern void OhPartsPosition(const OhParts *parts, int i, OhPosition *position);
/* Is part i equal to an earlier one?  Then the node of that one is enough. */
extern bool OhPartsRepeats(const OhParts *parts, int i);
/* Free what OhPartsOpen() has allocated. */
extern void OhPartsClose(OhParts *parts);

#endif							/* OH_PARTS_H */
