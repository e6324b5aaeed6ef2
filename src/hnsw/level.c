/*
 * level.c -- the level of a new node.
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"

#include "hnsw/hnsw.h"

int
OhRandomLevel(int m)
{
	/* in (0, 1]: no logarithm of zero */
	double		u = 1.0 - pg_prng_double(&pg_global_prng_state);
	double		level = -log(u) / log((double) m);

	return (int) Min(level, (double) OH_MAX_LEVEL);
}
