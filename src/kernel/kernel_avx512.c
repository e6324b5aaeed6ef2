/*
 * kernel_avx512.c -- AVX-512 (F, BW, DQ, VL) kernels, with VNNI where present.
 *
 * The rest of an array that does not fill a register is read by masked loads: masked-out
 * bytes are not touched, so nothing past a code's stride or a vector's end is read.  The
 * code kernels come from kernel_avx512_code.h, which is included once with VNNI and once
 * without.
 */
#include <math.h>
#include <string.h>

#include "kernel_impl.h"

#ifdef OM_X86

#include <immintrin.h>

#define OM_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2,f16c")))
#define OP OM_TARGET static inline __attribute__((always_inline))

/* Mask for the first n of 16 lanes, n < 16. */
OP __mmask16
lanes(int n)
{
	return (__mmask16) ((1u << n) - 1);
}

/*
 * Hadamard transform.  A level inside a register swaps partners and adds them to the lanes
 * multiplied by +1 or -1. These products are exact, so the result rounds as a + b and a - b
 * do.
 */
OP __m512
fht_16(__m512 x)
{
	const __m512 s1 = _mm512_setr_ps(1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1);
	const __m512 s2 = _mm512_setr_ps(1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1);
	const __m512 s4 = _mm512_setr_ps(1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1);
	const __m512 s8 = _mm512_setr_ps(1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1);

	x = _mm512_fmadd_ps(x, s1, _mm512_permute_ps(x, 0xB1));
	x = _mm512_fmadd_ps(x, s2, _mm512_permute_ps(x, 0x4E));
	x = _mm512_fmadd_ps(x, s4, _mm512_shuffle_f32x4(x, x, 0xB1));
	return _mm512_fmadd_ps(x, s8, _mm512_shuffle_f32x4(x, x, 0x4E));
}

/* The encoder's kernels: one register is the template's sixteen lanes. */
typedef __m512 V16;

#define v16_load(x) _mm512_loadu_ps(x)
#define v16_load_part(x, n) _mm512_maskz_loadu_ps(lanes(n), x)
#define v16_store(x, v) _mm512_storeu_ps(x, v)
#define v16_set1(x) _mm512_set1_ps(x)
#define v16_add(a, b) _mm512_add_ps(a, b)
#define v16_sub(a, b) _mm512_sub_ps(a, b)
#define v16_mul(a, b) _mm512_mul_ps(a, b)
#define v16_min(a, b) _mm512_min_ps(a, b)
#define v16_max(a, b) _mm512_max_ps(a, b)
#define v16_abs(a) _mm512_abs_ps(a)
#define v16_trunc(a) _mm512_roundscale_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)
#define v16_hmax(a) _mm512_reduce_max_ps(a)

OP float
v16_sum(__m512 a)
{
	__m256		b = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
	__m128		c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));

	c = _mm_add_ps(c, _mm_movehl_ps(c, c));
	return _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps(c, c, 1)));
}

OP void
v16_levels(__m512 m, __m512 x, int half, uint8_t *u)
{
	__m512i		sign = _mm512_srai_epi32(_mm512_castps_si512(x), 31);
	__m512i		v = _mm512_xor_si512(_mm512_cvttps_epi32(m), sign);

	v = _mm512_add_epi32(v, _mm512_set1_epi32(half));
	_mm_storeu_si128((__m128i *) u, _mm512_cvtepi32_epi8(v));
}

OP int32_t
v16_round_i8(__m512 a, int8_t *q)
{
	__m512i		v = _mm512_cvtps_epi32(a);

	_mm_storeu_si128((__m128i *) q, _mm512_cvtepi32_epi8(v));
	return _mm512_reduce_add_epi32(v);
}

OP V16
v16_load_u8(const uint8_t *u)
{
	return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *) u)));
}

OP void
v16_round_i16(V16 a, int16_t *out)
{
	_mm256_storeu_si256((__m256i *) out, _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(a)));
}

OP V16
v16_choose(V16 a, V16 b, V16 yes, V16 no)
{
	return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), no, yes);
}

