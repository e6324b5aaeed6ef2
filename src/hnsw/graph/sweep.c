/*
 * sweep.c -- returns all remaining nodes of a scan, nearest first, without the graph.
 *
 * A scan uses it for the nodes that a walk did not reach, for all remaining nodes once a
 * walk has used up its memory, for small graphs, and for conditions that few nodes match.
 * In the last case only matching nodes are evaluated, in the order of the array.
 *
 * A pass evaluates all nodes and keeps the nearest ones, as many bytes as fit.  Another
 * pass is needed only if these have been used up.  The last one sorts all that is left, on
 * disk if necessary, as a Sort node would.  So an index of any size is evaluated at most
 * MOST_PASSES times, and not once for each portion that fits.
 */
#include "postgres.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/guc.h"
#include "utils/tuplesort.h"

#include "compat.h"
#include "hnsw/graph/sweep.h"

/* Limit on the passes over all nodes; the last one sorts. */
#define MOST_PASSES 3

/* Number of nodes that are prefetched and evaluated at a time. */
#define CHUNK 32

OhSweep *
OhSweepBegin(OhIndex *ix, OhFilter *filter, const uint32 *handled, int64 n,
			 Size bytes, MemoryContext context)
{
	OhSweep    *sweep = MemoryContextAllocZero(context, sizeof(OhSweep));

	sweep->eval.ix = ix;
	sweep->filter = filter;
	sweep->nnodes = filter != NULL ? filter->nrecords :
		OhArrayRecords(&ix->file, OH_NODE);
	OhBitsetInit(&sweep->handled, sweep->nnodes, context);
	for (int64 i = 0; i < n; i++)
	{
		if (handled[i] < sweep->nnodes)
			OhBitsetAdd(&sweep->handled, handled[i]);
	}
	sweep->max_rest = Max(1024, bytes / sizeof(OhItem));
	sweep->context = context;
	sweep->sort_memory = Max(64, Min(bytes / 1024, MAX_KILOBYTES));
	sweep->more = true;
	OhQueueInit(&sweep->found, context, 256);
	OhQueueInit(&sweep->rest, context, 1024);
	return sweep;
}

/*
 * keep -- add an evaluated node to the nearest `want`, or to the rest.
 */
static inline void
keep(OhSweep *sweep, OhItem item, int64 want)
{
	if (sweep->found.n < want)
	{
		OhQueuePush(&sweep->found, item, true);
		return;
	}
	if (item.dist < sweep->found.item[0].dist)
		item = OhQueueReplace(&sweep->found, item, true);
	if (sweep->rest.n < sweep->max_rest)
	{
		OhQueueAppend(&sweep->rest, item);
		return;
	}
	if (!sweep->more)
	{
		/* the first node that does not fit: from now on, the farthest one is dropped */
		OhQueueOrder(&sweep->rest, true);
		sweep->more = true;
	}
	if (item.dist < sweep->rest.item[0].dist)
		OhQueueReplace(&sweep->rest, item, true);
}

/*
 * sort_key -- an integer that sorts like the distance, with the id in the low bits.
 */
static inline int64
sort_key(OhItem item)
{
	int32		bits;

	memcpy(&bits, &item.dist, sizeof(bits));
	if (bits < 0)
		bits ^= PG_INT32_MAX;
	return (int64) bits * (INT64CONST(1) << 32) + item.id;
}

static inline OhItem
item_of_key(int64 key)
{
	OhItem		item;
	int32		bits = (int32) (key >> 32);

	if (bits < 0)
		bits ^= PG_INT32_MAX;
	memcpy(&item.dist, &bits, sizeof(bits));
	item.id = (uint32) key;
	return item;
}

