/*
 * queries.c -- runs statements that return queries for a measurement, or rows to make queries of.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "hnsw/tune/tune.h"

void
OhRunSelect(const char *sql)
{
	int			result = SPI_execute(sql, true, 0);

	if (result != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query must be a SELECT")));
}

void
OhRunQueries(const char *sql, Oid wanted)
{
	Oid			type;

	OhRunSelect(sql);
	type = SPI_gettypeid(SPI_tuptable->tupdesc, 1);
	if (SPI_tuptable->tupdesc->natts != 1 || getBaseType(type) != getBaseType(wanted))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("query must return one column of type %s", format_type_be(wanted)),
				 errdetail("It returns %d, the first of type %s.", SPI_tuptable->tupdesc->natts,
						   format_type_be(type))));
}

HeapTuple
OhSpreadRow(uint64 i, uint64 n, Datum *value)
{
	HeapTuple	row = SPI_tuptable->vals[i * SPI_processed / n];
	bool		isnull;

	CHECK_FOR_INTERRUPTS();
	*value = SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? NULL : row;
}
