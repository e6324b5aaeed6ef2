/*
 * textbuild.h -- what the files of a build share.
 *
 *   textbuild.c      ohtextbuild: phases, parallel workers
 *   textbuildscan.c  what each participant does with its rows
 *
 * Each participant takes whole pages of the array of documents, so that document numbers are
 * its own, and sorts the postings of its rows.
 */
#ifndef OH_TEXT_BUILD_H
#define OH_TEXT_BUILD_H

#include "postgres.h"

#include "access/relscan.h"
#include "nodes/execnodes.h"
#include "port/atomics.h"
#include "storage/sharedfileset.h"

#include "bm25/insert/textinsert.h"
#include "bm25/segment/writer.h"

/* What a participant has done: written by it alone, read when it has ended. */
typedef struct OhTextShare
{
	OhSorterPart part;			/* not of the leader's own */
	double		heap_tuples;
	double		index_tuples;
	bool		broken_hot_chain;
}			OhTextShare;

/* What all participants of a parallel build share. */
typedef struct OhTextShared
{
	/* constant */
	Oid			heap_id;
	Oid			index_id;
	bool		concurrent;		/* CREATE INDEX CONCURRENTLY */
	Size		sort_bytes;		/* memory of each participant's sorter */

	SharedFileSet files;
	pg_atomic_uint64 tuples;	/* rows read so far */
	OhTextShare share[FLEXIBLE_ARRAY_MEMBER];	/* of workers, by number */
}			OhTextShared;

/* One participant. */
typedef struct OhTextBuilder
{
	OhText	   *ix;
	OhTextMaker *maker;
	OhSorter   *sorter;
	OhTextShared *shared;		/* NULL in a serial build */
	bool		leader;			/* reports progress */
	uint32		lp;				/* page of documents that it fills; OH_NONE before the first row */
	uint32		nused;			/* documents on it */
	uint64		tuples;
}			OhTextBuilder;

/* Begin one participant's share of a build; sort_bytes: memory for its sort. */
extern void OhTextBuilderBegin(OhTextBuilder * builder, OhText *ix, Size sort_bytes, MemoryContext context);
/* Read this participant's rows; pscan: the shared scan, or NULL. */
extern void OhTextBuildScan(OhTextBuilder * builder, Relation heap, IndexInfo *info, ParallelTableScanDesc pscan,
							OhTextShare * share);

#endif							/* OH_TEXT_BUILD_H */
