/*
 * append.h -- appends records to the arrays of an index that a build fills.
 *
 * Nobody else uses the array during that time; nothing is WAL-logged.
 */
#ifndef OH_APPEND_H
#define OH_APPEND_H

#include "postgres.h"

#include "hnsw/index.h"

typedef struct OhAppender
{
	OhIndex    *ix;
	OhArrayId	array;
	Buffer		buffer;			/* locked; InvalidBuffer before the first record */
	uint32		next;			/* id of the next record */
} OhAppender;

/* Begin to append to an array that has no records yet. */
extern void OhAppendBegin(OhAppender *out, OhIndex *ix, OhArrayId array);
/* Append a zeroed record; its id is out->next - 1. */
extern void *OhAppend(OhAppender *out);
extern void OhAppendEnd(OhAppender *out);

/*
 * Before its first page is added: an array will have this many records, per_page in each page.  Returns the number of
 * pages.
 */
extern uint32 OhAppendPlan(OhIndex *ix, OhArrayId array, uint32 records, uint32 per_page);

/* Add a page to an array, which must be its page lp; returns it locked. */
extern Buffer OhAppendPage(OhIndex *ix, OhArrayId array, uint32 lp);

/*
 * Write a list of a graph in memory, of at most n links, as a record has it: the diverse links
 * first, then the fill, both nearest first, at most max; OH_NONE behind the last.  number: node ids
 * of slots; NULL: they are the slots.  Returns the number of diverse links.
 */
extern int	OhWriteList(const uint32 *list, int n, const uint32 *number, uint32 *to, int max);

/* Number of posting records that this many further TIDs of a node take. */
static inline uint32
OhPostingRecords(uint32 tids)
{
	return (tids + OH_POSTING_TIDS - 1) / OH_POSTING_TIDS;
}

#endif							/* OH_APPEND_H */
