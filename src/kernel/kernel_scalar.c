/*
 * kernel_scalar.c -- every kernel in plain C: the reference for the unit tests, and the
 * variant for CPUs that have no other.
 *
 * The arrays of lanes let the compiler vectorise as far as the base instruction set allows.
 */
#include <math.h>
#include <string.h>

#include "half.h"
#include "kernel_impl.h"

#define LANES OM_LANES

static float
lane_sum(const float *s)
{
	float		t[LANES];

	memcpy(t, s, sizeof(t));
	for (int h = LANES / 2; h > 0; h /= 2)
		for (int l = 0; l < h; l++)
			t[l] += t[l + h];
	return t[0];
}

static float
om_l2sq_f32_scalar(const float *a, const float *b, int dim)
{
	float		s[LANES] = {0};
	float		tail = 0.0f;
	int			i = 0;

	for (; i + LANES <= dim; i += LANES)
		for (int l = 0; l < LANES; l++)
		{
			float		d = a[i + l] - b[i + l];

			s[l] += d * d;
		}
	for (; i < dim; i++)
		tail += (a[i] - b[i]) * (a[i] - b[i]);
	return lane_sum(s) + tail;
}

static float
om_ip_f32_scalar(const float *a, const float *b, int dim)
{
	float		s[LANES] = {0};
	float		tail = 0.0f;
	int			i = 0;

	for (; i + LANES <= dim; i += LANES)
		for (int l = 0; l < LANES; l++)
			s[l] += a[i + l] * b[i + l];
	for (; i < dim; i++)
		tail += a[i] * b[i];
	return lane_sum(s) + tail;
}

static float
om_l1_f32_scalar(const float *a, const float *b, int dim)
{
	float		s[LANES] = {0};
	float		tail = 0.0f;
	int			i = 0;

	for (; i + LANES <= dim; i += LANES)
		for (int l = 0; l < LANES; l++)
			s[l] += fabsf(a[i + l] - b[i + l]);
	for (; i < dim; i++)
		tail += fabsf(a[i] - b[i]);
	return lane_sum(s) + tail;
}

static void
om_cos_f32_scalar(const float *a, const float *b, int dim, float out[3])
{
	float		ab[LANES] = {0};
	float		aa[LANES] = {0};
	float		bb[LANES] = {0};
	float		tail[3] = {0};
	int			i = 0;

	for (; i + LANES <= dim; i += LANES)
		for (int l = 0; l < LANES; l++)
		{
			ab[l] += a[i + l] * b[i + l];
			aa[l] += a[i + l] * a[i + l];
			bb[l] += b[i + l] * b[i + l];
		}
	for (; i < dim; i++)
	{
		tail[0] += a[i] * b[i];
		tail[1] += a[i] * a[i];
		tail[2] += b[i] * b[i];
	}
	out[0] = lane_sum(ab) + tail[0];
	out[1] = lane_sum(aa) + tail[1];
	out[2] = lane_sum(bb) + tail[2];
}

/*
 * Codes.  The accumulator is int32; kernel.h states the length at which it would overflow
 * (65,793 dimensions of 8 bits, more with fewer bits).
 */
static inline int32_t
dot_code(const uint8_t *code, const int8_t *q, int stride, int bits)
{
	int32_t		sum = 0;
	int			mask = (1 << bits) - 1;

	for (int p = 0; p < 8 / bits; p++)
	{
		const int8_t *qp = q + (size_t) p * stride;

		for (int j = 0; j < stride; j++)
			sum += ((code[j] >> (p * bits)) & mask) * qp[j];
	}
	return sum;
}

static int32_t
om_dot_code1_scalar(const uint8_t *code, const int8_t *q, int stride)
{
	return dot_code(code, q, stride, 1);
}

static int32_t
om_dot_code2_scalar(const uint8_t *code, const int8_t *q, int stride)
{
	return dot_code(code, q, stride, 2);
}

static int32_t
om_dot_code4_scalar(const uint8_t *code, const int8_t *q, int stride)
{
	return dot_code(code, q, stride, 4);
}

static int32_t
om_dot_code8_scalar(const uint8_t *code, const int8_t *q, int stride)
{
	return dot_code(code, q, stride, 8);
}

static inline void
expand_code(const uint8_t *code, int8_t *out, int stride, int bits)
{
	int			mask = (1 << bits) - 1;

	for (int p = 0; p < 8 / bits; p++)
	{
		int8_t	   *op = out + (size_t) p * stride;

		for (int j = 0; j < stride; j++)
			op[j] = (int8_t) (2 * ((code[j] >> (p * bits)) & mask) - mask);
	}
}

