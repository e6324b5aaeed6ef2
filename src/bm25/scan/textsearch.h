/*
 * textsearch.h -- the best documents of an index for a query.
 */
#ifndef OH_TEXT_SEARCH_H
#define OH_TEXT_SEARCH_H

#include "postgres.h"

#include "bm25/scan/statistics.h"
#include "bm25/segment/merge.h"
#include "filter/filter.h"

typedef struct OhHit
{
	double		score;
	uint32		doc;
	ItemPointerData tid;
} OhHit;

#define OH_ALL_HITS		0

typedef struct OhTextSearch
{
	OhText	   *ix;
	const OhBoundQuery *bound;
	OhFilter   *filter;			/* NULL: no conditions */
	const OhDocSet *must;		/* NULL: any document */
	const OhDocSet *not;		/* documents already found; NULL: none */
	uint32		ndocs;			/* documents from this number on are too new for the snapshot */
	uint32		most;			/* number of hits wanted; OH_ALL_HITS: all */

	OhHit	   *hit;			/* the hits, best first, after the search */
	uint32		n;
	uint32		allocated;
	MemoryContext context;
	int64		scored;			/* number of documents scored */
} OhTextSearch;

/* Find hits. */
extern void OhTextSearchRun(OhTextSearch *search);

#endif							/* OH_TEXT_SEARCH_H */
