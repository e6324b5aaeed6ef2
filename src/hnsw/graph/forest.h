/*
 * forest.h -- disjoint sets of numbers, as trees (union-find).
 */
#ifndef OH_FOREST_H
#define OH_FOREST_H

#include "postgres.h"

#include "utils/memutils.h"

typedef struct OhForest
{
	uint32	   *parent;			/* [n] */
	uint32	   *size;			/* [n], for a root: size of its tree */
} OhForest;

/* Start with n sets of one number each. */
static inline void
OhForestInit(OhForest *forest, uint32 n, MemoryContext context)
{
	forest->parent = MemoryContextAllocHuge(context, sizeof(uint32) * (Size) Max(n, 1));
	forest->size = MemoryContextAllocHuge(context, sizeof(uint32) * (Size) Max(n, 1));
	for (uint32 i = 0; i < n; i++)
	{
		forest->parent[i] = i;
		forest->size[i] = 1;
	}
}

static inline void
OhForestFree(OhForest *forest)
{
	pfree(forest->parent);
	pfree(forest->size);
}

static inline bool
OhForestIsRoot(const OhForest *forest, uint32 i)
{
	return forest->parent[i] == i;
}

static inline uint32
OhForestRoot(OhForest *forest, uint32 i)
{
	while (forest->parent[i] != i)
	{
		forest->parent[i] = forest->parent[forest->parent[i]];
		i = forest->parent[i];
	}
	return i;
}

/* Unite the trees of two different roots. */
static inline void
OhForestJoin(OhForest *forest, uint32 a, uint32 b)
{
	uint32		large = forest->size[a] >= forest->size[b] ? a : b;
	uint32		small = large == a ? b : a;

	forest->parent[small] = large;
	forest->size[large] += forest->size[small];
}

#endif							/* OH_FOREST_H */
