/*
 * sparsevec.h -- the SQL type sparsevec: the non-zero elements of a long vector.
 *
 *   OFFSET  SIZE   FIELD
 *        0     4   vl_len_   varlena header
 *        4     4   dim       number of dimensions, 1 to OM_SPARSEVEC_MAX_DIM
 *        8     4   nnz       stored elements, 0 to OM_SPARSEVEC_MAX_NNZ
 *       12     4   unused    always zero; reserved
 *       16  4*nnz  index     ascending, from 0
 *        -  4*nnz  values    IEEE single precision, finite, not zero
 */
#ifndef OM_SPARSEVEC_H
#define OM_SPARSEVEC_H

#include "fmgr.h"

#include "types/typeutil.h"

#define OM_SPARSEVEC_MAX_DIM 1000000000
#define OM_SPARSEVEC_MAX_NNZ 16000

typedef struct OmSparsevec
{
	int32		vl_len_;
	int32		dim;
	int32		nnz;
	int32		unused;
	int32		index[FLEXIBLE_ARRAY_MEMBER];
	/* float values[nnz] follow */
} OmSparsevec;

StaticAssertDecl(offsetof(OmSparsevec, dim) == 4, "sparsevec layout");
StaticAssertDecl(offsetof(OmSparsevec, index) == 16, "sparsevec layout");

#define OM_SPARSEVEC_SIZE(nnz) \
	(offsetof(OmSparsevec, index) + (sizeof(int32) + sizeof(float)) * (nnz))
#define DatumGetOmSparsevec(d) ((OmSparsevec *) PG_DETOAST_DATUM(d))
#define PG_GETARG_OMSPARSEVEC_P(n) DatumGetOmSparsevec(PG_GETARG_DATUM(n))
#define PG_RETURN_OMSPARSEVEC_P(v) PG_RETURN_POINTER(v)

/* Names and limits of the type, for the helpers of typeutil.h. */
extern const OmTypeDesc om_sparsevec_desc;

static inline float *
om_sparsevec_values(const OmSparsevec *v)
{
	return (float *) (v->index + v->nnz);
}

/* A zeroed sparsevec with room for nnz elements, in the current memory context. */
extern OmSparsevec *om_sparsevec_new(int dim, int nnz);

static inline void
om_sparsevec_check_dims(const OmSparsevec *a, const OmSparsevec *b)
{
	om_check_same_dim(&om_sparsevec_desc, a->dim, b->dim);
}

/*
 * Distances of two of equal dimensions (not checked here), exactly as the SQL
 * operators compute them; as in vector.h, but sums are in double.
 */
extern double om_sparsevec_l2sq(const OmSparsevec *a, const OmSparsevec *b);
extern double om_sparsevec_ip(const OmSparsevec *a, const OmSparsevec *b);
extern double om_sparsevec_cosine(const OmSparsevec *a, const OmSparsevec *b);
extern double om_sparsevec_l1(const OmSparsevec *a, const OmSparsevec *b);

#endif							/* OM_SPARSEVEC_H */
