/*
 * column.c -- metrics of operator classes, and positions of values (column.h).
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "hnsw/hnsw.h"

/*
 * is_support -- is it one of the functions that OH_METRIC_SUPPORT defines?
 *
 * No other function may be called: it may not accept NULL, and what it returns is no OhMetric.
 */
static bool
is_support(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;
	bool		result = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (proc->prolang == ClanguageId && proc->prorettype == INTERNALOID && proc->pronargs == 1 &&
		proc->proargtypes.values[0] == INTERNALOID)
	{
		bool		isnull;
		Datum		source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
		char	   *symbol = isnull ? pstrdup("") : TextDatumGetCString(source);
		int			end = (int) strlen(symbol) - (int) strlen("_support");

		result = strncmp(symbol, "om_hnsw_", strlen("om_hnsw_")) == 0 && end > 0 &&
			strcmp(symbol + end, "_support") == 0;
		pfree(symbol);
	}
	ReleaseSysCache(tuple);
	return result;
}

const OhMetric *
OhMetricOf(Oid function)
{
	if (!is_support(function))
		return NULL;
	return (const OhMetric *) DatumGetPointer(OidFunctionCall1(function, PointerGetDatum(NULL)));
}

bool
OhMetricFits(const OhMetric *metric, Oid type)
{
	const char *name = metric->type->name;
	size_t		length = strlen(name);
	HeapTuple	tuple;
	bool		result;

	/* of an array, compare the type of its elements */
	if (length > 2 && strcmp(name + length - 2, "[]") == 0)
	{
		type = get_element_type(type);
		length -= 2;
	}
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return false;
	name = NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname);
	result = strncmp(name, metric->type->name, length) == 0 && name[length] == '\0';
	ReleaseSysCache(tuple);
	return result;
}

const OhMetric *
OhGetMetric(Relation index)
{
	const OhMetric *metric;

	if (!OidIsValid(index_getprocid(index, 1, OH_METRIC_PROC)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the first column of index \"%s\" is not a vector",
						RelationGetRelationName(index)),
				 errhint("In an omenhnsw index a vector comes first, then the columns of conditions.")));
	metric = OhMetricOf(index_getprocid(index, 1, OH_METRIC_PROC));
	if (metric == NULL || !OhMetricFits(metric, index->rd_opcintype[0]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("the operator class of the first column of index \"%s\" is not well formed",
						RelationGetRelationName(index)),
				 errdetail("Its support function %d is not one of omenhnsw for type %s.", OH_METRIC_PROC,
						   format_type_extended(index->rd_opcintype[0], -1, FORMAT_TYPE_FORCE_QUALIFY)),
				 errhint("amvalidate() tells what is wrong with an operator class.")));
	return metric;
}

static bool
is_zero(const float *x, int dim)
{
	for (int i = 0; i < dim; i++)
	{
		if (x[i] != 0.0f)
			return false;
	}
	return true;
}

void
OhPositionOf(const OhColumn *column, const void *value, OhPosition *position)
{
	memset(position, 0, sizeof(OhPosition));
	position->value = value;
	column->metric->type->position(column, value, position);
	position->no_direction = column->metric->metric == OM_METRIC_COSINE &&
		is_zero(position->x, column->position_dim);
}

void
OhGetPosition(const OhColumn *column, Datum value, OhPosition *position)
{
	const OhColumnType *type = column->metric->type;
	void	   *detoasted = PG_DETOAST_DATUM(value);
	int			dim = type->dim(detoasted);

	if (dim != column->dim)
		type->mismatch(column->dim, dim);
	OhPositionOf(column, detoasted, position);
	if (detoasted != DatumGetPointer(value))
		position->copy = detoasted;
}

void
OhPositionFree(OhPosition *position)
{
	if (position->copy)
		pfree(position->copy);
	if (position->floats)
		pfree(position->floats);
	position->copy = position->floats = NULL;
}

uint32
OhPositionHash(const OhPosition *position)
{
	uint32		hash = hash_bytes(position->bytes, (int) position->nbytes);

	return hash != OH_MIXED ? hash : 1;
}

bool
OhSameValue(const OhPosition *a, const OhPosition *b)
{
	return a->nbytes == b->nbytes && memcmp(a->bytes, b->bytes, a->nbytes) == 0;
}
