/*
 * tail.c -- reads and writes pages of tails.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "bm25/tail/tail.h"

/*
 * verify -- raise an error unless the chunks fill the bytes that the page header says.
 */
static void
verify(OhText *ix, Page page, BlockNumber block)
{
	const OhTailPage *head = OhTailPageOf(page);
	uint32		at = 0;

	for (int i = 0; i < head->nchunks; i++)
	{
		const OhChunk *chunk = (const OhChunk *) ((char *) (head + 1) + at);

		if (at + offsetof(OhChunk, hash) > OH_TAIL_BYTES || chunk->nterms > OH_CHUNK_TERMS)
			OhReportCorruption(ix->file.rel, block, "chunk %d of %u is beyond the end of its page", i, head->nchunks);
		at += OhChunkBytes(chunk->nterms);
		if (at > OH_TAIL_BYTES)
			OhReportCorruption(ix->file.rel, block, "chunk %d of %u is beyond the end of its page", i, head->nchunks);
	}
	if (at != head->used)
		OhReportCorruption(ix->file.rel, block, "%u chunks have %u bytes, expected %u", head->nchunks, at, head->used);
}

/*
 * verify_sealed -- a page that a tail should have is of a later one: raise an error unless the tail has been sealed,
 * as the metapage says before its pages are used again.
 */
static void
verify_sealed(OhText *ix, uint32 epoch, BlockNumber block, uint32 found)
{
	OhTextList *list = palloc(sizeof(OhTextList));

	OhTextReadList(ix, list);
	if (list->sealed < epoch)
		OhReportCorruption(ix->file.rel, block, "page of the tail of epoch %u where one of epoch %u should be", found, epoch);
	pfree(list);
}

OhTailState
OhTailReadPage(OhText *ix, uint32 epoch, uint32 lp, Page copy)
{
	int			array = OhTailArray(epoch);
	BlockNumber block;
	Buffer		buffer;

	if (!OhArrayHas(&ix->file, array, lp))
		return OH_TAIL_END;
	buffer = OhArrayRead(&ix->file, array, lp, BUFFER_LOCK_SHARE);
	block = BufferGetBlockNumber(buffer);
	memcpy(copy, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
	if (OhTail(copy)->nused == 0 || OhTailPageOf(copy)->epoch < epoch)
		return OH_TAIL_END;
	if (OhTailPageOf(copy)->epoch > epoch)
	{
		verify_sealed(ix, epoch, block, OhTailPageOf(copy)->epoch);
		return OH_TAIL_GONE;
	}
	verify(ix, copy, block);
	return OH_TAIL_THERE;
}

bool
OhTailHasRoom(Page page, uint32 epoch, uint32 nterms)
{
	if (OhTail(page)->nused == 0 || OhTailPageOf(page)->epoch != epoch)
		return true;
	return OhTailPageOf(page)->used + OhChunkBytes(nterms) <= OH_TAIL_BYTES;
}

bool
OhTailEach(OhText *ix, uint32 from, uint32 to, OhTailVisit visit, void *arg)
{
	PGAlignedBlock copy;

	for (uint32 epoch = from; epoch <= to; epoch++)
	{
		for (uint32 lp = 0;; lp++)
		{
			OhTailState state = OhTailReadPage(ix, epoch, lp, copy.data);
			OhChunk    *chunk = OhTailFirst(copy.data);

			CHECK_FOR_INTERRUPTS();
			if (state == OH_TAIL_GONE)
				return false;
			if (state == OH_TAIL_END)
				break;
			for (int i = 0; i < OhTailPageOf(copy.data)->nchunks; i++, chunk = OhTailNext(chunk))
				visit(chunk, lp, arg);
		}
	}
	return true;
}

void
OhTailAppend(OhText *ix, Page page, uint32 epoch, uint32 doc, uint32 length, bool first, uint32 nterms,
			 const uint64 *hash, const uint32 *tf)
{
	OhTailPage *head = OhTailPageOf(page);
	OhChunk    *chunk;

	if (OhTail(page)->nused == 0 || head->epoch != epoch)
	{
		head->epoch = epoch;
		head->used = head->nchunks = 0;
		OhTail(page)->nused = 1;
		OhPageSetLower(&ix->file, OhTailArray(epoch), page);
	}
	chunk = (OhChunk *) ((char *) (head + 1) + head->used);
	memset(chunk, 0, OhChunkBytes(nterms));
	chunk->doc = doc;
	chunk->length = length;
	chunk->nterms = nterms;
	chunk->first = first;
	memcpy(chunk->hash, hash, nterms * sizeof(uint64));
	memcpy(OhChunkFrequencies(chunk), tf, nterms * sizeof(uint32));
	head->used += OhChunkBytes(nterms);
	head->nchunks++;
}
