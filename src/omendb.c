/*
 * omendb.c -- the module magic, and _PG_init(), which registers every setting and hook.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "bm25/bm25.h"
#include "bm25/textoptions.h"
#include "compat.h"
#include "hnsw/alter.h"
#include "hnsw/insert/inserter.h"
#include "hnsw/options.h"
#include "hnsw/scan/explain.h"
#include "hnsw/stats/counters.h"
#include "kernel/kernel.h"
#include "planner/planner.h"
#include "types/api.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	om_kernels_init();
	om_api_init();
	OhOptionsInit();
	OhTextOptionsInit();
	OhInsertInit();
	OhAlterInit();
	OhPlanInit(OhIsTextMethod);
	OhPathsInit();
	OhDiscardInit();
	OhStatsInit();
	OhExplainInit();
	/*
	 * Nothing is called so; a setting of omenhnsw by this name would be accepted, and mean
	 * nothing.
	 */
	MarkGUCPrefixReserved("omendb");
}
