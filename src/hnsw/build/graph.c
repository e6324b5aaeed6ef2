/*
 * graph.c -- memory, slots and TIDs of the graph that a build keeps in memory.
 *
 * graph.h has the layout and the rules of concurrency.
 */
#include "postgres.h"

#include <math.h>
#include <sched.h>

#include "compat.h"
#include "hnsw/build/graph.h"
#include "storage/s_lock.h"

#define LINE 64

static inline Size
round_line(Size n)
{
	return TYPEALIGN(LINE, n);
}

/*
 * code_stride -- bytes from one code to the next: whole cache lines, if that wastes little.
 */
static uint32
code_stride(uint32 code_bytes)
{
	uint32		lines = round_line(code_bytes);

	if (lines - code_bytes <= lines / 6)
		return lines;
	return TYPEALIGN(16, code_bytes);
}

/*
 * tower_capacity -- number of lists of levels >= 1 to make room for: the mean, which is 1/(m - 1) per node, and
 * ten standard deviations.
 */
static uint32
tower_capacity(int m, uint32 capacity)
{
	double		mean = (double) capacity / (m - 1);

	return (uint32) (mean + 10 * sqrt(mean + 1) + 4 * OH_MAX_LEVEL);
}

static uint32
twin_slots(uint32 capacity)
{
	uint64		n = 16;

	while (n < (uint64) capacity + capacity / 3)
		n *= 2;
	return (uint32) Min(n, UINT64CONST(0x80000000));
}

/*
 * layout -- fill in sizes and offsets for a graph with this many slots.
 *
 * A slot's list may also hold off-graph rows.  With a small m and many filter columns, such a row is larger
 * than the list of a node, and every slot gets room for a row.
 */
static void
layout(OhGraph *graph, const OhGraphShape *shape, uint32 capacity)
{
	Size		at = round_line(sizeof(OhGraph));
	int			m = shape->m;
	Size		least = offsetof(OhTidChunk, tid) + OhRowBytes(shape->ncolumns);

	graph->shape = *shape;
	graph->capacity = capacity;
	graph->tower_capacity = tower_capacity(m, capacity);
	graph->twin_mask = twin_slots(capacity) - 1;
	graph->code_bytes = om_quant_code_bytes(&shape->spec);
	graph->code_stride = code_stride(graph->code_bytes);
	graph->refine_stride = TYPEALIGN(16, shape->refine_bytes);
	graph->key_bytes = OhKeyRowBytes(shape->ncolumns);
	graph->list_stride = Max((Size) 4 * m, TYPEALIGN(16, least) / sizeof(uint32));
	graph->chunk_tids = (4 * m * sizeof(uint32) - offsetof(OhTidChunk, tid)) / sizeof(ItemPointerData);
	graph->chunk_rows = OhChunkRows(shape);

	graph->lock_offset = at;
	at = round_line(at + OH_LOCKS * sizeof(pg_atomic_uint32));
	graph->node_offset = at;
	at = round_line(at + (Size) capacity * sizeof(OhGraphNode));
	graph->code_offset = at;
	at = round_line(at + (Size) capacity * graph->code_stride);
	graph->refine_offset = at;
	at = round_line(at + (Size) capacity * graph->refine_stride);
	graph->key_offset = at;
	at = round_line(at + (Size) capacity * graph->key_bytes);
	graph->list_offset = at;
	at = round_line(at + (Size) capacity * graph->list_stride * sizeof(uint32));
	graph->tower_offset = at;
	at = round_line(at + (Size) graph->tower_capacity * 2 * m * sizeof(uint32));
	/* a build keeps fewer members by level than a search reads: it also has the levels below them */
	graph->level_limit = OhHighwayLevelLimit(graph->code_bytes) / 4;
	graph->island_limit = OhHighwayIslandLimit(graph->code_bytes);
	graph->member_offset = at;
	at = round_line(at + (graph->level_limit + graph->island_limit) * sizeof(uint32));
	graph->twin_offset = at;
	at = round_line(at + ((Size) graph->twin_mask + 1) * sizeof(uint32));
	graph->bytes = at;
}

