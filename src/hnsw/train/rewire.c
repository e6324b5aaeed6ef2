/*
 * rewire.c -- lets all nodes of a small graph choose their base-layer links again, each among all
 * others.
 *
 * It is called after the nodes got codes of a new model.  Before, they chose their neighbours by codes that may
 * tell next to nothing: of no model, if they are the first of an index, or of one that does not suit the
 * rows of today.  The nodes are few, so that everything is computed in memory, and then written with one WAL
 * record for each page.
 *
 * Other backends may insert at the same time: a link that was added after the nodes were read is
 * kept.  A crash leaves a graph of old and new lists of links, which is valid; the next vacuum
 * links a node that none of them leads to.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/graph/linklist.h"
#include "hnsw/graph/select.h"
#include "hnsw/options.h"
#include "hnsw/train/retrain.h"
#include "storage/wal.h"

/* A node. */
typedef struct Wired
{
	uint32		id;
	void	   *code;
	uint32	   *before;			/* [2m], its links when it was read: node ids */
	uint32	   *links;			/* [2m], its new links: numbers in Rewire.node */
	int			n;				/* new links */
	int			nselected;		/* the first of them: chosen as diverse, the others are fill */
	bool		reached;		/* from the entry point, in connect() */
} Wired;

typedef struct Rewire
{
	OhIndex    *ix;
	int			max;			/* links that a node can have: 2m */
	int			n;				/* nodes */
	int			most;			/* nodes at most */
	Wired	   *node;			/* [n], sorted by id */
	OhSelector	selector;
	OmQuery    *form;
	OhCandidate *candidates;	/* [ef_construction + 1] */
	const void **codes;			/* [n] */
	float	   *dist;			/* [n], from the node that chooses */
} Rewire;

/*
 * read_nodes -- all live nodes; false: they are too many.
 */
static bool
read_nodes(Rewire *w)
{
	OhIndex    *ix = w->ix;
	uint32		npages = OhArrayPages(&ix->file, OH_NODE);
	uint32		per_page = ix->file.array[OH_NODE].per_page;

	w->node = palloc0(sizeof(Wired) * w->most);
	for (uint32 lp = 0; lp < npages; lp++)
	{
		Buffer		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buffer);
		uint32		nused = Min(OhTail(page)->nused, per_page);
		bool		room = true;

		for (uint32 slot = 0; slot < nused && room; slot++)
		{
			OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, slot);
			Wired	   *wired;

			if (node->state != OH_LIVE || (node->tag & OH_TAG_MODEL) != ix->number)
				continue;
			room = w->n < w->most;
			if (!room)
				break;
			wired = &w->node[w->n++];
			wired->id = lp * per_page + slot;
			wired->code = memcpy(palloc(ix->code_bytes), OhNodeCode(node), ix->code_bytes);
			wired->before = memcpy(palloc(sizeof(uint32) * w->max),
								   OhNodeLinks(node, ix->code_bytes), sizeof(uint32) * w->max);
			wired->links = palloc(sizeof(uint32) * w->max);
		}
		UnlockReleaseBuffer(buffer);
		if (!room)
			return false;
	}
	return true;
}

/*
 * is_copy -- are there enough candidates at just this distance, most likely siblings of one another?
 *
 * Only an index with filter columns has siblings.
 */
static bool
is_copy(const Rewire *w, int n, float dist)
{
	int			copies = 0;

	for (int i = 0; i < n && w->ix->columns.n > 0; i++)
		copies += w->candidates[i].dist == dist;
	return copies >= OH_MOST_SIBLINGS;
}

/*
 * choose -- choose the links of one node among its nearest ef_construction nodes.
 */
static void
choose(Rewire *w, int i)
{
	Wired	   *wired = &w->node[i];
	int			n = 0;

	om_quant_query_from_code(w->ix->quant, wired->code, w->form);
	om_quant_distances(w->ix->quant, w->form, w->codes, w->n, w->dist);
	for (int j = 0; j < w->n; j++)
	{
		int			at;

		/* insert into the candidates, which are sorted */
		if (j == i || (n == w->ix->ef_construction && w->dist[j] >= w->candidates[n - 1].dist) ||
			is_copy(w, n, w->dist[j]))
			continue;
		at = n < w->ix->ef_construction ? n++ : n - 1;
		for (; at > 0 && w->candidates[at - 1].dist > w->dist[j]; at--)
			w->candidates[at] = w->candidates[at - 1];
		w->candidates[at].dist = w->dist[j];
		w->candidates[at].id = j;
		w->candidates[at].code = w->node[j].code;
	}
	wired->n = OhSelectNeighbours(&w->selector, w->candidates, n, w->max);
	wired->nselected = OhCandidateLinks(w->candidates, wired->n, wired->links);
}

/*
 * link_back -- for each chosen link add the link back, if there is room for it or fill to replace.
 */
static void
link_back(Rewire *w)
{
	int		   *fill = palloc(sizeof(int) * w->n);	/* end of the fill that is left */

	for (int i = 0; i < w->n; i++)
		fill[i] = w->node[i].n;
	for (int i = 0; i < w->n; i++)
	{
		for (int k = 0; k < w->node[i].nselected; k++)
		{
			int			j = w->node[i].links[k];
			Wired	   *to = &w->node[j];

			if (OhHasLink(to->links, to->n, i))
				continue;
			if (to->n < w->max)
				to->links[to->n++] = i;
			else if (fill[j] > to->nselected)
				to->links[--fill[j]] = i;
		}
	}
}

