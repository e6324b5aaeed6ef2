/*
 * halfvec.h -- the SQL type halfvec: a varlena of half-precision floats.
 *
 * Its layout is in omendb.h.
 */
#ifndef OM_HALFVEC_H
#define OM_HALFVEC_H

#include "fmgr.h"

#include "omendb.h"
#include "types/typeutil.h"

#define DatumGetOmHalfvec(d) ((OmHalfvec *) PG_DETOAST_DATUM(d))
#define PG_GETARG_OMHALFVEC_P(n) DatumGetOmHalfvec(PG_GETARG_DATUM(n))
#define PG_RETURN_OMHALFVEC_P(v) PG_RETURN_POINTER(v)

/* Names and limits of the type, for the helpers of typeutil.h. */
extern const OmTypeDesc om_halfvec_desc;

/* A zeroed halfvec of dim dimensions in the current memory context. */
extern OmHalfvec *om_halfvec_new(int dim);

/* The elements as float[dim], exact; palloc'd. */
extern float *om_halfvec_floats(const OmHalfvec *v);

/*
 * Make a halfvec of x[dim], rounded to nearest even.  The caller has checked that each is
 * below the type's limit.
 */
extern OmHalfvec *om_halfvec_from_floats(const float *x, int dim);

static inline void
om_halfvec_check_dims(const OmHalfvec *a, const OmHalfvec *b)
{
	om_check_same_dim(&om_halfvec_desc, a->dim, b->dim);
}

/*
 * Distances of two values with equal dimensions (not checked here), exactly as the SQL
 * operators compute them; see vector.h.
 */
extern double om_halfvec_l2sq(const OmHalfvec *a, const OmHalfvec *b);
extern double om_halfvec_ip(const OmHalfvec *a, const OmHalfvec *b);
extern double om_halfvec_cosine(const OmHalfvec *a, const OmHalfvec *b);
extern double om_halfvec_l1(const OmHalfvec *a, const OmHalfvec *b);

/* The same for half[dim], for callers that have no OmHalfvec. */
extern double om_halves_cosine(const uint16 *a, const uint16 *b, int dim);

#endif							/* OM_HALFVEC_H */
