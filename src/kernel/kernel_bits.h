/*
 * kernel_bits.h -- counts the bits in which two bit strings differ, or that are set in
 * both.
 *
 * A template: the including file first defines OM_TARGET, OP, OM_FN(name), and for
 * registers of OM_BITS_BYTES bytes
 *
 *   BITS (the type), bits_load, bits_xor, bits_and,
 *   bits_count (bits set, in each 64-bit lane), bits_add (64-bit lanes),
 *   bits_zero, bits_sum (uint64_t, over all lanes)
 *
 * Nothing is read past n bytes; counts are exact.
 */

OP BITS
OM_FN(bits_at) (const uint8_t *x, size_t i, size_t n)
{
	uint8_t		part[OM_BITS_BYTES] = {0};

	if (i + OM_BITS_BYTES <= n)
		return bits_load(x + i);
	memcpy(part, x + i, n - i);
	return bits_load(part);
}

OM_TARGET static uint64_t
OM_FN(differ_bits) (const uint8_t *a, const uint8_t *b, size_t n)
{
	BITS		sum = bits_zero();

	for (size_t i = 0; i < n; i += OM_BITS_BYTES)
		sum = bits_add(sum, bits_count(bits_xor(OM_FN(bits_at) (a, i, n),
												OM_FN(bits_at) (b, i, n))));
	return bits_sum(sum);
}

OM_TARGET static void
OM_FN(share_bits) (const uint8_t *a, const uint8_t *b, size_t n, uint64_t out[2])
{
	BITS		ab = bits_zero();
	BITS		either = ab;

	for (size_t i = 0; i < n; i += OM_BITS_BYTES)
	{
		BITS		v = OM_FN(bits_at) (a, i, n);
		BITS		w = OM_FN(bits_at) (b, i, n);

		ab = bits_add(ab, bits_count(bits_and(v, w)));
		either = bits_add(either, bits_count(bits_xor(v, w)));
	}
	out[0] = bits_sum(ab);
	out[1] = bits_sum(either);
}
