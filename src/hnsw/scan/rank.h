/*
 * rank.h -- rows of a scan's candidates in order, and the one being returned.
 */
#ifndef OH_RANK_H
#define OH_RANK_H

#include "postgres.h"

#include "hnsw/graph/rows.h"
#include "hnsw/scan/query.h"
#include "hnsw/scan/ranked.h"
#include "hnsw/scan/rerank.h"

/* A row that was returned; whether the snapshot sees it is not known. */
typedef struct OhDoubtful
{
	double		dist;
	float		slack;
	ItemPointerData tid;
} OhDoubtful;

#define OH_MAX_DOUBTFUL 256

/* Written by rank.c alone. */
typedef struct OhRanking
{
	const OhScanQuery *query;
	OhReranker *rerank;			/* NULL before OhRankingOpen() */
	OhRanked	ranked;			/* rows to be returned, or to be ranked exactly */
	int64		nranked;		/* candidates whose rows have been ranked */
	int64		nrefined;		/* of these, candidates with a refined distance */
	int64		nfetched;		/* rows looked up in the table for their distances */

	/* what estimates were off by */
	double		errors;			/* squares, summed up ... */
	int64		nerrors;		/* ... of this many nodes */

	/* chains of postings */
	OhRows		piece;			/* scratch: rows of a piece */
	OhReadSet	seen;			/* postings read by this rescan */
	int64		nchained;		/* rows read from them */

	/* the row being returned */
	OhRow		returning;		/* rows of a node, one by one ... */
	OhRows		equal;			/* ... those at hand ... */
	OhChain		chain;			/* ... and those behind them */
	bool		certain;		/* it is within all radii */

	/* strict order */
	OhRanked	late;			/* rows held back ... */
	int64		nlate;			/* ... and how many there have been */
	double		last;			/* distance of the farthest row returned that the snapshot sees */
	float		last_error;		/* its slack */
	OhDoubtful *doubtful;		/* rows returned since, farther ones last */
	int			ndoubtful;
} OhRanking;

/* When a scan begins. */
extern void OhRankingInit(OhRanking *ranking, const OhScanQuery *query);
/* A rescan: forget all rows. */
extern void OhRankingReset(OhRanking *ranking);
/* The index is open. */
extern void OhRankingOpen(OhRanking *ranking, IndexScanDesc scan);
/* The query is known, and has distances. */
extern void OhRankingStart(OhRanking *ranking);
extern void OhRankingEnd(OhRanking *ranking);

/* Let go of what is pinned; between two calls of amgettuple. */
static inline void
OhRankingRelease(OhRanking *ranking)
{
	OhRerankRelease(ranking->rerank);
}

/*
 * Rank the rows of a candidate, whose estimate and bound these are.
 *
 * most_chained: rows that may be read from chains in this rescan, all in all; the
 * functions below have it, too.
 */
extern void OhRank(OhRanking *ranking, const OhNodeRows *head, double dist, double bound,
				   int64 most_chained);
/*
 * Take the nearest of what is ranked, if it can be told: it is then being returned.
 * false: look again, something has been ranked exactly or held back.
 */
extern bool OhTakeFirst(OhRanking *ranking, int64 most_chained);
/* The same of the rows held back; false: there are none. */
extern bool OhTakeLate(OhRanking *ranking);
/* The next row of what is being returned. */
extern bool OhNextReturned(OhRanking *ranking, int64 most_chained, ItemPointer tid);
/* A row is returned in its place: those still to come must not be nearer. */
extern void OhNoteReturned(OhRanking *ranking, const ItemPointerData *tid);

/* Root of the mean square of what estimates were off by. */
static inline double
OhRankingError(const OhRanking *ranking)
{
	return ranking->nerrors > 0 ? sqrt(ranking->errors / ranking->nerrors) : 0;
}

#endif							/* OH_RANK_H */
