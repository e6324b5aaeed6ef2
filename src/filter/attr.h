/*
 * attr.h -- summaries of filter columns, in pages.
 *
 * An array has one record a page, the whole body.  A page holds the summaries
 * (summary.h) of as many consecutive records of the index as fit, column by column,
 * so that a scan reads the columns of its conditions only, and an insert writes
 * one page for all columns.  Record n is on logical page n / per_page, place
 * n % per_page.
 *
 *   PART                                      BYTES
 *   OhAttrColumn[nattrs]                      16 each
 *   uint64 null[nattrs][words]                a bit a record; words = (per_page + 63) / 64
 *   value[nattrs][8 * per_page bytes]    unsigned integers of `width` bytes, the rest unused
 *
 * A column's values are stored less `base`, in as few bytes as the widest on the
 * page needs: small numbers cost a scan little memory, and a page whose values
 * all lie outside a range is passed over at once.  A value that does not fit
 * makes the page choose base and width anew.  Places never written are NULL, and
 * those of records that are not live hold anything.
 *
 * What a place holds does not change while its record is live.
 */
#ifndef OH_ATTR_H
#define OH_ATTR_H

#include "postgres.h"

#include "storage/array.h"

/* Filter columns: all index columns but the first. */
#define OH_MAX_ATTRS	(INDEX_MAX_KEYS - 1)

/* The filter columns of an open index, and where their pages are. */
typedef struct OhColumns
{
	OhFile	   *file;
	int			array;			/* of filter pages, one record a page */
	int			n;
	uint32		per_page;		/* records on a page; 0 without filter columns */
	uint8		kind[OH_MAX_ATTRS];	/* OhAttrKind */
} OhColumns;

/*
 * Summaries of a row's filter columns (summary.h).  Canonical: the value of a
 * NULL is 0, so that rows with equal columns are equal byte by byte.
 */
typedef struct OhAttrRow
{
	uint32		nulls;			/* bit i: column i is NULL */
	uint32		unused;
	uint64		value[FLEXIBLE_ARRAY_MEMBER];	/* [n] */
} OhAttrRow;

StaticAssertDecl(offsetof(OhAttrRow, value) == 8, "attribute row layout");

/* Bytes of an OhAttrRow; 0 without filter columns. */
static inline uint32
OhAttrRowBytes(int n)
{
	return n > 0 ? offsetof(OhAttrRow, value) + n * sizeof(uint64) : 0;
}

typedef struct OhAttrColumn
{
	uint64		base;
	uint8		width;			/* 0 (all values are base), 1, 2, 4 or 8 */
	uint8		unused[7];
} OhAttrColumn;

StaticAssertDecl(sizeof(OhAttrColumn) == 16, "attribute page layout");

/* Records on a page, by the number of columns. */
extern uint32 OhAttrPerPage(int nattrs);
/* An empty page: every place NULL.  After OhPageInit(); sets nused and pd_lower. */
extern void OhAttrInitPage(const OhColumns *columns, Page page);
/* Write all columns of a place; the page is being changed (OhWritePage, or a build). */
extern void OhAttrSet(const OhColumns *columns, Page page, uint32 place, const OhAttrRow *row);
/* Read them. */
extern void OhAttrGet(const OhColumns *columns, Page page, uint32 place, OhAttrRow *row);
/* Does the place hold exactly this? */
extern bool OhAttrEquals(const OhColumns *columns, Page page, uint32 place, const OhAttrRow *row);
/* Make the array reach to a record's summaries (no page may be locked). */
extern void OhAttrReserve(const OhColumns *columns, uint32 record);
/* Corruption: widths other than those above. */
extern void OhAttrVerify(const OhColumns *columns, Page page, BlockNumber block);

static inline uint32
OhAttrWords(const OhColumns *columns)
{
	return (columns->per_page + 63) / 64;
}

static inline OhAttrColumn *
OhAttrColumns(Page page)
{
	return (OhAttrColumn *) ((char *) page + SizeOfPageHeaderData);
}

/* Null bits of a column: uint64[OhAttrWords()]. */
static inline uint64 *
OhAttrNulls(const OhColumns *columns, Page page, int column)
{
	return (uint64 *) (OhAttrColumns(page) + columns->n) + column * OhAttrWords(columns);
}

/* Values of a column, less base: uint8/16/32/64[per_page] by its width. */
static inline void *
OhAttrValues(const OhColumns *columns, Page page, int column)
{
	return (uint64 *) (OhAttrColumns(page) + columns->n) + columns->n * OhAttrWords(columns) +
		(Size) column * columns->per_page;
}

/* The greatest value of a width, less base. */
static inline uint64
OhAttrLargest(uint8 width)
{
	return width >= 8 ? PG_UINT64_MAX : (UINT64CONST(1) << (8 * width)) - 1;
}

/* A value, less base; 0 for a width that no page should have. */
static inline uint64
OhAttrOffset(const void *values, uint8 width, uint32 place)
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

#endif							/* OH_ATTR_H */
