/*
 * regionwrite.c -- writes a build in regions to pages.
 *
 * See regions.h.  Nodes with towers have the first ids.  The nodes of each run follow in the
 * order of pack.c, which chose the nodes of each page.  A run's last nodes do not fill a page.
 * They go to the last page of the nodes with towers, and to the end of the array, so that the
 * next run begins on a page of its own.
 */
#include "postgres.h"

#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "hnsw/graph/linkcode.h"
#include "hnsw/build/append.h"
#include "hnsw/build/regions.h"
#include "hnsw/hnsw.h"
#include "hnsw/vacuum/vacuum.h"

/* The nodes of a region are merged at least this many at a time. */
#define LEAST_WINDOW	1024

/* Writes an array page by page; the pages have been added before (extend). */
typedef struct Writer
{
	OhIndex    *ix;
	OhArrayId	array;
	uint32		total;			/* records */
	uint32		lp;
	Buffer		buffer;			/* locked, or InvalidBuffer */
} Writer;

typedef struct Merge
{
	OhRegionWorker *rw;
	OhRegions  *regions;
	OhIndex    *ix;
	MemoryContext context;
	OhRunHead  *run;			/* [nruns] */
	uint32		nruns;
	uint32		nnodes;
	uint32		ntowers;
	uint32		nrows;
	uint32	   *id;				/* [nrows], by number; OH_NONE for a row that is not the first of a node */
	OhUpper		upper;
	OhIsland   *island;			/* [nislands], their nodes as ids */
	uint32		nislands;
	uint32		posting;		/* next record */
	char	   *record;
	Writer		nodes;
	Writer		refinements;
	Writer		keys;

	/* the lists that nodes with numbers in a window have found as guests */
	uint32		begin;
	uint32		end;
	uint32		window;
	uint32	   *lists;			/* [window][4m] */
} Merge;

/* ---- pages ---- */

static void
extend(OhIndex *ix, OhArrayId array, uint32 records, uint32 per_page)
{
	uint32		npages = OhAppendPlan(ix, array, records, per_page);

	for (uint32 lp = 0; lp < npages; lp++)
		UnlockReleaseBuffer(OhAppendPage(ix, array, lp));
}

static void
writer_begin(Writer *w, OhIndex *ix, OhArrayId array, uint32 total)
{
	w->ix = ix;
	w->array = array;
	w->total = total;
	w->buffer = InvalidBuffer;
}

static void
writer_end(Writer *w)
{
	if (w->buffer == InvalidBuffer)
		return;
	MarkBufferDirty(w->buffer);
	UnlockReleaseBuffer(w->buffer);
	w->buffer = InvalidBuffer;
}

static Page
writer_page(Writer *w, uint32 lp)
{
	if (w->buffer == InvalidBuffer || w->lp != lp)
	{
		writer_end(w);
		w->buffer = OhArrayRead(&w->ix->file, w->array, lp, BUFFER_LOCK_EXCLUSIVE);
		w->lp = lp;
	}
	return BufferGetPage(w->buffer);
}

/*
 * writer_record -- the place of a record in its page.  The caller must write all records of the
 * page.
 */
static void *
writer_record(Writer *w, uint32 id)
{
	uint32		per_page = w->ix->file.array[w->array].per_page;
	uint32		lp = id / per_page;
	Page		page = writer_page(w, lp);

	OhTail(page)->nused = Min(per_page, w->total - lp * per_page);
	OhPageSetLower(&w->ix->file, w->array, page);
	return OhRecord(&w->ix->file, w->array, page, id);
}

/* ---- ids ---- */

/*
 * read_runs -- read the heads of all runs and add up their counts.
 */
static void
read_runs(Merge *merge)
{
	merge->nruns = pg_atomic_read_u32(&merge->regions->nruns);
	merge->run = MemoryContextAllocHuge(merge->context, sizeof(OhRunHead) * (Size) Max(merge->nruns, 1));
	for (uint32 i = 0; i < merge->nruns; i++)
	{
		BufFile    *file = OhSpillOpen(&merge->regions->spill, "numbers", i, 0);

		OhSpillRead(file, &merge->run[i], sizeof(OhRunHead));
		BufFileClose(file);
		merge->nnodes += merge->run[i].nnodes;
		merge->ntowers += merge->run[i].ntowers;
		merge->nislands += merge->run[i].nislands;
	}
}

static inline uint32
rest_of(const OhRunHead *run, uint32 per_page)
{
	return (run->nnodes - run->ntowers) % per_page;
}

/*
 * give_ids -- assign an id to every node.
 */
