/*
 * regions.h -- a build whose graph does not fit maintenance_work_mem.
 *
 * The participants code the rows in the order of the table (regions.c), then divide them into
 * regions of rows that are near each other (pivots.c, divide.c).  A region is small enough for
 * its graph to fit in memory.  A row's home is the region of its nearest pivot; in the region of
 * the second nearest pivot it is a guest.  One participant builds the graph of a region from its
 * home rows and guests (regiongraph.c).  A node keeps the links that it found at home and those
 * that it found as a guest.  The guests thus connect the graphs of neighbouring regions.  Few
 * nodes have levels from 1 on; these levels are built as one graph (upper.c).  Nodes that cannot
 * be reached when all is merged are linked by vacuum's reach.c (regionwrite.c).
 *
 *   FILE             ONE PER                 HOLDS
 *   rows.p           participant             rows in the order of the table
 *   region.r.p       region, participant     rows of a region, home rows and guests
 *   numbers.run      run                     OhRunHead, numbers of its nodes, its islands
 *   nodes.run        run                     OhNodeHead, keys, code, refinement, links, distances
 *   towers.run       run                     OhTowerHead and code of nodes of levels from 1 on
 *   more.run         run                     OhMoreHead and further TIDs of the nodes that have any
 *   lists.r.p        region, participant     OhListHead, links and distances that rows of this
 *                                            home have found as guests elsewhere
 *
 * A run is one graph in memory.  A region takes one run, or several if its home rows do not fit
 * into one graph.  Rows are numbered by home, then by the participant that coded them, then in
 * the order of the file.  A node has the number of its first row.
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

/* What a row in a file keeps of its vector, besides the code. */
typedef enum OhRowVector
{
	OH_ROW_CODE,				/* nothing: the code finds neighbours as well */
	OH_ROW_FORM,				/* the query form */
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
	uint32		limit;			/* slots that a region's graph can have */
	uint32		most;			/* number of regions, at most */
	uint32		participants;	/* their number, at most */
	int			least_level;	/* levels below this are left out */
	uint32		sample_room;	/* codes that each participant takes into the sample */
	Size		taken_offset;	/* uint32[participants], codes that each has in the sample */
	Size		rows_offset;	/* uint64[participants], rows that each has coded */
	Size		sample_offset;	/* code[participants][sample_room] */
	Size		pivot_offset;	/* code[most] */
	Size		weight_offset;	/* float[most] */
	Size		home_offset;	/* uint32[most][participants], number of home rows */

	pg_atomic_uint32 joined;	/* participants so far */

	/* written by the participant that chooses the pivots */
	uint32		n;				/* number of regions */

	pg_atomic_uint32 next;		/* next region to build */
	pg_atomic_uint32 nruns;
	pg_atomic_uint64 built;		/* rows of the regions whose graphs are built */
} OhRegions;

/* One participant. */
typedef struct OhRegionWorker
{
	OhBuildWorker *worker;
	OhRegions  *regions;
	uint32		number;			/* of this participant */
	BufFile    *rows;			/* its rows in the order of the table, while these are read */
	uint64		seen;			/* rows that it has coded */
	char	   *row;			/* [OhRegionRowBytes] */
	void	   *scratch;		/* of the quantizer */
	OmQuery    *form;
	uint32	   *first;			/* [n * participants + 1], see OhNumberRows() */
} OhRegionWorker;

/*
 * A row in a file; its filter keys, vector (OhRowVector), code and, unless it is a guest,
 * refinement follow.
 */
typedef struct OhRowHead
{
	ItemPointerData tid;
	uint16		participant;	/* that coded it */
	uint32		hash;			/* of the vector */
	uint32		number;			/* its place among the rows of its home that this participant coded */
	uint32		home;
	uint8		level;
	uint8		unused[3];
} OhRowHead;

StaticAssertDecl(sizeof(OhRowHead) % 8 == 0, "filter keys are aligned");

typedef struct OhRunHead
{
	uint32		home;
	uint32		nnodes;
	uint32		ntowers;		/* the first nodes, which have levels from 1 on */
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

/* The number of a region's home rows that a participant coded. */
static inline uint32 *
OhRegionHome(const OhRegions *regions, uint32 region, uint32 participant)
{
	return (uint32 *) OhRegionsAt(regions, regions->home_offset) +
		(Size) region * regions->participants + participant;
}

/* The number of a region's first home row; its last comes just before the next region's first. */
static inline uint32
OhRegionFirst(const OhRegionWorker *rw, uint32 region)
{
	return rw->first[(Size) region * rw->regions->participants];
}

/* ---- regions.c ---- */

/*
 * Called by the leader: set up a build of about this many rows in a shared memory segment.
 * Returns NULL if there is too little shared memory, or if regions would be too small to be of use.
 */
extern OhRegionWorker *OhRegionsBegin(OhBuildWorker *worker, const OhGraphShape *shape, double rows,
									  int participants);
/* Called by a worker: take part in the build. */
extern OhRegionWorker *OhRegionsJoin(OhBuildWorker *worker);
/* Encode a row, write it to this participant's file, and offer its code to the sample. */
extern void OhRegionsAddRow(OhRegionWorker *rw, const OhPosition *position, ItemPointer tid,
							const OhKeyRow *keys);
/* All rows are coded: do the phases that follow.  phase: the barrier's when the participant attached. */
extern void OhRegionsBuild(OhRegionWorker *rw, int phase);

/* ---- pivots.c ---- */

/* Choose the pivots from the sample, such that regions get about the same number of rows. */
extern void OhChoosePivots(OhRegionWorker *rw);

/* ---- divide.c ---- */

/* Distances of a code from n pivots, the ones that decide on its regions. */
extern void OhPivotDistances(OhRegionWorker *rw, const void *code, const void *const *pivot,
							 uint32 n, float *dist);
/* Write this participant's rows into the files of their regions. */
extern void OhDivideRows(OhRegionWorker *rw);
/* Compute rw->first: the number of the first row of each region and participant. */
extern void OhNumberRows(OhRegionWorker *rw);

/* ---- regiongraph.c ---- */

/* Build the graphs of regions until every region has been taken. */
extern void OhBuildRegions(OhRegionWorker *rw);

/* ---- upper.c ---- */

/* The levels from 1 on: nodes 0 to n - 1. */
typedef struct OhUpper
{
	uint32		n;
	uint32	   *tower;			/* [n], record of level 1 */
	uint8	   *level;			/* [n] */
	uint32		entry;			/* OH_NONE if n is 0 */
	int			entry_level;
} OhUpper;

/* Build the upper levels from the towers of the runs, in the order of runs, and write them. */
extern void OhBuildUpper(OhRegionWorker *rw, uint32 n, OhUpper *upper, MemoryContext context);

/* ---- regionwrite.c ---- */

/* Called by the leader, when the workers are done: merge the files of all runs into the index. */
extern void OhRegionsWrite(OhRegionWorker *rw);

#endif							/* OH_REGIONS_H */
