/*
 * kernel_avx2.c -- AVX2 and FMA kernels.
 *
 * The rest of a float vector that does not fill a register is read by masked loads, which
 * do not touch masked-out elements.  The rest of a code is loaded as the last 32 bytes of
 * the code, or assembled from shorter loads if the whole code is shorter: nothing past it
 * is read.
 */
#include <math.h>
#include <string.h>

#include "kernel_impl.h"

#ifdef OM_X86

#include <immintrin.h>

#define OM_TARGET __attribute__((target("avx2,fma,bmi2,f16c")))
#define OP OM_TARGET static inline __attribute__((always_inline))

/* Mask for the first n of 8 lanes; n outside 0..8 is clamped. */
OP __m256i
lanes(int n)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32(n),
							  _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

OP float
sum_8(__m256 v)
{
	__m128		s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

OP int32_t
sum_8i(__m256i v)
{
	__m128i		s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4E));
	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xB1));
	return _mm_cvtsi128_si32(s);
}

OP __m256
abs_8(__m256 v)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
}

/* Hadamard transform of a register; see kernel_avx512.c. */
OP __m256
fht_8(__m256 x)
{
	const __m256 s1 = _mm256_setr_ps(1, -1, 1, -1, 1, -1, 1, -1);
	const __m256 s2 = _mm256_setr_ps(1, 1, -1, -1, 1, 1, -1, -1);
	const __m256 s4 = _mm256_setr_ps(1, 1, 1, 1, -1, -1, -1, -1);

	x = _mm256_fmadd_ps(x, s1, _mm256_permute_ps(x, 0xB1));
	x = _mm256_fmadd_ps(x, s2, _mm256_permute_ps(x, 0x4E));
	return _mm256_fmadd_ps(x, s4, _mm256_permute2f128_ps(x, x, 1));
}

/*
 * Loads n < 32 bytes at x and fills with zeros: two overlapping loads that stay inside, the
 * second shifted into place.
 */
OP __m128i
load_part_16(const uint8_t *x, int n)
{
	uint64_t	lo = 0;
	uint64_t	hi = 0;

	if (n >= 8)
	{
		memcpy(&lo, x, 8);
		if (n > 8)
		{
			memcpy(&hi, x + n - 8, 8);
			hi >>= 8 * (16 - n);
		}
	}
	else if (n >= 4)
	{
		uint32_t	a;
		uint32_t	b;

		memcpy(&a, x, 4);
		memcpy(&b, x + n - 4, 4);
		lo = (uint64_t) b << (8 * (n - 4)) | a;
	}
	else
	{
		for (int i = 0; i < n; i++)
			lo |= (uint64_t) x[i] << (8 * i);
	}
	return _mm_set_epi64x((long long) hi, (long long) lo);
}

OP __m256i
load_part_32(const uint8_t *x, int n)
{
	/* shuffle that moves bytes down by 16 - (n - 16) and clears the rest */
	static const int8_t down[32] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
		-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1
	};
	__m128i		lo;
	__m128i		hi;

	if (n < 16)
		return _mm256_zextsi128_si256(load_part_16(x, n));
	lo = _mm_loadu_si128((const __m128i *) x);
	hi = _mm_loadu_si128((const __m128i *) (x + n - 16));
	hi = _mm_shuffle_epi8(hi, _mm_loadu_si128((const __m128i *) (down + 32 - n)));
	return _mm256_inserti128_si256(_mm256_castsi128_si256(lo), hi, 1);
}

/* Plane p of the code, one element a byte. */
OP __m256i
plane(__m256i code, int p, int bits)
{
	if (bits == 8)
		return code;
	return _mm256_and_si256(_mm256_srli_epi16(code, p * bits),
							_mm256_set1_epi8((char) ((1 << bits) - 1)));
}

/*
 * Dot product of all planes of 32 code bytes.  maddubs adds pairs into int16, where all
 * planes of 1, 2 or 4 bits fit (4 * 15 * 128 at most); codes of 8 bits are widened instead.
 */
OP __m256i
dot_block(__m256i code, const int8_t *q, int stride, int bits)
{
	__m256i		pairs = _mm256_setzero_si256();

	if (bits == 8)
	{
		__m256i		v = _mm256_loadu_si256((const __m256i *) q);
		__m256i		ulo = _mm256_cvtepu8_epi16(_mm256_castsi256_si128(code));
		__m256i		uhi = _mm256_cvtepu8_epi16(_mm256_extracti128_si256(code, 1));
		__m256i		slo = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(v));
		__m256i		shi = _mm256_cvtepi8_epi16(_mm256_extracti128_si256(v, 1));

		return _mm256_add_epi32(_mm256_madd_epi16(ulo, slo),
								_mm256_madd_epi16(uhi, shi));
	}
	for (int p = 0; p < 8 / bits; p++)
	{
		__m256i		v = _mm256_loadu_si256((const __m256i *) (q + (size_t) p * stride));

		pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(plane(code, p, bits), v));
	}
	return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

