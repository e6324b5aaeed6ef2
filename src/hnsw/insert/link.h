/*
 * link.h -- links between a new node and its neighbours.
 */
#ifndef OH_LINK_H
#define OH_LINK_H

#include "postgres.h"

#include "hnsw/graph/linklist.h"
#include "hnsw/insert/near.h"
#include "hnsw/insert/nodeslot.h"

/* Number of links that lists may rely on, for each of m. */
#define OH_HELD_LINKS	16

/* A planned link from a neighbour back to the new node. */
typedef struct OhBackLink
{
	uint32		node;
	uint32		lp;				/* its node page */
	uint16		version;		/* the node's version when this was decided */
	bool		wanted;
	bool		done;
	int			place;			/* index of the new node in the list */
	OhLinkList	list;			/* the list with the new node in it, for which OH_NONE stands */
	int			first_held;		/* held[first_held .. last_held - 1]: the path to the node whose
								 * link it takes the place of */
	int			last_held;
	uint32		changed;		/* a node that no longer has one of these links, or OH_NONE */
} OhBackLink;

/* A link that must stay, because another list has dropped its own link to the same node. */
typedef struct OhHeldLink
{
	uint32		from;			/* OH_NONE: the new node */
	uint32		to;
} OhHeldLink;

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
	uint32		deciding;		/* owner of the list that is being decided on, or OH_NONE */
	int			nheld;			/* number of links that other lists rely on */
	OhHeldLink *held;			/* [OH_HELD_LINKS * m] */
	OhLinkEncoder encoder;
	OhLinkCodes codes;			/* of list, if the index has them */
	OhLinkCodes back_codes;		/* scratch */
} OhLinks;

typedef enum OhLinkResult
{
	OH_LINKED,
	OH_NO_SLOT,					/* the slot has been taken by somebody else */
	OH_CHANGED					/* no neighbour is unchanged: search again */
} OhLinkResult;

/* Allocate what the links of a node need, once for many rows. */
extern void OhLinksInit(OhLinks *links, OhNear *near, MemoryContext context);
/*
 * Add the new node to the link list of a node with this code, by the same rule as the
 * build: a link is diverse if no nearer diverse link is nearer to it; the others are fills,
 * and a full list drops its farthest fill.
 *
 * dist: from the owner of the list to the new node.  Returns the new node's index in the
 * list, where OH_NONE stands for it; -1 if the list is better without it.
 */
extern int	OhLinkDecide(OhLinks *links, OhLinkList *list, int max, const void *code,
						 float dist);
/* Decide on links and back links from the first n candidates. */
extern void OhLinkPlan(OhLinks *links, int n);
/* Mark the nodes of a list as chosen: OhLinkDecide() then knows that the new node links to them. */
extern void OhLinkChoose(OhLinks *links, const OhLinkList *list, bool chosen);
/* Decide on a back link again, after the neighbour, or a node of the path relied on, has changed. */
extern void OhLinkDecideAgain(OhLinks *links, OhBackLink *back);

/* ---- linkwrite.c ---- */

/* Make the node live in one of these slots, together with its nearest back links. */
extern OhLinkResult OhLinkNode(OhLinks *links, const OhNodeSlots *slots, ItemPointer tid);
/* Write the other back links. */
extern void OhLinkRest(OhLinks *links);
/* Drop links to nodes that a vacuum has freed in the meantime. */
extern void OhLinkVerify(OhLinks *links);

#endif							/* OH_LINK_H */
