/*
 * quant_impl.h -- what the files of this folder share; no file outside includes it.
 *
 * A code of rabitq (and of pq, which has a byte for each subvector in place of the levels):
 *
 *     0      4      8      12                            12 + stride
 *     | add  | mul  | err  | packed levels, stride bytes | zeros to 4 bytes |
 *
 *   add   float, added to every distance
 *   mul   float, multiplies the inner product of levels and query
 *   err   float, standard error per unit of the query's norm
 *
 * Level u of dimension d = p * stride + j is in byte j, bits p * b and up (planar: a kernel
 * unpacks whole registers by shift and mask).
 */
#ifndef OM_QUANT_IMPL_H
#define OM_QUANT_IMPL_H

#include <float.h>

#include "kernel/kernel.h"
#include "quant/quant.h"

#define OM_QUANT_MAX_DIM 16000

typedef struct OmCodeHead
{
	float		add;
	float		mul;
	float		err;
} OmCodeHead;

/* State of rabitq.c; rotate.c and refine.c are parts of it. */
typedef struct OmRabitq
{
	int			stride;			/* bytes of packed levels */
	int			planes;			/* 8 / bits */
	int			rounds;			/* of the rotation */
	int			fht;			/* largest power of two <= dim */
	float		mean_sq;		/* |mean|^2, for inner product */
	float		metric_mul;		/* 2 for L2, otherwise 1 */
	float		typical_length; /* |v| of a typical code */
} OmRabitq;

typedef struct OmPq
{
	float		mean_sq;		/* |mean|^2, for inner product */
	float		metric_mul;		/* 2 for L2, otherwise 1 */
	float		typical_length; /* length of a typical code, measured by training */
	float		calibration;	/* how much larger errors are than random ones, measured by
								 * training */
	float		unit;			/* value of one step of the centroids in 8 bits */
} OmPq;

typedef struct OmSq8
{
	bool		ranged;			/* the model has ranges */
	float		metric_mul;		/* 1/2 for cosine, half of the squared L2 of unit vectors;
								 * otherwise 1 */
	float		widest_error;	/* standard error of the widest step */
	float		error_sq;		/* sum of the squared standard errors of all dimensions */
	float		far_error;		/* standard error of the product with the farthest vector in range */
} OmSq8;

typedef struct OmSparseQuantizer
{
	float		metric_mul;		/* 2 for L2, otherwise 1 */
	int			slot_bits;		/* of a slot's number in a query form of wide codes */
} OmSparseQuantizer;

/*
 * A quantizer is one block without pointers.  Each kind has its struct, and what is of
 * variable length is in data: for rabitq, mean float[padded], then the rotation's factors
 * float[rounds][padded]; for the others, see their files.
 */
struct OmQuantizer
{
	OmQuantSpec spec;
	int			padded;			/* dim rounded up to OM_LANES */
	int			code_bytes;
	union
	{
		OmRabitq	rabitq;
		OmPq		pq;
		OmSq8		sq8;
		OmSparseQuantizer sparse;
	};
	float		data[] __attribute__((aligned(64)));
};

static inline size_t
om_round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static inline int
om_quant_stride(const OmQuantSpec *spec)
{
	int			planes = 8 / spec->bits;

	return (spec->dim + planes - 1) / planes;
}

/* Are distances equal to those of the float kernels? */
typedef enum OmExactness
{
	OM_ESTIMATED,
	OM_ROUNDED,					/* equal, but rounded to float */
	OM_EXACT
} OmExactness;

/*
 * The refinements of a kind; the functions om_quant_refine_...() of quant.h call these.
 * bytes returns 0 for a spec without refinements; the others are not called then.
 */
typedef struct OmRefineOps
{
	size_t		(*bytes) (const OmQuantSpec *spec);
	size_t		(*query_bytes) (const OmQuantSpec *spec);
	void		(*encode) (const OmQuantizer *quant, const float *x, const void *code,
						   void *scratch, void *refinement);
	void		(*query) (const OmQuantizer *quant, const float *q, void *scratch,
						  OmQuery *query, OmRefineQuery *refine);
	void		(*base) (const OmQuantizer *quant, const OmQuery *query,
						 const OmRefineQuery *refine, const void *code, OmRefineBase *base);
	bool		(*distance) (const OmQuantizer *quant, const OmQuery *query,
							 const OmRefineQuery *refine, const OmRefineBase *base,
							 const void *refinement, float *dist, float *error);
} OmRefineOps;

/*
 * What a kind of quantizer implements; the functions of quant.h with similar names call
 * these.  spec is valid for all of them except valid().
 */
