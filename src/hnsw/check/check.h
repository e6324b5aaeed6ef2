/*
 * check.h -- the parts of omendb_index_check() for omenhnsw.
 *
 * check.c         the SQL function: locks, security, order of the steps, figures
 * checkpage.c     metapage, directories, page headers
 * checkgraph.c    nodes, towers, postings, links, reachability
 * checkhighway.c  members of the highway
 * checkheap.c     TIDs: none twice, every row of the table present
 *
 * A check that finds something raises ERRCODE_INDEX_CORRUPTED.
 */
#ifndef OH_CHECK_H
#define OH_CHECK_H

#include "postgres.h"

#include "hnsw/hnsw.h"
#include "storage/verify.h"

/* Where a TID was found. */
typedef struct OhCheckTid
{
	ItemPointerData tid;
	uint16		array;			/* OH_NODE, OH_POSTING, OH_NULLS */
	uint32		record;
	uint32		node;			/* id of the node; of an off-graph row its kind, OH_ROW_* */
} OhCheckTid;

typedef struct OhCheckTower
{
	uint32		node;
	uint32		up;
	uint16		level;
} OhCheckTower;

typedef struct OhCheckPosting
{
	uint32		node;
	uint32		next;
} OhCheckPosting;

typedef struct OhCheckFigures
{
	int64		pages;
	int64		lost_pages;		/* named by no directory */
	int64		live;
	int64		dead;
	int64		tids;
	int64		towers;
	int64		postings;
	int64		null_rows;
	int64		free_slots;
	int64		links;			/* of live nodes on the base layer */
	int64		stale_links;	/* to nodes that are not live */
	int64		unreachable;
	int			max_level;
	int64		heap_rows;
	bool		refined;		/* the index has refinements */
	int64		unrefined;		/* live nodes without a usable one */
} OhCheckFigures;

typedef struct OhCheck
{
	OhFileCheck file;
	Relation	heap;
	OhIndex    *ix;
	OhMetaPageData meta;
	BlockNumber heap_blocks;	/* size of the table, in a strict check */

	uint32		nnodes;			/* node ids on the pages that are checked */
	uint8	   *node;			/* [nnodes]: state, OH_CHECK_* and level << 4 */
	uint32		ntowers;
	OhCheckTower *tower;
	uint32		npostings;
	OhCheckPosting *posting;
	int64		chained;		/* number of postings in chains of live nodes */
	OhCheckTid *tid;
	int64		ntids;
	int64		tids_allocated;

	OhCheckFigures f;
} OhCheck;

#define OH_CHECK_STATE		0x03
#define OH_CHECK_REACHED	0x04
#define OH_CHECK_EXPANDED	0x08
#define OH_CHECK_MEMBER		0x04	/* a member of the highway; used after reachability is checked */
#define OH_CHECK_LEVEL(b)	((b) >> 4)

/* ---- check.c ---- */

/* Open a relation by an OID that a user has given; an error if no relation has it. */
extern Relation OhOpenRelation(Oid oid, LOCKMODE lock);
/* Raise an error unless this is an omenhnsw index whose contents can be read. */
extern void OhCheckRelation(Relation index);

/* ---- checkpage.c ---- */

/* Check the metapage, and copy it to c->meta. */
extern void OhCheckMeta(OhCheck *c);
/* With c->ix set: check all directories, and which arrays have pages. */
extern void OhCheckArrays(OhCheck *c);
/* Copy a data page to to[BLCKSZ], and check its header. */
extern Page OhCheckPage(OhCheck *c, OhArrayId array, uint32 lp, void *to);
/* Copy a record as it is now; false if the array has no such record. */
extern bool OhCheckReadRecord(OhCheck *c, OhArrayId array, uint32 id, void *to);

/* ---- info.c ---- */

/* The name of a metric, as SQL functions show it. */
extern const char *OhMetricName(OmMetric metric);

/* ---- checkgraph.c ---- */

/* Check all arrays but the highway; sets c->node and adds all TIDs. */
extern void OhCheckGraph(OhCheck *c);

/* ---- checkhighway.c ---- */

/* Check the members of the highway, after OhCheckGraph(). */
extern void OhCheckHighway(OhCheck *c);

/* ---- checkheap.c ---- */

/* Record where a TID was found.  block: of the record, for errors */
extern void OhCheckAddTid(OhCheck *c, const ItemPointerData *tid, OhArrayId array, uint32 record,
						  uint32 node, BlockNumber block);
/* Check that no TID is in the index twice; sorts c->tid. */
extern void OhCheckTids(OhCheck *c);
/*
 * Check that every row that the snapshot sees is in the index, once, with its code and
 * filter columns.  The table must be locked against writes; runs as its owner.
 */
extern void OhCheckHeap(OhCheck *c, Snapshot snapshot);

#endif							/* OH_CHECK_H */
