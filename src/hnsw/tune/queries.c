/*
 * queries.c -- statements that return queries, or rows that become some.
 *
 * Within SPI; what they return is in SPI_tuptable.
 */
#include "postgres.h"

#include "executor/spi.h"
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
