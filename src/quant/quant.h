/*
 * quant.h -- quantizers: convert vectors to compact codes, and compute distances on codes.
 *
 * Numbers only: no PostgreSQL header, no allocation, no error reporting.  The caller
 * supplies every buffer, sized by the functions below.
 *
 * A code is an opaque run of om_quant_code_bytes() bytes, 4-byte aligned in memory, holding
 * the correction factors and the packed bits.  Two vectors with equal codes are
 * indistinguishable to the index.
 *
 * Distances are in "order units", which exact re-ranking uses as well:
 *   OM_METRIC_L2       squared Euclidean distance
 *   OM_METRIC_IP       negative inner product
 *   OM_METRIC_COSINE   cosine distance, 1 - cos (vectors are normalised inside)
 *   OM_METRIC_L1       sum of absolute differences (not with rabitq, binary and pq)
 *   OM_METRIC_HAMMING  number of bits that differ (OM_QUANT_BIT only)
 *   OM_METRIC_JACCARD  1 - bits set in both / bits set in either (OM_QUANT_BIT only)
 * They are never NaN: a distance that overflows or is undefined is FLT_MAX, or -FLT_MAX if
 * an inner product is too large.  They are estimates: a distance near zero may come out
 * slightly negative, which still sorts correctly.
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
	OM_QUANT_BINARY = 2,		/* rabitq with 1 bit, under another name */
	OM_QUANT_PQ = 3,			/* a byte a subvector; pq.c */
	OM_QUANT_SQ8 = 4,			/* a byte a dimension, in ranges; sq8.c */
	OM_QUANT_NONE = 5,			/* the float values themselves; none.c */
	OM_QUANT_BIT = 6,			/* strings of bits, no numbers; bits.c */
	OM_QUANT_SPARSE = 7			/* the elements that are not zero; sparse.c */
} OmQuantKind;

/* Defines a quantizer, except for its trained model. */
typedef struct OmQuantSpec
{
	OmQuantKind kind;
	OmMetric	metric;
	int			dim;			/* dimensions of the vectors, 1 to 16,000; for OM_QUANT_BIT, a
								 * float stands for 32 bits; for OM_QUANT_SPARSE,
								 * om_sparse_floats() */
	int			bits;			/* rabitq: bits a dimension, 1, 2, 4 or 8; binary: 1; sparse: bits
								 * of a term; otherwise 0 */
	uint64_t	seed;			/* of the random rotation, or of the training */
	int			subvectors;		/* pq: number of subvectors, 1 to dim; sparse: elements of a code;
								 * otherwise 0 */
} OmQuantSpec;

/* Are positions rows of numbers, for which a mean and a length make sense? */
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
	float		sum;			/* sum of magnitudes of the whole vector */
	float		rest;			/* norm of the elements left out */
	float		rest_sum;		/* sum of magnitudes of the elements left out */
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
	int32_t		qsum;			/* sum of the components of q, times (2^bits - 1) */
	float		norm;			/* norm of the centred vector, for the error */
	float		noise;			/* rounding error of q, per unit of a code's mul */
	int32_t		form;			/* pq: what q holds */
	int32_t		unused[10];		/* makes q start at a cache line */
	int8_t		q[];			/* what codes are compared with: rabitq int8[planes * stride], zero
								 * padded by 64; others float[] */
} OmQuery;

/* Bytes of one code, a multiple of 4; 0 if the spec is not valid. */
extern size_t om_quant_code_bytes(const OmQuantSpec *spec);

/*
 * Floats of the trained model: rabitq, the mean vector; sq8 and pq, see there; 0 if the
 * kind has no model, as with none.
 */
extern size_t om_quant_model_floats(const OmQuantSpec *spec);

/* The sample to train from; under cosine, vectors must be normalised. */
typedef struct OmTraining
{
	const float *mean;			/* float[dim], the mean of a larger sample than rows */
	const float *rows;			/* float[nrows][dim] */
	int			nrows;
	/* called every few milliseconds; it may leave by longjmp */
	void		(*interrupt) (void *arg);
	void	   *arg;
} OmTraining;

