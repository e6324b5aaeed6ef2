/*
 * info.c -- omendb_index_info(): how an omenhnsw index was built, and what it holds.
 *
 * It reads every page of nodes, towers, postings and off-graph rows once, one at a time under a
 * share lock, so that the figures are not those of one moment if others write to the index.  It
 * verifies nothing; omendb_index_check() does.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/index.h"
#include "commands/defrem.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "hnsw/check/check.h"
#include "hnsw/options.h"

#define INFO_COLUMNS 35

OM_FUNCTION(om_index_info);

/* Counts of what is on the pages. */
typedef struct Figures
{
	int64		live;
	int64		dead;
	int64		old_codes;		/* nodes with codes of another model than new ones get */
	int64		links;			/* of live nodes on the base layer */
	int64		rows;
	int64		members;		/* of the highway */
	BlockNumber pages;
	BlockNumber array_pages[OH_NARRAYS];
} Figures;

static void
count_node(const OhIndex *ix, OhNodeData *node, Figures *f)
{
	const uint32 *links = OhNodeLinks(node, ix->code_bytes);

	if (node->state == OH_DEAD)
		f->dead++;
	if (node->state != OH_FREE && (node->tag & OH_TAG_MODEL) != ix->number)
		f->old_codes++;
	if (node->state != OH_LIVE)
		return;
	f->live++;
	f->rows += ItemPointerIsValid(&node->tid);
	for (int i = 0; i < 2 * ix->m && links[i] != OH_NONE; i++)
		f->links++;
}

static void
count_record(const OhIndex *ix, OhArrayId array, void *record, Figures *f)
{
	if (array == OH_NODE)
		count_node(ix, record, f);
	else if (array == OH_POSTING)
	{
		const OhPostingData *posting = record;

		for (int i = 0; i < OH_POSTING_TIDS && posting->node != OH_NONE; i++)
			f->rows += ItemPointerIsValid(&posting->tid[i]);
	}
	else if (array == OH_HIGHWAY)
		f->members += ((OhMemberData *) record)->node != OH_NONE;
	else
		f->rows += ((OhNullData *) record)->kind != OH_ROW_FREE;
}

static void
read_figures(OhIndex *ix, Figures *f)
{
	memset(f, 0, sizeof(Figures));
	f->pages = RelationGetNumberOfBlocks(ix->file.rel);
	for (int array = 0; array < OH_NARRAYS; array++)
	{
		f->array_pages[array] = OhArrayPages(&ix->file, array);
		if (array == OH_TOWER || (!oh_file_method.kind[array].reused && array != OH_HIGHWAY))
			continue;
		for (uint32 lp = 0; lp < f->array_pages[array]; lp++)
		{
			Buffer		buffer;
			Page		page;
			uint32		nused;

			CHECK_FOR_INTERRUPTS();
			buffer = OhArrayRead(&ix->file, array, lp, BUFFER_LOCK_SHARE);
			page = BufferGetPage(buffer);
			nused = Min(OhTail(page)->nused, ix->file.array[array].per_page);
			for (uint32 slot = 0; slot < nused; slot++)
				count_record(ix, array, OhSlot(&ix->file, array, page, slot), f);
			UnlockReleaseBuffer(buffer);
		}
	}
}

const char *
OhMetricName(OmMetric metric)
{
	switch (metric)
	{
		case OM_METRIC_L2:
			return "l2";
		case OM_METRIC_IP:
			return "inner product";
		case OM_METRIC_COSINE:
			return "cosine";
		case OM_METRIC_L1:
			return "l1";
		case OM_METRIC_HAMMING:
			return "hamming";
		case OM_METRIC_JACCARD:
			return "jaccard";
	}
	return "unknown";
}

static const char *
chosen_by_name(uint8 chosen_by)
{
	switch (chosen_by)
	{
		case OH_CHOSEN_BY_DEFAULT:
			return "default";
		case OH_CHOSEN_BY_SAMPLE:
			return "sample";
		default:
			return "option";
	}
}

