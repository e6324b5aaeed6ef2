/*
 * quant.h -- quantizers: vectors to compact codes, and distances on codes.
 *
 * Numbers only: no PostgreSQL header, no allocation, no error reporting.  The
 * caller supplies every buffer, sized by the functions below.
 *
 * A code is an opaque run of om_quant_code_bytes() bytes, 4-byte aligned in
 * memory, holding the correction factors and the packed bits.  Two vectors with
 * equal codes are indistinguishable to the index.
 *
 * Distances are in "order units", which exact re-ranking uses as well:
 *   OM_METRIC_L2      squared Euclidean distance
 *   OM_METRIC_IP      negative inner product
 *   OM_METRIC_COSINE  cosine distance, 1 - cos (vectors are normalised inside)
 *   OM_METRIC_L1      sum of absolute differences (sq8 and none only)
 *   OM_METRIC_HAMMING bits that differ (bit only, and nothing else with it)
 *   OM_METRIC_JACCARD 1 less the share of common ones in the ones of either (bit)
 * They are never NaN: a value that overflows or has no meaning is FLT_MAX, or
 * -FLT_MAX where an inner product is too large.  They are estimates: a distance
 * near zero may come out slightly negative, which still orders as it should.
 */
#ifndef OM_QUANT_H
#define OM_QUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum OmMetric
{
	OM_METRIC_L2 = 1,
	OM_METRIC_IP = 2,
	OM_METRIC_COSINE = 3,
	OM_METRIC_L1 = 4,
	OM_METRIC_HAMMING = 5,
	OM_METRIC_JACCARD = 6
} OmMetric;

typedef enum OmQuantKind
{
	OM_QUANT_RABITQ = 1,		/* 1, 2, 4 or 8 bits a dimension; rabitq.c */
	OM_QUANT_BINARY = 2,		/* rabitq of 1 bit, by another name */
	OM_QUANT_PQ = 3,			/* a byte a subvector; pq.c */
	OM_QUANT_SQ8 = 4,			/* a byte a dimension, in ranges; sq8.c */
	OM_QUANT_NONE = 5,			/* the float values themselves; none.c */
	OM_QUANT_BIT = 6,			/* strings of bits, no numbers; bits.c */
	OM_QUANT_SPARSE = 7			/* the elements that are not zero; sparse.c */
} OmQuantKind;

/* What makes a quantizer: everything but the trained model. */
typedef struct OmQuantSpec
{
	OmQuantKind kind;
	OmMetric	metric;
	int			dim;			/* dimensions of the vectors, 1 to 16,000; bit: 32 bits in the
								 * place of each float; sparse: om_sparse_floats() */
	int			bits;			/* rabitq: 1, 2, 4 or 8 a dimension; binary: 1; sparse: of a term;
								 * otherwise 0 */
	uint64_t	seed;			/* of the random rotation, or of the training */
	int			subvectors;		/* pq: 1 to dim; sparse: elements of a code; otherwise 0 */
} OmQuantSpec;

/* Are positions rows of numbers, of which a mean or a length says something? */
static inline bool
om_quant_has_numbers(const OmQuantSpec *spec)
{
	return spec->kind != OM_QUANT_BIT && spec->kind != OM_QUANT_SPARSE;
}

/*
 * What stands for x float[dim] with OM_QUANT_SPARSE: the largest elements of a vector,
 * up to what a code has room for, and what is to be known of the others.  Then follow
 * uint32 term[elements], below 2^bits, each once, and float value[elements], not zero; zeros past n.
 */
#define OM_SPARSE_BITS 30		/* at most */

typedef struct OmSparse
{
	uint32_t	n;
	float		norm;			/* of the whole vector */
	float		sum;			/* of magnitudes of the whole vector */
	float		rest;			/* norm of what is left out */
	float		rest_sum;		/* and sum of magnitudes */
} OmSparse;

static inline int
om_sparse_floats(int elements)
{
	return (int) (sizeof(OmSparse) / sizeof(float)) + 2 * elements;
}

static inline uint32_t *
om_sparse_terms(const OmSparse *v)
{
	return (uint32_t *) (v + 1);
}

static inline float *
om_sparse_values(const OmSparse *v, int elements)
{
	return (float *) (om_sparse_terms(v) + elements);
}

