/*
 * ranked.h -- rows that a scan has ranked by a distance.
 *
 * They are a heap by the distance that a row has at least, which is its own if it is
 * exact.  So when an exact row comes first, no other is likely to be nearer, however many
 * are ranked by estimates behind it.
 */
#ifndef OH_RANKED_H
#define OH_RANKED_H

#include "postgres.h"

#include "storage/itemptr.h"
#include "utils/memutils.h"

#include "hnsw/graph/rows.h"

/*
 * Two rows whose refined distances differ by less than this many standard errors (of the
 * difference) are compared by their vectors; a row's distance is hardly ever this many of its
 * errors nearer than estimated.  Figures: docs/measurements.md#late-rows
 */
#define OH_SETTLED_ERRORS 2.0

/*
 * What is ranked:
 *
 *   a row, whose exact distance is known, and that the snapshot sees;
 *   all rows of a node, which its code or its refinement does not tell apart;
 *   the rest of a node's rows, whose exact distance is that of those before them;
 *   the rest of a node's rows, to be ranked when nothing else can be nearer.
 */
typedef struct OhRow
{
	double		dist;			/* of rows to be ranked: none is likely to be nearer */
	double		least;			/* less OH_SETTLED_ERRORS errors, by OhRankedPush() */
	float		error;			/* standard error of it, 0 if it is exact */
	float		slack;			/* standard error of what it was first ranked by */
	OhChain    *rest;			/* of a node's rows, otherwise NULL */
	bool		unranked;		/* ... to be ranked */
	uint32		node;			/* all rows of a node, otherwise OH_NONE */
	uint32		posting;		/* of the node */
	ItemPointerData tid;		/* of the row, or the node's own */
} OhRow;

/* A heap by the least distance. */
typedef struct OhRanked
{
	OhRow	   *row;
	int64		n;
	int64		allocated;
} OhRanked;

static inline bool
OhRowBefore(const OhRow *a, const OhRow *b)
{
	if (a->least != b->least)
		return a->least < b->least;
	return ItemPointerCompare((ItemPointer) &a->tid, (ItemPointer) &b->tid) < 0;
}

static inline void
OhRankedAppend(OhRanked *rows, OhRow row)
{
	if (rows->n == rows->allocated)
	{
		rows->allocated *= 2;
		rows->row = repalloc_huge(rows->row, sizeof(OhRow) * rows->allocated);
	}
	rows->row[rows->n++] = row;
}

static inline void
OhRankedPush(OhRanked *rows, OhRow row)
{
	int64		i;

	row.least = row.dist - OH_SETTLED_ERRORS * row.error;
	OhRankedAppend(rows, row);
	for (i = rows->n - 1; i > 0 && OhRowBefore(&row, &rows->row[(i - 1) / 2]); i = (i - 1) / 2)
		rows->row[i] = rows->row[(i - 1) / 2];
	rows->row[i] = row;
}

static inline OhRow
OhRankedPop(OhRanked *rows)
{
	OhRow		top = rows->row[0];
	OhRow		last = rows->row[--rows->n];
	int64		i = 0;

	for (;;)
	{
		int64		child = 2 * i + 1;

		if (child >= rows->n)
			break;
		if (child + 1 < rows->n && OhRowBefore(&rows->row[child + 1], &rows->row[child]))
			child++;
		if (!OhRowBefore(&rows->row[child], &last))
			break;
		rows->row[i] = rows->row[child];
		i = child;
	}
	rows->row[i] = last;
	return top;
}

/*
 * How many rows are nearer than dist?  Counts up to most, from place i of the heap on.
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
	rows->row = MemoryContextAlloc(context, sizeof(OhRow) * rows->allocated);
}

#endif							/* OH_RANKED_H */
