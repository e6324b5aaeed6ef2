/*
 * compile.c -- compiles scan keys on filter columns into conditions on filter keys.
 *
 * A comparison becomes a set of ranges of filter keys; several comparisons of one column become
 * the intersection of their sets.  Operators on arrays and jsonb become masks of signature bits.
 * If filter keys cannot decide whether a row matches, the row passes, and the conditions are lossy.
 *
 * For a constant of another type than the column's, a binary search that calls the operators
 * finds the first filter key whose value is not less than the constant, and the last whose
 * value is not greater.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "filter/condition.h"

/*
 * A comparison that depends on the time zone is not monotone where the zone's offset changes.
 * A binary search may then be wrong by this much, as timestamps and as days: by 24 hours
 * where a zone has moved across the date line, by an hour or so elsewhere.
 */
#define ZONE_MARGIN			(25 * USECS_PER_HOUR)
#define ZONE_MARGIN_DAYS	2

/* A hash table is made of more than HASH_RANGES ranges, if they hold at most HASH_KEYS keys. */
#define HASH_RANGES			8
#define HASH_KEYS			65536

/* A set of filter keys.  Ranges are added in any order; normalize() sorts them. */
typedef struct KeySet
{
	OhRange    *range;
	int			n;
	int			allocated;
} KeySet;

/* A scan key being compiled. */
typedef struct Compiler
{
	OhConditions *conditions;
	Relation	index;
	ScanKey		key;
	OhKeyType  *key_type;

	/* the result: one of these three */
	KeySet		fkeys;			/* of a comparison */
	OhMasks		masks;			/* of an operator on arrays or jsonb */
	bool		all;			/* every row that is not NULL passes */

	int			nallocated;		/* masks that masks.mask has room for */
	/* labels of the column's enum, NULL until they are needed */
	Oid		   *member;
	int			nmembers;
	/* operators < and > between the column's and the constant's type, once needed */
	FmgrInfo	less;
	FmgrInfo	greater;
} Compiler;

/*
 * Where a constant lies among filter keys.  If lower <= upper, the keys from lower to upper are those
 * of values equal to the constant; otherwise no value equals it.
 */
typedef struct Location
{
	bool		has_lower;
	uint64		lower;			/* first key whose value is not less, if there is one */
	bool		has_upper;
	uint64		upper;			/* last key whose value is not greater, if there is one */
	OhKeyClass	shared;			/* may smaller or greater values have these keys, too? */
} Location;

/* ---- sets of keys ---- */

static void
add_range(KeySet *set, uint64 lo, uint64 hi)
{
	if (set->n == set->allocated)
	{
		set->allocated = Max(4, 2 * set->allocated);
		if (set->range == NULL)
			set->range = palloc(set->allocated * sizeof(OhRange));
		else
			set->range = repalloc_huge(set->range, set->allocated * sizeof(OhRange));
	}
	set->range[set->n].lo = lo;
	set->range[set->n++].hi = hi;
}

static int
compare_ranges(const void *a, const void *b)
{
	uint64		x = ((const OhRange *) a)->lo;
	uint64		y = ((const OhRange *) b)->lo;

	return x < y ? -1 : x > y;
}

/*
 * normalize -- sort, and merge ranges that overlap or touch.
 */
static void
normalize(KeySet *set)
{
	int			n = 0;

	if (set->n == 0)
		return;
	qsort(set->range, set->n, sizeof(OhRange), compare_ranges);
	for (int i = 1; i < set->n; i++)
	{
		OhRange    *last = &set->range[n];

		if (last->hi == PG_UINT64_MAX)
			break;
		if (set->range[i].lo <= last->hi + 1)
			last->hi = Max(last->hi, set->range[i].hi);
		else
			set->range[++n] = set->range[i];
	}
	set->n = n + 1;
}

/*
 * intersect -- intersect a condition's ranges with a set, both sorted.
 */
static void
intersect(OhCondition *condition, const KeySet *set)
{
	KeySet		both = {0};
	int			i = 0;
	int			j = 0;

	while (i < condition->nranges && j < set->n)
	{
		OhRange    *a = &condition->range[i];
		OhRange    *b = &set->range[j];

		if (Max(a->lo, b->lo) <= Min(a->hi, b->hi))
			add_range(&both, Max(a->lo, b->lo), Min(a->hi, b->hi));
		if (a->hi < b->hi)
			i++;
		else
			j++;
	}
	condition->range = both.range;
	condition->nranges = both.n;
}

/*
 * make_hash -- make a hash table of a condition's keys if it has many ranges but not too many keys.
 */
