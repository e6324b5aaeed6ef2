/*
 * validate.c -- amvalidate of omenhnsw; filter/classes.c does the work.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "compat.h"
#include "filter/classes.h"
#include "hnsw/callbacks.h"
#include "hnsw/hnsw.h"

OM_FUNCTION(om_hnsw_filter_support);

/*
 * om_hnsw_filter_support -- support function 2: marks an operator class as one of a filter column.  Nobody
 * calls it.
 */
Datum
om_hnsw_filter_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}

/*
 * wrong_metric -- what is wrong with a support function 1 for this type; NULL if nothing is.
 */
static const char *
wrong_metric(Oid function, Oid type)
{
	const OhMetric *metric = OhMetricOf(function);

	if (metric == NULL)
		return "no support function of a metric";
	if (!OhMetricFits(metric, type))
		return psprintf("for type %s, not %s", metric->type->name, format_type_be(type));
	return NULL;
}

bool
ohvalidate(Oid opclass)
{
	static const OhClassRules rules = {"omenhnsw", OH_METRIC_PROC, OH_FILTER_PROC, OH_DISTANCE_STRATEGY,
	OH_RADIUS_STRATEGY, false, true, wrong_metric};

	return OhValidateClass(opclass, &rules);
}
