/*
 * maxrows.c -- where the rows of a MaxSim scan come from.
 *
 * A walk for each of the query's vectors finds the elements nearest to it.  A row's
 * estimated distance is the sum, over the query's vectors, of the least distance that was
 * found between that vector and an element of the row.  If a vector's walk did not find the
 * row, the row's nearest element is at least as far away as the farthest element that the
 * walk did find, and the sum takes that distance (as XTR and WARP do). So an estimate is a
 * lower bound, except for the errors of codes and for what walks miss.
 *
 * Rows are ranked in the order of their estimates, each by its array in the table.  The
 * rows ranked so far show how much larger a distance is than its estimate, for each vector
 * whose walk did not find the row.  That gap is added to the estimates of the rows still to
 * be ranked, which moves rows that few walks have found further back.  LEAST_ROWS rows are
 * ranked in any case, and after that every row that may still be nearer than the nearest
 * one ranked.
 *
 * Rows that the snapshot does not see, such as dead ones before a vacuum, do not count.
 * Their elements take places in the walks, too: once many rows have turned out to be
 * invisible, the walks begin again, wider by that share.
 *
 * If the executor wants more rows, the walks start again and look for twice the number of
 * elements.  Once that costs more than ranking every row, or more memory than a scan may
 * have, all remaining rows are ranked and sorted, on disk if necessary.
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "compat.h"
#include "hnsw/options.h"
#include "hnsw/scan/maxsim.h"

/* Queries with fewer vectors than this use wider walks. */
#define MANY_VECTORS 16.0

/* Cost of ranking a row, for each of its elements, in evaluations of a walk. */
#define RANK_EVALUATIONS 4.0
/* Cost of reading a page of filter keys, in evaluations of a walk. */
#define KEY_PAGE 1.0

/* Walks for more elements than this are not tried: all rows are ranked instead. */
#define MAX_EF 8192

/* A graph with this many nodes or fewer is not walked: all rows are ranked instead. */
#define MOST_NODES 4000

/*
 * At most this many rows are read of the nodes that a walk has found.  A node may have very
 * many rows, which its code does not tell apart; the walk's list then ends with that node.
 */
#define MOST_ROWS(ef) (16 * (int64) (ef) + 1024)

/*
 * A row's distance is hardly ever less than its estimate plus the usual gap, less this many
 * deviations.
 */
#define GAP_DEVIATIONS 2.0
/* The usual gap is known after this many ranked rows. */
#define FIRST_GAPS 32

/*
 * Rows that are ranked whatever the gap.  Figures:
 * docs/measurements.md#several-vectors-for-a-row
 */
#define LEAST_ROWS(ef) (OH_MAXSIM_ROWS * (int64) (ef))

/*
 * After this many candidates of a round the walks begin again if invisible rows take places
 * that they have no room for: if they should be this much wider.  They get no wider than
 * MOST_WIDER.  Figures: docs/measurements.md#several-vectors-for-a-row
 */
#define FIRST_LOOK(ef) Max(32, (int64) (ef))
#define TOO_NARROW 1.15
#define MOST_WIDER 8.0

/* Candidates whose rows are prefetched. */
#define AHEAD 4

static inline uint32
hash_tid(ItemPointerData tid)
{
	return murmurhash32(ItemPointerGetBlockNumberNoCheck(&tid) * 0x9E3779B1U ^
						ItemPointerGetOffsetNumberNoCheck(&tid));
}

static inline bool
equal_tids(ItemPointerData a, ItemPointerData b)
{
	return memcmp(&a, &b, sizeof(ItemPointerData)) == 0;
}

#define SH_PREFIX maxrows
#define SH_ELEMENT_TYPE OhMaxRow
#define SH_KEY_TYPE ItemPointerData
#define SH_KEY tid
#define SH_HASH_KEY(table, key) hash_tid(key)
#define SH_EQUAL(table, a, b) equal_tids(a, b)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

void
OhMaxRowsReset(OhMaxState *s)
{
	if (s->tids != NULL)
		tuplesort_end(s->tids);
	if (s->rest != NULL)
		tuplesort_end(s->rest);
	if (s->slot != NULL)
	{
		ExecDropSingleTupleTableSlot(s->slot);
		ExecDropSingleTupleTableSlot(s->put);
	}
	s->tids = s->rest = NULL;
	s->slot = s->put = NULL;
	s->seen = NULL;
	s->candidate = NULL;
	s->missing = NULL;
	s->ncandidates = s->next = s->allocated = s->nfound = s->ngaps = 0;
	s->nbefore = 0;
	s->batch = s->round = 0;
	s->wider = 1.0;
	s->all = s->rest_known = false;
}

