/*
 * textscan.c -- index scans: returns rows by score, until the executor has enough.
 *
 * One query drives a scan: that of ORDER BY, or without ORDER BY the first one that rows
 * must match.  Further queries are first evaluated to sets of documents.  The scan searches
 * for a few of the best documents; once the executor has taken these, it searches for more,
 * leaving out those already found.  At the end come, unless a condition excludes them, rows
 * without any of the terms, whose distance is 0, and rows whose text is NULL.
 *
 * Phrases are checked by the executor, in the row.  A row is returned with the score that
 * it has if it matches them, and the executor computes the distance again.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "bm25/scan/textsearch.h"
#include "bm25/textcallbacks.h"
#include "storage/rowcheck.h"

/*
 * Number of hits of the first search, and the factor by which further searches grow; then
 * all hits.
 */
#define FIRST_HITS		16
#define FIRST_UNORDERED	256
#define MORE_HITS		8
#define MOST_HITS		16384

typedef enum TextPhase
{
	TEXT_START,
	TEXT_HITS,
	TEXT_OTHERS,				/* rows without a term of the query */
	TEXT_NULLS,
	TEXT_DONE
} TextPhase;

typedef struct OhTextScan
{
	OhText	   *ix;
	MemoryContext context;		/* lives as long as the scan */
	MemoryContext query_context;	/* reset by each rescan */
	TextPhase	phase;
	OhConditions *conditions;	/* NULL: no filter columns */
	OhFilter   *last_filter;
	OhFilter   *filter;			/* conditions of this rescan, NULL if there are none */
	bool		only_null;
	bool		not_null;
	bool		matching;		/* rows without any of the terms do not match */
	bool		ordered;
	OhBoundQuery *driver;		/* NULL: every row, in any order */
	bool		recheck;		/* rows must be rechecked for phrases */
	OhBm25Query *order;			/* what the last rescan was ordered by; NULL: nothing */
	OhBoundQuery *order_bound;
	MemoryContext order_context;	/* of these two */
	OhDocSet   *must;			/* NULL: any document */
	OhDocSet   *returned;
	uint32		ndocs;
	OhTextSearch search;
	uint32		next;			/* the next hit to return */
	double		last;			/* score of the last hit that was returned */
	bool		complete;		/* there are no further hits */

	/* a page of documents */
	uint32		lp;
	int			nrows;
	int			row;
	ItemPointerData *tid;
} OhTextScan;

IndexScanDesc
ohtextbeginscan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
	OhTextScan *s = palloc0(sizeof(OhTextScan));

	s->context = AllocSetContextCreate(CurrentMemoryContext, "omenbm25 scan", ALLOCSET_DEFAULT_SIZES);
	s->query_context = AllocSetContextCreate(s->context, "omenbm25 rescan", ALLOCSET_DEFAULT_SIZES);
	s->order_context = AllocSetContextCreate(s->context, "omenbm25 order", ALLOCSET_SMALL_SIZES);
	if (norderbys > 0)
	{
		scan->xs_orderbyvals = palloc0(sizeof(Datum) * norderbys);
		scan->xs_orderbynulls = palloc0(sizeof(bool) * norderbys);
	}
	scan->opaque = s;
	return scan;
}

