/*
 * test_unpack.c -- strings of bits: every variant gives back what was packed, for every
 * width, and writes no further.
 */
#include <string.h>

#include "kernel/kernel.h"
#include "unit.h"

#define MAX_N 300
#define SPARE 8					/* bytes past the end that may be read */
#define NOT_WRITTEN 0x5a5a5a5aU

static void
check(const OmKernels *k, int n, int bits, const UnitGuard *guard)
{
	uint32_t	x[MAX_N];
	uint32_t	out[MAX_N + 1];
	size_t		bytes = om_packed_bytes(n, bits);
	uint8_t    *in = unit_guard_tail(guard, bytes + SPARE);
	uint32_t	mask = bits == 32 ? ~0U : (1U << bits) - 1;

	for (int i = 0; i < n; i++)
		x[i] = i % 7 == 0 ? mask : (uint32_t) unit_random() & mask;
	memset(in, 0xff, bytes + SPARE);
	om_pack_u32(x, n, bits, in);
	CHECK(in[bytes] == 0xff, "n %d, %d bits: packed past the end", n, bits);
	memset(out, 0x5a, sizeof(out));
	k->unpack_u32(in, n, bits, out);
	CHECK(memcmp(out, x, sizeof(uint32_t) * (size_t) n) == 0, "n %d, %d bits", n, bits);
	CHECK(out[n] == NOT_WRITTEN, "n %d, %d bits: written past the end", n, bits);
}

void
test_unpack(void)
{
	const OmKernels *list[8];
	int			count = om_kernels_list(list, 8);
	UnitGuard	guard;

	unit_guard_open(&guard, sizeof(uint32_t) * MAX_N + SPARE);
	for (int v = 0; v < count; v++)
	{
		unit_begin("strings of bits %s", list[v]->name);
		for (int bits = 0; bits <= 32; bits++)
			for (int n = 0; n <= 131; n++)
				check(list[v], n == 131 ? MAX_N : n, bits, &guard);
		unit_end();
	}
	unit_guard_close(&guard);
}
