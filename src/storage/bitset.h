/*
 * bitset.h -- sets of record numbers or blocks, with a bit for each.
 *
 * A Bitmapset would not do, because its members are of type int, and these are unsigned.
 */
#ifndef OH_STORAGE_BITSET_H
#define OH_STORAGE_BITSET_H

#include "postgres.h"

#include "utils/memutils.h"

typedef struct OhBitset
{
	uint64		nwords;
	uint64	   *word;			/* NULL: the set is empty, and cannot be added to */
} OhBitset;

/* An empty set with room for members below n. */
static inline void
OhBitsetInit(OhBitset *set, uint64 n, MemoryContext context)
{
	set->nwords = n / 64 + 1;
	set->word = MemoryContextAllocExtended(context, set->nwords * sizeof(uint64),
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* Make room for member i, and some more. */
static inline void
OhBitsetGrow(OhBitset *set, uint32 i)
{
	uint64		nwords = i / 64 + i / 512 + 512;

	if (i / 64 < set->nwords)
		return;
	set->word = repalloc_huge(set->word, nwords * sizeof(uint64));
	memset(set->word + set->nwords, 0, (nwords - set->nwords) * sizeof(uint64));
	set->nwords = nwords;
}

static inline void
OhBitsetAdd(OhBitset *set, uint32 i)
{
	Assert(i / 64 < set->nwords);
	set->word[i / 64] |= UINT64CONST(1) << i % 64;
}

static inline bool
OhBitsetHas(const OhBitset *set, uint32 i)
{
	return i / 64 < set->nwords && (set->word[i / 64] >> i % 64 & 1) != 0;
}

static inline void
OhBitsetFree(OhBitset *set)
{
	pfree(set->word);
	set->nwords = 0;
	set->word = NULL;
}

#endif							/* OH_STORAGE_BITSET_H */
