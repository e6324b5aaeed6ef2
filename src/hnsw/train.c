/*
 * train.c -- from a build's sample to the quantizer's model.
 *
 * Serial: at most some seconds of a build that takes minutes.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "hnsw/build.h"

static void
interrupt(void *arg)
{
	CHECK_FOR_INTERRUPTS();
}

/*
 * OhTrainRows -- rows of the sample that the quantizer wants to see, as far as
 * half of maintenance_work_mem holds them (but never too few).
 */
int
OhTrainRows(const OmQuantSpec *spec)
{
	int			wanted = om_quant_train_rows(spec);
	double		rows = maintenance_work_mem * 512.0 / (sizeof(float) * spec->dim);

	return (int) Min(wanted, Max(rows, om_quant_train_least(spec)));
}

/*
 * OhTrain -- set create->model and trained_rows.  Where the sample is too small
 * for the quantizer, create->spec becomes another one's.
 */
void
OhTrain(Relation index, OhCreate *create, const OhSample *sample)
{
	OmTraining	training = {0};
	Size		scratch_bytes;
	float	   *model;
	char	   *scratch;

	create->model = NULL;
	create->trained_rows = 0;
	if (om_quant_train_rows(&create->spec) > 0 &&
		sample->nrows < om_quant_train_least(&create->spec))
		OhFallBack(index, create, sample->nrows);
	if (sample->mean == NULL || om_quant_model_floats(&create->spec) == 0 ||
		sample->nrows < om_quant_train_least(&create->spec))
		return;

	training.mean = sample->mean;
	training.rows = sample->rows;
	training.nrows = sample->nrows;
	training.interrupt = interrupt;
	scratch_bytes = om_quant_train_bytes(&create->spec, training.nrows);
	scratch = MemoryContextAllocHuge(CurrentMemoryContext, scratch_bytes + 64);
	model = MemoryContextAllocHuge(CurrentMemoryContext,
								   sizeof(float) * om_quant_model_floats(&create->spec));
	om_quant_train(&create->spec, &training, (void *) TYPEALIGN(64, scratch), model);
	pfree(scratch);
	create->model = model;
	create->trained_rows = om_quant_train_rows(&create->spec) > 0 ? sample->nrows : sample->nsample;
}
