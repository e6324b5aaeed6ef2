/*
 * array.h -- paged arrays of an index file: access by record number, growth, slots.
 */
#ifndef OH_STORAGE_ARRAY_H
#define OH_STORAGE_ARRAY_H

#include "postgres.h"

#include "storage/file.h"

/* Number of logical pages of an array; reads the directory if it has grown. */
extern uint32 OhArrayPages(OhFile *file, int array);
/* Read and lock (BUFFER_LOCK_SHARE or _EXCLUSIVE) logical page lp; corruption raises an error. */
extern Buffer OhArrayRead(OhFile *file, int array, uint32 lp, int lockmode);
/*
 * Read a logical page and lock it exclusively if that needs no waiting; otherwise InvalidBuffer.  For a caller that
 * has locked other pages; this one must have been read before.
 */
extern Buffer OhArrayTryRead(OhFile *file, int array, uint32 lp);
/* Block of a logical page; an error if there is no such page. */
extern BlockNumber OhArrayBlock(OhFile *file, int array, uint32 lp);

/* Prefetch a page that exists, unless it is known to be in shared buffers. */
extern void OhArrayPrefetch(OhFile *file, int array, uint32 lp);

/* Pages that are to be locked together. */
typedef struct OhPageRef
{
	int			array;
	uint32		lp;
	int			lockmode;
	BlockNumber block;			/* set together with the buffer */
	Buffer		buffer;
} OhPageRef;

/* Read and lock several pages, each named once, in ascending block order. */
extern void OhArrayReadAll(OhFile *file, OhPageRef *pages, int n);
/* Unlock and release them. */
extern void OhReleaseAll(OhPageRef *pages, int n);

/*
 * Append an empty page to the array; returns its logical page number.  The page is not locked on return.
 * Page and directory entry are logged in one WAL record.
 */
extern uint32 OhArrayExtend(OhFile *file, int array);

/*
 * In a build, before the array's first page is added: it will have this many.  Takes the pages of its directory
 * at once, so that they lie one behind the other, and a session that opens the index reads them so.
 */
extern void OhArrayPlan(OhFile *file, int array, uint32 npages);

/*
 * Find a logical page that probably has a free slot; extends the array if no page has one.  The caller locks the
 * page and takes a slot by OhPageTakeSlot(); if others have taken the last one, it calls this again.
 */
extern uint32 OhArrayFindFree(OhFile *file, int array);

/* Does the array have a page for this record? */
extern bool OhArrayHas(OhFile *file, int array, uint32 id);

/* Number of records that the pages of the array have room for. */
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

/* The record with this number, on its page. */
static inline void *
OhRecord(const OhFile *file, int array, Page page, uint32 id)
{
	return OhSlot(file, array, page, OhSlotOf(file, array, id));
}

/* Read and lock the page of a record, which must exist. */
static inline Buffer
OhRecordPage(OhFile *file, int array, uint32 id, int lockmode)
{
	return OhArrayRead(file, array, OhLp(file, array, id), lockmode);
}

/* The same; returns the record. */
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
 * Number of slots ever used on a locked page, to go through them.  A page that was found by hint was verified
 * only when it was first read, so the number is checked again: an error if it exceeds what a page has room for.
 */
extern uint32 OhPageUsed(const OhFile *file, int array, Buffer buffer);
/* Is this slot free?  Slots that were never used are. */
extern bool OhSlotIsFree(const OhFile *file, int array, Page page, uint32 slot);
/* Does the page have a free slot? */
extern bool OhPageHasFree(const OhFile *file, int array, Page page);
/*
 * Take a free slot of a page, which must have one, as OhPageHasFree() or OhPageFindSlot() tells.  The page must be
 * one that may be changed (OhWritePage()).  Clears the record and updates the page's counts and pd_lower; the caller
 * then fills the record so that OhSlotIsFree() is false.  block: the page's, for errors
 */
extern uint32 OhPageTakeSlot(const OhFile *file, int array, Page page, BlockNumber block);
/* The same among slots from to to - 1. */
extern uint32 OhPageTakeSlotIn(const OhFile *file, int array, Page page, BlockNumber block,
							   uint32 from, uint32 to);
/*
 * Find the slot that OhPageTakeSlotIn() would take; OH_NONE if there is none.  An error if the page's count says
 * that there is one.
 */
extern uint32 OhPageFindSlot(const OhFile *file, int array, Page page, BlockNumber block,
							 uint32 from, uint32 to);
/* Free a slot of a page that may be changed. */
extern void OhPageFreeSlot(const OhFile *file, int array, Page page, uint32 slot);
/* Set pd_lower by the tail's nused, after a change of nused. */
extern void OhPageSetLower(const OhFile *file, int array, Page page);

#endif							/* OH_STORAGE_ARRAY_H */
