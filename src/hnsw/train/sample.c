/*
 * sample.c -- takes a build's sample of the table.
 *
 * The quantizer needs the mean of the vectors and, for training, vectors; the build needs
 * the number of rows to plan its memory.
 *
 * Whole blocks, spread evenly over the table, are read by table_index_build_range_scan(), so
 * that expressions, predicates and visibility are those of the build.  Reading stops when there are
 * enough vectors; a small table is read whole.  Outliers (mean.c) are counted as rows only.
 */
#include "postgres.h"

#include <math.h>

#include "access/tableam.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/memutils.h"

#include "hnsw/parts.h"
#include "hnsw/train/mean.h"
#include "hnsw/train/sample.h"
#include "hnsw/train/train.h"
#include "types/vector.h"

/* Size of a sample.  Chosen, not measured; what they bound: docs/measurements.md#constants */
#define SAMPLE_VECTORS	10000
#define SAMPLE_BLOCKS	4000
/* Blocks to read while they hold too few vectors for training. */
#define SAMPLE_MOST_BLOCKS (16 * SAMPLE_BLOCKS)
/* With fewer vectors the quantizer gets no mean: rows to come may be quite different ones. */
#define SAMPLE_MIN		16
/* About this many elements of an array are taken: those of one row are similar. */
#define SAMPLE_PARTS	8

typedef struct Sampling
{
	Relation	index;
	const OmQuantSpec *spec;
	const OhColumn *column;
	OhSample   *sample;
	MemoryContext row_context;	/* reset for each row */
	OhMean	   *mean;
	OhTrainer  *trainer;
	/* counts in the blocks read so far */
	uint64		rows;
	uint64		vectors;		/* every element of an array counts */
	uint64		taken;			/* vectors in the sample */
	uint64		others;			/* off-graph rows */
} Sampling;

/* Sums of a count per block, for its mean and variance. */
typedef struct Spread
{
	double		sum;
	double		squares;
} Spread;

/*
 * sample_position -- add a vector to the sample, which has room for it.
 */
static void
sample_position(Sampling *s, const OhPosition *position)
{
	const float *x = position->x;
	double		length;
	double		scale = 1.0;

	if (!om_quant_has_numbers(s->spec))
	{
		s->sample->elements[s->taken++] = position->elements;
		return;
	}
	length = om_floats_norm(x, s->spec->dim);
	if (s->spec->metric == OM_METRIC_COSINE)
	{
		scale = 1.0 / length;
		length = 1.0;
	}
	OhMeanAdd(s->mean, x, scale, length);
	if (s->taken < (uint64) s->trainer->room)
	{
		float	   *row = s->trainer->rows + s->taken * s->spec->dim;

		for (int i = 0; i < s->spec->dim; i++)
			row[i] = (float) (x[i] * scale);
	}
	if (s->trainer->nseen < s->trainer->seen_room)
	{
		float	   *row = s->trainer->seen + (Size) s->trainer->nseen++ * s->spec->dim;

		for (int i = 0; i < s->spec->dim; i++)
			row[i] = (float) (x[i] * scale);
	}
	s->taken++;
}