OP int32_t
dot_code(const uint8_t *code, const int8_t *q, int stride, int bits)
{
	__m256i		s0 = _mm256_setzero_si256();
	__m256i		s1 = s0;
	int			j = 0;

	for (; j + 64 <= stride; j += 64)
	{
		s0 = _mm256_add_epi32(s0, dot_block(_mm256_loadu_si256((const __m256i *) (code + j)),
											q + j, stride, bits));
		s1 = _mm256_add_epi32(s1, dot_block(_mm256_loadu_si256((const __m256i *) (code + j + 32)),
											q + j + 32, stride, bits));
	}
	if (j + 32 <= stride)
	{
		s0 = _mm256_add_epi32(s0, dot_block(_mm256_loadu_si256((const __m256i *) (code + j)),
											q + j, stride, bits));
		j += 32;
	}
	if (j < stride)
	{
		/* 32 - done zero bytes, then ones: masks out the bytes that have been counted already */
		static const int8_t keep[64] = {
			0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
			-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1
		};
		int			left = stride - j;
		__m256i		v;

		if (stride >= 32)
		{
			v = _mm256_loadu_si256((const __m256i *) (code + stride - 32));
			v = _mm256_and_si256(v, _mm256_loadu_si256((const __m256i *) (keep + left)));
			j = stride - 32;
		}
		else
			v = load_part_32(code, left);
		s1 = _mm256_add_epi32(s1, dot_block(v, q + j, stride, bits));
	}
	return sum_8i(_mm256_add_epi32(s0, s1));
}

OP __m256i
expand_block(__m256i code, int p, int bits)
{
	__m256i		v = plane(code, p, bits);

	if (bits == 8)
	{
		v = _mm256_xor_si256(v, _mm256_set1_epi8((char) -128));
		return _mm256_sub_epi8(v, _mm256_cmpgt_epi8(_mm256_setzero_si256(), v));
	}
	return _mm256_sub_epi8(_mm256_add_epi8(v, v), _mm256_set1_epi8((char) ((1 << bits) - 1)));
}

/* Plane after plane: the bytes written past a plane's end are overwritten by the next plane. */
OP void
expand_code(const uint8_t *code, int8_t *out, int stride, int bits)
{
	int			left = stride % 32;
	__m256i		tail = load_part_32(code + stride - left, left);

	for (int p = 0; p < 8 / bits; p++)
	{
		int8_t	   *to = out + (size_t) p * stride;
		int			j = 0;

		for (; j + 32 <= stride; j += 32)
			_mm256_storeu_si256((__m256i *) (to + j),
								expand_block(_mm256_loadu_si256((const __m256i *) (code + j)), p, bits));
		if (left > 0)
			_mm256_storeu_si256((__m256i *) (to + j), expand_block(tail, p, bits));
	}
}

#define CODE_KERNELS(bits) \
	OM_TARGET static int32_t \
	om_dot_code##bits##_avx2(const uint8_t *code, const int8_t *q, int stride) \
	{ \
		return dot_code(code, q, stride, bits); \
	} \
	OM_TARGET static void \
	om_expand_code##bits##_avx2(const uint8_t *code, int8_t *out, int stride) \
	{ \
		expand_code(code, out, stride, bits); \
	}

CODE_KERNELS(1)
CODE_KERNELS(2)
CODE_KERNELS(4)
CODE_KERNELS(8)

/* |x| <= 127, so that the sum of two squares fits in int16, as maddubs requires. */
OM_TARGET static void
om_sums_i8_avx2(const int8_t *x, int n, int32_t out[3])
{
	const __m256i ones = _mm256_set1_epi8(1);
	const __m256i words = _mm256_set1_epi16(1);
	__m256i		sum = _mm256_setzero_si256();
	__m256i		abs = sum;
	__m256i		sq = sum;

	for (int i = 0; i < n; i += 32)
	{
		__m256i		v;
		__m256i		a;

		if (n - i >= 32)
			v = _mm256_loadu_si256((const __m256i *) (x + i));
		else
			v = load_part_32((const uint8_t *) x + i, n - i);
		a = _mm256_abs_epi8(v);
		sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(ones, v), words));
		abs = _mm256_add_epi32(abs, _mm256_madd_epi16(_mm256_maddubs_epi16(ones, a), words));
		sq = _mm256_add_epi32(sq, _mm256_madd_epi16(_mm256_maddubs_epi16(a, a), words));
	}
	out[0] = sum_8i(sum);
	out[1] = sum_8i(abs);
	out[2] = sum_8i(sq);
}

