/*
 * pack.c -- the order of nodes on pages.
 *
 * A search costs what the pages that it reads cost, so nodes that searches visit
 * together should be on the same page.  Nodes with a tower come first, because every
 * descent reads them.  The other pages are filled one by one.  A page starts with a
 * node that the previous page's nodes link to.  Then it takes, again and again, the node
 * that most of the nodes on it link to.
 */
#include "postgres.h"

#include "hnsw/build/graph.h"
#include "miscadmin.h"

/* More links than the nodes of a page can have: a node with 2m links takes at least 8m + 20 bytes. */
#define PAGE_LINKS	(BLCKSZ / 4)
#define MAX_SCORE	PG_UINT8_MAX

/* The nodes that the page's nodes link to, in chains by the number of these links. */
typedef struct Frontier
{
	uint32		link[PAGE_LINKS];	/* slots */
	int16		next[PAGE_LINKS];	/* in the chain of equal scores */
	int16		head[MAX_SCORE + 1];
	int			n;
	int			best;			/* all chains above this are empty */
} Frontier;

typedef struct Packer
{
	OhBuilder  *b;
	uint32		per_page;
	const uint8 *only;			/* [slots], which to place; NULL: all */
	uint32	   *order;
	uint32	   *number;
	uint32		n;				/* placed so far */
	uint8	   *score;			/* [slots], links from this page's nodes */
	uint32		scan;			/* no unplaced node before this slot */
	Frontier	frontier;
} Packer;

static inline bool
is_open(const Packer *p, uint32 slot, int level)
{
	return p->number[slot] == OH_NONE && p->b->nodes[slot].level >= level &&
		(p->only == NULL || p->only[slot]);
}

/*
 * place -- put a node on the page and raise the scores of the nodes that it links to.
 */
static void
place(Packer *p, uint32 slot, int level)
{
	OhBuilder  *b = p->b;
	Frontier   *f = &p->frontier;
	const uint32 *list = level > 0 ? OhGraphTower(b, slot, level) : OhGraphList(b, slot);
	int			max = level > 0 ? b->m : 2 * b->m;

	p->number[slot] = p->n;
	p->order[p->n++] = slot;
	for (int i = 0; i < max && list[i] != OH_NONE && f->n < PAGE_LINKS; i++)
	{
		uint32		to = list[i] & OH_LINK_ID;
		int			score;

		if (!is_open(p, to, level))
			continue;
		score = Min(p->score[to] + 1, MAX_SCORE);
		p->score[to] = score;
		f->link[f->n] = to;
		f->next[f->n] = f->head[score];
		f->head[score] = f->n++;
		f->best = Max(f->best, score);
	}
}

/*
 * take_best -- the unplaced node with the most links from the page, or OH_NONE.
 */
static uint32
take_best(Packer *p, int level)
{
	Frontier   *f = &p->frontier;

	while (f->best > 0)
	{
		int			i = f->head[f->best];

		if (i < 0)
		{
			f->best--;
			continue;
		}
		f->head[f->best] = f->next[i];
		/* the entry is out of date if the score has risen since */
		if (p->score[f->link[i]] == f->best && is_open(p, f->link[i], level))
			return f->link[i];
	}
	return OH_NONE;
}

static void
start_page(Packer *p)
{
	Frontier   *f = &p->frontier;

	for (int i = 0; i < f->n; i++)
		p->score[f->link[i]] = 0;
	memset(f->head, 0xFF, sizeof(f->head));
	f->n = 0;
	f->best = 0;
}

/*
 * next_in_table -- the first unplaced node in the order of slots, or OH_NONE.
 */
static uint32
next_in_table(Packer *p, int level, uint32 nslots)
{
	for (; p->scan < nslots; p->scan++)
	{
		if (p->b->nodes[p->scan].kind == OH_SLOT_NODE && is_open(p, p->scan, level))
			return p->scan++;
	}
	return OH_NONE;
}

/*
 * pack_level -- place all unplaced nodes that reach up to this level.
 */
static void
pack_level(Packer *p, int level, uint32 nslots)
{
	uint32		slot;

	p->scan = 0;
	for (;;)
	{
		slot = take_best(p, level);
		if (slot == OH_NONE)
			slot = next_in_table(p, level, nslots);
		if (slot == OH_NONE)
			break;
		if (p->n % p->per_page == 0)
		{
			start_page(p);
			CHECK_FOR_INTERRUPTS();
		}
		place(p, slot, level);
	}
	start_page(p);
}

/*
 * OhGraphPack -- see graph.h.
 */
uint32
OhGraphPack(OhBuilder *b, uint32 per_page, const uint8 *only, uint32 *order, uint32 *number)
{
	Packer		p;
	uint32		nslots = OhGraphSlots(b->graph);

	p.b = b;
	p.per_page = per_page;
	p.only = only;
	p.order = order;
	p.number = number;
	p.n = 0;
	p.frontier.n = 0;
	/* the visited set has the size that we need, and nothing uses it now */
	p.score = b->visited;
	memset(p.score, 0, nslots);
	b->epoch = 0;
	memset(number, 0xFF, (Size) nslots * sizeof(uint32));
	start_page(&p);
	pack_level(&p, 1, nslots);
	pack_level(&p, 0, nslots);
	return p.n;
}
