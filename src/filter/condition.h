/*
 * condition.h -- conditions of a scan on filter columns, evaluated on filter keys.
 */
#ifndef OH_CONDITION_H
#define OH_CONDITION_H

#include "postgres.h"

#include "access/skey.h"
#include "lib/stringinfo.h"

#include "filter/keypage.h"
#include "filter/key.h"

/* Operators of a filter class: 1 to 5 are btree's < <= = >= > (access/stratnum.h) */
#define OH_NOT_EQUAL_STRATEGY 6
#define OH_OVERLAP_STRATEGY 7	/* && */
#define OH_CONTAINS_STRATEGY 8	/* @> */
#define OH_CONTAINED_STRATEGY 9 /* <@ */
#define OH_EXISTS_STRATEGY 10	/* ?, of jsonb */
#define OH_EXISTS_ANY_STRATEGY 11	/* ?| */
#define OH_EXISTS_ALL_STRATEGY 12	/* ?& */
#define OH_NSTRATEGIES	12

#define OH_SIEVE_BITS	65536

/* Keys, the last included. */
typedef struct OhRange
{
	uint64		lo;
	uint64		hi;
} OhRange;

/*
 * A condition on signatures: some mask of the list has all its bits in the
 * signature, or has all bits of the signature.
 */
typedef struct OhMasks
{
	bool		contained;		/* the signature in the mask */
	int			n;
	uint64	   *mask;
} OhMasks;

/*
 * All conditions on one column: NULL, or not NULL, with a key in one of the
 * ranges, and every list of masks met.
 */
typedef struct OhCondition
{
	int			column;			/* of the filter columns */
	bool		null;
	bool		not_null;
	int			nranges;
	OhRange    *range;			/* sorted; none touches the next */
	uint32		hash_mask;		/* of a hash table of keys, if there are many; else 0 */
	uint64		hash_empty;		/* fills its empty slots */
	uint64	   *hash;
	uint64	   *sieve;			/* OH_SIEVE_BITS, by OhKeySlot(): set if a key may be in the table */
	int			nmasks;
	OhMasks    *masks;
} OhCondition;

typedef struct OhConditions
{
	const OhColumns *columns;
	int			n;				/* columns with conditions; 0: every row matches */
	bool		never;			/* no row matches: a comparison with NULL, = ANY of nothing, a < 1
								 * and a > 2 */
	bool		lossy;			/* what matches must be checked in the table */
	OhCondition *condition;		/* [n], a column each */
	OhKeyMaker *maker;
	MemoryContext context;		/* of what one OhConditionsSet() needs */
} OhConditions;

extern OhConditions *OhConditionsBegin(const OhColumns *columns, MemoryContext context);
/*
 * Take the keys of a (re)scan: those on filter columns (sk_attno > 1); others are
 * the caller's.
 */
extern void OhConditionsSet(OhConditions *conditions, Relation index, ScanKey keys, int nkeys);
/* The elements of a key with SK_SEARCHARRAY; returns how many there are. */
extern int	OhKeyElements(ScanKey key, Datum **elements, bool **nulls);
/*
 * Evaluate a filter page, at least share-locked: bit i of bits
 * (uint64[OhKeyPageWords()]) says that place i may match.  Bits at and past
 * per_page are 0.
 */
extern void OhConditionsPage(const OhConditions *conditions, Page page, uint64 *bits);
/* The same for a row without a position. */
extern bool OhConditionsRow(const OhConditions *conditions, const OhKeyRow *row);
/* What decides which keys match, as bytes: two that differ may match others. */
extern void OhConditionsDescribe(const OhConditions *conditions, StringInfo to);

/* Where a key would be in a table of mask + 1 slots. */
static inline uint32
OhKeySlot(uint64 fkey, uint32 mask)
{
	return (uint32) ((fkey * UINT64CONST(0x9E3779B97F4A7C15)) >> 32) & mask;
}

#endif							/* OH_CONDITION_H */
