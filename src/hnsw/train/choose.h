/*
 * choose.h -- how many bits codes need, by the sample.
 */
#ifndef OH_CHOOSE_H
#define OH_CHOOSE_H

#include "postgres.h"

#include "hnsw/train/train.h"

/*
 * More bits, or the values, in params->spec where the sample says that
 * codes cannot tell neighbours apart, and the options leave the choice.
 */
extern void OhChoiceBegin(OhTrainer *trainer, const OhParameters *params, MemoryContext context);
extern void OhChooseCodes(Relation index, OhParameters *params, const OhTrainer *trainer,
						  const OhSample *sample);

#endif							/* OH_CHOOSE_H */
