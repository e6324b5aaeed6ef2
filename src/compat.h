/*
 * compat.h -- the only tests of PG_VERSION_NUM.
 *
 * PostgreSQL 15 to 18.  Code elsewhere calls what is defined here.
 */
#ifndef OM_COMPAT_H
#define OM_COMPAT_H

#include "postgres.h"

#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"				/* part of postgres.h before */
#endif

#if PG_VERSION_NUM >= 180000
#include "utils/pgstat_kind.h"
#endif

#if PG_VERSION_NUM < 150000
#error "omendb needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM < 160000
#define RelFileLocator RelFileNode
#define om_rel_locator(rel) ((rel)->rd_node)
#else
#define om_rel_locator(rel) ((rel)->rd_locator)
#endif

/* The snapshot that sees the chunks of a visible row's values. */
#if PG_VERSION_NUM >= 180000
#define om_toast_snapshot(space) ((void) (space), get_toast_snapshot())
#else
#define om_toast_snapshot(space) (init_toast_snapshot(space), (space))
#endif

/* One new zeroed page at the end of a fork, exclusively locked. */
static inline Buffer
om_extend_relation(Relation rel, ForkNumber fork)
{
#if PG_VERSION_NUM >= 160000
	return ExtendBufferedRel(BMR_REL(rel), fork, NULL, EB_LOCK_FIRST);
#else
	Buffer		buffer;

	/* also if it is new in this transaction: the workers of a build extend it too */
	LockRelationForExtension(rel, ExclusiveLock);
	buffer = ReadBufferExtended(rel, fork, P_NEW, RBM_ZERO_AND_LOCK, NULL);
	UnlockRelationForExtension(rel, ExclusiveLock);
	return buffer;
#endif
}

#if PG_VERSION_NUM < 160000

/*
 * The library is built with -fvisibility=hidden, and PostgreSQL 15 has
 * PGDLLEXPORT empty outside Windows.  Its macros expand it where they are used,
 * so that defining it here is in time.
 */
#if defined(__GNUC__) && !defined(WIN32)
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

/* No soft errors before 16: an input function always throws. */
#define ereturn(context, dummy_value, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)

#endif							/* PG_VERSION_NUM < 160000 */

/* 18 has pg_noreturn, at the other end of a declaration, in its place. */
#if PG_VERSION_NUM >= 180000 && !defined(pg_attribute_noreturn)
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

/*
 * Before a function that SQL calls: its prototype (PostgreSQL 15 does not export
 * it) and its version-1 record.
 */
#define OM_FUNCTION(name) \
	PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

/* ---- access methods and planner (omenhnsw.c, omenbm25.c, cost.c) ---- */

/* Declare that the method builds in parallel: a flag since 17, nothing before. */
#if PG_VERSION_NUM >= 170000
#define om_am_set_canbuildparallel(am) ((void) ((am)->amcanbuildparallel = true))
#else
#define om_am_set_canbuildparallel(am) ((void) (am))
#endif

/*
 * Costs of a path that must not be used.  Since 18 it is one with disabled nodes, which
 * outweighs any cost; before, cost is all there is.  It is finite, since an incremental
 * sort above the path subtracts one cost from the other, and what follows is no number,
 * which compares as if it were the best.
 */
#define OM_NEVER_COST 1e100
#if PG_VERSION_NUM >= 180000
#define om_path_never(path, startup, total) \
	((path)->disabled_nodes = 2, *(startup) = *(total) = OM_NEVER_COST)
#else
#define om_path_never(path, startup, total) ((void) (path), *(startup) = *(total) = OM_NEVER_COST)
#endif

/*
 * A path whose order no parallel worker can compute stays in the leader.  Workers do not get a
 * value of a row outside of the subquery, and may not call every function; but up to 18 the
 * planner asks for this in a relation's conditions and columns only, not in an index's order.
 * An index of a partition would then be scanned by a worker (a Parallel Append takes paths that
 * are not parallel themselves) with a null pointer as the query.
 */
