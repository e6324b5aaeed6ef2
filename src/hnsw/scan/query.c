/*
 * query.c -- reads the scan keys: the conditions, and the vector that the scan is ordered
 * by.
 *
 * Without ORDER BY, the center of a radius condition takes the place of that vector.
 */
#include "postgres.h"

#include "access/relscan.h"
#include "miscadmin.h"

#include "hnsw/scan/query.h"
#include "planner/planner.h"

/*
 * Relative rounding error between two kernels that add floats in a different order: far
 * more than any difference ever seen.
 */
#define OTHER_ROUNDING 1e-5

void
OhQueryInit(OhScanQuery *query, Relation index, MemoryContext context,
			MemoryContext rescan_context)
{
	OhTakeSettings(&query->settings, &query->ef_source);
	query->memory = (Size) (work_mem * 1024.0 * query->settings.scan_mem_multiplier);
	query->ef_search = OhEfSearch(index, &query->settings, &query->target, &query->ef_source);
	query->context = context;
	query->rescan_context = rescan_context;
}

void
OhQueryReset(OhScanQuery *query)
{
	query->filter = NULL;
	query->radius = NULL;
	query->center = NULL;
}

void
OhQueryOpen(OhScanQuery *query, IndexScanDesc scan)
{
	OhIndex    *ix = OhIndexOpen(scan->indexRelation);

	query->ix = ix;
	query->wanted = 0;
	if (query->target > 0)
	{
		double		limit = OhLimitOf(scan);

		query->ef_search = OhEfOfTarget(ix, &query->settings, query->target, limit, &query->ef_source);
		query->wanted = (int) Min(limit, OH_MAX_EF_SEARCH);
	}
	if (query->forms != NULL)
		return;
	query->exact_codes = om_quant_exact(&ix->spec) && ix->column.metric->type->exact;
	query->errors_vary = ix->spec.kind == OM_QUANT_SPARSE;
	query->rounding = ix->column.metric->type->exact ? 0 : OTHER_ROUNDING;
	query->by_code = query->exact_codes || ix->rerank == OH_RERANK_OFF;
	query->forms = MemoryContextAlloc(query->context, sizeof(OhForms));
	OhFormsInit(query->forms, ix, ix->refine_bytes > 0, query->context);
	query->forms->unrounded = query->exact_codes && om_quant_rounds(&ix->spec);
}

/*
 * OhQueryTakeConditions -- see query.h.
 */
bool
OhQueryTakeConditions(OhScanQuery *query, IndexScanDesc scan)
{
	OhIndex    *ix = query->ix;

	query->only_null = query->not_null = false;
	for (int i = 0; i < scan->numberOfKeys; i++)
	{
		ScanKey		key = &scan->keyData[i];

		if (key->sk_attno == 1)
		{
			query->only_null |= (key->sk_flags & SK_SEARCHNULL) != 0;
			query->not_null |= (key->sk_flags & SK_SEARCHNOTNULL) != 0;
		}
	}
	if (ix->columns.n == 0)
		return true;
	if (query->conditions == NULL)
		query->conditions = OhConditionsBegin(&ix->columns, query->context);
	OhConditionsSet(query->conditions, scan->indexRelation, scan->keyData, scan->numberOfKeys);
	if (query->conditions->never)
		return false;
	if (query->conditions->n > 0)
	{
		if (query->last_filter == NULL)
			query->last_filter = OhFilterBegin(query->conditions,
											   OhArrayRecords(&ix->file, OH_NODE),
											   query->context);
		query->filter = query->last_filter;
		OhFilterSet(query->filter);
	}
	return true;
}

/*
 * take_vector -- read the vector that this (re)scan is ordered by, and its radius.  Returns
 * false if no row can be within the radius.
 */
static bool
take_vector(OhScanQuery *query, IndexScanDesc scan)
{
	query->center = NULL;
	if (scan->numberOfOrderBys > 0 && !(scan->orderByData[0].sk_flags & SK_ISNULL))
	{
		/* the key's value stays valid until the next rescan, and so must what is made of it */
		MemoryContext old = MemoryContextSwitchTo(query->rescan_context);

		OhGetPosition(&query->ix->column, scan->orderByData[0].sk_argument, &query->position);
		MemoryContextSwitchTo(old);
		if (!query->position.no_direction)
			query->center = &query->position;
	}
	query->sorted = query->center != NULL;
	query->radius = OhRadiusBegin(query->ix, scan->keyData, scan->numberOfKeys, query->center,
								  query->rescan_context);
	if (query->radius != NULL)
		query->center = query->radius->center;
	if (query->center != NULL)
		OhFormsSet(query->forms, query->ix, query->center->x);
	return query->radius == NULL || !query->radius->never;
}

/*
 * OhQueryTakeEnds -- see query.h.
 */
void
OhQueryTakeEnds(OhScanQuery *query, IndexScanDesc scan)
{
	Oid			ends = scan->numberOfOrderBys > 0 ? scan->orderByData[0].sk_collation : InvalidOid;

	query->nans_first = ends == OH_NANS_FIRST || ends == OH_BOTH_FIRST;
	query->nulls_first = ends == OH_NULLS_FIRST || ends == OH_BOTH_FIRST;
}

bool
OhQueryTake(OhScanQuery *query, IndexScanDesc scan)
{
	query->complete = scan->numberOfOrderBys == 0;
	query->nans_first = query->nulls_first = false;
	if (!OhQueryTakeConditions(query, scan) || !take_vector(query, scan) ||
		(query->only_null && query->radius != NULL))
		return false;
	if (scan->numberOfOrderBys > 1 || (scan->numberOfOrderBys == 0 && query->radius == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" can only be scanned in the order of one distance, or within a radius",
						RelationGetRelationName(scan->indexRelation))));
	/* a row whose vector is NULL is not within any radius */
	query->not_null |= query->radius != NULL;
	OhQueryTakeEnds(query, scan);
	return true;
}
