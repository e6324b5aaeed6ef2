/*
 * rank.h -- puts the rows of a scan's candidates in order, and returns them one by one.
 */
#ifndef OH_RANK_H
#define OH_RANK_H

#include "postgres.h"

#include "hnsw/graph/rows.h"
#include "hnsw/scan/query.h"
#include "hnsw/scan/ranked.h"
#include "hnsw/scan/rerank.h"

/* A returned row of which it is not known whether the snapshot sees it. */
typedef struct OhDoubtful
{
	double		dist;
	ItemPointerData tid;
} OhDoubtful;

#define OH_MAX_DOUBTFUL 256

/* Written by rank.c alone. */
typedef struct OhRanking
{
	const OhScanQuery *query;
	OhReranker *rerank;			/* NULL before OhRankingOpen() */
	OhRanked	ranked;			/* rows to be returned, or to be ranked exactly first */
	int64		nranked;		/* candidates whose rows have been ranked */
	int64		nrefined;		/* of these, candidates with a refined distance */
	int64		nfetched;		/* rows fetched from the table for their distances */

	/* the errors of estimates */
	double		errors;			/* sum of their squares ... */
	int64		nerrors;		/* ... of this many nodes */

	/* chains of postings */
	OhTidList	piece;			/* scratch: rows of a piece of a chain */
	OhReadSet	seen;			/* postings read by this rescan */
	int64		nchained;		/* rows read from them */

	/* the row being returned */
	OhRankedRow returning;		/* the ranked entry whose rows are returned ... */
	OhTidList	equal;			/* ... the rows of it that have been read ... */
	OhChain		chain;			/* ... and the chain with the others */
	bool		certain;		/* it is within all radii: no recheck */

	/* strict order */
	OhRanked	late;			/* rows held back ... */
	int64		nlate;			/* ... and the number of them so far */
	double		last;			/* distance of the farthest row returned that the snapshot sees */
	OhDoubtful *doubtful;		/* rows returned since then, the farthest last */
	int			ndoubtful;
} OhRanking;

/* At the start of a scan. */
extern void OhRankingInit(OhRanking *ranking, const OhScanQuery *query);
/* At each rescan: forget all rows. */
extern void OhRankingReset(OhRanking *ranking);
/* Once the index is open. */
extern void OhRankingOpen(OhRanking *ranking, IndexScanDesc scan);
/* Once the query is known, if it has distances. */
extern void OhRankingStart(OhRanking *ranking);
extern void OhRankingEnd(OhRanking *ranking);

/* Release buffer pins; between two calls of amgettuple. */
static inline void
OhRankingRelease(OhRanking *ranking)
{
	OhRerankRelease(ranking->rerank);
}

/*
 * Rank the rows of a candidate with this estimate and bound.
 *
 * most_chained: limit on the rows read from chains in this rescan, in total; likewise in
 * the functions below.
 */
extern void OhRank(OhRanking *ranking, const OhFoundNode *head, double dist, double bound,
				   int64 most_chained);
/*
 * Begin to return the nearest of the ranked rows, if it is known which one that is.  false:
 * a row was ranked exactly or held back instead; choose again.
 */
extern bool OhTakeFirst(OhRanking *ranking, int64 most_chained);
/* The same for the rows held back; false: there are none. */
extern bool OhTakeLate(OhRanking *ranking);
/* The next row of what is being returned. */
extern bool OhNextReturned(OhRanking *ranking, int64 most_chained, ItemPointer tid);
/* Record that a row was returned in order: a nearer one after it is late. */
extern void OhNoteReturned(OhRanking *ranking, const ItemPointerData *tid);

/* Root mean square of the errors of estimates. */
static inline double
OhRankingError(const OhRanking *ranking)
{
	return ranking->nerrors > 0 ? sqrt(ranking->errors / ranking->nerrors) : 0;
}

#endif							/* OH_RANK_H */
