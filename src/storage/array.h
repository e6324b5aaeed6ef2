/*
 * array.h -- paged arrays of an index file: access by record number, growth, slots.
 */
#ifndef OH_STORAGE_ARRAY_H
#define OH_STORAGE_ARRAY_H

#include "postgres.h"

#include "storage/file.h"

/* Number of logical pages now; reads the directory if it has grown. */
extern uint32 OhArrayPages(OhFile *file, int array);
/* Data page lp, verified, locked (BUFFER_LOCK_SHARE or _EXCLUSIVE). */
extern Buffer OhArrayRead(OhFile *file, int array, uint32 lp, int lockmode);
/* Block of a logical page, which must exist: an error otherwise. */
extern BlockNumber OhArrayBlock(OhFile *file, int array, uint32 lp);

/* Ask for a page that exists, if it is not known to be in shared buffers. */
extern void OhArrayPrefetch(OhFile *file, int array, uint32 lp);

/* Pages to be locked together. */
typedef struct OhPageRef
{
	int			array;
	uint32		lp;
	int			lockmode;
	BlockNumber block;			/* set with the buffer */
	Buffer		buffer;
} OhPageRef;

extern void OhArrayReadAll(OhFile *file, OhPageRef *pages, int n);
extern void OhReleaseAll(OhPageRef *pages, int n);

/*
 * Append an empty page to the array: returns its logical page; the page is not
 * locked on return.  In the WAL at once (page and directory in one record).
 */
extern uint32 OhArrayExtend(OhFile *file, int array);

/*
 * A logical page that probably has a free slot: the caller locks it and takes
 * one by OhPageTakeSlot(), or asks again if that fails.  Extends the array if
 * nothing is free.
 */
extern uint32 OhArrayFindFree(OhFile *file, int array);

/* true if the record exists (bounds only): refreshes the page count if need be. */
extern bool OhArrayHas(OhFile *file, int array, uint32 id);

/* Record numbers that its pages have room for now. */
static inline uint32
OhArrayRecords(OhFile *file, int array)
{
	return OhArrayPages(file, array) * file->array[array].per_page;
}

static inline void *
OhSlot(const OhFile *file, int array, Page page, uint32 slot)
{
	return (char *) page + SizeOfPageHeaderData + slot * file->array[array].record_bytes;
}

static inline uint32
OhLp(const OhFile *file, int array, uint32 id)
{
	return id / file->array[array].per_page;
}

static inline uint32
OhSlotOf(const OhFile *file, int array, uint32 id)
{
	return id % file->array[array].per_page;
}

/* Record id on its page. */
static inline void *
OhRecord(const OhFile *file, int array, Page page, uint32 id)
{
	return OhSlot(file, array, page, OhSlotOf(file, array, id));
}

/* The page of a record that exists, verified, locked. */
static inline Buffer
OhRecordPage(OhFile *file, int array, uint32 id, int lockmode)
{
	return OhArrayRead(file, array, OhLp(file, array, id), lockmode);
}

/* A record that exists, on its page. */
static inline void *
OhRecordRead(OhFile *file, int array, uint32 id, int lockmode, Buffer *buffer)
{
	*buffer = OhRecordPage(file, array, id, lockmode);
	return OhRecord(file, array, BufferGetPage(*buffer), id);
}

/* The block of a record, for errors. */
static inline BlockNumber
OhRecordBlock(OhFile *file, int array, uint32 id)
{
	return OhArrayBlock(file, array, OhLp(file, array, id));
}

/*
 * Slots ever used of a locked page.  A page found by hint was verified when it was
 * read first, so whoever goes through its slots asks here: raises an error if it
 * says more than it has room for.
 */
extern uint32 OhPageUsed(const OhFile *file, int array, Buffer buffer);
/* Is this slot free?  (Slots at or past the high-water mark are.) */
extern bool OhSlotIsFree(const OhFile *file, int array, Page page, uint32 slot);
/* Does the page have a slot to take? */
extern bool OhPageHasFree(const OhFile *file, int array, Page page);
/*
 * Take a free slot of a page that is being changed (from OhWritePage), which must have
 * one (OhPageHasFree(), OhPageFindSlot()): the record is cleared, tail counts and
 * pd_lower are kept.  The caller must then make the record one that OhSlotIsFree()
 * calls taken.  block: of the page, for errors.
 */
extern uint32 OhPageTakeSlot(const OhFile *file, int array, Page page, BlockNumber block);
/* The same, of slots from..to - 1 only. */
extern uint32 OhPageTakeSlotIn(const OhFile *file, int array, Page page, BlockNumber block,
							   uint32 from, uint32 to);
/*
 * The slot that this would take, OH_NONE if there is none; an error if the page says
 * that it has one.
 */
extern uint32 OhPageFindSlot(const OhFile *file, int array, Page page, BlockNumber block,
							 uint32 from, uint32 to);
/* Give a slot back: the record becomes free, nfree is counted. */
extern void OhPageFreeSlot(const OhFile *file, int array, Page page, uint32 slot);
/* Fill an empty page of an array (in a build or extension). */
extern void OhPageInit(Page page, int kind, int array, uint32 lp);
/* Set pd_lower by the tail's nused; after every change of nused. */
extern void OhPageSetLower(const OhFile *file, int array, Page page);

#endif							/* OH_STORAGE_ARRAY_H */
