/*
 * select.h -- chooses a node's neighbours by the diversity heuristic.
 *
 * Works on codes alone and knows nothing of pages: the build, inserts and vacuum all call
 * it.  Source: Malkov and Yashunin 2018, algorithm 4, with pruned candidates kept as fill;
 * alpha after Vamana (DiskANN).
 */
#ifndef OH_SELECT_H
#define OH_SELECT_H

#include "postgres.h"

#include "quant/quant.h"

/* Limit on the siblings (nodes with equal codes) that a node considers as neighbours. */
#define OH_MOST_SIBLINGS 4

typedef struct OhCandidate
{
	float		dist;			/* distance to the choosing node, in order units */
	uint32		id;
	const void *code;			/* valid during the call */
	bool		selected;		/* out: diverse (true) or fill (false) */
} OhCandidate;

typedef struct OhSelector
{
	const OmQuantizer *quant;
	OmDistanceFn distance;
	OmQuery    *form;			/* scratch for one query form */
	float		alpha;			/* 1.0: the plain heuristic; above: prunes less, on squared L2
								 * (ignored for inner product) */
} OhSelector;

/* A selector with room for one query form, in context. */
extern void OhSelectorInit(OhSelector *sel, const OmQuantizer *quant, MemoryContext context);

/*
 * Sort cand[n] by distance and keep at most max of them: the diverse ones, then the nearest
 * of the others until there are max.  Returns the number kept; these are cand[0..], sorted
 * by distance, with selected set.
 */
extern int	OhSelectNeighbours(OhSelector *sel, OhCandidate *cand, int n, int max);

#endif							/* OH_SELECT_H */
