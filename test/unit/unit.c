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

/* Groups of cases, in the order in which they run. */
static const struct
{
	const char *name;
	void		(*run) (void);
}			groups[] = {
#ifdef UNIT_THREADS
	{"threads", test_threads},
#else
	{"kernels", test_kernels},
	{"encoder_kernels", test_encoder_kernels},
	{"rotation", test_rotation},
	{"quant", test_quant},
	{"estimator", test_estimator},
	{"ranking", test_ranking},
	{"refine", test_refine},
	{"linkcode", test_linkcode},
	{"lane_kernels", test_lane_kernels},
	{"range_kernels", test_range_kernels},
	{"unpack", test_unpack},
	{"none", test_none},
	{"sq8", test_sq8},
	{"pq", test_pq},
	{"half_bits", test_half_bits},
	{"bit_codes", test_bit_codes},
	{"sparse", test_sparse},
#ifdef UNIT_SERVER
	{"server", test_server},
#endif
#endif
};

#define GROUPS ((int) (sizeof(groups) / sizeof(groups[0])))

static bool
wanted(int group, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], groups[group].name) == 0)
			return true;
	return argc == 1;
}

/* unit [GROUP...] -- all groups, or those named; unit --list prints their names. */
int
main(int argc, char **argv)
{
	bool		list = argc == 2 && strcmp(argv[1], "--list") == 0;
	int			found = 0;

	om_kernels_init();
	if (!list)
		printf("kernels of this CPU: %s\n", om_kernels->name);
	for (int i = 0; i < GROUPS; i++)
	{
		if (list)
			printf("%s\n", groups[i].name);
		else if (wanted(i, argc, argv))
		{
			groups[i].run();
			found++;
		}
	}
	if (list)
		return 0;
	if (argc > 1 && found != argc - 1)
	{
		fprintf(stderr, "%d of %d groups are unknown: see --list\n", argc - 1 - found, argc - 1);
		return 2;
	}
	if (skipped > 0)
		printf("%d skipped\n", skipped);
	printf("%d passed, %d failed\n", passed, failed);
	return failed > 0;
}
