/*
 * scan.h -- state of an index scan: its parts, and what scan.c itself keeps.
 */
#ifndef OH_SCAN_H
#define OH_SCAN_H

#include "postgres.h"

#include "hnsw/scan/query.h"
#include "hnsw/scan/rank.h"
#include "hnsw/scan/source.h"
#include "hnsw/stats/counters.h"

typedef enum ScanPhase
{
	SCAN_START,
	SCAN_NULLS_FIRST,			/* rows without a vector, where NULLs are first */
	SCAN_NO_DIRECTION_FIRST,
	SCAN_DISTANCES,				/* candidates, nearest first */
	SCAN_ALL,					/* every row of the node array, no order */
	SCAN_NO_DIRECTION,			/* rows whose distance is NaN */
	SCAN_NULLS,
	SCAN_LATE,					/* strict order: rows held back */
	SCAN_DONE
} ScanPhase;

/* Written by scan.c; the parts are written by the files that they are named after. */
typedef struct OhScanState
{
	bool		maxsim;			/* first: false (maxsim.h) */
	MemoryContext context;		/* of the scan */
	MemoryContext rescan_context;	/* of one rescan */
	OhScanQuery query;
	OhSource	source;
	OhRanking	ranking;

	ScanPhase	phase;
	OhScanCounters counters;	/* of the searches before this one; for rows and time, including
								 * this one */
	int64		nreturned;		/* number of rows with a distance, counted without iterative scans */

	/* phases that read an array, page by page */
	uint32		lp;				/* next page */
	OhTidList	rows;			/* rows of the last page read ... */
	OhChain    *chains;			/* ... and the chains of their nodes */
	int			nchains;
	OhReadSet	seen;			/* postings read so far */
} OhScanState;

/* ---- count.c: what a scan has done ---- */

/* Collect the counters of a scan, including the search in progress. */
extern void OhScanCount(const OhScanState *s, OhScanCounters *counters);

#endif							/* OH_SCAN_H */
