/*
 * regions.h -- a build whose graph does not fit maintenance_work_mem.
 *
 * The rows are coded in the order of the table (regions.c) and divided into regions of rows
 * that are near each other, each small enough for a graph in memory (pivots.c, divide.c).  A
 * row has a home, the region of the nearest pivot, and is a guest in the region of the second
 * nearest.  Each region's graph is built by one participant, of home rows and guests
 * (regiongraph.c).  A node of it keeps the links that it has found at home and as a guest;
 * since neighbouring regions share rows, these join the graphs of all regions.  Levels from 1 on
 * are a graph of their own, of the few nodes that have them (upper.c).  What leads nowhere in
 * the end is linked by vacuum's reach.c (regionwrite.c).
 *
 *   FILE             ONE PER                 HOLDS
 *   rows.p           participant             rows in the order of the table
 *   region.r.p       region, participant     rows of a region, home rows and guests
 *   numbers.run      run                     OhRunHead, numbers of its nodes, its islands
 *   nodes.run        run                     OhNodeHead, keys, code, refinement, links, distances
 *   towers.run       run                     OhTowerHead and code of nodes of levels from 1 on
 *   more.run         run                     OhMoreHead and further TIDs of nodes with any
 *   lists.r.p        region, participant     OhListHead, links and distances that the region's
 *                                            rows have found as guests
 *
 * A run is a graph in memory: one for each region, and further ones where a region has more
 * home rows than fit.  A node's number is that of its first row; rows are numbered by home,
 * participant and order.
 */
#ifndef OH_REGIONS_H
#define OH_REGIONS_H

#include "postgres.h"

#include "hnsw/build/build.h"
#include "hnsw/build/spill.h"

/* Phases of the barrier. */
#define OH_REGIONS_CODE		0	/* rows into files, and into the sample */
#define OH_REGIONS_CHOOSE	1	/* one participant chooses the pivots */
#define OH_REGIONS_DIVIDE	2	/* rows into the files of regions */
#define OH_REGIONS_BUILD	3	/* graphs of regions */

/* What a row has of its vector. */
typedef enum OhRowVector
{
	OH_ROW_CODE,				/* nothing: its neighbours are as well found by its code */
	OH_ROW_FORM,				/* query form */
	OH_ROW_FLOATS				/* the vector itself */
} OhRowVector;

/* In shared memory; arrays follow at the offsets. */
typedef struct OhRegions
{
	/* constant */
	OhSpill		spill;
	OhGraphShape shape;
	uint32		code_bytes;
	uint32		key_bytes;
	OhRowVector vector;
	uint32		vector_bytes;
	uint32		limit;			/* slots of a region's graph */
	uint32		most;			/* regions at most */
	uint32		participants;	/* at most */
	int			least_level;	/* levels below this are left out */
	uint32		sample_room;	/* codes that each participant takes into the sample */
	Size		taken_offset;	/* uint32[participants], codes in the sample */
	Size		rows_offset;	/* uint64[participants] */
	Size		sample_offset;	/* code[participants][sample_room] */
	Size		pivot_offset;	/* code[most] */
	Size		weight_offset;	/* float[most] */
	Size		home_offset;	/* uint32[most][participants], home rows */

	pg_atomic_uint32 joined;	/* participants */

	/* written by the one who chooses */
	uint32		n;				/* regions */

	pg_atomic_uint32 next;		/* region to be built */
	pg_atomic_uint32 nruns;
	pg_atomic_uint64 built;		/* rows of regions that are */
} OhRegions;

/* One participant. */
typedef struct OhRegionWorker
{
	OhBuildWorker *worker;
	OhRegions  *regions;
	uint32		number;			/* of this participant */
	BufFile    *rows;			/* its rows in the order of the table, while these are read */
	uint64		seen;			/* rows */
	char	   *row;			/* [OhRegionRowBytes] */
	void	   *scratch;		/* of the quantizer */
	OmQuery    *form;
	uint32	   *first;			/* [n * participants + 1], numbers of first rows, once divided */
} OhRegionWorker;

/*
 * A row in a file; its filter keys, vector (OhRowVector), code and, unless it is a guest,
 * refinement follow.
 */
typedef struct OhRowHead
{
	ItemPointerData tid;
	uint16		participant;	/* who has coded it */
	uint32		hash;			/* of the vector */
	uint32		number;			/* among the home rows of its home by this participant */
	uint32		home;
	uint8		level;
	uint8		unused[3];
} OhRowHead;

