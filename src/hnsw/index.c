/*
 * index.c -- the backend's view of open indexes, and checked page reads.
 *
 * Owns the table of OhIndex, one per index and build.  An entry is found by the
 * relation's locator; the build id of the metapage tells whether it is still
 * the same index (REINDEX, TRUNCATE and reused file numbers give another).
 * Nothing outlives a transaction that uses an entry, so the end of the
 * transaction is where outdated entries are freed.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "filter/attr.h"
#include "hnsw/hnsw.h"
#include "filter/summary.h"

/* Evaluations for each candidate of a walk, before one has been seen. */
#define FIRST_WALK_RATE 8.0

/*
 * Memory of idle indexes: past this much, those used least recently are closed,
 * but for the last few, which may take what they need.
 */
#define IDLE_BYTES (16 * 1024 * 1024)
#define KEEP_IDLE 8

typedef struct CacheEntry
{
	RelFileLocator locator;		/* hash key */
	OhIndex    *ix;
} CacheEntry;

static HTAB *cache = NULL;
static MemoryContext cache_context = NULL;
static List *outdated = NIL;	/* OhIndex that another build has replaced */
static dlist_head by_use = DLIST_STATIC_INIT(by_use);	/* OhIndex, last used first */
static Size idle_bytes = 0;		/* of all in the table, as of the last transaction's end */

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
OhCorrupt(Relation index, BlockNumber block, const char *fmt,...)
{
	va_list		args;
	char	   *found;

	va_start(args, fmt);
	found = OhFormat(fmt, args);
	va_end(args);
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" is corrupted at block %u: %s",
					RelationGetRelationName(index), block, found),
			 errhint("Please REINDEX it.")));
}

/*
 * OhReadBlock -- pin, lock and verify a block of the main fork.
 */
Buffer
OhReadBlock(Relation index, BlockNumber block, int kind, int lockmode)
{
	Buffer		buffer = ReadBuffer(index, block);

	LockBuffer(buffer, lockmode);
	OhVerifyPage(index, buffer, block, kind);
	return buffer;
}

/*
 * OhVerifyPage -- raise an error unless the page is of this kind.
 */
void
OhVerifyPage(Relation index, Buffer buffer, BlockNumber block, int kind)
{
	Page		page = BufferGetPage(buffer);
	PageHeader	header = (PageHeader) page;
	OhPageTail *tail;

	if (PageIsNew(page))
		OhCorrupt(index, block, "unexpected zero page");
	if (header->pd_special != BLCKSZ - sizeof(OhPageTail) ||
		header->pd_lower < SizeOfPageHeaderData ||
		header->pd_lower > header->pd_special)
		OhCorrupt(index, block, "bad page header (lower %u, special %u)",
				  header->pd_lower, header->pd_special);
	tail = OhTail(page);
	if (tail->page_id != OH_PAGE_ID)
		OhCorrupt(index, block, "page id is %u, not %u", tail->page_id, OH_PAGE_ID);
	if (tail->kind != kind)
		OhCorrupt(index, block, "page kind is %u, not %d", tail->kind, kind);
}

/*
 * OhVerifyMeta -- raise an error unless the metapage makes sense.
 */
void
OhVerifyMeta(Relation index, const OhMetaPageData *meta)
{
	if (meta->magic != OH_MAGIC)
		OhCorrupt(index, OH_META_BLOCK, "magic number is 0x%08X", meta->magic);
	if (meta->format != OH_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" has format version %u, this library reads version %u",
						RelationGetRelationName(index), meta->format, OH_FORMAT),
				 errhint("Please REINDEX it.")));
	if (meta->m < OH_MIN_M || meta->m > OH_MAX_M ||
		meta->ef_construction < OH_MIN_EF_CONSTRUCTION ||
		meta->ef_construction > OH_MAX_EF_CONSTRUCTION ||
		meta->entry_level < -1 || meta->entry_level > OH_MAX_LEVEL ||
		(meta->entry == OH_NONE) != (meta->entry_level == -1) ||
		meta->highway_level < 1 || meta->highway_level > OH_MAX_LEVEL)
		OhCorrupt(index, OH_META_BLOCK, "impossible values (m %u, ef_construction %u, entry level %d)",
				  meta->m, meta->ef_construction, meta->entry_level);
	if (meta->model > OH_LAST_MODEL ||
		(meta->next_model != meta->model && meta->next_model != OhNextModel(meta->model)))
		OhCorrupt(index, OH_META_BLOCK, "impossible numbers of models (%u, %u)", meta->model,
				  meta->next_model);
}

static void
free_index(OhIndex *ix)
{
	OhInserterDrop(ix);
	MemoryContextDelete(ix->context);
}

/*
 * close_index -- take an index out of the table and free it.
 */
