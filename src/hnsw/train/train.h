/*
 * train.h -- trains the model of a quantizer on a build's sample.
 */
#ifndef OH_TRAIN_H
#define OH_TRAIN_H

#include "postgres.h"

#include "hnsw/index.h"

typedef struct OhSample OhSample;

typedef struct OhTrainShared OhTrainShared;

/* Memory for the sample and the model, and the number of workers. */
typedef struct OhTrainer
{
	int			workers;		/* to ask for */

	/* filled by OhTakeSample(); vectors are normalised if the distance is cosine */
	int			room;			/* rows that fit */
	float	   *rows;			/* float[room][dim], for training; no outliers */
	int			seen_room;
	int			nseen;
	float	   *seen;			/* float[seen_room][dim], for choose.c; outliers included */

	/* shared and rows are in a segment if there are workers, otherwise in private memory */
	OhTrainShared *shared;
	struct dsm_segment *segment;
	void	   *private_memory;
} OhTrainer;

/* Allocate a trainer for a table.  workers: to ask for at most */
extern void OhTrainerBegin(OhTrainer *trainer, Relation heap, const OmQuantSpec *spec, int workers);

/*
 * Train: set params->model, which is valid until OhTrainerEnd(), and params->trained_rows.  If the sample is too
 * small for the quantizer, change params->spec to another one.
 */
extern void OhTrain(Relation index, OhParameters *params, OhTrainer *trainer, const OhSample *sample);
/* Free what OhTrainerBegin() has allocated. */
extern void OhTrainerEnd(OhTrainer *trainer);

#endif							/* OH_TRAIN_H */
