/*
 * vacuum.h -- what the parts of vacuum share.
 *
 * bulkdelete.c  removes TIDs, flags dead nodes
 * cleanup.c   order of what follows; frees slots
 * vacgraph.c  private copy of the graph, search on it
 * trim.c      frees empty postings of live nodes
 * repair.c    replaces links to dead nodes
 * vacrelink.c  links nodes again that have lost links which led to them
 * vacislands.c  keeps the highway: members of dead nodes, islands
 * reach.c     keeps every live node reachable from the entry point
 *
 * Vacuum alone makes nodes dead and frees slots, and one vacuum at a time works
 * on an index.  So a node that vacuum has seen live stays live, and one that it
 * has seen dead stays dead until it is freed here; free slots may become live
 * nodes at any time.
 */
#ifndef OH_VACUUM_H
#define OH_VACUUM_H

#include "postgres.h"

#include "access/genam.h"

#include "hnsw/hnsw.h"
#include "hnsw/graph/linklist.h"
#include "hnsw/graph/select.h"

/*
 * Private copies of one array's pages: page lp is kept in slot lp % nslots.  If
 * every page has a slot of its own, pointers into the copy stay valid until the
 * page is refreshed; otherwise only until the next page is asked for.
 */
typedef struct OhCopy
{
	OhArrayId	array;
	uint32		npages;			/* logical pages known of */
	uint32		nslots;
	bool		stable;			/* nslots >= npages */
	char	   *data;			/* nslots pages, OH_NONE in lp where empty */
	uint32	   *lp;				/* [nslots] */
} OhCopy;

/* What vacuum knows of a node, one byte each. */
#define OH_VAC_STATE	0x03	/* OH_FREE, OH_LIVE, OH_DEAD */
#define OH_VAC_REACHED	0x04	/* live: reachable from the entry point */
#define OH_VAC_KEEP		0x04	/* dead: something may still link to it */
#define OH_VAC_EXPANDED	0x08	/* live: its links were followed */
#define OH_VAC_LEVEL(b)	((b) >> 4)

typedef struct OhVacuum
{
	OhIndex    *ix;
	MemoryContext context;
	OhCopy		nodes;
	OhCopy		towers;
	uint32		n;				/* node ids below this are known */
	uint32		state_size;
	uint8	   *node;			/* [n], OH_VAC_* */
	uint32		nlive;
	uint32		ndead;
	uint32		ndied;			/* dead nodes before repair, by OhVacuumLosses() */
	uint32		entry;			/* OH_NONE if the graph is empty */
	int			entry_level;

	/* scratch of distances */
	OhSelector	sel;
	OmQuery    *query;			/* the node that chooses */
	OmQuery    *form;			/* a candidate */
	uint32	   *visited;		/* hash set of node ids, emptied for each node by a stamp */
	uint32	   *visited_stamp;
	uint32		stamp;
	uint32		nvisited;
	char	   *codes;			/* [OH_VAC_CODES], if copies are not stable */
} OhVacuum;

/* Node ids that the hash set takes; beyond this it claims that all are in. */
#define OH_VAC_VISITED	8192

/* The most codes that OhVacuumCodes() sets in one call. */
#define OH_VAC_CODES	1024

static inline int
OhVacState(const OhVacuum *v, uint32 id)
{
	return id < v->n ? v->node[id] & OH_VAC_STATE : OH_FREE;
}

/*
 * Open the index for a vacuum: until OhVacuumClose(), its pages are read by the buffer
 * access strategy that the vacuum was given.
 */
static inline OhIndex *
OhVacuumOpen(const IndexVacuumInfo *info)
{
	OhIndex    *ix = OhIndexOpen(info->index);

	ix->file.strategy = info->strategy;
	return ix;
}

static inline void
OhVacuumClose(OhIndex *ix)
{
	ix->file.strategy = NULL;
}

/* ---- vacgraph.c ---- */