static void
close_index(OhIndex *ix)
{
	idle_bytes -= ix->bytes;
	dlist_delete(&ix->by_use);
	hash_search(cache, &ix->locator, HASH_REMOVE, NULL);
	free_index(ix);
}

/*
 * use_index -- note that this transaction uses it.
 */
static void
use_index(OhIndex *ix, Relation index)
{
	ix->rel = index;
	if (!ix->used)
		dlist_move_head(&by_use, &ix->by_use);
	ix->used = true;
}

int
OhIndexesOpen(void)
{
	return cache == NULL ? 0 : hash_get_num_entries(cache);
}

/*
 * close_idle -- give memory back until the rest is within bounds: inserters
 * first, as others are made in no time.
 */
static void
close_idle(void)
{
	dlist_iter	iter;

	dlist_reverse_foreach(iter, &by_use)
	{
		OhIndex    *ix = dlist_container(OhIndex, by_use, iter.cur);

		if (idle_bytes <= IDLE_BYTES)
			return;
		if (ix->inserter == NULL)
			continue;
		OhInserterDrop(ix);
		idle_bytes -= ix->bytes;
		ix->bytes = MemoryContextMemAllocated(ix->context, true);
		idle_bytes += ix->bytes;
	}
	while (idle_bytes > IDLE_BYTES && OhIndexesOpen() > KEEP_IDLE)
		close_index(dlist_tail_element(OhIndex, by_use, &by_use));
}

/*
 * at_transaction_end -- free what no scan can use any more.
 */
static void
at_transaction_end(XactEvent event, void *arg)
{
	dlist_mutable_iter iter;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PARALLEL_COMMIT && event != XACT_EVENT_PARALLEL_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	if (outdated != NIL)
	{
		ListCell   *lc;

		foreach(lc, outdated)
			free_index((OhIndex *) lfirst(lc));
		list_free(outdated);
		outdated = NIL;
	}
	dlist_foreach_modify(iter, &by_use)
	{
		OhIndex    *ix = dlist_container(OhIndex, by_use, iter.cur);

		if (!ix->used)
			break;
		ix->used = false;
		ix->rel = NULL;
		OhInserterReset(ix);
		if (ix->building)
		{
			close_index(ix);
			continue;
		}
		idle_bytes -= ix->bytes;
		ix->bytes = MemoryContextMemAllocated(ix->context, true) + OhInserterBytes(ix);
		idle_bytes += ix->bytes;
	}
	if (idle_bytes > IDLE_BYTES)
		close_idle();
}

