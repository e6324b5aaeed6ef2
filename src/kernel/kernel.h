/*
 * kernel.h -- arithmetic kernels, chosen at run time for the CPU.
 *
 * Numbers only: no PostgreSQL header, no allocation.  One binary holds every
 * variant; om_kernels points at the best table for this CPU after
 * om_kernels_init() (idempotent, cheap), which the library's load function and
 * every unit test call first.
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
	 * The same for half precision, each the bits of an IEEE half; every variant
	 * gives the same result.  Conversions: exact, and to nearest even (infinite
	 * from 65520 on); arrays need no padding.
	 */
	float		(*l2sq_f16) (const uint16_t *a, const uint16_t *b, int dim);
	float		(*ip_f16) (const uint16_t *a, const uint16_t *b, int dim);
	float		(*l1_f16) (const uint16_t *a, const uint16_t *b, int dim);
	void		(*cos_f16) (const uint16_t *a, const uint16_t *b, int dim, float out[3]);
	void		(*f16_to_f32) (const uint16_t *x, float *out, int n);
	void		(*f32_to_f16) (const float *x, uint16_t *out, int n);

	/*
	 * Strings of n bytes: how many bits differ; out = ones of a & b, of a, of b.
	 */
	uint64_t	(*differ_bits) (const uint8_t *a, const uint8_t *b, size_t n);
	void		(*share_bits) (const uint8_t *a, const uint8_t *b, size_t n,
							   uint64_t out[3]);

	/*
	 * Dot product of a packed code and an int8 query, planar layout: a code of
	 * b bits a dimension has 8/b planes of stride bytes; plane p of byte j is
	 * (code[j] >> (p * b)) & (2^b - 1) and meets q[p * stride + j].  q is
	 * readable 64 bytes past its end.  code is not readable past stride.
	 * int32 accumulator: 255 * 128 * 65,793 dimensions would overflow it.
	 * Index by log2(bits): 0 = 1 bit, 1 = 2 bits, 2 = 4 bits, 3 = 8 bits.
	 */
	int32_t		(*dot_code[4]) (const uint8_t *code, const int8_t *q, int stride);

	/*
	 * The same for n codes, each skip bytes past codes[i]; dot int32[n].  NULL
	 * where it gains nothing over a loop.
	 */
	void		(*dot_codes[4]) (const void *const *codes, int skip, int n,
								 const int8_t *q, int stride, int32_t *dot);

	/*
	 * Code expansion: the packed code as int8 in the same planar layout:
	 * 2u - (2^b - 1) for 1, 2, 4 bits; for 8 bits u - 127.5 rounded towards
	 * zero, -127 to 127.  out int8[planes * stride], writable 64 bytes past.
	 */
	void		(*expand_code[4]) (const uint8_t *code, int8_t *out, int stride);

	/* In-place fast Hadamard transform of float[n], n a power of two, not scaled. */
	void		(*fht_f32) (float *x, int n);

	/* out = sum of x, of |x|, of x*x; |x| <= 127, x readable 64 bytes past n. */
	void		(*sums_i8) (const int8_t *x, int n, int32_t out[3]);

	/*
	 * The encoder's kernels.  These and fht_f32 round alike in every variant:
	 * sums run in OM_LANES partial sums, no multiplication is fused with an
	 * addition.  So a vector has one code, whatever CPU makes it.  Except where
	 * stated, arrays are padded to a multiple of OM_LANES floats, with zeros.
	 */

	/* Sum of squares of float[n]; x not readable past n. */
	float		(*sumsq_f32) (const float *x, int n);

	/*
	 * y = x * scale - c; out[0] = y.y, out[1] = y.c.  x not readable past n;
	 * y and c padded (y's padding is written).
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

	/* The levels for scale t: u[i] in 0..2^bits-1, one a byte.  n as above. */
	void		(*quantize_f32) (const float *x, int n, int bits, float t,
								 uint8_t *u);

	/* Largest |x|; n a multiple of OM_LANES. */
	float		(*absmax_f32) (const float *x, int n);

	/* q = x * scale, rounded to nearest even; returns the sum of q. */
	int32_t		(*to_i8_f32) (const float *x, int n, float scale, int8_t *q);

	/*
	 * Scalar quantization: dimension i of a vector is step[i] * (a + b * u[i]).
	 * u uint8[n] not readable past n, the others padded with zeros.  Sums of
	 * squared and of absolute differences to q; the sum of u * w; the vector.
	 */
	float		(*sq8_l2sq_f32) (const uint8_t *u, const float *q, const float *step,
								 int n, float a, float b);
	float		(*sq8_l1_f32) (const uint8_t *u, const float *q, const float *step,
							   int n, float a, float b);
	float		(*sq8_dot_f32) (const uint8_t *u, const float *w, int n);
	void		(*sq8_expand_f32) (const uint8_t *u, const float *step, int n, float a,
								   float b, float *out);

	/*
	 * Which of 256 centroids is nearest to each of n points x[n][dim]: the first
	 * of those whose score, <x, c> - |c|^2 / 2, is highest.  Not one whose score
	 * is NaN; 0 if all are.  centroids float[dim][256], half_sq float[256],
	 * nearest uint8[n] and score float[n], out.
	 */
	void		(*nearest_f32) (const float *x, int n, const float *centroids,
								const float *half_sq, int dim, uint8_t *nearest,
								float *score);

	/*
	 * Inner products of q[dim] with 256 centroids, rounded to nearest even, each
	 * within int16.  centroids float[dim][256], out int16[256].
	 */
	void		(*table_i16) (const float *q, const float *centroids, int dim,
							  int16_t *out);

	/*
	 * Bit i of bits tells whether lo <= x[i] <= hi.  Whole words are written,
	 * (n + 63) / 64 of them, and bits past n are 0; x not readable past n.
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
	 * The n values of b bits, 0 to 32, of a string of bits (kernel_unpack.c).  in is
	 * readable 8 bytes past its end; out not written past n.
	 */
	void		(*unpack_u32) (const uint8_t *in, int n, int bits, uint32_t *out);
} OmKernels;

/* The string of bits: (n * bits + 7) / 8 bytes; no value has more bits. */
extern void om_pack_u32(const uint32_t *x, int n, int bits, uint8_t *out);

static inline size_t
om_packed_bytes(int n, int bits)
{
	return ((size_t) n * (size_t) bits + 7) / 8;
}

extern const OmKernels *om_kernels;
extern void om_kernels_init(void);

/* Every variant that this binary holds and this CPU can run; for tests. */
extern int	om_kernels_list(const OmKernels **out, int max);

#endif							/* OM_KERNEL_H */
