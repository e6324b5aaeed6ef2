/*
 * regiongraph.c -- the graphs of the regions of a build.
 *
 * See regions.h.  A graph belongs to one participant and is in its private memory.
 */
#include "postgres.h"

#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "hnsw/build/regions.h"
#include "hnsw/hnsw.h"

/* The graph that a participant is building; its runs use the same memory in turn. */
typedef struct Run
{
	OhRegionWorker *rw;
	OhRegions  *regions;
	uint32		home;			/* region */
	uint32		begin;			/* its home rows have the numbers from begin to end - 1 */
	uint32		end;
	void	   *memory;
	MemoryContext context;		/* the builder's, reset for each run */
	OhBuilder  *b;
	uint32	   *number;			/* [limit], by slot: the number of a node */
	BufFile   **lists;			/* [n], by the home of guests; NULL before the first list */
	char	   *record;
} Run;

static void
begin_run(Run *run)
{
	OhRegions  *regions = run->regions;

	MemoryContextReset(run->context);
	memset(run->number, 0xFF, sizeof(uint32) * (Size) regions->limit);
	run->b = OhBuilderBegin(OhGraphInit(run->memory, &regions->shape, regions->limit),
							run->rw->worker->ix->quant, OhRandomLevel, run->context);
}

static inline bool
is_home(const Run *run, uint32 slot)
{
	return run->number[slot] >= run->begin && run->number[slot] < run->end;
}

/*
 * relink -- relink home nodes, as relink.c does.  Guests are relinked at home.
 */
static void
relink(Run *run)
{
	OhRelink	work;

	OhRelinkBegin(&work, run->b, run->context);
	for (uint32 slot = 0; slot < work.nslots; slot++)
	{
		if (run->b->nodes[slot].kind == OH_SLOT_NODE && is_home(run, slot))
			OhRelinkSlots(&work, slot, slot + 1);
	}
	OhRelinkEnd(&work);
}

/*
 * copy_links -- copy a node's links, then their distances, with numbers in place of slots.
 * Returns the number of links.
 */
static uint32
copy_links(const Run *run, uint32 slot, char *to)
{
	uint32	   *list = OhGraphList(run->b, slot);
	int			max = 2 * run->b->m;
	uint32	   *link = (uint32 *) to;
	uint32		n = 0;

	for (; n < (uint32) max && list[n] != OH_NONE; n++)
		link[n] = run->number[list[n] & OH_LINK_ID] | (list[n] & OH_LINK_SELECTED);
	memcpy(link + n, OhListDist(list, max), sizeof(float) * n);
	return n;
}

static void
write_further(Run *run, BufFile *file, uint32 slot, uint32 n, uint32 hash)
{
	OhSpill    *spill = &run->regions->spill;
	OhMoreHead	head = {run->number[slot], n, hash};

	OhSpillWrite(spill, file, &head, sizeof(head));
	for (uint32 at = run->b->nodes[slot].more; at != OH_NONE; at = OhGraphChunk(run->b, at)->next)
	{
		OhTidChunk *chunk = OhGraphChunk(run->b, at);

		OhSpillWrite(spill, file, chunk->tid, chunk->n * sizeof(ItemPointerData));
	}
}

/*
 * write_nodes -- write the home nodes in packed order.
 */
static void
write_nodes(Run *run, uint32 id, const uint32 *order, uint32 n)
{
	OhRegions  *regions = run->regions;
	OhSpill    *spill = &regions->spill;
	OhBuilder  *b = run->b;
	BufFile    *nodes = OhSpillCreate(spill, "nodes", id, 0);
	BufFile    *more = OhSpillCreate(spill, "more", id, 0);

	for (uint32 i = 0; i < n; i++)
	{
		uint32		slot = order[i];
		const OhGraphNode *from = &b->nodes[slot];
		OhNodeHead *head = (OhNodeHead *) run->record;
		char	   *at = run->record + sizeof(OhNodeHead);
		uint32		hash;

		CHECK_FOR_INTERRUPTS();
		head->number = run->number[slot];
		head->tid = from->tid;
		head->further = OhGraphFurther(b, from, &hash);
		if (regions->key_bytes > 0)
			memcpy(at, OhGraphKeys(b, slot), regions->key_bytes);
		at += regions->key_bytes;
		memcpy(at, OhGraphCode(b, slot), regions->code_bytes);
		at += regions->code_bytes;
		if (regions->shape.refine_bytes > 0)
			memcpy(at, OhGraphRefinement(b, slot), regions->shape.refine_bytes);
		at += regions->shape.refine_bytes;
		head->nlinks = copy_links(run, slot, at);
		at += head->nlinks * (sizeof(uint32) + sizeof(float));
		OhSpillWrite(spill, nodes, run->record, at - run->record);
		if (head->further > 0)
			write_further(run, more, slot, head->further, hash);
	}
	BufFileClose(nodes);
	BufFileClose(more);
}

