/*
 * retrain.h -- trains the quantizer of an index again when the index has grown or its rows have changed.
 */
#ifndef OH_RETRAIN_H
#define OH_RETRAIN_H

#include "postgres.h"

#include "hnsw/index.h"

/* Number of nodes from which on a model that was trained on `rows` rows (0: no model) is to be tested. */
extern uint32 OhRetrainLook(const OmQuantSpec *spec, uint64 rows);

/*
 * To be called after an insert, if OhRetrainIsDue(): test the model, or encode a few more nodes again.  Does
 * nothing if another backend is doing it.
 */
extern void OhRetrainStep(Relation heap, OhIndex *ix);

/* Is there something to do for OhRetrainStep(), as far as this backend knows? */
static inline bool
OhRetrainIsDue(const OhIndex *ix)
{
	return ix->retraining ||
		(uint64) ix->file.array[OH_NODE].npages * ix->file.array[OH_NODE].per_page >= ix->look_nodes;
}

/*
 * For a vacuum: keep others from training until OhRetrainUnlock().  OhRetrainAll() encodes all nodes again if that
 * has begun or is due.  look: test the model even if the index has not grown
 */
extern void OhRetrainLock(Relation index);
extern void OhRetrainUnlock(Relation index);
extern void OhRetrainAll(Relation index, bool look);

/*
 * rewire.c: let the nodes of a small graph, all of which have codes of the newest model, choose their neighbours
 * again.  False, with nothing done: there are more than `most`.  Allocates in the current context.
 */
extern bool OhRewire(OhIndex *ix, int most);

#endif							/* OH_RETRAIN_H */
