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
	 * Dot product of a packed code and an int8 query, planar layout: a code of
	 * b bits a dimension has 8/b planes of stride bytes; plane p of byte j is
	 * (code[j] >> (p * b)) & (2^b - 1) and meets q[p * stride + j].  q is
	 * readable 64 bytes past its end.  code is not readable past stride.
	 * int32 accumulator: 255 * 128 * 65,793 dimensions would overflow it.
	 * Index by log2(bits): 0 = 1 bit, 1 = 2 bits, 2 = 4 bits, 3 = 8 bits.
	 */
	int32_t		(*dot_code[4]) (const uint8_t *code, const int8_t *q, int stride);

	/*
	 * Code expansion: the packed code as int8 in the same planar layout:
	 * 2u - (2^b - 1) for 1, 2, 4 bits; u - 128 (clamped offset, see quant) for 8.
	 * out int8[planes * stride].
	 */
	void		(*expand_code[4]) (const uint8_t *code, int8_t *out, int stride);

	/* In-place fast Hadamard transform of float[n], n a power of two, not scaled. */
	void		(*fht_f32) (float *x, int n);
} OmKernels;

extern const OmKernels *om_kernels;
extern void om_kernels_init(void);

/* Every variant that this binary holds and this CPU can run; for tests. */
extern int	om_kernels_list(const OmKernels **out, int max);

#endif							/* OM_KERNEL_H */
