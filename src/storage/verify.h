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
	bool		strict;			/* nobody writes at the same time */
	MemoryContext context;
	BufferAccessStrategy strategy;

	/* what OhCheckDirectories() finds */
	BlockNumber nblocks;
	uint8	   *owner;			/* [nblocks], 0 or kind of the page that a directory names */
	BlockNumber *block[OH_MAX_ARRAYS];	/* of each array's pages */
	uint32		npages[OH_MAX_ARRAYS];
} OhFileCheck;

/* The metapage, copied to page (BLCKSZ). */
extern const OhFileHead *OhCheckHead(OhFileCheck *c, void *page);
/* All directories that it names. */
extern void OhCheckDirectories(OhFileCheck *c, const OhFileHead *head);
/* Copy of a data page into to (BLCKSZ), its header verified. */
extern Page OhCheckReadPage(OhFileCheck *c, const OhFile *file, int array, uint32 lp, void *to);
/* Blocks that no directory names; returns how many of them are zero pages. */
extern int64 OhCheckOtherBlocks(OhFileCheck *c);

#endif							/* OH_STORAGE_VERIFY_H */
