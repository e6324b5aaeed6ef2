/*
 * parallel.h -- parallel workers of an index build, and shared memory for them.
 *
 * A team is a leader and its workers, for one phase of a build.  Large data is in a
 * segment of dynamic shared memory, which the leader creates before it enters parallel
 * mode: if there is too little shared memory, the leader works alone.  Small
 * things are in the segment of the parallel context, as chunks by key.
 *
 *   leader   OhSegmentCreate, OhTeamPrepare, OhTeamReserve..., OhTeamReady,
 *            OhTeamPlace..., LaunchParallelWorkers, its share of the work,
 *            OhTeamWait, OhTeamEnd
 *   worker   OhTeamJoin, its share of the work, OhTeamLeave
 */
#ifndef OH_PARALLEL_H
#define OH_PARALLEL_H

#include "postgres.h"

#include "access/parallel.h"
#include "executor/instrument.h"
#include "storage/dsm.h"
#include "storage/shm_toc.h"
#include "utils/rel.h"

struct IndexInfo;

/* Keys of chunks in the parallel context's segment: a phase uses OH_KEY(1), OH_KEY(2), ... */
#define OH_KEY(n)			(UINT64CONST(0xB0B0000000000000) + (n))

/* Number of workers that a build of an index should ask for. */
extern int	OhTeamWorkers(Relation heap, Relation index, const struct IndexInfo *info);

typedef struct OhTeam
{
	ParallelContext *pcxt;
	Size		query_bytes;	/* of debug_query_string, with its zero byte */
	WalUsage   *wal;			/* [nworkers] */
	BufferUsage *buffers;		/* [nworkers] */
} OhTeam;

/*
 * Create the segment for the team's data; NULL if there is too little shared memory.  It is freed by
 * dsm_detach(), or at the end of the transaction.
 */
extern dsm_segment *OhSegmentCreate(Size bytes);

/* Enter parallel mode.  function: the workers' entry point, exported by this library. */
extern void OhTeamPrepare(OhTeam *team, const char *function, int workers);
/* Reserve room for a chunk. */
extern void OhTeamReserve(OhTeam *team, Size bytes);
/* Make the parallel context's segment; data may be NULL.  false, with parallel mode left: there is no room for it. */
extern bool OhTeamReady(OhTeam *team, dsm_segment *data);
/* Allocate a chunk that was reserved. */
extern void *OhTeamPlace(OhTeam *team, uint64 key, Size bytes);
/* Wait until all workers have finished.  Raises their errors, and counts their use of WAL and buffers. */
extern void OhTeamWait(OhTeam *team);
/* Leave parallel mode. */
extern void OhTeamEnd(OhTeam *team);

/* In a worker: attach to the team's data; NULL if there is none, or it exists no longer. */
extern dsm_segment *OhTeamJoin(shm_toc *toc);
/* Raise the error of a worker that cannot do without the data. */
extern void OhTeamDataMissing(void);
/* In a worker: report the use of WAL and buffers, and detach. */
extern void OhTeamLeave(shm_toc *toc, dsm_segment *data);

#endif							/* OH_PARALLEL_H */
