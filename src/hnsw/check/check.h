/*
 * check.h -- what the parts of omendb_index_check() share.
 *
 * check.c      the SQL function: locks, security, order of the steps, figures
 * checkpage.c  metapage, directories, page headers
 * checkgraph.c nodes, towers, postings, links, reachability
 * checkhighway.c  members of the highway
 * checkheap.c  TIDs: none twice, every row of the heap present
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
	uint32		node;			/* of a posting or node; kind of a null record */
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
	int64		links;			/* of live nodes, base layer */
	int64		stale_links;	/* to nodes that are not live */
	int64		unreachable;
	int			max_level;
	int64		heap_rows;
	bool		refined;		/* the index has refinements */
	int64		unrefined;		/* live nodes without one that tells their rows' distance */
} OhCheckFigures;

typedef struct OhCheck
{
	OhFileCheck file;
	Relation	heap;
	OhIndex    *ix;
	OhMetaPageData meta;
	BlockNumber heap_blocks;	/* if strict */

	uint32		nnodes;			/* node ids on known pages */
	uint8	   *node;			/* [nnodes]: state, OH_CHECK_*, level << 4 */
	uint32		ntowers;
	OhCheckTower *tower;
	uint32		npostings;
	OhCheckPosting *posting;
	int64		chained;		/* postings in chains of live nodes */
	OhCheckTid *tid;
	int64		ntids;
	int64		tids_allocated;

	OhCheckFigures f;
} OhCheck;

#define OH_CHECK_STATE		0x03
#define OH_CHECK_REACHED	0x04
#define OH_CHECK_EXPANDED	0x08
#define OH_CHECK_MEMBER		0x04	/* of the highway; once reachability has been looked at */
#define OH_CHECK_LEVEL(b)	((b) >> 4)

/* ---- check.c ---- */

extern Relation OhOpenRelation(Oid oid, LOCKMODE lock);
extern void OhCheckRelation(Relation index);

/* ---- checkpage.c ---- */

/* The metapage; c->meta becomes its copy. */
extern void OhCheckMeta(OhCheck *c);
/* With c->ix set: all directories, and which arrays have pages. */
extern void OhCheckArrays(OhCheck *c);
/* Copy of a data page into to (BLCKSZ), its header verified. */
extern Page OhCheckPage(OhCheck *c, OhArrayId array, uint32 lp, void *to);
/* Copy of one record as it is now; false if it is beyond the array. */
extern bool OhCheckReadRecord(OhCheck *c, OhArrayId array, uint32 id, void *to);

/* ---- info.c ---- */

extern const char *OhMetricName(OmMetric metric);

/* ---- checkgraph.c ---- */

extern void OhCheckGraph(OhCheck *c);

/* ---- checkhighway.c ---- */

/* After OhCheckGraph(). */
extern void OhCheckHighway(OhCheck *c);

/* ---- checkheap.c ---- */

extern void OhCheckAddTid(OhCheck *c, const ItemPointerData *tid, OhArrayId array, uint32 record,
						  uint32 node, BlockNumber block);
/* Check that no TID is in the index twice. */
extern void OhCheckTids(OhCheck *c);
/*
 * Check that every row that the snapshot sees is in the index, once, with its code and
 * filter columns.  The table must be locked against writes; runs as its owner.
 */
extern void OhCheckHeap(OhCheck *c, Snapshot snapshot);

#endif							/* OH_CHECK_H */