static void
make_hash(OhCondition *condition)
{
	uint64		nfkeys = 0;
	uint64		empty;
	uint32		size = 64;

	if (condition->nranges <= HASH_RANGES)
		return;
	for (int i = 0; i < condition->nranges && nfkeys <= HASH_KEYS; i++)
		nfkeys += Min(condition->range[i].hi - condition->range[i].lo, HASH_KEYS) + 1;
	if (nfkeys > HASH_KEYS)
		return;

	/* ranges are not adjacent, so that the key after the first range is not in the set */
	empty = condition->range[0].hi + 1;
	while (size < 2 * nfkeys)
		size *= 2;
	condition->hash_mask = size - 1;
	condition->hash_empty = empty;
	condition->hash = palloc(size * sizeof(uint64));
	condition->sieve = palloc0(OH_SIEVE_BITS / 8);
	for (uint32 i = 0; i < size; i++)
		condition->hash[i] = empty;
	for (int i = 0; i < condition->nranges; i++)
	{
		OhRange    *range = &condition->range[i];

		for (uint64 k = 0; k <= range->hi - range->lo; k++)
		{
			uint32		slot = OhKeySlot(range->lo + k, size - 1);
			uint32		bit = OhKeySlot(range->lo + k, OH_SIEVE_BITS - 1);

			condition->sieve[bit / 64] |= UINT64CONST(1) << (bit % 64);
			while (condition->hash[slot] != empty)
				slot = (slot + 1) & (size - 1);
			condition->hash[slot] = range->lo + k;
		}
	}
}

/* ---- comparisons ---- */

static bool
call_operator(const Compiler *compiler, FmgrInfo *function, Datum left, Datum right)
{
	return DatumGetBool(FunctionCall2Coll(function, compiler->key->sk_collation, left, right));
}

/*
 * search_key -- find the first key for whose value the operator gives the wanted result, which it must
 * give for all later keys, too.  Returns false if there is no such key.
 */
static bool
search_key(const Compiler *compiler, FmgrInfo *function, Datum constant, bool wanted, uint64 *fkey)
{
	uint64		lo = 0;
	uint64		hi = compiler->key_type->max;

	if (call_operator(compiler, function, OhValueOfKey(compiler->key_type, hi), constant) != wanted)
		return false;
	while (lo < hi)
	{
		uint64		mid = lo + (hi - lo) / 2;

		if (call_operator(compiler, function, OhValueOfKey(compiler->key_type, mid), constant) == wanted)
			hi = mid;
		else
			lo = mid + 1;
	}
	*fkey = lo;
	return true;
}

/*
 * has_order -- does the operator family have < and > for the constant's type?  Looks them up.
 */
static bool
has_order(Compiler *compiler)
{
	int			column = compiler->key->sk_attno - 1;
	Oid			family = compiler->index->rd_opfamily[column];
	Oid			type = compiler->index->rd_opcintype[column];
	Oid			less = get_opfamily_member(family, type, compiler->key->sk_subtype,
										   BTLessStrategyNumber);
	Oid			greater = get_opfamily_member(family, type, compiler->key->sk_subtype,
											  BTGreaterStrategyNumber);

	if (!OhKeyHasValue(compiler->key_type) || !OidIsValid(less) || !OidIsValid(greater))
		return false;
	if (!OidIsValid(compiler->less.fn_oid))
	{
		fmgr_info(get_opcode(less), &compiler->less);
		fmgr_info(get_opcode(greater), &compiler->greater);
	}
	return true;
}

/*
 * locate_integer -- locate an integer among keys of another integer type, without a search.
 *
 * False if one of the types is not an integer.
 */
static bool
locate_integer(const OhKeyType *key_type, Oid subtype, Datum constant, Location *location)
{
	int64		value;
	int64		least;

	if (key_type->type != INT2OID && key_type->type != INT4OID && key_type->type != INT8OID)
		return false;
	if (subtype == INT2OID)
		value = DatumGetInt16(constant);
	else if (subtype == INT4OID)
		value = DatumGetInt32(constant);
	else if (subtype == INT8OID)
		value = DatumGetInt64(constant);
	else
		return false;

	/* keys are the values less the type's smallest */
	least = -(int64) (key_type->max / 2) - 1;
	location->has_lower = value <= (int64) (key_type->max / 2);
	location->has_upper = value >= least;
	location->lower = location->has_upper ? (uint64) value - (uint64) least : 0;
	location->upper = location->has_lower ? (uint64) value - (uint64) least : key_type->max;
	return true;
}