/*
 * width -- the number of elements that a walk keeps.  Figures:
 * docs/measurements.md#several-vectors-for-a-row
 *
 * A query with many vectors can use narrower walks: a row that one walk misses is found by
 * another.
 */
static int
width(const OhMaxState *s)
{
	return (int) (s->wider * OH_MAXSIM_WIDTH * s->ef * Max(1.0, sqrt(MANY_VECTORS / s->query.n)));
}

/*
 * nranked -- visible rows that this batch has ranked.
 */
static inline int64
nranked(const OhMaxState *s)
{
	return s->nvisible - s->nbefore;
}

/* ---- estimates ---- */

/*
 * note_row -- record that the walk for vector i of the query has met an element of a row.
 */
static inline OhMaxRow *
note_row(OhMaxState *s, ItemPointerData tid, int i, float dist)
{
	bool		found;
	OhMaxRow   *row = maxrows_insert(s->seen, tid, &found);

	if (!found)
	{
		row->ranked = row->invisible = false;
		row->round = 0;
	}
	if (row->round != s->round)
	{
		row->round = s->round;
		row->last = -1;
		row->found = false;
		row->nmet = 0;
		row->sum = 0;
	}
	if (row->last == i)
	{
		row->best = Min(row->best, dist);
		return row;
	}
	if (row->last >= 0)
		row->sum += row->best - s->missing[row->last];
	row->nmet++;
	row->last = i;
	row->best = dist;
	return row;
}

/*
 * note_node -- record the rows of a node; returns how many there are.
 */
static int64
note_node(OhMaxState *s, OhItem item, int i, int64 most)
{
	OhFoundNode head;
	OmRefineBase base;
	OhChain		chain;
	OhReadSet	read;
	int64		n = 0;

	OhReadNodeRows(s->base.ix, item.id, s->base.forms, &head, &base);
	if (ItemPointerIsValid(&head.tid))
	{
		note_row(s, head.tid, i, item.dist)->found = true;
		n++;
	}
	if (head.posting == OH_NONE)
		return n;
	OhChainBegin(&chain, head.id, head.posting);
	OhReadSetInit(&read, s->chain_context);
	while (OhChainHasMore(&chain) && n < most)
	{
		OhChainNext(s->base.ix, &chain, &read, &s->rows);
		for (int j = 0; j < s->rows.n; j++)
			note_row(s, s->rows.tid[j], i, item.dist)->found = true;
		n += s->rows.n;
	}
	s->rows.n = 0;
	MemoryContextReset(s->chain_context);
	return n;
}

/*
 * walk -- find the elements nearest to vector i of the query.  Returns false if the walk
 * was given up because it cost more than budget.
 *
 * Elements that the walk met but did not keep are noted, too: their distance is a better
 * estimate for their rows than the walk's farthest distance.
 */
static bool
walk(OhMaxState *s, int i, double budget)
{
	OhSearch   *search = s->search;
	OhPosition	position;
	int64		most = MOST_ROWS(s->ef);
	int64		n = 0;

	OhPartsPosition(&s->query, i, &position);
	OhFormsSet(s->base.forms, s->base.ix, position.x);
	OhSearchReset(search, s->base.forms);
	search->filter = s->base.filter;
	search->budget = budget;
	if (s->base.settings.max_scan_tuples > 0)
	{
		search->budget = INFINITY;
		search->limit = Max(s->base.settings.max_scan_tuples - s->evaluations, 1);
	}
	s->near.n = 0;
	OhSearchStart(search);
	OhSearchLevel(search, 0, width(s));
	s->evaluations += search->eval.evaluations;
	s->hops += search->nhops;
	s->missing[i] = 0;
	for (int64 k = 0; k < s->near.n; k++)
		note_row(s, s->near.row[k].tid, i, s->near.row[k].dist);
	for (int64 k = 0; k < search->found.n && n < most && !search->over; k++)
	{
		CHECK_FOR_INTERRUPTS();
		s->missing[i] = search->found.item[k].dist;
		n += note_node(s, search->found.item[k], i, most - n);
	}
	OhPositionFree(&position);
	return !search->over;
}

static int
compare_candidates(const void *a, const void *b)
{
	const OhMaxCandidate *x = a;
	const OhMaxCandidate *y = b;

	if (x->least != y->least)
		return x->least < y->least ? -1 : 1;
	return ItemPointerCompare(unconstify(ItemPointerData *, &x->tid), unconstify(ItemPointerData *, &y->tid));
}

/*
 * sort_candidates -- sort the candidates that have not been ranked, by their likely
 * distances; once LEAST_ROWS rows have been ranked, by the least distance that is likely.
 */
