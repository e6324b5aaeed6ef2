/*
 * check.c -- omendb_index_check(): verifies an omenhnsw index, or an omenbm25 index by bm25/check.
 *
 * Without heapallindexed, it blocks nobody, and works on a standby.  What seems wrong is read
 * again before it is reported, as concurrent writers may have changed it.
 *
 * With heapallindexed, it locks the table against writes (ShareLock), so that nothing changes, and
 * checks that every row of the table is in the index.  Expressions and predicates of the
 * index are evaluated as the table's owner, in a security-restricted operation.
 *
 * The invariants are at the heads of storage/verify.c, checkgraph.c, checkhighway.c and bm25/check/textcheck.c.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "commands/defrem.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/smgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "bm25/check/textcheck.h"
#include "bm25/textoptions.h"
#include "compat.h"
#include "hnsw/check/check.h"
#include "hnsw/options.h"
#include "storage/owner.h"

#define CHECK_COLUMNS 16

OM_FUNCTION(om_index_check);

Relation
OhOpenRelation(Oid oid, LOCKMODE lock)
{
	Relation	rel = try_relation_open(oid, lock);

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("index with OID %u does not exist", oid)));
	return rel;
}

/*
 * check_relation -- raise an error unless this is an index of ours whose contents can be read.
 *
 * wanted: names of the access methods that the caller takes
 */
static void
check_relation(Relation index, bool ours, const char *wanted)
{
	if (index->rd_rel->relkind == RELKIND_PARTITIONED_INDEX && ours)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("index \"%s\" is partitioned and has no contents",
						RelationGetRelationName(index)),
				 errhint("Check the index of each partition.")));
	if (index->rd_rel->relkind != RELKIND_INDEX || !ours)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an %s index", RelationGetRelationName(index), wanted),
				 RELKIND_HAS_TABLE_AM(index->rd_rel->relkind) || index->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ?
				 errhint("It is a table: give the name of its index, as CREATE INDEX or \\d shows it.") : 0));
	if (RELATION_IS_OTHER_TEMP(index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary indexes of other sessions"),
				 errdetail("Index \"%s\" is on a temporary table of another session.",
						   RelationGetRelationName(index))));
	if (!index->rd_index->indisready)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not ready", RelationGetRelationName(index)),
				 errdetail("It is being built, or its build has failed.")));
	if (index->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED && RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is unlogged and has no contents during recovery",
						RelationGetRelationName(index))));
}

void
OhCheckRelation(Relation index)
{
	check_relation(index, OhIsOurMethod(index->rd_rel->relam), "omenhnsw");
}

/*
 * check_either -- raise an error unless this is an omenhnsw or omenbm25 index that can be read; is it omenbm25?
 */
static bool
check_either(Relation index)
{
	bool		is_text = OhIsTextMethod(index->rd_rel->relam);

	check_relation(index, is_text || OhIsOurMethod(index->rd_rel->relam), "omenhnsw or omenbm25");
	return is_text;
}

/*
 * check_text -- check an omenbm25 index; documents are counted in the place of nodes.
 */
static void
check_text(Relation heap, Relation index, bool heapallindexed, OhCheckFigures *f)
{
	OhTextFigures text;

	OhTextCheckAll(heap, index, heapallindexed, &text);
	memset(f, 0, sizeof(OhCheckFigures));
	f->live = text.live;
	f->dead = text.dead;
	f->tids = text.live + text.null_rows;
	f->null_rows = text.null_rows;
	f->postings = text.postings;
	f->free_slots = text.free_slots;
	f->pages = text.pages;
	f->lost_pages = text.lost_pages;
	f->heap_rows = text.heap_rows;
}

/*
 * take_snapshot -- take a snapshot for the table scan.  It must be taken before the index is read.
 */
static Snapshot
take_snapshot(Relation index)
{
	Snapshot	snapshot = RegisterSnapshot(GetTransactionSnapshot());

	if (IsolationUsesXactSnapshot() && index->rd_index->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data),
							   snapshot->xmin))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("index \"%s\" cannot be checked by the snapshot of this transaction",
						RelationGetRelationName(index))));
	return snapshot;
}

/*
 * run_check -- check an omenhnsw index, and return its figures in *f.
 */
