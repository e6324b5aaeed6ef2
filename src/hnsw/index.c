/*
 * index.c -- the backend's table of open indexes, and checks of the metapage.
 *
 * The table has one OhIndex per index.  It is found by the relation's locator; the build id
 * of the metapage tells whether it is still the same index (after REINDEX, TRUNCATE or the reuse
 * of a file number it is not).  Pointers to an OhIndex are valid until the transaction
 * ends, so that outdated ones are freed there.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "filter/key.h"
#include "filter/keypage.h"
#include "hnsw/curve.h"
#include "hnsw/index.h"
#include "hnsw/options.h"

/* First estimate of the evaluations that a walk takes for each candidate.  docs/measurements.md#constants */
#define FIRST_WALK_RATE 8.0

/*
 * If indexes that no transaction uses take more than IDLE_BYTES, those used least recently are
 * closed, until KEEP_IDLE are left.
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
static List *outdated = NIL;	/* of OhIndex: replaced by another build, still in use */
static dlist_head by_use = DLIST_STATIC_INIT(by_use);	/* of OhIndex, the last used first */
static const OhIndexOwner *owner[2];
static int	nowners = 0;
static Size idle_bytes = 0;		/* sum of `bytes` in the table */

/* ---- callbacks for storage/: records of each array ---- */

static bool
node_is_free(const void *record)
{
	return ((const OhNodeData *) record)->state == OH_FREE;
}

/*
 * clear_node -- zero a node record except for its version, which is increased: a backend that has read the node
 * before sees by it that the node has changed.
 */
static void
clear_node(void *record, Size bytes, bool taken)
{
	uint16		version = ((OhNodeData *) record)->version;

	memset(record, 0, bytes);
	((OhNodeData *) record)->version = version + 1;
}

StaticAssertDecl(offsetof(OhTowerData, node) == 0 && offsetof(OhPostingData, node) == 0 &&
				 offsetof(OhMemberData, node) == 0, "these records begin with their node");

/* For towers, postings and members of the highway. */
static bool
owned_is_free(const void *record)
{
	return *(const uint32 *) record == OH_NONE;
}

static void
clear_owned(void *record, Size bytes, bool taken)
{
	memset(record, 0, bytes);
	*(uint32 *) record = taken ? 0 : OH_NONE;
}

static bool
null_is_free(const void *record)
{
	return ((const OhNullData *) record)->kind == OH_ROW_FREE;
}

static void
init_keys(const OhFile *file, Page page)
{
	OhKeyPageInit(&OhIndexOf(file)->columns, page);
}

static void
verify_keys(const OhFile *file, Page page, BlockNumber block)
{
	OhKeyPageVerify(&OhIndexOf(file)->columns, page, block);
}

static const OhRecordKind record_kind[OH_NARRAYS] = {
	[OH_NODE] = {node_is_free, clear_node, .reused = true, .numbered = true},
	[OH_TOWER] = {owned_is_free, clear_owned, .reused = true, .numbered = true},
	[OH_POSTING] = {owned_is_free, clear_owned, .reused = true, .numbered = true},
	[OH_NULLS] = {null_is_free, NULL, .reused = true},
	[OH_MODEL] = {.numbered = true},
	[OH_REFINE] = {.numbered = true},
	[OH_FILTER_KEY] = {.numbered = true, .init_page = init_keys, .verify_page = verify_keys},
	[OH_HIGHWAY] = {owned_is_free, clear_owned, .numbered = true},
};

const OhFileMethod oh_file_method = {OH_MAGIC, OH_FORMAT, OH_NARRAYS, record_kind};

void
OhVerifyMeta(Relation index, const OhMetaPageData *meta)
{
	OhVerifyHead(index, (const OhFileHead *) meta, &oh_file_method);
	if (meta->m < OH_MIN_M || meta->m > OH_MAX_M ||
		meta->ef_construction < OH_MIN_EF_CONSTRUCTION ||
		meta->ef_construction > OH_MAX_EF_CONSTRUCTION ||
		meta->entry_level < -1 || meta->entry_level > OH_MAX_LEVEL ||
		(meta->entry == OH_NONE) != (meta->entry_level == -1) ||
		meta->highway_level < 1 || meta->highway_level > OH_MAX_LEVEL)
		OhReportCorruption(index, OH_META_BLOCK, "impossible values (m %u, ef_construction %u, entry level %d)",
						   meta->m, meta->ef_construction, meta->entry_level);
	if (!OhCurveIsValid(&meta->calibration))
		OhReportCorruption(index, OH_META_BLOCK, "impossible recall");
	if (meta->model > OH_LAST_MODEL ||
		(meta->next_model != meta->model && meta->next_model != OhNextModel(meta->model)))
		OhReportCorruption(index, OH_META_BLOCK, "impossible numbers of models (%u, %u)", meta->model,
						   meta->next_model);
}