static void
sort_candidates(OhMaxState *s)
{
	double		gap = s->missed > 0 ? s->gaps / s->missed : 0;
	double		variance = s->ngaps > 0 ?
		(s->gap_squares - 2 * gap * s->gaps + gap * gap * s->missed) / s->ngaps : 0;
	double		deviation = nranked(s) < LEAST_ROWS(s->ef) ? 0 : GAP_DEVIATIONS * sqrt(Max(variance, 0));

	for (int64 i = s->next; i < s->ncandidates; i++)
	{
		OhMaxCandidate *candidate = &s->candidate[i];

		candidate->least = candidate->estimate +
			Max(gap * candidate->nmissing - deviation * sqrt(candidate->nmissing), 0);
	}
	if (s->next < s->ncandidates)
		qsort(s->candidate + s->next, s->ncandidates - s->next, sizeof(OhMaxCandidate), compare_candidates);
	s->next_sort = Max(FIRST_GAPS, 2 * nranked(s));
	if (nranked(s) < LEAST_ROWS(s->ef))
		s->next_sort = Min(s->next_sort, LEAST_ROWS(s->ef));
}

/*
 * take_candidates -- the rows of this round that have not been ranked.
 */
static void
take_candidates(OhMaxState *s)
{
	maxrows_iterator it;
	OhMaxRow   *row;
	double		missing = 0;

	for (int i = 0; i < s->query.n; i++)
		missing += s->missing[i];
	if (s->allocated < (int64) s->seen->members)
	{
		if (s->candidate != NULL)
			pfree(s->candidate);
		s->allocated = s->seen->members;
		s->candidate = MemoryContextAllocHuge(s->base.rescan_context, sizeof(OhMaxCandidate) * s->allocated);
	}
	s->ncandidates = s->next = s->ngaps = s->nfound = 0;
	s->gaps = s->gap_squares = s->missed = 0;
	maxrows_start_iterate(s->seen, &it);
	while ((row = maxrows_iterate(s->seen, &it)) != NULL)
	{
		OhMaxCandidate *candidate;

		if (row->round != s->round || !row->found || row->invisible)
			continue;
		s->nfound++;
		if (row->ranked)
			continue;
		candidate = &s->candidate[s->ncandidates++];
		candidate->tid = row->tid;
		candidate->nmissing = s->query.n - row->nmet;
		candidate->estimate = missing + row->sum + row->best - s->missing[row->last];
	}
	sort_candidates(s);
}

/* ---- ranking ---- */

/*
 * rank_row -- compute a row's distance from its array in the table; false if the snapshot
 * does not see the row.
 */
static bool
rank_row(OhMaxState *s, ItemPointerData tid, OhRankedRow *row)
{
	memset(row, 0, sizeof(OhRankedRow));
	row->node = row->posting = OH_NONE;
	row->tid = tid;
	s->nfetched++;
	if (!OhRerankRow(s->rerank, tid, &row->dist))
		return false;
	s->nvisible++;
	if (isnan(row->dist))
		row->dist = INFINITY;
	return true;
}

/*
 * note_gap -- record by how much a row's distance exceeds its estimate, for each vector
 * whose walk did not find the row.
 */
static void
note_gap(OhMaxState *s, const OhMaxCandidate *candidate, double dist)
{
	double		gap = dist - candidate->estimate;

	if (candidate->nmissing == 0 || !isfinite(gap))
		return;
	s->gaps += gap;
	s->gap_squares += gap * gap / candidate->nmissing;
	s->missed += candidate->nmissing;
	s->ngaps++;
}

double
OhMaxBound(const OhMaxState *s)
{
	return nranked(s) < LEAST_ROWS(s->ef) ? -INFINITY : s->candidate[s->next].least;
}

/* ---- all rows ---- */

static inline int64
tid_key(ItemPointerData tid)
{
	return (int64) ItemPointerGetBlockNumberNoCheck(&tid) << 16 | ItemPointerGetOffsetNumberNoCheck(&tid);
}

static inline ItemPointerData
tid_of_key(int64 key)
{
	ItemPointerData tid;

	ItemPointerSet(&tid, (BlockNumber) (key >> 16), (OffsetNumber) (key & 0xFFFF));
	return tid;
}

static int
sort_memory(const OhMaxState *s)
{
	return Max(64, Min(s->base.memory / 1024, MAX_KILOBYTES));
}

static void
put_tids(OhMaxState *s)
{
	for (int i = 0; i < s->rows.n; i++)
		tuplesort_putdatum(s->tids, Int64GetDatum(tid_key(s->rows.tid[i])), false);
	s->rows.n = 0;
}

