/*
 * verify.h -- checks of an index file: metapage, directories and page headers.
 */
#ifndef OH_STORAGE_VERIFY_H
#define OH_STORAGE_VERIFY_H

#include "postgres.h"

#include "storage/file.h"

typedef struct OhFileCheck
{
	Relation	rel;
	const OhFileMethod *method;
	bool		strict;			/* the table is locked, so that nobody writes at the same time */
	MemoryContext context;
	BufferAccessStrategy strategy;

	/* what OhCheckDirectories() finds */
	BlockNumber nblocks;
	uint8	   *owner;			/* [nblocks]: kind of the page, if a directory names it, otherwise
								 * 0 */
	BlockNumber *block[OH_MAX_ARRAYS];	/* blocks of each array's pages */
	uint32		npages[OH_MAX_ARRAYS];
} OhFileCheck;

/* All of these raise ERRCODE_INDEX_CORRUPTED for what they find. */

/* Copy the metapage to page[BLCKSZ], and check its head. */
extern const OhFileHead *OhCheckHead(OhFileCheck *c, void *page);
/* Check the directories of all arrays. */
extern void OhCheckDirectories(OhFileCheck *c, const OhFileHead *head);
/* Copy a data page to to[BLCKSZ], and check its header and its count of free slots. */
extern Page OhCheckReadPage(OhFileCheck *c, const OhFile *file, int array, uint32 lp, void *to);
/* Check the blocks that no directory names; returns how many of them are zero pages. */
extern int64 OhCheckOtherBlocks(OhFileCheck *c);

#endif							/* OH_STORAGE_VERIFY_H */
