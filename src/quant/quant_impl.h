/*
 * quant_impl.h -- what the files of this folder share; nobody else includes it.
 *
 * A code:
 *
 *     0      4      8      12                            12 + stride
 *     | add  | mul  | err  | packed levels, stride bytes | zeros to 4 bytes |
 *
 *   add   float, added to every distance
 *   mul   float, multiplies the inner product of levels and query
 *   err   float, standard error per unit of the query's norm
 *
 * Level u of dimension d = p * stride + j sits in byte j, bits p * b and up
 * (planar: a kernel unpacks whole registers by shift and mask).
 */
#ifndef OM_QUANT_IMPL_H
#define OM_QUANT_IMPL_H

#include "kernel/kernel.h"
#include "quant/quant.h"

#define OM_QUANT_MAX_DIM 16000

typedef struct OmCodeHead
{
	float		add;
	float		mul;
	float		err;
} OmCodeHead;

/*
 * The quantizer is one block without pointers: mean float[padded], then the
 * rotation's tables float[rounds][padded].
 */
struct OmQuantizer
{
	OmQuantSpec spec;
	int			padded;			/* dim rounded up to OM_LANES */
	int			stride;			/* bytes of packed levels */
	int			planes;			/* 8 / bits */
	int			code_bytes;
	int			rounds;			/* of the rotation */
	int			fht;			/* largest power of two <= dim */
	float		mean_sq;		/* |mean|^2, for inner product */
	float		metric_mul;		/* 2 for L2, otherwise 1 */
	float		typical_length; /* |v| of a typical code */
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

static inline const float *
om_quant_mean(const OmQuantizer *quant)
{
	return quant->data;
}

/* rotate.c */
extern int	om_rotate_rounds(int dim);
extern void om_rotate_init(OmQuantizer *quant);
extern void om_rotate(const OmQuantizer *quant, float *x);

/* rabitq.c */
extern size_t om_rabitq_bytes(const OmQuantSpec *spec);
extern size_t om_rabitq_scratch_bytes(const OmQuantSpec *spec);
extern OmQuantizer *om_rabitq_init(void *mem, const OmQuantSpec *spec,
								   const float *model);
extern void om_rabitq_encode(const OmQuantizer *quant, const float *x,
							 void *scratch, void *code);
extern void om_rabitq_query(const OmQuantizer *quant, const float *q,
							void *scratch, OmQuery *query);
extern void om_rabitq_query_from_code(const OmQuantizer *quant,
									  const void *code, OmQuery *query);
extern OmDistanceFn om_rabitq_distance_fn(const OmQuantizer *quant);
extern void om_rabitq_distances(const OmQuantizer *quant, const OmQuery *query,
								const void *const *codes, int n, float *dist);
extern float om_rabitq_error(const OmQuantizer *quant, const OmQuery *query,
							 const void *code);

#endif							/* OM_QUANT_IMPL_H */
