/*
 * textindex.c -- the backend's cache of open omenbm25 indexes, and the metapage.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/lmgr.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "bm25/bm25.h"
#include "bm25/textoptions.h"
#include "filter/key.h"

/* Number of indexes that stay open after a transaction. */
#define KEEP_OPEN	64

typedef struct CacheEntry
{
	RelFileLocator locator;		/* key */
	OhText	   *ix;
} CacheEntry;

static HTAB *cache = NULL;
static MemoryContext cache_context = NULL;

static bool
doc_is_free(const void *record)
{
	return ((const OhDocData *) record)->state == OH_DOC_FREE;
}

static void
init_keys(const OhFile *file, Page page)
{
	OhKeyPageInit(&OhTextOf(unconstify(OhFile *, file))->columns, page);
}

static void
verify_keys(const OhFile *file, Page page, BlockNumber block)
{
	OhKeyPageVerify(&OhTextOf(unconstify(OhFile *, file))->columns, page, block);
}

static const OhRecordKind record_kind[OH_TEXT_NARRAYS] = {
	[OH_DOC] = {doc_is_free, NULL, .reused = true, .numbered = true},
	[OH_DOC_KEY] = {.numbered = true, .init_page = init_keys, .verify_page = verify_keys},
	[OH_SEGMENT] = {.numbered = true},
	[OH_TAIL_EVEN] = {.numbered = true},
	[OH_TAIL_ODD] = {.numbered = true},
};

const OhFileMethod oh_text_method = {OH_TEXT_MAGIC, OH_TEXT_FORMAT, OH_TEXT_NARRAYS, record_kind, OH_TEXT_OLDEST};

/*
 * areas_are_possible -- does each area, of as many pages, end before page numbers do?
 */
static bool
areas_are_possible(const OhSegment *s, const uint32 *pages)
{
	for (int a = 0; a < OH_NAREAS; a++)
	{
		if (pages[a] > PG_UINT32_MAX - s->first[a])
			return false;
	}
	return true;
}

/*
 * verify_merge -- raise an error unless what is left of a merge's steps makes sense.
 */
static void
verify_merge(Relation index, const OhTextMeta *meta)
{
	const OhMergeState *merge = &meta->merge;
	bool		bad = merge->output.id >= meta->next_segment || !areas_are_possible(&merge->output, merge->reserved) ||
		merge->ninputs == 0 || merge->begun > OH_MERGE_LISTS || merge->ninputs > meta->nsegments ||
		!(merge->output.average >= 0);

	for (int a = 0; a < OH_NAREAS && !bad; a++)
		bad = merge->output.pages[a] > merge->reserved[a] || merge->used[a] > OH_SEGMENT_BYTES ||
			(merge->output.pages[a] == merge->reserved[a] && merge->used[a] > 0);
	for (uint32 i = 0; i < merge->ninputs && !bad; i++)
	{
		bad = true;
		for (int s = 0; s < meta->nsegments && bad; s++)
			bad = meta->segment[s].id != merge->input[i];
	}
	if (bad)
		OhReportCorruption(index, OH_META_BLOCK, "a merge to segment %u has impossible sizes", merge->output.id);
}

void
OhTextVerifyMeta(Relation index, const OhTextMeta *meta)
{
	OhVerifyHead(index, (const OhFileHead *) meta, &oh_text_method);
	if (!(meta->k1 >= 0 && meta->k1 <= OH_MAX_K1) || !(meta->b >= 0 && meta->b <= 1))
		OhReportCorruption(index, OH_META_BLOCK, "impossible values (k1 %g, b %g)", meta->k1, meta->b);
	if (meta->nsegments > OH_MAX_SEGMENTS)
		OhReportCorruption(index, OH_META_BLOCK, "%u segments", meta->nsegments);
	if (meta->epoch == 0 || meta->sealed >= meta->epoch || meta->epoch - meta->sealed > 2)
		OhReportCorruption(index, OH_META_BLOCK, "tail of epoch %u, and %u is sealed", meta->epoch, meta->sealed);
	if (memchr(meta->config_schema, 0, NAMEDATALEN) == NULL || memchr(meta->config_name, 0, NAMEDATALEN) == NULL)
		OhReportCorruption(index, OH_META_BLOCK, "the name of the text search configuration has no end");
	for (int i = 0; i < meta->nsegments; i++)
	{
		const OhSegment *s = &meta->segment[i];

		if (s->id == 0 || s->id >= meta->next_segment || s->pages[OH_AREA_TERMS] == 0 ||
			!areas_are_possible(s, s->pages) ||
			s->nterms > (uint64) s->pages[OH_AREA_TERMS] * OH_TERMS_PER_PAGE ||
			s->nskips > (uint64) s->pages[OH_AREA_SKIPS] * OH_SKIPS_PER_PAGE || !(s->average >= 0))
			OhReportCorruption(index, OH_META_BLOCK, "segment %d, with id %u, has impossible sizes", i, s->id);
	}
	if (meta->merge.output.id != 0)
		verify_merge(index, meta);
}