#define om_path_check_parallel(root, path) \
	((void) ((path)->path.parallel_safe = (path)->path.parallel_safe && \
			 is_parallel_safe(root, (Node *) (path)->indexorderbys)))

/* cost_sort() takes the input's disabled nodes since 18. */
#if PG_VERSION_NUM >= 180000
#define om_cost_sort(path, root, pathkeys, cost, tuples, width, mem, limit) \
	cost_sort(path, root, pathkeys, 0, cost, tuples, width, 0.0, mem, limit)
#else
#define om_cost_sort(path, root, pathkeys, cost, tuples, width, mem, limit) \
	cost_sort(path, root, pathkeys, cost, tuples, width, 0.0, mem, limit)
#endif

/* ---- conditions (paths.c) ---- */

/*
 * What an ordered scan may have as a condition: `column = ANY (array)` since 17,
 * a boolean column by itself since 16.
 */
#if PG_VERSION_NUM < 170000
#define OM_CORE_LEAVES_CONDITIONS 1
#endif

/* Direction of a scan whose order is not the index's own. */
#if PG_VERSION_NUM >= 160000
#define om_no_direction ForwardScanDirection
#else
#define om_no_direction NoMovementScanDirection
#endif

/* ---- orders (order.c) ---- */

/* Upwards or downwards: a CompareType since 18, before that a strategy of btree. */
#if PG_VERSION_NUM >= 180000
#define om_pathkey_less(key) ((key)->pk_cmptype == COMPARE_LT)
#define om_pathkey_set_less(key) ((key)->pk_cmptype = COMPARE_LT)
#else
#define om_pathkey_less(key) ((key)->pk_strategy == BTLessStrategyNumber)
#define om_pathkey_set_less(key) ((key)->pk_strategy = BTLessStrategyNumber)
#endif

/* Members of an equivalence class, those of a child table too, which 18 keeps apart. */
#if PG_VERSION_NUM >= 180000
#define OM_CLASS_HAS_CHILDREN_APART 1
#endif

/* ---- scans (scan.c, explain.c) ---- */

/* A hook for lines of EXPLAIN, since 18. */
#if PG_VERSION_NUM >= 180000
#define OM_EXPLAIN_HAS_HOOK 1
#endif

/* "Index Searches" of EXPLAIN ANALYZE, since 18. */
#if PG_VERSION_NUM >= 180000
#define om_count_search(scan) \
	((scan)->instrument != NULL ? (void) (scan)->instrument->nsearches++ : (void) 0)
#else
#define om_count_search(scan) ((void) (scan))
#endif

/* ---- vacuum (include commands/vacuum.h, postmaster/autovacuum.h) ---- */

#if PG_VERSION_NUM >= 180000
#define om_vacuum_delay_point() vacuum_delay_point(false)
#else
#define om_vacuum_delay_point() vacuum_delay_point()
#endif

#if PG_VERSION_NUM >= 170000
#define om_is_autovacuum_worker() AmAutoVacuumWorkerProcess()
#else
#define om_is_autovacuum_worker() IsAutoVacuumWorkerProcess()
#endif

/* ---- settings (ef.c; include utils/guc.h): what a check hook leaves to the assign hook ---- */

#if PG_VERSION_NUM >= 160000
#define om_guc_malloc(level, bytes) guc_malloc(level, bytes)
#else
#define om_guc_malloc(level, bytes) malloc(bytes)
#endif

/* ---- functions that measure (tune/; include utils/acl.h, access/genam.h) ---- */

#if PG_VERSION_NUM >= 160000
#define om_function_aclcheck(function, role) \
	object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE)
#else
#define om_function_aclcheck(function, role) pg_proc_aclcheck(function, role, ACL_EXECUTE)
#endif