/*
 * widen -- move the bounds of a location apart by what the time zone may change.
 */
static void
widen(const Compiler *compiler, Location *location)
{
	uint64		max = compiler->key_type->max;
	uint64		margin = compiler->key_type->type == DATEOID ? ZONE_MARGIN_DAYS : ZONE_MARGIN;

	if (!location->has_lower)
		location->lower = max;
	if (!location->has_upper)
		location->upper = 0;
	location->has_lower = location->has_upper = true;
	location->lower -= Min(location->lower, margin);
	location->upper += Min(max - location->upper, margin);
	location->shared.below = location->shared.above = true;
}

/*
 * locate -- find where a constant lies among the keys; false if its type has no order with theirs.
 */
static bool
locate(Compiler *compiler, Datum constant, Location *location)
{
	OhKeyType  *key_type = compiler->key_type;
	Oid			subtype = compiler->key->sk_subtype;
	uint64		past;

	location->has_lower = location->has_upper = true;
	location->shared.below = location->shared.above = false;
	if (!OidIsValid(subtype) ||
		subtype == compiler->index->rd_opcintype[compiler->key->sk_attno - 1])
	{
		location->lower = location->upper = OhKeyOfValue(key_type, constant, &location->shared);
		return true;
	}

	if (locate_integer(key_type, subtype, constant, location))
		return true;
	if (!has_order(compiler))
		return false;
	location->has_lower = search_key(compiler, &compiler->less, constant, false, &location->lower);
	if (search_key(compiler, &compiler->greater, constant, true, &past))
	{
		location->has_upper = past > 0;
		location->upper = past - 1;
	}
	else
		location->upper = key_type->max;
	if (func_volatile(compiler->less.fn_oid) != PROVOLATILE_IMMUTABLE)
		widen(compiler, location);
	return true;
}

/*
 * add_comparison -- add the keys that the operator of the scan key selects, given the constant's location.
 */
static void
add_comparison(Compiler *compiler, const Location *location)
{
	KeySet	   *fkeys = &compiler->fkeys;
	bool	   *lossy = &compiler->conditions->lossy;
	bool		below = location->shared.below;
	bool		above = location->shared.above;
	bool		some = location->has_lower && location->has_upper && location->lower <= location->upper;

	switch (compiler->key->sk_strategy)
	{
		case BTLessStrategyNumber:
			if (!location->has_lower)
				compiler->all = true;
			else if (below)
				add_range(fkeys, 0, location->upper);
			else if (location->lower > 0)
				add_range(fkeys, 0, location->lower - 1);
			*lossy |= below;
			break;
		case BTLessEqualStrategyNumber:
			if (location->has_upper)
				add_range(fkeys, 0, location->upper);
			*lossy |= above;
			break;
		case BTEqualStrategyNumber:
			if (some)
				add_range(fkeys, location->lower, location->upper);
			*lossy |= below || above;
			break;
		case BTGreaterEqualStrategyNumber:
			if (location->has_lower)
				add_range(fkeys, location->lower, PG_UINT64_MAX);
			*lossy |= below;
			break;
		case BTGreaterStrategyNumber:
			if (!location->has_upper)
				compiler->all = true;
			else if (above)
				add_range(fkeys, location->lower, PG_UINT64_MAX);
			else if (location->upper < compiler->key_type->max)
				add_range(fkeys, location->upper + 1, PG_UINT64_MAX);
			*lossy |= above;
			break;
		default:
			Assert(compiler->key->sk_strategy == OH_NOT_EQUAL_STRATEGY);
			if (!some || below || above)
				compiler->all = true;
			else
			{
				if (location->lower > 0)
					add_range(fkeys, 0, location->lower - 1);
				if (location->upper < compiler->key_type->max)
					add_range(fkeys, location->upper + 1, PG_UINT64_MAX);
			}
			*lossy |= some && (below || above);
			break;
	}
}

/*
 * read_members -- read the OIDs of the labels of the column's enum.
 */
