/*
 * vector.h -- the SQL type vector: a varlena of single-precision floats.
 *
 * Owns the in-memory and on-disk form of one value and the helpers that other
 * parts of the extension need to read one.  The operators and casts are in the
 * .c files of this folder.
 *
 *   OFFSET  SIZE  FIELD
 *        0     4  vl_len_   varlena header
 *        4     2  dim       number of dimensions, 1 to OM_VECTOR_MAX_DIM
 *        6     2  unused    always zero; reserved
 *        8  4*dim x         IEEE single precision, finite
 */
#ifndef OM_VECTOR_H
#define OM_VECTOR_H

#include "fmgr.h"

#define OM_VECTOR_MAX_DIM 16000

typedef struct OmVector
{
	int32		vl_len_;
	int16		dim;
	int16		unused;
	float		x[FLEXIBLE_ARRAY_MEMBER];
} OmVector;

StaticAssertDecl(offsetof(OmVector, dim) == 4, "vector layout");
StaticAssertDecl(offsetof(OmVector, x) == 8, "vector layout");

#define OM_VECTOR_SIZE(dim) (offsetof(OmVector, x) + sizeof(float) * (dim))
#define DatumGetOmVector(d) ((OmVector *) PG_DETOAST_DATUM(d))
#define PG_GETARG_OMVECTOR_P(n) DatumGetOmVector(PG_GETARG_DATUM(n))
#define PG_RETURN_OMVECTOR_P(v) PG_RETURN_POINTER(v)

/* A zeroed vector of dim dimensions in the current memory context. */
extern OmVector *om_vector_new(int dim);

#endif							/* OM_VECTOR_H */
