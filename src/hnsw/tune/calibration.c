/*
 * calibration.c -- omendb_calibrate() and omendb_calibration(): which recall an index reaches at
 * which ef, measured now or the last time.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "compat.h"
#include "hnsw/calibrate/calibrate.h"
#include "hnsw/curve.h"
#include "hnsw/parts.h"
#include "hnsw/tune/tune.h"
#include "storage/owner.h"

#define CURVE_COLUMNS 4

#define LEAST_QUERIES 10
#define MOST_QUERIES 100000

OM_FUNCTION(om_calibrate);
OM_FUNCTION(om_calibration);

/*
 * put_curve -- a row for each k and ef.
 */
static void
put_curve(FunctionCallInfo fcinfo, const OhCalibration *c)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	for (int k = 0; k < OH_CURVE_KS && c->nodes > 0; k++)
	{
		for (int i = 0; i < OH_CURVE_EFS; i++)
		{
			Datum		values[CURVE_COLUMNS];
			bool		nulls[CURVE_COLUMNS] = {false};

			values[0] = Int32GetDatum(oh_curve_k[k]);
			values[1] = Int32GetDatum(oh_curve_ef[i]);
			values[2] = Float8GetDatum(c->recall[k][i]);
			values[3] = Float8GetDatum(c->assured[k][i]);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
}

/*
 * om_calibration -- omendb_calibration(index regclass): returns what was measured last.
 */
Datum
om_calibration(PG_FUNCTION_ARGS)
{
	OhOpened	opened;

	InitMaterializedSRF(fcinfo, 0);
	OhOpenToUse(PG_GETARG_OID(0), &opened);
	put_curve(fcinfo, &opened.ix->calibration);
	OhOpenedClose(&opened);
	return (Datum) 0;
}

/*
 * check_caller -- raise an error unless this user may calibrate this index, here and now.
 */
static void
check_caller(const OhOpened *opened)
{
	Relation	index = opened->index;

	if (!om_class_ownercheck(RelationGetRelid(index), GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, RelationGetRelationName(index));
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("index \"%s\" cannot be calibrated during recovery", RelationGetRelationName(index)),
				 errhint("Calibrate it on the primary: standbys get what is measured there.")));
	if (OhHasParts(&opened->ix->column))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("omendb_calibrate() does not support indexes of arrays"),
				 errdetail("Rows of index \"%s\" have several vectors.", RelationGetRelationName(index)),
				 errhint("Set \"ef_search\" instead of \"target_recall\".")));
}

/*
 * take_queries -- run a statement as the caller, and take up to `most` of the queries that it returns.
 */
static void
take_queries(const OhOpened *opened, const char *sql, uint64 most, OhGiven *given)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;
	uint64		wanted;

	SPI_connect();
	OhRunQueries(sql, opened->index->rd_opcintype[0]);
	wanted = Min(SPI_processed, most);
	old = MemoryContextSwitchTo(context);
	given->value = palloc(sizeof(Datum) * Max(wanted, 1));
	given->n = 0;
	for (uint64 i = 0; i < wanted; i++)
	{
		Datum		value;

		if (OhSpreadRow(i, wanted, &value) != NULL)
			given->value[given->n++] = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	}
	MemoryContextSwitchTo(old);
	SPI_finish();
}

/*
 * measure -- calibrate the index, as the table's owner and in a security-restricted operation, because
 * expressions of the index are evaluated.
 */
static bool
measure(const OhOpened *opened, const OhGiven *given, int queries)
{
	OhCaller	caller;
	bool		measured;

	OhActAsOwner(opened->heap, &caller);
	measured = OhCalibrate(opened->heap, opened->index, given, queries, INFINITY);
	/* a transaction without an ID does not wait for its WAL by itself */
	ForceSyncCommit();
	OhActAsCaller(&caller);
	return measured;
}

/*
 * om_calibrate -- omendb_calibrate(index regclass, queries integer, query text): measures, and returns the curve.
 */
Datum
om_calibrate(PG_FUNCTION_ARGS)
{
	int			queries = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	OhOpened	opened;
	OhGiven		given;
	bool		has_query = !PG_ARGISNULL(2);

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("index must not be NULL")));
	if (queries < LEAST_QUERIES || queries > MOST_QUERIES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("queries must be between %d and %d", LEAST_QUERIES, MOST_QUERIES)));
	InitMaterializedSRF(fcinfo, 0);
	OhOpenToUse(PG_GETARG_OID(0), &opened);
	check_caller(&opened);
	if (has_query)
		take_queries(&opened, text_to_cstring(PG_GETARG_TEXT_PP(2)), queries, &given);
	if (measure(&opened, has_query ? &given : NULL, queries))
		put_curve(fcinfo, &opened.ix->calibration);
	else
		ereport(NOTICE,
				(errmsg("index \"%s\" has not been calibrated", RelationGetRelationName(opened.index)),
				 errdetail("It is so small that a search compares all nodes, or no query could be used, or its quantizer is being trained.")));
	OhOpenedClose(&opened);
	return (Datum) 0;
}
