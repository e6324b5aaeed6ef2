/*
 * ahead.h -- decides when to prefetch pages, and prefetches them.
 *
 * A walk reads a few pages, anywhere in the file, for each node that it visits.  Read one after
 * the other, each of them may wait for the disk; prefetched together, they wait at the same time.
 * But if all pages are in shared buffers, prefetching only costs time.  So a caller divides its reads
 * into rounds.  After a round in which a page was not in shared buffers, the next OH_AHEAD_ROUNDS rounds
 * prefetch their pages before they read them.
 */
#ifndef OH_STORAGE_AHEAD_H
#define OH_STORAGE_AHEAD_H

#include "postgres.h"

#include "executor/instrument.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#define OH_AHEAD_ROUNDS 16

typedef struct OhAhead
{
	int			rounds;			/* rounds to come that prefetch */
	int64		reads;			/* this backend's shared_blks_read when the round began */
} OhAhead;

/* Begin a round of reads.  Should the caller prefetch its pages? */
static inline bool
OhAheadBegin(OhAhead *ahead)
{
	ahead->reads = pgBufferUsage.shared_blks_read;
	return ahead->rounds > 0;
}

/* Has a page that was read in this round not been in shared buffers? */
static inline bool
OhAheadWaited(const OhAhead *ahead)
{
	return pgBufferUsage.shared_blks_read != ahead->reads;
}

/* End a round of reads. */
static inline void
OhAheadEnd(OhAhead *ahead)
{
	if (unlikely(OhAheadWaited(ahead)))
		ahead->rounds = OH_AHEAD_ROUNDS;
	else if (unlikely(ahead->rounds > 0))
		ahead->rounds--;
}

/*
 * Prefetch a block.  Does nothing if the buffer `last`, in which the block was last seen (or InvalidBuffer), still
 * has it, or if effective_io_concurrency is 0.
 */
extern void OhAheadBlock(Relation rel, BlockNumber block, Buffer last);

#endif							/* OH_STORAGE_AHEAD_H */
