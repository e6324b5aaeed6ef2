/*
 * train.c -- trains the quantizer's model on a build's sample.
 *
 * The sample, the model and the state of training are one block of memory, which is a segment
 * of dynamic shared memory if there are workers.  Each participant takes the next part of the
 * training until none is left.  A part (of pq: a subvector) has random numbers of its own, so that
 * the model does not depend on the number of workers.
 *
 * Training ends before the build allocates its graph.  So it may use all of maintenance_work_mem,
 * and the sample is as large as that allows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "utils/memutils.h"

#include "compat.h"
#include "hnsw/options.h"
#include "hnsw/train/sample.h"
#include "hnsw/train/train.h"
#include "storage/parallel.h"

PGDLLEXPORT void om_train_worker_main(dsm_segment *seg, shm_toc *toc);

/* The head of the block. */
struct OhTrainShared
{
	OmQuantSpec spec;
	int			nrows;
	uint32		nparts;
	pg_atomic_uint32 next;		/* the first part that nobody has taken */
	pg_atomic_uint32 done;		/* parts that are trained */
	/* offsets in the block */
	Size		mean;			/* float[dim] */
	Size		model;			/* float[om_quant_model_floats()] */
	Size		rows;			/* float[room][dim] */
};

static inline float *
floats_at(OhTrainShared *shared, Size offset)
{
	return (float *) ((char *) shared + offset);
}

/*
 * lay_out -- set the offsets of a block with nrows rows; returns its size.
 */
static Size
lay_out(OhTrainShared *shared, const OmQuantSpec *spec, int nrows)
{
	shared->mean = TYPEALIGN(64, sizeof(OhTrainShared));
	shared->model = TYPEALIGN(64, shared->mean + sizeof(float) * spec->dim);
	shared->rows = TYPEALIGN(64, shared->model + sizeof(float) * om_quant_model_floats(spec));
	return shared->rows + sizeof(float) * (Size) nrows * spec->dim;
}

/*
 * memory_needed -- size of the block, of the participants' working space, and of the quantizer,
 * which is made while the block still exists.
 */
static Size
memory_needed(const OmQuantSpec *spec, int nrows, int participants)
{
	OhTrainShared shared;

	return lay_out(&shared, spec, nrows) + participants * om_quant_train_bytes(spec, nrows) +
		om_quant_bytes(spec);
}

/*
 * choose_rows -- rows of the sample: as many as the quantizer wants, the table can have and
 * maintenance_work_mem can hold, but no fewer than training needs.
 */