Size
OhGraphBytes(const OhGraphShape *shape, uint32 capacity)
{
	OhGraph		graph;

	layout(&graph, shape, capacity);
	return graph.bytes;
}

Size
OhBuilderBytes(uint32 capacity)
{
	/* a byte per slot each for visited nodes, and for relink.c's counts of incoming links */
	return 2 * (Size) capacity + OH_MEMO_SIZE * sizeof(OhMemo);
}

OhGraph *
OhGraphInit(void *mem, const OhGraphShape *shape, uint32 capacity)
{
	OhGraph    *graph = mem;
	pg_atomic_uint32 *locks;

	Assert(capacity <= OH_GRAPH_MAX_SLOTS);
	layout(graph, shape, capacity);
	pg_atomic_init_u32(&graph->next_slot, 0);
	pg_atomic_init_u32(&graph->next_tower, 0);
	pg_atomic_init_u32(&graph->rows_lock, 0);
	pg_atomic_init_u64(&graph->entry, OH_ENTRY_NONE);
	pg_atomic_init_u32(&graph->member_lock, 0);
	pg_atomic_init_u32(&graph->highway_level, 1);
	pg_atomic_init_u32(&graph->nlevel, 0);
	pg_atomic_init_u32(&graph->nislands, 0);
	for (int i = 0; i < lengthof(graph->rows); i++)
		graph->rows[i] = OH_NONE;
	locks = (pg_atomic_uint32 *) ((char *) mem + graph->lock_offset);
	for (int i = 0; i < OH_LOCKS; i++)
		pg_atomic_init_u32(&locks[i], 0);
	memset((char *) mem + graph->node_offset, 0, (Size) capacity * sizeof(OhGraphNode));
	memset((char *) mem + graph->twin_offset, 0xFF,
		   ((Size) graph->twin_mask + 1) * sizeof(uint32));
	return graph;
}

/* All of it is freed with the context. */
OhBuilder *
OhBuilderBegin(OhGraph *graph, const OmQuantizer *quant, int (*random_level) (int m),
			   MemoryContext context)
{
	OhBuilder  *b = MemoryContextAllocZero(context, sizeof(OhBuilder));
	char	   *base = (char *) graph;
	int			ef = graph->shape.ef_construction;

	b->graph = graph;
	b->locks = (pg_atomic_uint32 *) (base + graph->lock_offset);
	b->nodes = (OhGraphNode *) (base + graph->node_offset);
	b->codes = base + graph->code_offset;
	b->refinements = base + graph->refine_offset;
	b->keys = base + graph->key_offset;
	b->lists = (uint32 *) (base + graph->list_offset);
	b->towers = (uint32 *) (base + graph->tower_offset);
	b->level_members = (uint32 *) (base + graph->member_offset);
	b->islands = b->level_members + graph->level_limit;
	b->twins = (uint32 *) (base + graph->twin_offset);
	b->m = graph->shape.m;
	b->code_stride = graph->code_stride;
	b->list_stride = graph->list_stride;

	b->quant = quant;
	b->distance = om_quant_distance_fn(quant);
	OhSelectorInit(&b->selector, quant, context);
	b->form = om_alloc_aligned(context, om_quant_query_bytes(&graph->shape.spec), 0);
	b->scratch = om_alloc_aligned(context, om_quant_scratch_bytes(&graph->shape.spec), 0);

	b->visited = MemoryContextAllocHuge(context, graph->capacity);
	memset(b->visited, 0, graph->capacity);
	b->memo = om_alloc_aligned(context, OH_MEMO_SIZE * sizeof(OhMemo), 0);
	memset(b->memo, 0xFF, OH_MEMO_SIZE * sizeof(OhMemo));
	b->pool = MemoryContextAlloc(context, (ef + 1) * sizeof(OhPoolEntry));
	b->cand = MemoryContextAlloc(context, (ef + 1 + 2 * b->m) * sizeof(OhCandidate));
	b->spare = OH_NONE;
	b->random_level = random_level;
	return b;
}

