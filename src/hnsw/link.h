/*
 * link.h -- links between a new node and its neighbours.
 */
#ifndef OH_LINK_H
#define OH_LINK_H

#include "postgres.h"

#include "hnsw/insert.h"

typedef enum OhLinkResult
{
	OH_LINKED,
	OH_NO_SLOT,					/* the page is full by now */
	OH_CHANGED					/* no neighbour is as it was: search again */
} OhLinkResult;

/*
 * Where a full or partly filled list takes in the new node.
 *
 * links[n] of a node with this code; dist: from it to the new node.  Returns
 * the place, -1 if the list is better as it is; *old the link that goes.
 */
extern int	OhLinkPlace(OhInserter *ins, const uint32 *links, int n, int max, const void *code,
						float dist, uint32 *old);
/* Decide on links and back links from the first n candidates. */
extern void OhLinkPlan(OhInserter *ins, int n);
/* Mark the chosen candidates, so that OhLinkPlace() knows them. */
extern void OhLinkChoose(OhInserter *ins, const uint32 *links, int n, bool chosen);
/* Make the node live on page lp with its nearest back links. */
extern OhLinkResult OhLinkNode(OhInserter *ins, uint32 lp, ItemPointer tid);
/* The other back links. */
extern void OhLinkRest(OhInserter *ins);
/* Drop links to nodes that a vacuum has taken meanwhile. */
extern void OhLinkVerify(OhInserter *ins);

#endif							/* OH_LINK_H */