/*
 * sort_tids -- sort the TIDs of all matching nodes.
 */
static void
sort_tids(OhMaxState *s)
{
	MemoryContext old = MemoryContextSwitchTo(s->base.rescan_context);
	uint32		npages = OhArrayPages(&s->base.ix->file, OH_NODE);
	OhChain    *chains = palloc(sizeof(OhChain) * s->base.ix->file.array[OH_NODE].per_page);
	OhReadSet	read;

	OhReadSetInit(&read, s->base.rescan_context);
	s->tids = tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false, sort_memory(s), NULL,
									TUPLESORT_NONE);
	for (uint32 lp = 0; lp < npages; lp++)
	{
		int			nchains;

		CHECK_FOR_INTERRUPTS();
		nchains = OhRowsOfNodePage(s->base.ix, lp, s->base.filter, &s->rows, chains);
		put_tids(s);
		while (nchains > 0)
		{
			OhChainNext(s->base.ix, &chains[nchains - 1], &read, &s->rows);
			put_tids(s);
			if (!OhChainHasMore(&chains[nchains - 1]))
				nchains--;
		}
	}
	tuplesort_performsort(s->tids);
	MemoryContextSwitchTo(old);
}

/*
 * next_tid -- the next of the sorted TIDs, without duplicates; *last is the one returned
 * before.
 */
static bool
next_tid(OhMaxState *s, int64 *last)
{
	Datum		key;
	bool		isnull;

	while (om_tuplesort_getdatum(s->tids, &key, &isnull))
	{
		CHECK_FOR_INTERRUPTS();
		if (DatumGetInt64(key) == *last)
			continue;
		*last = DatumGetInt64(key);
		return true;
	}
	return false;
}

bool
OhMaxNextTid(IndexScanDesc scan, ItemPointer tid)
{
	OhMaxState *s = scan->opaque;

	if (s->tids == NULL)
	{
		sort_tids(s);
		s->last_tid = -1;
	}
	if (!next_tid(s, &s->last_tid))
		return false;
	*tid = tid_of_key(s->last_tid);
	return true;
}

static TupleDesc
rest_desc(void)
{
	TupleDesc	desc = CreateTemplateTupleDesc(2);

	TupleDescInitEntry(desc, 1, "distance", FLOAT8OID, -1, 0);
	TupleDescInitEntry(desc, 2, "tid", INT8OID, -1, 0);
	return desc;
}

/*
 * rank_all -- rank all rows that no walk has found, and sort them.
 */
static void
rank_all(OhMaxState *s)
{
	MemoryContext old = MemoryContextSwitchTo(s->base.rescan_context);
	AttrNumber	columns[2] = {1, 2};
	Oid			operators[2] = {Float8LessOperator, Int8LessOperator};
	Oid			collations[2] = {InvalidOid, InvalidOid};
	bool		nulls_first[2] = {false, false};
	int64		last = -1;
	TupleDesc	desc = rest_desc();

	s->all = true;
	s->ncandidates = s->next = 0;
	sort_tids(s);
	s->rest = tuplesort_begin_heap(desc, 2, columns, operators, collations, nulls_first,
								   sort_memory(s), NULL, TUPLESORT_NONE);
	s->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	s->put = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	MemoryContextSwitchTo(old);
	while (next_tid(s, &last))
	{
		OhMaxRow   *seen = s->seen == NULL ? NULL : maxrows_lookup(s->seen, tid_of_key(last));
		OhRankedRow row;

		if ((seen != NULL && seen->ranked) || !rank_row(s, tid_of_key(last), &row))
			continue;
		ExecClearTuple(s->put);
		s->put->tts_values[0] = Float8GetDatum(row.dist);
		s->put->tts_values[1] = Int64GetDatum(last);
		memset(s->put->tts_isnull, 0, sizeof(bool) * 2);
		ExecStoreVirtualTuple(s->put);
		tuplesort_puttupleslot(s->rest, s->put);
	}
	tuplesort_performsort(s->rest);
}

const OhRankedRow *
OhMaxRest(OhMaxState *s)
{
	bool		isnull;

	if (s->rest_known)
		return &s->first_rest;
	memset(&s->first_rest, 0, sizeof(OhRankedRow));
	s->first_rest.node = s->first_rest.posting = OH_NONE;
	ItemPointerSetInvalid(&s->first_rest.tid);
	s->first_rest.dist = INFINITY;
	if (tuplesort_gettupleslot(s->rest, true, false, s->slot, NULL))
	{
		s->first_rest.dist = DatumGetFloat8(slot_getattr(s->slot, 1, &isnull));
		s->first_rest.tid = tid_of_key(DatumGetInt64(slot_getattr(s->slot, 2, &isnull)));
	}
	s->rest_known = true;
	return &s->first_rest;
}

