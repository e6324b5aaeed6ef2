/*
 * newnode.h -- the row to be inserted, as a node: its code, refinement, filter keys, level.
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

	/* the node that it becomes, unless it joins an equal one */
	int			level;
	uint8		number;			/* number of the model that the code and the refinement are of */
	const OmQuantizer *quant;	/* that model */
	void	   *code;
	void	   *refinement;		/* NULL if the index has no refinements */
	OhForms		forms;			/* query forms */
	void	   *scratch;		/* scratch space of the quantizer */
} OhNewNode;

/* Allocate what a row needs, once for many rows. */
extern void OhNewNodeInit(OhNewNode *node, OhIndex *ix, MemoryContext context);
/* Set the row.  It has a position, which no model has encoded yet. */
extern void OhNewNodeSet(OhNewNode *node, const OhPosition *position, const OhKeyRow *keys);
/* Encode it with the index's newest model, unless that has been done. */
extern void OhNewNodeEncode(OhNewNode *node);
/* Write the refinement of the new node, whose id is now known. */
extern void OhNewNodeRefine(const OhNewNode *node, uint32 id);

/*
 * Lock the metapage, before pages that are to be locked together, so that the current model
 * stays the current one.  Once a newer model has started, no node may be created with a
 * code of the old one, and no row may join a node by such a code.  During a build there is
 * nothing to lock.
 */
extern Buffer OhLockModel(const OhNewNode *node, const OhPageRef *pages, int n);
/* Is the node's model still the current one? */
extern bool OhIsNewest(const OhNewNode *node, Buffer meta);
extern void OhUnlockModel(Buffer meta);

#endif							/* OH_NEWNODE_H */