void
ohtextrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys)
{
	OhTextScan *s = scan->opaque;

	if (keys && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
	if (orderbys && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys, scan->numberOfOrderBys * sizeof(ScanKeyData));
	MemoryContextReset(s->query_context);
	s->phase = TEXT_START;
}

void
ohtextendscan(IndexScanDesc scan)
{
	OhTextScan *s = scan->opaque;

	if (s->phase > TEXT_START && message_level_is_interesting(DEBUG1))
		ereport(DEBUG1,
				(errmsg_internal("scan of index \"%s\": scored %lld documents of %u",
								 RelationGetRelationName(scan->indexRelation), (long long) s->search.scored,
								 s->ndocs)));
	MemoryContextDelete(s->context);
	pfree(s);
}

/*
 * take_filter -- read conditions on filter columns; false: no row matches.
 */
static bool
take_filter(IndexScanDesc scan)
{
	OhTextScan *s = scan->opaque;
	ScanKey		keys;
	int			nkeys = 0;

	s->filter = NULL;
	if (s->ix->columns.n == 0)
		return true;
	if (s->conditions == NULL)
		s->conditions = OhConditionsBegin(&s->ix->columns, s->context);
	keys = palloc(sizeof(ScanKeyData) * Max(scan->numberOfKeys, 1));
	for (int i = 0; i < scan->numberOfKeys; i++)
	{
		/* a text search on a filter column is checked by the executor */
		if (scan->keyData[i].sk_strategy <= OH_NSTRATEGIES)
			keys[nkeys++] = scan->keyData[i];
	}
	OhConditionsSet(s->conditions, scan->indexRelation, keys, nkeys);
	if (s->conditions->never)
		return false;
	if (s->conditions->n > 0)
	{
		if (s->last_filter == NULL)
			s->last_filter = OhFilterBegin(s->conditions, OhArrayRecords(&s->ix->file, OH_DOC), s->context);
		s->filter = s->last_filter;
		OhFilterSet(s->filter);
	}
	return true;
}

/*
 * bind_key -- bind the query of a scan key; an error if the index that it names makes other
 * terms than this one.
 */
static OhBoundQuery *
bind_key(IndexScanDesc scan, Datum argument, OhBm25Query **source)
{
	OhTextScan *s = scan->opaque;
	OhBoundQuery *bound;

	*source = DatumGetBm25Query(argument);
	bound = OhBindQuery(*source, RelationGetRelid(scan->indexRelation));
	if (bound->index != RelationGetRelid(scan->indexRelation) &&
		(bound->scoring.k1 != s->ix->scoring.k1 || bound->scoring.b != s->ix->scoring.b ||
		 memcmp(bound->weight, s->ix->weight, sizeof(bound->weight)) != 0 ||
		 bound->config != OhTextConfig(s->ix)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" cannot answer a query by the statistics of another index with other options",
						RelationGetRelationName(scan->indexRelation)),
				 errhint("Name this index in the bm25query.")));
	return bound;
}

/*
 * bind_order -- bind the query that rows are ordered by.
 *
 * Of a rescan by the same query it stays bound as it is, as it does in the operator by which the executor
 * computes the distance again.
 */
static OhBoundQuery *
bind_order(IndexScanDesc scan, Datum argument, OhBm25Query **source)
{
	OhTextScan *s = scan->opaque;
	MemoryContext old;

	*source = DatumGetBm25Query(argument);
	if (s->order != NULL && OhSameQuery(s->order, *source))
		return s->order_bound;
	s->order = NULL;
	MemoryContextReset(s->order_context);
	old = MemoryContextSwitchTo(s->order_context);
	s->order_bound = bind_key(scan, argument, source);
	s->order = OhCopyQuery(*source);
	MemoryContextSwitchTo(old);
	return s->order_bound;
}

/*
 * add_must -- restrict the scan to documents that match a further query.
 */
static void
add_must(OhTextScan *s, const OhBoundQuery *bound)
{
	OhTextSearch search = {.ix = s->ix, .bound = bound, .filter = s->filter, .must = s->must,
	.ndocs = s->ndocs, .most = OH_ALL_HITS, .context = CurrentMemoryContext};
	OhDocSet   *set = OhDocSetMake(s->ix, CurrentMemoryContext);

	OhTextSearchRun(&search);
	for (uint32 i = 0; i < search.n; i++)
		OhDocSetAdd(set, search.hit[i].doc);
	if (search.hit != NULL)
		pfree(search.hit);
	s->must = set;
}

/*
 * take_keys -- read queries and conditions; false: no row matches.
 */
