/*
 * statistics.h -- a query together with the statistics of an index, which scores use.
 */
#ifndef OH_STATISTICS_H
#define OH_STATISTICS_H

#include "postgres.h"

#include "datatype/timestamp.h"

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

/* What a snapshot sees.  To be compared by OhSameMoment(). */
typedef struct OhMoment
{
	TimestampTz transaction;	/* when it began; of a query without a snapshot, when the statement
								 * did */
	uint64		running;		/* hash of the transactions that were running */
	TransactionId xmin;
	TransactionId xmax;
	CommandId	command;
	uint32		nrunning;
} OhMoment;

static inline bool
OhSameMoment(const OhMoment *a, const OhMoment *b)
{
	return memcmp(a, b, sizeof(OhMoment)) == 0;
}

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
 * All callers within a query get the same statistics, as long as it searches for no more than some dozens of others
 * at the same time.
 */
extern OhBoundQuery *OhBindQuery(const OhBm25Query *source, Oid fallback);
/* The score of a document from its terms' frequencies, tf[nterms], 0 for a term that it lacks. */
extern double OhScoreDocument(const OhBoundQuery *bound, const uint32 *tf, double length);
/*
 * What the running query sees, even if its functions have run others since.  Statistics are constant within
 * it; a query bound at another moment is bound again.
 */
extern OhMoment OhCurrentMoment(void);
/* Open an index that a query names; an error if it cannot be used for that. */
extern Relation OhOpenNamedIndex(Oid index);

#endif							/* OH_STATISTICS_H */
