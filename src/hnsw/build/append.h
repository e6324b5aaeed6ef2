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

/* An array that has no records yet. */
extern void OhAppendBegin(OhAppender *out, OhIndex *ix, OhArrayId array);
/* The next record, zeroed; its id is out->next - 1 from now on. */
extern void *OhAppend(OhAppender *out);
extern void OhAppendEnd(OhAppender *out);

/* A new page of an array, locked, which must be its page lp. */
extern Buffer OhAppendPage(OhIndex *ix, OhArrayId array, uint32 lp);

/* Records that a node's further rows take. */
static inline uint32
OhPostingRecords(uint32 tids)
{
	return (tids + OH_POSTING_TIDS - 1) / OH_POSTING_TIDS;
}

#endif							/* OH_APPEND_H */
