/*
 * attr.h -- summaries of filter columns, in pages.
 *
 * The array OH_ATTR has one record a page, the whole body.  A page holds the
 * summaries (summary.h) of ix->attr_per_page consecutive nodes, column by column,
 * so that a scan reads the columns of its conditions only, and an insert writes
 * one page for all columns.  Node n is on logical page n / attr_per_page, place
 * n % attr_per_page.
 *
 *   PART                                      BYTES
 *   OhAttrColumn[nattrs]                      16 each
 *   uint64 null[nattrs][words]                a bit a node; words = (attr_per_page + 63) / 64
 *   value[nattrs][8 * attr_per_page bytes]    unsigned integers of `width` bytes, the rest unused
 *
 * A column's values are stored less `base`, in as few bytes as the widest on the
 * page needs: small numbers cost a scan little memory, and a page whose values
 * all lie outside a range is passed over at once.  A value that does not fit
 * makes the page choose base and width anew.  Places never written are NULL, and
 * those of free nodes hold anything: what counts is the node's state.
 *
 * What a place holds does not change while its node is live.
 */
#ifndef OH_ATTR_H
#define OH_ATTR_H

#include "postgres.h"

#include "hnsw/index.h"

typedef struct OhAttrColumn
{
	uint64		base;
	uint8		width;			/* 0 (all values are base), 1, 2, 4 or 8 */
	uint8		unused[7];
} OhAttrColumn;

StaticAssertDecl(sizeof(OhAttrColumn) == 16, "attribute page layout");

/* Nodes a page, for so many columns. */
extern uint32 OhAttrPerPage(int nattrs);
/* An empty page: every place NULL.  After OhPageInit(); sets nused and pd_lower. */
extern void OhAttrInitPage(const OhIndex *ix, Page page);
/* Write all columns of a place; the page is being changed (OhWritePage, or a build). */
extern void OhAttrSet(const OhIndex *ix, Page page, uint32 place, const OhAttrRow *row);
/* Read them. */
extern void OhAttrGet(const OhIndex *ix, Page page, uint32 place, OhAttrRow *row);
/* Does the place hold exactly this? */
extern bool OhAttrEquals(const OhIndex *ix, Page page, uint32 place, const OhAttrRow *row);
/* Logical page of a node's summaries; make the array reach to it (no page may be locked). */
extern void OhAttrReserve(OhIndex *ix, uint32 node);
/* Corruption: widths other than those above. */
extern void OhAttrVerify(const OhIndex *ix, Page page, BlockNumber block);

static inline uint32
OhAttrWords(const OhIndex *ix)
{
	return (ix->attr_per_page + 63) / 64;
}

static inline OhAttrColumn *
OhAttrColumns(Page page)
{
	return (OhAttrColumn *) ((char *) page + SizeOfPageHeaderData);
}

/* Null bits of a column: uint64[OhAttrWords()]. */
static inline uint64 *
OhAttrNulls(const OhIndex *ix, Page page, int column)
{
	return (uint64 *) (OhAttrColumns(page) + ix->nattrs) + column * OhAttrWords(ix);
}

/* Values of a column, less base: uint8/16/32/64[attr_per_page] by its width. */
static inline void *
OhAttrValues(const OhIndex *ix, Page page, int column)
{
	return (uint64 *) (OhAttrColumns(page) + ix->nattrs) + ix->nattrs * OhAttrWords(ix) +
		(Size) column * ix->attr_per_page;
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
