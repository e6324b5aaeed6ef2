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
 * Remove segments from the list and add a new one (NULL: none), in one record; the tail of
 * epoch sealed then no longer exists.
 */
extern void OhChangeList(OhText *ix, const OhSegment *gone, int ngone, const OhSegment *added, uint32 sealed);
/* All documents that are not live. */
extern OhDocSet *OhDeadDocs(OhText *ix, MemoryContext context);
/* Make a segment of the current tail, if there is anything in it. */
extern void OhSeal(OhText *ix);
/*
 * Merge segments of one size if there are many; large: also large segments, and those with
 * dead documents.
 */
extern void OhMergeSegments(OhText *ix, bool large);
/* Free dead documents that are in no segment and no tail, so that they can be reused. */
extern void OhFreeDocs(OhText *ix);

#endif							/* OH_MERGE_H */
