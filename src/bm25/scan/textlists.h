/*
 * textlists.h -- the documents of a segment that may meet a condition `column = value`, `column IN (...)` or
 * `column IS NULL`, from the segment's lists of filter columns.
 */
#ifndef OH_TEXT_LISTS_H
#define OH_TEXT_LISTS_H

#include "postgres.h"

#include "bm25/segment/reader.h"
#include "filter/condition.h"

/* The lists of one column's wanted values, together. */
typedef struct OhLists
{
	int			n;				/* 0: no document of the segment matches */
	OhList	  **list;			/* [n] */
	uint64		ndocs;			/* of all of them */
	bool		exact;			/* all documents on them meet the conditions */
	uint32		base;			/* what `bits` has: from this document on ... */
	uint32		nbits;			/* ... this many */
	uint64		bits[OH_BITMAP_WORDS];
} OhLists;

/*
 * Open the lists of the condition that the fewest documents meet.  false if the segment has none of its conditions.
 */
extern bool OhListsOpen(OhLists *lists, OhSegmentReader *reader, const OhConditions *conditions);
/* The first document from doc on that is on one of the lists; OH_NONE after the last one.  doc must not become less. */
extern uint32 OhListsNext(OhLists *lists, uint32 doc);

static inline uint32
OhListsSeek(OhLists *lists, uint32 doc)
{
	uint32		at = doc - lists->base;

	if (at < lists->nbits && (lists->bits[at / 64] >> at % 64 & 1) != 0)
		return doc;
	return OhListsNext(lists, doc);
}

/* Is the document on one of the lists?  As for OhListsSeek(). */
static inline bool
OhListsHave(OhLists *lists, uint32 doc)
{
	uint32		at = doc - lists->base;

	if (at < lists->nbits)
		return (lists->bits[at / 64] >> at % 64 & 1) != 0;
	return OhListsNext(lists, doc) == doc;
}

#endif							/* OH_TEXT_LISTS_H */
