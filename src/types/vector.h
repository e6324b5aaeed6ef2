/*
 * vector.h -- the SQL type vector: a varlena of single-precision floats.
 *
 * Declares the helpers that other parts of the extension need to read a value.  The
 * operators and casts are in the .c files of this folder.  What does not depend on vector
 * alone (text, checks, arrays, aggregate states) is in typeutil.h.  The layout is in
 * omendb.h, which other extensions can include.
 */
#ifndef OM_VECTOR_H
#define OM_VECTOR_H

#include "fmgr.h"

#include "omendb.h"
#include "types/typeutil.h"

#define DatumGetOmVector(d) ((OmVector *) PG_DETOAST_DATUM(d))
#define PG_GETARG_OMVECTOR_P(n) DatumGetOmVector(PG_GETARG_DATUM(n))
#define PG_RETURN_OMVECTOR_P(v) PG_RETURN_POINTER(v)

/* Names and limits of the type, for the helpers of typeutil.h. */
extern const OmTypeDesc om_vector_desc;

/* A zeroed vector of dim dimensions in the current memory context. */
extern OmVector *om_vector_new(int dim);

/*
 * om_vector_check_dims -- error 22000 unless both have the same number of dimensions.
 */
static inline void
om_vector_check_dims(const OmVector *a, const OmVector *b)
{
	om_check_same_dim(&om_vector_desc, a->dim, b->dim);
}

/*
 * Distances of two vectors with equal dimensions (not checked here), exactly as the SQL
 * operators compute them.  An index that re-ranks with these agrees with a sort to the last
 * bit.
 *
 * om_vector_l2sq     squared Euclidean; <-> is its square root
 * om_vector_ip       inner product; <#> is its negative
 * om_vector_cosine   1 - cosine, 0 to 2; NaN if and only if a or b is all zeros
 * om_vector_l1       taxicab
 *
 * Sums are in float32, so they become +-Infinity on overflow (except for cosine, which then
 * uses double).
 */
extern double om_vector_l2sq(const OmVector *a, const OmVector *b);
extern double om_vector_ip(const OmVector *a, const OmVector *b);
extern double om_vector_cosine(const OmVector *a, const OmVector *b);
extern double om_vector_l1(const OmVector *a, const OmVector *b);

/* The same for float[dim], for callers that have no OmVector. */
extern double om_floats_cosine(const float *a, const float *b, int dim);

#endif							/* OM_VECTOR_H */
