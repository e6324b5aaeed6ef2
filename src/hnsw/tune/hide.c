/*
 * hide.c -- lets a search treat a row of the index as if it were not in the index.
 *
 * A row of the index is an easy query: the graph has a node with its code, with links to
 * the nearest nodes.  So, while its vector is searched for, walks do not enter that node
 * (oh_hidden_node in visited.h). Its neighbours were still chosen with the node in the
 * graph, so such a search is about as hard as one for a vector that the index has never
 * seen, and rather a little harder than easier.  Figures:
 * docs/measurements.md#rows-as-queries
 */
#include "postgres.h"

#include "hnsw/graph/search.h"
#include "hnsw/tune/tune.h"

/*
 * A row's node is looked for among this many candidates.  Except with the inner product, it
 * is the nearest one.
 */
#define HIDE_EF 40

struct OhHider
{
	OhIndex    *ix;
	OhForms		forms;
	OhSearch   *search;
	void	   *scratch;
	void	   *code;
};

OhHider *
OhHiderBegin(OhIndex *ix, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	OhHider    *h = palloc0(sizeof(OhHider));

	h->ix = ix;
	OhFormsInit(&h->forms, ix, false, context);
	h->search = OhSearchBegin(ix, false, NULL, context);
	h->scratch = OhAlignedAlloc(context, om_quant_scratch_bytes(&ix->spec));
	h->code = OhAlignedAlloc(context, ix->code_bytes);
	MemoryContextSwitchTo(old);
	return h;
}

/*
 * is_node_of -- does the node have the code h->code?  Sets *several if the node has several
 * rows.
 */
static bool
is_node_of(OhHider *h, uint32 id, bool *several)
{
	OhIndex    *ix = h->ix;
	Buffer		buffer;
	OhNodeData *node = OhRecordRead(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE, &buffer);
	bool		equal = node->state == OH_LIVE && (node->tag & OH_TAG_MODEL) == ix->number &&
		memcmp(OhNodeCode(node), h->code, ix->code_bytes) == 0;

	*several |= equal && node->posting != OH_NONE;
	UnlockReleaseBuffer(buffer);
	return equal;
}

/*
 * OhNodeToHide -- see tune.h.
 *
 * The entry point is not hidden, and neither is a node if other rows have the same code,
 * because a search finds these at once.
 */
uint32
OhNodeToHide(OhHider *h, const float *x)
{
	uint32		hidden = OH_NONE;
	bool		several = false;

	if (h->ix->entry == OH_NONE || h->ix->quant == NULL)
		return OH_NONE;
	om_quant_encode(h->ix->quant, x, h->scratch, h->code);
	OhFormsSet(&h->forms, h->ix, x);
	OhSearchReset(h->search, &h->forms);
	OhSearchStart(h->search);
	OhSearchLevel(h->search, 0, HIDE_EF);
	for (int64 i = 0; i < h->search->found.n; i++)
	{
		uint32		id = h->search->found.item[i].id;

		if (!is_node_of(h, id, &several))
			continue;
		several |= hidden != OH_NONE;
		hidden = id;
	}
	return several || hidden == h->ix->entry ? OH_NONE : hidden;
}