/* The encoder's kernels: the template's sixteen lanes are two registers. */
typedef struct V16
{
	__m256		lo;
	__m256		hi;
} V16;

#define V16_OF(name, args, low, high) \
	OP V16 name args \
	{ \
		V16		v; \
		v.lo = (low); \
		v.hi = (high); \
		return v; \
	}

V16_OF(v16_load, (const float *x), _mm256_loadu_ps(x), _mm256_loadu_ps(x + 8))
V16_OF(v16_load_part, (const float *x, int n), _mm256_maskload_ps(x, lanes(n)),
	   _mm256_maskload_ps(x + 8, lanes(n - 8)))
V16_OF(v16_set1, (float x), _mm256_set1_ps(x), _mm256_set1_ps(x))
V16_OF(v16_add, (V16 a, V16 b), _mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi))
V16_OF(v16_sub, (V16 a, V16 b), _mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi))
V16_OF(v16_mul, (V16 a, V16 b), _mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi))
V16_OF(v16_min, (V16 a, V16 b), _mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi))
V16_OF(v16_max, (V16 a, V16 b), _mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi))
V16_OF(v16_abs, (V16 a), abs_8(a.lo), abs_8(a.hi))
V16_OF(v16_trunc, (V16 a), _mm256_round_ps(a.lo, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC),
	   _mm256_round_ps(a.hi, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC))

OP void
v16_store(float *x, V16 v)
{
	_mm256_storeu_ps(x, v.lo);
	_mm256_storeu_ps(x + 8, v.hi);
}

OP float
v16_sum(V16 a)
{
	return sum_8(_mm256_add_ps(a.lo, a.hi));
}

OP float
v16_hmax(V16 a)
{
	__m256		m = _mm256_max_ps(a.lo, a.hi);
	__m128		s = _mm_max_ps(_mm256_castps256_ps128(m), _mm256_extractf128_ps(m, 1));

	s = _mm_max_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}

/* Narrows sixteen int32, each in the range of a byte, to bytes. */
OP __m128i
bytes_16(__m256i lo, __m256i hi)
{
	const __m256i first = _mm256_set1_epi32(0xff);
	__m256i		w = _mm256_packus_epi32(_mm256_and_si256(lo, first), _mm256_and_si256(hi, first));

	w = _mm256_permute4x64_epi64(w, 0xD8);
	return _mm_packus_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
}

OP void
v16_levels(V16 m, V16 x, int half, uint8_t *u)
{
	__m256i		base = _mm256_set1_epi32(half);
	__m256i		lo = _mm256_xor_si256(_mm256_cvttps_epi32(m.lo),
									  _mm256_srai_epi32(_mm256_castps_si256(x.lo), 31));
	__m256i		hi = _mm256_xor_si256(_mm256_cvttps_epi32(m.hi),
									  _mm256_srai_epi32(_mm256_castps_si256(x.hi), 31));

	_mm_storeu_si128((__m128i *) u, bytes_16(_mm256_add_epi32(lo, base),
											 _mm256_add_epi32(hi, base)));
}

OP int32_t
v16_round_i8(V16 a, int8_t *q)
{
	__m256i		lo = _mm256_cvtps_epi32(a.lo);
	__m256i		hi = _mm256_cvtps_epi32(a.hi);

	_mm_storeu_si128((__m128i *) q, bytes_16(lo, hi));
	return sum_8i(_mm256_add_epi32(lo, hi));
}

OP V16
v16_load_u8(const uint8_t *u)
{
	__m128i		v = _mm_loadu_si128((const __m128i *) u);
	V16			out;

	out.lo = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(v));
	out.hi = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(v, 8)));
	return out;
}

OP void
v16_round_i16(V16 a, int16_t *out)
{
	__m256i		v = _mm256_packs_epi32(_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi));

	_mm256_storeu_si256((__m256i *) out, _mm256_permute4x64_epi64(v, 0xD8));
}

V16_OF(v16_choose, (V16 a, V16 b, V16 yes, V16 no),
	   _mm256_blendv_ps(no.lo, yes.lo, _mm256_cmp_ps(a.lo, b.lo, _CMP_GT_OQ)),
	   _mm256_blendv_ps(no.hi, yes.hi, _mm256_cmp_ps(a.hi, b.hi, _CMP_GT_OQ)))

