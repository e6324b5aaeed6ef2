/*
 * half.h -- IEEE half precision in software: conversions between uint16_t and float.
 *
 * For single values, and for CPUs without the instructions.  Arrays go through
 * om_kernels->f16_to_f32 and f32_to_f16, with equal results.
 */
#ifndef OM_HALF_H
#define OM_HALF_H

#include <stdint.h>
#include <string.h>

#define OM_HALF_INF 0x7c00

/* Exact: every half can be represented as a float. */
static inline float
om_half_to_float(uint16_t h)
{
	uint32_t	bits = (uint32_t) (h & 0x7fff) << 13;
	uint32_t	sign = (uint32_t) (h & 0x8000) << 16;
	float		x;

	/* The exponents' biases differ by 112; the product also normalises subnormals. */
	memcpy(&x, &bits, sizeof(x));
	x *= 0x1p112f;
	memcpy(&bits, &x, sizeof(bits));
	if ((h & OM_HALF_INF) == OM_HALF_INF)
		bits = 0x7f800000 | (uint32_t) (h & 0x3ff) << 13;
	bits |= sign;
	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* Rounds to nearest even; infinite from 65520 on; NaN stays NaN. */
static inline uint16_t
om_float_to_half(float x)
{
	uint32_t	bits;
	uint32_t	sign;
	float		y;

	memcpy(&bits, &x, sizeof(bits));
	sign = bits >> 16 & 0x8000;
	bits &= 0x7fffffff;
	if (bits > 0x7f800000)
		return (uint16_t) (sign | 0x7e00);
	if (bits >= 0x47800000)
		return (uint16_t) (sign | OM_HALF_INF);
	if (bits < 0x38800000)
	{
		/* Subnormal: the unit of .5f is 2^-24, so this addition rounds. */
		memcpy(&y, &bits, sizeof(y));
		y += 0.5f;
		memcpy(&bits, &y, sizeof(bits));
		return (uint16_t) (sign | (bits - 0x3f000000));
	}
	bits += 0xfff + (bits >> 13 & 1);
	return (uint16_t) (sign | ((bits >> 13) - (112 << 10)));
}

#endif							/* OM_HALF_H */