/* ---- batches ---- */

/*
 * all_evaluations -- the cost of ranking all rows, in evaluations of a walk.
 */
static double
all_evaluations(const OhMaxState *s)
{
	if (s->base.filter == NULL)
		return OhArrayRecords(&s->base.ix->file, OH_NODE) * RANK_EVALUATIONS;
	return OhFilterEstimate(s->base.filter) * RANK_EVALUATIONS +
		(double) (s->base.filter->npages - s->base.filter->nknown) * KEY_PAGE;
}

/*
 * walks_pay -- are walks for ef elements cheaper than ranking all rows?
 */
static bool
walks_pay(const OhMaxState *s, double all)
{
	double		share = 1.0;
	int			edge = width(s);

	if (OhArrayRecords(&s->base.ix->file, OH_NODE) <= MOST_NODES || s->ef > MAX_EF ||
		(s->seen != NULL && s->seen->size * sizeof(OhMaxRow) + s->allocated * sizeof(OhMaxCandidate) > s->base.memory))
		return false;
	if (s->base.filter != NULL)
	{
		share = Max(OhFilterEstimate(s->base.filter), 1.0) / Max(s->base.filter->nrecords, 1);
		edge = OhWalkEdge(edge, share);
	}
	return s->query.n * OhWalkEvaluations(s->base.ix, edge, share) < all;
}

bool
OhMaxMayGoOn(const OhMaxState *s)
{
	if (s->all)
		return false;
	return s->batch == 0 ||
		(OhIsIterative(&s->base) &&
		 (s->base.settings.max_scan_tuples == 0 || s->evaluations < s->base.settings.max_scan_tuples));
}

/*
 * find_candidates -- walks for ef elements, or all rows.
 */
static void
find_candidates(OhMaxState *s)
{
	double		all = all_evaluations(s);

	s->round++;
	if (walks_pay(s, all))
	{
		int			i;

		if (s->seen == NULL)
		{
			s->seen = maxrows_create(s->base.rescan_context, 1024, NULL);
			s->missing = MemoryContextAlloc(s->base.rescan_context, sizeof(float) * s->query.n);
		}
		for (i = 0; i < s->query.n && walk(s, i, all / s->query.n); i++)
			;
		if (i == s->query.n)
		{
			take_candidates(s);
			return;
		}
	}
	rank_all(s);
}

bool
OhMaxNextBatch(IndexScanDesc scan)
{
	OhMaxState *s = scan->opaque;

	if (!OhMaxMayGoOn(s))
		return false;
	s->ef = s->batch > 0 ? s->ef * 2 : s->discarded ? s->base.ef_search + s->base.ef_search / 2 : s->base.ef_search;
	s->batch++;
	s->nbefore = s->nvisible;
	find_candidates(s);
	return true;
}

/*
 * look_at_share -- make the walks wider if they should be, by the share of rows that are visible.
 */
static void
look_at_share(OhMaxState *s)
{
	double		wider = Min((double) s->nfetched / Max(s->nvisible, 1), MOST_WIDER);

	if (wider < TOO_NARROW * s->wider || nranked(s) >= LEAST_ROWS(s->ef) ||
		(s->base.settings.max_scan_tuples > 0 && s->evaluations >= s->base.settings.max_scan_tuples))
		return;
	s->wider = wider;
	find_candidates(s);
}

void
OhMaxRankNext(IndexScanDesc scan)
{
	OhMaxState *s = scan->opaque;
	const OhMaxCandidate *candidate = &s->candidate[s->next];
	OhMaxRow   *seen = maxrows_lookup(s->seen, candidate->tid);
	OhRankedRow row;

	if (s->next + 2 * AHEAD < s->ncandidates)
		OhRerankPrefetch(s->rerank, &candidate[2 * AHEAD].tid, false);
	if (s->next + AHEAD < s->ncandidates)
		OhRerankPrefetch(s->rerank, &candidate[AHEAD].tid, true);
	seen->ranked = true;
	s->next++;
	if (rank_row(s, candidate->tid, &row))
	{
		note_gap(s, candidate, row.dist);
		OhRankedPush(&s->ranked, row);
		if (nranked(s) >= s->next_sort)
			sort_candidates(s);
	}
	else
	{
		seen->invisible = true;
		s->nfound--;
	}
	if (s->next == FIRST_LOOK(s->ef))
		look_at_share(s);
}
