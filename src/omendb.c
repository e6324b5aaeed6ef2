/*
 * omendb.c -- module magic and load function, nothing else.
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat.h"
#include "hnsw/hnsw.h"
#include "kernel/kernel.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	om_kernels_init();
	OhOptionsInit();
}
