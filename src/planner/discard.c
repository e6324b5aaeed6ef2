/*
 * discard.c -- tells a scan that the executor may discard its rows: by conditions on
 * columns that are not in the index, or by a join.
 *
 * Such a scan has to return more rows than the LIMIT says, and must make sure that all of
 * them are the nearest ones (source.c). The executor does not tell an access method about
 * this.  So the relevant plan nodes are recorded when the executor starts, and a scan looks
 * for its own node among them.
 *
 * In the same way a scan learns how many rows a LIMIT asks for, which decides the ef that a
 * recall takes (curve.c).
 *
 * No correct answer may depend on it.  EvalPlanQual, which a READ COMMITTED query runs for a row that another
 * transaction has changed, begins the scans of the row's subqueries without the hook.  What a scan
 * must know is in its plan (order.c).
 */
#include "postgres.h"

#include "access/relscan.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/rel.h"

#include "planner/planner.h"


/* A plan node that scans an index in an order. */
typedef struct Noted
{
	IndexScanState *node;
	Oid			index;
	LimitState *limit;			/* the LIMIT that takes its first rows; NULL: its rows may be
								 * discarded */
	struct Noted *next;
	MemoryContextCallback callback;
} Noted;

/*
 * By index, as a query of a partitioned table has as many such nodes as partitions, and each
 * of its scans looks for its own.
 */
#define NOTED_LISTS 256
static Noted *noted[NOTED_LISTS];
static ExecutorStart_hook_type next_start = NULL;

static inline Noted **
noted_of(Oid index)
{
	return &noted[index % NOTED_LISTS];
}

/*
 * forget -- memory context callback: the query has ended.
 */
static void
forget(void *arg)
{
	Noted	   *entry = arg;

	for (Noted **at = noted_of(entry->index); *at != NULL; at = &(*at)->next)
	{
		if (*at == entry)
		{
			*at = entry->next;
			return;
		}
	}
}

static void
note(PlanState *node, LimitState * limit)
{
	Noted	   *entry;
	Noted	  **list;

	if (node == NULL || !IsA(node, IndexScanState) ||
		((IndexScan *) node->plan)->indexorderby == NIL)
		return;
	entry = MemoryContextAllocZero(node->state->es_query_cxt, sizeof(Noted));
	entry->node = (IndexScanState *) node;
	entry->limit = limit;
	entry->index = ((IndexScan *) node->plan)->indexid;
	list = noted_of(entry->index);
	entry->next = *list;
	*list = entry;
	entry->callback.func = forget;
	entry->callback.arg = entry;
	MemoryContextRegisterResetCallback(node->state->es_query_cxt, &entry->callback);
}

/*
 * note_limit -- scans that a LIMIT takes the first rows of, each of a MergeAppend's.
 */
static void
note_limit(PlanState *node, LimitState * limit)
{
	if (node == NULL)
		return;
	if (IsA(node, MergeAppendState))
	{
		for (int i = 0; i < ((MergeAppendState *) node)->ms_nplans; i++)
			note_limit(((MergeAppendState *) node)->mergeplans[i], limit);
	}
	else if (IsA(node, SubqueryScanState))
		note_limit(((SubqueryScanState *) node)->subplan, limit);
	else if (IsA(node, ResultState) || IsA(node, LockRowsState))
		note_limit(outerPlanState(node), limit);
	else
		note(node, limit);
}

static bool
look_at(PlanState *node, void *context)
{
	if (node->qual != NULL)
		note(node, NULL);
	if (IsA(node, LimitState))
		note_limit(outerPlanState(node), (LimitState *) node);
	if (IsA(node, NestLoopState) || IsA(node, HashJoinState) || IsA(node, MergeJoinState))
		note(outerPlanState(node), NULL);
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
	for (Noted *entry = *noted_of(RelationGetRelid(scan->indexRelation)); entry != NULL; entry = entry->next)
	{
		if (entry->node->iss_ScanDesc == scan && entry->limit == NULL)
			return true;
	}
	return false;
}

/*
 * OhLimitOf -- see planner.h.
 *
 * A LIMIT has been evaluated when it asks for the first row.
 */
double
OhLimitOf(IndexScanDesc scan)
{
	for (Noted *entry = *noted_of(RelationGetRelid(scan->indexRelation)); entry != NULL; entry = entry->next)
	{
		if (entry->node->iss_ScanDesc == scan && entry->limit != NULL && !entry->limit->noCount)
			return (double) entry->limit->count + (double) entry->limit->offset;
	}
	return 0;
}

void
OhDiscardInit(void)
{
	next_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
}
