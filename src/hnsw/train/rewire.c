/*
 * rewire.c -- lets all nodes of a small graph choose their base-layer links again, each among all
 * others.
 *
 * It is called after all nodes have got codes of a new model.  They had chosen their neighbours by the codes of
 * before, which may tell next to nothing about distances: codes without a model, if the nodes are the first of an
 * index, or codes of a model that does not suit the present rows.  The nodes are few, so that all links are chosen
 * in memory, and then written with one WAL record for each page.
 *
 * Other backends may insert at the same time.  Links to nodes that were not read are kept, and so are links that
 * were added after their node was read.  But an insert may also drop a link, because a path of other links leads to
 * its target, and the lists written here may lack a link of that path.  So in the end all nodes are read again, and
 * those that cannot be reached are linked.  By then no list is written but to add such a link.
 *
 * A crash leaves a graph in which some nodes have old lists of links and others new ones.  It is valid; if no list
 * leads to a node, the next vacuum links it.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/graph/linkcode.h"
#include "hnsw/graph/linklist.h"
#include "hnsw/graph/select.h"
#include "hnsw/options.h"
#include "hnsw/train/retrain.h"
#include "storage/bitset.h"
#include "storage/wal.h"

/*
 * After the lists are written, nodes that cannot be reached are looked for at most SETTLE_ROUNDS times, and
 * only in a graph of at most SETTLE_MOST times the nodes that OhRewire() was allowed to rewire.
 */
#define SETTLE_ROUNDS	8
#define SETTLE_MOST		2

/* The nodes are read up to READ_ROUNDS times, until the entry point is one of those read. */
#define READ_ROUNDS		4

/* A node. */
typedef struct Wired
{
	uint32		id;
	void	   *code;
	uint32	   *before;			/* [2m], its links when it was read: node ids */
	uint32	   *links;			/* [2m], its new links: numbers in Rewire.node */
	int			n;				/* new links */
	int			nselected;		/* the first nselected are diverse ones, the others are fill */
	uint16		version;		/* of the node, when it was read */
	uint8		level;			/* of the node */
	bool		changed;		/* it has got a link to an orphan */

	/* written by connect() */
	bool		reached;		/* from the entry point */
	bool		orphan;			/* it was reached only after reach() had linked it */
	bool		gave;			/* it has given up a diverse link for an orphan */
	int			parent;			/* the node that it was reached from */
} Wired;

typedef struct Rewire
{
	OhIndex    *ix;
	int			max;			/* links that a node can have: 2m */
	int			n;				/* number of nodes */
	int			most;			/* greatest n allowed */
	Wired	   *node;			/* [n], sorted by id */
	OhBitset	dead;			/* ids of nodes that were dead when they were read */
	const OhBitset *orphans;	/* ids of the nodes that reach() may be called for; NULL: all */
	OhSelector	selector;
	OmQuery    *form;
	OhCandidate *candidates;	/* [ef_construction + 1] */
	const void **codes;			/* [n] */
	float	   *dist;			/* [n], from the node that chooses */
} Rewire;

/*
 * read_pages -- read all live nodes; false: there are more than `most`.
 */
static bool
read_pages(Rewire *w)
{
	OhIndex    *ix = w->ix;
	uint32		npages = OhArrayPages(&ix->file, OH_NODE);
	uint32		per_page = ix->file.array[OH_NODE].per_page;

	w->n = 0;
	w->node = palloc0(sizeof(Wired) * w->most);
	OhBitsetInit(&w->dead, (uint64) npages * per_page, CurrentMemoryContext);
	for (uint32 lp = 0; lp < npages; lp++)
	{
		Buffer		buffer;
		Page		page;
		uint32		nused;
		bool		room = true;

		CHECK_FOR_INTERRUPTS();
		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		nused = Min(OhTail(page)->nused, per_page);
		for (uint32 slot = 0; slot < nused && room; slot++)
		{
			OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, slot);
			Wired	   *wired;

			if (node->state == OH_DEAD)
				OhBitsetAdd(&w->dead, lp * per_page + slot);
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
			wired->nselected = Min(node->nselected, w->max);
			wired->version = node->version;
			wired->level = node->level;
		}
		UnlockReleaseBuffer(buffer);
		if (!room)
			return false;
	}
	return true;
}