static void
cache_init(void)
{
	HASHCTL		ctl = {0};

	if (cache != NULL)
		return;
	if (cache_context == NULL)
	{
		cache_context = AllocSetContextCreate(TopMemoryContext, "omenhnsw indexes",
											  ALLOCSET_SMALL_SIZES);
		RegisterXactCallback(at_transaction_end, NULL);
	}
	ctl.keysize = sizeof(RelFileLocator);
	ctl.entrysize = sizeof(CacheEntry);
	ctl.hcxt = cache_context;
	cache = hash_create("omenhnsw indexes", 16, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/*
 * OhAlignedAlloc -- zeroed memory on a cache line.
 */
void *
OhAlignedAlloc(MemoryContext context, Size size)
{
	char	   *raw = MemoryContextAllocExtended(context, size + 64,
												 MCXT_ALLOC_ZERO | MCXT_ALLOC_HUGE);

	return (void *) TYPEALIGN(64, raw);
}

/*
 * init_array -- record size and records per page of one array.
 */
static void
init_array(OhArray *array, uint32 record_bytes)
{
	memset(array, 0, sizeof(OhArray));
	array->record_bytes = record_bytes;
	array->per_page = OH_PAGE_BODY / record_bytes;
}

uint32
OhModelPages(const OmQuantSpec *spec)
{
	return (om_quant_model_floats(spec) + OH_MODEL_FLOATS - 1) / OH_MODEL_FLOATS;
}

/*
 * load_model -- read a model, NULL if it is the one before any training.
 *
 * *valid: false if a value is not finite.
 */
static float *
load_model(OhIndex *ix, uint8 number, bool *valid)
{
	size_t		total = om_quant_model_floats(&ix->spec);
	uint32		npages = OhModelPages(&ix->spec);
	uint32		first = OhModelSlot(number) * npages;
	float	   *model;

	*valid = true;
	if (number == 0 || npages == 0)
		return NULL;
	if (OhArrayPages(ix, OH_MODEL) < first + npages)
		OhCorrupt(ix->rel, OH_META_BLOCK, "the array of models has %u pages, model %u ends with %u",
				  OhArrayPages(ix, OH_MODEL), number, first + npages);
	model = palloc(sizeof(float) * OH_MODEL_FLOATS * npages);
	for (uint32 lp = 0; lp < npages; lp++)
	{
		Buffer		buffer = OhArrayRead(ix, OH_MODEL, first + lp, BUFFER_LOCK_SHARE);

		memcpy(model + (size_t) lp * OH_MODEL_FLOATS, OhSlot(ix, OH_MODEL, BufferGetPage(buffer), 0),
			   sizeof(float) * OH_MODEL_FLOATS);
		UnlockReleaseBuffer(buffer);
	}
	for (size_t i = 0; i < total; i++)
		*valid = *valid && isfinite(model[i]);
	return model;
}

/*
 * set_columns -- filter columns as the metapage has them.
 */
static void
set_columns(OhIndex *ix, const OhMetaPageData *meta)
{
	int			ncolumns = IndexRelationGetNumberOfKeyAttributes(ix->rel);

	if (meta->nattrs != ncolumns - 1)
		OhCorrupt(ix->rel, OH_META_BLOCK, "the index has %d columns, its pages %u", ncolumns,
				  meta->nattrs + 1);
	ix->nattrs = meta->nattrs;
	ix->attr_per_page = OhAttrPerPage(ix->nattrs);
	for (int i = 0; i < ix->nattrs; i++)
	{
		if (meta->attr_kind[i] < OH_ATTR_EXACT || meta->attr_kind[i] > OH_ATTR_SIGNATURE)
			OhCorrupt(ix->rel, OH_META_BLOCK, "filter column %d is of kind %u", i + 1,
					  meta->attr_kind[i]);
		ix->attr_kind[i] = meta->attr_kind[i];
	}
}

/*
 * OhIndexAssemble -- an OhIndex from a metapage, quantizer not yet there.
 */
OhIndex *
OhIndexAssemble(Relation index, const OhMetaPageData *meta)
{
	MemoryContext context;
	OhIndex    *ix;

	cache_init();
	/* goes with an error, until OhIndexRegister() */
	context = AllocSetContextCreate(TopTransactionContext, "omenhnsw index", ALLOCSET_SMALL_SIZES);
	ix = MemoryContextAllocZero(context, sizeof(OhIndex));
	ix->context = context;
	ix->rel = index;
	ix->locator = om_rel_locator(index);
	ix->build_id = meta->build_id;
	ix->walk_rate = FIRST_WALK_RATE;
	ix->dim = meta->dim;
	ix->column.metric = OhGetMetric(index);
	ix->column.dim = meta->column_dim != 0 ? (int) meta->column_dim : meta->dim;
	ix->column.position_dim = meta->dim;
	ix->column.seed = meta->seed;
	ix->m = meta->m;
	ix->ef_construction = meta->ef_construction;
	ix->spec.kind = meta->quantizer;
	ix->spec.metric = meta->metric;
	ix->spec.dim = meta->dim;
	ix->spec.bits = meta->bits;
	ix->spec.seed = meta->seed;
	ix->spec.subvectors = meta->subvectors;
	ix->code_bytes = om_quant_code_bytes(&ix->spec);
	ix->node_bytes = OhNodeBytes(&ix->spec, ix->m);
	if (ix->code_bytes == 0 || ix->code_bytes != meta->code_bytes ||
		ix->node_bytes != meta->node_bytes || ix->node_bytes > OH_PAGE_BODY)
		OhCorrupt(index, OH_META_BLOCK, "codes of %u bytes and nodes of %u bytes do not belong to the options",
				  meta->code_bytes, meta->node_bytes);
	ix->rerank = meta->rerank;
	ix->refine_bytes = OhRefineBytes(&ix->spec, ix->rerank);
	if (ix->rerank < OH_RERANK_HEAP || ix->rerank > OH_RERANK_OFF ||
		ix->refine_bytes != meta->refine_bytes || ix->refine_bytes > OH_PAGE_BODY ||
		(ix->rerank == OH_RERANK_INDEX && ix->refine_bytes == 0))
		OhCorrupt(index, OH_META_BLOCK, "refinements of %u bytes do not belong to the options",
				  meta->refine_bytes);
	set_columns(ix, meta);
	init_array(&ix->array[OH_NODE], ix->node_bytes);
	init_array(&ix->array[OH_TOWER], sizeof(OhTowerData) + sizeof(uint32) * ix->m);
	init_array(&ix->array[OH_POSTING], sizeof(OhPostingData));
	init_array(&ix->array[OH_NULLS], sizeof(OhNullData) + OhAttrRowBytes(ix->nattrs));
	init_array(&ix->array[OH_MODEL], sizeof(float) * OH_MODEL_FLOATS);
	/* without refinements, or filter columns, an array of no pages */
	init_array(&ix->array[OH_REFINE], ix->refine_bytes > 0 ? ix->refine_bytes : OH_PAGE_BODY);
	init_array(&ix->array[OH_ATTR], OH_PAGE_BODY);
	init_array(&ix->array[OH_HIGHWAY], sizeof(OhMemberData) + ix->code_bytes);
	return ix;
}

/*
 * OhIndexSetModel -- initialise the quantizer of one model.
 *
 * It takes the place of the one before last, whose number others check.
 */
void
OhIndexSetModel(OhIndex *ix, uint8 number, const float *model)
{
	OhModel    *m = &ix->model[OhModelSlot(number)];

	if (m->memory == NULL)
		m->memory = OhAlignedAlloc(ix->context, om_quant_bytes(&ix->spec));
	m->quant = om_quant_init(m->memory, &ix->spec, model);
	m->number = number;
	ix->number = number;
	ix->quant = m->quant;
	ix->distance = om_quant_distance_fn(ix->quant);
}

/*
 * OhIndexRegister -- put an OhIndex into the table, in place of an older one.
 */
void
OhIndexRegister(OhIndex *ix)
{
	CacheEntry *entry;
	bool		found;

	entry = hash_search(cache, &ix->locator, HASH_ENTER, &found);
	if (found)
	{
		MemoryContext old = MemoryContextSwitchTo(cache_context);

		outdated = lappend(outdated, entry->ix);
		MemoryContextSwitchTo(old);
		idle_bytes -= entry->ix->bytes;
		dlist_delete(&entry->ix->by_use);
	}
	entry->ix = ix;
	dlist_push_head(&by_use, &ix->by_use);
	ix->used = true;
	MemoryContextSetParent(ix->context, cache_context);
}

static void
read_meta(Relation index, OhMetaPageData *meta)
{
	Buffer		buffer = OhReadBlock(index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);

	*meta = *OhMeta(BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
	OhVerifyMeta(index, meta);
}

/*
 * take_models -- load what nodes may have codes of; *meta may be read again.
 *
 * A model is written over when no node has its codes any more, and that may be
 * while we read it: if the metapage does not name it afterwards, it does not count.
 */
static void
take_models(OhIndex *ix, OhMetaPageData *meta)
{
	bool		loaded;

	do
	{
		uint8		wanted[OH_MODELS] = {meta->model, meta->next_model};

		loaded = false;
		for (int i = 0; i < OH_MODELS && !loaded; i++)
		{
			float	   *model;
			bool		valid;

			if (OhModelOf(ix, wanted[i]) != NULL)
				continue;
			CHECK_FOR_INTERRUPTS();
			model = load_model(ix, wanted[i], &valid);
			read_meta(ix->rel, meta);
			loaded = true;
			if (wanted[i] == meta->model || wanted[i] == meta->next_model)
			{
				if (!valid)
					OhCorrupt(ix->rel, OH_META_BLOCK, "model %u has a value that is not finite",
							  wanted[i]);
				OhIndexSetModel(ix, wanted[i], model);
			}
			if (model != NULL)
				pfree(model);
		}
	} while (loaded);
	ix->number = meta->next_model;
	ix->quant = OhModelOf(ix, ix->number);
}

/*
 * take_meta -- what may change in one build.
 */
static void
take_meta(OhIndex *ix, OhMetaPageData *meta)
{
	if (unlikely(ix->number != meta->next_model || OhModelOf(ix, meta->model) == NULL ||
				 OhModelOf(ix, meta->next_model) == NULL))
		take_models(ix, meta);
	ix->retraining = meta->model != meta->next_model;
	ix->look_nodes = meta->look_nodes;
	ix->entry = meta->entry;
	ix->entry_level = meta->entry_level;
	ix->generation = meta->generation;
	ix->highway_level = meta->highway_level;
}

/*
 * OhIndexOpen -- the state of an index, valid until the transaction ends.
 */
OhIndex *
OhIndexOpen(Relation index)
{
	OhMetaPageData meta;
	RelFileLocator locator = om_rel_locator(index);
	CacheEntry *entry;
	OhIndex    *ix;

	cache_init();
	read_meta(index, &meta);
	entry = hash_search(cache, &locator, HASH_FIND, NULL);
	if (entry != NULL && entry->ix->build_id == meta.build_id)
	{
		use_index(entry->ix, index);
		take_meta(entry->ix, &meta);
		return entry->ix;
	}
	ix = OhIndexAssemble(index, &meta);
	take_meta(ix, &meta);
	OhIndexRegister(ix);
	return ix;
}

void
OhIndexRefresh(OhIndex *ix)
{
	OhMetaPageData meta;

	read_meta(ix->rel, &meta);
	if (meta.build_id != ix->build_id)
		OhCorrupt(ix->rel, OH_META_BLOCK, "the build id has changed under a lock");
	take_meta(ix, &meta);
}
