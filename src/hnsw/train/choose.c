/*
 * choose.c -- chooses the bits of codes, or quantizer = none, by a build's sample.
 *
 * Codes of few bits suffice if their error is smaller than the differences between
 * neighbours.  Among near-duplicates, or where one dimension outweighs all others, the error
 * is larger, and codes do not tell which of many rows are the nearest.  So codes are
 * tried on some rows of the sample: are the true neighbours of a row among its nearest
 * rows by code, its candidates?  The numbers of neighbours and of candidates are those of a search
 * of the whole table, scaled down by the share of the table's rows that are in the sample.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "hnsw/options.h"
#include "hnsw/train/choose.h"
#include "hnsw/train/sample.h"
#include "hnsw/train/train.h"
#include "storage/compare.h"

/* Limits to the rows that are kept for the choice. */
#define MOST_ROWS 10000
#define MOST_BYTES (16 * 1024 * 1024)

/* With fewer rows, what the options say is not changed. */
#define LEAST_ROWS 100

/*
 * A sparse code has room for all elements of this share of the rows.  The number is a multiple of ELEMENTS_STEP.
 */
#define ELEMENTS_SHARE 0.98
#define ELEMENTS_STEP 4
#define LEAST_ELEMENTS 16

/* Rows whose neighbours are looked for. */
#define PROBES 50

/* Of a search of the whole table: neighbours wanted, and candidates that are re-ranked. */
#define NEIGHBOURS 10.0
#define CANDIDATES 50.0

/* Share of the neighbours that must be among the candidates.  docs/measurements.md#constants */
#define ENOUGH 0.97

/*
 * Links are chosen by codes, too, so that codes must put neighbours nearly in the right order: the share
 * CLOSE_ENOUGH of the nearest rows must be among 1.5 times as many rows with the nearest codes.  If it is not,
 * quantizer = none is chosen, provided that nodes with the values themselves take at most CHEAP_VALUES
 * times the bytes.
 */
#define CLOSE_ENOUGH 0.98
#define CHEAP_VALUES 2

typedef struct Trial
{
	int			dim;
	int			nrows;
	const float *rows;
	int			nprobes;
	int			neighbours;		/* wanted for each probe */
	int			candidates;		/* that they must be among */
	float	   *dist;			/* [nrows], from one probe, by codes */
	float	   *sorted;			/* [nrows], the same, ascending */
	float	   *limit;			/* [nprobes], exact distance of the last true neighbour */
	float	   *exact;			/* [nprobes][nrows], exact distances */
} Trial;

void
OhChoiceBegin(OhTrainer *trainer, const OhParameters *params, MemoryContext context)
{
	Size		row_bytes = sizeof(float) * params->spec.dim;

	trainer->nseen = 0;
	trainer->seen_room = 0;
	if (!params->may_choose)
		return;
	trainer->seen_room = Min(MOST_ROWS,
							 Min((Size) MOST_BYTES, (Size) maintenance_work_mem * 256) / row_bytes);
	trainer->seen = MemoryContextAllocHuge(context, row_bytes * Max(trainer->seen_room, 1));
}

static const float *
probe_row(const Trial *trial, int i)
{
	return trial->rows + (Size) trial->dim * ((Size) i * trial->nrows / trial->nprobes);
}

/*
 * measure -- compute the distances of a probe to all rows, by the codes of one quantizer.
 *
 * A row equal to the probe would be a row of the same node.  It counts as no neighbour: its distance is INFINITY.
 */
static void
measure(const Trial *trial, const OmQuantizer *quant, const char *codes, Size code_bytes,
		int probe, void *scratch, OmQuery *query, float *dist)
{
	const float *x = probe_row(trial, probe);
	OmDistanceFn distance = om_quant_distance_fn(quant);

	om_quant_query(quant, x, scratch, query);
	for (int i = 0; i < trial->nrows; i++)
	{
		if (memcmp(trial->rows + (Size) i * trial->dim, x, sizeof(float) * trial->dim) == 0)
			dist[i] = INFINITY;
		else
			dist[i] = distance(quant, query, codes + i * code_bytes);
	}
}

