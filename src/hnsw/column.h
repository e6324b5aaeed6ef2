/*
 * column.h -- the indexed column: what an index needs to know of its type.
 *
 * An index codes positions, float[dim], and compares codes; it re-ranks by values.
 * What lies between the two is an OhColumnType, one a type, in column_<type>.c: a
 * further type is another such file, and its operator classes.
 */
#ifndef OH_COLUMN_H
#define OH_COLUMN_H

#include "postgres.h"

#include "fmgr.h"
#include "quant/quant.h"
#include "utils/rel.h"

typedef struct OhColumn OhColumn;

/* An indexed value or a query, as the index takes it. */
typedef struct OhPosition
{
	const float *x;				/* [dim of the quantizer]; in the value, or palloc'd */
	const void *value;			/* detoasted, a varlena */
	const void *bytes;			/* [nbytes] of it, which tell values apart */
	Size		nbytes;
	int			elements;		/* of a sparse value */
	bool		no_direction;	/* the distance is NaN: zero under cosine */
	Pointer		copy;			/* of the value, and of x, if they had to be made */
	Pointer		floats;
} OhPosition;

typedef struct OhColumnType
{
	const char *name;
	int			max_dim;		/* of a column that is indexed */
	/* Distances of the float kernels between positions are the operators', to the last bit. */
	bool		exact;
	/* Dimensions of a detoasted value. */
	int			(*dim) (const void *value);
	/*
	 * Of arrays, whose elements are positions: how many, and where they lie, each stride
	 * bytes behind the last; dim() is that of each, position() takes one.  NULL: a value is
	 * one position.
	 */
	int			(*parts) (const void *value, const char **first, Size *stride);
	/* The error that the operators raise. */
	void		(*mismatch) (int a, int b);
	/* Bytes of a value as such, 0 if its dimensions do not tell. */
	Size		(*bytes) (int dim);
	/*
	 * The kind of codes, and what goes with it, for a column of dim dimensions;
	 * NULL: positions are rows of numbers, and options tell.  elements: of a code, 0 if
	 * that is not known; sparse values only.
	 */
	void		(*spec) (int dim, int elements, OmQuantSpec *spec);
	/* Fills all of position but value, copy and no_direction. */
	void		(*position) (const OhColumn *column, const void *value, OhPosition *position);
} OhColumnType;

/* What an operator class is for: its support function 1 returns this. */
typedef struct OhMetric
{
	OmMetric	metric;
	const OhColumnType *type;
	/*
	 * Exact distance of two detoasted values of equal dimensions, in order units
	 * (quant.h), of the operator's own arithmetic; may be NaN.
	 */
	double		(*distance) (const void *a, const void *b);
} OhMetric;

/* The column of one index. */
struct OhColumn
{
	const OhMetric *metric;		/* static: valid for ever */
	int			dim;			/* dimensions of its values */
	int			position_dim;	/* floats of a position: those of the quantizer's spec */
};

/* What a function says that is a support function 1; NULL: it is no such function. */
extern const OhMetric *OhMetricOf(Oid function);
/* Is it a metric of a type? */
extern bool OhMetricFits(const OhMetric *metric, Oid type);

/* The metric of an index. */
extern const OhMetric *OhGetMetric(Relation index);

/*
 * OhGetPosition -- the position of an indexed value or a query, maybe toasted, not
 * NULL.  Another number of dimensions than the column's is the same error that the
 * operator raises, whether the plan uses the index or not.
 */
extern void OhGetPosition(const OhColumn *column, Datum value, OhPosition *position);
/* That of a detoasted value of the column's dimensions, or of one part of it (parts.h). */
extern void OhPositionOf(const OhColumn *column, const void *value, OhPosition *position);
/* Frees what had to be made for it. */
extern void OhPositionFree(OhPosition *position);
/* What stands for a value in the hash of postings; never OH_MIXED. */
extern uint32 OhPositionHash(const OhPosition *position);
extern bool OhSameValue(const OhPosition *a, const OhPosition *b);

/* What a support function 1 is. */
#define OH_METRIC_SUPPORT(name, metric) \
	OM_FUNCTION(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		PG_RETURN_POINTER(&(metric)); \
	}

#endif							/* OH_COLUMN_H */