/*
 * Ranges.  A comparison sets all bits of a value that is in the range.  Wider values are
 * narrowed to a byte each, and then one bit of each byte is collected.
 */
OP __m256i
in_range_u8(const uint8_t *x, __m256i lo, __m256i span)
{
	__m256i		v = _mm256_sub_epi8(_mm256_loadu_si256((const __m256i *) x), lo);

	return _mm256_cmpeq_epi8(_mm256_min_epu8(v, span), v);
}

OP __m256i
in_range_u16(const uint16_t *x, __m256i lo, __m256i span)
{
	__m256i		v = _mm256_sub_epi16(_mm256_loadu_si256((const __m256i *) x), lo);

	return _mm256_cmpeq_epi16(_mm256_min_epu16(v, span), v);
}

OP __m256i
in_range_u32(const uint32_t *x, __m256i lo, __m256i span)
{
	__m256i		v = _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *) x), lo);

	return _mm256_cmpeq_epi32(_mm256_min_epu32(v, span), v);
}

OP uint64_t
range64_u8(const uint8_t *x, uint8_t lo, uint8_t span)
{
	__m256i		vlo = _mm256_set1_epi8((char) lo);
	__m256i		vspan = _mm256_set1_epi8((char) span);
	uint32_t	a = (uint32_t) _mm256_movemask_epi8(in_range_u8(x, vlo, vspan));
	uint32_t	b = (uint32_t) _mm256_movemask_epi8(in_range_u8(x + 32, vlo, vspan));

	return a | (uint64_t) b << 32;
}

OP uint64_t
range64_u16(const uint16_t *x, uint16_t lo, uint16_t span)
{
	__m256i		vlo = _mm256_set1_epi16((short) lo);
	__m256i		vspan = _mm256_set1_epi16((short) span);
	uint64_t	bits = 0;

	for (int i = 0; i < 64; i += 32)
	{
		__m256i		v = _mm256_packs_epi16(in_range_u16(x + i, vlo, vspan),
										   in_range_u16(x + i + 16, vlo, vspan));

		v = _mm256_permute4x64_epi64(v, 0xD8);
		bits |= (uint64_t) (uint32_t) _mm256_movemask_epi8(v) << i;
	}
	return bits;
}

OP uint64_t
range64_u32(const uint32_t *x, uint32_t lo, uint32_t span)
{
	__m256i		vlo = _mm256_set1_epi32((int) lo);
	__m256i		vspan = _mm256_set1_epi32((int) span);
	const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
	uint64_t	bits = 0;

	for (int i = 0; i < 64; i += 32)
	{
		__m256i		a = _mm256_packs_epi32(in_range_u32(x + i, vlo, vspan),
										   in_range_u32(x + i + 8, vlo, vspan));
		__m256i		b = _mm256_packs_epi32(in_range_u32(x + i + 16, vlo, vspan),
										   in_range_u32(x + i + 24, vlo, vspan));
		__m256i		v = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(a, b), order);

		bits |= (uint64_t) (uint32_t) _mm256_movemask_epi8(v) << i;
	}
	return bits;
}

/*
 * There is no unsigned comparison, so the sign bits are flipped.  The comparison finds the
 * values outside.
 */
OP uint64_t
range64_u64(const uint64_t *x, uint64_t lo, uint64_t span)
{
	__m256i		sign = _mm256_set1_epi64x(INT64_MIN);
	__m256i		vlo = _mm256_set1_epi64x((long long) (lo ^ (UINT64_C(1) << 63)));
	__m256i		vspan = _mm256_xor_si256(_mm256_set1_epi64x((long long) span), sign);
	uint64_t	outside = 0;

	for (int i = 0; i < 64; i += 4)
	{
		__m256i		v = _mm256_sub_epi64(_mm256_loadu_si256((const __m256i *) (x + i)), vlo);

		v = _mm256_cmpgt_epi64(v, vspan);
		outside |= (uint64_t) (unsigned int) _mm256_movemask_pd(_mm256_castsi256_pd(v)) << i;
	}
	return ~outside;
}

#define OM_FN(name) om_##name##_avx2
#include "kernel_lanes.h"

#define VF __m256
#define VF_LANES 8
#define vf_load(x) _mm256_loadu_ps(x)
#define vf_load_part(x, n) _mm256_maskload_ps(x, lanes(n))
#define vf_store(x, v) _mm256_storeu_ps(x, v)
#define vf_zero() _mm256_setzero_ps()
#define vf_add(a, b) _mm256_add_ps(a, b)
#define vf_sub(a, b) _mm256_sub_ps(a, b)
#define vf_abs(x) abs_8(x)
#define vf_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vf_sum(x) sum_8(x)
#define vf_fht(x) fht_8(x)
#include "kernel_f32.h"
#include "kernel_fht.h"
#include "kernel_range.h"

