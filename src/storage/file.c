/*
 * file.c -- index files: creation, checked reads of pages, errors of damaged ones.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "storage/array.h"
#include "storage/file.h"

char *
OhFormat(const char *fmt, va_list args)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (;;)
	{
		va_list		again;
		int			needed;

		va_copy(again, args);
		needed = appendStringInfoVA(&buf, fmt, again);
		va_end(again);
		if (needed == 0)
			return buf.data;
		enlargeStringInfo(&buf, needed);
	}
}

void
OhReportCorruption(Relation rel, BlockNumber block, const char *fmt,...)
{
	va_list		args;
	char	   *found;

	va_start(args, fmt);
	found = OhFormat(fmt, args);
	va_end(args);
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" is corrupted at block %u: %s",
					RelationGetRelationName(rel), block, found),
			 errhint("Please REINDEX it.")));
}

Buffer
OhReadBlock(Relation rel, BlockNumber block, int kind, int lockmode)
{
	Buffer		buffer;

	/*
	 * a page exists before another page names it: check it, but for the metapage, which is read
	 * too often
	 */
	if (block != OH_META_BLOCK && block >= RelationGetNumberOfBlocks(rel))
		OhReportCorruption(rel, OH_META_BLOCK, "the directory names block %u of %u",
						   block, RelationGetNumberOfBlocks(rel));
	buffer = ReadBuffer(rel, block);
	LockBuffer(buffer, lockmode);
	OhVerifyPage(rel, buffer, block, kind);
	return buffer;
}

void
OhVerifyPage(Relation rel, Buffer buffer, BlockNumber block, int kind)
{
	Page		page = BufferGetPage(buffer);
	PageHeader	header = (PageHeader) page;
	OhPageTail *tail;

	if (PageIsNew(page))
		OhReportCorruption(rel, block, "unexpected zero page");
	if (header->pd_special != BLCKSZ - sizeof(OhPageTail) ||
		header->pd_lower < SizeOfPageHeaderData ||
		header->pd_lower > header->pd_special)
		OhReportCorruption(rel, block, "bad page header (lower %u, special %u)",
						   header->pd_lower, header->pd_special);
	tail = OhTail(page);
	if (tail->page_id != OH_PAGE_ID)
		OhReportCorruption(rel, block, "page id is %u, not %u", tail->page_id, OH_PAGE_ID);
	if (tail->kind != kind)
		OhReportCorruption(rel, block, "page kind is %u, not %d", tail->kind, kind);
}

void
OhVerifyHead(Relation rel, const OhFileHead *head, const OhFileMethod *method)
{
	if (head->magic != method->magic)
		OhReportCorruption(rel, OH_META_BLOCK, "magic number is 0x%08X", head->magic);
	if (head->format != method->format &&
		(method->oldest == 0 || head->format < method->oldest || head->format > method->format))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" has format version %u, this library reads version %u",
						RelationGetRelationName(rel), head->format, method->format),
				 errhint("Please REINDEX it.")));
}

void
OhFileInit(OhFile *file, Relation rel, const OhFileMethod *method, uint64 build_id,
		   MemoryContext context)
{
	Assert(method->narrays <= OH_MAX_ARRAYS);
	file->rel = rel;
	file->locator = om_rel_locator(rel);
	file->method = method;
	file->build_id = build_id;
	file->context = context;
}

void
OhFileSetArray(OhFile *file, int array, uint32 record_bytes)
{
	OhArray    *a = &file->array[array];

	memset(a, 0, sizeof(OhArray));
	a->record_bytes = record_bytes > 0 ? record_bytes : OH_PAGE_BODY;
	a->per_page = OH_PAGE_BODY / a->record_bytes;
}

/*
 * fill_head -- fill in the part of a metapage that all methods have in common.
 */
static void
fill_head(OhFileHead *head, const OhFileMethod *method)
{
	head->magic = method->magic;
	head->format = method->format;
	head->generation = 0;
	if (!pg_strong_random(&head->build_id, sizeof(head->build_id)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random build id")));
	for (int a = 0; a < method->narrays; a++)
	{
		for (int r = 0; r < OH_NROOTS; r++)
			head->array[a].root[r] = InvalidBlockNumber;
		head->array[a].free_hint = 0;
	}
}

void
OhFileCreate(Relation rel, ForkNumber fork, const OhFileMethod *method, void *meta, Size bytes)
{
	Buffer		buffer = om_extend_relation(rel, fork);
	Page		page = BufferGetPage(buffer);

	Assert(bytes >= offsetof(OhFileHead, array) + method->narrays * sizeof(OhArrayHead));
	Assert(bytes <= OH_PAGE_BODY);
	if (BufferGetBlockNumber(buffer) != OH_META_BLOCK)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not empty", RelationGetRelationName(rel))));
	fill_head((OhFileHead *) meta, method);
	OhPageInit(page, OH_PAGE_META, 0, 0);
	memcpy(PageGetContents(page), meta, bytes);
	((PageHeader) page)->pd_lower = SizeOfPageHeaderData + bytes;
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}
