/*
 * kernel_half.h -- kernels of half-precision vectors, written once for registers of 16
 * floats.
 *
 * A template like kernel_lanes.h, after which it is included.  In addition it needs
 *
 *   v16_load_half   16 halves as floats, exactly; reads 32 bytes
 *   v16_store_half  16 floats as halves, to nearest even; writes 32 bytes
 *
 * Sums are float32 in OM_LANES partial sums, in two chains, and nothing is fused: every
 * variant gives the same result.
 */

/* Loads the first n < 16 halves of x and fills with zeros; reads no more than n. */
OP V16
OM_FN(half_part) (const uint16_t *x, int n)
{
	uint16_t	part[OM_LANES] = {0};

	memcpy(part, x, sizeof(uint16_t) * (size_t) n);
	return v16_load_half(part);
}

OP V16
OM_FN(half_at) (const uint16_t *x, int i, int dim)
{
	return i + OM_LANES <= dim ? v16_load_half(x + i) : OM_FN(half_part) (x + i, dim - i);
}

/* Sums term(v, w) over pairs of registers, adding to two chains in turn. */
#define OM_HALF_SUM(name, term) \
	OM_TARGET static float \
	OM_FN(name) (const uint16_t *a, const uint16_t *b, int dim) \
	{ \
		V16			s0 = v16_set1(0.0f); \
		V16			s1 = s0; \
		int			i = 0; \
		\
		for (; i + 2 * OM_LANES <= dim; i += 2 * OM_LANES) \
		{ \
			s0 = v16_add(s0, term(v16_load_half(a + i), v16_load_half(b + i))); \
			s1 = v16_add(s1, term(v16_load_half(a + i + OM_LANES), \
								  v16_load_half(b + i + OM_LANES))); \
		} \
		for (; i < dim; i += OM_LANES) \
			s0 = v16_add(s0, term(OM_FN(half_at) (a, i, dim), OM_FN(half_at) (b, i, dim))); \
		return v16_sum(v16_add(s0, s1)); \
	}

OP V16
OM_FN(half_square) (V16 a, V16 b)
{
	V16			d = v16_sub(a, b);

	return v16_mul(d, d);
}

OP V16
OM_FN(half_distance) (V16 a, V16 b)
{
	return v16_abs(v16_sub(a, b));
}

OM_HALF_SUM(l2sq_f16, OM_FN(half_square))
OM_HALF_SUM(ip_f16, v16_mul)
OM_HALF_SUM(l1_f16, OM_FN(half_distance))
#undef OM_HALF_SUM

OM_TARGET static void
OM_FN(cos_f16) (const uint16_t *a, const uint16_t *b, int dim, float out[3])
{
	V16			ab = v16_set1(0.0f);
	V16			aa = ab;
	V16			bb = ab;

	for (int i = 0; i < dim; i += OM_LANES)
	{
		V16			v = OM_FN(half_at) (a, i, dim);
		V16			w = OM_FN(half_at) (b, i, dim);

		ab = v16_add(ab, v16_mul(v, w));
		aa = v16_add(aa, v16_mul(v, v));
		bb = v16_add(bb, v16_mul(w, w));
	}
	out[0] = v16_sum(ab);
	out[1] = v16_sum(aa);
	out[2] = v16_sum(bb);
}

OM_TARGET static void
OM_FN(f16_to_f32) (const uint16_t *x, float *out, int n)
{
	float		part[OM_LANES];
	int			i = 0;

	for (; i + OM_LANES <= n; i += OM_LANES)
		v16_store(out + i, v16_load_half(x + i));
	if (i < n)
	{
		v16_store(part, OM_FN(half_part) (x + i, n - i));
		memcpy(out + i, part, sizeof(float) * (size_t) (n - i));
	}
}

OM_TARGET static void
OM_FN(f32_to_f16) (const float *x, uint16_t *out, int n)
{
	uint16_t	part[OM_LANES];
	int			i = 0;

	for (; i + OM_LANES <= n; i += OM_LANES)
		v16_store_half(out + i, v16_load(x + i));
	if (i < n)
	{
		v16_store_half(part, v16_load_part(x + i, n - i));
		memcpy(out + i, part, sizeof(uint16_t) * (size_t) (n - i));
	}
}
