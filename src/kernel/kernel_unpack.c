/*
 * kernel_unpack.c -- packs integers into bit strings, and unpacks them by a scalar and an
 * AVX2 kernel.
 *
 * Value i of a string occupies bits i * b to i * b + b - 1, lowest first; bit k of the
 * string is bit k % 8 of byte k / 8.
 */
#include <string.h>

#include "kernel_impl.h"

void
om_pack_u32(const uint32_t *x, int n, int bits, uint8_t *out)
{
	uint64_t	word = 0;
	int			filled = 0;

	for (int i = 0; i < n && bits > 0; i++)
	{
		word |= (uint64_t) x[i] << filled;
		filled += bits;
		while (filled >= 8)
		{
			*out++ = (uint8_t) word;
			word >>= 8;
			filled -= 8;
		}
	}
	if (filled > 0)
		*out = (uint8_t) word;
}

void
om_unpack_u32_scalar(const uint8_t *in, int n, int bits, uint32_t *out)
{
	for (int i = 0; i < n; i++)
		out[i] = om_unpack_one(in, i, bits);
}

#ifdef OM_X86

#include <immintrin.h>

/*
 * Eight values at a time.  With up to 25 bits, each is within the four bytes that start at
 * its first one.
 */
__attribute__((target("avx2")))
void
om_unpack_u32_avx2(const uint8_t *in, int n, int bits, uint32_t *out)
{
	const __m256i mask = _mm256_set1_epi32((int) ((UINT64_C(1) << bits) - 1));
	const __m256i lane = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(bits));
	const __m256i byte = _mm256_srli_epi32(lane, 3);
	const __m256i shift = _mm256_and_si256(lane, _mm256_set1_epi32(7));
	int			i = 0;

	if (bits == 0)
	{
		memset(out, 0, sizeof(uint32_t) * (size_t) n);
		return;
	}
	if (bits > 25)
	{
		om_unpack_u32_scalar(in, n, bits, out);
		return;
	}
	/* eight values of b bits take b bytes */
	for (; i + 8 <= n; i += 8, in += bits)
	{
		__m256i		words = _mm256_i32gather_epi32((const int *) (const void *) in, byte, 1);

		_mm256_storeu_si256((__m256i *) (void *) (out + i),
							_mm256_and_si256(_mm256_srlv_epi32(words, shift), mask));
	}
	om_unpack_u32_scalar(in, n - i, bits, out + i);
}

#endif							/* OM_X86 */
