/*
 * linkcode.h -- codes of links in records of nodes, with neighbor_codes = on.
 *
 * A node has a short code of where each of its neighbours lies, seen from the node.  So a walk
 * estimates the distances to all of them from the node's page alone.  The codes of a list are of
 * one model, which the list's head names.  Where that is not the model of the node's own code, or
 * OH_NO_LINK_CODES, the walk reads the neighbours instead.  So whoever writes links and cannot
 * make their codes forgets them; vacuum makes them again (linkfill.c).
 *
 * A code may be of a node that had its neighbour's slot before: it is an estimate, by which a walk
 * chooses what to read next, and nothing else.
 */
#ifndef OH_LINK_CODE_H
#define OH_LINK_CODE_H

#include "postgres.h"

#include "hnsw/graph/forms.h"
#include "hnsw/index.h"
#include "hnsw/options.h"

/* Codes of some links, by the nodes that these lead to. */
typedef struct OhLinkCodes
{
	int			n;
	uint8		model;			/* OH_NO_LINK_CODES: there are none */
	uint32		id[2 * OH_MAX_M + 1];
	OmLinkCode	code[2 * OH_MAX_M + 1];
} OhLinkCodes;

/* Makes codes of links. */
typedef struct OhLinkEncoder
{
	const OmQuantizer *quant;
	const void *from_code;
	float	   *from;			/* vector of the node that has the links */
	float	   *to;				/* ... and of a neighbour, scratch */
} OhLinkEncoder;

/* Allocate an encoder's vectors. */
extern void OhLinkEncoderInit(OhLinkEncoder *encoder, const OhIndex *ix, MemoryContext context);
/* Set the node whose links are encoded. */
extern void OhLinkEncoderFrom(OhLinkEncoder *encoder, const OmQuantizer *quant, const void *code);
/* Encode a link; false: it cannot be. */
extern bool OhLinkEncode(OhLinkEncoder *encoder, const void *to_code, OmLinkCode *code);

/* Write the codes of a record's links.  codes may have others, too; one that is missing forgets all. */
extern void OhStoreLinkCodes(const OhIndex *ix, OhNodeData *node, const OhLinkCodes *codes);
/* Read the codes of a record's links. */
extern void OhLoadLinkCodes(const OhIndex *ix, OhNodeData *node, OhLinkCodes *codes);
/* With neighbor_codes = on: make the codes of links that are missing, on all pages (linkfill.c). */
extern void OhFillLinkCodes(OhIndex *ix);

/* What is wrong with the codes of a record's links; NULL if nothing is. */
extern char *OhLinkCodesProblem(const OhIndex *ix, OhNodeData *node);

static inline OhLinkHead *
OhNodeLinkHead(const OhIndex *ix, OhNodeData *node)
{
	return (OhLinkHead *) (OhNodeLinks(node, ix->code_bytes) + 2 * ix->m);
}

/* Does a record have codes of its links that say something? */
static inline bool
OhHasLinkCodes(const OhIndex *ix, OhNodeData *node)
{
	return ix->neighbor_codes && OhNodeLinkHead(ix, node)->model == (node->tag & OH_TAG_MODEL);
}

static inline void
OhForgetLinkCodes(const OhIndex *ix, OhNodeData *node)
{
	if (ix->neighbor_codes)
		OhNodeLinkHead(ix, node)->model = OH_NO_LINK_CODES;
}

/*
 * Estimates of the distances to the first n neighbours of a node; dist: that to the node itself.
 */
extern void OhLinkEstimates(const OhIndex *ix, OhNodeData *node, int n, const OmLinkQuery *query, float dist,
							float *estimate);

#endif							/* OH_LINK_CODE_H */
