/*
 * column.h -- the indexed column: what an index needs to know of its type.
 *
 * An index makes codes of positions, float[dim], and re-ranks by the values of the column.  An
 * OhColumnType says how a value becomes a position.  There is one for each type, in
 * column_<type>.c: to index a further type, add such a file and operator classes.
 */
#ifndef OH_COLUMN_H
#define OH_COLUMN_H

#include "postgres.h"

#include "fmgr.h"
#include "quant/quant.h"
#include "utils/rel.h"

typedef struct OhColumn OhColumn;

/* The position of an indexed value or of a query. */
typedef struct OhPosition
{
	const float *x;				/* [position_dim of the column]; in the value, or palloc'd */
	const void *value;			/* detoasted, a varlena */
	const void *bytes;			/* [nbytes] of it: two values are equal if these are */
	Size		nbytes;
	int			elements;		/* nonzero elements of a sparse value */
	bool		no_direction;	/* a zero vector under cosine, whose distances are NaN */
	/* what OhPositionFree() frees */
	Pointer		copy;			/* the detoasted value, if it is a copy */
	Pointer		floats;			/* x, if it is palloc'd */
} OhPosition;

typedef struct OhColumnType
{
	const char *name;
	int			max_dim;		/* most dimensions that an indexed column may have */
	/* Do the float kernels, on positions, give the operators' distances to the last bit? */
	bool		exact;
	/* Dimensions of a detoasted value; of an array, those of each element. */
	int			(*dim) (const void *value);
	/*
	 * For arrays, whose elements each have a position: returns their number, and where they are: the
	 * first one, and the bytes from one to the next.  NULL: a value has one position.
	 */
	int			(*parts) (const void *value, const char **first, Size *stride);
	/* Raises the error that the operators raise for different dimensions. */
	void		(*mismatch) (int a, int b);
	/* Size of a value of this many dimensions; 0 if it varies.  NULL for arrays. */
	Size		(*bytes) (int dim);
	/*
	 * Sets kind, bits, subvectors and dim of the spec for a column of dim dimensions.  NULL: the storage
	 * parameters decide.  elements: that a sparse code holds, 0 if not known.
	 */
	void		(*spec) (int dim, int elements, OmQuantSpec *spec);
	/*
	 * Sets all of position but value, copy and no_direction.  value: detoasted, or one element of
	 * an array
	 */
	void		(*position) (const OhColumn *column, const void *value, OhPosition *position);
} OhColumnType;

/* Type and distance of an operator class: its support function 1 returns this. */
typedef struct OhMetric
{
	OmMetric	metric;
	const OhColumnType *type;
	/*
	 * The exact distance of two detoasted values of equal dimensions, in order units (quant.h), computed
	 * as the operator computes it.  May be NaN.
	 */
	double		(*distance) (const void *a, const void *b);
} OhMetric;

/* The vector column of one index. */
struct OhColumn
{
	const OhMetric *metric;		/* a constant of the library */
	int			dim;			/* dimensions of its values */
	int			position_dim;	/* floats of a position: the spec's dim */
};

/* The metric that a support function 1 returns; NULL if the function is not one of ours. */
extern const OhMetric *OhMetricOf(Oid function);
/* Is it a metric for this type? */
extern bool OhMetricFits(const OhMetric *metric, Oid type);

/* The metric of an index, by its operator class; an error if it has none. */
extern const OhMetric *OhGetMetric(Relation index);

/*
 * Set the position of an indexed value or a query, which may be toasted but not NULL.  If it
 * has other dimensions than the column, raises the error that the operator raises, so that it does not
 * depend on the plan.
 */
extern void OhGetPosition(const OhColumn *column, Datum value, OhPosition *position);
/* The same for a detoasted value of the column's dimensions, or for one element of an array (parts.h). */
extern void OhPositionOf(const OhColumn *column, const void *value, OhPosition *position);
/* Free what was allocated for a position. */
extern void OhPositionFree(OhPosition *position);
/* Hash of the value for postings (format.h); never OH_MIXED. */
extern uint32 OhPositionHash(const OhPosition *position);
/* Are the values of two positions equal? */
extern bool OhSameValue(const OhPosition *a, const OhPosition *b);

/* Define a support function 1. */
#define OH_METRIC_SUPPORT(name, metric) \
	OM_FUNCTION(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		PG_RETURN_POINTER(&(metric)); \
	}

#endif							/* OH_COLUMN_H */