static void
evaluate(OhSweep *sweep, const uint32 *ids, int n, int64 want)
{
	OhEvaluated evaluated[CHUNK];

	CHECK_FOR_INTERRUPTS();
	n = OhEvaluate(&sweep->eval, ids, n, evaluated);
	for (int i = 0; i < n; i++)
	{
		if (!evaluated[i].live)
			continue;
		if (sweep->sort != NULL)
			tuplesort_putdatum(sweep->sort, Int64GetDatum(sort_key(evaluated[i].item)), false);
		else
			keep(sweep, evaluated[i].item, want);
	}
}

static void
set_handled(OhSweep *sweep, const OhQueue *heap)
{
	for (int64 i = 0; i < heap->n; i++)
		OhBitsetAdd(&sweep->handled, heap->item[i].id);
}

/*
 * pass -- evaluate all that is left.
 */
static void
pass(OhSweep *sweep, int64 want)
{
	uint32		ids[CHUNK];
	int			n = 0;

	sweep->npasses++;
	sweep->more = sweep->sorted = false;
	if (sweep->filter != NULL)
		OhFilterLoadRecords(sweep->filter, 0, sweep->nnodes);
	for (uint32 w = 0; w * UINT64CONST(64) < sweep->nnodes; w++)
	{
		uint64		todo = ~sweep->handled.word[w];

		if (sweep->filter != NULL)
			todo &= sweep->filter->bits[w];
		while (todo != 0)
		{
			uint32		id = w * 64 + pg_rightmost_one_pos64(todo);

			todo &= todo - 1;
			if (id >= sweep->nnodes)
				break;
			ids[n++] = id;
			if (n == CHUNK)
			{
				evaluate(sweep, ids, n, want);
				n = 0;
			}
		}
	}
	evaluate(sweep, ids, n, want);
	if (sweep->more)
	{
		/* nodes that did not fit are left for the next pass */
		set_handled(sweep, &sweep->found);
		set_handled(sweep, &sweep->rest);
	}
}

/*
 * sorting_pass -- put all remaining nodes into a sort, from which they are read from then
 * on.
 */
static void
sorting_pass(OhSweep *sweep)
{
	MemoryContext old = MemoryContextSwitchTo(sweep->context);

	sweep->sort = tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false,
										sweep->sort_memory, NULL, TUPLESORT_NONE);
	pass(sweep, 0);
	tuplesort_performsort(sweep->sort);
	sweep->more = true;
	MemoryContextSwitchTo(old);
}

/*
 * read_sorted -- read the next nodes of the sort.
 */
static bool
read_sorted(OhSweep *sweep, int64 want)
{
	Datum		key;
	bool		isnull;

	while (sweep->found.n < want && sweep->more)
	{
		CHECK_FOR_INTERRUPTS();
		if (om_tuplesort_getdatum(sweep->sort, &key, &isnull))
			OhQueueAppend(&sweep->found, item_of_key(DatumGetInt64(key)));
		else
			sweep->more = false;
	}
	return sweep->found.n > 0;
}

void
OhSweepEnd(OhSweep *sweep)
{
	/* closes its temporary files */
	if (sweep->sort != NULL)
		tuplesort_end(sweep->sort);
	sweep->sort = NULL;
}

bool
OhSweepMore(OhSweep *sweep, OhForms *forms, int64 want)
{
	sweep->eval.forms = forms;
	sweep->found.n = 0;
	if (sweep->sort != NULL)
		return read_sorted(sweep, want);
	if (sweep->rest.n == 0)
	{
		if (!sweep->more)
			return false;
		if (sweep->npasses == MOST_PASSES - 1)
		{
			sorting_pass(sweep);
			return read_sorted(sweep, want);
		}
		pass(sweep, want);
		OhQueueSort(&sweep->found);
		return sweep->found.n > 0;
	}
	if (!sweep->sorted)
		OhQueueOrder(&sweep->rest, false);
	sweep->sorted = true;
	while (sweep->found.n < want && sweep->rest.n > 0)
		OhQueueAppend(&sweep->found, OhQueuePop(&sweep->rest, false));
	return true;
}
