/*
 * statistics.h -- a query with the statistics of an index: what scores are made of.
 */
#ifndef OH_STATISTICS_H
#define OH_STATISTICS_H

#include "postgres.h"

#include "bm25/bm25.h"
#include "bm25/query/parse.h"

/* A query, ready to score documents. */
typedef struct OhBoundQuery
{
	Oid			index;
	Oid			config;
	OhScoring	scoring;
	uint8		weight[4];		/* of a tsvector's labels */
	OhTextQuery *query;
} OhBoundQuery;

/* Documents of the tail that have terms of a query. */
typedef struct OhTailMatches
{
	uint32		ndocs;			/* all of the tail */
	uint64		length;			/* of all */
	uint32	   *with;			/* [nterms], how many have each */
	int			n;				/* those with a term */
	int			allocated;
	uint32	   *doc;
	uint32	   *doc_length;
	uint32	   *tf;				/* [n][nterms] */
} OhTailMatches;

/*
 * Read the tails of a list, by the query's terms; false: one is gone, read the list
 * again.  In CurrentMemoryContext.
 */
extern bool OhTailCollect(OhText *ix, const OhTextList *list, const OhTextQuery *query, OhTailMatches *found);
/*
 * The query, bound to the index that it names, or to fallback.  Within one command, all
 * callers get the same statistics.  In CurrentMemoryContext.
 */
extern OhBoundQuery *OhBindQuery(const OhBm25Query *source, Oid fallback);
/* Score of a document by its terms' frequencies, tf[nterms], 0 where it lacks one. */
extern double OhScoreDocument(const OhBoundQuery *bound, const uint32 *tf, double length);
/* Statistics are the same within one: what was bound in another is bound again. */
extern CommandId OhCurrentCommand(void);
/* An index that may be named by a query, opened; an error if it is something else. */
extern Relation OhOpenNamedIndex(Oid index);

#endif							/* OH_STATISTICS_H */