/*
 * The largest number of rows that training makes use of, and the smallest that it needs.
 * 0: the mean is enough.
 */
extern int	om_quant_train_rows(const OmQuantSpec *spec);
extern int	om_quant_train_least(const OmQuantSpec *spec);

/* Bytes of scratch that training with nrows rows needs (64-byte aligned). */
extern size_t om_quant_train_bytes(const OmQuantSpec *spec, int nrows);

/*
 * Training consists of one or more parts, which several processes may do in any order: each
 * part writes its own section of the model, so the model is always the same.
 */
extern int	om_quant_train_parts(const OmQuantSpec *spec);

/* Train parts from..to-1 of model, float[om_quant_model_floats()]. */
extern void om_quant_train(const OmQuantSpec *spec, const OmTraining *training, int from,
						   int to, void *scratch, float *model);

/* Compute the rest of the model, once all parts are trained. */
extern void om_quant_train_finish(const OmQuantSpec *spec, const OmTraining *training,
								  void *scratch, float *model);

/* Bytes of the quantizer itself (64-byte aligned buffer). */
extern size_t om_quant_bytes(const OmQuantSpec *spec);

/* Bytes of one query form. */
extern size_t om_quant_query_bytes(const OmQuantSpec *spec);

/* Bytes of scratch that encode and query need (64-byte aligned). */
extern size_t om_quant_scratch_bytes(const OmQuantSpec *spec);

/*
 * Fill mem (om_quant_bytes()) from the spec and the model, which is copied.  model may be
 * NULL (except for pq), which means a mean of zero.  The result holds no pointers: it may
 * be copied, or mapped by another process at another (64-byte aligned) address.  Call
 * om_kernels_init() in each process first.
 */
extern OmQuantizer *om_quant_init(void *mem, const OmQuantSpec *spec,
								  const float *model);

/* The spec that it was initialised with. */
extern const OmQuantSpec *om_quant_spec(const OmQuantizer *quant);

/*
 * Are distances from a vector's query form exact, that is, equal to the last bit to those
 * of the float kernels on the vectors?  If they are exact except for a rounding to float,
 * om_quant_unrounded() returns them in double.
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
 * The vector that a code stands for, float[dim]. Its length is about that of the encoded
 * vector; under cosine, of the normalised one.
 */
extern void om_quant_decode(const OmQuantizer *quant, const void *code,
							void *scratch, float *x);

/*
 * The query form of a code, for distances from the vector that the code stands for.  Fast
 * (no rotation): the graph build does this for every candidate.  With 1 or 2 bits,
 * distances to far vectors come out a little too large.
 */
extern void om_quant_query_from_code(const OmQuantizer *quant, const void *code,
									 OmQuery *query);

/* Distance from a query form to one code, in order units. */
typedef float (*OmDistanceFn) (const OmQuantizer *quant, const OmQuery *query,
							   const void *code);

/* The function that computes it. */
extern OmDistanceFn om_quant_distance_fn(const OmQuantizer *quant);
/* The standard error of that distance, in the same units. */
extern float om_quant_error(const OmQuantizer *quant, const OmQuery *query,
							const void *code);

/* Distances to n codes; codes[i] are pointers.  dist float[n], out. */
extern void om_quant_distances(const OmQuantizer *quant, const OmQuery *query,
							   const void *const *codes, int n, float *dist);

/* ---- refinements (refine.c): a second code, for the residual of the first ---- */

/*
 * A refinement belongs to one rabitq code of 1, 2 or 4 bits.  With both, a distance is
 * about as exact as with a code of 4 more bits a dimension.  It is an opaque run of
 * om_quant_refine_bytes() bytes, 4-byte aligned in memory.  It holds a tag of its code, so
 * that a refinement of another code, or one of zeros, is recognised.
 */

