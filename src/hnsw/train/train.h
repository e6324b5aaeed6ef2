/*
 * train.h -- the model of a quantizer, trained on a sample.
 */
#ifndef OH_TRAIN_H
#define OH_TRAIN_H

#include "postgres.h"

#include "hnsw/index.h"

typedef struct OhSample OhSample;

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

/* No more workers than given */
extern void OhTrainerBegin(OhTrainer *trainer, Relation heap, const OmQuantSpec *spec, int workers);

/*
 * Set params->model, which is valid until OhTrainerEnd(), and trained_rows.
 * Where the sample is too small for the quantizer, params->spec becomes another
 * one's.
 */
extern void OhTrain(Relation index, OhParameters *params, OhTrainer *trainer, const OhSample *sample);
extern void OhTrainerEnd(OhTrainer *trainer);

#endif							/* OH_TRAIN_H */
