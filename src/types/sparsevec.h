/*
 * sparsevec.h -- the SQL type sparsevec: the non-zero elements of a long vector.
 *
 * Its layout is in omendb.h.
 */
#ifndef OM_SPARSEVEC_H
#define OM_SPARSEVEC_H

#include "fmgr.h"

#include "omendb.h"
#include "types/typeutil.h"

#define DatumGetOmSparsevec(d) ((OmSparsevec *) PG_DETOAST_DATUM(d))
#define PG_GETARG_OMSPARSEVEC_P(n) DatumGetOmSparsevec(PG_GETARG_DATUM(n))
#define PG_RETURN_OMSPARSEVEC_P(v) PG_RETURN_POINTER(v)

/* Names and limits of the type, for the helpers of typeutil.h. */
extern const OmTypeDesc om_sparsevec_desc;

/* A zeroed sparsevec with room for nnz elements, in the current memory context. */
extern OmSparsevec *om_sparsevec_new(int dim, int nnz);

/*
 * om_check_nnz -- error 54000 if a value has too many elements.  om_check_index -- error
 * 22000 unless the index of element i is within the dimensions and greater than the one
 * before it.
 */
extern bool om_check_nnz(int64 nnz, struct Node *escontext);
extern bool om_check_index(const OmSparsevec *v, int i, struct Node *escontext);

static inline void
om_sparsevec_check_dims(const OmSparsevec *a, const OmSparsevec *b)
{
	om_check_same_dim(&om_sparsevec_desc, a->dim, b->dim);
}

/*
 * Distances of two values with equal dimensions (not checked here), exactly as the SQL
 * operators compute them; see vector.h, but sums are in double.
 */
extern double om_sparsevec_l2sq(const OmSparsevec *a, const OmSparsevec *b);
extern double om_sparsevec_ip(const OmSparsevec *a, const OmSparsevec *b);
extern double om_sparsevec_cosine(const OmSparsevec *a, const OmSparsevec *b);
extern double om_sparsevec_l1(const OmSparsevec *a, const OmSparsevec *b);

#endif							/* OM_SPARSEVEC_H */
