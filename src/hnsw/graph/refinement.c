/*
 * refinement.c -- refinements of codes in the index: read by scans, written by inserts.
 *
 * A refinement has a record of its own, which is written after its node is live.  Until
 * then, or after a crash in between, the slot holds that of an older node.  The tag shows
 * this, and the node counts as one without a refinement.
 *
 * Rows with equal codes share a node, although their refinements may differ.  Before a row
 * joins a node with another refinement, the node's refinement is blurred.  If that happens
 * before the first row's insert has written its own, a blurred refinement for the code is
 * written to the slot, and that insert leaves it alone.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/graph/refinement.h"
#include "storage/wal.h"

#define CACHE_LINE 64

/* At most this many cache lines of a refinement are prefetched. */
#define PREFETCH_LINES 8

void
OhPrefetchRefinement(const OhIndex *ix, uint32 node)
{
	uint32		lp = OhLp(&ix->file, OH_REFINE, node);
	Buffer		buffer = lp < ix->file.array[OH_REFINE].npages ? ix->file.array[OH_REFINE].hint[lp] :
		InvalidBuffer;
	char	   *record;

	if (buffer <= 0)
		return;
	record = OhRecord(&ix->file, OH_REFINE, BufferGetPage(buffer), node);
	for (uint32 at = 0; at < Min(ix->refine_bytes, PREFETCH_LINES * CACHE_LINE); at += CACHE_LINE)
		__builtin_prefetch(record + at);
}

void
OhReadRefinements(OhIndex *ix, const OhForms *forms, const OmRefineBase *bases,
				  OhFoundNode *heads, int n)
{
	for (int i = 0; i < n; i++)
	{
		const OmQuantizer *quant;
		const OhForm *form = OhFormOf(forms, ix, heads[i].tag, &quant);
		Buffer		buffer;

		heads[i].refined_error = -1.0f;
		if (form == NULL || !OhArrayHas(&ix->file, OH_REFINE, heads[i].id))
			continue;
		buffer = OhRecordPage(&ix->file, OH_REFINE, heads[i].id, BUFFER_LOCK_SHARE);
		if (!om_quant_refine_distance(quant, form->query, form->refine, &bases[i],
									  OhRecord(&ix->file, OH_REFINE, BufferGetPage(buffer), heads[i].id),
									  &heads[i].refined, &heads[i].refined_error))
			heads[i].refined_error = -1.0f;
		UnlockReleaseBuffer(buffer);
	}
}

/*
 * lock_record -- lock the page of a node's refinement in exclusive mode, extending the
 * array if necessary.
 */
static Buffer
lock_record(OhIndex *ix, uint32 node)
{
	uint32		lp = OhLp(&ix->file, OH_REFINE, node);

	while (!OhArrayHas(&ix->file, OH_REFINE, node))
	{
		CHECK_FOR_INTERRUPTS();
		OhArrayExtend(&ix->file, OH_REFINE);
	}
	return OhArrayRead(&ix->file, OH_REFINE, lp, BUFFER_LOCK_EXCLUSIVE);
}

/*
 * store -- write a refinement into its slot; the page is locked.
 */
static void
store(OhIndex *ix, Buffer buffer, uint32 node, const void *refinement, bool blur)
{
	uint32		slot = OhSlotOf(&ix->file, OH_REFINE, node);
	OhWrite		write;
	Page		page;
	void	   *record;

	OhWriteStart(&write, &ix->file);
	page = OhWritePage(&write, buffer, false);
	while (OhTail(page)->nused <= slot)
		memset(OhSlot(&ix->file, OH_REFINE, page, OhTail(page)->nused++), 0, ix->refine_bytes);
	OhPageSetLower(&ix->file, OH_REFINE, page);
	record = OhSlot(&ix->file, OH_REFINE, page, slot);
	memcpy(record, refinement, ix->refine_bytes);
	if (blur)
		om_quant_refine_blur(record);
	OhWriteFinish(&write);
}

void
OhWriteRefinement(OhIndex *ix, uint32 node, const void *code,
				  const void *refinement)
{
	Buffer		buffer = lock_record(ix, node);
	const void *record = OhRecord(&ix->file, OH_REFINE, BufferGetPage(buffer), node);

	/* unless somebody has joined the node already */
	if (OhSlotOf(&ix->file, OH_REFINE, node) >= OhTail(BufferGetPage(buffer))->nused ||
		!om_quant_refine_matches(code, record) || !om_quant_refine_is_blurred(record))
		store(ix, buffer, node, refinement, false);
	UnlockReleaseBuffer(buffer);
}

void
OhJoinRefinement(OhIndex *ix, uint32 node, const void *code,
				 const void *refinement)
{
	Buffer		buffer = lock_record(ix, node);
	const void *record = OhRecord(&ix->file, OH_REFINE, BufferGetPage(buffer), node);

	if (OhSlotOf(&ix->file, OH_REFINE, node) >= OhTail(BufferGetPage(buffer))->nused ||
		!om_quant_refine_matches(code, record) ||
		(!om_quant_refine_is_blurred(record) &&
		 memcmp(record, refinement, ix->refine_bytes) != 0))
		store(ix, buffer, node, refinement, true);
	UnlockReleaseBuffer(buffer);
}