static void
write_towers(Run *run, uint32 id, const uint32 *order, uint32 n)
{
	OhSpill    *spill = &run->regions->spill;
	BufFile    *file = OhSpillCreate(spill, "towers", id, 0);

	for (uint32 i = 0; i < n; i++)
	{
		OhTowerHead head = {run->number[order[i]], run->b->nodes[order[i]].level};

		CHECK_FOR_INTERRUPTS();
		OhSpillWrite(spill, file, &head, sizeof(head));
		OhSpillWrite(spill, file, OhGraphCode(run->b, order[i]), run->regions->code_bytes);
	}
	BufFileClose(file);
}

/*
 * write_numbers -- write the run's head, the numbers of its nodes, and the islands whose nodes
 * are at home here.
 */
static void
write_numbers(Run *run, OhRunHead *head, uint32 id, const uint32 *order, OhIsland *island, uint32 nislands)
{
	OhSpill    *spill = &run->regions->spill;
	BufFile    *file = OhSpillCreate(spill, "numbers", id, 0);
	uint32		limit = OhHighwayIslandLimit(run->regions->code_bytes);

	for (uint32 i = 0; i < nislands && head->nislands < limit; i++)
	{
		if (!is_home(run, island[i].node))
			continue;
		island[head->nislands] = island[i];
		island[head->nislands++].node = run->number[island[i].node];
	}
	OhSpillWrite(spill, file, head, sizeof(OhRunHead));
	for (uint32 i = 0; i < head->nnodes; i++)
	{
		CHECK_FOR_INTERRUPTS();
		OhSpillWrite(spill, file, &run->number[order[i]], sizeof(uint32));
	}
	if (head->nislands > 0)
		OhSpillWrite(spill, file, island, sizeof(OhIsland) * head->nislands);
	BufFileClose(file);
}

/*
 * home_of -- the home of the row with this number.
 */
