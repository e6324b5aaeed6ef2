/*
 * bounds.h -- bounds of the distance as conditions of an index.
 */
#ifndef OH_BOUNDS_H
#define OH_BOUNDS_H

#include "postgres.h"

#include "nodes/pathnodes.h"

/* A clause that bounds the distance from above. */
typedef struct OhBound
{
	RestrictInfo *clause;		/* as it was written */
	RestrictInfo *condition;	/* what the index makes of it, which every such row meets */
	bool		same;			/* and no other */
} OhBound;

/* Those of an index: OhBound. */
typedef struct OhBounds
{
	IndexOptInfo *index;
	List	   *restrictions;
	List	   *joins;			/* with columns of other tables */
} OhBounds;

/* Other paths of an index, made while it has its conditions. */
typedef void (*OhMorePaths) (PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index);

/* NULL if there are none. */
extern OhBounds *OhBoundsFind(PlannerInfo *root, IndexOptInfo *index);
/* Estimate how many rows of the table meet those of all its indexes: OhBounds. */
extern void OhBoundsEstimate(PlannerInfo *root, RelOptInfo *rel, List *found);
extern void OhBoundsParent(PlannerInfo *root, RelOptInfo *rel, Index rti);
/* Make the index's paths with them in place of those that it has. */
extern void OhBoundsPaths(PlannerInfo *root, RelOptInfo *rel, const OhBounds *bounds,
						  OhMorePaths more);

/* Is a value scale * distance(vector, center) + something? */
extern bool OhMatchDistance(PlannerInfo *root, IndexOptInfo *index, Node *value,
							OpExpr **distance, double *scale);

/* Is it an index of this access method? */
extern bool OhIsOurs(const IndexOptInfo *index);

#endif							/* OH_BOUNDS_H */
