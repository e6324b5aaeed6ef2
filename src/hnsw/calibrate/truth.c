/*
 * truth.c -- makes queries with their exact answers, without a scan of the whole table.
 *
 * One pass over the nodes compares a batch of queries with all codes.  Then the rows of the
 * nearest nodes are read in order, until the distance by code, less three times its standard error,
 * exceeds the exact distance of the k-th row.  A query takes one comparison of codes for each node.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "hnsw/calibrate/calibrate.h"
#include "hnsw/graph/queue.h"
#include "hnsw/graph/rows.h"
#include "hnsw/table/rowreader.h"
#include "storage/rowcheck.h"

/* Standard errors of a code by which its row may be nearer than the code says; as in scan/rank.c. */
#define BOUND_ERRORS 3.0

/* One trial in DEEP_EACH asks for the DEEP_K nearest rows, the others for SHALLOW_K. */
#define DEEP_EACH 2
#define DEEP_K 100
#define SHALLOW_K 10

/* Nodes kept in the pass, for each of the k nearest rows: KEEP_EACH if codes have errors, else KEEP_EXACT. */
#define KEEP_EACH 20
#define KEEP_EXACT 2

/* Attempts to draw a row, for each trial. */
#define DRAWS_EACH 8

/* State of a trial during the pass. */
typedef struct Candidates
{
	OhForms		forms;
	const OmQuery *query;
	OhQueue		nearest;		/* the `keep` nearest nodes by code, farthest first */
	int			keep;
	float		own;			/* distance by code of the trial's own node */
} Candidates;

/* A row that has been read. */
typedef struct Known
{
	ItemPointerData tid;		/* hash key */
	char		status;			/* of simplehash */
	double		distance;		/* NaN: the row does not exist */
} Known;

#define SH_PREFIX distances
#define SH_ELEMENT_TYPE Known
#define SH_KEY_TYPE ItemPointerData
#define SH_KEY tid
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) &(key), sizeof(ItemPointerData))
#define SH_EQUAL(table, a, b) ItemPointerEquals(&(a), &(b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/*
 * read_value -- read the indexed value of a row, detoasted; NULL if it is NULL or the row does not exist.
 */
static void *
read_value(OhTruth *t, ItemPointerData tid)
{
	bool		isnull;
	Datum		value;
	void	   *copy;

	if (!OhReadRow(t->reader, &tid, t->snapshot))
		return NULL;
	value = OhRowValue(t->reader, &isnull);
	copy = isnull ? NULL : PG_DETOAST_DATUM_COPY(value);
	OhRowValueDone(t->reader);
	return copy;
}

/*
 * read_distance -- distance of a trial to a row; NaN: the row does not exist.
 */
static double
read_distance(OhTruth *t, const OhTrial *trial, ItemPointerData tid)
{
	const OhMetric *metric = t->ix->column.metric;
	void	   *value = read_value(t, tid);
	double		distance = NAN;

	if (value == NULL)
		return distance;
	if (metric->type->dim(value) == t->ix->column.dim)
		distance = metric->distance(trial->value, value);
	pfree(value);
	return distance;
}

bool
OhTrialDistance(OhTruth *t, OhTrial *trial, ItemPointerData tid, double *distance)
{
	bool		found;
	Known	   *known = distances_insert(trial->known, tid, &found);

	if (!found)
	{
		known->distance = NAN;
		known->distance = read_distance(t, trial, tid);
	}
	*distance = known->distance;
	return !isnan(*distance);
}

/*
 * draw -- draw a random row that is the only one of its node; false if no attempt finds one.
 */
static bool
draw(OhTruth *t, OhTrial *trial)
{
	OhIndex    *ix = t->ix;
	uint32		records = OhArrayRecords(&ix->file, OH_NODE);

	for (int i = 0; i < DRAWS_EACH; i++)
	{
		uint32		id = (uint32) pg_prng_uint64_range(&pg_global_prng_state, 0, records - 1);
		Buffer		buffer;
		OhNodeData *node = OhRecordRead(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE, &buffer);
		ItemPointerData tid = node->tid;
		bool		good = node->state == OH_LIVE && node->posting == OH_NONE &&
			ItemPointerIsValid(&tid) && id != ix->entry;

		UnlockReleaseBuffer(buffer);
		CHECK_FOR_INTERRUPTS();
		if (!good)
			continue;
		OhCheckRows(&ix->file, &tid, 1, OH_NODE, OhLp(&ix->file, OH_NODE, id));
		trial->value = read_value(t, tid);
		if (trial->value == NULL)
			continue;
		OhGetPosition(&ix->column, PointerGetDatum(trial->value), &trial->position);
		if (trial->position.no_direction)
			continue;
		trial->node = id;
		trial->tid = tid;
		return true;
	}
	return false;
}

/*
 * take_given -- take the next of a user's queries that has a direction; false if none is left.
 */
static bool
take_given(OhTruth *t, OhTrial *trial)
{
	while (t->ngiven < t->given->n)
	{
		Datum		value = t->given->value[t->ngiven++];

		OhGetPosition(&t->ix->column, value, &trial->position);
		trial->value = DatumGetPointer(value);
		trial->node = OH_NONE;
		if (!trial->position.no_direction)
			return true;
	}
	return false;
}

