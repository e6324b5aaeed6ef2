/*
 * test_half_bits.c -- half precision and bit strings: conversions exhaustively,
 * every variant against the scalar one (equal) and against sums in double.
 */
#include <math.h>
#include <string.h>

#include "kernel/half.h"
#include "kernel/kernel.h"
#include "unit.h"

#define MAX_DIM 16000

static const int dims[] = {0, 1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 65, 100, 127,
128, 130, 784, 1536, 15999, MAX_DIM};

#define NDIMS ((int) (sizeof(dims) / sizeof(dims[0])))

/* The value of a half by the definition. */
static double
half_value(int h)
{
	int			e = h >> 10 & 31;
	int			m = h & 1023;
	double		x = e == 0 ? ldexp(m, -24) : e == 31 ? (m ? NAN : INFINITY) : ldexp(1024 + m, e - 25);

	return h & 0x8000 ? -x : x;
}

static bool
same_float(float a, double b)
{
	return isnan(b) ? isnan(a) : a == b && !signbit(a) == !signbit(b);
}

/*
 * Every half to float; and to half every half, the middle between it and the next
 * one, and the floats beside that: what is nearest, or even, is known.
 */
static void
test_conversions(const OmKernels *k)
{
	unit_begin("half conversions %s", k->name);
	for (int h = 0; h < 65536; h += 16)
	{
		uint16_t	in[16];
		float		out[16];
		uint16_t	back[16];
		bool		ok = true;

		for (int i = 0; i < 16; i++)
			in[i] = (uint16_t) (h + i);
		k->f16_to_f32(in, out, 16);
		k->f32_to_f16(out, back, 16);
		for (int i = 0; i < 16; i++)
		{
			double		want = half_value(h + i);

			ok = ok && same_float(out[i], want) && same_float(om_half_to_float(in[i]), want);
			ok = ok && (isnan(want) ? isnan(om_half_to_float(back[i])) : back[i] == in[i]);
		}
		CHECK(ok, "halves from %d on", h);
	}
	for (int h = 0; h < OM_HALF_INF; h++)
	{
		/* the half after the largest one would be 65536 */
		double		next = h + 1 == OM_HALF_INF ? 65536 : half_value(h + 1);
		float		x[3];
		float		minus[3];
		uint16_t	got[3];
		int			even = h & 1 ? h + 1 : h;

		x[1] = (float) ((half_value(h) + next) / 2);
		x[0] = nextafterf(x[1], 0);
		x[2] = nextafterf(x[1], INFINITY);
		k->f32_to_f16(x, got, 3);
		CHECK(got[0] == h && got[1] == even && got[2] == h + 1, "around half %d: %d %d %d", h,
			  got[0], got[1], got[2]);
		for (int i = 0; i < 3; i++)
		{
			minus[i] = -x[i];
			CHECK(om_float_to_half(x[i]) == got[i], "single value %g", x[i]);
		}
		k->f32_to_f16(minus, got, 3);
		CHECK(got[1] == (even | 0x8000), "below zero, half %d", h);
	}
	unit_end();
}

static uint16_t
random_half(void)
{
	return om_float_to_half((float) unit_normal());
}

static bool
near(double got, double want, double scale)
{
	return fabs(got - want) <= 4e-6 * scale + 1e-30;
}

/* a and b end at, and b starts behind, a page that can't be read. */
static void
test_distances(const OmKernels *k, const OmKernels *ref)
{
	UnitGuard	ga;
	UnitGuard	gb;

	unit_guard_open(&ga, sizeof(uint16_t) * MAX_DIM);
	unit_guard_open(&gb, sizeof(uint16_t) * MAX_DIM);
	unit_begin("half kernels %s", k->name);
	for (int d = 0; d < NDIMS; d++)
		for (int round = 0; round < 2; round++)
		{
			int			dim = dims[d];
			size_t		bytes = sizeof(uint16_t) * (size_t) dim;
			uint16_t   *a = unit_guard_tail(&ga, bytes);
			uint16_t   *b = round ? unit_guard_head(&gb) : unit_guard_tail(&gb, bytes);
			double		l2 = 0,
						ip = 0,
						l1 = 0,
						aa = 0,
						bb = 0,
						mag = 0;
			float		out[3];
			float		want[3];

			for (int i = 0; i < dim; i++)
			{
				double		x;
				double		y;

				a[i] = random_half();
				b[i] = random_half();
				x = half_value(a[i]);
				y = half_value(b[i]);
				l2 += (x - y) * (x - y);
				l1 += fabs(x - y);
				ip += x * y;
				mag += fabs(x * y);
				aa += x * x;
				bb += y * y;
			}
			CHECK(near(k->l2sq_f16(a, b, dim), l2, l2), "l2sq dim %d", dim);
			CHECK(near(k->ip_f16(a, b, dim), ip, mag), "ip dim %d", dim);
			CHECK(near(k->l1_f16(a, b, dim), l1, l1), "l1 dim %d", dim);
			k->cos_f16(a, b, dim, out);
			CHECK(near(out[0], ip, mag) && near(out[1], aa, aa) && near(out[2], bb, bb), "cos dim %d",
				  dim);
			ref->cos_f16(a, b, dim, want);
			CHECK(memcmp(out, want, sizeof(out)) == 0, "cos as scalar, dim %d", dim);
			CHECK(k->l2sq_f16(a, b, dim) == ref->l2sq_f16(a, b, dim) &&
				  k->ip_f16(a, b, dim) == ref->ip_f16(a, b, dim) &&
				  k->l1_f16(a, b, dim) == ref->l1_f16(a, b, dim), "as scalar, dim %d", dim);
		}
	unit_end();
	unit_guard_close(&ga);
	unit_guard_close(&gb);
}

/* Bit by bit; both strings end at a page that can't be read. */
static void
test_bits(const OmKernels *k)
{
	UnitGuard	ga;
	UnitGuard	gb;

	unit_guard_open(&ga, MAX_DIM);
	unit_guard_open(&gb, MAX_DIM);
	unit_begin("bit kernels %s", k->name);
	for (int d = 0; d < NDIMS; d++)
		for (int round = 0; round < 3; round++)
		{
			size_t		n = (size_t) dims[d];
			uint8_t    *a = unit_guard_tail(&ga, n);
			uint8_t    *b = unit_guard_tail(&gb, n);
			uint64_t	want[2] = {0, 0};
			uint64_t	got[2];

			for (size_t i = 0; i < n; i++)
			{
				a[i] = round == 2 ? 255 : (uint8_t) unit_random();
				b[i] = round == 1 ? (uint8_t) ~a[i] : round == 2 ? 255 : (uint8_t) unit_random();
				for (int bit = 0; bit < 8; bit++)
				{
					int			x = a[i] >> bit & 1;
					int			y = b[i] >> bit & 1;

					want[0] += (uint64_t) (x & y);
					want[1] += (uint64_t) (x ^ y);
				}
			}
			k->share_bits(a, b, n, got);
			CHECK(memcmp(got, want, sizeof(got)) == 0, "shared bits of %zu bytes", n);
			CHECK(k->differ_bits(a, b, n) == want[1], "different bits of %zu bytes", n);
		}
	unit_end();
	unit_guard_close(&ga);
	unit_guard_close(&gb);
}

void
test_half_bits(void)
{
	const OmKernels *list[8];
	int			n = om_kernels_list(list, 8);

	unit_seed(11);
	for (int i = 0; i < n; i++)
	{
		test_conversions(list[i]);
		test_distances(list[i], list[0]);
		test_bits(list[i]);
	}
}
