/*
 * statistics.c -- the statistics that scores use: how many documents there are, how many
 * have each term of a query, and how long they are.
 *
 * Documents of removed rows count until a vacuum rewrites their segment, which it does when
 * a tenth of it is dead.  For a query that names a partitioned index, the documents of all
 * partitions count.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tsearch/ts_cache.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "bm25/scan/statistics.h"
#include "bm25/segment/reader.h"
#include "bm25/tail/tail.h"
#include "bm25/textoptions.h"

/* ---- tail ---- */

/*
 * match_of -- find or add a document among the matches.
 */
static int
match_of(OhTailMatches *found, const OhChunk *chunk, int nterms)
{
	/* chunks of a document are near one another */
	for (int i = found->n - 1; i >= 0 && !chunk->first; i--)
	{
		if (found->doc[i] == chunk->doc)
			return i;
	}
	if (found->n == found->allocated)
	{
		found->allocated = Max(64, found->allocated * 2);
		if (found->doc == NULL)
		{
			found->doc = palloc(sizeof(uint32) * found->allocated);
			found->doc_length = palloc(sizeof(uint32) * found->allocated);
			found->tf = palloc_extended(sizeof(uint32) * found->allocated * nterms, MCXT_ALLOC_HUGE);
		}
		else
		{
			found->doc = repalloc(found->doc, sizeof(uint32) * found->allocated);
			found->doc_length = repalloc(found->doc_length, sizeof(uint32) * found->allocated);
			found->tf = repalloc_huge(found->tf, sizeof(uint32) * found->allocated * nterms);
		}
	}
	found->doc[found->n] = chunk->doc;
	found->doc_length[found->n] = chunk->length;
	memset(found->tf + (Size) found->n * nterms, 0, sizeof(uint32) * nterms);
	return found->n++;
}

/* Argument of match_chunk(). */
typedef struct TailMatch
{
	OhTailMatches *found;
	const OhTextQuery *query;
	uint64		sieve;			/* bit (hash % 64) is set for each of the query's terms */
} TailMatch;

/*
 * match_chunk -- find the query's terms in a chunk.  Both are sorted; the query has few.
 */
static void
match_chunk(OhChunk *chunk, uint32 lp, void *arg)
{
	TailMatch  *match = arg;
	OhTailMatches *found = match->found;
	const OhTextQuery *query = match->query;
	const uint32 *tf = OhChunkFrequencies(chunk);
	int			at = -1;

	if (chunk->first)
	{
		found->ndocs++;
		found->length += chunk->length;
	}
	for (uint32 i = 0; i < chunk->nterms; i++)
	{
		int			term;

		if ((match->sieve >> (chunk->hash[i] & 63) & 1) == 0)
			continue;
		term = OhTermNumber(query, chunk->hash[i]);
		if (term < 0)
			continue;
		if (at < 0)
			at = match_of(found, chunk, query->nterms);
		found->tf[(Size) at * query->nterms + term] = tf[i];
		found->with[term]++;
	}
}

bool
OhTailCollect(OhText *ix, const OhTextList *list, const OhTextQuery *query, OhTailMatches *found)
{
	TailMatch	match = {found, query, 0};

	memset(found, 0, sizeof(OhTailMatches));
	found->with = palloc0(sizeof(uint32) * Max(query->nterms, 1));
	for (int i = 0; i < query->nterms; i++)
		match.sieve |= UINT64CONST(1) << (query->hash[i] & 63);
	return OhTailEach(ix, list->sealed + 1, list->epoch, match_chunk, &match);
}

/* ---- counts ---- */

typedef struct Counts
{
	double		ndocs;
	double		length;
	double	   *with;			/* [nterms] */
} Counts;

/*
 * count_segments -- add the counts of all segments; false if one is stale.
 */
static bool
count_segments(OhText *ix, const OhTextList *list, const OhTextQuery *query, Counts *counts)
{
	for (int i = 0; i < list->nsegments; i++)
	{
		OhSegmentReader reader = {ix, list->segment[i], false, CurrentMemoryContext};

		CHECK_FOR_INTERRUPTS();
		counts->ndocs += list->segment[i].ndocs;
		counts->length += list->segment[i].length;
		for (int t = 0; t < query->nterms; t++)
		{
			OhTermData	term;

			if (OhTermFind(&reader, query->hash[t], &term))
				counts->with[t] += term.ndocs;
		}
		if (reader.stale)
			return false;
	}
	return true;
}

/*
 * count_index -- add the counts of one index.
 */
