/*
 * multivector.h -- arrays of vectors as one value: vector[] and halfvec[], compared by MaxSim.
 *
 * Late interaction: a text has a vector for each of its tokens, and a row is as similar to
 * a query as, summed over the query's vectors, the most similar of the row's own vectors.
 */
#ifndef OM_MULTIVECTOR_H
#define OM_MULTIVECTOR_H

#include "postgres.h"

#include "types/typeutil.h"
#include "utils/array.h"

/* The type of the elements. */
typedef struct OmMultivectorDesc
{
	const OmTypeDesc *type;
	Size		number_bytes;	/* of one number */
	/* Inner product of the numbers of two elements. */
	double		(*ip) (const void *a, const void *b, int dim);
} OmMultivectorDesc;

/*
 * The vectors of an array.  All have the same number of dimensions, so they lie at equal
 * distances; they are read where they are.
 */
typedef struct OmMultivector
{
	int			n;				/* 0: the array is empty */
	int			dim;			/* of each, if there are any */
	Size		stride;			/* bytes from one to the next */
	const char *first;			/* the first, a varlena */
} OmMultivector;

extern const OmMultivectorDesc om_vectors_desc;
extern const OmMultivectorDesc om_halfvecs_desc;

/*
 * om_multivector_of -- the vectors of a detoasted array, which must stay.
 *
 * Errors: several array dimensions (22000), a NULL element (22004), vectors of different
 * dimensions (22000).
 */
extern void om_multivector_of(const OmMultivectorDesc *desc, const ArrayType *array, OmMultivector *out);

/* The i-th of them, a value of the elements' type. */
static inline const void *
om_multivector_get(const OmMultivector *value, int i)
{
	return value->first + i * value->stride;
}

/*
 * om_max_sim -- MaxSim of a row to a query, neither empty, of equal dimensions (not checked
 * here).  An index that ranks by it agrees with the operator to the last bit.
 */
extern double om_max_sim(const OmMultivectorDesc *desc, const OmMultivector *row, const OmMultivector *query);

#endif							/* OM_MULTIVECTOR_H */
