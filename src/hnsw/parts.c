/*
 * parts.c -- the positions of an indexed value (parts.h).
 */
#include "postgres.h"

#include "hnsw/parts.h"

void
OhPartsOpen(const OhColumn *column, Datum value, OhParts *parts)
{
	const OhColumnType *type = column->metric->type;
	void	   *detoasted = PG_DETOAST_DATUM(value);
	int			dim;

	memset(parts, 0, sizeof(OhParts));
	parts->column = column;
	parts->value = detoasted;
	parts->first = detoasted;
	if (detoasted != DatumGetPointer(value))
		parts->copy = detoasted;
	parts->n = 1;
	if (type->parts != NULL)
		parts->n = type->parts(detoasted, &parts->first, &parts->stride);
	if (parts->n == 0)
		return;
	dim = type->dim(detoasted);
	if (dim != column->dim)
		type->mismatch(column->dim, dim);
}

void
OhPartsPosition(const OhParts *parts, int i, OhPosition *position)
{
	OhPositionOf(parts->column, parts->first + i * parts->stride, position);
}

bool
OhPartsRepeats(const OhParts *parts, int i)
{
	for (int j = 0; j < i; j++)
	{
		if (memcmp(parts->first + j * parts->stride, parts->first + i * parts->stride, parts->stride) == 0)
			return true;
	}
	return false;
}

void
OhPartsClose(OhParts *parts)
{
	if (parts->copy)
		pfree(parts->copy);
	parts->copy = NULL;
}
