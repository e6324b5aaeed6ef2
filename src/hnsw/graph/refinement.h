/*
 * refinement.h -- refinements of codes in the index: read by scans, written by inserts.
 *
 * A node may have no refinement, or a blurred one, which says nothing beyond its code.  Its
 * rows are then re-ranked by the table.  See format.h and quant.h.
 */
#ifndef OH_REFINEMENT_H
#define OH_REFINEMENT_H

#include "postgres.h"

#include "hnsw/graph/rows.h"

/*
 * Compute the refined distances of nodes heads[n], into refined and refined_error of each.
 * bases[n] were computed from their codes.
 */
extern void OhReadRefinements(OhIndex *ix, const OhForms *forms,
							  const OmRefineBase *bases, OhFoundNode *heads, int n);

/* Prefetch the refinement of a node. */
extern void OhPrefetchRefinement(const OhIndex *ix, uint32 node);

/* Write the refinement of a new node; code is the node's. */
extern void OhWriteRefinement(OhIndex *ix, uint32 node, const void *code,
							  const void *refinement);

/*
 * Call this before a row with the same code joins a node: unless the row has an equal
 * refinement, the node's becomes blurred.
 */
extern void OhJoinRefinement(OhIndex *ix, uint32 node, const void *code,
							 const void *refinement);

#endif							/* OH_REFINEMENT_H */
