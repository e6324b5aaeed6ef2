/*
 * kernel.h -- arithmetic kernels, chosen for the CPU at run time.
 *
 * Numbers only: no PostgreSQL header, no allocation.  The library holds every variant.
 * om_kernels_init() (idempotent, cheap) points om_kernels at the best one for this CPU;
 * _PG_init() and every unit test call it first.
 */
#ifndef OM_KERNEL_H
#define OM_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OM_LANES 16

typedef struct OmKernels
{
	const char *name;			/* "scalar", "avx2", "avx512", "avx512vnni", "neon" */

	/* Sums over float[dim], accumulated in float32; any alignment. */
	float		(*l2sq_f32) (const float *a, const float *b, int dim);
	float		(*ip_f32) (const float *a, const float *b, int dim);
	float		(*l1_f32) (const float *a, const float *b, int dim);
	/* out[0] = a.b, out[1] = a.a, out[2] = b.b */
	void		(*cos_f32) (const float *a, const float *b, int dim, float out[3]);

	/*
	 * The same for half precision; each uint16_t has the bits of an IEEE half, and every
	 * variant gives the same result.  Conversion to float is exact; conversion from float
	 * rounds to nearest even (infinite from 65520 on); a NaN is some NaN. Arrays need no padding.
	 */
	float		(*l2sq_f16) (const uint16_t *a, const uint16_t *b, int dim);
	float		(*ip_f16) (const uint16_t *a, const uint16_t *b, int dim);
	float		(*l1_f16) (const uint16_t *a, const uint16_t *b, int dim);
	void		(*cos_f16) (const uint16_t *a, const uint16_t *b, int dim, float out[3]);
	void		(*f16_to_f32) (const uint16_t *x, float *out, int n);
	void		(*f32_to_f16) (const float *x, uint16_t *out, int n);

	/*
	 * Bit strings of n bytes: the number of bits that differ; out = number of bits set in
	 * a & b, in a ^ b.
	 */
	uint64_t	(*differ_bits) (const uint8_t *a, const uint8_t *b, size_t n);
	void		(*share_bits) (const uint8_t *a, const uint8_t *b, size_t n,
							   uint64_t out[2]);

	/*
	 * Dot product of a packed code and an int8 query, in planar layout: a code of b bits a
	 * dimension has 8/b planes of stride bytes.  Plane p of byte j is (code[j] >> (p * b))
	 * & (2^b - 1) and is multiplied by q[p * stride + j]. q must be readable for 64 bytes
	 * past its end; code is not read past stride.  int32 accumulator: it would overflow at
	 * 65,793 dimensions (255 * 128 each). Index by log2(bits): 0 = 1 bit, 1 = 2 bits, 2 = 4
	 * bits, 3 = 8 bits.
	 */
	int32_t		(*dot_code[4]) (const uint8_t *code, const int8_t *q, int stride);

	/*
	 * The same for n codes, each of which starts skip bytes after codes[i]; dot int32[n].
	 * NULL where it is no faster than a loop.
	 */
	void		(*dot_codes[4]) (const void *const *codes, int skip, int n,
								 const int8_t *q, int stride, int32_t *dot);

	/*
	 * Expands a packed code to int8 in the same planar layout: 2u - (2^b - 1) for 1, 2 and
	 * 4 bits; for 8 bits u - 127.5 rounded towards zero, -127 to 127. out int8[planes *
	 * stride], writable for 64 bytes past its end.
	 */
	void		(*expand_code[4]) (const uint8_t *code, int8_t *out, int stride);

	/* In-place fast Hadamard transform of float[n], n a power of two, not scaled. */
	void		(*fht_f32) (float *x, int n);

	/* out = sums of x, of |x| and of x*x; |x| <= 127, x must be readable for 64 bytes past n. */
	void		(*sums_i8) (const int8_t *x, int n, int32_t out[3]);

	/*
	 * The encoder's kernels.  These and fht_f32 give the same results in every variant:
	 * they add in OM_LANES partial sums, and no multiplication is fused with an addition.
	 * So a vector has the same code on every CPU. Except where stated otherwise, arrays are
	 * padded with zeros to a multiple of OM_LANES floats.
	 */

	/* Sum of squares of float[n]; x is not read past n. */
	float		(*sumsq_f32) (const float *x, int n);

	/*
	 * y = x * scale - c; out[0] = y.y, out[1] = y.c.  x is not read past n; y and c are
	 * padded (y's padding is written).
	 */
	void		(*center_f32) (const float *x, const float *c, float scale,
							   float *y, int n, float out[2]);

	/* x *= m, elementwise, n a multiple of OM_LANES */
	void		(*mul_f32) (float *x, const float *m, int n);

	/* (a, b) becomes (a + b, a - b), elementwise; no padding needed. */
	void		(*mix_f32) (float *a, float *b, int n);

	/*
	 * Four trial scales of a symmetric quantizer of 2^bits levels.  With
	 * m = min(floor(t|x|), 2^(bits-1) - 1) + 1/2, dot[k] = sum of m|x| and
	 * sq[k] = sum of m*m for scale t[k].  n a multiple of OM_LANES.
	 */
	void		(*trial_f32) (const float *x, int n, int bits, const float t[4],
							  float dot[4], float sq[4]);

	/* The levels for scale t: u[i] in 0..2^bits-1, one byte each. n as above. */
	void		(*quantize_f32) (const float *x, int n, int bits, float t,
								 uint8_t *u);

	/* Largest |x|; n a multiple of OM_LANES. */
	float		(*absmax_f32) (const float *x, int n);

	/* q = x * scale, rounded to nearest even; returns the sum of q. */
	int32_t		(*to_i8_f32) (const float *x, int n, float scale, int8_t *q);

	/*
	 * Scalar quantization: dimension i of a vector is step[i] * (a + b * u[i]). u uint8[n]
	 * is not read past n; the others are padded with zeros.  The sum of squared differences
	 * to q; the sum of absolute differences to q; the sum of u * w; the vector itself.
	 */
	float		(*sq8_l2sq_f32) (const uint8_t *u, const float *q, const float *step,
								 int n, float a, float b);
	float		(*sq8_l1_f32) (const uint8_t *u, const float *q, const float *step,
							   int n, float a, float b);
	float		(*sq8_dot_f32) (const uint8_t *u, const float *w, int n);
	void		(*sq8_expand_f32) (const uint8_t *u, const float *step, int n, float a,
								   float b, float *out);

	/*
	 * For each of n points x[n][dim], the number of the nearest of 256 centroids: the first
	 * one with the highest score, <x, c> - |c|^2 / 2. A NaN score is never the highest; 0
	 * if all are NaN. centroids float[dim][256], half_sq float[256]; output nearest
	 * uint8[n] and score float[n].
	 */
	void		(*nearest_f32) (const float *x, int n, const float *centroids,
								const float *half_sq, int dim, uint8_t *nearest,
								float *score);

	/*
	 * Inner products of q[dim] with 256 centroids, rounded to nearest even; each must fit
	 * in int16. centroids float[dim][256], out int16[256].
	 */
	void		(*table_i16) (const float *q, const float *centroids, int dim,
							  int16_t *out);

	/*
	 * Sets bit i of bits if lo <= x[i] <= hi.  Whole words are written, (n + 63) / 64 of
	 * them, with zeros past n; x is not read past n.
	 */
	void		(*range_u8) (const uint8_t *x, int n, uint8_t lo, uint8_t hi,
							 uint64_t *bits);
	void		(*range_u16) (const uint16_t *x, int n, uint16_t lo, uint16_t hi,
							  uint64_t *bits);
	void		(*range_u32) (const uint32_t *x, int n, uint32_t lo, uint32_t hi,
							  uint64_t *bits);
	void		(*range_u64) (const uint64_t *x, int n, uint64_t lo, uint64_t hi,
							  uint64_t *bits);

	/*
	 * Unpacks n values of b bits (0 to 32) from a bit string (kernel_unpack.c). in must be
	 * readable for 8 bytes past its end; out is not written past n.
	 */
	void		(*unpack_u32) (const uint8_t *in, int n, int bits, uint32_t *out);
} OmKernels;

/* Packs n values into a bit string of (n * bits + 7) / 8 bytes; no value may have more bits. */
extern void om_pack_u32(const uint32_t *x, int n, int bits, uint8_t *out);

/* Value i of such a string; in must be readable for 8 bytes past its end. */
static inline uint32_t
om_unpack_one(const uint8_t *in, int i, int bits)
{
	size_t		at = (size_t) i * (size_t) bits;
	uint64_t	word = 0;

	/* it is within the 39 bits that start at its first byte; this works for any byte order */
	for (int k = 0; k < 5; k++)
		word |= (uint64_t) in[at / 8 + (size_t) k] << (8 * k);
	return (uint32_t) (word >> (at % 8) & ((UINT64_C(1) << bits) - 1));
}

static inline size_t
om_packed_bytes(int n, int bits)
{
	return ((size_t) n * (size_t) bits + 7) / 8;
}

extern const OmKernels *om_kernels;
/* Point om_kernels at the fastest variant for this CPU; may be called again. */
extern void om_kernels_init(void);

/* For tests: store the variants that this CPU can run in out[max], slowest first; returns how many. */
extern int	om_kernels_list(const OmKernels **out, int max);

#endif							/* OM_KERNEL_H */
