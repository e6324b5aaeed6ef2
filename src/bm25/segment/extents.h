/*
 * extents.h -- which pages of the array of segments somebody has.
 *
 * The pages of each area of a segment follow one another, and the areas do.  A segment takes the first gap between
 * others that is large enough, or the array grows.  A merge reserves pages before it writes them.
 */
#ifndef OH_EXTENTS_H
#define OH_EXTENTS_H

#include "postgres.h"

#include "bm25/bm25.h"

/*
 * Raise an error unless those of the list, which was read at one time, lie side by side in the array, have
 * no more documents than there are, and a merge has reserved no more than its inputs need.
 */
extern void OhVerifyExtents(OhText *ix, const OhTextList *list);
/* The pages that a merge of these n segments needs at most, for each area. */
extern void OhMergePages(const OhText *ix, const OhSegment *input, int n, uint32 *pages);
/*
 * Find the first page of each area of a new segment with pages[OH_NAREAS].  The caller holds the merge lock, and
 * tells nobody of it before it has listed the segment, or the merge.
 */
extern void OhTakeExtents(OhText *ix, const uint32 *pages, uint32 *place);
/* Take the next segment id, in one WAL record.  An id is never used twice, even if the segment is never listed. */
extern uint32 OhTakeSegmentId(OhText *ix);

#endif							/* OH_EXTENTS_H */
