/*
 * kernel_fht.h -- the fast Hadamard transform, written once for registers of any length.
 *
 * A template: the including file first defines OM_TARGET, OP, OM_FN(name), and for a
 * register of VF_LANES floats
 *
 *   VF (the type), vf_load, vf_store, vf_add, vf_sub,
 *   vf_fht (the transform of one register)
 *
 * Every level adds and subtracts pairs, so that all variants round alike.
 */

/* Two levels, partners h and 2h apart, on one register of columns at x. */
OP void
OM_FN(fht_radix4) (float *x, int h, VF a0, VF a1, VF a2, VF a3)
{
	VF			b0 = vf_add(a0, a1);
	VF			b1 = vf_sub(a0, a1);
	VF			b2 = vf_add(a2, a3);
	VF			b3 = vf_sub(a2, a3);

	vf_store(x, vf_add(b0, b2));
	vf_store(x + h, vf_add(b1, b3));
	vf_store(x + 2 * h, vf_sub(b0, b2));
	vf_store(x + 3 * h, vf_sub(b1, b3));
}

OM_TARGET static void
OM_FN(fht_f32) (float *x, int n)
{
	int			h = VF_LANES;

	if (n < VF_LANES)
	{
		om_kernels_scalar.fht_f32(x, n);
		return;
	}
	if (n < 4 * VF_LANES)
		for (int i = 0; i < n; i += VF_LANES)
			vf_store(x + i, vf_fht(vf_load(x + i)));
	else
	{
		for (int i = 0; i < n; i += 4 * h)
			OM_FN(fht_radix4) (x + i, h, vf_fht(vf_load(x + i)), vf_fht(vf_load(x + i + h)),
							   vf_fht(vf_load(x + i + 2 * h)), vf_fht(vf_load(x + i + 3 * h)));
		h = 4 * VF_LANES;
	}
	for (; 4 * h <= n; h *= 4)
		for (int i = 0; i < n; i += 4 * h)
			for (int j = i; j < i + h; j += VF_LANES)
				OM_FN(fht_radix4) (x + j, h, vf_load(x + j), vf_load(x + j + h),
								   vf_load(x + j + 2 * h), vf_load(x + j + 3 * h));
	if (h < n)
		for (int j = 0; j < h; j += VF_LANES)
		{
			VF			a = vf_load(x + j);
			VF			b = vf_load(x + j + h);

			vf_store(x + j, vf_add(a, b));
			vf_store(x + j + h, vf_sub(a, b));
		}
}