static void
begin_candidates(OhTruth *t, const OhTrial *trial, Candidates *c)
{
	OhIndex    *ix = t->ix;
	const OmQuantizer *quant;
	bool		exact = om_quant_exact(&ix->spec);

	OhFormsInit(&c->forms, ix, false, t->context);
	OhFormsSet(&c->forms, ix, trial->position.x);
	c->query = OhFormOf(&c->forms, ix, ix->number, &quant)->query;
	c->keep = trial->k * (exact ? KEEP_EXACT : KEEP_EACH);
	c->own = NAN;
	OhQueueInit(&c->nearest, t->context, c->keep + 1);
}

/*
 * compare_page -- compare the nodes of a page with all queries.
 */
static void
compare_page(OhIndex *ix, uint32 lp, const OhTrial *trial, Candidates *c, int n)
{
	Buffer		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	uint32		nused = Min(OhTail(page)->nused, ix->file.array[OH_NODE].per_page);

	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, slot);
		OhItem		item = {.id = lp * ix->file.array[OH_NODE].per_page + slot};

		if (node->state != OH_LIVE || (node->tag & OH_TAG_MODEL) != ix->number)
			continue;
		for (int i = 0; i < n; i++)
		{
			item.dist = ix->distance(ix->quant, c[i].query, OhNodeCode(node));
			if (item.id == trial[i].node)
				c[i].own = item.dist;
			else if (c[i].nearest.n < c[i].keep)
				OhQueuePush(&c[i].nearest, item, true);
			else if (item.dist < c[i].nearest.item[0].dist)
				OhQueueReplace(&c[i].nearest, item, true);
		}
	}
	UnlockReleaseBuffer(buffer);
}

/*
 * add_exact -- insert a distance if it is among the k least.
 */
static void
add_exact(OhTrial *trial, double distance)
{
	int			i;

	if (trial->nexact == trial->k && distance >= trial->exact[trial->k - 1])
		return;
	if (trial->nexact < trial->k)
		trial->nexact++;
	for (i = trial->nexact - 1; i > 0 && trial->exact[i - 1] > distance; i--)
		trial->exact[i] = trial->exact[i - 1];
	trial->exact[i] = distance;
}

/*
 * add_node -- insert the exact distances of a node's rows, of k of them at most.
 */
static void
add_node(OhTruth *t, OhTrial *trial, const OhFoundNode *head, OhTidList *rows)
{
	double		distance;
	OhChain		chain;
	OhReadSet	seen;
	int			n = 0;

	if (ItemPointerIsValid(&head->tid) && OhTrialDistance(t, trial, head->tid, &distance))
		add_exact(trial, distance);
	if (head->posting == OH_NONE)
		return;
	OhReadSetInit(&seen, t->context);
	OhChainBegin(&chain, head->id, head->posting);
	while (OhChainHasMore(&chain) && n < trial->k)
	{
		OhChainNext(t->ix, &chain, &seen, rows);
		for (int i = 0; i < rows->n && n < trial->k; i++, n++)
		{
			if (OhTrialDistance(t, trial, rows->tid[i], &distance))
				add_exact(trial, distance);
		}
	}
}

/*
 * rank -- compute exact distances of the nodes that are nearest by their codes.
 */
static void
rank(OhTruth *t, OhTrial *trial, Candidates *c, OhTidList *rows)
{
	OhQueueSort(&c->nearest);
	for (int64 i = 0; i < c->nearest.n; i++)
	{
		OhItem		item = c->nearest.item[i];
		OhFoundNode head;
		OmRefineBase base;

		CHECK_FOR_INTERRUPTS();
		OhReadNodeRows(t->ix, item.id, &c->forms, &head, &base);
		if (trial->nexact == trial->k &&
			item.dist - BOUND_ERRORS * head.error > trial->exact[trial->k - 1])
			break;
		trial->doubled |= item.dist == c->own;
		add_node(t, trial, &head, rows);
	}
}

int
OhTruthBatch(OhTruth *t, OhTrial *trial, int n)
{
	MemoryContext old = MemoryContextSwitchTo(t->context);
	Candidates *c = palloc0(sizeof(Candidates) * n);
	OhTidList	rows;
	uint32		npages = OhArrayPages(&t->ix->file, OH_NODE);
	int			drawn = 0;

	OhTidListInit(&rows, t->context);
	for (int i = 0; i < n; i++)
	{
		OhTrial    *one = &trial[drawn];

		memset(one, 0, sizeof(OhTrial));
		one->k = i % DEEP_EACH == 0 ? DEEP_K : SHALLOW_K;
		if (!(t->given != NULL ? take_given(t, one) : draw(t, one)))
			continue;
		one->exact = palloc(sizeof(double) * one->k);
		one->known = distances_create(t->context, 4 * one->k, NULL);
		begin_candidates(t, one, &c[drawn++]);
	}
	for (uint32 lp = 0; lp < npages; lp++)
	{
		CHECK_FOR_INTERRUPTS();
		compare_page(t->ix, lp, trial, c, drawn);
	}
	for (int i = 0; i < drawn; i++)
		rank(t, &trial[i], &c[i], &rows);
	OhRowReaderRelease(t->reader);
	MemoryContextSwitchTo(old);
	return drawn;
}
