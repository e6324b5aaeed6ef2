/*
 * recall.c -- omendb_recall(): how many of the truly nearest rows an index finds, and how
 * fast.
 *
 * Queries are a sample of the table's own rows, or the result of a statement.  The executor
 * computes the exact answers, with the caller's privileges, in one pass over the table for
 * all queries (exact.c). Then the index is searched by scans like the executor's.  Both use
 * the caller's snapshot and the operator's own arithmetic, so that distances are equal to
 * the last bit.
 *
 * If a query is a row of the table, it is left out of its exact answer, and its node out of
 * the graph (hide.c). Otherwise it would always find itself and its neighbours.
 *
 * The function returns no row of the table, and only a caller who may read all rows can use
 * it.
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "optimizer/plancat.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"
#include "hnsw/graph/search.h"
#include "hnsw/hnsw.h"
#include "hnsw/options.h"
#include "hnsw/parts.h"
#include "hnsw/stats/counters.h"
#include "hnsw/tune/tune.h"
#include "storage/owner.h"
#include "storage/rowcheck.h"

#define RECALL_COLUMNS 5

/* The queries, and their exact answers. */
typedef struct Measured
{
	OhOpened	opened;
	MemoryContext context;
	const char *schema;			/* schema of the extension */

	/* the indexed column, as SQL */
	Oid			type;
	Oid			array_type;
	Oid			operator;
	FmgrInfo	distance;
	char	   *table;
	char	   *column;
	const char *condition;		/* predicate of a partial index */

	int			k;
	int			nqueries;
	Datum	   *query;			/* [nqueries] */
	ItemPointerData *self;		/* the row that the query is taken from, if any ... */
	uint32	   *node;			/* ... and its node, which walks leave out */
	float8	   *exact;			/* [nqueries][k], infinite if there are fewer rows */
} Measured;

/* What is kept from search to search. */
typedef struct Probe
{
	struct IndexInfo *info;
	TupleTableSlot *slot;
	EState	   *estate;
} Probe;

/* The result of one search. */
typedef struct Found
{
	int			wanted;			/* k, or the number of rows if there are fewer */
	int			hits;			/* rows found that are no farther than the k-th exact distance */
	double		ratio;			/* sum of the distances found / sum of the exact ones; NaN if not
								 * meaningful */
	double		ms;
} Found;

/*
 * Rows that TABLESAMPLE is asked for, for each row that is wanted: the number that it
 * returns varies.
 */
#define READ_EACH 4
/* The same, at most, where the table's statistics are wrong. */
#define MOST_READ_EACH 64

OM_FUNCTION(om_recall);

/* ---- the column ---- */

/*
 * describe_type -- find the type of the indexed column and its distance.
 */
static void
describe_type(Measured *m)
{
	Relation	index = m->opened.index;
	Oid			opcintype = index->rd_opcintype[0];

	if (OhHasParts(&m->opened.ix->column))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("omendb_recall() does not support indexes of arrays"),
				 errdetail("Rows of index \"%s\" have several vectors.", RelationGetRelationName(index)),
				 errhint("Compare a query's rows with those that it returns with enable_indexscan = off.")));
	m->type = opcintype;
	m->array_type = get_array_type(opcintype);
	m->operator = get_opfamily_member(index->rd_opfamily[0], opcintype, opcintype, OH_DISTANCE_STRATEGY);
	fmgr_info(get_opcode(m->operator), &m->distance);
}

/*
 * describe_column -- write the indexed column or expression, and the predicate, as SQL that fits the search_path.
 */
