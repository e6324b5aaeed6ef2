/*
 * callbacks.h -- the callbacks of the access method, for its handler.
 */
#ifndef OH_CALLBACKS_H
#define OH_CALLBACKS_H

#include "postgres.h"

#include "access/amapi.h"
#include "nodes/execnodes.h"

/*
 * They are, in this order, in build/build.c, insert/inserter.c, vacuum/bulkdelete.c, vacuum/cleanup.c,
 * planner/cost.c, validate.c and scan/scan.c; ohbuildphasename() is in build/build.c.
 */
extern IndexBuildResult *ohbuild(Relation heap, Relation index, IndexInfo *info);
extern void ohbuildempty(Relation index);
extern bool ohinsert(Relation index, Datum *values, bool *isnull, ItemPointer tid,
					 Relation heap, IndexUniqueCheck check, bool unchanged, IndexInfo *info);
extern IndexBulkDeleteResult *ohbulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
										   IndexBulkDeleteCallback callback, void *state);
extern IndexBulkDeleteResult *ohvacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);
extern void ohcostestimate(struct PlannerInfo *root, struct IndexPath *path, double loop_count,
						   Cost *startup, Cost *total, Selectivity *selectivity,
						   double *correlation, double *pages);
extern bool ohvalidate(Oid opclass);
extern IndexScanDesc ohbeginscan(Relation index, int nkeys, int norderbys);
extern void ohrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
extern bool ohgettuple(IndexScanDesc scan, ScanDirection dir);
extern void ohendscan(IndexScanDesc scan);
extern char *ohbuildphasename(int64 phase);

#endif							/* OH_CALLBACKS_H */
