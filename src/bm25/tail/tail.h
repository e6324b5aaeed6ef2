/*
 * tail.h -- the tail of an index: documents that are in no segment yet.
 *
 * Tails have numbers, epochs.  Inserts write to the tail of the metapage's epoch, with
 * the metapage locked for sharing; whoever makes a tail a segment begins the next one
 * first.  So there are two tails at most, each in an array of its own, and a page with
 * another epoch than its tail's is an empty one.
 */
#ifndef OH_TAIL_H
#define OH_TAIL_H

#include "postgres.h"

#include "bm25/bm25.h"

static inline int
OhTailArray(uint32 epoch)
{
	return epoch % 2 == 0 ? OH_TAIL_EVEN : OH_TAIL_ODD;
}

/* What a page of a tail is to whoever wants epoch. */
typedef enum OhTailState
{
	OH_TAIL_THERE,
	OH_TAIL_END,				/* past the last page */
	OH_TAIL_GONE				/* the tail has been sealed, and another has its pages */
} OhTailState;

/* Copy of a page (BLCKSZ), its chunks checked. */
extern OhTailState OhTailReadPage(OhText *ix, uint32 epoch, uint32 lp, Page copy);

/*
 * Visit every chunk of the tails from..to, in order; lp is the page that it lies on.
 * false: one of these tails has been sealed since, and the visits are worth nothing.
 */
typedef void (*OhTailVisit) (OhChunk *chunk, uint32 lp, void *arg);
extern bool OhTailEach(OhText *ix, uint32 from, uint32 to, OhTailVisit visit, void *arg);

static inline OhTailPage *
OhTailPageOf(Page page)
{
	return (OhTailPage *) PageGetContents(page);
}

/* Chunks of a page that has been checked: the first, and the one that follows. */
static inline OhChunk *
OhTailFirst(Page page)
{
	return (OhChunk *) (OhTailPageOf(page) + 1);
}

static inline OhChunk *
OhTailNext(OhChunk *chunk)
{
	return (OhChunk *) ((char *) chunk + OhChunkBytes(chunk->nterms));
}

/* Is there room for a chunk?  Of a page that is locked. */
extern bool OhTailHasRoom(Page page, uint32 epoch, uint32 nterms);
/* Append a chunk; the page is being changed (OhWritePage). */
extern void OhTailAppend(OhText *ix, Page page, uint32 epoch, uint32 doc, uint32 length, bool first,
						 uint32 nterms, const uint64 *hash, const uint32 *tf);

#endif							/* OH_TAIL_H */