/* A comparison gives a mask with one bit for each value of a register. */
#define RANGE64(W, per_register) \
	OP uint64_t \
	range64_u##W(const uint##W##_t *x, uint##W##_t lo, uint##W##_t span) \
	{ \
		__m512i		vlo = RANGE_SET1_##W(lo); \
		__m512i		vspan = RANGE_SET1_##W(span); \
		uint64_t	bits = 0; \
		\
		for (int i = 0; i < 64; i += (per_register)) \
		{ \
			__m512i		v = _mm512_sub_epi##W(_mm512_loadu_si512(x + i), vlo); \
			\
			bits |= (uint64_t) _mm512_cmple_epu##W##_mask(v, vspan) << i; \
		} \
		return bits; \
	}

#define RANGE_SET1_8(x) _mm512_set1_epi8((char) (x))
#define RANGE_SET1_16(x) _mm512_set1_epi16((short) (x))
#define RANGE_SET1_32(x) _mm512_set1_epi32((int) (x))
#define RANGE_SET1_64(x) _mm512_set1_epi64((long long) (x))

RANGE64(8, 64)
RANGE64(16, 32)
RANGE64(32, 16)
RANGE64(64, 8)

#define OM_FN(name) om_##name##_avx512
#include "kernel_lanes.h"

#define VF __m512
#define VF_LANES 16
#define vf_load(x) _mm512_loadu_ps(x)
#define vf_load_part(x, n) _mm512_maskz_loadu_ps(lanes(n), x)
#define vf_store(x, v) _mm512_storeu_ps(x, v)
#define vf_zero() _mm512_setzero_ps()
#define vf_add(a, b) _mm512_add_ps(a, b)
#define vf_sub(a, b) _mm512_sub_ps(a, b)
#define vf_abs(x) _mm512_abs_ps(x)
#define vf_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define vf_sum(x) _mm512_reduce_add_ps(x)
#define vf_fht(x) fht_16(x)
#include "kernel_f32.h"
#include "kernel_fht.h"
#include "kernel_range.h"

OP V16
v16_load_half(const uint16_t *x)
{
	return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) x));
}

OP void
v16_store_half(uint16_t *x, V16 v)
{
	_mm256_storeu_si256((__m256i *) x, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

#include "kernel_half.h"

#define OM_BITS_BYTES 64
typedef __m512i BITS;

OP BITS
bits_load(const uint8_t *x)
{
	return _mm512_loadu_si512(x);
}

OP BITS
bits_zero(void)
{
	return _mm512_setzero_si512();
}

OP BITS
bits_xor(BITS a, BITS b)
{
	return _mm512_xor_si512(a, b);
}

OP BITS
bits_and(BITS a, BITS b)
{
	return _mm512_and_si512(a, b);
}

OP BITS
bits_add(BITS a, BITS b)
{
	return _mm512_add_epi64(a, b);
}

/* Counts the bits of each half byte by a table: CPUs with VNNI need not have VPOPCNTQ. */
OP BITS
bits_count(BITS v)
{
	__m512i		ones = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3,
															1, 2, 2, 3, 2, 3, 3, 4));
	__m512i		low = _mm512_set1_epi8(0x0f);
	__m512i		a = _mm512_shuffle_epi8(ones, _mm512_and_si512(v, low));
	__m512i		b = _mm512_shuffle_epi8(ones, _mm512_and_si512(_mm512_srli_epi16(v, 4), low));

	return _mm512_sad_epu8(_mm512_add_epi8(a, b), _mm512_setzero_si512());
}

OP uint64_t
bits_sum(BITS v)
{
	return (uint64_t) _mm512_reduce_add_epi64(v);
}

#include "kernel_bits.h"
#undef OM_TARGET
#undef OP

/*
 * Multiplies u8 by s8 into int32 by two instructions: codes of up to 4 bits do not saturate
 * the int16 in between.
 */
#define OM_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2,f16c")))
#define OP OM_TARGET static inline __attribute__((always_inline))
#define OM_CODE(name) om_##name##_avx512

OP __m512i
om_dp_avx512(__m512i acc, __m512i u, __m512i s)
{
	__m512i		pairs = _mm512_maddubs_epi16(u, s);

	return _mm512_add_epi32(acc, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}

/* The same for codes of 8 bits, whose pairs need 17 bits and so are widened first. */
OP __m512i
om_dp8_avx512(__m512i acc, __m512i u, __m512i s)
{
	__m512i		ulo = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(u));
	__m512i		uhi = _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(u, 1));
	__m512i		slo = _mm512_cvtepi8_epi16(_mm512_castsi512_si256(s));
	__m512i		shi = _mm512_cvtepi8_epi16(_mm512_extracti64x4_epi64(s, 1));

	acc = _mm512_add_epi32(acc, _mm512_madd_epi16(ulo, slo));
	return _mm512_add_epi32(acc, _mm512_madd_epi16(uhi, shi));
}