V16_OF(v16_load_half, (const uint16_t *x),
	   _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) x)),
	   _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (x + 8))))

OP void
v16_store_half(uint16_t *x, V16 v)
{
	_mm_storeu_si128((__m128i *) x, _mm256_cvtps_ph(v.lo, _MM_FROUND_TO_NEAREST_INT));
	_mm_storeu_si128((__m128i *) (x + 8), _mm256_cvtps_ph(v.hi, _MM_FROUND_TO_NEAREST_INT));
}

#include "kernel_half.h"

#define OM_BITS_BYTES 32
typedef __m256i BITS;

OP BITS
bits_load(const uint8_t *x)
{
	return _mm256_loadu_si256((const __m256i *) x);
}

OP BITS
bits_zero(void)
{
	return _mm256_setzero_si256();
}

OP BITS
bits_xor(BITS a, BITS b)
{
	return _mm256_xor_si256(a, b);
}

OP BITS
bits_and(BITS a, BITS b)
{
	return _mm256_and_si256(a, b);
}

OP BITS
bits_add(BITS a, BITS b)
{
	return _mm256_add_epi64(a, b);
}

/* Counts the bits of each half byte by a table and sums them by bytes (Mula et al. 2018). */
OP BITS
bits_count(BITS v)
{
	__m256i		ones = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
										0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
	__m256i		low = _mm256_set1_epi8(0x0f);
	__m256i		a = _mm256_shuffle_epi8(ones, _mm256_and_si256(v, low));
	__m256i		b = _mm256_shuffle_epi8(ones, _mm256_and_si256(_mm256_srli_epi16(v, 4), low));

	return _mm256_sad_epu8(_mm256_add_epi8(a, b), _mm256_setzero_si256());
}

OP uint64_t
bits_sum(BITS v)
{
	uint64_t	part[4];

	_mm256_storeu_si256((__m256i *) part, v);
	return part[0] + part[1] + part[2] + part[3];
}

#include "kernel_bits.h"

const OmKernels om_kernels_avx2 = {
	.name = "avx2",
	.l2sq_f32 = om_l2sq_f32_avx2,
	.ip_f32 = om_ip_f32_avx2,
	.l1_f32 = om_l1_f32_avx2,
	.cos_f32 = om_cos_f32_avx2,
	.l2sq_f16 = om_l2sq_f16_avx2,
	.ip_f16 = om_ip_f16_avx2,
	.l1_f16 = om_l1_f16_avx2,
	.cos_f16 = om_cos_f16_avx2,
	.f16_to_f32 = om_f16_to_f32_avx2,
	.f32_to_f16 = om_f32_to_f16_avx2,
	.differ_bits = om_differ_bits_avx2,
	.share_bits = om_share_bits_avx2,
	.dot_code = {om_dot_code1_avx2, om_dot_code2_avx2,
	om_dot_code4_avx2, om_dot_code8_avx2},
	.expand_code = {om_expand_code1_avx2, om_expand_code2_avx2,
	om_expand_code4_avx2, om_expand_code8_avx2},
	.fht_f32 = om_fht_f32_avx2,
	.sums_i8 = om_sums_i8_avx2,
	.sumsq_f32 = om_sumsq_f32_avx2,
	.center_f32 = om_center_f32_avx2,
	.mul_f32 = om_mul_f32_avx2,
	.mix_f32 = om_mix_f32_avx2,
	.trial_f32 = om_trial_f32_avx2,
	.quantize_f32 = om_quantize_f32_avx2,
	.absmax_f32 = om_absmax_f32_avx2,
	.to_i8_f32 = om_to_i8_f32_avx2,
	.sq8_l2sq_f32 = om_sq8_l2sq_f32_avx2,
	.sq8_l1_f32 = om_sq8_l1_f32_avx2,
	.sq8_dot_f32 = om_sq8_dot_f32_avx2,
	.sq8_expand_f32 = om_sq8_expand_f32_avx2,
	.nearest_f32 = om_nearest_f32_avx2,
	.table_i16 = om_table_i16_avx2,
	.unpack_u32 = om_unpack_u32_avx2,
	.range_u8 = om_range_u8_avx2,
	.range_u16 = om_range_u16_avx2,
	.range_u32 = om_range_u32_avx2,
	.range_u64 = om_range_u64_avx2,
};

#endif							/* OM_X86 */