/* Memory that a vacuum's copies of pages may take. */
extern Size OhVacuumMemory(void);
/* Open the index, and read its graph into copies of pages, of at most this size in total. */
extern OhVacuum *OhVacuumBegin(Relation index, Size memory);
/* Would the copy of a vacuum hold all nodes? */
extern bool OhVacuumHolds(OhIndex *ix);
extern void OhVacuumEnd(OhVacuum *v);
/* Take note of pages that were added since. */
extern void OhVacuumGrow(OhVacuum *v);
/* Read all pages of nodes, again and those added since. */
extern void OhVacuumReadAll(OhVacuum *v);
/* Copy of a page, which is read if there is no copy. */
extern Page OhVacuumPage(OhVacuum *v, OhCopy *copy, uint32 lp);
/* The same, read again in any case. */
extern Page OhVacuumRefresh(OhVacuum *v, OhCopy *copy, uint32 lp);
/* Make the copy like this page, which is locked. */
extern Page OhVacuumStore(OhVacuum *v, OhCopy *copy, uint32 lp, Page page);
/* Copy of a node; id must be below v->n. */
extern OhNodeData *OhVacuumNode(OhVacuum *v, uint32 id);
/* Copy of a node's tower record on a level, NULL if there is none. */
extern OhTowerData *OhVacuumTower(OhVacuum *v, uint32 id, int level);
/* A node's links on a level into out[2 * OH_MAX_M]; returns how many. */
extern int	OhVacuumLinks(OhVacuum *v, uint32 id, int level, uint32 *out);
/* State of a node, read again unless it is known to be live or dead. */
extern int	OhVacuumState(OhVacuum *v, uint32 id);

/* v->query becomes the query form of a node. */
extern void OhVacuumQuery(OhVacuum *v, uint32 id);
/* Set the codes of cand[n] (n at most OH_VAC_CODES), and their distances from v->query. */
extern void OhVacuumCodes(OhVacuum *v, OhCandidate *cand, int n);
/* Set only the distances. */
extern void OhVacuumDistances(OhVacuum *v, OhCandidate *cand, int n);

/* The hash set of nodes visited: empty it ... */
extern void OhVacuumForget(OhVacuum *v);
/* ... and add a node.  false: it was in the set already, or the set is full */
extern bool OhVacuumVisit(OhVacuum *v, uint32 id);

/*
 * Live nodes of at least this level near v->query, nearest first, found by a walk
 * of this level's links from the entry point on: at most ef in out[ef], without
 * codes.  Dead nodes are passed through.  reached: only nodes flagged so.
 */
extern int	OhVacuumSearch(OhVacuum *v, int level, int ef, bool reached, OhCandidate *out);

/*
 * The same on the base layer, from a node's own links on as well.
 */
extern int	OhVacuumSearchNear(OhVacuum *v, uint32 id, int ef, OhCandidate *out);

/* ---- vacrelink.c ---- */

/*
 * Before repair: how many links of dead nodes lead to each, [*n], 255 if there are more.
 * NULL if there are none, or the copy does not hold the graph.
 */
extern uint8 *OhVacuumLosses(OhVacuum *v, uint32 *n);
/*
 * After repair: link nodes again that few lead to since; lost[n] may be NULL.  all: those that have
 * lost none, too, whose links were chosen by codes of an old model; false: the copy does not hold the graph.
 */
extern bool OhVacuumRelink(OhVacuum *v, const uint8 *lost, uint32 n, bool all);

/* ---- trim.c ---- */

/* Free empty postings of live nodes; no other vacuum works on the index. */
extern void OhTrimChains(OhIndex *ix);
/* The same of one node. */
extern void OhTrimChain(OhIndex *ix, uint32 id);

/* ---- repair.c ---- */

/* Replace every link to a node that is not live; flags OH_VAC_KEEP what is left. */
extern void OhRepair(OhVacuum *v);

/* ---- vacislands.c ---- */

/* Free the members of the highway whose nodes are dead; before these are freed. */
extern void OhVacuumFreeMembers(OhVacuum *v);
/* See that each island has a member, and all nodes from some level on are members. */
extern void OhVacuumHighway(OhVacuum *v);

/* ---- reach.c ---- */

/* Link what the entry point does not reach; returns how many are left. */
extern uint32 OhReach(OhVacuum *v);
/* Memory that it takes besides the copies, those of states included. */
extern Size OhReachBytes(uint32 nodes);

#endif							/* OH_VACUUM_H */
