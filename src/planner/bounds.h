/*
 * bounds.h -- upper bounds of a distance as conditions of an index.
 */
#ifndef OH_BOUNDS_H
#define OH_BOUNDS_H

#include "postgres.h"

#include "nodes/pathnodes.h"

/* A clause that bounds the distance from above. */
typedef struct OhBound
{
	RestrictInfo *clause;		/* as it was written */
	RestrictInfo *condition;	/* its form for the index, true for every row that meets the clause */
	bool		same;			/* ... and for no other row */
} OhBound;

/* The bounds that an index can use; members of the lists are OhBound. */
typedef struct OhBounds
{
	IndexOptInfo *index;
	List	   *restrictions;
	List	   *joins;			/* bounds that use columns of other tables */
} OhBounds;

/* A function that makes more paths of an index while the conditions are in place. */
typedef void (*OhMorePaths) (PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index);

/* Find the bounds that an index can use; NULL if there are none. */
extern OhBounds *OhBoundsFind(PlannerInfo *root, IndexOptInfo *index);
/*
 * Estimate how many rows of the table meet the bounds of all its indexes.  found: list of
 * OhBounds.
 */
extern void OhBoundsEstimate(PlannerInfo *root, RelOptInfo *rel, List *found);
/* Estimate the rows of a partitioned table from the estimates of its partitions. */
extern void OhBoundsParent(PlannerInfo *root, RelOptInfo *rel, Index rti);
/* Make the index's paths with these conditions, in place of the paths that exist. */
extern void OhBoundsPaths(PlannerInfo *root, RelOptInfo *rel, const OhBounds *bounds,
						  OhMorePaths more);

/* Is a value scale * distance(vector, center) + something? */
extern bool OhMatchDistance(PlannerInfo *root, IndexOptInfo *index, Node *value,
							OpExpr **distance, double *scale);

/* Is the access method of the index omenhnsw? */
extern bool OhIsOurs(const IndexOptInfo *index);

#endif							/* OH_BOUNDS_H */
