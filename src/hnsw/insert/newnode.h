/*
 * newnode.h -- the row that an insert is about: its code, refinement, filter keys, level.
 */
#ifndef OH_NEWNODE_H
#define OH_NEWNODE_H

#include "postgres.h"

#include "filter/key.h"
#include "hnsw/graph/forms.h"
#include "hnsw/index.h"
#include "storage/array.h"

/* Written by newnode.c alone. */
typedef struct OhNewNode
{
	OhIndex    *ix;

	/* the row */
	const OhKeyRow *keys;		/* its filter keys, NULL without filter columns */
	const OhPosition *position;

	/* the node that it becomes, unless there is an equal one */
	int			level;
	uint8		number;			/* of the model of what follows */
	const OmQuantizer *quant;	/* that model */
	void	   *code;
	void	   *refinement;		/* if the index has them */
	OhForms		forms;			/* query forms */
	void	   *scratch;		/* of the quantizer */
} OhNewNode;

extern void OhNewNodeInit(OhNewNode *node, OhIndex *ix, MemoryContext context);
/* Take a row with a position; no model has coded it yet. */
extern void OhNewNodeSet(OhNewNode *node, const OhPosition *position, const OhKeyRow *keys);
/* See that it has a code of the index's newest model. */
extern void OhNewNodeEncode(OhNewNode *node);
/* Write the refinement of the new node, which is this one. */
extern void OhNewNodeRefine(const OhNewNode *node, uint32 id);

/*
 * Lock the metapage, before pages that are to be locked together, so that the model
 * of new codes stays what it is: once another one has begun, no node gets a code, and
 * no node with a code a row, of the old one.  In a build there is nothing to lock.
 */
extern Buffer OhLockModel(const OhNewNode *node, const OhPageRef *pages, int n);
/* Are codes of the node's model still wanted? */
extern bool OhIsNewest(const OhNewNode *node, Buffer meta);
extern void OhUnlockModel(Buffer meta);

#endif							/* OH_NEWNODE_H */
