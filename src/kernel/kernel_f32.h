/*
 * kernel_f32.h -- distances of float vectors, written once for AVX2 and AVX-512.
 *
 * A template: the including file first defines OM_TARGET, OP, OM_FN(name), and for a
 * register of VF_LANES floats
 *
 *   VF (the type), vf_load, vf_load_part (n < VF_LANES floats, reads no more, zero fills),
 *   vf_zero, vf_add, vf_sub, vf_abs, vf_fma(a, b, c) = a * b + c, vf_sum
 *
 * Sums run in two or four registers, so that one addition need not wait for another.
 */

/* The difference of the registers at i + k. */
#define VF_DIFF(k) vf_sub(vf_load(a + i + (k)), vf_load(b + i + (k)))

/* The last dim - i components, fewer than VF_LANES. */
#define VF_REST(x) vf_load_part((x) + i, dim - i)

OM_TARGET static float
OM_FN(l2sq_f32) (const float *a, const float *b, int dim)
{
	VF			s0 = vf_zero();
	VF			s1 = s0;
	VF			s2 = s0;
	VF			s3 = s0;
	int			i = 0;

	for (; i + 4 * VF_LANES <= dim; i += 4 * VF_LANES)
	{
		VF			d0 = VF_DIFF(0);
		VF			d1 = VF_DIFF(VF_LANES);
		VF			d2 = VF_DIFF(2 * VF_LANES);
		VF			d3 = VF_DIFF(3 * VF_LANES);

		s0 = vf_fma(d0, d0, s0);
		s1 = vf_fma(d1, d1, s1);
		s2 = vf_fma(d2, d2, s2);
		s3 = vf_fma(d3, d3, s3);
	}
	for (; i + VF_LANES <= dim; i += VF_LANES)
	{
		VF			d = VF_DIFF(0);

		s0 = vf_fma(d, d, s0);
	}
	if (i < dim)
	{
		VF			d = vf_sub(VF_REST(a), VF_REST(b));

		s1 = vf_fma(d, d, s1);
	}
	return vf_sum(vf_add(vf_add(s0, s1), vf_add(s2, s3)));
}

OM_TARGET static float
OM_FN(ip_f32) (const float *a, const float *b, int dim)
{
	VF			s0 = vf_zero();
	VF			s1 = s0;
	VF			s2 = s0;
	VF			s3 = s0;
	int			i = 0;

	for (; i + 4 * VF_LANES <= dim; i += 4 * VF_LANES)
	{
		s0 = vf_fma(vf_load(a + i), vf_load(b + i), s0);
		s1 = vf_fma(vf_load(a + i + VF_LANES), vf_load(b + i + VF_LANES), s1);
		s2 = vf_fma(vf_load(a + i + 2 * VF_LANES), vf_load(b + i + 2 * VF_LANES), s2);
		s3 = vf_fma(vf_load(a + i + 3 * VF_LANES), vf_load(b + i + 3 * VF_LANES), s3);
	}
	for (; i + VF_LANES <= dim; i += VF_LANES)
		s0 = vf_fma(vf_load(a + i), vf_load(b + i), s0);
	if (i < dim)
		s1 = vf_fma(VF_REST(a), VF_REST(b), s1);
	return vf_sum(vf_add(vf_add(s0, s1), vf_add(s2, s3)));
}

OM_TARGET static float
OM_FN(l1_f32) (const float *a, const float *b, int dim)
{
	VF			s0 = vf_zero();
	VF			s1 = s0;
	int			i = 0;

	for (; i + 2 * VF_LANES <= dim; i += 2 * VF_LANES)
	{
		s0 = vf_add(s0, vf_abs(VF_DIFF(0)));
		s1 = vf_add(s1, vf_abs(VF_DIFF(VF_LANES)));
	}
	for (; i + VF_LANES <= dim; i += VF_LANES)
		s0 = vf_add(s0, vf_abs(VF_DIFF(0)));
	if (i < dim)
		s0 = vf_add(s0, vf_abs(vf_sub(VF_REST(a), VF_REST(b))));
	return vf_sum(vf_add(s0, s1));
}

OM_TARGET static void
OM_FN(cos_f32) (const float *a, const float *b, int dim, float out[3])
{
	VF			ab0 = vf_zero();
	VF			aa0 = ab0;
	VF			bb0 = ab0;
	VF			ab1 = ab0;
	VF			aa1 = ab0;
	VF			bb1 = ab0;
	int			i = 0;

	for (; i + 2 * VF_LANES <= dim; i += 2 * VF_LANES)
	{
		VF			a0 = vf_load(a + i);
		VF			b0 = vf_load(b + i);
		VF			a1 = vf_load(a + i + VF_LANES);
		VF			b1 = vf_load(b + i + VF_LANES);

		ab0 = vf_fma(a0, b0, ab0);
		aa0 = vf_fma(a0, a0, aa0);
		bb0 = vf_fma(b0, b0, bb0);
		ab1 = vf_fma(a1, b1, ab1);
		aa1 = vf_fma(a1, a1, aa1);
		bb1 = vf_fma(b1, b1, bb1);
	}
	for (; i < dim; i += VF_LANES)
	{
		bool		whole = i + VF_LANES <= dim;
		VF			u = whole ? vf_load(a + i) : VF_REST(a);
		VF			v = whole ? vf_load(b + i) : VF_REST(b);

		ab0 = vf_fma(u, v, ab0);
		aa0 = vf_fma(u, u, aa0);
		bb0 = vf_fma(v, v, bb0);
	}
	out[0] = vf_sum(vf_add(ab0, ab1));
	out[1] = vf_sum(vf_add(aa0, aa1));
	out[2] = vf_sum(vf_add(bb0, bb1));
}