static void
read_meta(Relation index, OhTextMeta *meta)
{
	Buffer		buffer = OhReadBlock(index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);

	*meta = *OhTextMetaOf(BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
	OhTextVerifyMeta(index, meta);
}

/*
 * has_lists -- do segments have lists of the values of a filter column of this type?
 *
 * Those that tell how much or when are searched by ranges, and have as many values as rows.  A signature is not one
 * value.
 */
static bool
has_lists(Oid type, OhKeyKind kind)
{
	switch (type)
	{
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case CASHOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
			return false;
		default:
			return kind != OH_KEY_SIGNATURE;
	}
}

/*
 * assemble -- make an OhText from a metapage, in a context below parent.
 */
static OhText *
assemble(Relation index, const OhTextMeta *meta, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "omenbm25 index", ALLOCSET_SMALL_SIZES);
	OhText	   *ix = MemoryContextAllocZero(context, sizeof(OhText));
	int			ncolumns = IndexRelationGetNumberOfKeyAttributes(index) - 1;

	OhFileInit(&ix->file, index, &oh_text_method, meta->build_id, context);
	if (meta->ncolumns != ncolumns)
		OhReportCorruption(index, OH_META_BLOCK, "the index has %d filter columns, its pages %u", ncolumns,
						   meta->ncolumns);
	ix->scoring.k1 = meta->k1;
	ix->scoring.b = meta->b;
	memcpy(ix->weight, meta->weight, sizeof(ix->weight));
	memcpy(ix->config_schema, meta->config_schema, NAMEDATALEN);
	memcpy(ix->config_name, meta->config_name, NAMEDATALEN);
	ix->columns.file = &ix->file;
	ix->columns.array = OH_DOC_KEY;
	ix->columns.n = ncolumns;
	ix->columns.per_page = OhKeysPerPage(ncolumns);
	for (int i = 0; i < ncolumns; i++)
	{
		if (meta->key_kind[i] < OH_KEY_EXACT || meta->key_kind[i] > OH_KEY_SIGNATURE)
			OhReportCorruption(index, OH_META_BLOCK, "filter column %d is of kind %u", i + 1, meta->key_kind[i]);
		ix->columns.kind[i] = meta->key_kind[i];
		if (meta->format >= OH_TEXT_LISTS && has_lists(index->rd_opcintype[i + 1], meta->key_kind[i]))
			ix->lists |= (uint32) 1 << i;
	}
	OhFileSetArray(&ix->file, OH_DOC, sizeof(OhDocData));
	OhFileSetArray(&ix->file, OH_DOC_KEY, OH_PAGE_BODY);
	OhFileSetArray(&ix->file, OH_SEGMENT, OH_PAGE_BODY);
	OhFileSetArray(&ix->file, OH_TAIL_EVEN, OH_PAGE_BODY);
	OhFileSetArray(&ix->file, OH_TAIL_ODD, OH_PAGE_BODY);
	return ix;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (cache != NULL && hash_get_num_entries(cache) > KEEP_OPEN)
	{
		MemoryContextDelete(cache_context);
		cache = NULL;
		cache_context = NULL;
	}
}