static void
sample_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *arg)
{
	Sampling   *s = arg;
	MemoryContext old;
	OhParts		parts;
	int			step;

	s->rows++;
	if (isnull[0])
	{
		s->others++;
		return;
	}
	if (s->taken >= SAMPLE_VECTORS && !OhHasParts(s->column))
	{
		s->vectors++;			/* the sample is complete: count the rest of the block only */
		return;
	}
	old = MemoryContextSwitchTo(s->row_context);
	OhPartsOpen(s->column, values[0], &parts);
	step = Max(1, parts.n / SAMPLE_PARTS);
	s->others += parts.n == 0;
	for (int i = 0; i < parts.n; i++)
	{
		OhPosition	position;

		OhPartsPosition(&parts, i, &position);
		if (position.no_direction)
		{
			s->others++;
			continue;
		}
		s->vectors++;
		if (i % step == 0 && s->taken < SAMPLE_VECTORS)
			sample_position(s, &position);
		OhPositionFree(&position);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(s->row_context);
}

static uint64
gcd(uint64 a, uint64 b)
{
	while (b != 0)
	{
		uint64		rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* The golden ratio of n, made coprime to it. */
uint64
OhBlockStep(uint64 n)
{
	uint64		step = Max((uint64) (n * 0.6180339887498949), 1);

	while (gcd(step, n) != 1)
		step++;
	return step;
}

static inline void
note_block(Spread *spread, double count)
{
	spread->sum += count;
	spread->squares += count * count;
}

/*
 * estimate -- rows in n blocks, estimated from the k blocks that were read.
 *
 * The margin is four standard errors.  Even if k = n there is one, as rows may be added during
 * CREATE INDEX CONCURRENTLY.
 */
static double
estimate(const Spread *spread, double k, double n, double *with_margin)
{
	double		mean = spread->sum / k;
	double		variance = Max(spread->squares / k - mean * mean, 0.0);
	double		error = 4.0 * sqrt(variance / k) + 0.02 * mean;

	*with_margin = k < n ? ceil((mean + error) * n) + 1000 : spread->sum + 200;
	return mean * n;
}

void
OhReplaceOutliers(int dim, float *rows, int nrows, double limit)
{
	int			good = -1;

	/* outliers before the first row that is not one are replaced in the second round */
	for (int i = 0; i < 2 * nrows; i++)
	{
		float	   *row = rows + (Size) (i % nrows) * dim;

		if (om_floats_norm(row, dim) < limit)
			good = i % nrows;
		else if (good >= 0)
			memcpy(row, rows + (Size) good * dim, sizeof(float) * dim);
	}
}

void
OhTakeSample(Relation heap, Relation index, struct IndexInfo *info, const OhParameters *params,
			 OhTrainer *trainer, OhSample *sample)
{
	const OmQuantSpec *spec = &params->spec;
	BlockNumber nblocks = RelationGetNumberOfBlocks(heap);
	Sampling	s = {0};
	Spread		vectors = {0};
	Spread		others = {0};
	uint64		least = om_quant_train_least(spec);
	uint64		step;
	double		limit;
	BlockNumber done;

	memset(sample, 0, sizeof(OhSample));
	if (nblocks == 0)
		return;
	s.index = index;
	s.spec = spec;
	s.column = &params->column;
	s.sample = sample;
	if (!om_quant_has_numbers(spec))
		sample->elements = palloc(sizeof(int) * SAMPLE_VECTORS);
	s.mean = OhMeanBegin(spec->dim);
	s.trainer = trainer;
	s.row_context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw sample",
										  ALLOCSET_DEFAULT_SIZES);
	step = OhBlockStep(nblocks);
	/* read more blocks if they hold few vectors: a partial index, many NULLs */
	for (done = 0; done < nblocks && s.taken < SAMPLE_VECTORS &&
		 done < (s.taken < least ? SAMPLE_MOST_BLOCKS : SAMPLE_BLOCKS); done++)
	{
		uint64		nvectors = s.vectors;
		uint64		nothers = s.others;
		BlockNumber block = (BlockNumber) ((uint64) done * step % nblocks);

		CHECK_FOR_INTERRUPTS();
		table_index_build_range_scan(heap, index, info, false, false, false, block, 1,
									 sample_row, &s, NULL);
		note_block(&vectors, s.vectors - nvectors);
		note_block(&others, s.others - nothers);
	}
	sample->tuples = estimate(&vectors, done, nblocks, &sample->vectors);
	sample->tuples += estimate(&others, done, nblocks, &sample->others);
	sample->rows = sample->tuples * s.rows / Max(s.vectors + s.others, 1);
	sample->nsample = s.taken;
	sample->mean = palloc(sizeof(float) * spec->dim);
	OhMeanEnd(s.mean, sample->mean, &limit);
	if (sample->nsample < SAMPLE_MIN)
	{
		pfree(sample->mean);
		sample->mean = NULL;
		sample->nsample = 0;
	}
	sample->nrows = (int) Min(sample->nsample, (uint64) trainer->room);
	OhReplaceOutliers(spec->dim, trainer->rows, sample->nrows, limit);
	MemoryContextDelete(s.row_context);
}
