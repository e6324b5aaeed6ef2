/*
 * merge.h -- makes a segment of a tail, and one segment of several.
 *
 * The caller of all these functions must hold the merge lock.
 */
#ifndef OH_MERGE_H
#define OH_MERGE_H

#include "postgres.h"

#include "bm25/bm25.h"

/* A set of documents: one bit each. */
typedef struct OhDocSet
{
	uint32		ndocs;
	uint64	   *bits;
} OhDocSet;

/* An empty set with room for all documents of the index. */
extern OhDocSet *OhDocSetMake(OhText *ix, MemoryContext context);
static inline bool
OhDocSetHas(const OhDocSet *set, uint32 doc)
{
	return doc < set->ndocs && (set->bits[doc / 64] >> doc % 64 & 1) != 0;
}

static inline void
OhDocSetAdd(OhDocSet *set, uint32 doc)
{
	if (doc < set->ndocs)
		set->bits[doc / 64] |= UINT64CONST(1) << doc % 64;
}

/*
 * Change the list of segments in one WAL record: remove `gone`, and add a new segment unless it is NULL.  The tail of
 * epoch `sealed` is then part of a segment.  If segments are removed, this ends the merge that is in progress.
 */
extern void OhChangeList(OhText *ix, const OhSegment *gone, int ngone, const OhSegment *added, uint32 sealed);
/* All documents that are not live. */
extern OhDocSet *OhDeadDocs(OhText *ix, MemoryContext context);
/* Make a segment of the current tail, unless it is empty. */
extern void OhSeal(OhText *ix);
/*
 * Finish the merge that is in progress; then merge segments wherever there are many of one size.  large: also merge
 * large segments, and those with dead documents.
 */
extern void OhMergeSegments(OhText *ix, bool large);
/* Do one short step of the merge that is in progress, or begin one if there are many small segments. */
extern void OhMergeSome(OhText *ix);
/* Mean length of the documents of all segments, together with ndocs further ones of `length` in total. */
extern double OhListAverage(const OhTextList *list, uint64 length, uint64 ndocs);
/* Free dead documents that neither a segment nor the tail names any more. */
extern void OhFreeDocs(OhText *ix);

/* ---- mergestep.c ---- */

/* Begin a merge: reserve pages for the output, and write the state of the merge to the metapage. */
extern void OhMergeBegin(OhText *ix, const OhTextList *list, const OhSegment *chosen, int n);
/* Do a step of about this many postings; true if the merge is complete. */
extern bool OhMergeStep(OhText *ix, const OhTextList *list, uint64 postings);
/* Complete the merge, in steps of about this many postings. */
extern void OhMergeFinish(OhText *ix, const OhTextList *list, uint64 postings);

#endif							/* OH_MERGE_H */