static void
read_members(Compiler *compiler)
{
	Relation	catalog = table_open(EnumRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int			allocated = 64;

	compiler->member = palloc(allocated * sizeof(Oid));
	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(compiler->key_type->type));
	scan = systable_beginscan(catalog, EnumTypIdLabelIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if (compiler->nmembers == allocated)
		{
			allocated *= 2;
			compiler->member = repalloc(compiler->member, allocated * sizeof(Oid));
		}
		compiler->member[compiler->nmembers++] = ((Form_pg_enum) GETSTRUCT(tuple))->oid;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

/*
 * add_members -- add the labels of an enum for which the operator is true.
 *
 * It is called for each, as OIDs do not sort as labels do.
 */
static void
add_members(Compiler *compiler, Datum constant)
{
	if (compiler->member == NULL)
		read_members(compiler);
	for (int i = 0; i < compiler->nmembers; i++)
	{
		Oid			member = compiler->member[i];

		if (call_operator(compiler, &compiler->key->sk_func, ObjectIdGetDatum(member), constant))
			add_range(&compiler->fkeys, member, member);
	}
}

/*
 * add_constant -- add the keys that a comparison with a constant selects.
 */
static void
add_constant(Compiler *compiler, Datum constant)
{
	StrategyNumber strategy = compiler->key->sk_strategy;
	const OhKeyType *key_type = compiler->key_type;
	bool		equality = strategy == BTEqualStrategyNumber || strategy == OH_NOT_EQUAL_STRATEGY;
	bool		ordered = key_type->kind == OH_KEY_EXACT || key_type->kind == OH_KEY_ENUM ||
		key_type->kind == OH_KEY_ORDERED;
	Location	location;

	if (key_type->kind == OH_KEY_ORDERED && OidIsValid(key_type->hash.fn_oid) && !key_type->ordered)
		ordered = false;		/* keys are prefixes, but the collation no longer sorts by bytes */

	if (key_type->kind == OH_KEY_ENUM && !equality)
		add_members(compiler, constant);
	else if ((equality || ordered) && locate(compiler, constant, &location))
		add_comparison(compiler, &location);
	else
	{
		compiler->all = true;
		compiler->conditions->lossy = true;
	}
}

/* ---- operators on signatures ---- */

static void
add_mask(Compiler *compiler, uint64 mask)
{
	OhMasks    *masks = &compiler->masks;

	if (masks->n == compiler->nallocated)
	{
		compiler->nallocated = Max(8, 2 * compiler->nallocated);
		if (masks->mask == NULL)
			masks->mask = palloc(compiler->nallocated * sizeof(uint64));
		else
			masks->mask = repalloc_huge(masks->mask, compiler->nallocated * sizeof(uint64));
	}
	masks->mask[masks->n++] = mask;
}

/*
 * add_overlap -- operator && of arrays: a mask for each element.  NULLs match nothing.
 */
static void
add_overlap(Compiler *compiler, ArrayType *array)
{
	OhKeyType  *key_type = compiler->key_type;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, key_type->element, key_type->element_length, key_type->element_byval,
					  key_type->element_align, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i])
			add_mask(compiler, OhElementBits(key_type, elements[i]));
	}
}

/*
 * add_strings -- operators ?| and ?& of jsonb: a mask for each string, or one for all of them.
 *
 * NULLs do not count.
 */
static void
add_strings(Compiler *compiler, ArrayType *array, bool all)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	uint64		mask = 0;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		uint64		bits;

		if (nulls[i])
			continue;
		bits = OhStringBits(VARDATA_ANY(DatumGetPointer(elements[i])),
							VARSIZE_ANY_EXHDR(DatumGetPointer(elements[i])));
		if (!all)
			add_mask(compiler, bits);
		mask |= bits;
	}
	if (all)
		add_mask(compiler, mask);
}

/*
 * add_signature -- add the masks of an operator on arrays or jsonb; none if nothing can match.
 */
static void
add_signature(Compiler *compiler, Datum constant)
{
	OhKeyType  *key_type = compiler->key_type;
	bool		is_array = OidIsValid(key_type->element);

	compiler->conditions->lossy = true;
	switch (compiler->key->sk_strategy)
	{
		case OH_OVERLAP_STRATEGY:
			if (is_array)
				add_overlap(compiler, DatumGetArrayTypeP(constant));
			else
				compiler->all = true;
			break;
		case OH_CONTAINS_STRATEGY:
			/* no array contains a NULL */
			if (!is_array || !array_contains_nulls(DatumGetArrayTypeP(constant)))
				add_mask(compiler, OhKeyOfValue(key_type, constant, NULL));
			break;
		case OH_CONTAINED_STRATEGY:
			compiler->masks.contained = true;
			add_mask(compiler, OhKeyOfValue(key_type, constant, NULL));
			break;
		case OH_EXISTS_STRATEGY:
			{
				text	   *string = DatumGetTextPP(constant);

				add_mask(compiler, OhStringBits(VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string)));
				break;
			}
		case OH_EXISTS_ANY_STRATEGY:
			add_strings(compiler, DatumGetArrayTypeP(constant), false);
			break;
		case OH_EXISTS_ALL_STRATEGY:
			add_strings(compiler, DatumGetArrayTypeP(constant), true);
			break;
		default:
			compiler->all = true;
			break;
	}
}

