/*
 * test_range_kernels.c -- the range tests of filter columns: every variant
 * against a plain loop; nothing read past the values, nothing but whole words
 * written.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "unit.h"

#define MAX_N 1000
#define WORDS(n) (((n) + 63) / 64)
#define NOT_WRITTEN UINT64_C(0x5a5a5a5a5a5a5a5a)

static int
length_at(int i)
{
	return i <= 130 ? i : MAX_N;
}

/* One call against a plain loop; x and the words end where nothing may be touched. */
#define DEFINE_CHECK(W) \
	static void \
	check_u##W(const OmKernels *k, const uint##W##_t *x, int n, uint##W##_t lo, \
			   uint##W##_t hi, const UnitGuard *guard) \
	{ \
		uint64_t	want[WORDS(MAX_N)] = {0}; \
		uint64_t   *got = unit_guard_tail(guard, sizeof(uint64_t) * (size_t) WORDS(n)); \
		\
		for (int i = 0; i < n; i++) \
			if (lo <= x[i] && x[i] <= hi) \
				want[i / 64] |= UINT64_C(1) << (i % 64); \
		got[-1] = NOT_WRITTEN; \
		memset(got, 0x5a, sizeof(uint64_t) * (size_t) WORDS(n)); \
		k->range_u##W(x, n, lo, hi, got); \
		CHECK(memcmp(got, want, sizeof(uint64_t) * (size_t) WORDS(n)) == 0, \
			  "n %d, %llu to %llu", n, (unsigned long long) lo, (unsigned long long) hi); \
		CHECK(got[-1] == NOT_WRITTEN, "n %d: written before the bits", n); \
	} \
	\
	static void \
	test_u##W(const OmKernels *k) \
	{ \
		const uint##W##_t max = (uint##W##_t) ~(uint##W##_t) 0; \
		UnitGuard	values; \
		UnitGuard	words; \
		\
		unit_guard_open(&values, sizeof(uint##W##_t) * MAX_N + 64); \
		unit_guard_open(&words, sizeof(uint64_t) * (WORDS(MAX_N) + 1)); \
		unit_begin("range of %d bits %s", W, k->name); \
		for (int at = 0; at <= 131; at++) \
			for (int shift = 0; shift < 2; shift++) \
				for (int narrow = 0; narrow < 3; narrow++) \
				{ \
					int			n = length_at(at); \
					size_t		bytes = sizeof(uint##W##_t) * (size_t) n; \
					/* at the last byte that may be read; and 8 past a multiple of 64 */ \
					uint##W##_t *x = shift == 0 ? unit_guard_tail(&values, bytes) : \
						(uint##W##_t *) ((char *) unit_guard_head(&values) + 8); \
					/* all values, few of them, few at both ends */ \
					uint##W##_t mask = narrow == 0 ? max : 7; \
					uint##W##_t less = narrow == 2 ? 4 : 0; \
					uint##W##_t a; \
					uint##W##_t b; \
					\
					for (int i = 0; i < n; i++) \
						x[i] = (uint##W##_t) (((uint##W##_t) unit_random() & mask) - less); \
					a = n > 0 ? x[unit_random() % (unsigned int) n] : 3; \
					b = n > 0 ? x[unit_random() % (unsigned int) n] : 3; \
					check_u##W(k, x, n, a, a, &words); \
					check_u##W(k, x, n, a < b ? a : b, a < b ? b : a, &words); \
					check_u##W(k, x, n, 0, max, &words); \
					check_u##W(k, x, n, 0, a, &words); \
					check_u##W(k, x, n, a, max, &words); \
					check_u##W(k, x, n, 0, 0, &words); \
					check_u##W(k, x, n, max, max, &words); \
					check_u##W(k, x, n, max / 2, max / 2 + 1, &words); \
					/* nothing lies between */ \
					check_u##W(k, x, n, a, (uint##W##_t) (a - 1), &words); \
				} \
		unit_end(); \
		unit_guard_close(&values); \
		unit_guard_close(&words); \
	}

DEFINE_CHECK(8)
DEFINE_CHECK(16)
DEFINE_CHECK(32)
DEFINE_CHECK(64)

void
test_range_kernels(void)
{
	const OmKernels *list[8];
	int			n = om_kernels_list(list, 8);

	unit_seed(12);
	for (int i = 0; i < n; i++)
	{
		test_u8(list[i]);
		test_u16(list[i]);
		test_u32(list[i]);
		test_u64(list[i]);
	}
}