static void
om_expand_code1_scalar(const uint8_t *code, int8_t *out, int stride)
{
	expand_code(code, out, stride, 1);
}

static void
om_expand_code2_scalar(const uint8_t *code, int8_t *out, int stride)
{
	expand_code(code, out, stride, 2);
}

static void
om_expand_code4_scalar(const uint8_t *code, int8_t *out, int stride)
{
	expand_code(code, out, stride, 4);
}

static void
om_expand_code8_scalar(const uint8_t *code, int8_t *out, int stride)
{
	for (int j = 0; j < stride; j++)
		out[j] = (int8_t) (code[j] - 128 + (code[j] < 128));
}

static void
om_fht_f32_scalar(float *x, int n)
{
	for (int h = 1; h < n; h *= 2)
		for (int i = 0; i < n; i += 2 * h)
			for (int j = i; j < i + h; j++)
			{
				float		a = x[j];
				float		b = x[j + h];

				x[j] = a + b;
				x[j + h] = a - b;
			}
}

static void
om_sums_i8_scalar(const int8_t *x, int n, int32_t out[3])
{
	int32_t		sum = 0;
	int32_t		abs = 0;
	int32_t		sq = 0;

	for (int i = 0; i < n; i++)
	{
		int32_t		v = (int32_t) x[i];

		sum += v;
		abs += v < 0 ? -v : v;
		sq += v * v;
	}
	out[0] = sum;
	out[1] = abs;
	out[2] = sq;
}

/* The template's sixteen lanes in plain C. */
typedef struct V16
{
	float		f[LANES];
} V16;

#define OM_TARGET
#define OM_FN(name) om_##name##_scalar
#define OP static inline __attribute__((always_inline))

OP V16
v16_load(const float *x)
{
	V16			v;

	memcpy(v.f, x, sizeof(v.f));
	return v;
}

OP V16
v16_load_part(const float *x, int n)
{
	V16			v = {{0}};

	for (int i = 0; i < n; i++)
		v.f[i] = x[i];
	return v;
}

OP void
v16_store(float *x, V16 v)
{
	memcpy(x, v.f, sizeof(v.f));
}

OP V16
v16_set1(float x)
{
	V16			v;

	for (int l = 0; l < LANES; l++)
		v.f[l] = x;
	return v;
}

#define V16_BINARY(name, expr) \
	OP V16 name(V16 a, V16 b) \
	{ \
		for (int l = 0; l < LANES; l++) \
		{ \
			float	x = a.f[l]; \
			float	y = b.f[l]; \
			a.f[l] = (expr); \
		} \
		return a; \
	}

V16_BINARY(v16_add, x + y)
V16_BINARY(v16_sub, x - y)
V16_BINARY(v16_mul, x * y)
V16_BINARY(v16_min, x < y ? x : y)
V16_BINARY(v16_max, x > y ? x : y)

OP V16
v16_abs(V16 a)
{
	for (int l = 0; l < LANES; l++)
		a.f[l] = fabsf(a.f[l]);
	return a;
}

OP V16
v16_trunc(V16 a)
{
	for (int l = 0; l < LANES; l++)
		a.f[l] = (float) (int) a.f[l];
	return a;
}

OP float
v16_sum(V16 a)
{
	return lane_sum(a.f);
}

OP float
v16_hmax(V16 a)
{
	float		max = a.f[0];

	for (int l = 1; l < LANES; l++)
		max = a.f[l] > max ? a.f[l] : max;
	return max;
}

OP void
v16_levels(V16 m, V16 x, int half, uint8_t *u)
{
	for (int l = 0; l < LANES; l++)
	{
		int			level = (int) m.f[l];

		u[l] = (uint8_t) (signbit(x.f[l]) ? half - 1 - level : half + level);
	}
}

OP int32_t
v16_round_i8(V16 a, int8_t *q)
{
	int32_t		sum = 0;

	for (int l = 0; l < LANES; l++)
	{
		q[l] = (int8_t) rintf(a.f[l]);
		sum += q[l];
	}
	return sum;
}

OP V16
v16_load_u8(const uint8_t *u)
{
	V16			v;

	for (int l = 0; l < LANES; l++)
		v.f[l] = (float) u[l];
	return v;
}

OP void
v16_round_i16(V16 a, int16_t *out)
{
	for (int l = 0; l < LANES; l++)
		out[l] = (int16_t) rintf(a.f[l]);
}

