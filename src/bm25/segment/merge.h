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
 * Take segments out of the list, and a new one in (NULL: none), in one record; the tail
 * of epoch sealed is then no more.  With segments taken out, the merge is at its end.
 */
extern void OhChangeList(OhText *ix, const OhSegment *gone, int ngone, const OhSegment *added, uint32 sealed);
/* All documents that are not live. */
extern OhDocSet *OhDeadDocs(OhText *ix, MemoryContext context);
/* Make a segment of the current tail, if there is anything in it. */
extern void OhSeal(OhText *ix);
/*
 * Merge segments of one size where there are many; large: also large ones, and those with
 * dead documents.  Begins with the merge that is going on.
 */
extern void OhMergeSegments(OhText *ix, bool large);
/* Begin to merge small segments where there are many, or do one short step of the merge that is going on. */
extern void OhMergeSome(OhText *ix);
/* Mean length of the documents of all segments and of what comes to them. */
extern double OhListAverage(const OhTextList *list, uint64 length, uint64 ndocs);

/* ---- mergestep.c ---- */

/* Let the metapage say that these segments are merged. */
extern void OhMergeBegin(OhText *ix, const OhTextList *list, const OhSegment *chosen, int n);
/* Merge about this many postings more; true: the merge is done. */
extern bool OhMergeStep(OhText *ix, const OhTextList *list, uint64 postings);
/* Merge to the end, by steps of this many. */
extern void OhMergeFinish(OhText *ix, const OhTextList *list, uint64 postings);
/* Let dead documents that no segment and no tail names be used again. */
extern void OhFreeDocs(OhText *ix);

#endif							/* OH_MERGE_H */
