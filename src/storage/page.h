/*
 * page.h -- pages of an index file, whatever the access method.
 *
 * An index file has a metapage and some paged arrays.  A paged array is a logical array of records of
 * one size, whose pages may be anywhere in the relation.  Record i of an array is on its
 * logical page i / per_page, in slot i % per_page.  A directory maps logical pages to
 * blocks.  There are no line pointers.  The access method decides what records
 * hold (file.h).
 *
 * Every page:
 *
 *   OFFSET  SIZE  FIELD
 *        0    24  PageHeaderData; pd_lower is past the last slot ever used
 *       24     -  records (or metapage, or directory entries)
 *     8176    16  OhPageTail, the special space
 */
#ifndef OH_STORAGE_PAGE_H
#define OH_STORAGE_PAGE_H

#include "postgres.h"

#include "storage/block.h"
#include "storage/bufpage.h"

#define OH_PAGE_ID		0xFFA7
#define OH_META_BLOCK	0

/* A record number that stands for no record. */
#define OH_NONE			0xFFFFFFFFU

/* Page kinds; an array's data pages have OH_PAGE_ARRAY + the array's number. */
#define OH_PAGE_META	1
#define OH_PAGE_ROOT	2		/* directory: blocks of leaf directory pages */
#define OH_PAGE_LEAF	3		/* directory: blocks of data pages */
#define OH_PAGE_TOP		4		/* directory: blocks of root pages */
#define OH_PAGE_ARRAY	16

/* Special space of every page. */
typedef struct OhPageTail
{
	uint32		lp;				/* logical page in its array; 0 for the metapage; for directory
								 * pages the index of the first entry */
	uint16		kind;
	uint16		array;			/* number of the array, of data and directory pages */
	uint16		nused;			/* slots (or entries) ever used: high-water mark */
	uint16		nfree;			/* free slots among the first nused */
	uint16		unused;
	uint16		page_id;		/* OH_PAGE_ID, last two bytes of the page */
} OhPageTail;

StaticAssertDecl(sizeof(OhPageTail) == 16, "page tail layout");

#define OH_PAGE_BODY	(BLCKSZ - SizeOfPageHeaderData - sizeof(OhPageTail))
/* A test compiles the library with smaller limits. */
#ifndef OH_DIR_ENTRIES
#define OH_DIR_ENTRIES	((int) (OH_PAGE_BODY / sizeof(BlockNumber)))
#endif
#ifndef OH_MAX_RECORDS
#define OH_MAX_RECORDS	OH_NONE
#endif
#define OH_NROOTS		8
#define OH_TOP			(OH_NROOTS - 1) /* where a head names its top page */

/*
 * Where an array's directory starts.  A root page has room for OH_DIR_ENTRIES leaf
 * pages of OH_DIR_ENTRIES data pages each, 4.2 million data pages in all.
 */
typedef struct OhArrayHead
{
	BlockNumber root[OH_NROOTS];	/* root pages, then the top page that names further ones;
									 * InvalidBlockNumber for those that do not exist */
	uint32		free_hint;		/* logical pages before this one have no free slot */
} OhArrayHead;

/*
 * The part of the metapage, at PageGetContents(), that is the same in all index files.  The
 * method's own struct has the same fields at the same offsets.
 *
 *   OFFSET  SIZE  FIELD
 *        0     4  magic       of the method
 *        4     4  format      of the method
 *        8     8  build_id    random, new with every build
 *       16    28              the method's own
 *       44     4  generation  how often free hints have moved back (vacuums)
 *       48    80              the method's own
 *      128  36 *  array       heads of the arrays
 */
typedef struct OhFileHead
{
	uint32		magic;
	uint32		format;
	uint64		build_id;
	char		own1[28];
	uint32		generation;
	char		own2[80];
	OhArrayHead array[FLEXIBLE_ARRAY_MEMBER];
} OhFileHead;

StaticAssertDecl(offsetof(OhFileHead, generation) == 44, "metapage layout");
StaticAssertDecl(offsetof(OhFileHead, array) == 128, "metapage layout");
StaticAssertDecl(sizeof(OhArrayHead) == 36, "metapage layout");

/* Not by pd_special, which may point anywhere on a damaged page. */
static inline OhPageTail *
OhTail(Page page)
{
	return (OhPageTail *) ((char *) page + BLCKSZ - sizeof(OhPageTail));
}

/* Make a page an empty one of this kind (OH_PAGE_*), of an array. */
static inline void
OhPageInit(Page page, int kind, int array, uint32 lp)
{
	OhPageTail *tail;

	PageInit(page, BLCKSZ, sizeof(OhPageTail));
	tail = OhTail(page);
	tail->kind = kind;
	tail->array = array;
	tail->lp = lp;
	tail->page_id = OH_PAGE_ID;
}

static inline OhFileHead *
OhHead(Page page)
{
	return (OhFileHead *) PageGetContents(page);
}

static inline BlockNumber *
OhDirEntries(Page page)
{
	return (BlockNumber *) PageGetContents(page);
}

#endif							/* OH_STORAGE_PAGE_H */