typedef struct OmQuantizer OmQuantizer; /* immutable once initialised */

/*
 * Query form: a vector prepared for comparison with many codes.
 * Header of a buffer of om_quant_query_bytes() bytes, 64-byte aligned.
 */
typedef struct OmQuery
{
	float		add;			/* added to every distance */
	float		mul;			/* value of one unit of 2 * dot - qsum */
	int32_t		qsum;			/* sum of q times (2^bits - 1) */
	float		norm;			/* norm of the centred vector, for the error */
	float		noise;			/* error of q itself per unit of a code's mul */
	int32_t		form;			/* pq: what q holds */
	int32_t		unused[10];		/* q starts a cache line */
	int8_t		q[];			/* what the kind compares with: rabitq int8[planes * stride], zero
								 * padded by 64; others float[] */
} OmQuery;

/* Bytes of one code, a multiple of 4; 0 if the spec is not valid. */
extern size_t om_quant_code_bytes(const OmQuantSpec *spec);

/*
 * Floats of the trained model: rabitq the mean vector; sq8 and pq see there;
 * none 0, it has no model.
 */
extern size_t om_quant_model_floats(const OmQuantSpec *spec);

/* A sample to train from; under cosine of normalised vectors. */
typedef struct OmTraining
{
	const float *mean;			/* float[dim], of a larger sample than rows */
	const float *rows;			/* float[nrows][dim] */
	int			nrows;
	/* called every few milliseconds; it may leave by longjmp */
	void		(*interrupt) (void *arg);
	void	   *arg;
} OmTraining;

/*
 * Rows that training makes use of, at most and at least: with fewer it fails.
 * 0: the mean is enough.
 */
extern int	om_quant_train_rows(const OmQuantSpec *spec);
extern int	om_quant_train_least(const OmQuantSpec *spec);

/* Bytes of scratch that training with nrows rows needs (64-byte aligned). */
extern size_t om_quant_train_bytes(const OmQuantSpec *spec, int nrows);

/*
 * Training has parts, at least one, that may be done by several processes, in
 * any order: each writes places of its own in the model, and the model is the
 * same.
 */
extern int	om_quant_train_parts(const OmQuantSpec *spec);

/* Train parts from..to-1 of model, float[om_quant_model_floats()]. */
extern void om_quant_train(const OmQuantSpec *spec, const OmTraining *training, int from,
						   int to, void *scratch, float *model);

/* Once all parts are trained: the rest of the model. */
extern void om_quant_train_finish(const OmQuantSpec *spec, const OmTraining *training,
								  void *scratch, float *model);

/* Bytes of the quantizer itself (64-byte aligned buffer). */
extern size_t om_quant_bytes(const OmQuantSpec *spec);

/* Bytes of one query form. */
extern size_t om_quant_query_bytes(const OmQuantSpec *spec);

/* Bytes of scratch that encode and query need (64-byte aligned). */
extern size_t om_quant_scratch_bytes(const OmQuantSpec *spec);

/*
 * Fill mem (om_quant_bytes()) from the spec and the model (copied).
 * model may be NULL (not for pq): a mean of zero.  The result holds no pointer: it may be
 * copied, or mapped at another address (64-byte aligned) by another process.
 * Call om_kernels_init() in each process first.
 */
extern OmQuantizer *om_quant_init(void *mem, const OmQuantSpec *spec,
								  const float *model);

/* The spec that it was initialised with. */
extern const OmQuantSpec *om_quant_spec(const OmQuantizer *quant);

/*
 * Are distances from the query form of a vector exact, to the last bit those of
 * the float kernels on the vectors?  If they are, but are rounded to float,
 * om_quant_unrounded() gives them in double.
 */
extern bool om_quant_exact(const OmQuantSpec *spec);
extern bool om_quant_rounds(const OmQuantSpec *spec);
extern double om_quant_unrounded(const OmQuantizer *quant, const OmQuery *query,
								 const void *code);

/* x float[dim], finite -> code.  Deterministic: equal input, equal bytes. */
extern void om_quant_encode(const OmQuantizer *quant, const float *x,
							void *scratch, void *code);

/* q float[dim], finite -> query form. */
extern void om_quant_query(const OmQuantizer *quant, const float *q,
						   void *scratch, OmQuery *query);

