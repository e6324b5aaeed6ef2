/*
 * omendb.h -- what other extensions in C may use of omendb.  Installed by `make install` as
 * $(pg_config --includedir-server)/extension/omendb/omendb.h; documentation: docs/c.md.
 *
 *     #include "postgres.h"
 *     #include "fmgr.h"
 *     #include "extension/omendb/omendb.h"
 *
 *     const OmendbApi *omendb = OmendbGetApi();
 *     OmVector *v = omendb->vector(PG_GETARG_DATUM(0));
 *
 * The layouts of the types are pgvector's and part of what is stored: they do not change.
 * The functions are in a table, which a library gets at run time; it is not linked with
 * omendb, and may be loaded before it.
 */
#ifndef OMENDB_H
#define OMENDB_H

#ifndef POSTGRES_H
#error "include postgres.h first"
#endif

#include "fmgr.h"
#include "utils/varbit.h"

#ifdef __cplusplus
extern "C"
{
#endif

/* ---- layouts ---- */

/*
 * vector
 *
 *   OFFSET  SIZE  FIELD
 *        0     4  vl_len_   varlena header
 *        4     2  dim       number of dimensions, 1 to OM_VECTOR_MAX_DIM
 *        6     2  unused    always zero; reserved
 *        8  4*dim x         IEEE single precision, finite
 */
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

/*
 * halfvec
 *
 *   OFFSET  SIZE  FIELD
 *        0     4  vl_len_   varlena header
 *        4     2  dim       number of dimensions, 1 to OM_HALFVEC_MAX_DIM
 *        6     2  unused    always zero; reserved
 *        8  2*dim x         the bits of IEEE half precision, finite
 */
#define OM_HALFVEC_MAX_DIM 16000

typedef struct OmHalfvec
{
	int32		vl_len_;
	int16		dim;
	int16		unused;
	uint16		x[FLEXIBLE_ARRAY_MEMBER];
} OmHalfvec;

StaticAssertDecl(offsetof(OmHalfvec, dim) == 4, "halfvec layout");
StaticAssertDecl(offsetof(OmHalfvec, x) == 8, "halfvec layout");

#define OM_HALFVEC_SIZE(dim) (offsetof(OmHalfvec, x) + sizeof(uint16) * (dim))

/*
 * sparsevec
 *
 *   OFFSET  SIZE   FIELD
 *        0     4   vl_len_   varlena header
 *        4     4   dim       number of dimensions, 1 to OM_SPARSEVEC_MAX_DIM
 *        8     4   nnz       stored elements, 0 to OM_SPARSEVEC_MAX_NNZ
 *       12     4   unused    always zero; reserved
 *       16  4*nnz  index     ascending, from 0
 *        -  4*nnz  values    IEEE single precision, finite, not zero
 */
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

static inline float *
om_sparsevec_values(const OmSparsevec *v)
{
	return (float *) (v->index + v->nnz);
}

/* ---- functions ---- */

/*
 * The version of the table below.  It changes when a library that was compiled with an
 * older header could no longer use it.  Functions that are added go to its end, with no
 * change of version: `size` tells how many there are.
 */
#define OMENDB_API_VERSION 1

typedef enum OmendbType
{
	OMENDB_VECTOR = 1,
	OMENDB_HALFVEC = 2,
	OMENDB_SPARSEVEC = 3,
	OMENDB_BIT = 4
} OmendbType;

typedef enum OmendbMetric
{
	OMENDB_L2 = 1,				/* <->, Euclidean distance */
	OMENDB_IP = 2,				/* <#>, negative inner product */
	OMENDB_COSINE = 3,			/* <=>, 1 - cosine; NaN if one of the two is all zeros */
	OMENDB_L1 = 4,				/* <+>, sum of absolute differences */
	OMENDB_HAMMING = 5,			/* <~>, bits that differ; OMENDB_BIT alone */
	OMENDB_JACCARD = 6			/* <%>; OMENDB_BIT alone */
} OmendbMetric;

/*
 * Kernels: numbers without a type around them.  They check nothing and raise no error.
 *
 * dim      elements of a and of b, at least 1; bytes for OmendbBitKernel
 * returns  what orders like the distance: L2 squared, the others as the operators;
 *          +-Infinity where a sum of floats overflows
 */
typedef double (*OmendbFloatKernel) (const float *a, const float *b, int dim);
typedef double (*OmendbHalfKernel) (const uint16 *a, const uint16 *b, int dim);
typedef double (*OmendbBitKernel) (const uint8 *a, const uint8 *b, int bytes);

typedef struct OmendbApi
{
	int32		version;		/* OMENDB_API_VERSION */
	int32		size;			/* bytes of this struct, as the loaded omendb has it */

	/*
	 * Dimensions of a value, bits of a bit string.  Of a TOASTed value that is not
	 * compressed only the first chunk is read.
	 */
	int			(*dims) (OmendbType type, Datum value);

	/*
	 * A value, detoasted; it may be the datum itself, and must not be changed.  Its length,
	 * dimensions and number of elements belong together and are within the type's limits
	 * (and a sparsevec's indices ascend): otherwise XX001 (data_corrupted), as for a datum
	 * of another type.
	 */
	const OmVector *(*vector) (Datum value);
	const OmHalfvec *(*halfvec) (Datum value);
	const OmSparsevec *(*sparsevec) (Datum value);

	/* New values of zeros in the current memory context; 22000 or 54000 if dim is out of range. */
	OmVector   *(*new_vector) (int dim);
	OmHalfvec  *(*new_halfvec) (int dim);
	OmSparsevec *(*new_sparsevec) (int dim, int nnz);

	/*
	 * A value that you have filled, before it is returned: 22000 where an element is NaN or
	 * infinite, or elements of a sparsevec are zero or not in order.
	 */
	Datum		(*check) (OmendbType type, const void *value);

	/*
	 * The distance of two detoasted values of a type (OmVector and so on; VarBit for
	 * OMENDB_BIT), exactly as the operator computes it; 22000 if their dimensions differ,
	 * 0A000 if the type has no such distance.
	 */
	double		(*distance) (OmendbType type, OmendbMetric metric, const void *a, const void *b);

	/* Kernels by metric, for this CPU; 0A000 if there is none. */
	OmendbFloatKernel (*float_kernel) (OmendbMetric metric);
	OmendbHalfKernel (*half_kernel) (OmendbMetric metric);
	OmendbBitKernel (*bit_kernel) (OmendbMetric metric);

	/* Half precision from and to floats; to nearest even, infinite from 65520 on. */
	void		(*half_to_float) (const uint16 *x, float *out, int n);
	void		(*float_to_half) (const float *x, uint16 *out, int n);
} OmendbApi;

/* What omendb exports.  0A000 if it has no such version, or fewer functions than size says. */
typedef const OmendbApi *(*OmendbApiFunction) (int32 version, int32 size);

#define OMENDB_API_VARIABLE "omendb_api"
#define OMENDB_API_FUNCTION "om_api"

/*
 * OmendbGetApi -- the table; loads omendb if it is not loaded yet.  Call it from functions,
 * or from _PG_init().  An error if omendb is not installed, or does not fit this header.
 */
static inline const OmendbApi *
OmendbGetApi(void)
{
	static const OmendbApi *api = NULL;

	if (api == NULL)
	{
		/* set by omendb when it is loaded, from whatever path */
		OmendbApiFunction *loaded =
		(OmendbApiFunction *) find_rendezvous_variable(OMENDB_API_VARIABLE);
		OmendbApiFunction function = *loaded;

		if (function == NULL)
			function = (OmendbApiFunction)
				load_external_function("$libdir/omendb", OMENDB_API_FUNCTION, true, NULL);
		api = function(OMENDB_API_VERSION, (int32) sizeof(OmendbApi));
	}
	return api;
}

#ifdef __cplusplus
}
#endif

#endif							/* OMENDB_H */