static void
describe_column(Measured *m)
{
	Relation	index = m->opened.index;
	char	   *predicate = NULL;
	bool		isnull;
	Datum		tree;

	m->table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(m->opened.heap)),
										  RelationGetRelationName(m->opened.heap));
	m->column = psprintf("(%s)::%s",
						 TextDatumGetCString(DirectFunctionCall3(pg_get_indexdef_ext,
																 ObjectIdGetDatum(RelationGetRelid(index)),
																 Int32GetDatum(1), BoolGetDatum(false))),
						 format_type_extended(m->type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	tree = SysCacheGetAttr(INDEXRELID, index->rd_indextuple, Anum_pg_index_indpred, &isnull);
	if (!isnull)
		predicate = TextDatumGetCString(DirectFunctionCall2(pg_get_expr, tree,
															ObjectIdGetDatum(RelationGetRelid(m->opened.heap))));
	m->condition = predicate != NULL ? predicate : "true";
}

/* ---- queries ---- */

/*
 * add_query -- keep a query, unless it gives rows no order.
 */
static void
add_query(Measured *m, OhHider *hider, Datum value, const ItemPointerData *tid)
{
	OhPosition	position;
	bool		orders;

	OhGetPosition(&m->opened.ix->column, value, &position);
	orders = !position.no_direction;
	m->node[m->nqueries] = orders && tid != NULL ? OhNodeToHide(hider, position.x) : OH_NONE;
	OhPositionFree(&position);
	if (!orders)
		return;
	m->query[m->nqueries] = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	if (tid != NULL)
		m->self[m->nqueries] = *tid;
	else
		ItemPointerSetInvalid(&m->self[m->nqueries]);
	m->nqueries++;
}

/*
 * take_rows -- make queries of the rows that SPI has returned: up to `most`, evenly spread.
 */
static void
take_rows(Measured *m, uint64 most, bool with_tid)
{
	uint64		wanted = Min(SPI_processed, most);
	MemoryContext old = MemoryContextSwitchTo(m->context);
	OhHider    *hider = OhHiderBegin(m->opened.ix, m->context);

	m->query = palloc(sizeof(Datum) * Max(wanted, 1));
	m->self = palloc(sizeof(ItemPointerData) * Max(wanted, 1));
	m->node = palloc(sizeof(uint32) * Max(wanted, 1));
	m->nqueries = 0;
	for (uint64 i = 0; i < wanted; i++)
	{
		Datum		value;
		HeapTuple	row = OhSpreadRow(i, wanted, &value);
		bool		isnull;

		if (row == NULL)
			continue;
		add_query(m, hider, value, with_tid ?
				  (ItemPointer) DatumGetPointer(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull)) : NULL);
	}
	MemoryContextSwitchTo(old);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * sample_rows -- read about this many random rows of the index; the same rows as long as
 * the table does not change.
 */
static void
sample_rows(Measured *m, int sample)
{
	double		rows = m->opened.index->rd_rel->reltuples;
	double		percent;

	if (rows <= 0)
	{
		BlockNumber pages;
		double		allvisfrac;

		estimate_rel_size(m->opened.heap, NULL, &pages, &rows, &allvisfrac);
	}
	percent = 100.0 * READ_EACH * (sample + 10) / Max(rows, 1);
	for (;;)
	{
		percent = Min(percent, 100.0);
		OhRunSelect(psprintf("SELECT %s, ctid FROM ONLY %s TABLESAMPLE BERNOULLI (%.9g) REPEATABLE (0) "
							 "WHERE (%s) AND %s IS NOT NULL LIMIT " INT64_FORMAT,
							 m->column, m->table, percent, m->condition, m->column,
							 (int64) MOST_READ_EACH * sample));
		if (SPI_processed >= (uint64) sample || percent >= 100.0)
			break;
		SPI_freetuptable(SPI_tuptable);
		percent *= 8;
	}
	take_rows(m, sample, true);
}

/* ---- exact answers ---- */

/*
 * leave_out -- remove a row's distance to itself from its k + 1 nearest ones.
 */
static void
leave_out(Measured *m, int i, float8 *nearest)
{
	float8		own = DatumGetFloat8(FunctionCall2(&m->distance, m->query[i], m->query[i]));
	int			at = 0;

	while (at < m->k && nearest[at] != own)
		at++;
	memmove(nearest + at, nearest + at + 1, sizeof(float8) * (m->k - at));
}

/*
 * find_exactly -- fill m->exact, by one pass over the table.
 */
static void
find_exactly(Measured *m)
{
	Oid			types[4] = {m->array_type, INT4OID, REGOPERATOROID};
	Datum		values[4];
	int16		length;
	bool		byval;
	char		align;
	int			wide = m->k + 1;
	SPIPlanPtr	plan;
	ArrayType  *found;
	bool		isnull;

	m->exact = MemoryContextAlloc(m->context, sizeof(float8) * m->k * m->nqueries);
	for (int64 i = 0; i < (int64) m->k * m->nqueries; i++)
		m->exact[i] = INFINITY;
	get_typlenbyvalalign(m->type, &length, &byval, &align);
	values[0] = PointerGetDatum(construct_array(m->query, m->nqueries, m->type, length, byval, align));
	values[1] = Int32GetDatum(wide);
	values[2] = ObjectIdGetDatum(m->operator);
	plan = SPI_prepare_cursor(psprintf("SELECT %s.omendb_nearest_distances(%s, $1, $2, $3) FROM ONLY %s WHERE %s",
									   quote_identifier(m->schema), m->column, m->table, m->condition),
							  3, types, CURSOR_OPT_PARALLEL_OK);
	if (plan == NULL || SPI_execute_plan(plan, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not compute exact answers");
	found = SPI_processed == 0 ? NULL :
		DatumGetArrayTypeP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	if (found == NULL || isnull)
		return;
	for (int i = 0; i < m->nqueries; i++)
	{
		float8	   *nearest = (float8 *) ARR_DATA_PTR(found) + (Size) i * wide;

		if (ItemPointerIsValid(&m->self[i]))
			leave_out(m, i, nearest);
		memcpy(m->exact + (Size) i * m->k, nearest, sizeof(float8) * m->k);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* ---- the index ---- */

/*
 * distance_of -- the distance of a row that a scan has returned; false if it has none.
 */
static bool
distance_of(Measured *m, Probe *probe, Datum query, float8 *distance)
{
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(probe->estate));
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];

	ResetPerTupleExprContext(probe->estate);
	FormIndexDatum(probe->info, probe->slot, probe->estate, values, isnull);
	if (!isnull[0])
		*distance = DatumGetFloat8(FunctionCall2(&m->distance, PointerGetDatum(PG_DETOAST_DATUM(values[0])), query));
	MemoryContextSwitchTo(old);
	return !isnull[0] && !isnan(*distance);
}

/*
 * search_once -- search for query i with the settings in force.
 */
static void
search_once(Measured *m, Probe *probe, int i, Found *found)
{
	ScanKeyData key;
	instr_time	from;
	instr_time	to;
	instr_time	total;
	IndexScanDesc scan;
	const float8 *exact = m->exact + (Size) i * m->k;
	float8		sum_found = 0;
	float8		sum_exact = 0;
	int			n = 0;

	INSTR_TIME_SET_ZERO(total);
	INSTR_TIME_SET_CURRENT(from);
	ScanKeyEntryInitialize(&key, SK_ORDER_BY, 1, OH_DISTANCE_STRATEGY, m->type,
						   m->opened.index->rd_indcollation[0], m->distance.fn_oid, m->query[i]);
	scan = om_index_beginscan(m->opened.heap, m->opened.index, GetActiveSnapshot(), 0, 1);
	index_rescan(scan, NULL, 0, &key, 1);
	oh_hidden_node = m->node[i];
	found->wanted = found->hits = 0;
	while (found->wanted < m->k && !isinf(exact[found->wanted]))
		found->wanted++;
	while (n < found->wanted && index_getnext_slot(scan, ForwardScanDirection, probe->slot))
	{
		float8		distance;

		INSTR_TIME_SET_CURRENT(to);
		INSTR_TIME_ACCUM_DIFF(total, to, from);
		if (!OhSameTid(&probe->slot->tts_tid, &m->self[i]) && distance_of(m, probe, m->query[i], &distance))
		{
			sum_found += distance;
			sum_exact += exact[n++];
			if (distance <= exact[found->wanted - 1])
				found->hits++;
		}
		CHECK_FOR_INTERRUPTS();
		INSTR_TIME_SET_CURRENT(from);
	}
	oh_hidden_node = OH_NONE;
	index_endscan(scan);
	INSTR_TIME_SET_CURRENT(to);
	INSTR_TIME_ACCUM_DIFF(total, to, from);
	ExecClearTuple(probe->slot);
	found->ms = INSTR_TIME_GET_MILLISEC(total);
	/* both sums are negative: then the exact one has the greater absolute value */
	if (sum_found == sum_exact)
		found->ratio = 1;
	else if (sum_exact > 0)
		found->ratio = sum_found / sum_exact;
	else if (sum_found < 0)
		found->ratio = sum_exact / sum_found;
	else
		found->ratio = NAN;
}

static void
begin_searches(Measured *m, Probe *probe)
{
	probe->info = BuildIndexInfo(m->opened.index);
	probe->slot = table_slot_create(m->opened.heap, NULL);
	probe->estate = CreateExecutorState();
	GetPerTupleExprContext(probe->estate)->ecxt_scantuple = probe->slot;
}

static void
end_searches(Probe *probe)
{
	ExecDropSingleTupleTableSlot(probe->slot);
	FreeExecutorState(probe->estate);
}

/*
 * set_ef -- set ef_search until the end of the GUC nest level.
 */
static void
set_ef(int ef)
{
	(void) set_config_option("omenhnsw.ef_search", psprintf("%d", ef), PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * measure_ef -- search for all queries with one ef; adds a row to the result.
 */
static void
measure_ef(Measured *m, Probe *probe, int ef, ReturnSetInfo * result)
{
	Datum		values[RECALL_COLUMNS];
	bool		nulls[RECALL_COLUMNS] = {false};
	double		recall = 0;
	double		ratio = 0;
	double		ms = 0;
	int			nratios = 0;
	int			n = 0;

	set_ef(ef);
	for (int i = 0; i < m->nqueries; i++)
	{
		Found		found;

		search_once(m, probe, i, &found);
		if (found.wanted == 0)
			continue;
		n++;
		recall += (double) found.hits / found.wanted;
		ms += found.ms;
		if (!isnan(found.ratio))
		{
			ratio += found.ratio;
			nratios++;
		}
	}
	values[0] = Int32GetDatum(ef);
	nulls[1] = nulls[3] = n == 0;
	values[1] = Float8GetDatum(recall / Max(n, 1));
	nulls[2] = nratios == 0;
	values[2] = Float8GetDatum(ratio / Max(nratios, 1));
	values[3] = Float8GetDatum(ms / Max(n, 1));
	values[4] = Int32GetDatum(n);
	if (result != NULL)
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* ---- the function ---- */

/*
 * take_efs -- read the argument ef, or its default.
 */
static int *
take_efs(FunctionCallInfo fcinfo, int *n)
{
	static const int usual[] = {10, 20, 40, 80, 160, 320};
	ArrayType  *array;
	int		   *ef;

	if (PG_ARGISNULL(3))
	{
		ef = palloc(sizeof(usual));
		memcpy(ef, usual, sizeof(usual));
		*n = lengthof(usual);
		return ef;
	}
	array = PG_GETARG_ARRAYTYPE_P(3);
	if (ARR_NDIM(array) > 1 || array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ef must be an array of one dimension without NULLs")));
	*n = ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];
	ef = (int *) ARR_DATA_PTR(array);
	for (int i = 0; i < *n; i++)
	{
		if (ef[i] < 1 || ef[i] > OH_MAX_EF_SEARCH)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("ef must be between 1 and %d, and %d is not", OH_MAX_EF_SEARCH, ef[i])));
	}
	return ef;
}

/*
 * take_number -- read an argument that must be between 1 and `most`.
 */
static int
take_number(FunctionCallInfo fcinfo, int arg, const char *name, int most)
{
	int			number = PG_ARGISNULL(arg) ? 0 : PG_GETARG_INT32(arg);

	if (number < 1 || number > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between 1 and %d", name, most)));
	return number;
}

/*
 * measure -- do all of it, within SPI.
 */
static void
measure(Measured *m, const int *ef, int nef, ReturnSetInfo * result)
{
	Probe		probe;
	int			widest = 0;

	if (m->nqueries == 0 || nef == 0)
		return;
	find_exactly(m);
	begin_searches(m, &probe);
	for (int i = 0; i < nef; i++)
		widest = Max(widest, ef[i]);
	oh_measuring = true;
	PG_TRY();
	{
		/* read the pages that the queries need, so that the first ef does not pay for all */
		measure_ef(m, &probe, widest, NULL);
		for (int i = 0; i < nef; i++)
			measure_ef(m, &probe, ef[i], result);
	}
	PG_FINALLY();
	{
		oh_measuring = false;
		oh_hidden_node = OH_NONE;
	}
	PG_END_TRY();
	end_searches(&probe);
}

/*
 * measure_as_owner -- measure as the table's owner and in a security-restricted operation, because expressions of the
 * index are evaluated.
 *
 * sample: of how many rows queries are to be made; 0: there are queries
 */
static void
measure_as_owner(Measured *m, int sample, const int *ef, int nef, ReturnSetInfo * result)
{
	OhCaller	caller;

	OhActAsOwner(m->opened.heap, &caller);
	/* figures are of all rows; policies that are forced on the owner are an error */
	(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	describe_column(m);
	if (sample > 0)
		sample_rows(m, sample);
	measure(m, ef, nef, result);
	OhActAsCaller(&caller);
}

/*
 * om_recall -- omendb_recall(index regclass, k, sample, ef, query)
 */
Datum
om_recall(PG_FUNCTION_ARGS)
{
	Measured	m = {0};
	int			nef;
	int		   *ef;
	int			sample;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("index must not be NULL")));
	m.k = take_number(fcinfo, 1, "k", 10000);
	sample = take_number(fcinfo, 2, "sample", 100000);
	ef = take_efs(fcinfo, &nef);
	InitMaterializedSRF(fcinfo, 0);
	m.context = CurrentMemoryContext;
	m.schema = get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid));
	OhOpenToRead(PG_GETARG_OID(0), &m.opened);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	describe_type(&m);
	if (!PG_ARGISNULL(4))
	{
		/* the caller's own statement, as the caller */
		OhRunQueries(text_to_cstring(PG_GETARG_TEXT_PP(4)), m.type);
		take_rows(&m, sample, false);
	}
	measure_as_owner(&m, PG_ARGISNULL(4) ? sample : 0, ef, nef, (ReturnSetInfo *) fcinfo->resultinfo);
	SPI_finish();
	OhOpenedClose(&m.opened);
	return (Datum) 0;
}
