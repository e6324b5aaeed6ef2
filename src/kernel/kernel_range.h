/*
 * kernel_range.h -- finds the integers of an array that lie in a range: conditions on
 * filter keys.
 *
 * A template: the including file first defines OM_TARGET (function attributes), OM_FN(name)
 * (the name of a variant), and for W = 8, 16, 32 and 64
 *
 *   uint64_t range64_uW(const uintW_t *x, uintW_t lo, uintW_t span)
 *
 * which tests 64 values: bit i is set if x[i] - lo, modulo 2^W, is at most span.  With span
 * = hi - lo that tests lo <= x[i] <= hi in one comparison.
 *
 * The copy of the last values is aligned because gcc 14 clears it with aligned 64-byte
 * stores in any case.  It does not tell AddressSanitizer, whose stack frames on the heap
 * would then not be aligned enough.
 */

#define RANGE_KERNEL(W) \
	OM_TARGET static void \
	OM_FN(range_u##W) (const uint##W##_t *x, int n, uint##W##_t lo, uint##W##_t hi, \
					   uint64_t *bits) \
	{ \
		uint##W##_t	span = (uint##W##_t) (hi - lo); \
		uint##W##_t	part[64] __attribute__((aligned(64))) = {0}; \
		int			i = 0; \
		\
		if (lo > hi) \
		{ \
			memset(bits, 0, sizeof(uint64_t) * (size_t) ((n + 63) / 64)); \
			return; \
		} \
		for (; i + 64 <= n; i += 64) \
			*bits++ = range64_u##W(x + i, lo, span); \
		if (i < n) \
		{ \
			memcpy(part, x + i, sizeof(part[0]) * (size_t) (n - i)); \
			*bits = range64_u##W(part, lo, span) & ~(~UINT64_C(0) << (n - i)); \
		} \
	}

RANGE_KERNEL(8)
RANGE_KERNEL(16)
RANGE_KERNEL(32)
RANGE_KERNEL(64)
#undef RANGE_KERNEL
