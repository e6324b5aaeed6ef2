/*
 * explain.c -- what EXPLAIN (ANALYZE) shows of scans, since PostgreSQL 18.
 *
 * This needs a hook, because an index access method has no callback for EXPLAIN. The hook
 * is called for auto_explain, too.  Older versions have no such hook; there
 * omendb_last_scan() returns the same counters for the last scan.
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/scan/explain.h"

#ifdef OM_EXPLAIN_HAS_HOOK

#include "access/relscan.h"
#include "commands/explain.h"
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#include "nodes/execnodes.h"

#include "hnsw/callbacks.h"
#include "hnsw/scan/maxsim.h"
#include "hnsw/scan/scan.h"

static explain_per_node_hook_type next_hook = NULL;

/*
 * show_integer -- show a counter; zeros only in the formats that programs read.
 */
static void
show_integer(const char *label, int64 value, ExplainState * es)
{
	if (value != 0 || es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyInteger(label, NULL, value, es);
}

static void
show(const OhScanCounters *c, ExplainState * es)
{
	if (es->format == EXPLAIN_FORMAT_TEXT)
	{
		ExplainPropertyText("Search", psprintf("%s (%s)", OhStrategyName(c->strategy), OhReasonName(c->reason)), es);
		ExplainPropertyText("Ef", psprintf("%d (%s)", c->ef, OhEfSourceName(c->ef_source)), es);
	}
	else
	{
		ExplainPropertyText("Search Strategy", OhStrategyName(c->strategy), es);
		ExplainPropertyText("Search Reason", OhReasonName(c->reason), es);
		ExplainPropertyInteger("Ef", NULL, c->ef, es);
		ExplainPropertyText("Ef Source", OhEfSourceName(c->ef_source), es);
	}
	show_integer("Hops", c->hops, es);
	show_integer("Codes Compared", c->compared, es);
	show_integer("Re-ranked from Index", c->refined, es);
	show_integer("Re-ranked from Heap", c->fetched, es);
	show_integer("Late Rows", c->late, es);
	show_integer("Passes", c->passes, es);
	show_integer("Conditions Tested", c->tested, es);
	show_integer("Filter Pages", c->filter_pages, es);
}

static void
explain_node(PlanState *planstate, List *ancestors, const char *relationship, const char *plan_name,
			 ExplainState * es)
{
	if (next_hook)
		next_hook(planstate, ancestors, relationship, plan_name, es);
	if (es->analyze && IsA(planstate, IndexScanState))
	{
		IndexScanDesc scan = ((IndexScanState *) planstate)->iss_ScanDesc;

		/* NULL if this process never ran the scan (never executed, or only by workers) */
		if (scan != NULL && scan->indexRelation->rd_indam->amgettuple == ohgettuple)
		{
			OhScanCounters counters;

			if (OhIsMaxScan(scan))
				OhMaxCount(scan->opaque, &counters);
			else
				OhScanCount(scan->opaque, &counters);
			if (counters.searches > 0)
				show(&counters, es);
		}
	}
}

void
OhExplainInit(void)
{
	next_hook = explain_per_node_hook;
	explain_per_node_hook = explain_node;
}

#else

void
OhExplainInit(void)
{
}

#endif
