/*
 * dense.h -- SQL types that store a number for each dimension: vector and halfvec.
 *
 * Their values start with the same fields, and most of their functions differ only in the
 * type of the elements.  A type describes that in an OmDenseType; its own files define the
 * SQL functions.
 */
#ifndef OM_DENSE_H
#define OM_DENSE_H

#include "postgres.h"

#include "fmgr.h"

#include "types/typeutil.h"

/* The fields that a value starts with. */
typedef struct OmDense
{
	int32		vl_len_;
	int16		dim;
	int16		unused;
	char		x[FLEXIBLE_ARRAY_MEMBER];
} OmDense;

typedef struct OmDenseType
{
	const OmTypeDesc *desc;
	Size		element;		/* bytes of an element */
	/* Elements as float[dim]: the value's own, or palloc'd. */
	float	   *(*read) (const OmDense *v);
	/*
	 * Round x[dim], which read() returned, to elements of a new value; x is set to the
	 * rounded numbers.  Numbers beyond the type's range become infinite.
	 */
	void		(*write) (OmDense *v, float *x);
} OmDenseType;

extern const OmDenseType om_vector_dense;
extern const OmDenseType om_halfvec_dense;

/* A zeroed value in the current memory context. */
extern OmDense *om_dense_new(const OmDenseType *type, int dim);

/*
 * Bodies of SQL functions; the name is for messages.
 *
 * input      cstring, type OID, type modifier
 * recast     to a type modifier: checks, never truncates
 * from_array from an array of numbers
 * combine    a op b; product: an element that underflows to zero is an error, as it is for real
 * compare    -1, 0, 1; frees its copies, because a btree compares many pairs in one memory context
 * accumulate adds a row to a state; inside an aggregate, in place
 * finish     the mean or the sum of a state; NULL if it counts no row
 */
extern Datum om_dense_in(FunctionCallInfo fcinfo, const OmDenseType *type);
extern Datum om_dense_out(FunctionCallInfo fcinfo, const OmDenseType *type);
extern Datum om_dense_recast(FunctionCallInfo fcinfo);
extern Datum om_dense_from_array(FunctionCallInfo fcinfo, const OmDenseType *type);
extern Datum om_dense_to_float4(FunctionCallInfo fcinfo, const OmDenseType *type);
extern Datum om_dense_dims(FunctionCallInfo fcinfo);
extern Datum om_dense_norm(FunctionCallInfo fcinfo, const OmDenseType *type);
extern Datum om_dense_normalize(FunctionCallInfo fcinfo, const OmDenseType *type);
extern Datum om_dense_subvector(FunctionCallInfo fcinfo, const OmDenseType *type);
extern Datum om_dense_quantize(FunctionCallInfo fcinfo, const OmDenseType *type);
extern Datum om_dense_combine(FunctionCallInfo fcinfo, const OmDenseType *type,
							  void (*op) (const float *, const float *, float *, int),
							  bool product);
extern Datum om_dense_concat(FunctionCallInfo fcinfo, const OmDenseType *type);
extern int	om_dense_compare(FunctionCallInfo fcinfo, const OmDenseType *type);
extern Datum om_dense_accumulate(FunctionCallInfo fcinfo, const OmDenseType *type, const char *name);
extern Datum om_dense_add_states(FunctionCallInfo fcinfo, const OmDenseType *type, const char *name);
extern Datum om_dense_finish(FunctionCallInfo fcinfo, const OmDenseType *type, const char *name,
							 bool mean);

#endif							/* OM_DENSE_H */
