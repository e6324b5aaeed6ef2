/*
 * keypage.h -- layout of filter pages, which hold filter keys (key.h).
 *
 * Filter pages are a paged array whose only record per page is the whole page body.
 * A filter page holds the filter keys of per_page consecutive records of the index (of
 * omenhnsw nodes, of omenbm25 documents), column by column: a scan reads
 * only the columns of its conditions, and an insert writes one page for all columns.
 * Record n is on logical page n / per_page, place n % per_page.
 *
 *   PART                                      BYTES
 *   OhKeyColumn[ncolumns]                      16 each
 *   uint64 null[ncolumns][words]                a bit a record; words = (per_page + 63) / 64
 *   value[ncolumns][8 * per_page bytes]    unsigned integers of `width` bytes, the rest unused
 *
 * What is stored of a key is key - base, in `width` bytes: as few as the greatest of the
 * page and column needs.  So a scan reads little memory where keys are close to one another,
 * and skips a page whose keys all lie outside a range.  If a new key does not fit, the
 * column of that page is written again with another base and width.  A place that
 * was never written is NULL; one whose record is not live may hold anything.
 *
 * What a place holds does not change while its record is live.
 */
#ifndef OH_KEYPAGE_H
#define OH_KEYPAGE_H

#include "postgres.h"

#include "storage/array.h"

/* Filter columns: all index columns but the first. */
#define OH_MAX_COLUMNS	(INDEX_MAX_KEYS - 1)

/* The filter columns of an open index, and the array of their pages. */
typedef struct OhColumns
{
	OhFile	   *file;
	int			array;			/* the array of filter pages, by number */
	int			n;				/* filter columns */
	uint32		per_page;		/* records on a page; 0 without filter columns */
	uint8		kind[OH_MAX_COLUMNS];	/* OhKeyKind */
} OhColumns;

/*
 * Filter keys of one row.  The value of a NULL is 0 and unused is 0, so that rows with equal
 * keys are equal byte by byte.
 */
typedef struct OhKeyRow
{
	uint32		nulls;			/* bit i: column i is NULL */
	uint32		unused;
	uint64		value[FLEXIBLE_ARRAY_MEMBER];	/* [n] */
} OhKeyRow;

StaticAssertDecl(offsetof(OhKeyRow, value) == 8, "row of filter keys, layout");

/* Size of an OhKeyRow of n columns; 0 without filter columns. */
static inline uint32
OhKeyRowBytes(int n)
{
	return n > 0 ? offsetof(OhKeyRow, value) + n * sizeof(uint64) : 0;
}

typedef struct OhKeyColumn
{
	uint64		base;
	uint8		width;			/* 0 (all keys are base), 1, 2, 4 or 8 */
	uint8		unused[7];
} OhKeyColumn;

StaticAssertDecl(sizeof(OhKeyColumn) == 16, "filter page layout");

/* Records on a filter page of an index with this many filter columns; 0 if there are none. */
extern uint32 OhKeysPerPage(int ncolumns);
/* Make a page, after OhPageInit(), an empty filter page: every place is NULL. */
extern void OhKeyPageInit(const OhColumns *columns, Page page);
/* Write all columns of a place.  The page must be one that may be changed (OhWritePage(), or a build's). */
extern void OhKeyPageSet(const OhColumns *columns, Page page, uint32 place, const OhKeyRow *row);
/* Read all columns of a place. */
extern void OhKeyPageGet(const OhColumns *columns, Page page, uint32 place, OhKeyRow *row);
/* Does the place hold exactly these filter keys? */
extern bool OhKeyPageEquals(const OhColumns *columns, Page page, uint32 place, const OhKeyRow *row);
/* Extend the array until it has the filter page of a record.  No buffer may be locked. */
extern void OhKeyPageReserve(const OhColumns *columns, uint32 record);
/* Check what is read from disk: ERRCODE_INDEX_CORRUPTED for a width or base that no page can have. */
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

/* What is stored of a column's keys: uint8/16/32/64[per_page], by its width. */
static inline void *
OhKeyPageValues(const OhColumns *columns, Page page, int column)
{
	return (uint64 *) (OhKeyColumns(page) + columns->n) + columns->n * OhKeyPageWords(columns) +
		(Size) column * columns->per_page;
}

/* The greatest key - base that a width can hold. */
static inline uint64
OhKeyLargest(uint8 width)
{
	return width >= 8 ? PG_UINT64_MAX : (UINT64CONST(1) << (8 * width)) - 1;
}

/* What is stored of the key at a place: key - base; 0 for a width that no page can have. */
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