/* Query form for refined distances, in a buffer of om_quant_refine_query_bytes(). */
typedef struct OmRefineQuery
{
	float		step;			/* value of one step of the query form's q */
	float		noise;			/* error of q per unit of a refinement's factor */
	int32_t		qsum;			/* sum of the components of the query form's q, times 15 */
	float		low_noise;		/* rounding error of low, per unit of the code's factor */
	int32_t		low_qsum;		/* sum of the components of low, times (2^bits - 1) */
	int32_t		unused[11];		/* makes low start at a cache line */
	int8_t		low[];			/* int8[dim], zero padded: the rounding error of the query form's
								 * q, in 254ths of a step */
} OmRefineQuery;

/* The part of a refined distance that depends on the code. */
typedef struct OmRefineBase
{
	float		add;
	float		dot;			/* dot product of twice the grid vector and the query */
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

/* Compute the part that depends on the code: code and refinement may be stored apart. */
extern void om_quant_refine_base(const OmQuantizer *quant, const OmQuery *query,
								 const OmRefineQuery *refine, const void *code,
								 OmRefineBase *base);

/*
 * Compute the refined distance, in order units, and its standard error.  false: the
 * refinement belongs to another code, or is blurred; nothing is stored then.
 */
extern bool om_quant_refine_distance(const OmQuantizer *quant, const OmQuery *query,
									 const OmRefineQuery *refine, const OmRefineBase *base,
									 const void *refinement, float *dist, float *error);

/* Does the refinement belong to this code, blurred or not? */
extern bool om_quant_refine_matches(const void *code, const void *refinement);

/*
 * Mark a refinement as blurred: its node has vectors with equal codes that differ, so it
 * says nothing about any of them.  The store is one of 4 bytes, so that others may read at
 * the same time.
 */
extern void om_quant_refine_blur(void *refinement);
extern bool om_quant_refine_is_blurred(const void *refinement);

/* ---- codes of links (linkcode.c): where one node lies, seen from another ---- */

/* Bytes of the signs, and dimensions that these are of. */
#define OM_LINK_BYTES	16
#define OM_LINK_DIM		(8 * OM_LINK_BYTES)

/*
 * The code of a link between two rabitq codes of one model.  The distance from a query to the
 * second is about that to the first, plus add, minus mul times the product of the signs and the
 * query.
 */
typedef struct OmLinkCode
{
	float		add;
	float		mul;			/* not negative */
	uint8_t		bits[OM_LINK_BYTES];
} OmLinkCode;

/* A query form for the signs of links. */
typedef struct OmLinkQuery
{
	float		step;			/* value of one step of q */
	int32_t		sum;			/* of q */
	int8_t		q[OM_LINK_DIM + 64];	/* zero padded */
} OmLinkQuery;

/* Do codes of this kind have codes of links? */
extern bool om_quant_has_links(const OmQuantSpec *spec);

/* Bytes of a code's vector, with scratch behind it (64-byte aligned); the vector itself. */
extern size_t om_quant_link_vector_bytes(const OmQuantSpec *spec);
extern void om_quant_link_vector(const OmQuantizer *quant, const void *code, float *vector);

/*
 * Encode the link from one code to another, with the vectors of both.  false: a factor is too
 * large to be kept.
 */
extern bool om_quant_link_encode(const OmQuantizer *quant, const void *from_code,
								 const float *from, const void *to_code, const float *to,
								 OmLinkCode *link);

/* Make the query form for codes of links from a query form for codes of nodes. */
extern void om_quant_link_query(const OmQuantizer *quant, const OmQuery *query,
								OmLinkQuery *link);

/* The products of n codes' signs, bits uint8[n][OM_LINK_BYTES], and a query. */
extern void om_quant_link_products(const OmLinkQuery *link, const uint8_t *bits, int n,
								   float *product);

#endif							/* OM_QUANT_H */