StaticAssertDecl(sizeof(OhRowHead) % 8 == 0, "filter keys are aligned");

typedef struct OhRunHead
{
	uint32		home;
	uint32		nnodes;
	uint32		ntowers;		/* nodes of levels from 1 on, the first ones */
	uint32		nislands;
} OhRunHead;

typedef struct OhNodeHead
{
	uint32		number;
	uint32		further;		/* TIDs besides the first */
	ItemPointerData tid;
	uint16		nlinks;
} OhNodeHead;

StaticAssertDecl(sizeof(OhNodeHead) % 8 == 0, "filter keys are aligned");

typedef struct OhTowerHead
{
	uint32		number;
	uint32		level;
} OhTowerHead;

typedef struct OhMoreHead
{
	uint32		number;
	uint32		further;
	uint32		hash;
} OhMoreHead;

typedef struct OhListHead
{
	uint32		number;
	uint32		nlinks;
} OhListHead;

static inline uint32
OhRegionRowBytes(const OhRegions *regions)
{
	return sizeof(OhRowHead) + regions->key_bytes + regions->vector_bytes + regions->code_bytes +
		regions->shape.refine_bytes;
}

static inline char *
OhRowVectorOf(const OhRegions *regions, char *row)
{
	return row + sizeof(OhRowHead) + regions->key_bytes;
}

static inline char *
OhRowCodeOf(const OhRegions *regions, char *row)
{
	return OhRowVectorOf(regions, row) + regions->vector_bytes;
}

static inline void *
OhRegionsAt(const OhRegions *regions, Size offset)
{
	return (char *) regions + offset;
}

static inline char *
OhRegionPivot(const OhRegions *regions, uint32 i)
{
	return (char *) OhRegionsAt(regions, regions->pivot_offset) + (Size) i * regions->code_bytes;
}

/* Home rows of a region that a participant has coded. */
static inline uint32 *
OhRegionHome(const OhRegions *regions, uint32 region, uint32 participant)
{
	return (uint32 *) OhRegionsAt(regions, regions->home_offset) +
		(Size) region * regions->participants + participant;
}

/* Numbers of a region's home rows: from first to before the next one's. */
static inline uint32
OhRegionFirst(const OhRegionWorker *rw, uint32 region)
{
	return rw->first[(Size) region * rw->regions->participants];
}

/* ---- regions.c ---- */

/*
 * The leader: set up a build of about this many rows in a segment; NULL if there is too little
 * shared memory.
 */
extern OhRegionWorker *OhRegionsBegin(OhBuildWorker *worker, const OhGraphShape *shape, double rows,
									  int participants);
/* A worker: take part in it. */
extern OhRegionWorker *OhRegionsJoin(OhBuildWorker *worker);
extern void OhRegionsAddRow(OhRegionWorker *rw, const OhPosition *position, ItemPointer tid,
							const OhKeyRow *keys);
/* All rows are in: what the participants do together.  phase: of the barrier when it came. */
extern void OhRegionsBuild(OhRegionWorker *rw, int phase);

/* ---- pivots.c ---- */

/* Choose the pivots by the sample, so that regions have as many rows each. */
extern void OhChoosePivots(OhRegionWorker *rw);

/* ---- divide.c ---- */

/* Distances of a code from n pivots, as regions are chosen by them. */
extern void OhPivotDistances(OhRegionWorker *rw, const void *code, const void *const *pivot,
							 uint32 n, float *dist);
extern void OhDivideRows(OhRegionWorker *rw);
/* Number the rows. */
extern void OhNumberRows(OhRegionWorker *rw);

/* ---- regiongraph.c ---- */

/* Build graphs of regions until none is left. */
extern void OhBuildRegions(OhRegionWorker *rw);

/* ---- upper.c ---- */

/* The levels from 1 on: nodes 0 to n - 1. */
typedef struct OhUpper
{
	uint32		n;
	uint32	   *tower;			/* [n], record of level 1 */
	uint8	   *level;			/* [n] */
	uint32		entry;			/* OH_NONE without */
	int			entry_level;
} OhUpper;

/* Build them of the runs' towers, in the order of runs, and write them. */
extern void OhBuildUpper(OhRegionWorker *rw, uint32 n, OhUpper *upper, MemoryContext context);

/* ---- regionwrite.c ---- */

/* The leader, alone: merge what the regions have found into the index. */
extern void OhRegionsWrite(OhRegionWorker *rw);

#endif							/* OH_REGIONS_H */