/*
 * walk_from -- mark all nodes that can be reached from a node.
 */
static void
walk_from(Rewire *w, int from)
{
	int		   *stack = palloc(sizeof(int) * w->n);
	int			n = 0;

	w->node[from].reached = true;
	stack[n++] = from;
	while (n > 0)
	{
		const Wired *wired = &w->node[stack[--n]];

		for (int k = 0; k < wired->n; k++)
		{
			if (w->node[wired->links[k]].reached)
				continue;
			w->node[wired->links[k]].reached = true;
			stack[n++] = wired->links[k];
		}
	}
	pfree(stack);
}

/*
 * reach -- link a node that is not reached from the nearest reached node with room or fill; false if there is
 * no such node.
 */
static bool
reach(Rewire *w, int i)
{
	int			nearest = -1;
	Wired	   *from;

	om_quant_query_from_code(w->ix->quant, w->node[i].code, w->form);
	om_quant_distances(w->ix->quant, w->form, w->codes, w->n, w->dist);
	for (int j = 0; j < w->n; j++)
	{
		if (w->node[j].reached && (w->node[j].n < w->max || w->node[j].nselected < w->max) &&
			(nearest < 0 || w->dist[j] < w->dist[nearest]))
			nearest = j;
	}
	if (nearest < 0)
		return false;
	from = &w->node[nearest];
	if (from->n < w->max)
		from->links[from->n++] = i;
	else
	{
		/* replace the first fill, and count it as chosen, so that it is not replaced again */
		from->links[from->nselected] = i;
		from->nselected++;
	}
	walk_from(w, i);
	return true;
}

/*
 * connect -- add links until every node can be reached from the entry point.
 *
 * The fill that reach() replaces may have been the only link to its node, so that there are further
 * rounds.  They end, because what a round adds is no fill.  If all lists are full of chosen links, a
 * node is left to its tower, or to vacuum.
 */
static void
connect(Rewire *w)
{
	int			entry = 0;
	bool		again = true;

	for (int i = 0; i < w->n; i++)
	{
		if (w->node[i].id == w->ix->entry)
			entry = i;
	}
	while (again)
	{
		CHECK_FOR_INTERRUPTS();
		again = false;
		for (int i = 0; i < w->n; i++)
			w->node[i].reached = false;
		walk_from(w, entry);
		for (int i = 0; i < w->n; i++)
		{
			if (!w->node[i].reached)
				again |= reach(w, i);
		}
	}
}

/*
 * store -- write the links of a node, and keep those that it has got since it was read.
 */
static void
store(Rewire *w, const Wired *wired, OhNodeData *node)
{
	uint32	   *links = OhNodeLinks(node, w->ix->code_bytes);
	uint32		list[2 * OH_MAX_M];
	int			n = 0;
	int			last;

	for (int k = 0; k < wired->n; k++)
		list[n++] = w->node[wired->links[k]].id;
	last = n;
	for (int k = 0; k < w->max && links[k] != OH_NONE; k++)
	{
		bool		known = false;

		for (int b = 0; b < w->max && !known; b++)
			known = links[k] == wired->before[b];
		for (int l = 0; l < n && !known; l++)
			known = links[k] == list[l];
		if (known)
			continue;
		if (n < w->max)
			list[n++] = links[k];
		else if (last > 0)
			list[--last] = links[k];
	}
	for (int k = 0; k < w->max; k++)
		links[k] = k < n ? list[k] : OH_NONE;
	node->nselected = Min(wired->nselected, last);
	node->version++;
}

static void
write_page(Rewire *w, uint32 lp, int from, int to)
{
	OhIndex    *ix = w->ix;
	Buffer		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_EXCLUSIVE);
	OhWrite		write;
	Page		page;

	OhWriteStart(&write, &w->ix->file);
	page = OhWritePage(&write, buffer, false);
	for (int i = from; i < to; i++)
	{
		OhNodeData *node = OhRecord(&ix->file, OH_NODE, page, w->node[i].id);

		/* skip a node that was freed since, even if the slot was reused */
		if (node->state == OH_LIVE && (node->tag & OH_TAG_MODEL) == ix->number &&
			memcmp(OhNodeCode(node), w->node[i].code, ix->code_bytes) == 0)
			store(w, &w->node[i], node);
	}
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}

bool
OhRewire(OhIndex *ix, int most)
{
	Rewire		w = {0};

	w.ix = ix;
	w.most = most;
	w.max = 2 * ix->m;
	if (!read_nodes(&w))
		return false;
	if (w.n < 2)
		return true;
	OhSelectorInit(&w.selector, ix->quant, CurrentMemoryContext);
	w.form = OhAlignedAlloc(CurrentMemoryContext, om_quant_query_bytes(&ix->spec));
	w.candidates = palloc(sizeof(OhCandidate) * (ix->ef_construction + 1));
	w.codes = palloc(sizeof(void *) * w.n);
	w.dist = palloc(sizeof(float) * w.n);
	for (int i = 0; i < w.n; i++)
		w.codes[i] = w.node[i].code;
	for (int i = 0; i < w.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		choose(&w, i);
	}
	link_back(&w);
	connect(&w);
	for (int from = 0, to; from < w.n; from = to)
	{
		uint32		lp = OhLp(&ix->file, OH_NODE, w.node[from].id);

		CHECK_FOR_INTERRUPTS();
		for (to = from; to < w.n && OhLp(&ix->file, OH_NODE, w.node[to].id) == lp; to++)
			;
		write_page(&w, lp, from, to);
	}
	return true;
}
