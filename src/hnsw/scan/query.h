/*
 * query.h -- what an index scan is asked for: conditions, and what it is ordered by.
 */
#ifndef OH_QUERY_H
#define OH_QUERY_H

#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/genam.h"
#include "miscadmin.h"

#include "filter/condition.h"
#include "filter/filter.h"
#include "hnsw/ef.h"
#include "hnsw/graph/forms.h"
#include "hnsw/hnsw.h"
#include "hnsw/options.h"
#include "hnsw/scan/radius.h"

/*
 * A node is beyond a radius if its estimate is, less this many standard errors.
 * Figures: docs/measurements.md#within-a-radius
 */
#define OH_BEYOND_ERRORS 5.0

/* Written by query.c alone. */
typedef struct OhScanQuery
{
	MemoryContext context;		/* of the scan */
	MemoryContext rescan_context;	/* of one rescan */
	int			ef_search;
	OhEfSource	ef_source;		/* where it is from */

	/* the index, from the first call of OhQueryOpen() on */
	OhIndex    *ix;
	OhForms    *forms;			/* query forms */
	bool		by_code;		/* distances from codes decide: no re-ranking */
	bool		exact_codes;	/* and are exact */
	bool		errors_vary;	/* errors of codes differ much from node to node */
	double		rounding;		/* what distances by float kernels and by the type's own may differ
								 * by, relative */

	/* filter columns */
	OhConditions *conditions;	/* NULL: the index has none */
	OhFilter   *filter;			/* of this rescan's conditions, NULL if there are none */
	OhFilter   *last_filter;	/* of the last rescan that had any */

	/* the vector */
	bool		only_null;		/* IS NULL */
	bool		not_null;		/* IS NOT NULL, or within a radius */
	OhPosition	position;		/* what the scan is ordered by */
	const OhPosition *center;	/* the same, or the center of the radius; NULL: no distances */
	OhRadius   *radius;			/* conditions "within a radius", NULL if there are none */
	bool		sorted;			/* distances are what the scan is ordered by */
	bool		nans_first;		/* rows whose distance is NaN come first ... */
	bool		nulls_first;	/* ... and before these, rows without a vector */
	bool		complete;		/* without ORDER BY: no setting ends the scan before its last row */
} OhScanQuery;

/* When a scan begins; contexts are those that it has, and one that each rescan resets. */
extern void OhQueryInit(OhScanQuery *query, Relation index, MemoryContext context,
						MemoryContext rescan_context);
/* A rescan: forget the last query. */
extern void OhQueryReset(OhScanQuery *query);
/* Open the index, for this rescan. */
extern void OhQueryOpen(OhScanQuery *query, Relation index);
/* Take the keys of this rescan.  false: no row matches. */
extern bool OhQueryTake(OhScanQuery *query, IndexScanDesc scan);
/* Two steps of that: the conditions; and at which ends NULLs and NaNs are. */
extern bool OhQueryTakeConditions(OhScanQuery *query, IndexScanDesc scan);
extern void OhQueryTakeEnds(OhScanQuery *query, IndexScanDesc scan);

/*
 * With a radius: is a node out of reach, whose distance was found to be this one,
 * with this standard error?
 */
static inline bool
OhIsBeyond(const OhScanQuery *query, double dist, double error)
{
	/* codes have no distance below -FLT_MAX, which then stands for any */
	if (query->radius == NULL || dist <= -FLT_MAX)
		return false;
	if (query->exact_codes && !query->forms->unrounded)
		return !OhRadiusHolds(query->radius, dist);
	return dist - OH_BEYOND_ERRORS * error - query->rounding * fabs(dist) > query->radius->limit;
}

/* May rows be returned whose distance is NaN? */
static inline bool
OhMayLackDirection(const OhScanQuery *query)
{
	return query->radius == NULL ||
		(query->radius->unordered && query->radius->metric == OM_METRIC_COSINE);
}

/* Memory for what a scan has set aside. */
static inline Size
OhScanMemory(void)
{
	return (Size) (work_mem * 1024.0 * oh_scan_mem_multiplier);
}

#endif							/* OH_QUERY_H */