static bool
take_keys(IndexScanDesc scan)
{
	OhTextScan *s = scan->opaque;
	OhBm25Query *driver = NULL;

	s->only_null = s->not_null = s->matching = s->recheck = false;
	s->driver = NULL;
	s->must = s->returned = NULL;
	s->ordered = scan->numberOfOrderBys > 0 && !(scan->orderByData[0].sk_flags & SK_ISNULL);
	if (scan->numberOfOrderBys > 1 || (scan->numberOfOrderBys == 1 && scan->orderByData[0].sk_attno != 1))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" can only be scanned in the order of one score of its first column",
						RelationGetRelationName(scan->indexRelation))));
	if (!take_filter(scan))
		return false;
	if (s->ordered)
		s->driver = bind_order(scan, scan->orderByData[0].sk_argument, &driver);
	for (int i = 0; i < scan->numberOfKeys; i++)
	{
		ScanKey		key = &scan->keyData[i];
		OhBm25Query *source;
		OhBoundQuery *bound;

		if (key->sk_attno != 1)
		{
			s->recheck |= key->sk_strategy == OH_MATCH_STRATEGY;
			continue;
		}
		s->only_null |= (key->sk_flags & SK_SEARCHNULL) != 0;
		s->not_null |= (key->sk_flags & SK_SEARCHNOTNULL) != 0;
		if (key->sk_flags & (SK_SEARCHNULL | SK_SEARCHNOTNULL))
			continue;
		if ((key->sk_flags & SK_ISNULL) && !(key->sk_flags & SK_SEARCHARRAY))
			return false;
		s->not_null = true;
		if (key->sk_strategy != OH_MATCH_STRATEGY || (key->sk_flags & SK_SEARCHARRAY))
		{
			/* body = 'text': the index knows nothing about whole texts */
			s->recheck = true;
			continue;
		}
		bound = bind_key(scan, key->sk_argument, &source);
		s->recheck |= bound->query->phrases;
		if (driver == NULL)
		{
			s->driver = bound;
			driver = source;
		}
		if (OhSameQuery(source, driver))
			s->matching = true;
		else
			add_must(s, bound);
	}
	return !(s->only_null && s->not_null);
}

static void
start(IndexScanDesc scan)
{
	OhTextScan *s = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(s->query_context);

	pgstat_count_index_scan(scan->indexRelation);
	om_count_search(scan);
	s->ix = OhTextOpen(scan->indexRelation);
	s->ndocs = OhArrayRecords(&s->ix->file, OH_DOC);
	s->lp = 0;
	s->nrows = s->row = 0;
	s->tid = palloc(sizeof(ItemPointerData) * s->ix->file.array[OH_DOC].per_page);
	if (!take_keys(scan))
		s->phase = TEXT_DONE;
	else if (s->only_null)
		s->phase = TEXT_NULLS;
	else if (s->driver == NULL)
		s->phase = TEXT_OTHERS;
	else
	{
		s->phase = TEXT_HITS;
		s->returned = OhDocSetMake(s->ix, CurrentMemoryContext);
		s->search = (OhTextSearch)
		{
			.ix = s->ix, .bound = s->driver, .filter = s->filter, .must = s->must,
				.ndocs = s->ndocs, .most = s->ordered ? FIRST_HITS : FIRST_UNORDERED, .context = s->query_context
		};
		s->last = get_float8_infinity();
		s->complete = false;
		OhTextSearchRun(&s->search);
		s->complete = s->search.n < s->search.most;
		s->next = 0;
	}
	MemoryContextSwitchTo(old);
}

/*
 * search_further -- find more hits, without those already found.
 */
static void
search_further(OhTextScan *s)
{
	MemoryContext old = MemoryContextSwitchTo(s->query_context);

	s->search.not = s->returned;
	s->search.most = s->search.most >= MOST_HITS ? OH_ALL_HITS : s->search.most * MORE_HITS;
	OhTextSearchRun(&s->search);
	s->complete = s->search.most == OH_ALL_HITS || s->search.n < s->search.most;
	s->next = 0;
	MemoryContextSwitchTo(old);
}

/*
 * next_hit -- return the next best row; false at the end.
 */
