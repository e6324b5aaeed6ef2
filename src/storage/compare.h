/*
 * compare.h -- orders of plain numbers, ascending, for qsort() and bsearch().
 *
 * PostgreSQL has some of these from version 17 on (common/int.h).
 */
#ifndef OH_COMPARE_H
#define OH_COMPARE_H

#include "postgres.h"

static inline int
OhCompareInt(const void *a, const void *b)
{
	int			x = *(const int *) a;
	int			y = *(const int *) b;

	return (x > y) - (x < y);
}

static inline int
OhCompareUint32(const void *a, const void *b)
{
	uint32		x = *(const uint32 *) a;
	uint32		y = *(const uint32 *) b;

	return (x > y) - (x < y);
}

static inline int
OhCompareUint64(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return (x > y) - (x < y);
}

/* Not for NaN. */
static inline int
OhCompareFloat(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return (x > y) - (x < y);
}

static inline int
OhCompareDouble(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

#endif							/* OH_COMPARE_H */