/*
 * share_found -- what share of all probes' true neighbours is among the candidates by codes of this spec?
 *
 * learn: instead, find the true neighbours.  The spec must be quantizer = none.
 */
static double
share_found(Trial *trial, const OmQuantSpec *spec, const float *mean, bool learn)
{
	Size		code_bytes = TYPEALIGN(16, om_quant_code_bytes(spec));
	char	   *memory = MemoryContextAllocHuge(CurrentMemoryContext,
												om_quant_bytes(spec) + om_quant_query_bytes(spec) +
												om_quant_scratch_bytes(spec) +
												code_bytes * trial->nrows + 4 * 64);
	char	   *at = (char *) TYPEALIGN(64, memory);
	OmQuantizer *quant = om_quant_init(at, spec, mean);
	OmQuery    *query;
	void	   *scratch;
	char	   *codes;
	int64		found = 0;
	int64		wanted = 0;

	at = (char *) TYPEALIGN(64, at + om_quant_bytes(spec));
	query = (OmQuery *) at;
	at = (char *) TYPEALIGN(64, at + om_quant_query_bytes(spec));
	scratch = at;
	codes = (char *) TYPEALIGN(64, at + om_quant_scratch_bytes(spec));
	for (int i = 0; i < trial->nrows; i++)
	{
		if (i % 256 == 0)
			CHECK_FOR_INTERRUPTS();
		om_quant_encode(quant, trial->rows + (Size) i * trial->dim, scratch, codes + i * code_bytes);
	}
	for (int probe = 0; probe < trial->nprobes; probe++)
	{
		float	   *exact = trial->exact + (Size) probe * trial->nrows;
		float	   *dist = learn ? exact : trial->dist;
		float		edge;

		CHECK_FOR_INTERRUPTS();
		measure(trial, quant, codes, code_bytes, probe, scratch, query, dist);
		memcpy(trial->sorted, dist, sizeof(float) * trial->nrows);
		qsort(trial->sorted, trial->nrows, sizeof(float), OhCompareFloat);
		if (learn)
		{
			trial->limit[probe] = trial->sorted[trial->neighbours - 1];
			continue;
		}
		edge = trial->sorted[trial->candidates - 1];
		for (int i = 0; i < trial->nrows; i++)
		{
			if (exact[i] > trial->limit[probe] || exact[i] == INFINITY)
				continue;
			wanted++;
			found += dist[i] <= edge;
		}
	}
	pfree(memory);
	return wanted > 0 ? (double) found / wanted : 1.0;
}

/*
 * begin_trial -- allocate a trial, and set its numbers; false if the sample is too small.
 */
static bool
begin_trial(Trial *trial, const OhTrainer *trainer, const OhSample *sample, int dim)
{
	double		part;

	trial->dim = dim;
	trial->nrows = trainer->nseen;
	trial->rows = trainer->seen;
	if (trial->nrows < LEAST_ROWS)
		return false;
	part = Min(1.0, trial->nrows / Max(sample->tuples, 1.0));
	trial->nprobes = PROBES;
	trial->neighbours = Max(1, (int) rint(NEIGHBOURS * part));
	trial->candidates = Max(5 * trial->neighbours, (int) rint(CANDIDATES * part));
	trial->dist = palloc(sizeof(float) * trial->nrows);
	trial->sorted = palloc(sizeof(float) * trial->nrows);
	trial->limit = palloc(sizeof(float) * trial->nprobes);
	trial->exact = MemoryContextAllocHuge(CurrentMemoryContext,
										  sizeof(float) * (Size) trial->nrows * trial->nprobes);
	return true;
}

/*
 * choose_elements -- give sparse codes room for all elements of nearly all rows, as far as a node fits a page.
 */