typedef struct OmQuantOps
{
	bool		(*valid) (const OmQuantSpec *spec); /* checks what only this kind knows */
	size_t		(*code_bytes) (const OmQuantSpec *spec);
	size_t		(*model_floats) (const OmQuantSpec *spec);
	size_t		(*bytes) (const OmQuantSpec *spec);
	size_t		(*query_bytes) (const OmQuantSpec *spec);
	size_t		(*scratch_bytes) (const OmQuantSpec *spec);
	OmQuantizer *(*init) (void *mem, const OmQuantSpec *spec, const float *model);
	void		(*encode) (const OmQuantizer *quant, const float *x, void *scratch,
						   void *code);
	void		(*query) (const OmQuantizer *quant, const float *q, void *scratch,
						  OmQuery *query);
	void		(*query_from_code) (const OmQuantizer *quant, const void *code,
									OmQuery *query);
	void		(*decode) (const OmQuantizer *quant, const void *code, void *scratch,
						   float *x);
	OmDistanceFn (*distance_fn) (const OmQuantizer *quant);
	/* distances of many codes; NULL: call distance_fn for each */
	void		(*distances) (const OmQuantizer *quant, const OmQuery *query,
							  const void *const *codes, int n, float *dist);
	float		(*error) (const OmQuantizer *quant, const OmQuery *query,
						  const void *code);
	/* NULL: OM_ESTIMATED */
	OmExactness (*exactness) (const OmQuantSpec *spec);
	/* only for OM_ROUNDED */
	double		(*unrounded) (const OmQuantizer *quant, const OmQuery *query,
							  const void *code);
	const OmRefineOps *refine;	/* NULL: the kind has no refinements */

	/*
	 * training: train NULL, no model; train_parts NULL, one part; train_finish NULL,
	 * nothing left to do
	 */
	int			train_rows;
	int			train_least;
	size_t		(*train_bytes) (const OmQuantSpec *spec, int nrows);
	int			(*train_parts) (const OmQuantSpec *spec);
	void		(*train) (const OmQuantSpec *spec, const OmTraining *training, int from,
						  int to, void *scratch, float *model);
	void		(*train_finish) (const OmQuantSpec *spec, const OmTraining *training,
								 void *scratch, float *model);
} OmQuantOps;

extern const OmQuantOps om_rabitq_ops;
extern const OmQuantOps om_pq_ops;
extern const OmQuantOps om_sq8_ops;
extern const OmQuantOps om_none_ops;
extern const OmQuantOps om_bits_ops;
extern const OmQuantOps om_sparse_ops;
extern const OmRefineOps om_rabitq_refine_ops;

/* Steele, Lea and Flood, "Fast splittable pseudorandom number generators". */
static inline uint64_t
om_splitmix64(uint64_t *state)
{
	uint64_t	z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Range of sums of squares for which float arithmetic is used. */
#define OM_SQUARE_MIN 1e-30f
#define OM_SQUARE_MAX 1e30f

static inline float
om_clamp_float(double x)
{
	return x > FLT_MAX ? FLT_MAX : x < -FLT_MAX ? -FLT_MAX : (float) x;
}

/*
 * Clamp a distance to the range of float; NaN becomes FLT_MAX. Each line is a single
 * instruction.
 */
static inline float
om_clamp_distance(float d)
{
	d = d < FLT_MAX ? d : FLT_MAX;
	return d > -FLT_MAX ? d : -FLT_MAX;
}

/* quant.c */
/* 1 / |x|, 0 for a zero vector.  false: a square leaves the range of float, and the result may, too */
extern bool om_inverse_norm(const float *x, int dim, double *inverse);

/* rotate.c */
/* How many times the transform is applied to vectors of this many dimensions. */
extern int	om_rotate_rounds(int dim);
/* Fill the factors, float[rounds][padded], from the seed. */
extern void om_rotate_init(OmQuantizer *quant);
/* Rotate float[padded] in place; the padding stays zero.  om_rotate_back() undoes it. */
extern void om_rotate(const OmQuantizer *quant, float *x);
extern void om_rotate_back(const OmQuantizer *quant, float *x);

/* A centred and rotated vector: scale * y, of length scale * length. */
typedef struct OmRotated
{
	double		scale;			/* a power of two; 1 except for extreme values */
	double		length;			/* |y|, 0 for a vector equal to the mean */
	double		dot_mean;		/* <x - c, c>, not scaled */
	float	   *y;				/* float[padded], in the scratch */
} OmRotated;

/* A scale that was tried for rounding to levels. */
typedef struct OmTrial
{
	float		t;				/* number of levels for a unit of y */
	float		dot;			/* <v, |y|>, which is <v, y> */
	float		sq;				/* <v, v> */
	double		score;			/* squared cosine times |y|^2 */
} OmTrial;

/* rabitq.c: center and rotate a vector; y is at the start of the scratch, where query() leaves it */
extern void om_rabitq_rotate(const OmQuantizer *quant, const float *x, void *scratch,
							 OmRotated *out);
/* Find the scale at which levels of this many bits point nearest to y, |y| = length. */
extern OmTrial om_rabitq_scale(const OmQuantizer *quant, int bits, const float *y,
							   double length);

#endif							/* OM_QUANT_IMPL_H */
