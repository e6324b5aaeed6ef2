/*
 * textoperator.c -- the operators <@> and @@@ outside of index scans: the same scores,
 * computed from the value and the statistics of the query's index.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/memutils.h"

#include "bm25/query/phrase.h"
#include "bm25/query/terms.h"
#include "bm25/scan/statistics.h"
#include "compat.h"

OM_FUNCTION(om_bm25_distance_text);
OM_FUNCTION(om_bm25_distance_tsvector);
OM_FUNCTION(om_bm25_match_text);
OM_FUNCTION(om_bm25_match_tsvector);
OM_FUNCTION(om_bm25_unbound);

/* State kept from call to call. */
typedef struct Kept
{
	OhBm25Query *source;
	OhMoment	moment;
	OhBoundQuery *bound;
	uint32	   *tf;
	bool	   *has;
	MemoryContext context;		/* context of the above */
	MemoryContext row;			/* reset for each call */
} Kept;

static Kept *
keep(FunctionCallInfo fcinfo)
{
	OhBm25Query *source = PG_GETARG_BM25QUERY(1);
	Kept	   *kept = fcinfo->flinfo->fn_extra;
	OhMoment	moment = OhCurrentMoment();
	MemoryContext old;

	if (kept == NULL)
	{
		kept = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Kept));
		kept->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "omenbm25 operator", ALLOCSET_SMALL_SIZES);
		kept->row = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "omenbm25 row", ALLOCSET_DEFAULT_SIZES);
		fcinfo->flinfo->fn_extra = kept;
	}
	if (kept->source != NULL && OhSameMoment(&kept->moment, &moment) && OhSameQuery(kept->source, source))
		return kept;
	MemoryContextReset(kept->context);
	kept->source = NULL;
	old = MemoryContextSwitchTo(kept->context);
	kept->bound = OhBindQuery(source, InvalidOid);
	kept->tf = palloc(sizeof(uint32) * Max(kept->bound->query->nterms, 1));
	kept->has = palloc(sizeof(bool) * Max(kept->bound->query->nterms, 1));
	kept->moment = moment;
	kept->source = OhCopyQuery(source);
	MemoryContextSwitchTo(old);
	return kept;
}

/*
 * find_frequencies -- count how often the document has the query's terms; both are sorted.
 */
static void
find_frequencies(Kept *kept, const OhTerms *terms)
{
	const OhTextQuery *query = kept->bound->query;
	uint32		at = 0;

	for (int t = 0; t < query->nterms; t++)
	{
		while (at < terms->n && terms->hash[at] < query->hash[t])
			at++;
		kept->has[t] = at < terms->n && terms->hash[at] == query->hash[t];
		kept->tf[t] = kept->has[t] ? terms->tf[at] : 0;
	}
}

/*
 * score -- the score of a document; 0 if it does not match.
 */
static double
score(FunctionCallInfo fcinfo, bool is_tsvector)
{
	Kept	   *kept = keep(fcinfo);
	const OhTextQuery *query = kept->bound->query;
	MemoryContext old = MemoryContextSwitchTo(kept->row);
	Datum		value = PG_GETARG_DATUM(0);
	OhTerms		terms;
	double		result = 0;

	if (is_tsvector)
		OhTermsOfTsvector(value, kept->bound->weight, &terms);
	else
		OhTermsOfText(kept->bound->config, value, &terms);
	find_frequencies(kept, &terms);
	if (OhTextQueryMatches(query, kept->has) &&
		(!query->phrases ||
		 (is_tsvector ? OhTsvectorMeetsPhrases(query, value) :
		  OhTextMeetsPhrases(query, kept->bound->config, value))))
		result = OhScoreDocument(kept->bound, kept->tf, terms.length);
	MemoryContextSwitchTo(old);
	MemoryContextReset(kept->row);
	return result;
}

static double
negated(double value)
{
	return value == 0 ? 0 : -value;
}

/* text <@> bm25query */
Datum
om_bm25_distance_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(negated(score(fcinfo, false)));
}

/* tsvector <@> bm25query */
Datum
om_bm25_distance_tsvector(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(negated(score(fcinfo, true)));
}

/* text @@@ bm25query */
Datum
om_bm25_match_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(score(fcinfo, false) > 0);
}

/* tsvector @@@ bm25query */
Datum
om_bm25_match_tsvector(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(score(fcinfo, true) > 0);
}

/*
 * om_bm25_unbound -- `text <@> text` and the like.  If there is an index, the planner
 * replaces them by one of the above (textbind.c).
 */
Datum
om_bm25_unbound(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("a text search needs an omenbm25 index, whose statistics its scores use"),
			 errdetail("The searched value is not a column or expression that has such an index."),
			 errhint("Create an index, or name one: bm25query('...', index => 'name').")));
}