static void
choose_elements(OhParameters *params, const OhSample *sample)
{
	int			n = (int) sample->nsample;
	int			want;

	if (!params->may_choose || n < LEAST_ROWS)
		return;
	qsort(sample->elements, n, sizeof(int), OhCompareInt);
	want = TYPEALIGN(ELEMENTS_STEP, sample->elements[(int) (n * ELEMENTS_SHARE)]);
	for (want = Max(want, LEAST_ELEMENTS); want > LEAST_ELEMENTS; want -= ELEMENTS_STEP)
	{
		params->column.metric->type->spec(params->column.dim, want, &params->spec);
		if (OhNodeBytes(&params->spec, params->m) <= OH_PAGE_BODY)
			break;
	}
	params->column.metric->type->spec(params->column.dim, want, &params->spec);
	params->column.position_dim = params->spec.dim;
	params->chosen_by = OH_CHOSEN_BY_SAMPLE;
}

/*
 * is_vague -- do codes of 8 bits put neighbours in so wrong an order that quantizer = none is better?
 *
 * *share: out, the share of the k nearest rows that is among the 1.5 k rows with the nearest codes
 */
static bool
is_vague(Trial *trial, const OmQuantSpec *spec, const OmQuantSpec *values, int m,
		 const float *mean, double *share)
{
	if (spec->bits < 8 || OhNodeBytes(values, m) > CHEAP_VALUES * OhNodeBytes(spec, m))
		return false;
	trial->candidates = trial->neighbours + (trial->neighbours + 1) / 2;
	*share = share_found(trial, spec, mean, false);
	return *share < CLOSE_ENOUGH;
}

/*
 * say_choice -- raise the NOTICE that the sample has changed what the options alone would give.
 */
static void
say_choice(const char *index, const OmQuantSpec *before, const OmQuantSpec *spec, double share,
		   bool vague)
{
	ereport(NOTICE,
			(spec->kind == OM_QUANT_NONE ?
			 errmsg("index \"%s\" gets quantizer = none: codes do not tell neighbours in this table apart",
					index) :
			 errmsg("index \"%s\" gets codes with bits = %d instead of %d, which do not tell neighbours in this table apart",
					index, spec->bits, before->bits),
			 vague ?
			 errdetail("With bits = %d, %.0f %% of the nearest rows in a sample are among 1.5 times as many rows with the nearest codes.",
					   8, share * 100) :
			 errdetail("With bits = %d, %.0f %% of the nearest neighbours in a sample are among the candidates of a search.",
					   before->bits, share * 100),
			 errhint("Set quantizer or bits to decide this yourself.")));
}

void
OhChooseCodes(Relation index, OhParameters *params, const OhTrainer *trainer, const OhSample *sample)
{
	MemoryContext context;
	MemoryContext old;
	OmQuantSpec spec = params->spec;
	OmQuantSpec values = params->spec;
	Trial		trial;
	double		first = -1;
	double		share = -1;
	double		close = 1;
	bool		vague = false;

	if (params->spec.kind == OM_QUANT_SPARSE)
		choose_elements(params, sample);
	if (params->spec.kind != OM_QUANT_RABITQ || !params->may_choose || sample->mean == NULL)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw choice", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	values.kind = OM_QUANT_NONE;
	values.bits = 0;
	if (begin_trial(&trial, trainer, sample, spec.dim))
	{
		share_found(&trial, &values, NULL, true);
		first = share = share_found(&trial, &spec, sample->mean, false);
		while (share < ENOUGH && spec.bits < 8 && OhMoreBits(&spec, params->m))
			share = share_found(&trial, &spec, sample->mean, false);
		vague = share >= ENOUGH && params->may_choose_values &&
			is_vague(&trial, &spec, &values, params->m, sample->mean, &close);
		if (vague || (share < ENOUGH && params->may_choose_values &&
					  OhNodeBytes(&values, params->m) <= OH_PAGE_BODY))
			spec = values;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	if (first < 0)
		return;
	params->chosen_by = OH_CHOSEN_BY_SAMPLE;
	ereport(DEBUG1,
			(errmsg_internal("index \"%s\": codes of %d bits find %.3f of a sample's neighbours, of %d bits %.3f",
							 RelationGetRelationName(index), params->spec.bits, first, spec.bits, share)));
	if (spec.kind == params->spec.kind && spec.bits == params->spec.bits)
		return;
	say_choice(RelationGetRelationName(index), &params->spec, &spec, vague ? close : first, vague);
	params->spec = spec;
	OhResolveRerank(index, params);
}
