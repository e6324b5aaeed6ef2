/*
 * unit.h -- a very small harness: cases that hold checks.
 *
 * A case passes when it made at least one check and none failed.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quant/quant.h"

extern void unit_begin(const char *format,...) __attribute__((format(printf, 1, 2)));
extern void unit_end(void);
extern void unit_skip(const char *format,...) __attribute__((format(printf, 1, 2)));
extern void unit_check(bool ok, const char *file, int line, const char *format,...)
			__attribute__((format(printf, 4, 5)));

#define CHECK(ok, ...) unit_check(ok, __FILE__, __LINE__, __VA_ARGS__)

/* Reproducible random numbers: a word, uniform in [0, 1), standard normal. */
extern void unit_seed(uint64_t seed);
extern uint64_t unit_random(void);
extern double unit_uniform(void);
extern double unit_normal(void);

/* Exactly bytes, aligned to 64; ends the program when there is no memory. */
extern void *unit_alloc(size_t bytes);

/*
 * Pages between two that can't be touched: bytes that end where the second of
 * them starts, or that start where the first ends.
 */
typedef struct UnitGuard
{
	char	   *base;
	size_t		page;
	size_t		inner;
} UnitGuard;

extern void unit_guard_open(UnitGuard *guard, size_t bytes);
extern void *unit_guard_tail(const UnitGuard *guard, size_t bytes);
extern void *unit_guard_head(const UnitGuard *guard);
extern void unit_guard_close(UnitGuard *guard);

/*
 * A quantizer with a buffer of every kind, each of exactly the bytes that the
 * interface asks for, so that the sanitizer sees one too many.
 */
typedef struct UnitQuant
{
	OmQuantSpec spec;
	OmQuantizer *quant;
	void	   *scratch;
	OmQuery    *query;			/* from a vector */
	OmQuery    *code_query;		/* from a code */
	void	   *code;
	OmDistanceFn distance;
} UnitQuant;

extern void unit_quant_open(UnitQuant *u, OmMetric metric, int dim, int bits,
							uint64_t seed, const float *mean);
extern void unit_quant_open_spec(UnitQuant *u, const OmQuantSpec *spec, const float *model);
extern void unit_quant_close(UnitQuant *u);

/* The exact distance in order units, of vectors as float. */
extern double unit_exact(OmMetric metric, const float *a, const float *b, int dim);

extern const OmMetric unit_metrics[3];
extern const char *unit_metric_name(OmMetric metric);

extern void test_kernels(void);
extern void test_encoder_kernels(void);
extern void test_rotation(void);
extern void test_quant(void);
extern void test_estimator(void);
extern void test_ranking(void);
extern void test_refine(void);
extern void test_linkcode(void);
extern void test_lane_kernels(void);
extern void test_range_kernels(void);
extern void test_unpack(void);
extern void test_none(void);
extern void test_sq8(void);
extern void test_pq(void);
extern void test_half_bits(void);
extern void test_bit_codes(void);
extern void test_sparse(void);
extern void test_server(void);	/* where there are PostgreSQL's headers */
extern void test_threads(void); /* threads/, a program of its own */

#endif							/* UNIT_H */