OP V16
v16_choose(V16 a, V16 b, V16 yes, V16 no)
{
	for (int l = 0; l < LANES; l++)
		no.f[l] = a.f[l] > b.f[l] ? yes.f[l] : no.f[l];
	return no;
}

#include "kernel_lanes.h"

#define RANGE64(W) \
	OP uint64_t \
	range64_u##W(const uint##W##_t *x, uint##W##_t lo, uint##W##_t span) \
	{ \
		uint64_t	bits = 0; \
		\
		for (int i = 0; i < 64; i++) \
			bits |= (uint64_t) ((uint##W##_t) (x[i] - lo) <= span) << i; \
		return bits; \
	}

RANGE64(8)
RANGE64(16)
RANGE64(32)
RANGE64(64)

#include "kernel_range.h"

OP V16
v16_load_half(const uint16_t *x)
{
	V16			v;

	for (int l = 0; l < LANES; l++)
		v.f[l] = om_half_to_float(x[l]);
	return v;
}

OP void
v16_store_half(uint16_t *x, V16 v)
{
	for (int l = 0; l < LANES; l++)
		x[l] = om_float_to_half(v.f[l]);
}

#include "kernel_half.h"

#define OM_BITS_BYTES 8
typedef uint64_t BITS;

OP BITS
bits_load(const uint8_t *x)
{
	BITS		v;

	memcpy(&v, x, sizeof(v));
	return v;
}

OP BITS
bits_zero(void)
{
	return 0;
}

OP BITS
bits_xor(BITS a, BITS b)
{
	return a ^ b;
}

OP BITS
bits_and(BITS a, BITS b)
{
	return a & b;
}

OP BITS
bits_add(BITS a, BITS b)
{
	return a + b;
}

/*
 * Written out, because gcc would call a function for each word if the CPU may lack the
 * instruction.
 */
OP BITS
bits_count(BITS v)
{
	v -= v >> 1 & UINT64_C(0x5555555555555555);
	v = (v & UINT64_C(0x3333333333333333)) + (v >> 2 & UINT64_C(0x3333333333333333));
	v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return v * UINT64_C(0x0101010101010101) >> 56;
}

OP uint64_t
bits_sum(BITS v)
{
	return v;
}

#include "kernel_bits.h"

const OmKernels om_kernels_scalar = {
	.name = "scalar",
	.l2sq_f32 = om_l2sq_f32_scalar,
	.ip_f32 = om_ip_f32_scalar,
	.l1_f32 = om_l1_f32_scalar,
	.cos_f32 = om_cos_f32_scalar,
	.l2sq_f16 = om_l2sq_f16_scalar,
	.ip_f16 = om_ip_f16_scalar,
	.l1_f16 = om_l1_f16_scalar,
	.cos_f16 = om_cos_f16_scalar,
	.f16_to_f32 = om_f16_to_f32_scalar,
	.f32_to_f16 = om_f32_to_f16_scalar,
	.differ_bits = om_differ_bits_scalar,
	.share_bits = om_share_bits_scalar,
	.dot_code = {om_dot_code1_scalar, om_dot_code2_scalar,
	om_dot_code4_scalar, om_dot_code8_scalar},
	.expand_code = {om_expand_code1_scalar, om_expand_code2_scalar,
	om_expand_code4_scalar, om_expand_code8_scalar},
	.fht_f32 = om_fht_f32_scalar,
	.sums_i8 = om_sums_i8_scalar,
	.sumsq_f32 = om_sumsq_f32_scalar,
	.center_f32 = om_center_f32_scalar,
	.mul_f32 = om_mul_f32_scalar,
	.mix_f32 = om_mix_f32_scalar,
	.trial_f32 = om_trial_f32_scalar,
	.quantize_f32 = om_quantize_f32_scalar,
	.absmax_f32 = om_absmax_f32_scalar,
	.to_i8_f32 = om_to_i8_f32_scalar,
	.sq8_l2sq_f32 = om_sq8_l2sq_f32_scalar,
	.sq8_l1_f32 = om_sq8_l1_f32_scalar,
	.sq8_dot_f32 = om_sq8_dot_f32_scalar,
	.sq8_expand_f32 = om_sq8_expand_f32_scalar,
	.nearest_f32 = om_nearest_f32_scalar,
	.table_i16 = om_table_i16_scalar,
	.unpack_u32 = om_unpack_u32_scalar,
	.range_u8 = om_range_u8_scalar,
	.range_u16 = om_range_u16_scalar,
	.range_u32 = om_range_u32_scalar,
	.range_u64 = om_range_u64_scalar,
};
