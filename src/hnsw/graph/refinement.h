/*
 * refinement.h -- refinements of codes in the index: read by scans, written by
 * inserts.
 *
 * A node may lack one, or have one that stands for its code only (blurred): then
 * its rows are re-ranked by the table.  See format.h and quant.h.
 */
#ifndef OH_REFINEMENT_H
#define OH_REFINEMENT_H

#include "postgres.h"

#include "hnsw/graph/rows.h"

/*
 * Refined distances of nodes heads[n], into refined and refined_error of each.
 * bases[n] are of their codes.
 */
extern void OhReadRefinements(OhIndex *ix, const OhForms *forms,
							  const OmRefineBase *bases, OhNodeRows *heads, int n);

/* Start loading the refinement of a node. */
extern void OhPrefetchRefinement(const OhIndex *ix, uint32 node);

/* Store that of a new node; code is the node's. */
extern void OhWriteRefinement(OhIndex *ix, uint32 node, const void *code,
							  const void *refinement);

/*
 * A row with the same code is about to join a node: unless it has the very same
 * refinement, the node's becomes blurred.
 */
extern void OhJoinRefinement(OhIndex *ix, uint32 node, const void *code,
							 const void *refinement);

#endif							/* OH_REFINEMENT_H */