/* ---- keys ---- */

static void
compile_constant(Compiler *compiler, Datum constant)
{
	if (compiler->key->sk_strategy <= OH_NOT_EQUAL_STRATEGY)
		add_constant(compiler, constant);
	else if (compiler->key_type->kind == OH_KEY_SIGNATURE)
		add_signature(compiler, constant);
	else
	{
		compiler->all = true;
		compiler->conditions->lossy = true;
	}
}

int
OhKeyElements(ScanKey key, Datum **elements, bool **nulls)
{
	ArrayType  *array = DatumGetArrayTypeP(key->sk_argument);
	int16		length;
	bool		byval;
	char		align;
	int			n;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &byval, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, byval, align, elements, nulls, &n);
	return n;
}

/*
 * compile_array -- compile a scan key of `op ANY (array)`.  NULL elements match nothing.
 */
static void
compile_array(Compiler *compiler)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n = OhKeyElements(compiler->key, &elements, &nulls);

	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!nulls[i])
			compile_constant(compiler, elements[i]);
	}
}

/*
 * compile_key -- add a scan key to the condition of its column.
 */
static void
compile_key(OhConditions *conditions, OhCondition *condition, Relation index, ScanKey key)
{
	Compiler	compiler = {0};

	if (key->sk_flags & SK_SEARCHNULL)
	{
		condition->null = true;
		return;
	}
	condition->not_null = true;
	if (key->sk_flags & SK_SEARCHNOTNULL)
		return;
	if (key->sk_flags & SK_ISNULL)
	{
		conditions->never = true;
		return;
	}

	compiler.conditions = conditions;
	compiler.index = index;
	compiler.key = key;
	compiler.key_type = OhKeyTypeOf(conditions->maker, condition->column);
	if (key->sk_flags & SK_SEARCHARRAY)
		compile_array(&compiler);
	else
		compile_constant(&compiler, key->sk_argument);

	if (compiler.all)
		return;
	if (compiler.masks.n > 0)
		condition->masks[condition->nmasks++] = compiler.masks;
	else
	{
		/* an empty set is right, too: nothing matches */
		normalize(&compiler.fkeys);
		intersect(condition, &compiler.fkeys);
	}
}

/*
 * find_condition -- the condition of a column; makes one that every key meets if the column has no condition yet.
 */
static OhCondition *
find_condition(OhConditions *conditions, int column, int nkeys)
{
	OhCondition *condition;

	for (int i = 0; i < conditions->n; i++)
	{
		if (conditions->condition[i].column == column)
			return &conditions->condition[i];
	}
	condition = &conditions->condition[conditions->n++];
	condition->column = column;
	condition->nranges = 1;
	condition->range = palloc(sizeof(OhRange));
	condition->range->lo = 0;
	condition->range->hi = PG_UINT64_MAX;
	condition->masks = palloc(nkeys * sizeof(OhMasks));
	return condition;
}

OhConditions *
OhConditionsBegin(const OhColumns *columns, MemoryContext context)
{
	OhConditions *conditions = MemoryContextAllocZero(context, sizeof(OhConditions));

	conditions->columns = columns;
	conditions->maker = OhKeyMakerBegin(columns, context);
	conditions->context = AllocSetContextCreate(context, "omenhnsw conditions",
												ALLOCSET_SMALL_SIZES);
	return conditions;
}

void
OhConditionsSet(OhConditions *conditions, Relation index, ScanKey keys, int nkeys)
{
	MemoryContext old;

	MemoryContextReset(conditions->context);
	conditions->n = 0;
	conditions->never = conditions->lossy = false;
	conditions->condition = NULL;
	if (nkeys == 0)
		return;

	old = MemoryContextSwitchTo(conditions->context);
	conditions->condition = palloc0(nkeys * sizeof(OhCondition));
	for (int i = 0; i < nkeys; i++)
	{
		if (keys[i].sk_attno > 1)
			compile_key(conditions, find_condition(conditions, keys[i].sk_attno - 2, nkeys), index,
						&keys[i]);
	}
	for (int i = 0; i < conditions->n; i++)
	{
		OhCondition *condition = &conditions->condition[i];

		if (condition->nranges == 0 || (condition->null && condition->not_null))
			conditions->never = true;
		else
			make_hash(condition);
	}
	MemoryContextSwitchTo(old);
}
