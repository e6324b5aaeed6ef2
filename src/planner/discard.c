/*
 * discard.c -- scans whose rows the executor may discard: by conditions on columns
 * that are not in the index, or by a join.
 *
 * Such a scan is read on for longer than a LIMIT says, and must see to it that it has
 * found what is nearest for all the rows that it returns (batch.c).  An access method
 * is not told; so the nodes of plans are noted when the executor starts, and a scan
 * looks for its own among them.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"

#include "hnsw/hnsw.h"

/* A node that scans an index in an order, and whose rows may be discarded. */
typedef struct Noted
{
	IndexScanState *node;
	struct Noted *next;
	MemoryContextCallback callback;
} Noted;

static Noted *noted = NULL;
static ExecutorStart_hook_type next_start = NULL;

/*
 * forget -- memory context callback: the query is over.
 */
static void
forget(void *arg)
{
	for (Noted **at = &noted; *at != NULL; at = &(*at)->next)
	{
		if (*at == arg)
		{
			*at = (*at)->next;
			return;
		}
	}
}

static void
note(PlanState *node)
{
	Noted	   *entry;

	if (node == NULL || !IsA(node, IndexScanState) ||
		((IndexScan *) node->plan)->indexorderby == NIL)
		return;
	entry = MemoryContextAllocZero(node->state->es_query_cxt, sizeof(Noted));
	entry->node = (IndexScanState *) node;
	entry->next = noted;
	noted = entry;
	entry->callback.func = forget;
	entry->callback.arg = entry;
	MemoryContextRegisterResetCallback(node->state->es_query_cxt, &entry->callback);
}

static bool
look_at(PlanState *node, void *context)
{
	if (node->qual != NULL)
		note(node);
	if (IsA(node, NestLoopState) || IsA(node, HashJoinState) || IsA(node, MergeJoinState))
		note(outerPlanState(node));
	return planstate_tree_walker(node, look_at, context);
}

static void
executor_start(QueryDesc *query, int flags)
{
	if (next_start)
		next_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
	if (query->planstate != NULL && (flags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
		(void) look_at(query->planstate, NULL);
}

bool
OhMayDiscard(IndexScanDesc scan)
{
	for (Noted *entry = noted; entry != NULL; entry = entry->next)
	{
		if (entry->node->iss_ScanDesc == scan)
			return true;
	}
	return false;
}

void
OhDiscardInit(void)
{
	next_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
}
