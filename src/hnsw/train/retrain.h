/*
 * retrain.h -- training the quantizer of an index that has grown.
 */
#ifndef OH_RETRAIN_H
#define OH_RETRAIN_H

#include "postgres.h"

#include "hnsw/index.h"

/* Number of nodes at which to look at a model trained on `rows` rows (0: no model). */
extern uint32 OhRetrainLook(const OmQuantSpec *spec, uint64 rows);

/*
 * After an insert: look at the model if it is time to, or encode a few more nodes.
 * Does nothing if somebody else is at it.
 */
extern void OhRetrainStep(Relation heap, OhIndex *ix);

/* Is there something to do for OhRetrainStep()?  By what this backend knows. */
static inline bool
OhRetrainIsDue(const OhIndex *ix)
{
	return ix->retraining ||
		(uint64) ix->file.array[OH_NODE].npages * ix->file.array[OH_NODE].per_page >= ix->look_nodes;
}

/*
 * For a vacuum: keep others from training until OhRetrainUnlock(); then finish what
 * is under way.  look: also see whether the rows have moved away from the model.
 */
extern void OhRetrainLock(Relation index);
extern void OhRetrainUnlock(Relation index);
extern void OhRetrainAll(Relation index, bool look);

/*
 * rewire.c: let the nodes of a small graph, which have codes of the newest model,
 * choose their neighbours again; does nothing if there are more than most.  Allocates
 * in the current context.
 */
extern void OhRewire(OhIndex *ix, int most);

#endif							/* OH_RETRAIN_H */
