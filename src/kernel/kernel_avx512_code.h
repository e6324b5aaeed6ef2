/*
 * kernel_avx512_code.h -- kernels on packed codes, 64 bytes at a time.
 *
 * A template: the including file defines OM_TARGET, OP, OM_CODE(name) and the
 * dot products OM_CODE(dp) and OM_CODE(dp8) of 64 u8 by s8 into 16 int32.
 */

/* Plane p of the code, one element a byte. */
OP __m512i
OM_CODE(plane) (__m512i code, int p, int bits)
{
	if (bits == 8)
		return code;
	return _mm512_and_si512(_mm512_srli_epi16(code, (unsigned) (p * bits)),
							_mm512_set1_epi8((char) ((1 << bits) - 1)));
}

/* Dot product of all planes of 64 code bytes; adds to two accumulators in turn. */
OP void
OM_CODE(dot_block) (__m512i code, const int8_t *q, int stride, int bits,
					__m512i acc[2])
{
	if (bits == 8)
		acc[0] = OM_CODE(dp8) (acc[0], code, _mm512_loadu_si512(q));
	else
	{
		for (int p = 0; p < 8 / bits; p++)
			acc[p & 1] = OM_CODE(dp) (acc[p & 1], OM_CODE(plane) (code, p, bits),
									  _mm512_loadu_si512(q + (size_t) p * stride));
	}
}

