/*
 * tail.h -- the tail of an index: documents that are not in a segment yet.
 *
 * A tail has a number, its epoch.  Inserts write to the tail of the metapage's epoch, with
 * the metapage locked in share mode.  Whoever makes a segment of a tail starts the next
 * tail first.  So there are at most two tails, each in its own array.  A page that has
 * another epoch than its tail counts as empty.
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

/* What a reader who wants epoch finds on a page of a tail. */
typedef enum OhTailState
{
	OH_TAIL_THERE,
	OH_TAIL_END,				/* the page is after the last one */
	OH_TAIL_GONE				/* the tail has been sealed, and another tail uses its pages */
} OhTailState;

/* Copy a page (BLCKSZ bytes), and check its chunks.  The metapage must not be locked. */
extern OhTailState OhTailReadPage(OhText *ix, uint32 epoch, uint32 lp, Page copy);

typedef void (*OhTailVisit) (OhChunk *chunk, uint32 lp, void *arg);

/*
 * Visit every chunk of the tails from..to, in order; lp is its page.  false: one of these
 * tails has been sealed since, and the result of the visits must be discarded.
 */
extern bool OhTailEach(OhText *ix, uint32 from, uint32 to, OhTailVisit visit, void *arg);

static inline OhTailPage *
OhTailPageOf(Page page)
{
	return (OhTailPage *) PageGetContents(page);
}

/* The chunks of a page that has been checked: the first, and the one after a chunk. */
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

/* Is there room for a chunk? The page must be locked. */
extern bool OhTailHasRoom(Page page, uint32 epoch, uint32 nterms);
/* Append a chunk; the caller writes the page (OhWritePage). */
extern void OhTailAppend(OhText *ix, Page page, uint32 epoch, uint32 doc, uint32 length, bool first,
						 uint32 nterms, const uint64 *hash, const uint32 *tf);

#endif							/* OH_TAIL_H */
