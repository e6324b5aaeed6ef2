/*
 * upper.c -- the levels from 1 on of a build in regions.
 *
 * Few nodes have these levels, so they are built as one graph in memory, whose base layer is
 * level 1.  A list of that base layer has 2m links; level 1 keeps the m best.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "hnsw/build/append.h"
#include "hnsw/build/regions.h"
#include "hnsw/hnsw.h"

/*
 * add_towers -- add the towers of one run.  *n: the number of nodes so far.
 */
static void
add_towers(OhRegionWorker *rw, OhBuilder *b, uint32 run, uint32 *n)
{
	OhRegions  *regions = rw->regions;
	BufFile    *file = OhSpillOpen(&regions->spill, "towers", run, 0);
	char	   *code = rw->row;
	OhTowerHead head;

	while (OhSpillRead(file, &head, sizeof(head)) && OhSpillRead(file, code, regions->code_bytes))
	{
		OhCodedRow	row = {.code = code,.level = (int) head.level - 1};

		CHECK_FOR_INTERRUPTS();
		ItemPointerSetInvalid(&row.tid);
		if (OhGraphAddCoded(b, &row, true) != (*n)++)
			elog(ERROR, "a graph of nodes with towers has no room for them");
	}
	BufFileClose(file);
	OhSpillDelete(&regions->spill, "towers", run, 0);
}

static void
write_towers(OhRegionWorker *rw, OhBuilder *b, OhUpper *upper)
{
	OhAppender	out;
	int			m = b->m;

	OhAppendBegin(&out, rw->worker->ix, OH_TOWER);
	for (uint32 i = 0; i < upper->n; i++)
	{
		upper->level[i] = b->nodes[i].level + 1;
		upper->tower[i] = out.next;
		for (int level = 1; level <= upper->level[i]; level++)
		{
			OhTowerData *tower = OhAppend(&out);

			tower->node = i;
			tower->level = level;
			tower->up = level < upper->level[i] ? out.next : OH_NONE;
			tower->nselected = level == 1 ? OhWriteList(OhGraphList(b, i), 2 * m, NULL, tower->links, m) :
				OhWriteList(OhGraphTower(b, i, level - 1), m, NULL, tower->links, m);
		}
	}
	OhAppendEnd(&out);
}

void
OhBuildUpper(OhRegionWorker *rw, uint32 n, OhUpper *upper, MemoryContext context)
{
	MemoryContext graph_context = AllocSetContextCreate(context, "omenhnsw towers", ALLOCSET_DEFAULT_SIZES);
	OhGraphShape shape = rw->regions->shape;
	uint32		nruns = pg_atomic_read_u32(&rw->regions->nruns);
	uint32		added = 0;
	uint64		entry;
	OhBuilder  *b;
	void	   *memory;

	shape.refine_bytes = 0;
	shape.ncolumns = 0;
	upper->n = n;
	upper->tower = MemoryContextAllocHuge(context, sizeof(uint32) * (Size) Max(n, 1));
	upper->level = MemoryContextAllocHuge(context, Max(n, 1));
	memory = (void *) TYPEALIGN(64, MemoryContextAllocHuge(graph_context, OhGraphBytes(&shape, Max(n, 1)) + 64));
	b = OhBuilderBegin(OhGraphInit(memory, &shape, Max(n, 1)), rw->worker->ix->quant, OhRandomLevel, graph_context);
	for (uint32 run = 0; run < nruns; run++)
		add_towers(rw, b, run, &added);
	if (added != n)
		elog(ERROR, "%u nodes with towers, expected %u", added, n);
	write_towers(rw, b, upper);
	entry = pg_atomic_read_u64(&b->graph->entry);
	upper->entry = entry == OH_ENTRY_NONE ? OH_NONE : (uint32) entry;
	upper->entry_level = entry == OH_ENTRY_NONE ? 0 : (int) (entry >> 32) + 1;
	MemoryContextDelete(graph_context);
}