/*
 * find_node -- the index in Rewire.node of the node with this id; -1: it was not read.
 */
static int
find_node(const Rewire *w, uint32 id)
{
	int			from = 0;
	int			to = w->n;

	while (from < to)
	{
		int			middle = (from + to) / 2;

		if (w->node[middle].id == id)
			return middle;
		if (w->node[middle].id < id)
			from = middle + 1;
		else
			to = middle;
	}
	return -1;
}

/*
 * read_nodes -- read all live nodes, and then which of them is the entry point; false: there are more than `most`.
 *
 * If the entry point is neither among the nodes read nor dead, it was added in between: read again.  Should another
 * node become the entry point later, its version changes, by which write_page() notices.
 */
static bool
read_nodes(Rewire *w)
{
	for (int round = 0; round < READ_ROUNDS; round++)
	{
		if (!read_pages(w))
			return false;
		OhIndexRefresh(w->ix);
		if (w->ix->entry == OH_NONE || find_node(w, w->ix->entry) >= 0 || OhBitsetHas(&w->dead, w->ix->entry))
			break;
	}
	return true;
}

/*
 * has_siblings -- are there OH_MOST_SIBLINGS candidates at exactly this distance already?
 *
 * They are most likely siblings of one another, of which a few are enough.  Only an index with filter columns has
 * siblings.
 */
static bool
has_siblings(const Rewire *w, int n, float dist)
{
	int			nequal = 0;

	for (int i = 0; i < n && w->ix->columns.n > 0; i++)
		nequal += w->candidates[i].dist == dist;
	return nequal >= OH_MOST_SIBLINGS;
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
			has_siblings(w, n, w->dist[j]))
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
 * link_back -- for each diverse link add the link back, if its list has room or fill that can be replaced.
 */
static void
link_back(Rewire *w)
{
	int		   *fill = palloc(sizeof(int) * w->n);	/* [n], end of the fill that has not been
													 * replaced */

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
			Wired	   *to = &w->node[wired->links[k]];

			if (to->reached)
				continue;
			to->reached = true;
			to->parent = wired - w->node;
			stack[n++] = wired->links[k];
		}
	}
	pfree(stack);
}

/*
 * spare_place -- the index in a node's list at which a link to an orphan can be put, or -1.
 *
 * That is the end of a list with room, or a link to be given up.  A link over which its target was reached is never
 * given up.
 *
 * any: may a diverse link be given up, too?  A node gives up one, an orphan any number.
 */
static int
spare_place(const Rewire *w, int i, bool any)
{
	const Wired *from = &w->node[i];
	int			least = any && (from->orphan || !from->gave) ? 0 : from->nselected;

	if (from->n < w->max)
		return from->n;
	for (int k = from->n - 1; k >= least; k--)
	{
		if (w->node[from->links[k]].parent != i)
			return k;
	}
	return -1;
}

/*
 * reach -- link node i, an orphan, from the nearest reached node whose list has room or fill.
 *
 * If no list has, the nearest node that may gives up a diverse link.  That happens where nodes have equal codes and
 * differ in their filter keys: all of them choose the same few, which choose one another.  A node gives up only one
 * link, and further orphans are linked from the first one, so that the lists that most searches use hardly change.
 * There always is a node that may give up a link: one over which no other node was reached.
 */
