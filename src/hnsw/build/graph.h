/*
 * graph.h -- the HNSW graph that an index build grows in memory.
 *
 * One flat piece of memory, addressed by offsets, so that it can be a dynamic
 * shared memory segment that several processes fill at once, or private memory.
 * It holds codes and links only; nothing here knows of pages (flush.c writes
 * them) or of the table (build.c reads it).
 *
 *   PART      RECORD                            ONE PER
 *   header    OhGraph
 *   lock      pg_atomic_uint32                  OH_LOCKS; a slot's is found by hash
 *   node      OhGraphNode                       slot
 *   code      char[code_stride]                 slot, 64-byte aligned
 *   refine    char[refine_stride]               slot, where there are refinements
 *   attr      OhKeyRow                         slot, where there are filter columns
 *   list      uint32 id[2m], float dist[2m]     slot: links of the base layer
 *   tower     uint32 id[m], float dist[m]       node and level >= 1
 *   member    uint32                            members of the highway by level, then of
 *                                               islands (highway.h): slots
 *   twin      uint32                            hash table of codes, and of codes and
 *                                               filter keys: slot, bit 31 of leaders
 *
 * A slot is a node, or a chunk of TIDs (further rows of a node whose code and
 * filter keys they share) or of rows without a position, which then lie in its
 * list part.  So the number of slots used never exceeds the number of rows.
 *
 * A list is sorted by distance, nearest first; OH_NONE ends it.  Bit 31 of an
 * id says that the link is diverse ("selected", see select.h), else it is fill.
 *
 * Concurrency: links are read without a lock.  So an id is read and written by
 * OhReadLink() and OhWriteLink() wherever another participant may use the list, and
 * never by memcpy() or memmove(): C promises nothing about the units that these
 * move, and half an id is a slot that does not exist.  An id is written only after
 * all that belongs to its node.  Distances are read under the lock only.
 * While a list is being changed a reader may see a link twice or miss one.
 * Changes are made under the node's lock (one of OH_LOCKS), which is held for well under a
 * microsecond, with no other lock, and never across a call that can raise an
 * error.  When all participants have finished, everything is read plainly.
 */
#ifndef OH_GRAPH_H
#define OH_GRAPH_H

#include "postgres.h"

#include "hnsw/graph/highway.h"
#include "hnsw/format.h"
#include "hnsw/graph/select.h"
#include "port/atomics.h"
#include "quant/quant.h"

#define OH_LINK_SELECTED	0x80000000U
#define OH_LINK_ID			0x7FFFFFFFU
#define OH_GRAPH_MAX_SLOTS	0x7FFFFF00U

#define OH_LOCKS			16384

/* Distances that one insertion remembers; see graphadd.c. */
#define OH_MEMO_SIZE		8192

/* What a slot is. */
#define OH_SLOT_NODE		1
#define OH_SLOT_TIDS		2
#define OH_SLOT_SIBLING		3		/* a node to be attached, see siblings.c */

typedef struct OhGraphNode
{
	uint32		more;			/* first slot with further TIDs, or OH_NONE */
	uint32		tower;			/* list of level 1; those above follow it; of a sibling
								 * its leader */
	ItemPointerData tid;
	uint8		kind;			/* OH_SLOT_*, 0 if it is not used */
	uint8		level;
} OhGraphNode;

/*
 * A slot full of TIDs, or of rows without a position: those are records as they
 * will be on the page, an OhNullData with its OhKeyRow each.
 */
typedef struct OhTidChunk
{
	uint32		next;			/* slot, or OH_NONE */
	uint32		n;
	uint32		hash;			/* of the vector that all these rows have, or OH_MIXED */
	uint32		unused;
	ItemPointerData tid[FLEXIBLE_ARRAY_MEMBER];
} OhTidChunk;

StaticAssertDecl(offsetof(OhTidChunk, tid) % sizeof(uint64) == 0, "rows in a chunk are aligned");

/* What a graph is for. */
typedef struct OhGraphShape
{
	OmQuantSpec spec;
	int			m;
	int			ef_construction;
	uint32		refine_bytes;	/* 0: no refinements */
	int			ncolumns;			/* filter columns */
} OhGraphShape;

