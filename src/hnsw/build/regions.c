/*
 * regions.c -- a build in regions: its shared state, and the coding of rows.
 *
 * See regions.h for the phases and the files.
 */
#include "postgres.h"

#include <math.h>

#include "commands/progress.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "pgstat.h"

#include "hnsw/build/regions.h"
#include "hnsw/hnsw.h"
#include "storage/parallel.h"

/* Regions are planned such that home rows and guests fill this part of a graph's slots. */
#define REGION_FILL		0.8

/*
 * Least number of rows in a region's graph.  Nodes of smaller regions find too few of their
 * neighbours; inserts into pages make the better index then.  docs/measurements.md#regions
 */
#define LEAST_REGION	1000

/* Codes in the sample: for each region, in all, and the part of the memory that they may take. */
#define SAMPLE_REGION	200
#define SAMPLE_MOST		20000
#define SAMPLE_PART		16

/* Buffers of a participant's open files take at most this part of its memory. */
#define BUFFER_PART		4

/*
 * graph_slots -- slots of the largest graph that fits in a participant's memory, next to the
 * buffers of its open files, one for each region.
 */
static uint32
graph_slots(const OhGraphShape *shape, Size memory, uint32 most)
{
	Size		own = om_quant_bytes(&shape->spec) + om_quant_query_bytes(&shape->spec) +
		om_quant_scratch_bytes(&shape->spec) + (Size) most * BLCKSZ;
	uint32		low = 64;
	uint32		high = OH_GRAPH_MAX_SLOTS;

	while (low < high)
	{
		uint32		mid = low + (high - low + 1) / 2;

		/* 5 words a slot: its number, and the arrays of islands.c or, later, of connect.c */
		if (OhGraphBytes(shape, mid) + OhBuilderBytes(mid) + (Size) mid * 5 * sizeof(uint32) + own <= memory)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

/*
 * plan -- choose the largest number of regions and the size of their graphs.
 *
 * Each region takes a file buffer, so more regions leave less memory to a graph, which in turn
 * can need still more regions.
 */
static void
plan(OhRegions *regions, double rows, int participants)
{
	Size		total = (Size) maintenance_work_mem * 1024;
	Size		memory = (total - total / SAMPLE_PART) / participants;
	uint32		limit = Max(memory / BUFFER_PART / BLCKSZ, 2);
	uint32		want = 2;

	for (int round = 0; round < 4; round++)
	{
		regions->most = Min(want, limit);
		regions->limit = graph_slots(&regions->shape, memory, regions->most);
		want = (uint32) (1.2 * 2 * rows / (REGION_FILL * regions->limit)) + 4;
	}
}

/*
 * least_level -- the lowest level whose nodes fit in one graph in memory, next to the ids of all
 * nodes.
 */
static int
least_level(const OhGraphShape *shape, double rows)
{
	Size		memory = (Size) maintenance_work_mem * 1024;
	int			level = 1;

	memory -= Min(memory / 2, (Size) (rows * sizeof(uint32)));
	while (level < OH_MAX_LEVEL &&
		   OhGraphBytes(shape, (uint32) Min(1.1 * rows / pow(shape->m, level) + 64, OH_GRAPH_MAX_SLOTS)) > memory)
		level++;
	return level;
}

/*
 * lay_out -- offsets of the arrays; returns the bytes of all.
 */
static Size
lay_out(OhRegions *regions)
{
	uint32		p = regions->participants;
	Size		at = TYPEALIGN(64, sizeof(OhRegions));

	regions->taken_offset = at;
	at = TYPEALIGN(64, at + p * sizeof(uint32));
	regions->rows_offset = at;
	at = TYPEALIGN(64, at + p * sizeof(uint64));
	regions->sample_offset = at;
	at = TYPEALIGN(64, at + (Size) p * regions->sample_room * regions->code_bytes);
	regions->pivot_offset = at;
	at = TYPEALIGN(64, at + (Size) regions->most * regions->code_bytes);
	regions->weight_offset = at;
	at = TYPEALIGN(64, at + regions->most * sizeof(float));
	regions->home_offset = at;
	return at + (Size) regions->most * p * sizeof(uint32);
}

static OhRegionWorker *
begin_worker(OhBuildWorker *worker, OhRegions *regions)
{
	OhRegionWorker *rw = MemoryContextAllocZero(worker->context, sizeof(OhRegionWorker));

	rw->worker = worker;
	rw->regions = regions;
	rw->number = pg_atomic_fetch_add_u32(&regions->joined, 1);
	rw->row = MemoryContextAllocZero(worker->context, OhRegionRowBytes(regions));
	rw->scratch = OhAlignedAlloc(worker->context, om_quant_scratch_bytes(&regions->shape.spec));
	rw->form = OhAlignedAlloc(worker->context, om_quant_query_bytes(&regions->shape.spec));
	return rw;
}

/*
 * choose_vector -- choose what rows in files keep of their vectors.
 *
 * With short codes, a search by the code alone finds worse neighbours than one by the vector.
 * docs/measurements.md#regions
 */
static void
choose_vector(OhRegions *regions)
{
	const OmQuantSpec *spec = &regions->shape.spec;

	regions->vector = OH_ROW_CODE;
	if (spec->kind == OM_QUANT_PQ)
		regions->vector = OH_ROW_FLOATS;
	else if (spec->kind == OM_QUANT_BINARY || (spec->kind == OM_QUANT_RABITQ && spec->bits <= 2))
		regions->vector = OH_ROW_FORM;
	if (regions->vector == OH_ROW_FLOATS)
		regions->vector_bytes = sizeof(float) * spec->dim;
	else if (regions->vector == OH_ROW_FORM)
		regions->vector_bytes = om_quant_query_bytes(spec);
}

OhRegionWorker *
OhRegionsBegin(OhBuildWorker *worker, const OhGraphShape *shape, double rows, int participants)
{
	OhRegions	layout = {0};
	OhRegions  *regions;
	Size		most_sample = (Size) maintenance_work_mem * 1024 / SAMPLE_PART / om_quant_code_bytes(&shape->spec);
	Size		bytes;

	layout.shape = *shape;
	layout.code_bytes = om_quant_code_bytes(&shape->spec);
	layout.key_bytes = OhKeyRowBytes(shape->ncolumns);
	choose_vector(&layout);
	layout.participants = participants;
	plan(&layout, rows, participants);
	if (layout.limit < LEAST_REGION)
		return NULL;
	layout.least_level = least_level(shape, rows);
	layout.sample_room = Max(Min(Min(SAMPLE_REGION * layout.most, SAMPLE_MOST), most_sample) / participants, 1);
	bytes = lay_out(&layout);
	worker->segment = OhSegmentCreate(bytes);
	if (worker->segment == NULL)
		return NULL;
	regions = dsm_segment_address(worker->segment);
	memset(regions, 0, bytes);
	*regions = layout;
	OhSpillInit(&regions->spill, worker->segment);
	pg_atomic_init_u32(&regions->joined, 0);
	pg_atomic_init_u32(&regions->next, 0);
	pg_atomic_init_u32(&regions->nruns, 0);
	pg_atomic_init_u64(&regions->built, 0);
	return begin_worker(worker, regions);
}

OhRegionWorker *
OhRegionsJoin(OhBuildWorker *worker)
{
	OhRegions  *regions = dsm_segment_address(worker->segment);

	OhSpillAttach(&regions->spill, worker->segment);
	return begin_worker(worker, regions);
}

/*
 * sample_code -- offer a code to the sample (reservoir sampling: each row seen so far has the
 * same chance to be in it).
 */
static void
sample_code(OhRegionWorker *rw, const void *code)
{
	OhRegions  *regions = rw->regions;
	uint32	   *taken = (uint32 *) OhRegionsAt(regions, regions->taken_offset) + rw->number;
	uint64		at = *taken;

	if (*taken < regions->sample_room)
		(*taken)++;
	else
		at = pg_prng_uint64_range(&pg_global_prng_state, 0, rw->seen);
	if (at < regions->sample_room)
		memcpy((char *) OhRegionsAt(regions, regions->sample_offset) +
			   ((Size) rw->number * regions->sample_room + at) * regions->code_bytes,
			   code, regions->code_bytes);
}

void
OhRegionsAddRow(OhRegionWorker *rw, const OhPosition *position, ItemPointer tid, const OhKeyRow *keys)
{
	OhRegions  *regions = rw->regions;
	const OmQuantizer *quant = rw->worker->ix->quant;
	OhRowHead  *head = (OhRowHead *) rw->row;
	char	   *code = OhRowCodeOf(regions, rw->row);
	int			level = OhRandomLevel(regions->shape.m) - (regions->least_level - 1);

	if (rw->rows == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(rw->worker->context);

		rw->rows = OhSpillCreate(&regions->spill, "rows", rw->number, 0);
		MemoryContextSwitchTo(old);
	}
	memset(head, 0, sizeof(OhRowHead));
	head->tid = *tid;
	head->participant = rw->number;
	head->hash = OhPositionHash(position);
	head->level = Max(level, 0);
	if (regions->key_bytes > 0)
		memcpy(head + 1, keys, regions->key_bytes);
	if (regions->vector == OH_ROW_FORM)
	{
		om_quant_query(quant, position->x, rw->scratch, rw->form);
		memcpy(OhRowVectorOf(regions, rw->row), rw->form, regions->vector_bytes);
	}
	else if (regions->vector == OH_ROW_FLOATS)
		memcpy(OhRowVectorOf(regions, rw->row), position->x, regions->vector_bytes);
	om_quant_encode(quant, position->x, rw->scratch, code);
	if (regions->shape.refine_bytes > 0)
		om_quant_refine_encode(quant, position->x, code, rw->scratch, code + regions->code_bytes);
	OhSpillWrite(&regions->spill, rw->rows, rw->row, OhRegionRowBytes(regions));
	sample_code(rw, code);
	rw->seen++;
}

/*
 * count_regions -- the smallest number of regions that has room for all rows, each of which is
 * in two regions.
 */
static void
count_regions(OhRegions *regions)
{
	const uint64 *rows = OhRegionsAt(regions, regions->rows_offset);
	uint64		total = 0;

	for (uint32 i = 0; i < regions->participants; i++)
		total += rows[i];
	if (total > OH_GRAPH_MAX_SLOTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an omenhnsw index cannot have more than %u vectors", OH_GRAPH_MAX_SLOTS)));
	regions->n = (uint32) (2.0 * total / (REGION_FILL * regions->limit)) + 1;
	regions->n = Min(Max(regions->n, regions->participants), regions->most);
}

static void
report_phase(const OhRegionWorker *rw, int64 phase)
{
	if (rw->worker->leader)
		pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase);
}

static bool
arrive(OhRegionWorker *rw)
{
	return BarrierArriveAndWait(&rw->worker->shared->barrier, PG_WAIT_EXTENSION);
}

void
OhRegionsBuild(OhRegionWorker *rw, int phase)
{
	OhRegions  *regions = rw->regions;

	switch (phase)
	{
		case OH_REGIONS_CODE:
			if (rw->rows != NULL)
				BufFileClose(rw->rows);
			((uint64 *) OhRegionsAt(regions, regions->rows_offset))[rw->number] = rw->seen;
			if (arrive(rw))
			{
				count_regions(regions);
				OhChoosePivots(rw);
			}
			/* FALLTHROUGH */
		case OH_REGIONS_CHOOSE:
			arrive(rw);
			/* FALLTHROUGH */
		case OH_REGIONS_DIVIDE:
			report_phase(rw, OH_PHASE_DIVIDE);
			OhDivideRows(rw);
			arrive(rw);
			/* FALLTHROUGH */
		default:
			report_phase(rw, OH_PHASE_REGIONS);
			OhNumberRows(rw);
			OhBuildRegions(rw);
	}
	BarrierDetach(&rw->worker->shared->barrier);
}