static void
reach(Rewire *w, int i)
{
	int			nearest = -1;
	int			place = -1;
	bool		any = false;
	Wired	   *from;

	om_quant_query_from_code(w->ix->quant, w->node[i].code, w->form);
	om_quant_distances(w->ix->quant, w->form, w->codes, w->n, w->dist);
	for (;; any = true)
	{
		for (int j = 0; j < w->n; j++)
		{
			if (w->node[j].reached && (nearest < 0 || w->dist[j] < w->dist[nearest]) &&
				spare_place(w, j, any) >= 0)
				nearest = j;
		}
		if (nearest >= 0 || any)
			break;
	}
	Assert(nearest >= 0);
	from = &w->node[nearest];
	place = spare_place(w, nearest, any);
	if (place == from->n)
		from->n++;
	else if (place >= from->nselected)
	{
		from->links[place] = from->links[from->nselected];
		place = from->nselected++;
	}
	else
		from->gave = true;
	from->links[place] = i;
	from->changed = true;
	w->node[i].reached = w->node[i].orphan = true;
	w->node[i].parent = nearest;
	walk_from(w, i);
}

/*
 * entry_of -- the entry point, as an index of Rewire.node; if it is dead, the node that a vacuum will replace it by.
 */
static int
entry_of(const Rewire *w)
{
	int			best = find_node(w, w->ix->entry);

	if (best >= 0)
		return best;
	best = 0;
	for (int i = 1; i < w->n; i++)
	{
		if (w->node[i].level > w->node[best].level)
			best = i;
	}
	return best;
}

/*
 * connect -- add links until every node can be reached from the entry point.
 */
static void
connect(Rewire *w)
{
	for (int i = 0; i < w->n; i++)
		w->node[i].parent = -1;
	walk_from(w, entry_of(w));
	for (int i = 0; i < w->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!w->node[i].reached && (w->orphans == NULL || OhBitsetHas(w->orphans, w->node[i].id)))
			reach(w, i);
	}
}

/*
 * is_new -- was this link of a node unknown when the new links were chosen, so that it must be kept?
 */
static bool
is_new(const Rewire *w, const Wired *wired, uint32 link)
{
	int			to = find_node(w, link);

	if (to < 0)
		return !OhBitsetHas(&w->dead, link);
	return !OhHasLink(wired->before, w->max, link);
}

/*
 * least_needed -- the index of the last of list[n], a node's new links, over which no node was reached; n - 1 if all
 * have reached one.
 */
static int
least_needed(const Rewire *w, const Wired *wired, const uint32 *list, int n)
{
	for (int k = n - 1; k >= 0; k--)
	{
		if (w->node[find_node(w, list[k])].parent != wired - w->node)
			return k;
	}
	return n - 1;
}

/*
 * store -- write the new links of a node, and keep those that others have added since it was read.
 */
static void
store(const Rewire *w, const Wired *wired, OhNodeData *node)
{
	uint32	   *links = OhNodeLinks(node, w->ix->code_bytes);
	uint32		list[2 * OH_MAX_M];
	uint32		kept[2 * OH_MAX_M];
	int			nselected = wired->nselected;
	int			n = wired->n;
	int			nkept = 0;

	for (int k = 0; k < n; k++)
		list[k] = w->node[wired->links[k]].id;
	for (int k = 0; k < w->max && links[k] != OH_NONE; k++)
	{
		if (is_new(w, wired, links[k]) && !OhHasLink(list, n, links[k]))
			kept[nkept++] = links[k];
	}
	while (n + nkept > w->max)
	{
		int			place = least_needed(w, wired, list, n);

		if (place < nselected)
			nselected--;
		n--;
		memmove(&list[place], &list[place + 1], sizeof(uint32) * (n - place));
	}
	memcpy(&list[n], kept, sizeof(uint32) * nkept);
	n += nkept;
	for (int k = 0; k < w->max; k++)
		links[k] = k < n ? list[k] : OH_NONE;
	node->nselected = nselected;
	OhForgetLinkCodes(w->ix, node);
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

		/*
		 * skip a node that was freed since, even if the slot was reused, and one that may be the
		 * entry point now
		 */
		if (node->state == OH_LIVE && (node->tag & OH_TAG_MODEL) == ix->number &&
			memcmp(OhNodeCode(node), w->node[i].code, ix->code_bytes) == 0 &&
			(node->level <= ix->entry_level || node->version == w->node[i].version))
			store(w, &w->node[i], node);
	}
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}

