/*
 * ahead.h -- pages that are asked for before they are read, where reads have lately had
 * to wait for the disk.
 *
 * A walk reads a few pages for each node that it looks at, anywhere in the file.  One
 * after the other, each waits for the disk; asked for at once, they wait together.
 * Where all pages are in shared buffers the asking would only cost time: so whoever
 * reads in rounds counts the rounds that met a page which was not there, and asks
 * ahead while such a round is not long past.
 */
#ifndef OH_STORAGE_AHEAD_H
#define OH_STORAGE_AHEAD_H

#include "postgres.h"

#include "executor/instrument.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

/* Rounds without a wait after which nothing is asked for any more. */
#define OH_AHEAD_ROUNDS 16

typedef struct OhAhead
{
	int			rounds;			/* to come in which pages are asked for */
	int64		reads;			/* of this backend, when the round began */
} OhAhead;

/* A round of reads begins.  true: ask for its pages first. */
static inline bool
OhAheadBegin(OhAhead *ahead)
{
	ahead->reads = pgBufferUsage.shared_blks_read;
	return ahead->rounds > 0;
}

/* Has a page of this round not been in shared buffers? */
static inline bool
OhAheadWaited(const OhAhead *ahead)
{
	return pgBufferUsage.shared_blks_read != ahead->reads;
}

static inline void
OhAheadEnd(OhAhead *ahead)
{
	if (unlikely(OhAheadWaited(ahead)))
		ahead->rounds = OH_AHEAD_ROUNDS;
	else if (unlikely(ahead->rounds > 0))
		ahead->rounds--;
}

/*
 * Ask for a block, unless the buffer that it was last seen in (or InvalidBuffer) still
 * has it, or effective_io_concurrency is 0.
 */
extern void OhAheadBlock(Relation rel, BlockNumber block, Buffer last);

#endif							/* OH_STORAGE_AHEAD_H */