/*
 * The vector that a code stands for, float[dim], of about the length of the one
 * that it is of; under cosine of the normalised one.
 */
extern void om_quant_decode(const OmQuantizer *quant, const void *code,
							void *scratch, float *x);

/*
 * The query form of a code: distances from the vector that the code stands
 * for.  Fast (no rotation): the graph build does it for every candidate.  With
 * 1 or 2 bits far vectors come out a little too far.
 */
extern void om_quant_query_from_code(const OmQuantizer *quant, const void *code,
									 OmQuery *query);

/*
 * Distance from a query form to one code, order units.  *error, where error is
 * not NULL, becomes the estimator's standard error in the same units.
 */
typedef float (*OmDistanceFn) (const OmQuantizer *quant, const OmQuery *query,
							   const void *code);
extern OmDistanceFn om_quant_distance_fn(const OmQuantizer *quant);
extern float om_quant_error(const OmQuantizer *quant, const OmQuery *query,
							const void *code);

/* Distances to n codes; codes[i] are pointers.  dist float[n], out. */
extern void om_quant_distances(const OmQuantizer *quant, const OmQuery *query,
							   const void *const *codes, int n, float *dist);

/* ---- refinements (refine.c): a second code, of what the first leaves ---- */

/*
 * A refinement belongs to one code of rabitq of 1, 2 or 4 bits.  With both, a
 * distance is about as exact as one of a code of 4 bits more a dimension.  It is
 * an opaque run of om_quant_refine_bytes() bytes, 4-byte aligned in memory, and
 * holds a tag of its code: one of another code, and zeros, are recognised.
 */

/* Query form for refined distances; a buffer of om_quant_refine_query_bytes(). */
typedef struct OmRefineQuery
{
	float		step;			/* value of one step of the query form's q */
	float		noise;			/* error of q per unit of a refinement's factor */
	int32_t		qsum;			/* sum of the query form's q times 15 */
	float		low_noise;		/* error of low per unit of the code's factor */
	int32_t		low_qsum;		/* sum of low times (2^bits - 1) */
	int32_t		unused[11];		/* low starts a cache line */
	int8_t		low[];			/* int8[dim], zero padded: what the query form's rounding left, in
								 * 254ths of a step */
} OmRefineQuery;

/* What a refined distance needs of the code itself. */
typedef struct OmRefineBase
{
	float		add;
	float		dot;			/* of twice the grid vector and the query */
	uint32_t	tag;
} OmRefineBase;

/* Bytes of one refinement, a multiple of 4; 0 if the kind has none. */
extern size_t om_quant_refine_bytes(const OmQuantSpec *spec);

/* Bytes of one query form. */
extern size_t om_quant_refine_query_bytes(const OmQuantSpec *spec);

/* x float[dim], finite, and its code -> refinement.  Deterministic. */
extern void om_quant_refine_encode(const OmQuantizer *quant, const float *x,
								   const void *code, void *scratch, void *refinement);

/* q float[dim], finite -> both query forms. */
extern void om_quant_refine_query(const OmQuantizer *quant, const float *q, void *scratch,
								  OmQuery *query, OmRefineQuery *refine);

/* What the distance needs of a code: the two parts need not lie side by side. */
extern void om_quant_refine_base(const OmQuantizer *quant, const OmQuery *query,
								 const OmRefineQuery *refine, const void *code,
								 OmRefineBase *base);

/*
 * Refined distance, order units, with its standard error.  false: the refinement
 * is of another code, or blurred; nothing is stored then.
 */
extern bool om_quant_refine_distance(const OmQuantizer *quant, const OmQuery *query,
									 const OmRefineQuery *refine, const OmRefineBase *base,
									 const void *refinement, float *dist, float *error);

/* Is it one of this code, as it was made or blurred? */
extern bool om_quant_refine_matches(const void *code, const void *refinement);

/*
 * A blurred refinement stands for vectors of equal codes that differ: it says
 * nothing.  A store of 4 bytes, so that others may read at the same time.
 */
extern void om_quant_refine_blur(void *refinement);
extern bool om_quant_refine_is_blurred(const void *refinement);

#endif							/* OM_QUANT_H */