static Datum
make_row(FunctionCallInfo fcinfo, OhIndex *ix, const OhMetaPageData *meta, const Figures *f)
{
	TupleDesc	desc;
	Datum		values[INFO_COLUMNS];
	bool		nulls[INFO_COLUMNS] = {false};
	double		rows = Max(f->rows, 1);
	BlockNumber others = f->pages;
	int			i = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != INFO_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("function does not return the expected row type"),
				 errhint("Run ALTER EXTENSION omendb UPDATE.")));
	desc = BlessTupleDesc(desc);
	values[i++] = CStringGetTextDatum(OhQuantizerName(ix->spec.kind));
	nulls[i] = ix->spec.bits == 0;
	values[i++] = Int32GetDatum(ix->spec.bits);
	nulls[i] = ix->spec.subvectors == 0;
	values[i++] = Int32GetDatum(ix->spec.subvectors);
	values[i++] = CStringGetTextDatum(chosen_by_name(meta->chosen_by));
	values[i++] = CStringGetTextDatum(OhRerankName(ix->rerank));
	values[i++] = CStringGetTextDatum(OhMetricName(ix->spec.metric));
	values[i++] = Int32GetDatum(ix->column.dim);
	values[i++] = Int32GetDatum(ix->columns.n);
	values[i++] = Int64GetDatum((int64) meta->trained_rows);
	values[i++] = Int32GetDatum(ix->number);
	nulls[i] = !ix->retraining;
	values[i++] = Int64GetDatum(f->old_codes);
	values[i++] = Int32GetDatum(ix->m);
	values[i++] = Int32GetDatum(ix->ef_construction);
	values[i++] = Int32GetDatum(ix->code_bytes);
	values[i++] = Int32GetDatum(ix->node_bytes);
	values[i++] = Int32GetDatum(ix->file.array[OH_NODE].per_page);
	nulls[i] = ix->entry == OH_NONE;
	values[i++] = Int64GetDatum(ix->entry);
	values[i++] = Int32GetDatum(ix->entry_level + 1);
	values[i++] = Int64GetDatum(f->live);
	values[i++] = Int64GetDatum(f->dead);
	nulls[i] = f->live == 0;
	values[i++] = Float8GetDatum((double) f->links / Max(f->live, 1));
	values[i++] = Int64GetDatum(f->members);
	values[i++] = Int64GetDatum(f->rows);
	values[i++] = Int64GetDatum((int64) f->pages);
	values[i++] = Int64GetDatum((int64) f->pages * BLCKSZ);
	values[i++] = Float8GetDatum(f->pages * (double) BLCKSZ / rows);
	for (int array = 0; array < OH_NARRAYS; array++)
	{
		values[i++] = Float8GetDatum(f->array_pages[array] * (double) BLCKSZ / rows);
		others -= Min(f->array_pages[array], others);
	}
	values[i++] = Float8GetDatum(others * (double) BLCKSZ / rows);
	Assert(i == INFO_COLUMNS);
	for (i = 0; f->rows == 0 && i < OH_NARRAYS + 2; i++)
		nulls[INFO_COLUMNS - 1 - i] = true;
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/*
 * om_index_info -- omendb_index_info(index regclass)
 */
Datum
om_index_info(PG_FUNCTION_ARGS)
{
	Oid			index_oid = PG_GETARG_OID(0);
	Oid			heap_oid = IndexGetRelation(index_oid, true);
	Relation	index;
	OhIndex    *ix;
	OhMetaPageData meta;
	Buffer		buffer;
	Figures		figures;
	Datum		row;

	/* before a lock is waited for */
	if (OidIsValid(heap_oid) && pg_class_aclcheck(heap_oid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(heap_oid));
	index = OhOpenRelation(index_oid, AccessShareLock);
	OhCheckRelation(index);
	if (index->rd_index->indrelid != heap_oid)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("index with OID %u does not exist", index_oid)));
	ix = OhIndexOpen(index);
	buffer = OhReadBlock(index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
	meta = *OhMeta(BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
	read_figures(ix, &figures);
	row = make_row(fcinfo, ix, &meta, &figures);
	relation_close(index, AccessShareLock);
	PG_RETURN_DATUM(row);
}