static void
cache_init(void)
{
	static bool registered = false;
	HASHCTL		ctl = {0};

	if (cache != NULL)
		return;
	if (!registered)
		RegisterXactCallback(at_transaction_end, NULL);
	registered = true;
	cache_context = AllocSetContextCreate(TopMemoryContext, "omenbm25 indexes", ALLOCSET_SMALL_SIZES);
	ctl.keysize = sizeof(RelFileLocator);
	ctl.entrysize = sizeof(CacheEntry);
	ctl.hcxt = cache_context;
	cache = hash_create("omenbm25 indexes", 16, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

OhText *
OhTextOpen(Relation index)
{
	RelFileLocator locator = om_rel_locator(index);
	OhTextMeta	meta;
	CacheEntry *entry;
	OhText	   *ix;
	bool		found;

	cache_init();
	read_meta(index, &meta);
	entry = hash_search(cache, &locator, HASH_FIND, NULL);
	if (entry == NULL || entry->ix->file.build_id != meta.build_id)
	{
		ix = assemble(index, &meta, CurTransactionContext);
		entry = hash_search(cache, &locator, HASH_ENTER, &found);
		/* the state of an older build stays until the transaction ends, because it may be in use */
		entry->ix = ix;
		MemoryContextSetParent(ix->file.context, cache_context);
	}
	ix = entry->ix;
	ix->file.rel = index;
	ix->file.generation = meta.generation;
	return ix;
}

OhText *
OhTextOpenPrivate(Relation index)
{
	OhTextMeta	meta;
	OhText	   *ix;

	read_meta(index, &meta);
	ix = assemble(index, &meta, CurrentMemoryContext);
	ix->file.generation = meta.generation;
	return ix;
}

void
OhTextReadList(OhText *ix, OhTextList *list)
{
	OhTextMeta	meta;

	read_meta(ix->file.rel, &meta);
	if (meta.build_id != ix->file.build_id)
		OhReportCorruption(ix->file.rel, OH_META_BLOCK, "the build id has changed under a lock");
	list->epoch = meta.epoch;
	list->sealed = meta.sealed;
	list->nsegments = meta.nsegments;
	list->merge = meta.merge;
	memcpy(list->segment, meta.segment, sizeof(OhSegment) * meta.nsegments);
}

Oid
OhTextConfig(const OhText *ix)
{
	Oid			config;

	/*
	 * not by get_ts_config_oid(): whoever may write to the table need not have USAGE on the
	 * configuration's schema
	 */
	config = GetSysCacheOid2(TSCONFIGNAMENSP, Anum_pg_ts_config_oid, CStringGetDatum(ix->config_name),
							 ObjectIdGetDatum(get_namespace_oid(ix->config_schema, true)));
	if (!OidIsValid(config))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("text search configuration \"%s.%s\" of index \"%s\" does not exist", ix->config_schema,
						ix->config_name, RelationGetRelationName(ix->file.rel)),
				 errhint("Create it, or set text_config to another one and REINDEX the index.")));
	return config;
}

void
OhTextCreate(Relation index, ForkNumber fork)
{
	OhTextMeta	meta = {0};

	OhTextResolveOptions(index, &meta);
	meta.next_segment = 1;
	meta.epoch = 1;
	OhFileCreate(index, fork, &oh_text_method, &meta, sizeof(meta));
}

void
OhTextLockMerge(Relation index)
{
	LockPage(index, OH_META_BLOCK, ExclusiveLock);
}

bool
OhTextTryLockMerge(Relation index)
{
	return ConditionalLockPage(index, OH_META_BLOCK, ExclusiveLock);
}

void
OhTextUnlockMerge(Relation index)
{
	UnlockPage(index, OH_META_BLOCK, ExclusiveLock);
}

bool
OhDocRead(OhText *ix, uint32 doc, OhDocData *record)
{
	Buffer		buffer;
	bool		there;

	if (!OhArrayHas(&ix->file, OH_DOC, doc))
		return false;
	buffer = OhRecordPage(&ix->file, OH_DOC, doc, BUFFER_LOCK_SHARE);
	there = OhSlotOf(&ix->file, OH_DOC, doc) < OhTail(BufferGetPage(buffer))->nused;
	if (there)
		*record = *(OhDocData *) OhRecord(&ix->file, OH_DOC, BufferGetPage(buffer), doc);
	UnlockReleaseBuffer(buffer);
	return there;
}
