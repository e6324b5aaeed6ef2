/*
 * link.h -- links between a new node and its neighbours.
 */
#ifndef OH_LINK_H
#define OH_LINK_H

#include "postgres.h"

#include "hnsw/graph/linklist.h"
#include "hnsw/insert/near.h"
#include "hnsw/insert/place.h"

/* A planned link from a neighbour back to the new node. */
typedef struct OhBackLink
{
	uint32		node;
	uint32		lp;				/* its node page */
	uint16		version;		/* of the node when this was decided */
	bool		wanted;
	bool		done;
	int			place;			/* of the new node in the list */
	OhLinkList	list;			/* with the new node in it, as OH_NONE */
} OhBackLink;

/* A link that must stay, because another list gave up its own link to the same node. */
typedef struct OhHeldLink
{
	uint32		from;
	uint32		to;
} OhHeldLink;

/* Written by link.c alone. */
typedef struct OhLinks
{
	OhIndex    *ix;
	const OhNewNode *node;
	OhNear	   *near;
	uint32		id;				/* of the new node, OH_NONE before OhLinkNode() */
	OhLinkList	list;			/* of the new node, on the base layer */
	uint32		entry;			/* entry point that the new node links to and may replace */
	int			nback;
	OhBackLink *back;			/* [2m] */
	uint32		deciding;		/* owner of the list that is decided on, or OH_NONE */
	int			nheld;			/* links that others rely on in this insert */
	OhHeldLink *held;			/* [8m] */
} OhLinks;

typedef enum OhLinkResult
{
	OH_LINKED,
	OH_NO_SLOT,					/* the place is taken by now */
	OH_CHANGED					/* no neighbour is as it was: search again */
} OhLinkResult;

extern void OhLinksInit(OhLinks *links, OhNear *near, MemoryContext context);
/*
 * Take the new node into the list of a node with this code, by the rule of the
 * build: a link is diverse if no nearer diverse one is nearer to it; of a full
 * list the farthest fill goes.
 *
 * dist: from the owner to the new node.  Returns the new node's place in the
 * list, where OH_NONE stands for it; -1 if the list is better as it was.
 */
extern int	OhLinkDecide(OhLinks *links, OhLinkList *list, int max, const void *code,
						 float dist);
/* Decide on links and back links from the first n candidates. */
extern void OhLinkPlan(OhLinks *links, int n);
/* Mark the nodes of a list, so that OhLinkDecide() knows the new node's links. */
extern void OhLinkChoose(OhLinks *links, const OhLinkList *list, bool chosen);
/* Make the node live at a place with its nearest back links. */
extern OhLinkResult OhLinkNode(OhLinks *links, const OhPlace *place, ItemPointer tid);
/* The other back links. */
extern void OhLinkRest(OhLinks *links);
/* Drop links to nodes that a vacuum has freed since. */
extern void OhLinkVerify(OhLinks *links);

#endif							/* OH_LINK_H */
