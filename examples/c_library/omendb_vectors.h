/*
 * omendb_vectors.h -- omendb's distances and quantizers as a C library, for other languages.
 *
 * Numbers only: no PostgreSQL.  The library exports what is declared here and nothing else.
 *
 * Arrays    C order, rows one after the other, no padding, little or big endian as the machine.
 *           rows float[n][dim] in any alignment of float; halves the 16 bits of IEEE half
 *           precision; bits 8 in a byte; codes uint8[n][omv_code_bytes()], 4-byte aligned.
 * Limits    dim 1 to 16,000.
 * Units     Distances order rows as the SQL operators do, nearest first:
 *             OMV_L2       squared Euclidean distance
 *             OMV_IP       negative inner product
 *             OMV_COSINE   1 - cosine, 0 to 2; NaN if one of the two is all zeros
 *             OMV_L1       sum of absolute differences
 *             OMV_HAMMING  bits that differ
 *             OMV_JACCARD  1 less the share of common ones in the ones of either; 1 if none is common
 * Precision Sums of floats are float32: relative error below 1e-5 of the sum of magnitudes,
 *           infinite where it overflows.
 * Errors    Functions return 0 or one of OMV_ERROR_..., and write nothing then.
 * Threads   A quantizer does not change once it is made: any number of threads may use it.
 */
#ifndef OMENDB_VECTORS_H
#define OMENDB_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C"
{
#endif

#define OMV_API __attribute__((visibility("default")))

/* It changes when a program compiled with an older header could no longer use the library. */
#define OMV_VERSION 1

enum
{
	OMV_OK = 0,
	OMV_ERROR_ARGUMENT = -1,	/* a size, an alignment, a metric, or they do not go together */
	OMV_ERROR_NOT_FINITE = -2,	/* a number is NaN or infinite */
	OMV_ERROR_MEMORY = -3,
	OMV_ERROR_FEW_ROWS = -4		/* the quantizer cannot be trained with so few */
};

enum
{
	OMV_L2 = 1,
	OMV_IP = 2,
	OMV_COSINE = 3,
	OMV_L1 = 4,
	OMV_HAMMING = 5,
	OMV_JACCARD = 6
};

/* Quantizers: what a code of dim dimensions takes, and for which metrics. */
enum
{
	OMV_RABITQ = 1,				/* bits of 1, 2, 4 or 8 a dimension and 12 bytes; l2, ip, cosine */
	OMV_PQ = 3,					/* a byte a subvector and 12 bytes; l2, ip, cosine */
	OMV_SQ8 = 4,				/* a byte a dimension and 8 bytes or more; l2, ip, cosine, l1 */
	OMV_NONE = 5				/* the floats; l2, ip, cosine, l1 */
};

OMV_API int omv_version(void);

/* The instruction set in use: "scalar", "avx2", "avx512", "avx512vnni", "neon", "neondot". */
OMV_API const char *omv_instructions(void);

/* An error in words; a string that is never freed. */
OMV_API const char *omv_message(int error);

/*
 * Distances of one query to n rows: out double[n].
 *
 * query    float[dim], uint16_t[dim], uint8_t[bytes]
 * metric   OMV_L2 to OMV_L1; for bits OMV_HAMMING or OMV_JACCARD
 */
OMV_API int omv_distances_f32(int metric, const float *query, const float *rows, int64_t n,
							  int dim, double *out);
OMV_API int omv_distances_f16(int metric, const uint16_t *query, const uint16_t *rows, int64_t n,
							  int dim, double *out);
OMV_API int omv_distances_bits(int metric, const uint8_t *query, const uint8_t *rows, int64_t n,
							   int bytes, double *out);

typedef struct omv_quantizer omv_quantizer;

typedef struct omv_spec
{
	int			kind;			/* OMV_RABITQ, ... */
	int			metric;
	int			dim;
	int			bits;			/* rabitq: 1, 2, 4 or 8; otherwise 0 */
	int			subvectors;		/* pq: 1 to dim; otherwise 0 */
	uint64_t	seed;			/* equal seeds and rows make equal quantizers, on every CPU */
} omv_spec;

/*
 * A quantizer for rows like these: float[n][dim], finite; n of 1,000 or more for pq, 16 or more
 * for sq8, any for rabitq and none.  omv_free() it.
 */
OMV_API int omv_train(const omv_spec *spec, const float *rows, int64_t n, omv_quantizer **out);

/*
 * What training has learned, float[omv_model_floats()], to be stored beside the codes; and a
 * quantizer made of it again.  Codes belong to one model.
 */
OMV_API int64_t omv_model_floats(const omv_quantizer *quantizer);
OMV_API int omv_model(const omv_quantizer *quantizer, float *out);
OMV_API int omv_load(const omv_spec *spec, const float *model, int64_t floats, omv_quantizer **out);
OMV_API void omv_free(omv_quantizer *quantizer);

/* Bytes of one code, a multiple of 4. */
OMV_API int omv_code_bytes(const omv_quantizer *quantizer);

/* rows float[n][dim], finite -> codes. */
OMV_API int omv_encode(const omv_quantizer *quantizer, const float *rows, int64_t n, uint8_t *codes);

/* The vectors that codes stand for, rows float[n][dim]; normalised ones under OMV_COSINE. */
OMV_API int omv_decode(const omv_quantizer *quantizer, const uint8_t *codes, int64_t n, float *rows);

/*
 * Estimated distances of a query, float[dim], to n codes: out float[n], never NaN.
 * error float[n] are the estimates' standard errors; NULL: they are not wanted.
 */
OMV_API int omv_distances_codes(const omv_quantizer *quantizer, const float *query,
								const uint8_t *codes, int64_t n, float *out, float *error);

#ifdef __cplusplus
}
#endif

#endif							/* OMENDB_VECTORS_H */
