/*
 * column.c -- metrics of the operator classes, and positions of values.  See column.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "common/hashfn.h"
#include "fmgr.h"

#include "compat.h"
#include "hnsw/hnsw.h"

const OhMetric *
OhGetMetric(Relation index)
{
	FmgrInfo   *proc;

	if (!OidIsValid(index_getprocid(index, 1, OH_METRIC_PROC)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the first column of index \"%s\" is not a vector",
						RelationGetRelationName(index)),
				 errhint("In an omenhnsw index a vector comes first, then the columns of conditions.")));
	proc = index_getprocinfo(index, 1, OH_METRIC_PROC);
	return (const OhMetric *) DatumGetPointer(FunctionCall1(proc, PointerGetDatum(NULL)));
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
OhGetPosition(const OhColumn *column, Datum value, OhPosition *position)
{
	const OhColumnType *type = column->metric->type;
	void	   *detoasted = PG_DETOAST_DATUM(value);
	int			dim = type->dim(detoasted);

	memset(position, 0, sizeof(OhPosition));
	if (dim != column->dim)
		type->mismatch(column->dim, dim);
	position->value = detoasted;
	if (detoasted != DatumGetPointer(value))
		position->copy = detoasted;
	type->position(column, detoasted, position);
	position->no_direction = column->metric->metric == OM_METRIC_COSINE &&
		is_zero(position->x, column->position_dim);
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
