/*
 * hnsw.h -- the access method omenhnsw: options, settings, callbacks.
 */
#ifndef OH_HNSW_H
#define OH_HNSW_H

#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "nodes/execnodes.h"

#include "filter/condition.h"
#include "hnsw/index.h"

/* Support functions: a class has the first, of a vector, or the second. */
#define OH_METRIC_PROC	1		/* OhMetric of the operator class */
#define OH_FILTER_PROC	2		/* the class is of a filter column */
#define OH_NPROCS		2

/* Operators of a vector class */
#define OH_DISTANCE_STRATEGY 1	/* distance, FOR ORDER BY */
#define OH_RADIUS_STRATEGY 2	/* within a radius of a center, FOR SEARCH */

#define OH_DEFAULT_M	16
#define OH_MIN_M		2
#define OH_MAX_M		100
#define OH_DEFAULT_EF_CONSTRUCTION 64
#define OH_MIN_EF_CONSTRUCTION 4
#define OH_MAX_EF_CONSTRUCTION 1000

/* reloptions */
typedef struct OhOptions
{
	int32		vl_len_;
	int			m;
	int			ef_construction;
	int			quantizer;		/* OmQuantKind, 0: by the metric */
	int			bits;			/* 0: by the number of dimensions */
	int			subvectors;		/* 0: by the number of dimensions */
	int			rerank;			/* OH_RERANK_* */
	int			elements;		/* 0: by the rows */
	int			lists;			/* of indexes by the name ivfflat: ignored */
} OhOptions;

typedef enum OhIterativeScan
{
	OH_ITERATIVE_OFF,
	OH_ITERATIVE_RELAXED,
	OH_ITERATIVE_STRICT
} OhIterativeScan;

/* settings, as they are set */
#define OH_DEFAULT_EF_SEARCH 40
#define OH_MAX_EF_SEARCH 10000

typedef struct OhSettings
{
	int			ef_search;
	int			iterative_scan;
	int			max_scan_tuples;	/* 0: no limit */
	double		scan_mem_multiplier;
} OhSettings;

extern OhSettings oh_own;

/* ... and as they count, since the last OhTakeSettings() */
extern int	oh_ef_search;
extern int	oh_iterative_scan;
extern int	oh_max_scan_tuples;
extern double oh_scan_mem_multiplier;
extern bool oh_distance_bounds; /* are bounds of the distance conditions of the index? */

/*
 * When a scan begins or is planned: take the settings; pgvector's count where ours
 * are at their defaults.
 */
extern void OhTakeSettings(void);

extern void OhOptionsInit(void);	/* called by _PG_init: reloptions, settings */
extern bytea *ohoptions(Datum reloptions, bool validate);
extern bytea *ohoptions_ivfflat(Datum reloptions, bool validate);
/* Is this access method omenhnsw, by whatever name?  No for InvalidOid. */
extern bool OhIsOurMethod(Oid am);
extern void OhResolveOptions(Relation index, OhParameters *create); /* spec, m, ef_construction */
extern bool OhMoreBits(OmQuantSpec *spec, int m);	/* false: a node would not fit a page */
extern void OhResolveRerank(Relation index, OhParameters *create);	/* after a change of the spec */
extern void OhFallBack(Relation index, OhParameters *create, uint64 rows);	/* too few rows to train */
extern const char *OhQuantizerName(OmQuantKind kind);
extern const char *OhRerankName(int rerank);

/* alter.c: the NOTICE of ALTER INDEX ... SET */
extern void OhAlterInit(void);

/* plan.c: distances that nobody looks at */
extern void OhPlanInit(void);

/* discard.c: scans whose rows the executor may discard */
extern void OhDiscardInit(void);
extern bool OhMayDiscard(IndexScanDesc scan);
/* Is the query's order that of the scan downwards? */
extern bool OhGoesDown(IndexScanDesc scan);

/* paths.c: paths that the planner does not make */
extern void OhPathsInit(void);

/* callbacks */
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

/*
 * Insert one row (insert.c): the body of ohinsert, also used by the build once
 * the graph has outgrown maintenance_work_mem.  keys are its filter keys, NULL without filter columns.
 */
typedef struct OhInserter OhInserter;
extern OhInserter *OhInserterBegin(OhIndex *ix, MemoryContext context);
extern void OhInsertVector(OhInserter *ins, const OhPosition *position, ItemPointer tid,
						   const OhKeyRow *keys);
extern void OhInsertRowWithoutPosition(OhInserter *ins, ItemPointer tid, uint16 kind,
									   const OhKeyRow *keys);
extern void OhInserterEnd(OhInserter *ins);
/* At the end of a transaction: whatever an error left half done is over. */
extern void OhInserterReset(OhIndex *ix);
/* Free the inserter that an index keeps, if it has one; what it holds outside of the index's context. */
extern void OhInserterDrop(OhIndex *ix);
extern Size OhInserterBytes(const OhIndex *ix);

/* phases of pg_stat_progress_create_index */
#define OH_PHASE_SAMPLE		2
#define OH_PHASE_TRAIN		3
#define OH_PHASE_INSERT		4
#define OH_PHASE_RELINK		5
#define OH_PHASE_CONNECT	6
#define OH_PHASE_WRITE		7

/* A random level: P(level >= l) = m^-l, at most OH_MAX_LEVEL. */
extern int	OhRandomLevel(int m);

#endif							/* OH_HNSW_H */
