/*
 * query.h -- what an index scan is asked for: the conditions, and the vector that it is
 * ordered by.
 */
#ifndef OH_QUERY_H
#define OH_QUERY_H

#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/genam.h"

#include "filter/condition.h"
#include "filter/filter.h"
#include "hnsw/ef.h"
#include "hnsw/graph/forms.h"
#include "hnsw/hnsw.h"
#include "hnsw/options.h"
#include "hnsw/scan/radius.h"

/*
 * A node is beyond a radius if its estimate, less this many standard errors, is.  Figures:
 * docs/measurements.md#within-a-radius
 */
#define OH_BEYOND_ERRORS 5.0

/* Written by query.c alone. */
typedef struct OhScanQuery
{
	MemoryContext context;		/* lives as long as the scan */
	MemoryContext rescan_context;	/* reset by each rescan */
	double		target;			/* recall that ef_search is picked for; 0: ef_search is given */
	OhSettings	settings;		/* as they were when the scan began: others may apply to other
								 * scans of the session by now */
	Size		memory;			/* for nodes set aside, in bytes; likewise */
	int			ef_search;
	OhEfSource	ef_source;		/* the setting that it comes from */
	int			wanted;			/* with a target: rows of the LIMIT; 0: none, or no target */

	/* the index, set by the first call of OhQueryOpen() */
	OhIndex    *ix;
	OhForms    *forms;			/* the query as the quantizer and the refinement need it */
	bool		by_code;		/* rows are ordered by distances from codes: no re-ranking */
	bool		exact_codes;	/* distances from codes are exact */
	bool		errors_vary;	/* the errors of codes differ a lot between nodes */
	double		rounding;		/* largest relative difference between distances from float kernels
								 * and from the type's own function */

	/* filter columns */
	OhConditions *conditions;	/* NULL: the index has none */
	OhFilter   *filter;			/* conditions of this rescan, NULL if there are none */
	OhFilter   *last_filter;	/* filter of the last rescan that had conditions */

	/* the vector */
	bool		only_null;		/* IS NULL */
	bool		not_null;		/* IS NOT NULL, or within a radius */
	OhPosition	position;		/* the vector that the scan is ordered by */
	const OhPosition *center;	/* the same, or the center of the radius; NULL if no distances are
								 * needed */
	OhRadius   *radius;			/* conditions "within a radius", NULL if there are none */
	bool		sorted;			/* the scan returns rows in the order of their distances */
	bool		nans_first;		/* rows whose distance is NaN come first ... */
	bool		nulls_first;	/* ... and before these, rows without a vector */
	bool		complete;		/* without ORDER BY: the scan must return every matching row,
								 * whatever the settings say */
} OhScanQuery;

/*
 * At the start of a scan: takes the settings.  context lives as long as the scan; rescan_context is
 * reset by each rescan.
 */
extern void OhQueryInit(OhScanQuery *query, Relation index, MemoryContext context,
						MemoryContext rescan_context);
/* At each rescan: forget the last query. */
extern void OhQueryReset(OhScanQuery *query);
/* Open the index for this rescan, and pick ef_search if a recall is wanted. */
extern void OhQueryOpen(OhScanQuery *query, IndexScanDesc scan);
/* Read the scan keys of this rescan. false: no row matches. */
extern bool OhQueryTake(OhScanQuery *query, IndexScanDesc scan);
/* Two steps of OhQueryTake(): the conditions; and at which end NULLs and NaNs are returned. */
extern bool OhQueryTakeConditions(OhScanQuery *query, IndexScanDesc scan);
extern void OhQueryTakeEnds(OhScanQuery *query, IndexScanDesc scan);

/*
 * Is a node outside the radius, if its estimated distance is dist with the standard error
 * error?  Always false without a radius.
 */
static inline bool
OhIsBeyond(const OhScanQuery *query, double dist, double error)
{
	/* distances from codes are clamped at -FLT_MAX, which may then stand for any smaller one */
	if (query->radius == NULL || dist <= -FLT_MAX)
		return false;
	if (query->exact_codes && !query->forms->unrounded)
		return !OhRadiusHolds(query->radius, dist);
	return dist - OH_BEYOND_ERRORS * error - query->rounding * fabs(dist) > query->radius->limit;
}

/* May rows whose distance is NaN be returned? */
static inline bool
OhMayLackDirection(const OhScanQuery *query)
{
	return query->radius == NULL ||
		(query->radius->unordered && query->radius->metric == OM_METRIC_COSINE);
}

/* Does the scan go on when ef_search rows are not enough? */
static inline bool
OhIsIterative(const OhScanQuery *query)
{
	return query->settings.iterative_scan != OH_ITERATIVE_OFF;
}

/* Is a row held back until the end of the scan if it is nearer than one that has been returned? */
static inline bool
OhIsStrict(const OhScanQuery *query)
{
	return query->settings.iterative_scan != OH_ITERATIVE_RELAXED;
}

#endif							/* OH_QUERY_H */
