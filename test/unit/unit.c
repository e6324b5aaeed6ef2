/*
 * unit.c -- the harness, and main.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "unit.h"

static int	passed;
static int	failed;
static int	skipped;
static char name[200];
static long checks;
static long bad;
static uint64_t random_state;

void
unit_begin(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	checks = bad = 0;
}

void
unit_end(void)
{
	bool		ok = bad == 0 && checks > 0;

	if (ok)
		passed++;
	else
		failed++;
	printf("%s %s (%ld checks", ok ? "ok    " : "FAILED", name, checks);
	if (bad > 0)
		printf(", %ld failed", bad);
	printf(")\n");
	fflush(stdout);
}

void
unit_skip(const char *format,...)
{
	va_list		args;

	printf("skip   ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	skipped++;
}

void
unit_check(bool ok, const char *file, int line, const char *format,...)
{
	va_list		args;

	checks++;
	if (ok)
		return;
	if (++bad > 8)
		return;
	printf("       %s:%d: ", file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void
unit_seed(uint64_t seed)
{
	random_state = seed;
}

uint64_t
unit_random(void)
{
	uint64_t	z = (random_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

double
unit_uniform(void)
{
	return (double) (unit_random() >> 11) * 0x1p-53;
}

double
unit_normal(void)
{
	double		radius = sqrt(-2.0 * log(1.0 - unit_uniform()));

	return radius * cos(2.0 * M_PI * unit_uniform());
}

void *
unit_alloc(size_t bytes)
{
	void	   *p;

	if (posix_memalign(&p, 64, bytes > 0 ? bytes : 1) != 0)
	{
		fprintf(stderr, "out of memory\n");
		exit(2);
	}
	return p;
}

void
unit_guard_open(UnitGuard *guard, size_t bytes)
{
	guard->page = (size_t) sysconf(_SC_PAGESIZE);
	guard->inner = (bytes + guard->page - 1) / guard->page * guard->page;
	guard->base = mmap(NULL, guard->inner + 2 * guard->page, PROT_NONE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guard->base == MAP_FAILED ||
		mprotect(guard->base + guard->page, guard->inner, PROT_READ | PROT_WRITE) != 0)
	{
		perror("mmap");
		exit(2);
	}
}

void *
unit_guard_tail(const UnitGuard *guard, size_t bytes)
{
	return guard->base + guard->page + guard->inner - bytes;
}

void *
unit_guard_head(const UnitGuard *guard)
{
	return guard->base + guard->page;
}

void
unit_guard_close(UnitGuard *guard)
{
	munmap(guard->base, guard->inner + 2 * guard->page);
}

int
main(void)
{
	om_kernels_init();
	printf("kernels of this CPU: %s\n", om_kernels->name);
#ifdef UNIT_THREADS
	test_threads();
#else
	test_kernels();
	test_encoder_kernels();
	test_rotation();
	test_quant();
	test_estimator();
	test_ranking();
	test_refine();
	test_lane_kernels();
	test_range_kernels();
	test_unpack();
	test_none();
	test_sq8();
	test_pq();
	test_half_bits();
	test_bit_codes();
	test_sparse();
#ifdef UNIT_SERVER
	test_server();
#endif
#endif
	if (skipped > 0)
		printf("%d skipped\n", skipped);
	printf("%d passed, %d failed\n", passed, failed);
	return failed > 0;
}