static bool
next_hit(IndexScanDesc scan)
{
	OhTextScan *s = scan->opaque;

	for (;;)
	{
		const OhHit *hit;

		CHECK_FOR_INTERRUPTS();
		if (s->next == s->search.n)
		{
			if (s->complete)
				return false;
			search_further(s);
			continue;
		}
		hit = &s->search.hit[s->next++];
		OhDocSetAdd(s->returned, hit->doc);
		/*
		 * a better hit than one of an earlier search was inserted after it, and is too new
		 * for the snapshot
		 */
		if (hit->score > s->last)
			continue;
		s->last = hit->score;
		OhCheckAllRows(&s->ix->file, &hit->tid, 1, OH_DOC, OhLp(&s->ix->file, OH_DOC, hit->doc));
		scan->xs_heaptid = hit->tid;
		if (scan->numberOfOrderBys > 0)
		{
			scan->xs_orderbyvals[0] = Float8GetDatum(-hit->score);
			scan->xs_orderbynulls[0] = false;
		}
		return true;
	}
}

/*
 * read_page -- read the rows of a page of documents that this phase returns.
 */
static void
read_page(OhTextScan *s, uint32 lp)
{
	uint32		first = lp * s->ix->file.array[OH_DOC].per_page;
	uint8		state = s->phase == TEXT_NULLS ? OH_DOC_NULL : OH_DOC_LIVE;
	Buffer		buffer;
	uint32		nused;

	if (s->filter != NULL)
		OhFilterLoadRecords(s->filter, first, s->ix->file.array[OH_DOC].per_page);
	buffer = OhArrayRead(&s->ix->file, OH_DOC, lp, BUFFER_LOCK_SHARE);
	nused = OhPageUsed(&s->ix->file, OH_DOC, buffer);
	s->nrows = s->row = 0;
	for (uint32 slot = 0; slot < nused; slot++)
	{
		const OhDocData *doc = OhSlot(&s->ix->file, OH_DOC, BufferGetPage(buffer), slot);

		if (doc->state != state || (s->filter != NULL && !OhFilterBit(s->filter, first + slot)))
			continue;
		if (state == OH_DOC_LIVE && ((s->must != NULL && !OhDocSetHas(s->must, first + slot)) ||
									 (s->returned != NULL && OhDocSetHas(s->returned, first + slot))))
			continue;
		s->tid[s->nrows++] = doc->tid;
	}
	UnlockReleaseBuffer(buffer);
	OhCheckAllRows(&s->ix->file, s->tid, s->nrows, OH_DOC, lp);
}

/*
 * next_other -- return the next row without a score; false if the phase has changed.
 */
static bool
next_other(IndexScanDesc scan)
{
	OhTextScan *s = scan->opaque;

	while (s->row == s->nrows)
	{
		CHECK_FOR_INTERRUPTS();
		if (s->lp >= s->ndocs / s->ix->file.array[OH_DOC].per_page)
			return false;
		read_page(s, s->lp++);
	}
	scan->xs_heaptid = s->tid[s->row++];
	if (scan->numberOfOrderBys > 0)
	{
		scan->xs_orderbyvals[0] = Float8GetDatum(0.0);
		scan->xs_orderbynulls[0] = s->phase == TEXT_NULLS || !s->ordered;
	}
	return true;
}

bool
ohtextgettuple(IndexScanDesc scan, ScanDirection dir)
{
	OhTextScan *s = scan->opaque;

	Assert(ScanDirectionIsForward(dir));
	if (s->phase == TEXT_START)
		start(scan);
	scan->xs_recheck = (s->filter != NULL && s->conditions->lossy) || s->recheck;
	for (;;)
	{
		/* a row that the same phrases must match has the score by which it is returned */
		scan->xs_recheckorderby = s->phase == TEXT_HITS && s->ordered && s->driver->query->phrases && !s->matching;
		switch (s->phase)
		{
			case TEXT_HITS:
				if (next_hit(scan))
					return true;
				s->phase = s->matching ? TEXT_DONE : TEXT_OTHERS;
				break;
			case TEXT_OTHERS:
				if (next_other(scan))
					return true;
				s->phase = s->not_null ? TEXT_DONE : TEXT_NULLS;
				s->lp = 0;
				s->nrows = s->row = 0;
				break;
			case TEXT_NULLS:
				if (next_other(scan))
					return true;
				s->phase = TEXT_DONE;
				break;
			default:
				return false;
		}
	}
}