/* Header of the memory. */
typedef struct OhGraph
{
	OhGraphShape shape;
	uint32		capacity;		/* slots */
	uint32		tower_capacity; /* lists */
	uint32		twin_mask;
	uint32		code_bytes;
	uint32		code_stride;
	uint32		refine_stride;
	uint32		key_bytes;		/* of an OhKeyRow, 0 without filter columns */
	uint32		list_stride;	/* in uint32s: 4m, or more if a row would not fit */
	uint32		chunk_tids;		/* TIDs in a chunk */
	uint32		chunk_rows;		/* rows without a position in a chunk */
	Size		bytes;			/* of all this */
	Size		lock_offset;
	Size		node_offset;
	Size		code_offset;
	Size		refine_offset;
	Size		key_offset;
	Size		list_offset;
	Size		tower_offset;
	Size		member_offset;
	Size		twin_offset;
	uint32		level_limit;	/* members by level */
	uint32		island_limit;	/* members of islands */

	pg_atomic_uint32 next_slot pg_attribute_aligned(64);
	pg_atomic_uint32 next_tower;
	pg_atomic_uint32 rows_lock; /* of rows[] */
	uint32		rows[3];		/* chunks of rows without a position, by OH_ROW_* */
	pg_atomic_uint32 member_lock;	/* of changes of the members */
	pg_atomic_uint32 highway_level;
	pg_atomic_uint32 nlevel;
	pg_atomic_uint32 nislands;
	pg_atomic_uint64 entry pg_attribute_aligned(64);	/* level << 32 | slot */
} OhGraph;

#define OH_ENTRY_NONE	PG_UINT64_MAX

typedef struct OhPoolEntry
{
	float		dist;
	uint32		id;				/* bit 31: expanded */
} OhPoolEntry;

/* A distance from the vector being inserted; key: slot and insertion, mixed. */
typedef struct OhMemo
{
	uint32		key;
	float		dist;
} OhMemo;

/* One participant's view of the graph and its scratch; private memory. */
typedef struct OhBuilder
{
	OhGraph    *graph;
	pg_atomic_uint32 *locks;
	OhGraphNode *nodes;
	char	   *codes;
	char	   *refinements;
	char	   *keys;
	uint32	   *lists;			/* uint32[capacity][list_stride] */
	uint32	   *towers;			/* uint32[tower_capacity][2m] */
	uint32	   *level_members;	/* [level_limit], slots */
	uint32	   *islands;		/* [island_limit], slots */
	uint32	   *twins;
	int			m;
	uint32		code_stride;
	uint32		list_stride;

	const OmQuantizer *quant;
	OmDistanceFn distance;
	OhSelector	selector;
	OmQuery    *form;			/* of the vector being inserted */
	void	   *scratch;

	uint8	   *visited;		/* [slots], number of the last search that met it */
	uint8		epoch;			/* number of this search */
	uint32		memo_key;		/* random, of this insertion */
	OhMemo	   *memo;			/* [OH_MEMO_SIZE] */

	OhPoolEntry *pool;			/* [ef_construction] */
	OhCandidate *cand;			/* [ef_construction + 2m] */
	uint32		spare;			/* a slot taken and not used, or OH_NONE */
	int			(*random_level) (int m);
} OhBuilder;

/* ---- graph.c: memory, slots, TIDs ---- */

/* Bytes of a graph with this many slots; of one participant's private memory. */
extern Size OhGraphBytes(const OhGraphShape *shape, uint32 capacity);
extern Size OhBuilderBytes(uint32 capacity);
/* Make an empty graph in memory that is 64-byte aligned; it need not be zero. */
extern OhGraph *OhGraphInit(void *mem, const OhGraphShape *shape, uint32 capacity);
/* One participant's state, in context. */
extern OhBuilder *OhBuilderBegin(OhGraph *graph, const OmQuantizer *quant,
								 int (*random_level) (int m), MemoryContext context);
/* Number of slots ever taken. */
extern uint32 OhGraphSlots(const OhGraph *graph);
/* Another row of a node; false: the graph is full. */
extern bool OhGraphAddTid(OhBuilder *b, uint32 slot, ItemPointer tid, uint32 hash);
/*
 * Number of a node's rows after its first.  *hash: that of their vector, OH_MIXED if their vectors
 * differ or there are no such rows.
 */
