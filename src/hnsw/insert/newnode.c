/*
 * newnode.c -- the row to be inserted, as a node: its code, refinement, filter keys, level.
 */
#include "postgres.h"

#include "hnsw/graph/refinement.h"
#include "hnsw/hnsw.h"
#include "hnsw/insert/newnode.h"

void
OhNewNodeInit(OhNewNode *node, OhIndex *ix, MemoryContext context)
{
	node->ix = ix;
	node->code = OhAlignedAlloc(context, ix->code_bytes);
	node->refinement = OhAlignedAlloc(context, ix->refine_bytes);
	node->scratch = OhAlignedAlloc(context, om_quant_scratch_bytes(&ix->spec));
	OhFormsInit(&node->forms, ix, false, context);
}

void
OhNewNodeSet(OhNewNode *node, const OhPosition *position, const OhKeyRow *keys)
{
	node->keys = keys;
	node->position = position;
	node->level = OhRandomLevel(node->ix->m);
	node->quant = NULL;
}

void
OhNewNodeEncode(OhNewNode *node)
{
	OhIndex    *ix = node->ix;
	const float *x = node->position->x;

	if (node->quant != NULL && node->number == ix->number)
		return;
	node->number = ix->number;
	node->quant = ix->quant;
	om_quant_encode(ix->quant, x, node->scratch, node->code);
	if (ix->refine_bytes > 0)
		om_quant_refine_encode(ix->quant, x, node->code, node->scratch, node->refinement);
	OhFormsSet(&node->forms, ix, x);
}

void
OhNewNodeRefine(const OhNewNode *node, uint32 id)
{
	if (node->ix->refine_bytes > 0)
		OhWriteRefinement(node->ix, id, node->code, node->refinement);
}

Buffer
OhLockModel(const OhNewNode *node, const OhPageRef *pages, int n)
{
	OhFile	   *file = &node->ix->file;

	if (file->building)
		return InvalidBuffer;
	/* locating a page may read the directory through the metapage, so this comes before its lock */
	for (int i = 0; i < n; i++)
		(void) OhArrayBlock(file, pages[i].array, pages[i].lp);
	return OhReadBlock(file->rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
}

bool
OhIsNewest(const OhNewNode *node, Buffer meta)
{
	return meta == InvalidBuffer || OhMeta(BufferGetPage(meta))->next_model == node->number;
}

void
OhUnlockModel(Buffer meta)
{
	if (meta != InvalidBuffer)
		UnlockReleaseBuffer(meta);
}