static void
give_ids(Merge *merge)
{
	uint32		per_page = merge->ix->file.array[OH_NODE].per_page;
	uint32		gap = (per_page - merge->ntowers % per_page) % per_page;
	uint32		tower = 0;
	uint32		rest = merge->ntowers;
	uint32		node;
	uint32		last;
	uint64		nrest = 0;
	uint32		nislands = 0;

	for (uint32 i = 0; i < merge->nruns; i++)
		nrest += rest_of(&merge->run[i], per_page);
	gap = nrest < gap ? 0 : gap;
	node = merge->ntowers + gap;
	last = merge->nnodes - (uint32) (nrest - gap);
	merge->id = MemoryContextAllocHuge(merge->context, sizeof(uint32) * (Size) Max(merge->nrows, 1));
	memset(merge->id, 0xFF, sizeof(uint32) * (Size) merge->nrows);
	merge->island = MemoryContextAllocHuge(merge->context, sizeof(OhIsland) * (Size) Max(merge->nislands, 1));
	for (uint32 i = 0; i < merge->nruns; i++)
	{
		const OhRunHead *run = &merge->run[i];
		uint32		whole = run->nnodes - rest_of(run, per_page);
		BufFile    *file = OhSpillOpen(&merge->regions->spill, "numbers", i, 0);
		OhRunHead	head;
		uint32		number;

		OhSpillRead(file, &head, sizeof(head));
		for (uint32 k = 0; k < run->nnodes && OhSpillRead(file, &number, sizeof(number)); k++)
		{
			CHECK_FOR_INTERRUPTS();
			if (k < run->ntowers)
				merge->id[number] = tower++;
			else if (k < whole)
				merge->id[number] = node++;
			else
				merge->id[number] = rest < merge->ntowers + gap ? rest++ : last++;
		}
		for (uint32 k = 0; k < run->nislands && OhSpillRead(file, &merge->island[nislands], sizeof(OhIsland)); k++)
		{
			merge->island[nislands].node = merge->id[merge->island[nislands].node];
			nislands++;
		}
		BufFileClose(file);
		OhSpillDelete(&merge->regions->spill, "numbers", i, 0);
	}
}

/* ---- nodes ---- */

/*
 * put_together -- merge the links that a node has found at home and as a guest into one list of
 * at most max links, nearest first.
 *
 * A link that is shadowed in either graph is fill.  Diverse links take the places first, fill
 * takes those that remain.
 */
static int
put_together(const uint32 *home, const float *home_dist, int nhome, const uint32 *guest,
			 const float *guest_dist, int nguest, uint32 *out, int max, int *nselected)
{
	uint32		link[4 * OH_MAX_M];
	uint32		kept[2 * OH_MAX_M];
	uint32		again[2 * OH_MAX_M];	/* ids that both lists have */
	int			n = 0;
	int			nkept = 0;
	int			nagain = 0;

	for (int g = 0; g < nguest; g++)
	{
		bool		found = false;

		for (int h = 0; h < nhome; h++)
			found |= (home[h] & OH_LINK_ID) == (guest[g] & OH_LINK_ID);
		if (!found)
			kept[nkept++] = g;
		else if (!(guest[g] & OH_LINK_SELECTED))
			again[nagain++] = guest[g] & OH_LINK_ID;
	}
	for (int h = 0, k = 0; h < nhome || k < nkept;)
	{
		if (k == nkept || (h < nhome && home_dist[h] <= guest_dist[kept[k]]))
		{
			link[n] = home[h++];
			for (int i = 0; i < nagain; i++)
			{
				if (again[i] == (link[n] & OH_LINK_ID))
					link[n] &= OH_LINK_ID;
			}
			n++;
		}
		else
			link[n++] = guest[kept[k++]];
	}
	*nselected = 0;
	for (int i = 0; i < n && *nselected < max; i++)
	{
		if (link[i] & OH_LINK_SELECTED)
			out[(*nselected)++] = link[i] & OH_LINK_ID;
	}
	nkept = *nselected;
	for (int i = 0; i < n && nkept < max; i++)
	{
		if (!(link[i] & OH_LINK_SELECTED))
			out[nkept++] = link[i];
	}
	return nkept;
}

/*
 * write_links -- write the ids of a node's links, then OH_NONE in the free places.
 */