extern uint32 OhGraphFurther(const OhBuilder *b, const OhGraphNode *node, uint32 *hash);
/* A row without a position, OH_ROW_*; false: the graph is full. */
extern bool OhGraphAddRow(OhBuilder *b, ItemPointer tid, int kind, const OhKeyRow *keys);
/* Take a slot for oneself alone; OH_NONE if none is left. */
extern uint32 OhGraphTakeSlot(OhBuilder *b);
/* Wait for a lock, which is usually held for less than a microsecond, and take it. */
extern void OhGraphWaitLock(pg_atomic_uint32 *lock);

/* ---- graphtwin.c ---- */

/*
 * The node that has the same code and filter keys as a new one, or OH_NONE: then the
 * new node is known by these from now on.  *leader: the first node with this code if
 * that is another one, else OH_NONE.
 */
extern uint32 OhGraphFindTwin(OhBuilder *b, uint32 slot, uint32 *leader);

/* ---- graphrow.c: rows ---- */

/*
 * Add a vector, x float[dim], and its filter keys if there are filter columns;
 * false: the graph is full, nothing was changed.
 */
extern bool OhGraphAdd(OhBuilder *b, const OhPosition *position, ItemPointer tid,
					   const OhKeyRow *keys);

/* A row whose vector has been coded. */
typedef struct OhCodedRow
{
	const void *code;
	const void *form;			/* query form of the vector, ... */
	const float *x;				/* ... or the vector itself; both NULL: search by the code */
	const OhKeyRow *keys;		/* NULL without filter columns */
	const void *refinement;		/* NULL without, and of guests */
	ItemPointerData tid;
	uint32		hash;			/* of the vector, for postings */
	int			level;
	bool		guest;			/* the rows of its node are not asked for */
} OhCodedRow;

/*
 * Add such a row; only when nobody else uses the graph.  Returns the slot of its node, which
 * may be that of an equal one unless alone is set; OH_NONE: the graph is full.
 */
extern uint32 OhGraphAddCoded(OhBuilder *b, const OhCodedRow *row, bool alone);

/* ---- graphadd.c: nodes ---- */

/*
 * Turn a slot that has its code into a node and link it, up to this level at most.  b->form is the
 * form of its vector.
 */
extern void OhGraphAddNode(OhBuilder *b, uint32 slot, int level);
/*
 * Search the base layer from the entry point for the neighbours of b->form:
 * b->pool, sorted, of at most ef_construction; returns their number.
 */
extern int	OhGraphSearch(OhBuilder *b);

/*
 * Search for the neighbours of a node that is in the graph, choose its links among
 * these and those that it has, and link both ways on the base layer.
 */
extern void OhGraphRelink(OhBuilder *b, uint32 slot);

/* ---- islands.c: the highway of the graph in memory ---- */

/* The nearest members for b->form. */
extern void OhGraphSeeds(OhBuilder *b, OhSeeds *seeds);
/* A new node may be a member by its level. */
extern void OhGraphAddByLevel(OhBuilder *b, uint32 slot);
/* A new node may be an island; its nearest neighbour, and at what distance. */
extern void OhGraphAddIfApart(OhBuilder *b, uint32 slot, uint32 nearest, float dist);
/*
 * Find the islands of the graph and a member for each.  While nobody changes it.
 * Returns their number.
 */
extern uint32 OhGraphFindIslands(OhBuilder *b, MemoryContext context);
/* The two halves of that: the islands, in the order of OhSortIslands(); the members. */
extern OhIsland *OhGraphIslands(OhBuilder *b, MemoryContext context, uint32 *n);
extern uint32 OhGraphSetIslands(OhBuilder *b, const OhIsland *island, uint32 n);

/* ---- relink.c ---- */

/* Relink nodes that few others link to. */
typedef struct OhRelink
{
	OhBuilder  *b;
	uint32		nslots;
	uint8	   *incoming;		/* [nslots], links to each */
	int			least;			/* nodes with fewer are relinked */
} OhRelink;

/* Count links; while nobody changes any. */
extern void OhRelinkBegin(OhRelink *relink, OhBuilder *b, MemoryContext context);
/* Relink nodes among slots from..to - 1; others may work on other ones. */
extern void OhRelinkSlots(OhRelink *relink, uint32 from, uint32 to);
extern void OhRelinkEnd(OhRelink *relink);