static uint32
home_of(const Run *run, uint32 number)
{
	uint32		low = 0;
	uint32		high = run->regions->n - 1;

	while (low < high)
	{
		uint32		mid = low + (high - low + 1) / 2;

		if (OhRegionFirst(run->rw, mid) <= number)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

/*
 * write_lists -- write the links that guests have found, to the files of their homes.
 */
static void
write_lists(Run *run)
{
	OhSpill    *spill = &run->regions->spill;
	uint32		n = OhGraphSlots(run->b->graph);
	OhListHead *head = (OhListHead *) run->record;

	for (uint32 slot = 0; slot < n; slot++)
	{
		uint32		home;

		if (run->b->nodes[slot].kind != OH_SLOT_NODE || is_home(run, slot))
			continue;
		CHECK_FOR_INTERRUPTS();
		home = home_of(run, run->number[slot]);
		if (run->lists[home] == NULL)
			run->lists[home] = OhSpillCreate(spill, "lists", home, run->rw->number);
		head->number = run->number[slot];
		head->nlinks = copy_links(run, slot, run->record + sizeof(OhListHead));
		OhSpillWrite(spill, run->lists[home], run->record,
					 sizeof(OhListHead) + head->nlinks * (sizeof(uint32) + sizeof(float)));
	}
}

/*
 * finish_run -- complete the graph and write it to files.
 */
static void
finish_run(Run *run)
{
	OhBuilder  *b = run->b;
	uint32		n = OhGraphSlots(b->graph);
	uint32		id = pg_atomic_fetch_add_u32(&run->regions->nruns, 1);
	OhRunHead	head = {.home = run->home};
	OhIsland   *island;
	uint32		nislands;
	uint8	   *home;
	uint32	   *order;
	uint32	   *place;

	island = OhGraphIslands(b, run->context, &nislands);
	OhGraphSetIslands(b, island, nislands);
	relink(run);
	OhGraphAttach(b, run->context);
	OhGraphConnect(b, run->context);

	home = MemoryContextAllocHuge(run->context, Max(n, 1));
	for (uint32 slot = 0; slot < n; slot++)
	{
		if (slot % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		home[slot] = b->nodes[slot].kind == OH_SLOT_NODE && is_home(run, slot);
	}
	order = MemoryContextAllocHuge(run->context, sizeof(uint32) * (Size) Max(n, 1));
	place = MemoryContextAllocHuge(run->context, sizeof(uint32) * (Size) Max(n, 1));
	head.nnodes = OhGraphPack(b, run->rw->worker->ix->file.array[OH_NODE].per_page, home, order, place);
	while (head.ntowers < head.nnodes && b->nodes[order[head.ntowers]].level > 0)
		head.ntowers++;
	write_nodes(run, id, order, head.nnodes);
	write_towers(run, id, order, head.ntowers);
	write_numbers(run, &head, id, order, island, nislands);
	write_lists(run);
}

/*
 * add_row -- add a row to the graph; false if the graph is full.
 */
static bool
add_row(Run *run, char *row, uint32 number, bool guest)
{
	OhRegions  *regions = run->regions;
	const OhRowHead *head = (const OhRowHead *) row;
	OhCodedRow	coded = {.guest = guest};
	uint32		slot;

	coded.tid = head->tid;
	coded.hash = head->hash;
	coded.level = head->level;
	if (regions->key_bytes > 0)
		coded.keys = (const OhKeyRow *) (head + 1);
	if (regions->vector == OH_ROW_FORM)
		coded.form = OhRowVectorOf(regions, row);
	else if (regions->vector == OH_ROW_FLOATS)
		coded.x = (const float *) OhRowVectorOf(regions, row);
	coded.code = OhRowCodeOf(regions, row);
	if (!guest && regions->shape.refine_bytes > 0)
		coded.refinement = (const char *) coded.code + regions->code_bytes;
	slot = OhGraphAddCoded(run->b, &coded, false);
	if (slot == OH_NONE)
		return false;
	run->number[slot] = Min(run->number[slot], number);
	return true;
}

/*
 * add_rows -- add the region's rows that one participant coded: home rows, or guests.
 */
static void
add_rows(Run *run, uint32 participant, bool guests)
{
	OhRegionWorker *rw = run->rw;
	OhRegions  *regions = run->regions;
	OhRowHead  *head = (OhRowHead *) rw->row;
	BufFile    *file = OhSpillOpen(&regions->spill, "region", run->home, participant);
	bool		full = false;

	if (file == NULL)
		return;
	while (!full && OhSpillRead(file, head, sizeof(OhRowHead)))
	{
		bool		guest = head->home != run->home;
		uint32		number = rw->first[(Size) head->home * regions->participants + head->participant] + head->number;

		CHECK_FOR_INTERRUPTS();
		if (!OhSpillRead(file, head + 1, OhRegionRowBytes(regions) - sizeof(OhRowHead) -
						 (guest ? regions->shape.refine_bytes : 0)))
			elog(ERROR, "a file of rows ends within a row");
		if (guest != guests || add_row(run, rw->row, number, guest))
			continue;
		/* a full graph can do without further guests; home rows need another run */
		full = guests;
		if (full)
			continue;
		finish_run(run);
		begin_run(run);
		if (!add_row(run, rw->row, number, guest))
			elog(ERROR, "a graph of %u slots has no room for a row", regions->limit);
	}
	BufFileClose(file);
}

static void
build_region(Run *run)
{
	OhRegions  *regions = run->regions;

	run->begin = OhRegionFirst(run->rw, run->home);
	run->end = run->rw->first[(Size) (run->home + 1) * regions->participants];
	begin_run(run);
	for (int guests = 0; guests <= 1; guests++)
	{
		for (uint32 p = 0; p < regions->participants; p++)
			add_rows(run, p, guests);
	}
	if (OhGraphSlots(run->b->graph) > 0)
		finish_run(run);
	for (uint32 p = 0; p < regions->participants; p++)
		OhSpillDelete(&regions->spill, "region", run->home, p);
}

void
OhBuildRegions(OhRegionWorker *rw)
{
	OhRegions  *regions = rw->regions;
	Run			run = {.rw = rw,.regions = regions};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw region", ALLOCSET_DEFAULT_SIZES);
	uint32		total = rw->first[(Size) regions->n * regions->participants];
	uint32		region;

	run.memory = (void *) TYPEALIGN(64, MemoryContextAllocHuge(context, OhGraphBytes(&regions->shape, regions->limit) + 64));
	run.number = MemoryContextAllocHuge(context, sizeof(uint32) * (Size) regions->limit);
	run.context = AllocSetContextCreate(context, "omenhnsw region graph", ALLOCSET_DEFAULT_SIZES);
	run.lists = MemoryContextAllocZero(context, sizeof(BufFile *) * regions->n);
	run.record = MemoryContextAlloc(context, sizeof(OhNodeHead) + OhRegionRowBytes(regions) +
									4 * regions->shape.m * sizeof(uint32));
	if (rw->worker->leader)
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, total);
	while ((region = pg_atomic_fetch_add_u32(&regions->next, 1)) < regions->n)
	{
		uint64		built;

		run.home = region;
		build_region(&run);
		built = pg_atomic_add_fetch_u64(&regions->built, run.end - run.begin);
		if (rw->worker->leader)
			pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, built);
	}
	for (uint32 i = 0; i < regions->n; i++)
	{
		if (run.lists[i] != NULL)
			BufFileClose(run.lists[i]);
	}
	MemoryContextDelete(context);
}