void
OhRegisterIndexOwner(const OhIndexOwner *one)
{
	if (nowners == lengthof(owner))
		elog(ERROR, "too many owners of parts of an index");
	owner[nowners++] = one;
}

static void
reset_owned(OhIndex *ix)
{
	for (int i = 0; i < nowners; i++)
		owner[i]->reset(ix);
}

static void
drop_owned(OhIndex *ix)
{
	for (int i = 0; i < nowners; i++)
		owner[i]->drop(ix);
}

static Size
owned_bytes(const OhIndex *ix)
{
	Size		bytes = 0;

	for (int i = 0; i < nowners; i++)
		bytes += owner[i]->bytes(ix);
	return bytes;
}

static void
free_index(OhIndex *ix)
{
	drop_owned(ix);
	MemoryContextDelete(ix->file.context);
}

/* ---- the table of open indexes ---- */

/*
 * close_index -- remove an index from the table, and free it.
 */
static void
close_index(OhIndex *ix)
{
	Assert(ix != NULL);
	idle_bytes -= ix->bytes;
	dlist_delete(&ix->by_use);
	hash_search(cache, &ix->file.locator, HASH_REMOVE, NULL);
	free_index(ix);
}

/*
 * use_index -- mark an index as used by this transaction.
 */
static void
use_index(OhIndex *ix, Relation index)
{
	ix->file.rel = index;
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
 * close_idle -- free memory until at most IDLE_BYTES are used.
 *
 * What owners keep goes first, as it is made again quickly.
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
		if (owned_bytes(ix) == 0)
			continue;
		drop_owned(ix);
		idle_bytes -= ix->bytes;
		ix->bytes = MemoryContextMemAllocated(ix->file.context, true);
		idle_bytes += ix->bytes;
	}
	while (idle_bytes > IDLE_BYTES && OhIndexesOpen() > KEEP_IDLE)
		close_index(dlist_tail_element(OhIndex, by_use, &by_use));
}

/*
 * at_transaction_end -- free what only this transaction could use, and idle indexes.
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
		ix->file.rel = NULL;
		ix->file.strategy = NULL;	/* of a vacuum that ended with an error */
		reset_owned(ix);
		if (ix->file.building)
		{
			close_index(ix);
			continue;
		}
		idle_bytes -= ix->bytes;
		ix->bytes = MemoryContextMemAllocated(ix->file.context, true) + owned_bytes(ix);
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

/* ---- opening ---- */

void *
OhAlignedAlloc(MemoryContext context, Size size)
{
	return om_alloc_aligned(context, size, MCXT_ALLOC_ZERO | MCXT_ALLOC_HUGE);
}

uint32
OhModelPages(const OmQuantSpec *spec)
{
	return (om_quant_model_floats(spec) + OH_MODEL_FLOATS - 1) / OH_MODEL_FLOATS;
}

/*
 * load_model -- read a model; NULL for number 0, before any training.
 *
 * *valid: are all its values finite?
 */
static float *
load_model(OhIndex *ix, uint8 number, bool *valid)
{
	size_t		total = om_quant_model_floats(&ix->spec);
	uint32		npages = OhModelPages(&ix->spec);
	uint32		first = OhModelSlot(number) * npages;
	float	   *model;

	*valid = true;
	if (number == 0 && ix->spec.kind == OM_QUANT_PQ)
		OhReportCorruption(ix->file.rel, OH_META_BLOCK, "an index of product quantization without a model");
	if (number == 0 || npages == 0)
		return NULL;
	if (OhArrayPages(&ix->file, OH_MODEL) < first + npages)
		OhReportCorruption(ix->file.rel, OH_META_BLOCK, "the array of models has %u pages, model %u ends with %u",
						   OhArrayPages(&ix->file, OH_MODEL), number, first + npages);
	model = palloc(sizeof(float) * OH_MODEL_FLOATS * npages);
	for (uint32 lp = 0; lp < npages; lp++)
	{
		Buffer		buffer = OhArrayRead(&ix->file, OH_MODEL, first + lp, BUFFER_LOCK_SHARE);

		memcpy(model + (size_t) lp * OH_MODEL_FLOATS, OhSlot(&ix->file, OH_MODEL, BufferGetPage(buffer), 0),
			   sizeof(float) * OH_MODEL_FLOATS);
		UnlockReleaseBuffer(buffer);
	}
	for (size_t i = 0; i < total; i++)
		*valid = *valid && isfinite(model[i]);
	return model;
}

