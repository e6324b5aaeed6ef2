/*
 * keypage.h -- filter keys, in pages.
 *
 * An array has one record a page, the whole body.  A page holds the filter keys
 * (key.h) of as many consecutive records of the index as fit, column by column,
 * so that a scan reads the columns of its conditions only, and an insert writes
 * one page for all columns.  Record n is on logical page n / per_page, place
 * n % per_page.
 *
 *   PART                                      BYTES
 *   OhKeyColumn[ncolumns]                      16 each
 *   uint64 null[ncolumns][words]                a bit a record; words = (per_page + 63) / 64
 *   value[ncolumns][8 * per_page bytes]    unsigned integers of `width` bytes, the rest unused
 *
 * A column's values are stored less `base`, in as few bytes as the widest on the
 * page needs: small numbers cost a scan little memory, and a page whose values
 * all lie outside a range is passed over at once.  A value that does not fit
 * makes the page choose another base and width.  Places never written are NULL, and
 * those of records that are not live hold anything.
 *
 * What a place holds does not change while its record is live.
 */
#ifndef OH_KEYPAGE_H
#define OH_KEYPAGE_H

#include "postgres.h"

#include "storage/array.h"

/* Filter columns: all index columns but the first. */
#define OH_MAX_COLUMNS	(INDEX_MAX_KEYS - 1)

/* The filter columns of an open index, and where their pages are. */
typedef struct OhColumns
{
	OhFile	   *file;
	int			array;			/* of filter pages, one record a page */
	int			n;
	uint32		per_page;		/* records on a page; 0 without filter columns */
	uint8		kind[OH_MAX_COLUMNS];	/* OhKeyKind */
} OhColumns;

/*
 * Filter keys of a row's filter columns (key.h).  Canonical: the value of a
 * NULL is 0, so that rows with equal columns are equal byte by byte.
 */
typedef struct OhKeyRow
{
	uint32		nulls;			/* bit i: column i is NULL */
	uint32		unused;
	uint64		value[FLEXIBLE_ARRAY_MEMBER];	/* [n] */
} OhKeyRow;

StaticAssertDecl(offsetof(OhKeyRow, value) == 8, "row of filter keys, layout");

/* Bytes of an OhKeyRow; 0 without filter columns. */
static inline uint32
OhKeyRowBytes(int n)
{
	return n > 0 ? offsetof(OhKeyRow, value) + n * sizeof(uint64) : 0;
}

typedef struct OhKeyColumn
{
	uint64		base;
	uint8		width;			/* 0 (all values are base), 1, 2, 4 or 8 */
	uint8		unused[7];
} OhKeyColumn;

StaticAssertDecl(sizeof(OhKeyColumn) == 16, "filter page layout");

/* Records on a page, by the number of columns. */
extern uint32 OhKeysPerPage(int ncolumns);
/* An empty page: every place NULL.  After OhPageInit(); sets nused and pd_lower. */
extern void OhKeyPageInit(const OhColumns *columns, Page page);
/* Write all columns of a place; the page is being changed (OhWritePage, or a build). */
extern void OhKeyPageSet(const OhColumns *columns, Page page, uint32 place, const OhKeyRow *row);
/* Read them. */
extern void OhKeyPageGet(const OhColumns *columns, Page page, uint32 place, OhKeyRow *row);
/* Does the place hold exactly this? */
extern bool OhKeyPageEquals(const OhColumns *columns, Page page, uint32 place, const OhKeyRow *row);
/* Make the array reach to a record's filter keys (no page may be locked). */
extern void OhKeyPageReserve(const OhColumns *columns, uint32 record);
/* Corruption: widths other than those above. */
extern void OhKeyPageVerify(const OhColumns *columns, Page page, BlockNumber block);

static inline uint32
OhKeyPageWords(const OhColumns *columns)
{
	return (columns->per_page + 63) / 64;
}

static inline OhKeyColumn *
OhKeyColumns(Page page)
{
	return (OhKeyColumn *) ((char *) page + SizeOfPageHeaderData);
}

/* Null bits of a column: uint64[OhKeyPageWords()]. */
static inline uint64 *
OhKeyPageNulls(const OhColumns *columns, Page page, int column)
{
	return (uint64 *) (OhKeyColumns(page) + columns->n) + column * OhKeyPageWords(columns);
}

/* Values of a column, less base: uint8/16/32/64[per_page] by its width. */
static inline void *
OhKeyPageValues(const OhColumns *columns, Page page, int column)
{
	return (uint64 *) (OhKeyColumns(page) + columns->n) + columns->n * OhKeyPageWords(columns) +
		(Size) column * columns->per_page;
}

/* The greatest value of a width, less base. */
static inline uint64
OhKeyLargest(uint8 width)
{
	return width >= 8 ? PG_UINT64_MAX : (UINT64CONST(1) << (8 * width)) - 1;
}

/* A value, less base; 0 for a width that no page should have. */
static inline uint64
OhKeyOffset(const void *values, uint8 width, uint32 place)
{
	switch (width)
	{
		case 1:
			return ((const uint8 *) values)[place];
		case 2:
			return ((const uint16 *) values)[place];
		case 4:
			return ((const uint32 *) values)[place];
		case 8:
			return ((const uint64 *) values)[place];
		default:
			return 0;
	}
}

#endif							/* OH_KEYPAGE_H */
