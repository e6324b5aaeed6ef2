/*
 * parallel.h -- parallel workers of an index build, and shared memory for them.
 *
 * A team is the leader and its workers for one piece of work.  Their data lie in
 * a segment that the leader creates before parallel mode begins, and with it the
 * possibility to do without: where there is too little shared memory, the leader
 * works alone.  What else they share goes into the parallel context's own.
 *
 *   leader   OhSegmentCreate, OhTeamPrepare, OhTeamReserve..., OhTeamReady,
 *            OhTeamPlace..., LaunchParallelWorkers, its share of the work,
 *            OhTeamWait, OhTeamEnd
 *   worker   OhTeamJoin, its share, OhTeamLeave
 */
#ifndef OH_PARALLEL_H
#define OH_PARALLEL_H

#include "postgres.h"

#include "access/parallel.h"
#include "executor/instrument.h"
#include "storage/dsm.h"
#include "storage/shm_toc.h"

/* Keys of chunks: the user's own are 1, 2, ... */
#define OH_KEY(n)			(UINT64CONST(0xB0B0000000000000) + (n))

typedef struct OhTeam
{
	ParallelContext *pcxt;
	Size		query_bytes;
	WalUsage   *wal;			/* [nworkers] */
	BufferUsage *buffers;		/* [nworkers] */
} OhTeam;

/*
 * NULL if there is too little shared memory.  It goes with the transaction, or
 * with dsm_detach().
 */
extern dsm_segment *OhSegmentCreate(Size bytes);

/* Enter parallel mode; function is exported by this library. */
extern void OhTeamPrepare(OhTeam *team, const char *function, int workers);
extern void OhTeamReserve(OhTeam *team, Size bytes);
/* false: no room for what was reserved; parallel mode is over. */
extern bool OhTeamReady(OhTeam *team, dsm_segment *data);
extern void *OhTeamPlace(OhTeam *team, uint64 key, Size bytes);
/* All workers have finished, their usage is counted; errors of theirs are raised. */
extern void OhTeamWait(OhTeam *team);
extern void OhTeamEnd(OhTeam *team);

/* Returns the segment with the data; NULL if all who had it have let it go. */
extern dsm_segment *OhTeamJoin(shm_toc *toc);
/* The error of one who needs it. */
extern void OhTeamDataMissing(void);
extern void OhTeamLeave(shm_toc *toc, dsm_segment *data);

#endif							/* OH_PARALLEL_H */