static void
count_index(OhText *ix, const OhTextQuery *query, Counts *total)
{
	OhTextList *list = palloc(sizeof(OhTextList));
	OhTailMatches tail;
	Counts		counts;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		memset(&counts, 0, sizeof(counts));
		counts.with = palloc0(sizeof(double) * Max(query->nterms, 1));
		OhTextReadList(ix, list);
		if (OhTailCollect(ix, list, query, &tail) && count_segments(ix, list, query, &counts))
			break;
	}
	total->ndocs += counts.ndocs + tail.ndocs;
	total->length += counts.length + tail.length;
	for (int t = 0; t < query->nterms; t++)
		total->with[t] += counts.with[t] + tail.with[t];
	pfree(list);
}

Relation
OhOpenNamedIndex(Oid oid)
{
	Relation	index = try_relation_open(oid, AccessShareLock);

	if (index == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the index that a bm25query names does not exist"),
				 errdetail("Its OID was %u.", oid)));
	if (!OhIsTextMethod(index->rd_rel->relam))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an omenbm25 index", RelationGetRelationName(index)),
				 errhint("Name an index of the access method omenbm25, not its table.")));
	if (RELATION_IS_OTHER_TEMP(index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary indexes of other sessions")));
	if (index->rd_rel->relkind == RELKIND_INDEX && !index->rd_index->indisvalid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not valid", RelationGetRelationName(index)),
				 errhint("REINDEX it, or drop it.")));
	return index;
}

/*
 * same_terms -- do two indexes give a row the same terms and scores?
 */
static bool
same_terms(const OhBoundQuery *bound, const OhText *ix)
{
	return bound->scoring.k1 == ix->scoring.k1 && bound->scoring.b == ix->scoring.b &&
		memcmp(bound->weight, ix->weight, sizeof(bound->weight)) == 0 &&
		bound->config == OhTextConfig(ix);
}

/*
 * count_all -- add the counts of an index, or of all indexes of a partitioned one.  Parses
 * the query with the configuration of the first.
 */
static void
count_all(const OhBm25Query *source, OhBoundQuery *bound, Counts *counts)
{
	List	   *oids = find_all_inheritors(bound->index, AccessShareLock, NULL);
	ListCell   *lc;

	foreach(lc, oids)
	{
		Relation	index = OhOpenNamedIndex(lfirst_oid(lc));
		OhText	   *ix;

		if (index->rd_rel->relkind != RELKIND_INDEX)
		{
			relation_close(index, NoLock);
			continue;
		}
		ix = OhTextOpen(index);
		if (bound->query == NULL)
		{
			bound->scoring = ix->scoring;
			memcpy(bound->weight, ix->weight, sizeof(bound->weight));
			bound->config = OhTextConfig(ix);
			bound->query = OhTextQueryParse(source, OidIsValid(source->config) ? source->config : bound->config);
			counts->with = palloc0(sizeof(double) * Max(bound->query->nterms, 1));
		}
		else if (!same_terms(bound, ix))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("index \"%s\" has other options than the indexes of other partitions",
							RelationGetRelationName(index)),
					 errhint("REINDEX it with the same text_config, k1, b and weights.")));
		Assert(counts->with != NULL);
		count_index(ix, bound->query, counts);
		relation_close(index, NoLock);
	}
	if (bound->query == NULL)
	{
		/* no partitions */
		bound->config = getTSCurrentConfig(true);
		bound->query = OhTextQueryParse(source, OidIsValid(source->config) ? source->config : bound->config);
	}
}

static OhBoundQuery *
bind(const OhBm25Query *source, Oid oid)
{
	OhBoundQuery *bound = palloc0(sizeof(OhBoundQuery));
	Counts		counts = {0};
	OhTextQuery *query;

	bound->index = oid;
	count_all(source, bound, &counts);
	query = bound->query;
	query->ndocs = counts.ndocs;
	query->with = counts.with;
	query->average = counts.ndocs > 0 ? counts.length / counts.ndocs : 0;
	for (int t = 0; t < query->nterms && counts.with != NULL; t++)
		query->weight[t] = query->count[t] * OhIdf(counts.ndocs, counts.with[t]) * (bound->scoring.k1 + 1);
	return bound;
}

/* ---- queries that are already bound ---- */

#define REMEMBERED	64

typedef struct Remembered
{
	MemoryContext context;		/* context of the other fields; NULL: the entry is empty */
	OhMoment	moment;
	OhBm25Query *source;
	OhBoundQuery *bound;
	uint64		used;			/* when it was asked for, by the number of requests */
} Remembered;

