/*
 * choose.h -- chooses the size of codes by a build's sample, where the options leave it open.
 */
#ifndef OH_CHOOSE_H
#define OH_CHOOSE_H

#include "postgres.h"

#include "hnsw/train/train.h"

/*
 * Before OhTakeSample(): let the trainer keep rows for the choice, if there is one (params->may_choose).
 */
extern void OhChoiceBegin(OhTrainer *trainer, const OhParameters *params, MemoryContext context);
/*
 * After it: change params->spec to more bits, or to quantizer = none, if codes cannot tell
 * neighbours in the sample apart.  For sparse codes, choose the number of elements.
 */
extern void OhChooseCodes(Relation index, OhParameters *params, const OhTrainer *trainer,
						  const OhSample *sample);

#endif							/* OH_CHOOSE_H */
