/*
 * textcallbacks.h -- the callbacks in the handler of omenbm25.
 */
#ifndef OH_TEXT_CALLBACKS_H
#define OH_TEXT_CALLBACKS_H

#include "postgres.h"

#include "access/amapi.h"
#include "nodes/execnodes.h"

/*
 * Their files: build/textbuild.c, insert/textinsert.c, vacuum/textvacuum.c,
 * scan/textcost.c, scan/textscan.c, omenbm25.c.
 */
extern IndexBuildResult *ohtextbuild(Relation heap, Relation index, IndexInfo *info);
extern void ohtextbuildempty(Relation index);
extern char *ohtextbuildphasename(int64 phase);
extern bool ohtextinsert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
						 IndexUniqueCheck check, bool unchanged, IndexInfo *info);
extern IndexBulkDeleteResult *ohtextbulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
											   IndexBulkDeleteCallback callback, void *state);
extern IndexBulkDeleteResult *ohtextcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);
extern void ohtextcost(struct PlannerInfo *root, struct IndexPath *path, double loop_count, Cost *startup,
					   Cost *total, Selectivity *selectivity, double *correlation, double *pages);
extern bool ohtextvalidate(Oid opclass);
extern IndexScanDesc ohtextbeginscan(Relation index, int nkeys, int norderbys);
extern void ohtextrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
extern bool ohtextgettuple(IndexScanDesc scan, ScanDirection dir);
extern void ohtextendscan(IndexScanDesc scan);

#endif							/* OH_TEXT_CALLBACKS_H */