static Remembered remembered[REMEMBERED];
static uint64 requests = 0;

OhMoment
OhCurrentMoment(void)
{
	OhMoment	moment = {0};

	if (ActiveSnapshotSet())
	{
		Snapshot	snapshot = GetActiveSnapshot();

		moment.transaction = GetCurrentTransactionStartTimestamp();
		moment.command = snapshot->curcid;
		moment.xmin = snapshot->xmin;
		moment.xmax = snapshot->xmax;
		moment.nrunning = snapshot->xcnt + snapshot->subxcnt;
		if (snapshot->xcnt > 0)
			moment.running = DatumGetUInt64(hash_any_extended((const unsigned char *) snapshot->xip,
															  sizeof(TransactionId) * snapshot->xcnt, snapshot->xcnt));
	}
	else
	{
		moment.transaction = GetCurrentStatementStartTimestamp();
		moment.command = GetCurrentCommandId(false);
	}
	return moment;
}

static void
forget(Remembered *one)
{
	if (one->context != NULL)
		MemoryContextDelete(one->context);
	memset(one, 0, sizeof(Remembered));
}

/*
 * find_remembered -- find a query that was bound at this moment; NULL if there is none.
 *
 * An index scan and the operator above it must score by the same statistics, whatever is
 * inserted in between.
 */
static Remembered *
find_remembered(const OhBm25Query *source, Oid oid, const OhMoment *moment)
{
	for (int i = 0; i < REMEMBERED; i++)
	{
		Remembered *one = &remembered[i];

		if (one->bound != NULL && one->bound->index == oid && OhSameQuery(one->source, source) &&
			OhSameMoment(&one->moment, moment))
			return one;
	}
	return NULL;
}

/*
 * make_room -- forget the queries of earlier transactions, and if that is not enough the one that was asked for
 * the longest time ago; returns an empty entry.
 */
static Remembered *
make_room(void)
{
	TimestampTz transaction = GetCurrentTransactionStartTimestamp();
	TimestampTz statement = GetCurrentStatementStartTimestamp();
	Remembered *oldest = &remembered[0];

	for (int i = 0; i < REMEMBERED; i++)
	{
		Remembered *one = &remembered[i];

		if (one->moment.transaction != transaction && one->moment.transaction != statement)
			forget(one);
		if (one->used < oldest->used)
			oldest = one;
	}
	forget(oldest);
	return oldest;
}

/*
 * copy_bound -- copy a bound query to CurrentMemoryContext.
 */
static OhBoundQuery *
copy_bound(const OhBoundQuery *from)
{
	OhBoundQuery *bound = palloc(sizeof(OhBoundQuery));

	*bound = *from;
	/* not parsed again: the text search configuration may have changed within the command */
	bound->query = OhTextQueryCopy(from->query);
	return bound;
}

OhBoundQuery *
OhBindQuery(const OhBm25Query *source, Oid fallback)
{
	Oid			oid = OidIsValid(source->index) ? source->index : fallback;
	OhMoment	moment;
	OhBoundQuery *bound;
	Remembered *one;
	MemoryContext context;
	MemoryContext old;

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a text search needs an omenbm25 index, whose statistics its scores use"),
				 errdetail("The query names none, and the searched value is not a column or expression that has such an index."),
				 errhint("Create an index, or name one: bm25query('...', index => 'name').")));
	moment = OhCurrentMoment();
	one = find_remembered(source, oid, &moment);
	if (one == NULL)
	{
		one = make_room();
		context = AllocSetContextCreate(CurrentMemoryContext, "omenbm25 query", ALLOCSET_SMALL_SIZES);
		old = MemoryContextSwitchTo(context);
		bound = bind(source, oid);
		/* no errors can happen from here on */
		MemoryContextSetParent(context, TopMemoryContext);
		one->source = OhCopyQuery(source);
		one->bound = bound;
		one->moment = moment;
		one->context = context;
		MemoryContextSwitchTo(old);
	}
	one->used = ++requests;
	return copy_bound(one->bound);
}

double
OhScoreDocument(const OhBoundQuery *bound, const uint32 *tf, double length)
{
	const OhTextQuery *query = bound->query;
	double		norm = OhLengthNorm(&bound->scoring, length, query->average);
	double		score = 0;

	for (int t = 0; t < query->nterms; t++)
	{
		if (tf[t] > 0 && query->count[t] > 0)
			score += OhTermScore(query->weight[t], tf[t], norm);
	}
	return score;
}