static int
write_links(const Merge *merge, const OhNodeHead *head, const uint32 *home, uint32 *to)
{
	int			max = 2 * merge->ix->m;
	const uint32 *guest = merge->lists + (Size) (head->number - merge->begin) * 2 * max;
	uint32		number[2 * OH_MAX_M];
	int			nguest = 0;
	int			nselected;
	int			nkept = 0;
	int			n;
	int			selected = 0;

	while (nguest < max && guest[nguest] != OH_NONE)
		nguest++;
	n = put_together(home, (const float *) (home + head->nlinks), head->nlinks,
					 guest, (const float *) (guest + max), nguest, number, max, &nselected);
	for (int i = 0; i < n; i++)
	{
		uint32		id = merge->id[number[i]];

		/* the linked row was a node as a guest, but at home it is a duplicate in another node */
		if (id == OH_NONE)
			continue;
		selected += i < nselected;
		to[nkept++] = id;
	}
	for (; nkept < max; nkept++)
		to[nkept] = OH_NONE;
	return selected;
}

/*
 * write_node -- write a node's record, refinement and filter keys.
 */
static void
write_node(Merge *merge, const OhNodeHead *head, uint32 posting)
{
	OhIndex    *ix = merge->ix;
	const OhRegions *regions = merge->regions;
	const char *keys = (const char *) (head + 1);
	const char *code = keys + regions->key_bytes;
	const char *refinement = code + regions->code_bytes;
	uint32		id = merge->id[head->number];
	OhNodeData *node = writer_record(&merge->nodes, id);

	node->state = OH_LIVE;
	node->tag = ix->number;
	node->tid = head->tid;
	node->posting = head->further > 0 ? posting : OH_NONE;
	node->level = id < merge->ntowers ? merge->upper.level[id] : 0;
	node->tower = id < merge->ntowers ? merge->upper.tower[id] : OH_NONE;
	memcpy(OhNodeCode(node), code, regions->code_bytes);
	node->nselected = write_links(merge, head, (const uint32 *) (refinement + regions->shape.refine_bytes),
								  OhNodeLinks(node, regions->code_bytes));
	OhForgetLinkCodes(ix, node);
	if (ix->refine_bytes > 0)
		memcpy(writer_record(&merge->refinements, id), refinement, ix->refine_bytes);
	if (ix->columns.n > 0)
		OhKeyPageSet(&ix->columns, writer_page(&merge->keys, id / ix->columns.per_page),
					 id % ix->columns.per_page, (const OhKeyRow *) keys);
}

/*
 * let_go -- unlock the pages being written, and let the build be cancelled: with a page locked it cannot be.
 */
static void
let_go(Merge *merge)
{
	writer_end(&merge->nodes);
	writer_end(&merge->refinements);
	writer_end(&merge->keys);
	CHECK_FOR_INTERRUPTS();
}

/*
 * write_run -- write the nodes of a run whose numbers are in the window.
 *
 * posting: the run's first posting record.  Returns the one after its last.
 */
static uint32
write_run(Merge *merge, uint32 run, uint32 posting)
{
	const OhRegions *regions = merge->regions;
	BufFile    *file = OhSpillOpen(&merge->regions->spill, "nodes", run, 0);
	OhNodeHead *head = (OhNodeHead *) merge->record;
	Size		fixed = regions->key_bytes + regions->code_bytes + regions->shape.refine_bytes;
	uint32		n = 0;

	while (OhSpillRead(file, head, sizeof(OhNodeHead)) &&
		   OhSpillRead(file, head + 1, fixed + head->nlinks * (sizeof(uint32) + sizeof(float))))
	{
		if (n++ % 1024 == 0)
			let_go(merge);
		if (head->number >= merge->begin && head->number < merge->end)
			write_node(merge, head, posting);
		posting += OhPostingRecords(head->further);
	}
	BufFileClose(file);
	return posting;
}

/*
 * read_lists -- read the lists that rows of the window have found as guests.
 */
static void
read_lists(Merge *merge, uint32 region)
{
	int			max = 2 * merge->ix->m;

	memset(merge->lists, 0xFF, sizeof(uint32) * (Size) (merge->end - merge->begin) * 2 * max);
	for (uint32 p = 0; p < merge->regions->participants; p++)
	{
		BufFile    *file = OhSpillOpen(&merge->regions->spill, "lists", region, p);
		OhListHead	head;

		if (file == NULL)
			continue;
		while (OhSpillRead(file, &head, sizeof(head)))
		{
			uint32	   *to = (uint32 *) merge->record;

			CHECK_FOR_INTERRUPTS();
			if (head.nlinks > 0)
				OhSpillRead(file, to, head.nlinks * (sizeof(uint32) + sizeof(float)));
			if (head.number < merge->begin || head.number >= merge->end)
				continue;
			to = merge->lists + (Size) (head.number - merge->begin) * 2 * max;
			memcpy(to, merge->record, head.nlinks * sizeof(uint32));
			memcpy(to + max, merge->record + head.nlinks * sizeof(uint32), head.nlinks * sizeof(float));
		}
		BufFileClose(file);
	}
}