/* ---- siblings.c ---- */

/*
 * Attach the nodes that have the code of another one.  Only when nobody else uses
 * the graph.  Returns their number.
 */
extern uint32 OhGraphAttach(OhBuilder *b, MemoryContext context);

/* ---- connect.c ---- */

/*
 * Make every node reachable from the entry point over base links.  Only when
 * nobody else uses the graph.  Returns the number of nodes that were not.
 */
extern uint32 OhGraphConnect(OhBuilder *b, MemoryContext context);

/* ---- pack.c ---- */

/*
 * The order of nodes on pages that keeps neighbours together; per_page nodes
 * fit a page.  order[i] is the slot of node i, number[slot] the reverse (OH_NONE
 * for slots that are no nodes).  Returns the number of nodes.  only: unless it is NULL, the
 * order has no node of slots where it is 0.
 */
extern uint32 OhGraphPack(OhBuilder *b, uint32 per_page, const uint8 *only,
						  uint32 *order, uint32 *number);

/* A row without a position, as it will be on the page */
static inline uint32
OhRowBytes(int ncolumns)
{
	return sizeof(OhNullData) + OhKeyRowBytes(ncolumns);
}

/* Such rows that fit a slot's list part: one fits always, see layout() */
static inline uint32
OhChunkRows(const OhGraphShape *shape)
{
	Size		room = 4 * shape->m * sizeof(uint32) - offsetof(OhTidChunk, tid);

	return Max(room / OhRowBytes(shape->ncolumns), 1);
}

static inline uint32 *
OhGraphList(const OhBuilder *b, uint32 slot)
{
	return b->lists + (Size) slot * b->list_stride;
}

/* A link of a list that others may use: one plain 4-byte move. */
static inline uint32
OhReadLink(const uint32 *link)
{
	return __atomic_load_n(link, __ATOMIC_RELAXED);
}

static inline void
OhWriteLink(uint32 *link, uint32 value)
{
	__atomic_store_n(link, value, __ATOMIC_RELAXED);
}

/* Links on a level >= 1 */
static inline uint32 *
OhGraphTower(const OhBuilder *b, uint32 slot, int level)
{
	return b->towers + (Size) (b->nodes[slot].tower + level - 1) * 2 * b->m;
}

/* Distances of a list of at most max links */
static inline float *
OhListDist(uint32 *list, int max)
{
	return (float *) (list + max);
}

/* The lock of a node; several nodes may share one. */
static inline pg_atomic_uint32 *
OhGraphLockOf(const OhBuilder *b, uint32 slot)
{
	return &b->locks[(slot * 0x9E3779B1U) >> 18];
}

static inline void *
OhGraphCode(const OhBuilder *b, uint32 slot)
{
	return b->codes + (Size) slot * b->code_stride;
}

static inline void *
OhGraphRefinement(const OhBuilder *b, uint32 slot)
{
	return b->refinements + (Size) slot * b->graph->refine_stride;
}

static inline OhKeyRow *
OhGraphKeys(const OhBuilder *b, uint32 slot)
{
	return (OhKeyRow *) (b->keys + (Size) slot * b->graph->key_bytes);
}

static inline OhTidChunk *
OhGraphChunk(const OhBuilder *b, uint32 slot)
{
	return (OhTidChunk *) OhGraphList(b, slot);
}

static inline OhNullData *
OhChunkRow(const OhBuilder *b, OhTidChunk *chunk, uint32 i)
{
	return (OhNullData *) ((char *) chunk->tid + i * OhRowBytes(b->graph->shape.ncolumns));
}

static inline void
OhGraphLock(pg_atomic_uint32 *lock)
{
	if (unlikely(pg_atomic_exchange_u32(lock, 1) != 0))
		OhGraphWaitLock(lock);
}

/* Reads under the lock come before this, too, which pg_write_barrier() need not ensure. */
static inline void
OhGraphUnlock(pg_atomic_uint32 *lock)
{
	__atomic_store_n(&lock->value, 0, __ATOMIC_RELEASE);
}

#endif							/* OH_GRAPH_H */
