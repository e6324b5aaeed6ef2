/*
 * condition.c -- evaluates conditions on filter keys.
 *
 * This is the hot loop of a scan with conditions.  It takes a filter page as a whole, and neither
 * allocates memory nor calls an operator.  compile.c makes the conditions.
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "filter/condition.h"
#include "kernel/kernel.h"

/* No page has more bits than fit into this many words. */
#define MAX_WORDS		(BLCKSZ / (8 * 64) + 1)

/*
 * Up to this number, ranges are tested one after the other: FEW_NARROW for values of one or two
 * bytes, FEW_WIDE for wider ones.  With more, each value is looked up (table_bits(), lookup_bits()).
 */
#define FEW_NARROW		10
#define FEW_WIDE		16

/* Signatures that and_masks() takes at a time. */
#define MASK_CHUNK		256

/* One column of a filter page. */
typedef struct Packed
{
	const void *values;			/* key - base of each place */
	uint64		base;
	uint64		top;			/* the greatest key that fits its width */
	int			width;
	int			n;				/* places */
} Packed;

/* ---- one key ---- */

/*
 * first_range -- the first range that does not end before a key; nranges if all do.
 */
static inline int
first_range(const OhCondition *condition, uint64 fkey)
{
	int			lo = 0;
	int			hi = condition->nranges;

	while (lo < hi)
	{
		int			mid = (lo + hi) / 2;

		if (condition->range[mid].hi < fkey)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static inline bool
in_ranges(const OhCondition *condition, uint64 fkey)
{
	int			i = first_range(condition, fkey);

	return i < condition->nranges && condition->range[i].lo <= fkey;
}

static inline bool
in_hash(const OhCondition *condition, uint64 fkey)
{
	uint32		slot = OhKeySlot(fkey, condition->hash_mask);

	if (fkey == condition->hash_empty)
		return false;
	while (condition->hash[slot] != condition->hash_empty)
	{
		if (condition->hash[slot] == fkey)
			return true;
		slot = (slot + 1) & condition->hash_mask;
	}
	return false;
}

static inline bool
meets_masks(const OhMasks *masks, uint64 signature)
{
	for (int i = 0; i < masks->n; i++)
	{
		uint64		mask = masks->mask[i];

		if (((masks->contained ? signature & ~mask : ~signature & mask)) == 0)
			return true;
	}
	return false;
}

/*
 * meets -- does a filter key, or NULL, meet the conditions of its column?
 */
static inline bool
meets(const OhCondition *condition, bool isnull, uint64 fkey)
{
	if (isnull || condition->null)
		return isnull == condition->null;
	if (!in_ranges(condition, fkey))
		return false;
	for (int j = 0; j < condition->nmasks; j++)
	{
		if (!meets_masks(&condition->masks[j], fkey))
			return false;
	}
	return true;
}

bool
OhConditionsRow(const OhConditions *conditions, const OhKeyRow *row)
{
	if (conditions->never)
		return false;
	for (int i = 0; i < conditions->n; i++)
	{
		const OhCondition *condition = &conditions->condition[i];

		if (!meets(condition, (row->nulls >> condition->column) & 1, row->value[condition->column]))
			return false;
	}
	return true;
}

bool
OhConditionsPlace(const OhConditions *conditions, Page page, uint32 place)
{
	const OhColumns *columns = conditions->columns;

	if (conditions->never)
		return false;
	for (int i = 0; i < conditions->n; i++)
	{
		const OhCondition *condition = &conditions->condition[i];
		const OhKeyColumn *column = &OhKeyColumns(page)[condition->column];
		const uint64 *nulls = OhKeyPageNulls(columns, page, condition->column);
		const void *values = OhKeyPageValues(columns, page, condition->column);

		if (!meets(condition, (nulls[place / 64] >> place % 64) & 1,
				   column->base + OhKeyOffset(values, column->width, place)))
			return false;
	}
	return true;
}

/* ---- a page ---- */

/*
 * range_bits -- set bit i of bits if value i is from lo to hi, which have had base subtracted.
 */
static void
range_bits(const Packed *packed, uint64 lo, uint64 hi, uint64 *bits)
{
	switch (packed->width)
	{
		case 1:
			om_kernels->range_u8(packed->values, packed->n, lo, hi, bits);
			break;
		case 2:
			om_kernels->range_u16(packed->values, packed->n, lo, hi, bits);
			break;
		case 4:
			om_kernels->range_u32(packed->values, packed->n, lo, hi, bits);
			break;
		default:
			om_kernels->range_u64(packed->values, packed->n, lo, hi, bits);
			break;
	}
}

/*
 * table_bits -- find the values that lie in any of n ranges, for values of one or two bytes.
 *
 * Makes a table with one bit for each possible value.
 */
static pg_attribute_always_inline void
table_bits(const Packed *packed, const OhRange *range, int n, int width, uint64 *bits)
{
	uint64		table[1024];

	memset(table, 0, width == 1 ? 256 / 8 : 65536 / 8);
	for (int i = 0; i < n; i++)
	{
		uint32		lo = Max(range[i].lo, packed->base) - packed->base;
		uint32		hi = Min(range[i].hi, packed->top) - packed->base;

		for (uint32 value = lo; value <= hi; value++)
			table[value / 64] |= UINT64CONST(1) << (value % 64);
	}
	for (int i = 0; i < packed->n; i += 64)
	{
		int			end = Min(64, packed->n - i);
		uint64		word = 0;

		for (int j = 0; j < end; j++)
		{
			uint32		value = OhKeyOffset(packed->values, width, i + j);

			word |= (table[value / 64] >> (value % 64) & 1) << j;
		}
		bits[i / 64] = word;
	}
}

/*
 * lookup_bits -- find the values that lie in any of the ranges, for values of four or eight bytes.
 *
 * Uses the hash table if there is one, otherwise a binary search.
 */
static pg_attribute_always_inline void
lookup_bits(const Packed *packed, const OhCondition *condition, int width, uint64 *bits)
{
	for (int i = 0; i < packed->n; i += 64)
	{
		int			end = Min(64, packed->n - i);
		uint64		word = 0;

		for (int j = 0; j < end; j++)
		{
			uint64		fkey = packed->base + OhKeyOffset(packed->values, width, i + j);

			if (condition->hash_mask == 0)
				word |= (uint64) in_ranges(condition, fkey) << j;
			else
			{
				uint32		bit = OhKeySlot(fkey, OH_SIEVE_BITS - 1);

				word |= (condition->sieve[bit / 64] >> (bit % 64) & 1) << j;
			}
		}
		if (condition->hash_mask != 0)
		{
			/* the sieve lets some keys pass that are not in the table */
			for (uint64 rest = word; rest != 0; rest &= rest - 1)
			{
				int			j = pg_rightmost_one_pos64(rest);
				uint64		fkey = packed->base + OhKeyOffset(packed->values, width, i + j);

				if (!in_hash(condition, fkey))
					word &= ~(UINT64CONST(1) << j);
			}
		}
		bits[i / 64] = word;
	}
}

/*
 * and_ranges -- clear the bits of values outside the ranges of a condition.
 *
 * False, with bits left as they were, if no value of the page can lie in them.
 */
static bool
and_ranges(const Packed *packed, const OhCondition *condition, uint64 *bits)
{
	int			first = first_range(condition, packed->base);
	int			n = 0;
	int			few = packed->width > 2 ? FEW_WIDE : FEW_NARROW;
	int			nwords = (packed->n + 63) / 64;
	uint64		found[MAX_WORDS];
	const OhRange *range = condition->range + first;

	while (first + n < condition->nranges && range[n].lo <= packed->top)
	{
		n++;
		if (n > few && packed->width > 2)
			break;				/* for wide values, that there are more than `few` is all that
								 * matters */
	}
	if (n == 0)
		return false;
	if (n == 1 && range->lo <= packed->base && range->hi >= packed->top)
		return true;
	Assert(packed->width > 0);

	if (n > few)
	{
		if (packed->width == 1)
			table_bits(packed, range, n, 1, found);
		else if (packed->width == 2)
			table_bits(packed, range, n, 2, found);
		else if (packed->width == 4)
			lookup_bits(packed, condition, 4, found);
		else
			lookup_bits(packed, condition, 8, found);
	}
	else
	{
		uint64		more[MAX_WORDS];

		for (int i = 0; i < n; i++)
		{
			uint64		lo = Max(range[i].lo, packed->base) - packed->base;
			uint64		hi = Min(range[i].hi, packed->top) - packed->base;

			range_bits(packed, lo, hi, i == 0 ? found : more);
			for (int w = 0; i > 0 && w < nwords; w++)
				found[w] |= more[w];
		}
	}
	for (int w = 0; w < nwords; w++)
		bits[w] &= found[w];
	return true;
}

/*
 * mask_values -- the bits of a mask in n signatures.
 */
static pg_attribute_always_inline void
mask_values(const Packed *packed, int width, int first, int n, uint64 mask, uint64 *out)
{
	for (int i = 0; i < n; i++)
		out[i] = (packed->base + OhKeyOffset(packed->values, width, first + i)) & mask;
}

/*
 * and_masks -- clear the bits of signatures that meet none of the masks.
 */
static void
and_masks(const Packed *packed, const OhMasks *masks, uint64 *bits)
{
	for (int first = 0; first < packed->n; first += MASK_CHUNK)
	{
		int			n = Min(MASK_CHUNK, packed->n - first);
		int			nwords = (n + 63) / 64;
		uint64		found[MASK_CHUNK / 64] = {0};

		for (int i = 0; i < masks->n; i++)
		{
			/*
			 * contained: no bit may be set outside the mask; otherwise all bits of the mask must
			 * be
			 */
			uint64		mask = masks->contained ? ~masks->mask[i] : masks->mask[i];
			uint64		wanted = masks->contained ? 0 : mask;
			uint64		values[MASK_CHUNK];
			uint64		more[MASK_CHUNK / 64];

			switch (packed->width)
			{
				case 0:
					mask_values(packed, 0, first, n, mask, values);
					break;
				case 1:
					mask_values(packed, 1, first, n, mask, values);
					break;
				case 2:
					mask_values(packed, 2, first, n, mask, values);
					break;
				case 4:
					mask_values(packed, 4, first, n, mask, values);
					break;
				default:
					mask_values(packed, 8, first, n, mask, values);
					break;
			}
			om_kernels->range_u64(values, n, wanted, wanted, more);
			for (int w = 0; w < nwords; w++)
				found[w] |= more[w];
		}
		for (int w = 0; w < nwords; w++)
			bits[first / 64 + w] &= found[w];
	}
}

/*
 * and_nulls -- clear the bits of places that are not NULL, or NULL, as wanted; false if none is left.
 */
static bool
and_nulls(const uint64 *nulls, bool wanted, int nwords, uint64 *bits)
{
	uint64		invert = wanted ? 0 : PG_UINT64_MAX;
	uint64		any = 0;

	for (int w = 0; w < nwords; w++)
	{
		bits[w] &= nulls[w] ^ invert;
		any |= bits[w];
	}
	return any != 0;
}

void
OhConditionsPage(const OhConditions *conditions, Page page, uint64 *bits)
{
	const OhColumns *columns = conditions->columns;
	int			n = columns->per_page;
	int			nwords = OhKeyPageWords(columns);

	memset(bits, 0, nwords * sizeof(uint64));
	if (conditions->never)
		return;
	for (int w = 0; w < nwords; w++)
		bits[w] = PG_UINT64_MAX;
	if (n % 64 != 0)
		bits[nwords - 1] = (UINT64CONST(1) << (n % 64)) - 1;

	for (int i = 0; i < conditions->n; i++)
	{
		const OhCondition *condition = &conditions->condition[i];
		const OhKeyColumn *column = &OhKeyColumns(page)[condition->column];
		Packed		packed;
		bool		some;

		some = and_nulls(OhKeyPageNulls(columns, page, condition->column), condition->null, nwords, bits);
		if (some && !condition->null)
		{
			uint64		span = OhKeyLargest(column->width);

			packed.values = OhKeyPageValues(columns, page, condition->column);
			packed.base = column->base;
			packed.top = column->base > PG_UINT64_MAX - span ? PG_UINT64_MAX : column->base + span;
			packed.width = column->width;
			packed.n = n;
			some = and_ranges(&packed, condition, bits);
			for (int j = 0; some && j < condition->nmasks; j++)
				and_masks(&packed, &condition->masks[j], bits);
		}
		if (!some)
		{
			memset(bits, 0, nwords * sizeof(uint64));
			return;
		}
	}
}

void
OhConditionsDescribe(const OhConditions *conditions, StringInfo to)
{
	resetStringInfo(to);
	for (int i = 0; i < conditions->n; i++)
	{
		const OhCondition *condition = &conditions->condition[i];
		int			counts[4] = {condition->column, condition->null, condition->nranges,
		condition->nmasks};

		appendBinaryStringInfo(to, (const char *) counts, sizeof(counts));
		appendBinaryStringInfo(to, (const char *) condition->range,
							   condition->nranges * sizeof(OhRange));
		for (int j = 0; j < condition->nmasks; j++)
		{
			const OhMasks *masks = &condition->masks[j];
			int			kind[2] = {masks->contained, masks->n};

			appendBinaryStringInfo(to, (const char *) kind, sizeof(kind));
			appendBinaryStringInfo(to, (const char *) masks->mask, masks->n * sizeof(uint64));
		}
	}
}