/*
 * merge_region -- write the nodes of a region's runs.
 */
static void
merge_region(Merge *merge, uint32 region)
{
	uint32		first = OhRegionFirst(merge->rw, region);
	uint32		last = merge->rw->first[(Size) (region + 1) * merge->regions->participants];
	uint32		posting = merge->posting;

	for (merge->begin = first; merge->begin < last; merge->begin = merge->end)
	{
		merge->end = merge->begin + Min(merge->window, last - merge->begin);
		let_go(merge);
		read_lists(merge, region);
		posting = merge->posting;
		for (uint32 run = 0; run < merge->nruns; run++)
		{
			if (merge->run[run].home == region)
				posting = write_run(merge, run, posting);
		}
	}
	merge->posting = posting;
	for (uint32 run = 0; run < merge->nruns; run++)
	{
		if (merge->run[run].home == region)
			OhSpillDelete(&merge->regions->spill, "nodes", run, 0);
	}
	for (uint32 p = 0; p < merge->regions->participants; p++)
		OhSpillDelete(&merge->regions->spill, "lists", region, p);
}

static void
write_nodes(Merge *merge)
{
	OhIndex    *ix = merge->ix;
	Size		list_bytes = sizeof(uint32) * 4 * ix->m;
	Size		memory = (Size) maintenance_work_mem * 1024;
	Size		taken = sizeof(uint32) * (Size) merge->nrows + (sizeof(uint32) + 1) * (Size) merge->ntowers;
	uint32		largest = 0;

	for (uint32 r = 0; r < merge->regions->n; r++)
		largest = Max(largest, OhRegionFirst(merge->rw, r + 1) - OhRegionFirst(merge->rw, r));
	merge->window = Max(LEAST_WINDOW, (uint32) Min((memory - Min(memory, taken)) / list_bytes, PG_UINT32_MAX));
	merge->window = Min(merge->window, Max(largest, 1));
	merge->lists = MemoryContextAllocHuge(merge->context, list_bytes * merge->window);
	writer_begin(&merge->nodes, ix, OH_NODE, merge->nnodes);
	writer_begin(&merge->refinements, ix, OH_REFINE, merge->nnodes);
	writer_begin(&merge->keys, ix, OH_FILTER_KEY, merge->nnodes);
	extend(ix, OH_NODE, merge->nnodes, ix->file.array[OH_NODE].per_page);
	if (ix->refine_bytes > 0)
		extend(ix, OH_REFINE, merge->nnodes, ix->file.array[OH_REFINE].per_page);
	if (ix->columns.n > 0)
		extend(ix, OH_FILTER_KEY, merge->nnodes, ix->columns.per_page);
	for (uint32 r = 0; r < merge->regions->n; r++)
	{
		merge_region(merge, r);
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, OhRegionFirst(merge->rw, r + 1));
	}
	let_go(merge);
	pfree(merge->lists);
}

/*
 * write_further -- write the posting records of a run, in the order in which write_run() counted
 * them.
 */
static void
write_further(Merge *merge, uint32 run, OhAppender *out)
{
	BufFile    *file = OhSpillOpen(&merge->regions->spill, "more", run, 0);
	OhMoreHead	head;

	while (OhSpillRead(file, &head, sizeof(head)))
	{
		uint32		left = head.further;

		CHECK_FOR_INTERRUPTS();
		/* the first record is the one that is not full: inserts look for room there */
		for (uint32 record = OhPostingRecords(left); record > 0; record--)
		{
			OhPostingData *posting = OhAppend(out);
			uint32		n = left - (record - 1) * OH_POSTING_TIDS;

			posting->node = merge->id[head.number];
			posting->next = record > 1 ? out->next : OH_NONE;
			posting->hash = head.hash;
			for (uint32 k = 0; k < OH_POSTING_TIDS; k++)
				ItemPointerSetInvalid(&posting->tid[k]);
			OhSpillRead(file, posting->tid, n * sizeof(ItemPointerData));
			left -= n;
		}
	}
	BufFileClose(file);
	OhSpillDelete(&merge->regions->spill, "more", run, 0);
}

