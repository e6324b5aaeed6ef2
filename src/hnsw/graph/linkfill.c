/*
 * linkfill.c -- makes the codes of links that others have forgotten (linkcode.h).
 *
 * Repair, training and builds in regions write links without their codes.  This reads all node
 * pages, in order, and the neighbours of nodes without codes.  No page is locked while another is
 * read; a node that has changed since is left for the next vacuum.
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "miscadmin.h"

#include "compat.h"
#include "hnsw/graph/linkcode.h"
#include "hnsw/graph/linklist.h"
#include "storage/wal.h"

typedef struct Fill
{
	OhIndex    *ix;
	OhLinkEncoder encoder;
	char	   *node;			/* copy of a neighbour's record */
	OhLinkCodes *codes;			/* [per_page] */
	PGAlignedBlock page;
} Fill;

/*
 * encode_list -- make the codes of a node's links; false if a neighbour has no code of this model.
 */
static bool
encode_list(Fill *fill, OhNodeData *node, OhLinkCodes *codes)
{
	OhIndex    *ix = fill->ix;

	codes->model = node->tag & OH_TAG_MODEL;
	codes->n = OhCopyLinks(OhNodeLinks(node, ix->code_bytes), 2 * ix->m, codes->id);
	OhLinkEncoderFrom(&fill->encoder, ix->quant, OhNodeCode(node));
	for (int i = 0; i < codes->n; i++)
	{
		OhNodeData *to = (OhNodeData *) fill->node;
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		if (!OhArrayHas(&ix->file, OH_NODE, codes->id[i]))
			return false;
		memcpy(to, OhRecordRead(&ix->file, OH_NODE, codes->id[i], BUFFER_LOCK_SHARE, &buffer),
			   sizeof(OhNodeData) + ix->code_bytes);
		UnlockReleaseBuffer(buffer);
		if (to->state == OH_FREE || (to->tag & OH_TAG_MODEL) != codes->model ||
			!OhLinkEncode(&fill->encoder, OhNodeCode(to), &codes->code[i]))
			return false;
	}
	return true;
}

static inline bool
lacks_codes(const Fill *fill, OhNodeData *node)
{
	return node->state == OH_LIVE && (node->tag & OH_TAG_MODEL) == fill->ix->number &&
		!OhHasLinkCodes(fill->ix, node);
}

/*
 * fill_page -- make the codes that a page lacks, and write them in one record; returns how many.
 */
static uint32
fill_page(Fill *fill, uint32 lp)
{
	OhIndex    *ix = fill->ix;
	uint32		per_page = ix->file.array[OH_NODE].per_page;
	Page		copy = (Page) fill->page.data;
	Buffer		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_SHARE);
	uint32		nused;
	uint32		nmade = 0;
	uint32		nfilled = 0;
	OhWrite		write;
	Page		page;

	memcpy(copy, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
	nused = Min(OhTail(copy)->nused, per_page);
	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhNodeData *node = OhSlot(&ix->file, OH_NODE, copy, slot);

		fill->codes[slot].model = OH_NO_LINK_CODES;
		if (!lacks_codes(fill, node))
			continue;
		if (encode_list(fill, node, &fill->codes[slot]))
			nmade++;
		else
			fill->codes[slot].model = OH_NO_LINK_CODES;
	}
	if (nmade == 0)
		return 0;
	buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_EXCLUSIVE);
	OhWriteStart(&write, &ix->file);
	page = OhWritePage(&write, buffer, false);
	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, slot);
		OhNodeData *before = OhSlot(&ix->file, OH_NODE, copy, slot);

		if (fill->codes[slot].model == OH_NO_LINK_CODES || !lacks_codes(fill, node) ||
			node->version != before->version)
			continue;
		OhStoreLinkCodes(ix, node, &fill->codes[slot]);
		nfilled++;
	}
	if (nfilled > 0)
		OhWriteFinish(&write);
	else
		OhWriteAbort(&write);
	UnlockReleaseBuffer(buffer);
	return nfilled;
}

void
OhFillLinkCodes(OhIndex *ix)
{
	MemoryContext context;
	Fill	   *fill;
	uint32		npages;
	uint32		nfilled = 0;

	if (!ix->neighbor_codes)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw codes of links", ALLOCSET_DEFAULT_SIZES);
	fill = MemoryContextAlloc(context, sizeof(Fill));
	fill->ix = ix;
	OhLinkEncoderInit(&fill->encoder, ix, context);
	fill->node = OhAlignedAlloc(context, ix->node_bytes);
	fill->codes = MemoryContextAllocHuge(context, sizeof(OhLinkCodes) * (Size) ix->file.array[OH_NODE].per_page);
	npages = OhArrayPages(&ix->file, OH_NODE);
	for (uint32 lp = 0; lp < npages; lp++)
	{
		om_vacuum_delay_point();
		nfilled += fill_page(fill, lp);
	}
	ereport(DEBUG1,
			(errmsg_internal("index \"%s\": codes of the links of %u nodes made",
							 RelationGetRelationName(ix->file.rel), nfilled)));
	MemoryContextDelete(context);
}
