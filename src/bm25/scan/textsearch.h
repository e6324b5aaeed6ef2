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
	const OhDocSet *not;		/* those are known already; NULL: none */
	uint32		ndocs;			/* later ones are too new for the snapshot */
	uint32		most;			/* hits; OH_ALL_HITS: all */

	OhHit	   *hit;			/* by score, best first, once it has run */
	uint32		n;
	uint32		allocated;
	MemoryContext context;
	int64		scored;			/* documents */
} OhTextSearch;

/* Find hits. */
extern void OhTextSearchRun(OhTextSearch *search);

#endif							/* OH_TEXT_SEARCH_H */
