/*
 * multivector.h -- arrays of vectors as one value: vector[] and halfvec[], compared by
 * MaxSim.
 *
 * In late interaction, a text has a vector for each of its tokens.  For each vector of the
 * query, the largest similarity to one of the row's vectors is found; their sum is the
 * similarity of the row.
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
	Size		number_bytes;	/* bytes of one number */
	/* Inner product of the numbers of two elements. */
	double		(*ip) (const void *a, const void *b, int dim);
} OmMultivectorDesc;

/*
 * The vectors of an array.  They have equal numbers of dimensions, so they are at equal
 * distances in memory, and are read in place.
 */
typedef struct OmMultivector
{
	int			n;				/* 0: the array is empty */
	int			dim;			/* dimensions of each, if there are any */
	Size		stride;			/* bytes from one to the next */
	const char *first;			/* the first, a varlena */
} OmMultivector;

extern const OmMultivectorDesc om_vectors_desc;
extern const OmMultivectorDesc om_halfvecs_desc;

/*
 * om_multivector_of -- read the vectors of a detoasted array, which must stay allocated.
 *
 * Errors: several array dimensions (22000), a NULL element (22004), vectors of different
 * dimensions (22000).
 */
extern void om_multivector_of(const OmMultivectorDesc *desc, const ArrayType *array, OmMultivector *out);

/* The i-th vector, a value of the elements' type. */
static inline const void *
om_multivector_get(const OmMultivector *value, int i)
{
	return value->first + i * value->stride;
}

/*
 * om_max_sim -- MaxSim of a row and a query.  Neither may be empty, and their dimensions
 * must be equal (not checked here). An index that ranks by this function agrees with the
 * operator to the last bit.
 */
extern double om_max_sim(const OmMultivectorDesc *desc, const OmMultivector *row, const OmMultivector *query);

#endif							/* OM_MULTIVECTOR_H */