uint32
OhGraphSlots(const OhGraph *graph)
{
	uint32		n = pg_atomic_read_u32(unconstify(pg_atomic_uint32 *, &graph->next_slot));

	return Min(n, graph->capacity);
}

/* The counter may exceed the capacity, by one for each participant. */
uint32
OhGraphTakeSlot(OhBuilder *b)
{
	OhGraph    *graph = b->graph;
	uint32		slot = b->spare;

	if (slot != OH_NONE)
	{
		b->spare = OH_NONE;
		return slot;
	}
	if (pg_atomic_read_u32(&graph->next_slot) >= graph->capacity)
		return OH_NONE;
	slot = pg_atomic_fetch_add_u32(&graph->next_slot, 1);
	return slot < graph->capacity ? slot : OH_NONE;
}

/*
 * OhGraphWaitLock -- see graph.h.
 *
 * If there are more participants than processors, the holder may have been preempted, so that this yields
 * the processor soon.
 */
void
OhGraphWaitLock(pg_atomic_uint32 *lock)
{
	int			spins = 0;

	while (pg_atomic_read_u32(lock) != 0 || pg_atomic_exchange_u32(lock, 1) != 0)
	{
		if (++spins < 100)
			pg_spin_delay();
		else
			sched_yield();
	}
}

/*
 * chunk_with_room -- the first chunk of the chain at *head; a new one, put before it, if it has max records
 * already.  NULL if the graph is full.
 *
 * The caller holds the lock of the chain.
 */
static OhTidChunk *
chunk_with_room(OhBuilder *b, uint32 *head, uint32 max)
{
	OhTidChunk *chunk = *head == OH_NONE ? NULL : OhGraphChunk(b, *head);

	if (chunk == NULL || chunk->n >= max)
	{
		uint32		slot = OhGraphTakeSlot(b);

		if (slot == OH_NONE)
			return NULL;
		chunk = OhGraphChunk(b, slot);
		chunk->next = *head;
		chunk->n = 0;
		b->nodes[slot].kind = OH_SLOT_TIDS;
		*head = slot;
	}
	return chunk;
}

bool
OhGraphAddTid(OhBuilder *b, uint32 slot, ItemPointer tid, uint32 hash)
{
	OhGraphNode *node = &b->nodes[slot];
	pg_atomic_uint32 *lock = OhGraphLockOf(b, slot);
	OhTidChunk *chunk;

	OhGraphLock(lock);
	chunk = chunk_with_room(b, &node->more, b->graph->chunk_tids);
	if (chunk != NULL)
	{
		chunk->hash = chunk->n == 0 || chunk->hash == hash ? hash : OH_MIXED;
		chunk->tid[chunk->n++] = *tid;
	}
	OhGraphUnlock(lock);
	return chunk != NULL;
}

/*
 * OhGraphFurther -- see graph.h.
 */
uint32
OhGraphFurther(const OhBuilder *b, const OhGraphNode *node, uint32 *hash)
{
	uint32		n = 0;

	*hash = node->more == OH_NONE ? OH_MIXED : OhGraphChunk(b, node->more)->hash;
	for (uint32 at = node->more; at != OH_NONE; at = OhGraphChunk(b, at)->next)
	{
		n += OhGraphChunk(b, at)->n;
		if (OhGraphChunk(b, at)->hash != *hash)
			*hash = OH_MIXED;
	}
	return n;
}

bool
OhGraphAddRow(OhBuilder *b, ItemPointer tid, int kind, const OhKeyRow *keys)
{
	OhGraph    *graph = b->graph;
	OhTidChunk *chunk;

	Assert(kind > 0 && kind < lengthof(graph->rows));
	OhGraphLock(&graph->rows_lock);
	chunk = chunk_with_room(b, &graph->rows[kind], graph->chunk_rows);
	if (chunk != NULL)
	{
		OhNullData *row = OhChunkRow(b, chunk, chunk->n++);

		row->tid = *tid;
		row->kind = kind;
		if (graph->key_bytes > 0)
			memcpy(row + 1, keys, graph->key_bytes);
	}
	OhGraphUnlock(&graph->rows_lock);
	return chunk != NULL;
}