/*
 * set_columns -- set the filter columns by the metapage.
 */
static void
set_columns(OhIndex *ix, const OhMetaPageData *meta)
{
	int			ncolumns = IndexRelationGetNumberOfKeyAttributes(ix->file.rel);

	if (meta->ncolumns != ncolumns - 1)
		OhReportCorruption(ix->file.rel, OH_META_BLOCK, "the index has %d columns, its pages %u", ncolumns,
						   meta->ncolumns + 1);
	ix->columns.file = &ix->file;
	ix->columns.array = OH_FILTER_KEY;
	ix->columns.n = meta->ncolumns;
	ix->columns.per_page = OhKeysPerPage(ix->columns.n);
	for (int i = 0; i < ix->columns.n; i++)
	{
		if (meta->key_kind[i] < OH_KEY_EXACT || meta->key_kind[i] > OH_KEY_SIGNATURE)
			OhReportCorruption(ix->file.rel, OH_META_BLOCK, "filter column %d is of kind %u", i + 1,
							   meta->key_kind[i]);
		ix->columns.kind[i] = meta->key_kind[i];
	}
}

/*
 * check_column -- check that the metapage belongs to an index on this column.
 */
static void
check_column(Relation index, const OhColumn *column, const OhMetaPageData *meta)
{
	Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(index), 0);
	int32		dim = attr->atttypmod;

	(void) getBaseTypeAndTypmod(attr->atttypid, &dim);
	/* ALTER TABLE may have changed the column to a type without a number of dimensions */
	if (dim > 0 && dim != column->dim)
		OhReportCorruption(index, OH_META_BLOCK, "the index has %d dimensions, its column %d",
						   column->dim, dim);
	if (meta->metric != (int) column->metric->metric)
		OhReportCorruption(index, OH_META_BLOCK, "the index is of metric %u, its operator class of %u",
						   (unsigned) meta->metric, (unsigned) column->metric->metric);
	if (column->metric->type->spec != NULL)
	{
		OmQuantSpec spec = {0};

		column->metric->type->spec(column->dim, meta->subvectors, &spec);
		if (meta->quantizer != (int) spec.kind || meta->bits != spec.bits)
			OhReportCorruption(index, OH_META_BLOCK, "quantizer %u and %u bits do not belong to the type of its column",
							   (unsigned) meta->quantizer, (unsigned) meta->bits);
	}
	else if (meta->quantizer == OM_QUANT_BIT || meta->quantizer == OM_QUANT_SPARSE)
		OhReportCorruption(index, OH_META_BLOCK, "quantizer %u does not belong to the type of its column",
						   (unsigned) meta->quantizer);
}

