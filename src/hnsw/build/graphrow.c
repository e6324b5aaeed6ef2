/*
 * graphrow.c -- rows of the in-memory graph of a build.
 *
 * A row becomes a node of the graph, unless one has its code already: then it joins that node or
 * becomes its sibling, for a hash probe or two.
 */
#include "postgres.h"

#include "hnsw/build/graph.h"

/*
 * join_refinement -- a row with the same code joins a node.  If their refinements differ, their
 * vectors do too, and neither refinement is right for both.
 */
static void
join_refinement(OhBuilder *b, uint32 twin, uint32 slot)
{
	pg_atomic_uint32 *lock = OhGraphLockOf(b, twin);

	OhGraphLock(lock);
	if (memcmp(OhGraphRefinement(b, twin), OhGraphRefinement(b, slot),
			   b->graph->shape.refine_bytes) != 0)
		om_quant_refine_blur(OhGraphRefinement(b, twin));
	OhGraphUnlock(lock);
}

/*
 * join_node -- a row joins the node that has its code, and gives back its slot.
 */
static bool
join_node(OhBuilder *b, uint32 twin, uint32 slot, ItemPointer tid, uint32 hash)
{
	b->spare = slot;
	if (b->graph->shape.refine_bytes > 0)
		join_refinement(b, twin, slot);
	return OhGraphAddTid(b, twin, tid, hash);
}

static void
make_sibling(OhGraphNode *node, uint32 leader)
{
	node->level = 0;
	node->tower = leader;
	node->kind = OH_SLOT_SIBLING;
}

/*
 * OhGraphAdd -- see graph.h.
 */
bool
OhGraphAdd(OhBuilder *b, const OhPosition *position, ItemPointer tid, const OhKeyRow *keys)
{
	const float *x = position->x;
	OhGraph    *graph = b->graph;
	uint32		slot = OhGraphTakeSlot(b);
	OhGraphNode *node;
	uint32		twin;
	uint32		leader;

	if (slot == OH_NONE)
		return false;

	node = &b->nodes[slot];
	om_quant_encode(b->quant, x, b->scratch, OhGraphCode(b, slot));
	node->more = OH_NONE;
	node->tid = *tid;
	if (graph->shape.refine_bytes > 0)
		om_quant_refine_encode(b->quant, x, OhGraphCode(b, slot), b->scratch,
							   OhGraphRefinement(b, slot));
	if (graph->key_bytes > 0)
		memcpy(OhGraphKeys(b, slot), keys, graph->key_bytes);
	pg_write_barrier();
	twin = OhGraphFindTwin(b, slot, &leader);
	if (twin != OH_NONE)
		return join_node(b, twin, slot, tid, OhPositionHash(position));
	if (leader != OH_NONE)
	{
		make_sibling(node, leader);
		return true;
	}

	om_quant_query(b->quant, x, b->scratch, b->form);
	OhGraphAddNode(b, slot, b->random_level(graph->shape.m));
	return true;
}

/*
 * OhGraphAddCoded -- see graph.h.
 */
uint32
OhGraphAddCoded(OhBuilder *b, const OhCodedRow *row, bool alone)
{
	OhGraph    *graph = b->graph;
	uint32		slot = OhGraphTakeSlot(b);
	OhGraphNode *node;
	ItemPointerData tid = row->tid;
	uint32		twin;
	uint32		leader = OH_NONE;

	if (slot == OH_NONE)
		return OH_NONE;
	node = &b->nodes[slot];
	memcpy(OhGraphCode(b, slot), row->code, graph->code_bytes);
	node->more = OH_NONE;
	node->tid = tid;
	if (graph->shape.refine_bytes > 0 && row->refinement != NULL)
		memcpy(OhGraphRefinement(b, slot), row->refinement, graph->shape.refine_bytes);
	if (graph->key_bytes > 0)
		memcpy(OhGraphKeys(b, slot), row->keys, graph->key_bytes);
	twin = alone ? OH_NONE : OhGraphFindTwin(b, slot, &leader);
	if (twin != OH_NONE)
	{
		if (!row->guest)
			return join_node(b, twin, slot, &tid, row->hash) ? twin : OH_NONE;
		b->spare = slot;
		return twin;
	}
	if (leader != OH_NONE)
	{
		make_sibling(node, leader);
		return slot;
	}
	if (row->form != NULL)
		memcpy(b->form, row->form, om_quant_query_bytes(&graph->shape.spec));
	else if (row->x != NULL)
		om_quant_query(b->quant, row->x, b->scratch, b->form);
	else
		om_quant_query_from_code(b->quant, row->code, b->form);
	OhGraphAddNode(b, slot, row->level);
	return slot;
}
