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
	SCAN_NULLS_FIRST,			/* what is at the end otherwise */
	SCAN_NO_DIRECTION_FIRST,
	SCAN_DISTANCES,				/* candidates, nearest first */
	SCAN_ALL,					/* every row of the node array, no order */
	SCAN_NO_DIRECTION,			/* rows whose distance is NaN */
	SCAN_NULLS,
	SCAN_LATE,					/* strict order: rows held back */
	SCAN_DONE
} ScanPhase;

/* Written by scan.c, but for the parts. */
typedef struct OhScanState
{
	bool		maxsim;			/* first: false (maxsim.h) */
	MemoryContext context;		/* of the scan */
	MemoryContext rescan_context;	/* of one rescan */
	OhScanQuery query;
	OhSource	source;
	OhRanking	ranking;

	ScanPhase	phase;
	OhScanCounters counters;	/* of earlier searches; rows and time of this one, too */
	int64		nreturned;		/* rows with distances, without iterative scan */

	/* phases that read an array, page by page */
	uint32		lp;				/* next page */
	OhRows		rows;			/* of the last one ... */
	OhChain    *chains;			/* ... and what is behind them */
	int			nchains;
	OhReadSet	seen;			/* postings read */
} OhScanState;

/* ---- count.c: what a scan has done ---- */

/* The counters of a scan, the search that it is at included. */
extern void OhScanCount(const OhScanState *s, OhScanCounters *counters);

#endif							/* OH_SCAN_H */