OhIndex *
OhIndexAssemble(Relation index, const OhMetaPageData *meta)
{
	MemoryContext context;
	OhIndex    *ix;

	cache_init();
	/* until OhIndexRegister(), an error frees it */
	context = AllocSetContextCreate(TopTransactionContext, "omenhnsw index", ALLOCSET_SMALL_SIZES);
	ix = MemoryContextAllocZero(context, sizeof(OhIndex));
	OhFileInit(&ix->file, index, &oh_file_method, meta->build_id, context);
	ix->walk_rate = FIRST_WALK_RATE;
	ix->dim = meta->dim;
	ix->column.metric = OhGetMetric(index);
	ix->column.dim = meta->column_dim != 0 ? (int) meta->column_dim : meta->dim;
	ix->column.position_dim = meta->dim;
	check_column(index, &ix->column, meta);
	ix->m = meta->m;
	ix->ef_construction = meta->ef_construction;
	ix->spec.kind = meta->quantizer;
	ix->spec.metric = meta->metric;
	ix->spec.dim = meta->dim;
	ix->spec.bits = meta->bits;
	ix->spec.seed = meta->seed;
	ix->spec.subvectors = meta->subvectors;
	ix->code_bytes = om_quant_code_bytes(&ix->spec);
	ix->neighbor_codes = meta->neighbor_codes == 1;
	ix->node_bytes = OhNodeBytes(&ix->spec, ix->m) + (ix->neighbor_codes ? OhLinkCodeBytes(ix->m) : 0);
	if (meta->neighbor_codes > 1 || (ix->neighbor_codes && !om_quant_has_links(&ix->spec)))
		OhReportCorruption(index, OH_META_BLOCK, "codes of neighbours do not belong to the options");
	if (ix->code_bytes == 0 || ix->code_bytes != meta->code_bytes ||
		ix->node_bytes != meta->node_bytes || ix->node_bytes > OH_PAGE_BODY)
		OhReportCorruption(index, OH_META_BLOCK, "codes of %u bytes and nodes of %u bytes do not belong to the options",
						   meta->code_bytes, meta->node_bytes);
	ix->rerank = meta->rerank;
	ix->refine_bytes = OhRefineBytes(&ix->spec, ix->rerank);
	if (ix->rerank < OH_RERANK_HEAP || ix->rerank > OH_RERANK_OFF ||
		ix->refine_bytes != meta->refine_bytes || ix->refine_bytes > OH_PAGE_BODY ||
		(ix->rerank == OH_RERANK_INDEX && ix->refine_bytes == 0))
		OhReportCorruption(index, OH_META_BLOCK, "refinements of %u bytes do not belong to the options",
						   meta->refine_bytes);
	set_columns(ix, meta);
	OhFileSetArray(&ix->file, OH_NODE, ix->node_bytes);
	OhFileSetArray(&ix->file, OH_TOWER, sizeof(OhTowerData) + sizeof(uint32) * ix->m);
	OhFileSetArray(&ix->file, OH_POSTING, sizeof(OhPostingData));
	OhFileSetArray(&ix->file, OH_NULLS, sizeof(OhNullData) + OhKeyRowBytes(ix->columns.n));
	OhFileSetArray(&ix->file, OH_MODEL, sizeof(float) * OH_MODEL_FLOATS);
	/* without refinements or filter columns, their arrays have no pages */
	OhFileSetArray(&ix->file, OH_REFINE, ix->refine_bytes);
	OhFileSetArray(&ix->file, OH_FILTER_KEY, OH_PAGE_BODY);
	OhFileSetArray(&ix->file, OH_HIGHWAY, sizeof(OhMemberData) + ix->code_bytes);
	return ix;
}

void
OhIndexSetModel(OhIndex *ix, uint8 number, const float *model)
{
	OhModel    *m = &ix->model[OhModelSlot(number)];

	if (m->memory == NULL)
		m->memory = OhAlignedAlloc(ix->file.context, om_quant_bytes(&ix->spec));
	m->quant = om_quant_init(m->memory, &ix->spec, model);
	m->number = number;
	ix->number = number;
	ix->quant = m->quant;
	ix->distance = om_quant_distance_fn(ix->quant);
}

void
OhIndexRegister(OhIndex *ix)
{
	CacheEntry *entry;
	bool		found;

	entry = hash_search(cache, &ix->file.locator, HASH_ENTER, &found);
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
	MemoryContextSetParent(ix->file.context, cache_context);
}

uint32
OhNodeBytes(const OmQuantSpec *spec, int m)
{
	return sizeof(OhNodeData) + om_quant_code_bytes(spec) + sizeof(uint32) * 2 * m;
}

uint32
OhRefineBytes(const OmQuantSpec *spec, int rerank)
{
	return rerank == OH_RERANK_INDEX ? om_quant_refine_bytes(spec) : 0;
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
 * take_models -- load the models that nodes may have codes of.  May read *meta again.
 *
 * A model is overwritten once no node has codes of it, perhaps while it is being read.  So the
 * metapage is read again after it, and only a model that it still names is used.
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
			read_meta(ix->file.rel, meta);
			loaded = true;
			if (wanted[i] == meta->model || wanted[i] == meta->next_model)
			{
				if (!valid)
					OhReportCorruption(ix->file.rel, OH_META_BLOCK, "model %u has a value that is not finite",
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
 * take_meta -- take over what may change between two builds.
 */
static void
take_meta(OhIndex *ix, OhMetaPageData *meta)
{
	if (unlikely(ix->number != meta->next_model || OhModelOf(ix, meta->model) == NULL ||
				 OhModelOf(ix, meta->next_model) == NULL))
		take_models(ix, meta);
	ix->retraining = meta->model != meta->next_model;
	ix->look_nodes = meta->look_nodes;
	ix->calibration = meta->calibration;
	ix->entry = meta->entry;
	ix->entry_level = meta->entry_level;
	ix->file.generation = meta->generation;
	ix->highway_level = meta->highway_level;
}

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
	if (entry != NULL && entry->ix->file.build_id == meta.build_id)
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

	read_meta(ix->file.rel, &meta);
	if (meta.build_id != ix->file.build_id)
		OhReportCorruption(ix->file.rel, OH_META_BLOCK, "the build id has changed under a lock");
	take_meta(ix, &meta);
}