/*
 * begin_choice -- allocate what is needed to choose links among all nodes.
 */
static void
begin_choice(Rewire *w)
{
	OhSelectorInit(&w->selector, w->ix->quant, CurrentMemoryContext);
	w->form = OhAlignedAlloc(CurrentMemoryContext, om_quant_query_bytes(&w->ix->spec));
	w->candidates = palloc(sizeof(OhCandidate) * (w->ix->ef_construction + 1));
	w->codes = palloc(sizeof(void *) * w->n);
	w->dist = palloc(sizeof(float) * w->n);
	for (int i = 0; i < w->n; i++)
		w->codes[i] = w->node[i].code;
}

/*
 * take_links -- instead of choosing links, take those that the nodes had when they were read, as far as their
 * targets were read, too.
 */
static void
take_links(Rewire *w)
{
	for (int i = 0; i < w->n; i++)
	{
		Wired	   *wired = &w->node[i];
		int			selected = 0;

		for (int k = 0; k < w->max && wired->before[k] != OH_NONE; k++)
		{
			int			to = find_node(w, wired->before[k]);

			if (to < 0)
				continue;
			wired->links[wired->n++] = to;
			selected += k < wired->nselected;
		}
		wired->nselected = selected;
	}
}

/*
 * store_changed -- write the lists that have got a link to an orphan, each unless another backend has changed it
 * since it was read; false: there are none.
 */
static bool
store_changed(Rewire *w)
{
	OhIndex    *ix = w->ix;
	bool		any = false;

	for (int i = 0; i < w->n; i++)
	{
		const Wired *wired = &w->node[i];
		Buffer		buffer;
		OhNodeData *node;

		if (!wired->changed)
			continue;
		CHECK_FOR_INTERRUPTS();
		any = true;
		buffer = OhRecordPage(&ix->file, OH_NODE, wired->id, BUFFER_LOCK_EXCLUSIVE);
		node = OhRecord(&ix->file, OH_NODE, BufferGetPage(buffer), wired->id);
		if (node->state == OH_LIVE && node->version == wired->version)
		{
			OhWrite		write;

			OhWriteStart(&write, &ix->file);
			store(w, wired, OhRecord(&ix->file, OH_NODE, OhWritePage(&write, buffer, false), wired->id));
			OhWriteFinish(&write);
		}
		UnlockReleaseBuffer(buffer);
	}
	return any;
}

/*
 * settle -- after all lists are written, link the nodes that cannot be reached.
 *
 * The first round may link any node.  Each further round sees whether that has succeeded, and links only nodes that
 * an earlier round has seen: one added while the nodes were read only seems to be out of reach.
 */
static void
settle(OhIndex *ix, int most)
{
	OhBitset	known;

	OhBitsetInit(&known, OhArrayRecords(&ix->file, OH_NODE), CurrentMemoryContext);
	for (int round = 0; round < SETTLE_ROUNDS; round++)
	{
		Rewire		w = {.ix = ix, .most = most, .max = 2 * ix->m};
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw rewire", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);
		bool		any = false;

		w.orphans = round > 0 ? &known : NULL;
		/* if other backends have inserted too many nodes by now, the next vacuum does it */
		if (read_nodes(&w) && w.n > 1)
		{
			begin_choice(&w);
			take_links(&w);
			connect(&w);
			any = store_changed(&w);
		}
		MemoryContextSwitchTo(old);
		for (int i = 0; any && i < w.n; i++)
		{
			OhBitsetGrow(&known, w.node[i].id);
			OhBitsetAdd(&known, w.node[i].id);
		}
		MemoryContextDelete(context);
		if (!any)
			break;
	}
	OhBitsetFree(&known);
}

bool
OhRewire(OhIndex *ix, int most)
{
	Rewire		w = {.ix = ix, .most = most, .max = 2 * ix->m};

	if (!read_nodes(&w))
		return false;
	if (w.n < 2)
		return true;
	begin_choice(&w);
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
	settle(ix, SETTLE_MOST * most);
	return true;
}
