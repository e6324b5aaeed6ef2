/*
 * keypage.c -- reads and writes filter pages (layout: keypage.h).
 *
 * Chooses a column's base and width.  A column of a page begins with width 0, its first
 * key being the base.  When a key does not fit, all keys of that column are written
 * again, in the smallest width that holds them, with a base that leaves as much
 * room below them as above.
 *
 * A width that no page can have is treated as 0, so that a damaged page makes nobody
 * read beyond it; OhKeyPageVerify() reports it.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "filter/keypage.h"

/* No page has more places than this. */
#define MAX_PER_PAGE	(OH_PAGE_BODY / sizeof(uint64))

/* Do this many places fit on a page? */
static bool
fits(int ncolumns, uint32 per_page)
{
	return ncolumns * (sizeof(OhKeyColumn) + (per_page + 63) / 64 * sizeof(uint64) +
					   per_page * sizeof(uint64)) <= OH_PAGE_BODY;
}

uint32
OhKeysPerPage(int ncolumns)
{
	uint32		per_page = 0;

	while (ncolumns > 0 && fits(ncolumns, per_page + 1))
		per_page++;
	return per_page;
}

void
OhKeyPageInit(const OhColumns *columns, Page page)
{
	memset(OhKeyColumns(page), 0, OH_PAGE_BODY);
	memset(OhKeyPageNulls(columns, page, 0), 0xFF,
		   (Size) columns->n * OhKeyPageWords(columns) * sizeof(uint64));
	OhTail(page)->nused = 1;
	OhPageSetLower(columns->file, columns->array, page);
}

static inline bool
is_null(const uint64 *nulls, uint32 place)
{
	return (nulls[place / 64] >> (place % 64)) & 1;
}

static inline void
put_offset(void *values, uint8 width, uint32 place, uint64 offset)
{
	switch (width)
	{
		case 1:
			((uint8 *) values)[place] = (uint8) offset;
			break;
		case 2:
			((uint16 *) values)[place] = (uint16) offset;
			break;
		case 4:
			((uint32 *) values)[place] = (uint32) offset;
			break;
		case 8:
			((uint64 *) values)[place] = offset;
			break;
		default:
			break;
	}
}

/*
 * choose_base -- set width and base of a column whose keys go from min to max.
 */
static void
choose_base(OhKeyColumn *column, uint64 min, uint64 max)
{
	uint64		spread = max - min;
	uint64		room;

	column->width = 0;
	while (spread > OhKeyLargest(column->width))
		column->width = column->width == 0 ? 1 : column->width * 2;
	room = (OhKeyLargest(column->width) - spread) / 2;
	column->base = Min(min - Min(min, room), PG_UINT64_MAX - OhKeyLargest(column->width));
}

/*
 * rebase -- write a column again with a base and width that fit a new key, too.
 *
 * The caller stores the new key at its place.
 */
static void
rebase(const OhColumns *columns, Page page, int i, uint32 place, uint64 value)
{
	OhKeyColumn *column = &OhKeyColumns(page)[i];
	const uint64 *nulls = OhKeyPageNulls(columns, page, i);
	void	   *values = OhKeyPageValues(columns, page, i);
	uint64		old[MAX_PER_PAGE];
	uint64		min = value;
	uint64		max = value;

	for (uint32 p = 0; p < columns->per_page; p++)
	{
		if (p == place || is_null(nulls, p))
			continue;
		old[p] = column->base + OhKeyOffset(values, column->width, p);
		min = Min(min, old[p]);
		max = Max(max, old[p]);
	}
	choose_base(column, min, max);
	for (uint32 p = 0; p < columns->per_page; p++)
	{
		bool		known = p != place && !is_null(nulls, p);

		put_offset(values, column->width, p, known ? old[p] - column->base : 0);
	}
}

void
OhKeyPageSet(const OhColumns *columns, Page page, uint32 place, const OhKeyRow *row)
{
	Assert(place < columns->per_page);
	for (int i = 0; i < columns->n; i++)
	{
		OhKeyColumn *column = &OhKeyColumns(page)[i];
		uint64	   *nulls = OhKeyPageNulls(columns, page, i);
		uint64		bit = UINT64CONST(1) << (place % 64);
		uint64		offset = 0;

		if (row->nulls & ((uint32) 1 << i))
			nulls[place / 64] |= bit;
		else
		{
			if (row->value[i] < column->base ||
				row->value[i] - column->base > OhKeyLargest(column->width))
				rebase(columns, page, i, place, row->value[i]);
			offset = row->value[i] - column->base;
			nulls[place / 64] &= ~bit;
		}
		put_offset(OhKeyPageValues(columns, page, i), column->width, place, offset);
	}
}

void
OhKeyPageGet(const OhColumns *columns, Page page, uint32 place, OhKeyRow *row)
{
	Assert(place < columns->per_page);
	row->nulls = 0;
	row->unused = 0;
	for (int i = 0; i < columns->n; i++)
	{
		const OhKeyColumn *column = &OhKeyColumns(page)[i];

		row->value[i] = 0;
		if (is_null(OhKeyPageNulls(columns, page, i), place))
			row->nulls |= (uint32) 1 << i;
		else
			row->value[i] = column->base +
				OhKeyOffset(OhKeyPageValues(columns, page, i), column->width, place);
	}
}

bool
OhKeyPageEquals(const OhColumns *columns, Page page, uint32 place, const OhKeyRow *row)
{
	Assert(place < columns->per_page);
	for (int i = 0; i < columns->n; i++)
	{
		const OhKeyColumn *column = &OhKeyColumns(page)[i];
		bool		null = (row->nulls >> i) & 1;

		if (is_null(OhKeyPageNulls(columns, page, i), place) != null)
			return false;
		if (!null && row->value[i] != column->base +
			OhKeyOffset(OhKeyPageValues(columns, page, i), column->width, place))
			return false;
	}
	return true;
}

void
OhKeyPageReserve(const OhColumns *columns, uint32 record)
{
	if (columns->n == 0)
		return;
	while (!OhArrayHas(columns->file, columns->array, record / columns->per_page))
	{
		CHECK_FOR_INTERRUPTS();
		OhArrayExtend(columns->file, columns->array);
	}
}

void
OhKeyPageVerify(const OhColumns *columns, Page page, BlockNumber block)
{
	for (int i = 0; i < columns->n; i++)
	{
		const OhKeyColumn *column = &OhKeyColumns(page)[i];

		if ((column->width & (column->width - 1)) != 0 || column->width > 8)
			OhReportCorruption(columns->file->rel, block, "filter column %d has values of %u bytes", i + 1,
							   column->width);
		if (column->base > PG_UINT64_MAX - OhKeyLargest(column->width))
			OhReportCorruption(columns->file->rel, block, "filter column %d has a base that leaves no room for values of %u bytes",
							   i + 1, column->width);
	}
	if (OhTail(page)->nused != 1)
		OhReportCorruption(columns->file->rel, block, "a page of filter columns with %u records", OhTail(page)->nused);
}