OP int32_t
OM_CODE(dot_code) (const uint8_t *code, const int8_t *q, int stride, int bits)
{
	__m512i		a[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
	__m512i		b[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
	int			j = 0;

	for (; j + 128 <= stride; j += 128)
	{
		OM_CODE(dot_block) (_mm512_loadu_si512(code + j), q + j, stride, bits, a);
		OM_CODE(dot_block) (_mm512_loadu_si512(code + j + 64), q + j + 64, stride, bits, b);
	}
	if (j + 64 <= stride)
	{
		OM_CODE(dot_block) (_mm512_loadu_si512(code + j), q + j, stride, bits, a);
		j += 64;
	}
	if (j < stride)
	{
		__mmask64	k = ~(__mmask64) 0 >> (64 - (stride - j));

		OM_CODE(dot_block) (_mm512_maskz_loadu_epi8(k, code + j), q + j, stride, bits, b);
	}
	a[0] = _mm512_add_epi32(_mm512_add_epi32(a[0], a[1]),
							_mm512_add_epi32(b[0], b[1]));
	return _mm512_reduce_add_epi32(a[0]);
}

/* The sums of four registers, as one register of four. */
OP __m128i
OM_CODE(sum_4) (__m512i a, __m512i b, __m512i c, __m512i d)
{
	__m512i		ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
	__m512i		cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
	__m512i		all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
	__m256i		half = _mm256_add_epi32(_mm512_castsi512_si256(all),
										_mm512_extracti64x4_epi64(all, 1));

	return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/*
 * Four codes at a time: they share the loads of q and the final additions, and their memory
 * accesses overlap.
 */
OP void
OM_CODE(dot_codes) (const void *const *codes, int skip, int n, const int8_t *q,
					int stride, int32_t *dot, int bits)
{
	int			i = 0;

	for (; i + 4 <= n; i += 4)
	{
		const uint8_t *c0 = (const uint8_t *) codes[i] + skip;
		const uint8_t *c1 = (const uint8_t *) codes[i + 1] + skip;
		const uint8_t *c2 = (const uint8_t *) codes[i + 2] + skip;
		const uint8_t *c3 = (const uint8_t *) codes[i + 3] + skip;
		__m512i		a0[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
		__m512i		a1[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
		__m512i		a2[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
		__m512i		a3[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};

		for (int j = 0; j < stride; j += 64)
		{
			__mmask64	k = stride - j < 64 ? ~(__mmask64) 0 >> (64 - (stride - j)) : ~(__mmask64) 0;

			OM_CODE(dot_block) (_mm512_maskz_loadu_epi8(k, c0 + j), q + j, stride, bits, a0);
			OM_CODE(dot_block) (_mm512_maskz_loadu_epi8(k, c1 + j), q + j, stride, bits, a1);
			OM_CODE(dot_block) (_mm512_maskz_loadu_epi8(k, c2 + j), q + j, stride, bits, a2);
			OM_CODE(dot_block) (_mm512_maskz_loadu_epi8(k, c3 + j), q + j, stride, bits, a3);
		}
		_mm_storeu_si128((__m128i *) (dot + i),
						 OM_CODE(sum_4) (_mm512_add_epi32(a0[0], a0[1]),
										 _mm512_add_epi32(a1[0], a1[1]),
										 _mm512_add_epi32(a2[0], a2[1]),
										 _mm512_add_epi32(a3[0], a3[1])));
	}
	for (; i < n; i++)
		dot[i] = OM_CODE(dot_code) ((const uint8_t *) codes[i] + skip, q, stride, bits);
}

OP void
OM_CODE(expand_code) (const uint8_t *code, int8_t *out, int stride, int bits)
{
	for (int j = 0; j < stride; j += 64)
	{
		__mmask64	k = stride - j < 64 ? ~(__mmask64) 0 >> (64 - (stride - j)) : ~(__mmask64) 0;
		__m512i		c = _mm512_maskz_loadu_epi8(k, code + j);

		for (int p = 0; p < 8 / bits; p++)
		{
			__m512i		v = OM_CODE(plane) (c, p, bits);

			if (bits == 8)
			{
				v = _mm512_xor_si512(v, _mm512_set1_epi8((char) -128));
				v = _mm512_mask_add_epi8(v, _mm512_movepi8_mask(v), v, _mm512_set1_epi8(1));
			}
			else
				v = _mm512_sub_epi8(_mm512_add_epi8(v, v), _mm512_set1_epi8((char) ((1 << bits) - 1)));
			_mm512_mask_storeu_epi8(out + (size_t) p * stride + j, k, v);
		}
	}
}

#define CODE_KERNELS(bits) \
	OM_TARGET static int32_t \
	OM_CODE(dot_code##bits) (const uint8_t *code, const int8_t *q, int stride) \
	{ \
		return OM_CODE(dot_code) (code, q, stride, bits); \
	} \
	OM_TARGET static void \
	OM_CODE(dot_codes##bits) (const void *const *codes, int skip, int n, const int8_t *q, \
							  int stride, int32_t *dot) \
	{ \
		OM_CODE(dot_codes) (codes, skip, n, q, stride, dot, bits); \
	} \
	OM_TARGET static void \
	OM_CODE(expand_code##bits) (const uint8_t *code, int8_t *out, int stride) \
	{ \
		OM_CODE(expand_code) (code, out, stride, bits); \
	}

CODE_KERNELS(1)
CODE_KERNELS(2)
CODE_KERNELS(4)
CODE_KERNELS(8)
#undef CODE_KERNELS

/* |x| <= 127, so that the sum of two squares fits in int16, as maddubs requires. */
OM_TARGET static void
OM_CODE(sums_i8) (const int8_t *x, int n, int32_t out[3])
{
	const __m512i ones = _mm512_set1_epi8(1);
	__m512i		sum = _mm512_setzero_si512();
	__m512i		abs = sum;
	__m512i		sq = sum;

	for (int i = 0; i < n; i += 64)
	{
		__mmask64	k = n - i < 64 ? ~(__mmask64) 0 >> (64 - (n - i)) : ~(__mmask64) 0;
		__m512i		v = _mm512_maskz_loadu_epi8(k, x + i);
		__m512i		a = _mm512_abs_epi8(v);

		sum = OM_CODE(dp) (sum, ones, v);
		abs = OM_CODE(dp) (abs, ones, a);
		sq = OM_CODE(dp) (sq, a, a);
	}
	out[0] = _mm512_reduce_add_epi32(sum);
	out[1] = _mm512_reduce_add_epi32(abs);
	out[2] = _mm512_reduce_add_epi32(sq);
}
