/*
 * ranked.h -- a heap of rows that a scan has ranked by a distance.
 *
 * The heap is ordered by each row's least likely distance, which for an exact row is its
 * distance.  So once an exact row comes first, no other row is likely to be nearer, however
 * many rows are ranked by estimates behind it.
 */
#ifndef OH_RANKED_H
#define OH_RANKED_H

#include "postgres.h"

#include "storage/itemptr.h"
#include "utils/memutils.h"

#include "hnsw/graph/rows.h"

/*
 * If the refined distances of two rows differ by less than this many standard errors (of
 * the difference), the rows are compared by their vectors.  A row's distance is hardly ever
 * less than its estimate by more than this many of its standard errors.  Figures:
 * docs/measurements.md#late-rows
 */
#define OH_SETTLED_ERRORS 2.0

/*
 * An entry of the heap is one of:
 *
 *   a row whose exact distance is known and which the snapshot sees;
 *   all rows of a node, ranked by its code or refinement, which is the same for all of them;
 *   the remaining rows of a node, if their exact distance is that of the rows before them;
 *   the remaining rows of a node that are to be ranked when nothing else can be nearer.
 */
typedef struct OhRankedRow
{
	double		dist;			/* its distance; for unranked rows a bound that hardly any is
								 * nearer than */
	double		least;			/* dist less OH_SETTLED_ERRORS errors, set by OhRankedPush() */
	float		error;			/* standard error of dist, 0 if that is exact */
	OhChain    *rest;			/* the remaining rows of a node, otherwise NULL */
	bool		unranked;		/* ... which are still to be ranked */
	uint32		node;			/* the node, if the entry is all its rows; otherwise OH_NONE */
	uint32		posting;		/* the node's first posting */
	ItemPointerData tid;		/* TID of the row, or the node's own TID */
} OhRankedRow;

/* A heap, ordered by least. */
typedef struct OhRanked
{
	OhRankedRow *row;
	int64		n;
	int64		allocated;
} OhRanked;

static inline bool
OhRankedBefore(const OhRankedRow *a, const OhRankedRow *b)
{
	if (a->least != b->least)
		return a->least < b->least;
	return ItemPointerCompare((ItemPointer) &a->tid, (ItemPointer) &b->tid) < 0;
}

static inline void
OhRankedAppend(OhRanked *rows, OhRankedRow row)
{
	if (rows->n == rows->allocated)
	{
		rows->allocated *= 2;
		rows->row = repalloc_huge(rows->row, sizeof(OhRankedRow) * rows->allocated);
	}
	rows->row[rows->n++] = row;
}

static inline void
OhRankedPush(OhRanked *rows, OhRankedRow row)
{
	int64		i;

	row.least = row.dist - OH_SETTLED_ERRORS * row.error;
	OhRankedAppend(rows, row);
	for (i = rows->n - 1; i > 0 && OhRankedBefore(&row, &rows->row[(i - 1) / 2]); i = (i - 1) / 2)
		rows->row[i] = rows->row[(i - 1) / 2];
	rows->row[i] = row;
}

static inline OhRankedRow
OhRankedPop(OhRanked *rows)
{
	OhRankedRow top = rows->row[0];
	OhRankedRow last = rows->row[--rows->n];
	int64		i = 0;

	for (;;)
	{
		int64		child = 2 * i + 1;

		if (child >= rows->n)
			break;
		if (child + 1 < rows->n && OhRankedBefore(&rows->row[child + 1], &rows->row[child]))
			child++;
		if (!OhRankedBefore(&rows->row[child], &last))
			break;
		rows->row[i] = rows->row[child];
		i = child;
	}
	rows->row[i] = last;
	return top;
}

/*
 * Count the rows nearer than dist, up to most, in the subtree of the heap that starts at
 * index i.
 */
static inline int
OhRankedWithin(const OhRanked *rows, int64 i, double dist, int most)
{
	int			n;

	if (most <= 0 || i >= rows->n || rows->row[i].least >= dist)
		return 0;
	n = rows->row[i].dist < dist ? 1 : 0;
	n += OhRankedWithin(rows, 2 * i + 1, dist, most - n);
	n += OhRankedWithin(rows, 2 * i + 2, dist, most - n);
	return n;
}

static inline void
OhRankedInit(OhRanked *rows, MemoryContext context)
{
	rows->n = 0;
	rows->allocated = 64;
	rows->row = MemoryContextAlloc(context, sizeof(OhRankedRow) * rows->allocated);
}

#endif							/* OH_RANKED_H */
