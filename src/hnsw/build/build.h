/*
 * build.h -- what the files of the index build share.
 *
 *   build.c      ohbuild: order of the phases, parallel workers (parallel.h)
 *   buildscan.c  what each participant does with a row
 *   sample.c     the sample: vectors, their mean, number of rows
 *   mean.c       the mean of vectors, outliers left out
 *   train.c      the quantizer's model, from the sample
 *   graph*.c, relink.c, siblings.c, connect.c, pack.c  the graph in memory
 *   flush.c      from there to pages
 */
#ifndef OH_BUILD_H
#define OH_BUILD_H

#include "postgres.h"

#include "access/relscan.h"
#include "hnsw/build/graph.h"
#include "hnsw/hnsw.h"
#include "filter/key.h"
#include "storage/barrier.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "storage/spin.h"

/* Where rows go. */
typedef enum OhBuildState
{
	OH_BUILD_GRAPH,				/* into the graph in memory */
	OH_BUILD_FLUSHING,			/* it is full; somebody writes it to pages */
	OH_BUILD_PAGES				/* into pages */
} OhBuildState;

/* What the participants do together, phases of a barrier. */
#define OH_PART_ADD		0		/* add rows */
#define OH_PART_COUNT	1		/* count links; nobody changes any */
#define OH_PART_RELINK	2

/* State that all participants share, in shared memory if there are workers. */
typedef struct OhBuildShared
{
	/* constant */
	Oid			heap_id;
	Oid			index_id;
	bool		concurrent;		/* CREATE INDEX CONCURRENTLY */
	int			tranche;		/* of gate */

	/*
	 * Held shared while a row is added to the graph, exclusively to leave the
	 * state OH_BUILD_GRAPH: then nobody is adding one.
	 */
	LWLock		gate;
	OhBuildState state;			/* changed under gate, or by the one who flushes */
	ConditionVariable flushed;	/* the state is OH_BUILD_PAGES */
	pg_atomic_uint64 tuples;	/* rows in the index so far */

	/* phases of a participant: OH_PART_* */
	Barrier		barrier;
	pg_atomic_uint32 next_slot; /* to be looked at for relinking */

	/* under mutex, when a participant has finished */
	slock_t		mutex;
	ConditionVariable finished;
	int			nfinished;
	double		heap_tuples;
	bool		broken_hot_chain;
} OhBuildShared;

/* One participant. */
typedef struct OhBuildWorker
{
	Relation	heap;
	Relation	index;
	OhBuildShared *shared;
	OhIndex    *ix;
	OhBuilder  *builder;		/* NULL once the graph is gone */
	OhInserter *inserter;		/* made when the first row goes into pages */
	MemoryContext context;		/* lives as long as the build */
	MemoryContext row_context;	/* reset after each row */
	OhKeyMaker *maker;		/* of filter columns; NULL without */
	OhKeyRow   *keys;			/* of the row at hand; NULL without */
	bool		parallel;		/* there may be other participants */
	bool		leader;			/* reports progress */
} OhBuildWorker;

/* A sample of the table. */
typedef struct OhSample
{
	double		vectors;		/* estimated rows with a position, with a margin */
	double		others;			/* the same of rows without */
	double		tuples;			/* estimated rows, without */
	uint64		nsample;		/* vectors seen */
	float	   *mean;			/* of them, but for outliers, float[dim] */
	int			nrows;			/* how many of them were kept for training */
	int		   *elements;		/* [nsample], of sparse values; NULL of others */
} OhSample;

/* What trains a quantizer: memory for the sample and the model, workers. */
typedef struct OhTrainShared OhTrainShared;
typedef struct OhTrainer
{
	int			workers;		/* to ask for */
	int			room;			/* rows that the sample may have at most */
	float	   *rows;			/* the sample: float[room][dim], under cosine normalised, no
								 * outliers */
	float	   *seen;			/* rows for the choice of codes, likewise, with outliers */
	int			nseen;
	int			seen_room;
	OhTrainShared *shared;
	struct dsm_segment *segment;	/* with all of that, or NULL: it is in ... */
	void	   *private_memory;
} OhTrainer;

/* sample.c: keeps vectors in the trainer's rows; mean is palloc'd, or NULL */
extern void OhTakeSample(Relation heap, Relation index, struct IndexInfo *info,
						 const OhParameters *create, OhTrainer *trainer, OhSample *sample);

extern uint64 OhBlockStep(uint64 n);
extern void OhReplaceOutliers(int dim, float *rows, int nrows, double limit);

/* mean.c: OhMeanEnd() frees the state */
typedef struct OhMean OhMean;

extern OhMean *OhMeanBegin(int dim);
extern void OhMeanAdd(OhMean *mean, const float *x, double scale, double length);
extern void OhMeanEnd(OhMean *mean, float *out, double *limit);

/* train.c: no more workers than given */
extern void OhTrainerBegin(OhTrainer *trainer, Relation heap, const OmQuantSpec *spec, int workers);

/*
 * Set create->model, which is valid until OhTrainerEnd(), and trained_rows.
 * Where the sample is too small for the quantizer, create->spec becomes another
 * one's.
 */
extern void OhTrain(Relation index, OhParameters *create, OhTrainer *trainer, const OhSample *sample);
extern void OhTrainerEnd(OhTrainer *trainer);

/*
 * choose.c: more bits, or the values, in create->spec where the sample says that
 * codes cannot tell neighbours apart, and the options leave the choice.
 */
extern void OhChoiceBegin(OhTrainer *trainer, const OhParameters *create, MemoryContext context);
extern void OhChooseCodes(Relation index, OhParameters *create, const OhTrainer *trainer,
						  const OhSample *sample);

/* buildscan.c */
extern void OhBuildScan(OhBuildWorker *worker, struct IndexInfo *info,
						struct ParallelTableScanDescData *pscan);

/* flush.c: connect, order and write the graph; the index has no nodes yet */
extern void OhFlushGraph(OhBuildWorker *worker);

#endif							/* OH_BUILD_H */
