/*
 * linknow.c -- whether a node has a link at this moment, for whoever is about to drop another one because of it.
 */
#include "postgres.h"

#include "hnsw/graph/linklist.h"
#include "hnsw/graph/linknow.h"

bool
OhStillLinks(OhIndex *ix, uint32 from, uint32 to, Buffer locked)
{
	Buffer		buffer = locked;
	OhNodeData *node;
	bool		links;

	if (!BufferIsValid(locked))
		buffer = OhArrayTryRead(&ix->file, OH_NODE, OhLp(&ix->file, OH_NODE, from));
	if (!BufferIsValid(buffer))
		return false;
	/* a dead node's links go with it */
	node = OhRecord(&ix->file, OH_NODE, BufferGetPage(buffer), from);
	links = node->state == OH_LIVE && OhHasLink(OhNodeLinks(node, ix->code_bytes), 2 * ix->m, to);
	if (!BufferIsValid(locked))
		UnlockReleaseBuffer(buffer);
	return links;
}