static void
write_postings(Merge *merge)
{
	OhAppender	out;

	OhAppendBegin(&out, merge->ix, OH_POSTING);
	for (uint32 region = 0; region < merge->regions->n; region++)
	{
		for (uint32 run = 0; run < merge->nruns; run++)
		{
			if (merge->run[run].home == region)
				write_further(merge, run, &out);
		}
	}
	OhAppendEnd(&out);
	if (out.next != merge->posting)
		elog(ERROR, "%u records of postings, expected %u", out.next, merge->posting);
}

/* ---- highway ---- */

static void
write_member(Merge *merge, OhAppender *out, uint32 id, int kind)
{
	OhIndex    *ix = merge->ix;
	char	   *code = merge->record;
	OhMemberData *member;
	Buffer		buffer;
	OhNodeData *node = OhRecordRead(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE, &buffer);

	memcpy(code, OhNodeCode(node), ix->code_bytes);
	UnlockReleaseBuffer(buffer);
	member = OhAppend(out);
	member->node = id;
	member->level = id < merge->ntowers ? merge->upper.level[id] : 0;
	member->kind = kind;
	member->model = ix->number;
	memcpy(OhMemberCode(member), code, ix->code_bytes);
}

/*
 * write_highway -- write the highway's members: nodes from a level on, and those of islands.
 * Returns that level.
 */
static int
write_highway(Merge *merge)
{
	uint32		code_bytes = merge->ix->code_bytes;
	uint32		count[OH_MAX_LEVEL + 1] = {0};
	uint8	   *kind = MemoryContextAllocExtended(merge->context, Max(merge->ntowers, 1),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	uint32		nmembers = 0;
	int			level;
	OhAppender	out;

	for (uint32 id = 0; id < merge->ntowers; id++)
		count[merge->upper.level[id]]++;
	level = OhHighwayLevel(count, code_bytes);
	OhAppendBegin(&out, merge->ix, OH_HIGHWAY);
	OhSortIslands(merge->island, merge->nislands);
	for (uint32 i = 0; i < merge->nislands && nmembers < OhHighwayIslandLimit(code_bytes); i++)
	{
		const OhIsland *island = &merge->island[i];

		if (island->node == OH_NONE || !OhIslandCounts(island->size, island->apart, nmembers, code_bytes))
			continue;
		nmembers++;
		if (island->node < merge->ntowers)
			kind[island->node] = OH_MEMBER_ISLAND;
		else
			write_member(merge, &out, island->node, OH_MEMBER_ISLAND);
	}
	for (uint32 id = 0; id < merge->ntowers; id++)
	{
		CHECK_FOR_INTERRUPTS();
		if (merge->upper.level[id] >= level)
			kind[id] |= OH_MEMBER_LEVEL;
		if (kind[id] != 0)
			write_member(merge, &out, id, kind[id]);
	}
	OhAppendEnd(&out);
	pfree(kind);
	return level;
}

/*
 * link_all -- link the nodes that cannot be reached from the entry point.
 */
static void
link_all(Merge *merge)
{
	/* leave the rest to the segment with the sample, which exists until the end, and small things */
	Size		memory = (Size) maintenance_work_mem * 1024 / 4 * 3;
	Size		taken = OhReachBytes(merge->nnodes);
	OhVacuum   *v;
	uint32		left;

	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, OH_PHASE_CONNECT);
	OhIndexRefresh(merge->ix);
	v = OhVacuumBegin(merge->rw->worker->index, memory - Min(memory, taken));
	left = OhReach(v);
	OhVacuumEnd(v);
	if (left > 0)
		ereport(DEBUG1, (errmsg_internal("%u nodes are left without a link to them", left)));
}

void
OhRegionsWrite(OhRegionWorker *rw)
{
	Merge		merge = {.rw = rw,.regions = rw->regions,.ix = rw->worker->ix};

	merge.context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw merge", ALLOCSET_DEFAULT_SIZES);
	merge.nrows = rw->first[(Size) rw->regions->n * rw->regions->participants];
	merge.record = MemoryContextAlloc(merge.context, sizeof(OhNodeHead) + OhRegionRowBytes(rw->regions) +
									  4 * rw->regions->shape.m * sizeof(uint32));
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, OH_PHASE_WRITE);
	read_runs(&merge);
	give_ids(&merge);
	OhBuildUpper(rw, merge.ntowers, &merge.upper, merge.context);
	write_nodes(&merge);
	write_postings(&merge);
	if (merge.upper.entry == OH_NONE && merge.nnodes > 0)
		merge.upper.entry = 0;
	OhWriteEntry(merge.ix, merge.upper.entry, merge.upper.entry_level, write_highway(&merge));
	pfree(merge.id);
	if (merge.nnodes > 0)
		link_all(&merge);
	MemoryContextDelete(merge.context);
}
