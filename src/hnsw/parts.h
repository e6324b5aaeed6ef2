/*
 * parts.h -- the positions of an indexed value: one, or one for each vector of an array.
 *
 * Each becomes a node, or joins one; all nodes of a row have its TID.  So a TID occurs
 * several times in an index of arrays, once at most in any other.
 */
#ifndef OH_PARTS_H
#define OH_PARTS_H

#include "postgres.h"

#include "hnsw/column.h"

typedef struct OhParts
{
	const OhColumn *column;
	const void *value;			/* detoasted */
	Pointer		copy;			/* of it, if it had to be made */
	int			n;				/* 0: an empty array */
	const char *first;			/* the first part ... */
	Size		stride;			/* ... and bytes from one to the next */
} OhParts;

/* Has a value of the column several positions? */
static inline bool
OhHasParts(const OhColumn *column)
{
	return column->metric->type->parts != NULL;
}

/*
 * OhPartsOpen -- the parts of an indexed value or a query, maybe toasted, not NULL.
 * Raises the errors that the operator raises.
 */
extern void OhPartsOpen(const OhColumn *column, Datum value, OhParts *parts);
/* The position of part i. */
extern void OhPartsPosition(const OhParts *parts, int i, OhPosition *position);
/* Is part i equal to one before it?  One node is enough for both. */
extern bool OhPartsRepeats(const OhParts *parts, int i);
extern void OhPartsClose(OhParts *parts);

#endif							/* OH_PARTS_H */