static void
run_check(Relation heap, Relation index, bool heapallindexed, OhCheckFigures *f)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw check",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OhCheck    *c = palloc0(sizeof(OhCheck));
	Snapshot	snapshot = NULL;

	c->file.context = context;
	c->file.rel = index;
	c->file.method = &oh_file_method;
	c->heap = heap;
	c->file.strict = heapallindexed;
	c->file.strategy = GetAccessStrategy(BAS_BULKREAD);
	if (heapallindexed)
		snapshot = take_snapshot(index);
	if (c->file.strict)
		c->heap_blocks = RelationGetNumberOfBlocks(heap);
	OhCheckMeta(c);
	c->ix = OhIndexOpen(index);
	OhCheckArrays(c);
	OhCheckGraph(c);
	OhCheckHighway(c);
	OhCheckTids(c);
	c->f.lost_pages = OhCheckOtherBlocks(&c->file);
	if (heapallindexed)
	{
		OhCheckHeap(c, snapshot);
		UnregisterSnapshot(snapshot);
	}
	*f = c->f;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/*
 * make_row -- make a row of the function's result type of the figures.
 */
static Datum
make_row(FunctionCallInfo fcinfo, const OhCheckFigures *f, bool heapallindexed)
{
	TupleDesc	desc;
	Datum		values[CHECK_COLUMNS];
	bool		nulls[CHECK_COLUMNS] = {false};
	int			i = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != CHECK_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("function does not return the expected row type"),
				 errhint("Run ALTER EXTENSION omendb UPDATE.")));
	desc = BlessTupleDesc(desc);
	values[i++] = Int64GetDatum(f->live);
	values[i++] = Int64GetDatum(f->dead);
	values[i++] = Int64GetDatum(f->unreachable);
	values[i++] = Int64GetDatum(f->stale_links);
	values[i++] = Int64GetDatum(f->tids);
	values[i++] = Int64GetDatum(f->null_rows);
	values[i++] = Int64GetDatum(f->towers);
	values[i++] = Int64GetDatum(f->postings);
	values[i++] = Int32GetDatum(f->max_level);
	values[i++] = Float8GetDatum(f->live == 0 ? 0 : (double) f->links / f->live);
	values[i++] = Int64GetDatum(f->free_slots);
	values[i++] = Int64GetDatum(f->pages);
	values[i++] = Int64GetDatum(f->lost_pages);
	values[i++] = Int64GetDatum(f->pages * BLCKSZ);
	nulls[i] = !heapallindexed;
	values[i++] = Int64GetDatum(f->heap_rows);
	nulls[i] = !f->refined;
	values[i++] = Int64GetDatum(f->unrefined);
	Assert(i == CHECK_COLUMNS);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/*
 * om_index_check -- omendb_index_check(index regclass, heapallindexed boolean)
 */
Datum
om_index_check(PG_FUNCTION_ARGS)
{
	Oid			index_oid = PG_GETARG_OID(0);
	bool		heapallindexed = PG_GETARG_BOOL(1);
	LOCKMODE	lock = heapallindexed ? ShareLock : AccessShareLock;
	Oid			heap_oid = IndexGetRelation(index_oid, true);
	Relation	heap;
	Relation	index;
	OhCaller	caller;
	OhCheckFigures figures;
	bool		is_text;

	/* lock the table before the index, as others do */
	if (!OidIsValid(heap_oid))
	{
		Relation	other = OhOpenRelation(index_oid, AccessShareLock);

		(void) check_either(other);
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an omenhnsw or omenbm25 index", RelationGetRelationName(other))));
	}
	heap = OhOpenRelation(heap_oid, lock);
	OhActAsOwner(heap, &caller);

	index = OhOpenRelation(index_oid, lock);
	is_text = check_either(index);
	/* between the two locks the index may have been dropped, and its OID reused */
	if (heap_oid != IndexGetRelation(index_oid, true))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("could not open the table of index \"%s\"",
						RelationGetRelationName(index))));
	if (is_text)
		check_text(heap, index, heapallindexed, &figures);
	else
		run_check(heap, index, heapallindexed, &figures);

	OhActAsCaller(&caller);
	relation_close(index, lock);
	table_close(heap, lock);
	PG_RETURN_DATUM(make_row(fcinfo, &figures, heapallindexed));
}
