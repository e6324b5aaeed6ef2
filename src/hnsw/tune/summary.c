/*
 * summary.c -- omendb_index_summary(): what the metapage, the directory and a few pages
 * tell about an index.
 *
 * It is for monitoring, so it does not wait: if the index is locked, cannot be read, or may
 * not be seen by the caller, the row is NULL. Nodes are counted on some pages spread
 * evenly, or on all pages if there are few.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "compat.h"
#include "hnsw/check/check.h"
#include "hnsw/options.h"
#include "hnsw/tune/tune.h"

#define SUMMARY_COLUMNS 31

/* Pages of nodes that are read, at most. */
#define NODE_PAGES 64

OM_FUNCTION(om_index_summary);

/* Nodes by state, counted on some pages. */
typedef struct NodeCounts
{
	double		live;
	double		dead;
	double		free;
} NodeCounts;

static void
count_nodes(OhIndex *ix, NodeCounts *counts)
{
	uint32		npages = OhArrayPages(&ix->file, OH_NODE);
	uint32		nread = Min(npages, NODE_PAGES);
	double		weight = nread == 0 ? 0 : (double) npages / nread;

	memset(counts, 0, sizeof(NodeCounts));
	for (uint32 i = 0; i < nread; i++)
	{
		uint32		lp = (uint32) ((uint64) i * npages / nread);
		Buffer		buffer;
		Page		page;
		uint32		nused;

		CHECK_FOR_INTERRUPTS();
		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		nused = OhPageUsed(&ix->file, OH_NODE, buffer);
		for (uint32 slot = 0; slot < nused; slot++)
		{
			uint8		state = ((OhNodeData *) OhSlot(&ix->file, OH_NODE, page, slot))->state;

			if (state == OH_LIVE)
				counts->live += weight;
			else if (state == OH_DEAD)
				counts->dead += weight;
			else
				counts->free += weight;
		}
		UnlockReleaseBuffer(buffer);
	}
}

static const char *
model_state(const OhIndex *ix, uint8 unclean)
{
	uint64		slots = (uint64) ix->file.array[OH_NODE].npages * ix->file.array[OH_NODE].per_page;

	if (om_quant_model_floats(&ix->spec) == 0)
		return "not needed";
	if (ix->retraining)
		return "training";
	if (unclean & OH_UNCLEAN_LINKS)
		return "relink";
	if (slots >= ix->look_nodes)
		return "due";
	return ix->number == 0 ? "untrained" : "current";
}

/*
 * put_calibration -- four columns: what recall is wanted, and when what was measured with what.
 */
static void
put_calibration(const OhOptions *options, const OhCalibration *c, Datum *values, bool *nulls)
{
	double		target = options != NULL ? options->target_recall : 0;

	nulls[0] = target == 0;
	values[0] = Float8GetDatum(target);
	nulls[1] = nulls[2] = nulls[3] = c->nodes == 0;
	values[1] = Int64GetDatum((int64) c->nodes);
	values[2] = Int32GetDatum((int32) c->queries);
	values[3] = CStringGetTextDatum(c->given ? "queries" : "rows");
}

static Datum
make_row(TupleDesc desc, OhIndex *ix, const OhMetaPageData *meta)
{
	const OhOptions *options = (const OhOptions *) ix->file.rel->rd_options;
	Datum		values[SUMMARY_COLUMNS];
	bool		nulls[SUMMARY_COLUMNS] = {false};
	NodeCounts	nodes;
	BlockNumber pages = RelationGetNumberOfBlocks(ix->file.rel);
	BlockNumber others = pages;
	int			i = 0;

	count_nodes(ix, &nodes);
	values[i++] = CStringGetTextDatum(OhQuantizerName(ix->spec.kind));
	nulls[i] = ix->spec.bits == 0;
	values[i++] = Int32GetDatum(ix->spec.bits);
	values[i++] = CStringGetTextDatum(OhRerankName(ix->rerank));
	values[i++] = CStringGetTextDatum(OhMetricName(ix->spec.metric));
	values[i++] = Int32GetDatum(ix->column.dim);
	values[i++] = Int32GetDatum(ix->columns.n);
	values[i++] = Int32GetDatum(ix->m);
	values[i++] = Int32GetDatum(ix->ef_construction);
	nulls[i] = options == NULL || options->ef_search == 0;
	values[i] = Int32GetDatum(nulls[i] ? 0 : options->ef_search);
	i++;
	values[i++] = Int64GetDatum((int64) pages * BLCKSZ);
	for (int array = 0; array < OH_NARRAYS; array++)
	{
		uint32		n = OhArrayPages(&ix->file, array);

		values[i++] = Int64GetDatum((int64) n * BLCKSZ);
		others -= Min(n, others);
	}
	values[i++] = Int64GetDatum((int64) others * BLCKSZ);
	values[i++] = Int64GetDatum((int64) nodes.live);
	values[i++] = Int64GetDatum((int64) nodes.dead);
	values[i++] = Int64GetDatum((int64) nodes.free);
	values[i++] = Int32GetDatum(ix->entry_level + 1);
	values[i++] = Int32GetDatum(ix->number);
	values[i++] = CStringGetTextDatum(model_state(ix, meta->unclean));
	values[i++] = Int64GetDatum((int64) meta->trained_rows);
	values[i++] = BoolGetDatum((meta->unclean & OH_UNCLEAN_NODES) != 0);
	put_calibration(options, &meta->calibration, values + i, nulls + i);
	i += 4;
	Assert(i == SUMMARY_COLUMNS);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/*
 * may_see -- may the caller see the index of this table?
 */
static bool
may_see(Oid heap)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		pg_class_aclcheck(heap, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/*
 * is_readable -- does the index have contents that this session can read?
 */
static bool
is_readable(Relation index)
{
	return index->rd_rel->relkind == RELKIND_INDEX && OhIsOurMethod(index->rd_rel->relam) &&
		!RELATION_IS_OTHER_TEMP(index) && index->rd_index->indisready &&
		!(index->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED && RecoveryInProgress());
}

/*
 * om_index_summary -- omendb_index_summary(index regclass)
 */
Datum
om_index_summary(PG_FUNCTION_ARGS)
{
	Oid			oid = PG_GETARG_OID(0);
	TupleDesc	desc;
	Relation	index;
	Datum		row = (Datum) 0;
	bool		readable;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != SUMMARY_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("function does not return the expected row type"),
				 errhint("Run ALTER EXTENSION omendb UPDATE.")));
	desc = BlessTupleDesc(desc);
	if (!ConditionalLockRelationOid(oid, AccessShareLock))
		PG_RETURN_NULL();
	index = try_relation_open(oid, NoLock);
	if (index == NULL)
	{
		UnlockRelationOid(oid, AccessShareLock);
		PG_RETURN_NULL();
	}
	readable = is_readable(index) && may_see(index->rd_index->indrelid);
	if (readable)
	{
		OhIndex    *ix = OhIndexOpen(index);
		Buffer		buffer = OhReadBlock(index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
		OhMetaPageData meta = *OhMeta(BufferGetPage(buffer));

		UnlockReleaseBuffer(buffer);
		row = make_row(desc, ix, &meta);
	}
	relation_close(index, AccessShareLock);
	if (!readable)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(row);
}
