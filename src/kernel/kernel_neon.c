/*
 * kernel_neon.c -- NEON kernels for aarch64, with the dot product instructions (Armv8.2)
 * where present.
 *
 * The rest of an array that does not fill a register is copied into a register filled with
 * zeros, so nothing past a code's stride or a vector's end is read.
 */
#include <math.h>
#include <string.h>

#include "kernel_impl.h"

#ifdef OM_NEON

#include <arm_neon.h>

#define OM_TARGET
#define OP static inline __attribute__((always_inline))

OP float32x4_t
load_part_4(const float *x, int n)
{
	float		part[4] = {0};

	for (int i = 0; i < n; i++)
		part[i] = x[i];
	return vld1q_f32(part);
}

static float
om_l2sq_f32_neon(const float *a, const float *b, int dim)
{
	float32x4_t s[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
	int			i = 0;

	for (; i + 16 <= dim; i += 16)
		for (int r = 0; r < 4; r++)
		{
			float32x4_t d = vsubq_f32(vld1q_f32(a + i + 4 * r), vld1q_f32(b + i + 4 * r));

			s[r] = vfmaq_f32(s[r], d, d);
		}
	for (; i < dim; i += 4)
	{
		float32x4_t d;

		if (i + 4 <= dim)
			d = vsubq_f32(vld1q_f32(a + i), vld1q_f32(b + i));
		else
			d = vsubq_f32(load_part_4(a + i, dim - i), load_part_4(b + i, dim - i));
		s[0] = vfmaq_f32(s[0], d, d);
	}
	return vaddvq_f32(vaddq_f32(vaddq_f32(s[0], s[1]), vaddq_f32(s[2], s[3])));
}

static float
om_ip_f32_neon(const float *a, const float *b, int dim)
{
	float32x4_t s[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
	int			i = 0;

	for (; i + 16 <= dim; i += 16)
		for (int r = 0; r < 4; r++)
			s[r] = vfmaq_f32(s[r], vld1q_f32(a + i + 4 * r), vld1q_f32(b + i + 4 * r));
	for (; i < dim; i += 4)
	{
		if (i + 4 <= dim)
			s[0] = vfmaq_f32(s[0], vld1q_f32(a + i), vld1q_f32(b + i));
		else
			s[0] = vfmaq_f32(s[0], load_part_4(a + i, dim - i), load_part_4(b + i, dim - i));
	}
	return vaddvq_f32(vaddq_f32(vaddq_f32(s[0], s[1]), vaddq_f32(s[2], s[3])));
}

static float
om_l1_f32_neon(const float *a, const float *b, int dim)
{
	float32x4_t s[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
	int			i = 0;

	for (; i + 8 <= dim; i += 8)
		for (int r = 0; r < 2; r++)
			s[r] = vaddq_f32(s[r], vabdq_f32(vld1q_f32(a + i + 4 * r), vld1q_f32(b + i + 4 * r)));
	for (; i < dim; i += 4)
	{
		if (i + 4 <= dim)
			s[0] = vaddq_f32(s[0], vabdq_f32(vld1q_f32(a + i), vld1q_f32(b + i)));
		else
			s[0] = vaddq_f32(s[0], vabdq_f32(load_part_4(a + i, dim - i), load_part_4(b + i, dim - i)));
	}
	return vaddvq_f32(vaddq_f32(s[0], s[1]));
}

static void
om_cos_f32_neon(const float *a, const float *b, int dim, float out[3])
{
	float32x4_t ab[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
	float32x4_t aa[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
	float32x4_t bb[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};

	for (int i = 0; i < dim; i += 4)
	{
		int			r = (i >> 2) & 1;
		bool		whole = i + 4 <= dim;
		float32x4_t u = whole ? vld1q_f32(a + i) : load_part_4(a + i, dim - i);
		float32x4_t v = whole ? vld1q_f32(b + i) : load_part_4(b + i, dim - i);

		ab[r] = vfmaq_f32(ab[r], u, v);
		aa[r] = vfmaq_f32(aa[r], u, u);
		bb[r] = vfmaq_f32(bb[r], v, v);
	}
	out[0] = vaddvq_f32(vaddq_f32(ab[0], ab[1]));
	out[1] = vaddvq_f32(vaddq_f32(aa[0], aa[1]));
	out[2] = vaddvq_f32(vaddq_f32(bb[0], bb[1]));
}

/* Hadamard transform of a register; see kernel_avx512.c. */
OP float32x4_t
fht_4(float32x4_t x)
{
	static const float s1[4] = {1, -1, 1, -1};
	static const float s2[4] = {1, 1, -1, -1};

	x = vfmaq_f32(vrev64q_f32(x), x, vld1q_f32(s1));
	return vfmaq_f32(vextq_f32(x, x, 2), x, vld1q_f32(s2));
}

/* Loads 16 code bytes at x, or n of them if fewer are left; fills with zeros. */
OP uint8x16_t
load_bytes(const uint8_t *x, int n)
{
	uint8_t		part[16] = {0};

	if (n >= 16)
		return vld1q_u8(x);
	memcpy(part, x, (size_t) n);
	return vld1q_u8(part);
}

/* Plane p of the code, one element a byte. */
OP uint8x16_t
plane(uint8x16_t code, int p, int bits)
{
	if (bits == 8)
		return code;
	return vandq_u8(vshlq_u8(code, vdupq_n_s8((int8_t) (-p * bits))),
					vdupq_n_u8((uint8_t) ((1 << bits) - 1)));
}

OP void
expand_code(const uint8_t *code, int8_t *out, int stride, int bits)
{
	for (int p = 0; p < 8 / bits; p++)
		for (int j = 0; j < stride; j += 16)
		{
			uint8x16_t	u = plane(load_bytes(code + j, stride - j), p, bits);
			int8x16_t	v;

			if (bits == 8)
			{
				v = vreinterpretq_s8_u8(veorq_u8(u, vdupq_n_u8(128)));
				v = vsubq_s8(v, vreinterpretq_s8_u8(vcltq_s8(v, vdupq_n_s8(0))));
			}
			else
				v = vreinterpretq_s8_u8(vsubq_u8(vaddq_u8(u, u),
												 vdupq_n_u8((uint8_t) ((1 << bits) - 1))));
			/* bytes past the plane's end are overwritten by the next plane */
			vst1q_s8(out + (size_t) p * stride + j, v);
		}
}

/* |x| <= 127, so that a product fits in int16. */
static void
om_sums_i8_neon(const int8_t *x, int n, int32_t out[3])
{
	int32x4_t	sum = vdupq_n_s32(0);
	int32x4_t	abs = sum;
	int32x4_t	sq = sum;

	for (int i = 0; i < n; i += 16)
	{
		int8x16_t	v = vreinterpretq_s8_u8(load_bytes((const uint8_t *) x + i, n - i));

		sum = vpadalq_s16(sum, vpaddlq_s8(v));
		abs = vpadalq_s16(abs, vpaddlq_s8(vabsq_s8(v)));
		sq = vpadalq_s16(sq, vmull_s8(vget_low_s8(v), vget_low_s8(v)));
		sq = vpadalq_s16(sq, vmull_high_s8(v, v));
	}
	out[0] = vaddvq_s32(sum);
	out[1] = vaddvq_s32(abs);
	out[2] = vaddvq_s32(sq);
}

/*
 * Without the dot product instructions: codes of fewer than 8 bits are small int8, so that
 * two products fit in int16; 8-bit codes are widened.
 */
OP int32x4_t
dp_neon(int32x4_t acc, uint8x16_t u, int8x16_t s, int bits)
{
	if (bits == 8)
	{
		int16x8_t	ulo = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(u)));
		int16x8_t	uhi = vreinterpretq_s16_u16(vmovl_high_u8(u));
		int16x8_t	slo = vmovl_s8(vget_low_s8(s));
		int16x8_t	shi = vmovl_high_s8(s);

		acc = vmlal_s16(acc, vget_low_s16(ulo), vget_low_s16(slo));
		acc = vmlal_high_s16(acc, ulo, slo);
		acc = vmlal_s16(acc, vget_low_s16(uhi), vget_low_s16(shi));
		return vmlal_high_s16(acc, uhi, shi);
	}
	else
	{
		int8x16_t	c = vreinterpretq_s8_u8(u);
		int16x8_t	w = vmull_s8(vget_low_s8(c), vget_low_s8(s));

		return vpadalq_s16(acc, vmlal_high_s8(w, c, s));
	}
}

#ifdef OM_NEON_DOT

#define DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))

/*
 * With the dot product instructions, which multiply signed by signed.  For an 8-bit code u
 * - 128 is used, and 128 times the sum of s is added; filled zeros add nothing, because the
 * two parts cancel.
 */
DOTPROD static inline __attribute__((always_inline)) int32x4_t
dp_neondot(int32x4_t acc, uint8x16_t u, int8x16_t s, int bits)
{
	if (bits == 8)
	{
		int32x4_t	sum = vdotq_s32(vdupq_n_s32(0), vdupq_n_s8(1), s);

		acc = vaddq_s32(acc, vshlq_n_s32(sum, 7));
		u = veorq_u8(u, vdupq_n_u8(128));
	}
	return vdotq_s32(acc, vreinterpretq_s8_u8(u), s);
}

#endif							/* OM_NEON_DOT */

#define DOT_KERNEL(target, name, bits) \
	target static int32_t \
	om_dot_code##bits##_##name(const uint8_t *code, const int8_t *q, int stride) \
	{ \
		int32x4_t	acc[2] = {vdupq_n_s32(0), vdupq_n_s32(0)}; \
		for (int j = 0; j < stride; j += 16) \
		{ \
			uint8x16_t	c = load_bytes(code + j, stride - j); \
			for (int p = 0; p < 8 / bits; p++) \
				acc[p & 1] = dp_##name(acc[p & 1], plane(c, p, bits), \
									   vld1q_s8(q + (size_t) p * stride + j), bits); \
		} \
		return vaddvq_s32(vaddq_s32(acc[0], acc[1])); \
	}

#define EXPAND_KERNEL(bits) \
	static void \
	om_expand_code##bits##_neon(const uint8_t *code, int8_t *out, int stride) \
	{ \
		expand_code(code, out, stride, bits); \
	}

#define NO_TARGET
DOT_KERNEL(NO_TARGET, neon, 1)
DOT_KERNEL(NO_TARGET, neon, 2)
DOT_KERNEL(NO_TARGET, neon, 4)
DOT_KERNEL(NO_TARGET, neon, 8)
#ifdef OM_NEON_DOT
DOT_KERNEL(DOTPROD, neondot, 1)
DOT_KERNEL(DOTPROD, neondot, 2)
DOT_KERNEL(DOTPROD, neondot, 4)
DOT_KERNEL(DOTPROD, neondot, 8)
#endif
EXPAND_KERNEL(1)
EXPAND_KERNEL(2)
EXPAND_KERNEL(4)
EXPAND_KERNEL(8)

/* The encoder's kernels: the template's sixteen lanes are four registers. */
typedef struct V16
{
	float32x4_t r[4];
} V16;

#define V16_OF(name, args, expr) \
	OP V16 name args \
	{ \
		V16		v; \
		for (int i = 0; i < 4; i++) \
			v.r[i] = (expr); \
		return v; \
	}

V16_OF(v16_load, (const float *x), vld1q_f32(x + 4 * i))
V16_OF(v16_set1, (float x), vdupq_n_f32(x))
V16_OF(v16_add, (V16 a, V16 b), vaddq_f32(a.r[i], b.r[i]))
V16_OF(v16_sub, (V16 a, V16 b), vsubq_f32(a.r[i], b.r[i]))
V16_OF(v16_mul, (V16 a, V16 b), vmulq_f32(a.r[i], b.r[i]))
V16_OF(v16_min, (V16 a, V16 b), vminq_f32(a.r[i], b.r[i]))
V16_OF(v16_max, (V16 a, V16 b), vmaxq_f32(a.r[i], b.r[i]))
V16_OF(v16_abs, (V16 a), vabsq_f32(a.r[i]))
V16_OF(v16_trunc, (V16 a), vrndq_f32(a.r[i]))

OP V16
v16_load_part(const float *x, int n)
{
	float		part[OM_LANES] = {0};

	for (int i = 0; i < n; i++)
		part[i] = x[i];
	return v16_load(part);
}

OP void
v16_store(float *x, V16 v)
{
	for (int i = 0; i < 4; i++)
		vst1q_f32(x + 4 * i, v.r[i]);
}

OP float
v16_sum(V16 a)
{
	float32x4_t s = vaddq_f32(vaddq_f32(a.r[0], a.r[2]), vaddq_f32(a.r[1], a.r[3]));
	float32x2_t t = vadd_f32(vget_low_f32(s), vget_high_f32(s));

	return vget_lane_f32(t, 0) + vget_lane_f32(t, 1);
}

OP float
v16_hmax(V16 a)
{
	return vmaxvq_f32(vmaxq_f32(vmaxq_f32(a.r[0], a.r[1]), vmaxq_f32(a.r[2], a.r[3])));
}

/* Narrows four times four int32, each in the range of a byte, to bytes. */
OP int8x16_t
bytes_16(const int32x4_t v[4])
{
	int16x8_t	lo = vcombine_s16(vmovn_s32(v[0]), vmovn_s32(v[1]));
	int16x8_t	hi = vcombine_s16(vmovn_s32(v[2]), vmovn_s32(v[3]));

	return vcombine_s8(vmovn_s16(lo), vmovn_s16(hi));
}

OP void
v16_levels(V16 m, V16 x, int half, uint8_t *u)
{
	int32x4_t	v[4];

	for (int i = 0; i < 4; i++)
	{
		int32x4_t	sign = vshrq_n_s32(vreinterpretq_s32_f32(x.r[i]), 31);

		v[i] = vaddq_s32(veorq_s32(vcvtq_s32_f32(m.r[i]), sign), vdupq_n_s32(half));
	}
	vst1q_u8(u, vreinterpretq_u8_s8(bytes_16(v)));
}

OP int32_t
v16_round_i8(V16 a, int8_t *q)
{
	int32x4_t	v[4];

	for (int i = 0; i < 4; i++)
		v[i] = vcvtnq_s32_f32(a.r[i]);
	vst1q_s8(q, bytes_16(v));
	return vaddvq_s32(vaddq_s32(vaddq_s32(v[0], v[1]), vaddq_s32(v[2], v[3])));
}

OP V16
v16_load_u8(const uint8_t *u)
{
	uint8x16_t	bytes = vld1q_u8(u);
	uint16x8_t	low = vmovl_u8(vget_low_u8(bytes));
	uint16x8_t	high = vmovl_u8(vget_high_u8(bytes));
	V16			v;

	v.r[0] = vcvtq_f32_u32(vmovl_u16(vget_low_u16(low)));
	v.r[1] = vcvtq_f32_u32(vmovl_u16(vget_high_u16(low)));
	v.r[2] = vcvtq_f32_u32(vmovl_u16(vget_low_u16(high)));
	v.r[3] = vcvtq_f32_u32(vmovl_u16(vget_high_u16(high)));
	return v;
}

OP void
v16_round_i16(V16 a, int16_t *out)
{
	for (int i = 0; i < 4; i++)
		vst1_s16(out + 4 * i, vqmovn_s32(vcvtnq_s32_f32(a.r[i])));
}

V16_OF(v16_choose, (V16 a, V16 b, V16 yes, V16 no),
	   vbslq_f32(vcgtq_f32(a.r[i], b.r[i]), yes.r[i], no.r[i]))

/*
 * Ranges.  A comparison sets all bits of a value that is in the range.  Values are narrowed
 * to a byte each; then one bit of each byte is kept, and eight bytes are added to make one.
 */
OP uint64_t
gather_64(const uint8x16_t in[4])
{
	static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
	uint8x16_t	w = vld1q_u8(weights);
	uint8x16_t	ab = vpaddq_u8(vandq_u8(in[0], w), vandq_u8(in[1], w));
	uint8x16_t	cd = vpaddq_u8(vandq_u8(in[2], w), vandq_u8(in[3], w));
	uint8x16_t	all = vpaddq_u8(ab, cd);

	return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
}

OP uint8x16_t
in_range_u8(const uint8_t *x, uint8_t lo, uint8_t span)
{
	return vcleq_u8(vsubq_u8(vld1q_u8(x), vdupq_n_u8(lo)), vdupq_n_u8(span));
}

OP uint8x16_t
in_range_u16(const uint16_t *x, uint16_t lo, uint16_t span)
{
	uint16x8_t	a = vcleq_u16(vsubq_u16(vld1q_u16(x), vdupq_n_u16(lo)), vdupq_n_u16(span));
	uint16x8_t	b = vcleq_u16(vsubq_u16(vld1q_u16(x + 8), vdupq_n_u16(lo)), vdupq_n_u16(span));

	return vuzp1q_u8(vreinterpretq_u8_u16(a), vreinterpretq_u8_u16(b));
}

/* Eight values, as uint16. */
OP uint16x8_t
in_range_u32_half(const uint32_t *x, uint32_t lo, uint32_t span)
{
	uint32x4_t	a = vcleq_u32(vsubq_u32(vld1q_u32(x), vdupq_n_u32(lo)), vdupq_n_u32(span));
	uint32x4_t	b = vcleq_u32(vsubq_u32(vld1q_u32(x + 4), vdupq_n_u32(lo)), vdupq_n_u32(span));

	return vuzp1q_u16(vreinterpretq_u16_u32(a), vreinterpretq_u16_u32(b));
}

OP uint8x16_t
in_range_u32(const uint32_t *x, uint32_t lo, uint32_t span)
{
	return vuzp1q_u8(vreinterpretq_u8_u16(in_range_u32_half(x, lo, span)),
					 vreinterpretq_u8_u16(in_range_u32_half(x + 8, lo, span)));
}

/* Four values, as uint32. */
OP uint32x4_t
in_range_u64_quarter(const uint64_t *x, uint64_t lo, uint64_t span)
{
	uint64x2_t	a = vcleq_u64(vsubq_u64(vld1q_u64(x), vdupq_n_u64(lo)), vdupq_n_u64(span));
	uint64x2_t	b = vcleq_u64(vsubq_u64(vld1q_u64(x + 2), vdupq_n_u64(lo)), vdupq_n_u64(span));

	return vuzp1q_u32(vreinterpretq_u32_u64(a), vreinterpretq_u32_u64(b));
}

OP uint8x16_t
in_range_u64(const uint64_t *x, uint64_t lo, uint64_t span)
{
	uint16x8_t	a = vuzp1q_u16(vreinterpretq_u16_u32(in_range_u64_quarter(x, lo, span)),
							   vreinterpretq_u16_u32(in_range_u64_quarter(x + 4, lo, span)));
	uint16x8_t	b = vuzp1q_u16(vreinterpretq_u16_u32(in_range_u64_quarter(x + 8, lo, span)),
							   vreinterpretq_u16_u32(in_range_u64_quarter(x + 12, lo, span)));

	return vuzp1q_u8(vreinterpretq_u8_u16(a), vreinterpretq_u8_u16(b));
}

#define RANGE64(W) \
	OP uint64_t \
	range64_u##W(const uint##W##_t *x, uint##W##_t lo, uint##W##_t span) \
	{ \
		uint8x16_t	in[4]; \
		\
		for (int i = 0; i < 4; i++) \
			in[i] = in_range_u##W(x + 16 * i, lo, span); \
		return gather_64(in); \
	}

RANGE64(8)
RANGE64(16)
RANGE64(32)
RANGE64(64)

#define OM_FN(name) om_##name##_neon
#include "kernel_lanes.h"

#define VF float32x4_t
#define VF_LANES 4
#define vf_load(x) vld1q_f32(x)
#define vf_store(x, v) vst1q_f32(x, v)
#define vf_add(a, b) vaddq_f32(a, b)
#define vf_sub(a, b) vsubq_f32(a, b)
#define vf_fht(x) fht_4(x)
#include "kernel_fht.h"
#include "kernel_range.h"

V16_OF(v16_load_half, (const uint16_t *x), vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(x + 4 * i))))