static int
choose_rows(const OmQuantSpec *spec, BlockNumber nblocks, int participants)
{
	int			low = om_quant_train_least(spec);
	int			high = om_quant_train_rows(spec);

	high = (int) Max(low, Min(high, (uint64) nblocks * MaxHeapTuplesPerPage));
	while (low < high)
	{
		int			mid = low + (high - low + 1) / 2;

		if (memory_needed(spec, mid, participants) <= (Size) maintenance_work_mem * 1024)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

void
OhTrainerBegin(OhTrainer *trainer, Relation heap, const OmQuantSpec *spec, int workers)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(heap);
	OhTrainShared layout = {0};
	Size		bytes;

	memset(trainer, 0, sizeof(OhTrainer));
	trainer->workers = Min(workers, om_quant_train_parts(spec) - 1);
	trainer->room = choose_rows(spec, nblocks, trainer->workers + 1);
	layout.spec = *spec;
	bytes = lay_out(&layout, spec, trainer->room);
	if (trainer->workers > 0)
	{
		trainer->segment = OhSegmentCreate(bytes);
		if (trainer->segment == NULL)
		{
			/* the build is likely to find the same for its graph, and reports it to the user */
			ereport(DEBUG1,
					(errmsg_internal("too little shared memory for parallel training")));
			trainer->workers = 0;
		}
	}
	if (trainer->segment != NULL)
		trainer->shared = dsm_segment_address(trainer->segment);
	else
	{
		trainer->private_memory = MemoryContextAllocHuge(CurrentMemoryContext, bytes + 64);
		trainer->shared = (OhTrainShared *) TYPEALIGN(64, trainer->private_memory);
	}
	*trainer->shared = layout;
	trainer->rows = floats_at(trainer->shared, layout.rows);
}

static void
interrupt(void *arg)
{
	CHECK_FOR_INTERRUPTS();
}

static void
fill_training(OmTraining *training, OhTrainShared *shared)
{
	memset(training, 0, sizeof(OmTraining));
	training->mean = floats_at(shared, shared->mean);
	training->rows = floats_at(shared, shared->rows);
	training->nrows = shared->nrows;
	training->interrupt = interrupt;
}

/*
 * train_parts -- do one participant's share of the training.  scratch: om_quant_train_bytes()
 */
static void
train_parts(OhTrainShared *shared, void *scratch, bool leader)
{
	OmTraining	training;

	fill_training(&training, shared);
	for (;;)
	{
		uint32		part = pg_atomic_fetch_add_u32(&shared->next, 1);
		uint32		done;

		if (part >= shared->nparts)
			break;
		om_quant_train(&shared->spec, &training, part, part + 1, scratch,
					   floats_at(shared, shared->model));
		done = pg_atomic_add_fetch_u32(&shared->done, 1);
		if (leader)
			pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, done);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * allocate_scratch -- allocate working space, aligned to 64 bytes.  The caller frees *to_free.
 *
 * It is too large to be kept until its context is reset, as what OhAlignedAlloc() returns must be.
 */
static void *
allocate_scratch(const OhTrainShared *shared, char **to_free)
{
	*to_free = MemoryContextAllocHuge(CurrentMemoryContext,
									  om_quant_train_bytes(&shared->spec, shared->nrows) + 64);
	return (void *) TYPEALIGN(64, *to_free);
}

/* The entry point of a parallel worker. */
void
om_train_worker_main(dsm_segment *seg, shm_toc *toc)
{
	dsm_segment *data = OhTeamJoin(toc);
	OhTrainShared *shared;
	char	   *to_free;
	void	   *scratch;

	if (data == NULL)
		OhTeamDataMissing();
	shared = dsm_segment_address(data);
	scratch = allocate_scratch(shared, &to_free);
	train_parts(shared, scratch, false);
	pfree(to_free);
	OhTeamLeave(toc, data);
}

static void
train(OhTrainer *trainer)
{
	OhTrainShared *shared = trainer->shared;
	OmTraining	training;
	OhTeam		team = {0};
	bool		parallel = false;
	char	   *to_free;
	void	   *scratch = allocate_scratch(shared, &to_free);

	if (trainer->workers > 0)
	{
		OhTeamPrepare(&team, "om_train_worker_main", trainer->workers);
		parallel = OhTeamReady(&team, trainer->segment);
	}
	if (parallel)
		LaunchParallelWorkers(team.pcxt);
	train_parts(shared, scratch, true);
	if (parallel)
	{
		OhTeamWait(&team);
		OhTeamEnd(&team);
	}
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, shared->nparts);

	fill_training(&training, shared);
	om_quant_train_finish(&shared->spec, &training, scratch, floats_at(shared, shared->model));
	pfree(to_free);
}

void
OhTrain(Relation index, OhParameters *params, OhTrainer *trainer, const OhSample *sample)
{
	OhTrainShared *shared = trainer->shared;

	params->model = NULL;
	params->trained_rows = 0;
	if (om_quant_train_rows(&params->spec) > 0 &&
		sample->nrows < om_quant_train_least(&params->spec))
	{
		OhFallBack(index, params, sample->nrows);
		trainer->workers = 0;
	}
	if (sample->mean == NULL || om_quant_model_floats(&params->spec) == 0 ||
		sample->nrows < om_quant_train_least(&params->spec))
		return;

	/* OhFallBack() may have changed the quantizer, to one whose model is no larger */
	Assert(om_quant_model_floats(&params->spec) <= om_quant_model_floats(&shared->spec));
	shared->spec = params->spec;
	shared->nrows = sample->nrows;
	shared->nparts = om_quant_train_parts(&shared->spec);
	pg_atomic_init_u32(&shared->next, 0);
	pg_atomic_init_u32(&shared->done, 0);
	memcpy(floats_at(shared, shared->mean), sample->mean, sizeof(float) * shared->spec.dim);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, shared->nparts);
	train(trainer);
	params->model = floats_at(shared, shared->model);
	params->trained_rows = om_quant_train_rows(&params->spec) > 0 ? sample->nrows : sample->nsample;
}

void
OhTrainerEnd(OhTrainer *trainer)
{
	if (trainer->segment != NULL)
		dsm_detach(trainer->segment);
	else
		pfree(trainer->private_memory);
}
