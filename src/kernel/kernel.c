/*
 * kernel.c -- chooses the kernels for the CPU at run time.
 *
 * A variant can be used if the CPU has its instructions (CPUID) and the operating system
 * saves the registers that they use (OSXSAVE, then XGETBV).
 */
#include "kernel_impl.h"

#ifdef OM_X86
#include <cpuid.h>
#endif
#if defined(OM_NEON_DOT) && defined(__linux__)
#include <sys/auxv.h>
#endif

const OmKernels *om_kernels = &om_kernels_scalar;

#ifdef OM_X86

typedef struct CpuFeatures
{
	bool		avx2;			/* AVX2, FMA, BMI2, F16C */
	bool		avx512;			/* AVX-512 F, BW, DQ, VL and the above */
	bool		vnni;			/* AVX-512 VNNI */
} CpuFeatures;

/* Bits of XCR0: SSE and AVX state; for AVX-512 also opmask, upper ZMM and high ZMM state. */
#define XCR0_AVX	0x06u
#define XCR0_AVX512	0xe6u

static uint32_t
read_xcr0(void)
{
	uint32_t	low;
	uint32_t	high;

	__asm__ volatile ("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

static void
detect_cpu(CpuFeatures *cpu)
{
	unsigned int a;
	unsigned int b;
	unsigned int c;
	unsigned int d;
	uint32_t	xcr0;
	bool		fma;
	bool		f16c;

	cpu->avx2 = cpu->avx512 = cpu->vnni = false;
	if (!__get_cpuid(1, &a, &b, &c, &d))
		return;
	fma = (c & (1u << 12)) != 0;
	f16c = (c & (1u << 29)) != 0;
	/* without OSXSAVE, xgetbv is an illegal instruction */
	if ((c & (1u << 27)) == 0 || (c & (1u << 28)) == 0)
		return;
	xcr0 = read_xcr0();
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return;
	cpu->avx2 = fma && f16c && (xcr0 & XCR0_AVX) == XCR0_AVX &&
		(b & (1u << 5)) != 0 && /* AVX2 */
		(b & (1u << 8)) != 0;	/* BMI2 */
	cpu->avx512 = cpu->avx2 && (xcr0 & XCR0_AVX512) == XCR0_AVX512 &&
		(b & (1u << 16)) != 0 &&	/* F */
		(b & (1u << 17)) != 0 &&	/* DQ */
		(b & (1u << 30)) != 0 &&	/* BW */
		(b & (1u << 31)) != 0;	/* VL */
	cpu->vnni = cpu->avx512 && (c & (1u << 11)) != 0;
}

#endif							/* OM_X86 */

int
om_kernels_list(const OmKernels **out, int max)
{
	const OmKernels *all[4];
	int			n = 0;
	int			stored;

	all[n++] = &om_kernels_scalar;
#ifdef OM_X86
	{
		CpuFeatures cpu;

		detect_cpu(&cpu);
		if (cpu.avx2)
			all[n++] = &om_kernels_avx2;
		if (cpu.avx512)
			all[n++] = &om_kernels_avx512;
		if (cpu.vnni)
			all[n++] = &om_kernels_avx512vnni;
	}
#endif
#ifdef OM_NEON
	all[n++] = &om_kernels_neon;
#if defined(OM_NEON_DOT) && defined(__linux__)
	/* HWCAP_ASIMDDP, bit 20 */
	if ((getauxval(AT_HWCAP) & (1ul << 20)) != 0)
		all[n++] = &om_kernels_neondot;
#endif
#endif
	for (stored = 0; stored < n && stored < max; stored++)
		out[stored] = all[stored];
	return stored;
}

/* Point om_kernels at the fastest variant; may be called again. */
void
om_kernels_init(void)
{
	const OmKernels *list[8];
	int			n = om_kernels_list(list, 8);

	om_kernels = list[n - 1];
}
