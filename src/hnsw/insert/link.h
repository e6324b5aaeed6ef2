/*
 * link.h -- links between a new node and its neighbours.
 */
#ifndef OH_LINK_H
#define OH_LINK_H

#include "postgres.h"

#include "hnsw/insert/insert.h"
#include "hnsw/insert/inserter.h"

typedef enum OhLinkResult
{
	OH_LINKED,
	OH_NO_SLOT,					/* the place is taken by now */
	OH_CHANGED					/* no neighbour is as it was: search again */
} OhLinkResult;

/*
 * Take the new node into the list of a node with this code, by the rule of the
 * build: a link is diverse if no nearer diverse one is nearer to it; of a full
 * list the farthest fill goes.
 *
 * dist: from the owner to the new node.  Returns the new node's place in the
 * list, where OH_NONE stands for it; -1 if the list is better as it was.
 */
extern int	OhLinkDecide(OhInserter *ins, OhLinkList *list, int max, const void *code,
						 float dist);
/* Decide on links and back links from the first n candidates. */
extern void OhLinkPlan(OhInserter *ins, int n);
/* Mark the nodes of a list, so that OhLinkDecide() knows the new node's links. */
extern void OhLinkChoose(OhInserter *ins, const OhLinkList *list, bool chosen);
/* Make the node live at a place with its nearest back links. */
extern OhLinkResult OhLinkNode(OhInserter *ins, const OhPlace *place, ItemPointer tid);
/* The other back links. */
extern void OhLinkRest(OhInserter *ins);
/* Drop links to nodes that a vacuum has freed since. */
extern void OhLinkVerify(OhInserter *ins);

#endif							/* OH_LINK_H */
