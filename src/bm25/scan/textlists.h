/*
 * textlists.h -- the documents of a segment that may meet a condition `column = value`, `column IN (...)` or
 * `column IS NULL`, from the segment's lists of filter columns.
 */
#ifndef OH_TEXT_LISTS_H
#define OH_TEXT_LISTS_H

#include "postgres.h"

#include "bm25/segment/reader.h"
#include "filter/condition.h"

/* Cursors over the lists of one column's wanted values. */
typedef struct OhLists
{
	int			n;				/* 0: no document of the segment matches */
	OhCursor  **cursor;			/* [n] */
	uint32		ndocs;			/* of all of them */
} OhLists;

/*
 * Open the lists of the condition that the fewest documents meet.  false if the segment has none of its conditions, or if
 * that many documents meet it that lists are of no use.
 */
extern bool OhListsOpen(OhLists *lists, OhSegmentReader *reader, const OhConditions *conditions);

/* The first document from doc on that is on one of the lists; OH_NONE after the last one. */
static inline uint32
OhListsSeek(OhLists *lists, uint32 doc)
{
	uint32		next = OH_NONE;

	for (int i = 0; i < lists->n; i++)
	{
		uint32		current = lists->cursor[i]->current;

		if (current < doc)
			current = OhCursorSeek(lists->cursor[i], doc);
		next = Min(next, current);
	}
	return next;
}

#endif							/* OH_TEXT_LISTS_H */