#if PG_VERSION_NUM >= 180000
#define om_index_beginscan(heap, index, snapshot, nkeys, norderbys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, norderbys)
#else
#define om_index_beginscan(heap, index, snapshot, nkeys, norderbys) \
	index_beginscan(heap, index, snapshot, nkeys, norderbys)
#endif

/* Since 16. */
#if PG_VERSION_NUM >= 160000
#define om_class_ownercheck(relation, role) object_ownercheck(RelationRelationId, relation, role)
#else
#define om_class_ownercheck(relation, role) pg_class_ownercheck(relation, role)
#endif

/* Read streams, since 17 (prewarm.c). */
#if PG_VERSION_NUM >= 170000
#define OM_HAS_READ_STREAM 1
#endif

/* ---- counters of indexes (keptstats.c) ---- */

/*
 * Kinds of cumulative statistics by extensions, since 18, and their numbers: the default is
 * the one for extensions that have not reserved another.
 */
#if PG_VERSION_NUM >= 180000
#define OM_HAS_STATISTICS_KINDS 1
#define OM_STATISTICS_KIND PGSTAT_KIND_EXPERIMENTAL
#define OM_MOST_STATISTICS_KIND PGSTAT_KIND_CUSTOM_MAX
#else
#define OM_STATISTICS_KIND 24
#define OM_MOST_STATISTICS_KIND 32
#endif

/* ---- names (textoptions.c, bm25query.c; include utils/regproc.h) ---- */

/* Errors of a malformed name may be soft since 16. */
#if PG_VERSION_NUM >= 160000
#define om_qualified_name(string) stringToQualifiedNameList(string, NULL)
#else
#define om_qualified_name(string) stringToQualifiedNameList(string)
#endif

/* ---- checker (check.c; include utils/guc.h, miscadmin.h) ---- */

/* A safe search_path for the rest of a security-restricted operation, since 17. */
#if PG_VERSION_NUM >= 170000
#define om_restrict_search_path() RestrictSearchPath()
#else
#define om_restrict_search_path() ((void) 0)
#endif

/* ---- memory ---- */

/*
 * Memory on a cache line, with flags of MemoryContextAllocExtended().  Before 16 it must
 * not be freed but with its context.
 */
#if PG_VERSION_NUM >= 160000
#define om_alloc_aligned(context, size, flags) MemoryContextAllocAligned(context, size, 64, flags)
#else
#define om_alloc_aligned(context, size, flags) \
	((void *) TYPEALIGN(64, MemoryContextAllocExtended(context, (size) + 63, flags)))
#endif

/* ---- waits (wait.c) ---- */

/* Extensions name what they wait for since 17. */
#if PG_VERSION_NUM >= 170000
#define om_new_wait_event(name) WaitEventExtensionNew(name)
#else
#define om_new_wait_event(name) ((void) (name), PG_WAIT_EXTENSION)
#endif

/* ---- build (build.c; include optimizer/optimizer.h) ---- */

/* Workers for a parallel build: the core asks for itself since 17. */
#if PG_VERSION_NUM >= 170000
#define om_index_build_workers(heap, index, info) ((info)->ii_ParallelWorkers)
#else
#define om_index_build_workers(heap, index, info) \
	((info)->ii_ParallelWorkers > 0 ? (info)->ii_ParallelWorkers : \
	 plan_create_index_workers(RelationGetRelid(heap), RelationGetRelid(index)))
#endif

/* ---- sweeps (sweep.c; include utils/tuplesort.h) ---- */

/* 16 can return a datum of a sort without copying it. */
#if PG_VERSION_NUM >= 160000
#define om_tuplesort_getdatum(sort, value, isnull) \
	tuplesort_getdatum(sort, true, false, value, isnull, NULL)
#else
#define om_tuplesort_getdatum(sort, value, isnull) \
	tuplesort_getdatum(sort, true, value, isnull, NULL)
#endif

#endif							/* OM_COMPAT_H */