OP void
v16_store_half(uint16_t *x, V16 v)
{
	for (int i = 0; i < 4; i++)
		vst1_u16(x + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(v.r[i])));
}

#include "kernel_half.h"

#define OM_BITS_BYTES 16
typedef uint8x16_t BITS;

OP BITS
bits_load(const uint8_t *x)
{
	return vld1q_u8(x);
}

OP BITS
bits_zero(void)
{
	return vdupq_n_u8(0);
}

OP BITS
bits_xor(BITS a, BITS b)
{
	return veorq_u8(a, b);
}

OP BITS
bits_and(BITS a, BITS b)
{
	return vandq_u8(a, b);
}

OP BITS
bits_add(BITS a, BITS b)
{
	return vreinterpretq_u8_u64(vaddq_u64(vreinterpretq_u64_u8(a), vreinterpretq_u64_u8(b)));
}

OP BITS
bits_count(BITS v)
{
	return vreinterpretq_u8_u64(vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(vcntq_u8(v)))));
}

OP uint64_t
bits_sum(BITS v)
{
	return vaddvq_u64(vreinterpretq_u64_u8(v));
}

#include "kernel_bits.h"

#define SHARED_KERNELS \
	.l2sq_f32 = om_l2sq_f32_neon, \
	.ip_f32 = om_ip_f32_neon, \
	.l1_f32 = om_l1_f32_neon, \
	.cos_f32 = om_cos_f32_neon, \
	.l2sq_f16 = om_l2sq_f16_neon, \
	.ip_f16 = om_ip_f16_neon, \
	.l1_f16 = om_l1_f16_neon, \
	.cos_f16 = om_cos_f16_neon, \
	.f16_to_f32 = om_f16_to_f32_neon, \
	.f32_to_f16 = om_f32_to_f16_neon, \
	.differ_bits = om_differ_bits_neon, \
	.share_bits = om_share_bits_neon, \
	.expand_code = {om_expand_code1_neon, om_expand_code2_neon, \
		om_expand_code4_neon, om_expand_code8_neon}, \
	.fht_f32 = om_fht_f32_neon, \
	.sums_i8 = om_sums_i8_neon, \
	.sumsq_f32 = om_sumsq_f32_neon, \
	.center_f32 = om_center_f32_neon, \
	.mul_f32 = om_mul_f32_neon, \
	.mix_f32 = om_mix_f32_neon, \
	.trial_f32 = om_trial_f32_neon, \
	.quantize_f32 = om_quantize_f32_neon, \
	.absmax_f32 = om_absmax_f32_neon, \
	.to_i8_f32 = om_to_i8_f32_neon, \
	.sq8_l2sq_f32 = om_sq8_l2sq_f32_neon, \
	.sq8_l1_f32 = om_sq8_l1_f32_neon, \
	.sq8_dot_f32 = om_sq8_dot_f32_neon, \
	.sq8_expand_f32 = om_sq8_expand_f32_neon, \
	.nearest_f32 = om_nearest_f32_neon, \
	.table_i16 = om_table_i16_neon, \
	.unpack_u32 = om_unpack_u32_scalar, \
	.range_u8 = om_range_u8_neon, \
	.range_u16 = om_range_u16_neon, \
	.range_u32 = om_range_u32_neon, \
	.range_u64 = om_range_u64_neon

const OmKernels om_kernels_neon = {
	.name = "neon",
	SHARED_KERNELS,
	.dot_code = {om_dot_code1_neon, om_dot_code2_neon,
	om_dot_code4_neon, om_dot_code8_neon},
};

#ifdef OM_NEON_DOT
const OmKernels om_kernels_neondot = {
	.name = "neondot",
	SHARED_KERNELS,
	.dot_code = {om_dot_code1_neondot, om_dot_code2_neondot,
	om_dot_code4_neondot, om_dot_code8_neondot},
};
#endif

#endif							/* OM_NEON */
