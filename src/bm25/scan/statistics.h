/*
 * statistics.h -- a query together with the statistics of an index, which scores use.
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
	uint8		weight[4];		/* weights of a tsvector's labels */
	OhTextQuery *query;
} OhBoundQuery;

/* Documents of the tail that have terms of a query. */
typedef struct OhTailMatches
{
	uint32		ndocs;			/* number of documents in the tails */
	uint64		length;			/* sum of their lengths */
	uint32	   *with;			/* [nterms], number of documents that have each term */
	int			n;				/* number of documents with a term of the query */
	int			allocated;
	uint32	   *doc;
	uint32	   *doc_length;
	uint32	   *tf;				/* [n][nterms] */
} OhTailMatches;

/*
 * Find the query's terms in the tails of a list; the result is in CurrentMemoryContext.
 * false: a tail no longer exists, read the list again.
 */
extern bool OhTailCollect(OhText *ix, const OhTextList *list, const OhTextQuery *query, OhTailMatches *found);
/*
 * Bind the query to the index that it names, or to fallback; in CurrentMemoryContext.
 * Within a command, all callers get the same statistics.
 */
extern OhBoundQuery *OhBindQuery(const OhBm25Query *source, Oid fallback);
/* The score of a document from its terms' frequencies, tf[nterms], 0 for a term that it lacks. */
extern double OhScoreDocument(const OhBoundQuery *bound, const uint32 *tf, double length);
/*
 * The command id of the running query, even if its functions have run others since.  Statistics are
 * constant within it; a query bound in another command is bound again.
 */
extern CommandId OhCurrentCommand(void);
/* Open an index that a query names; an error if it cannot be used for that. */
extern Relation OhOpenNamedIndex(Oid index);

#endif							/* OH_STATISTICS_H */
