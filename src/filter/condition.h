/*
 * condition.h -- the conditions of a scan on filter columns, and their evaluation.
 *
 * compile.c makes them of scan keys, condition.c evaluates them on filter keys.
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

/* The filter keys from lo to hi, both included. */
typedef struct OhRange
{
	uint64		lo;
	uint64		hi;
} OhRange;

/*
 * One condition on signatures.  A signature meets it if it has all bits of at least one of
 * the masks, or, if `contained`, if all its bits are in at least one of the masks.
 */
typedef struct OhMasks
{
	bool		contained;
	int			n;
	uint64	   *mask;
} OhMasks;

/*
 * All conditions on one column, joined by AND.  A row matches if the column is NULL, where
 * `null` is set; otherwise if it is not NULL, its key lies in one of the ranges and meets
 * every OhMasks.
 */
typedef struct OhCondition
{
	int			column;			/* number of the filter column, from 0 */
	bool		null;			/* there is an IS NULL */
	bool		not_null;		/* there is a condition that a NULL does not meet */
	int			nranges;
	OhRange    *range;			/* sorted, not adjacent */

	/* where the ranges hold many single keys, a hash table of them all */
	uint32		hash_mask;		/* slots - 1; 0 if there is no table */
	uint64		hash_empty;		/* what an empty slot holds: a key that lies in no range */
	uint64	   *hash;
	uint64	   *sieve;			/* bitmap of OH_SIEVE_BITS: the bit OhKeySlot() of every key in the
								 * table is set, so that most other keys need no look at the table */

	int			nmasks;
	OhMasks    *masks;
} OhCondition;

typedef struct OhConditions
{
	const OhColumns *columns;
	int			n;				/* columns with conditions; 0: every row matches */
	bool		never;			/* no row can match, as after `a = NULL`, `a = ANY ('{}')`, or `a <
								 * 1 AND a > 2` */
	bool		lossy;			/* rows that do not match may pass: check them in the table */
	OhCondition *condition;		/* [n], one for each of those columns */
	OhKeyMaker *maker;
	MemoryContext context;		/* reset by each OhConditionsSet() */
} OhConditions;

/* Conditions that OhConditionsSet() fills; until then every row matches. */
extern OhConditions *OhConditionsBegin(const OhColumns *columns, MemoryContext context);
/*
 * Compile the scan keys of a (re)scan.  Only those on filter columns (sk_attno > 1) are read;
 * those on the first column are the access method's.
 */
extern void OhConditionsSet(OhConditions *conditions, Relation index, ScanKey keys, int nkeys);
/* The elements of a scan key with SK_SEARCHARRAY; returns their number. */
extern int	OhKeyElements(ScanKey key, Datum **elements, bool **nulls);
/*
 * Evaluate the conditions on all places of a filter page, whose buffer is locked: bit i of bits
 * (uint64[OhKeyPageWords()]) is set if place i matches.  Bits from per_page on are 0.
 */
extern void OhConditionsPage(const OhConditions *conditions, Page page, uint64 *bits);
/* Does one place of a filter page match? */
extern bool OhConditionsPlace(const OhConditions *conditions, Page page, uint32 place);
/* Evaluate the conditions on the filter keys of one row. */
extern bool OhConditionsRow(const OhConditions *conditions, const OhKeyRow *row);
/* Write down what decides which keys match, so that two sets of conditions can be compared byte by byte. */
extern void OhConditionsDescribe(const OhConditions *conditions, StringInfo to);

/* The slot of a key in a table of mask + 1 slots. */
static inline uint32
OhKeySlot(uint64 fkey, uint32 mask)
{
	return (uint32) ((fkey * UINT64CONST(0x9E3779B97F4A7C15)) >> 32) & mask;
}

#endif							/* OH_CONDITION_H */