#include "kernel_avx512_code.h"
#undef OM_CODE
#undef OM_TARGET
#undef OP

#define OM_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,bmi2")))
#define OP OM_TARGET static inline __attribute__((always_inline))
#define OM_CODE(name) om_##name##_avx512vnni

OP __m512i
om_dp_avx512vnni(__m512i acc, __m512i u, __m512i s)
{
	return _mm512_dpbusd_epi32(acc, u, s);
}

OP __m512i
om_dp8_avx512vnni(__m512i acc, __m512i u, __m512i s)
{
	return _mm512_dpbusd_epi32(acc, u, s);
}

#include "kernel_avx512_code.h"

#define FLOAT_KERNELS \
	.l2sq_f32 = om_l2sq_f32_avx512, \
	.ip_f32 = om_ip_f32_avx512, \
	.l1_f32 = om_l1_f32_avx512, \
	.cos_f32 = om_cos_f32_avx512, \
	.l2sq_f16 = om_l2sq_f16_avx512, \
	.ip_f16 = om_ip_f16_avx512, \
	.l1_f16 = om_l1_f16_avx512, \
	.cos_f16 = om_cos_f16_avx512, \
	.f16_to_f32 = om_f16_to_f32_avx512, \
	.f32_to_f16 = om_f32_to_f16_avx512, \
	.differ_bits = om_differ_bits_avx512, \
	.share_bits = om_share_bits_avx512, \
	.fht_f32 = om_fht_f32_avx512, \
	.sumsq_f32 = om_sumsq_f32_avx512, \
	.center_f32 = om_center_f32_avx512, \
	.mul_f32 = om_mul_f32_avx512, \
	.mix_f32 = om_mix_f32_avx512, \
	.trial_f32 = om_trial_f32_avx512, \
	.quantize_f32 = om_quantize_f32_avx512, \
	.absmax_f32 = om_absmax_f32_avx512, \
	.to_i8_f32 = om_to_i8_f32_avx512, \
	.sq8_l2sq_f32 = om_sq8_l2sq_f32_avx512, \
	.sq8_l1_f32 = om_sq8_l1_f32_avx512, \
	.sq8_dot_f32 = om_sq8_dot_f32_avx512, \
	.sq8_expand_f32 = om_sq8_expand_f32_avx512, \
	.nearest_f32 = om_nearest_f32_avx512, \
	.table_i16 = om_table_i16_avx512, \
	.unpack_u32 = om_unpack_u32_avx2, \
	.range_u8 = om_range_u8_avx512, \
	.range_u16 = om_range_u16_avx512, \
	.range_u32 = om_range_u32_avx512, \
	.range_u64 = om_range_u64_avx512

const OmKernels om_kernels_avx512 = {
	.name = "avx512",
	FLOAT_KERNELS,
	.dot_code = {om_dot_code1_avx512, om_dot_code2_avx512,
	om_dot_code4_avx512, om_dot_code8_avx512},
	.dot_codes = {om_dot_codes1_avx512, om_dot_codes2_avx512,
	om_dot_codes4_avx512, om_dot_codes8_avx512},
	.expand_code = {om_expand_code1_avx512, om_expand_code2_avx512,
	om_expand_code4_avx512, om_expand_code8_avx512},
	.sums_i8 = om_sums_i8_avx512,
};

const OmKernels om_kernels_avx512vnni = {
	.name = "avx512vnni",
	FLOAT_KERNELS,
	.dot_code = {om_dot_code1_avx512vnni, om_dot_code2_avx512vnni,
	om_dot_code4_avx512vnni, om_dot_code8_avx512vnni},
	.dot_codes = {om_dot_codes1_avx512vnni, om_dot_codes2_avx512vnni,
	om_dot_codes4_avx512vnni, om_dot_codes8_avx512vnni},
	.expand_code = {om_expand_code1_avx512vnni, om_expand_code2_avx512vnni,
	om_expand_code4_avx512vnni, om_expand_code8_avx512vnni},
	.sums_i8 = om_sums_i8_avx512vnni,
};

#endif							/* OM_X86 */
