/*
 * kernel_impl.h -- what the files of this folder share; no file outside includes it.
 *
 * A variant is a file that fills a const OmKernels.  Which variants exist depends on the
 * architecture that is compiled for; kernel.c decides which of them may run.
 */
#ifndef OM_KERNEL_IMPL_H
#define OM_KERNEL_IMPL_H

#include "kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define OM_X86 1
#endif
#if defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
#define OM_NEON 1
/* clang before 16 has the dot product intrinsics for whole files only */
#if !defined(__clang__) || __clang_major__ >= 16
#define OM_NEON_DOT 1
#endif
#endif

extern const OmKernels om_kernels_scalar;
#ifdef OM_X86
extern const OmKernels om_kernels_avx2;
extern const OmKernels om_kernels_avx512;
extern const OmKernels om_kernels_avx512vnni;
#endif
#ifdef OM_NEON
extern const OmKernels om_kernels_neon;
#endif
#ifdef OM_NEON_DOT
extern const OmKernels om_kernels_neondot;
#endif

/* kernel_unpack.c, for the tables of several files */
extern void om_unpack_u32_scalar(const uint8_t *in, int n, int bits, uint32_t *out);
#ifdef OM_X86
extern void om_unpack_u32_avx2(const uint8_t *in, int n, int bits, uint32_t *out);
#endif

#endif							/* OM_KERNEL_IMPL_H */
