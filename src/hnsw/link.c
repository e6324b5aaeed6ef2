/*
 * link.c -- links between a new node and its neighbours on the base layer.
 *
 * See insert.c for the steps and what a crash leaves.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/hnsw.h"
#include "hnsw/link.h"

/* Rounds of deciding again for neighbours that others have changed. */
#define LINK_ROUNDS 3

void
OhLinkChoose(OhInserter *ins, const uint32 *links, int n, bool chosen)
{
	for (int i = 0; i < n; i++)
	{
		OhKept	   *kept = OhKeepFind(&ins->keep, links[i]);

		if (kept)
			kept->chosen = chosen;
	}
}

int
OhLinkPlace(OhInserter *ins, const uint32 *links, int n, int max, const void *code, float dist,
			uint32 *old)
{
	OhIndex    *ix = ins->ix;
	bool		prepared = false;
	float		farthest = dist;
	int			place = -1;

	*old = OH_NONE;
	for (int i = 0; i < n; i++)
	{
		if (links[i] == ins->id)
			return -1;
	}
	if (n < max)
		return n;
	for (int i = 0; i < n; i++)
	{
		OhKept	   *kept = OhKeepFind(&ins->keep, links[i]);
		float		d;

		if (kept == NULL || !kept->chosen)
			continue;
		if (!prepared)
			om_quant_query_from_code(ix->quant, code, ins->form);
		prepared = true;
		d = ix->distance(ix->quant, ins->form, kept->code);
		/* the way over the new node is shorter than the link */
		if (d > farthest && kept->dist < d)
		{
			farthest = d;
			place = i;
			*old = links[i];
		}
	}
	return place;
}

/*
 * kept_with_links -- what is known of a node, its links read if they were not.
 */
static OhKept *
kept_with_links(OhInserter *ins, uint32 id, bool again)
{
	OhKept	   *kept = OhKeepFind(&ins->keep, id);

	if (!kept->expanded || again)
		OhSearchLinks(ins->search, id);
	return kept;
}

static void
decide(OhInserter *ins, OhBackLink *back, bool again)
{
	OhKept	   *kept = kept_with_links(ins, back->node, again);

	back->version = kept->version;
	back->place = -1;
	if (kept->expanded && kept->live)
		back->place = OhLinkPlace(ins, kept->links, kept->nlinks, 2 * ins->ix->m, kept->code,
								  kept->dist, &back->old);
}

/*
 * force -- make the nearest neighbour link back, whatever it costs.
 *
 * Its last link goes; the new node takes that link over, so that its target
 * stays reachable.
 */
static void
force(OhInserter *ins, OhBackLink *back)
{
	OhKept	   *kept = OhKeepFind(&ins->keep, back->node);
	int			max = 2 * ins->ix->m;
	uint32		victim = kept->links[kept->nlinks - 1];
	bool		linked = false;

	for (int i = 0; i < ins->nlinks; i++)
		linked = linked || ins->links[i] == victim;
	if (!linked)
	{
		OhKept	   *other = OhKeepFind(&ins->keep, victim);

		if (ins->nlinks < max)
			ins->nlinks++;
		else
			OhLinkChoose(ins, &ins->links[max - 1], 1, false);
		ins->links[ins->nlinks - 1] = victim;
		if (other)
			other->chosen = true;
	}
	back->place = kept->nlinks - 1;
	back->old = victim;
}

void
OhLinkPlan(OhInserter *ins, int n)
{
	ins->nlinks = n;
	ins->nback = n;
	for (int i = 0; i < n; i++)
		ins->links[i] = ins->candidates[i].id;
	OhLinkChoose(ins, ins->links, n, true);
	for (int i = 0; i < n; i++)
	{
		OhBackLink *back = &ins->back[i];

		back->node = ins->candidates[i].id;
		back->lp = OhLp(ins->ix, OH_NODE, back->node);
		back->done = false;
		decide(ins, back, false);
		if (i == 0 && back->place < 0)
		{
			OhKept	   *kept = OhKeepFind(&ins->keep, back->node);

			if (kept->expanded && kept->live && kept->nlinks > 0)
				force(ins, back);
		}
	}
}

/*
 * add_page -- add a page to a set of at most max; false if there is no room.
 */
static bool
add_page(uint32 *lps, int *n, int max, uint32 lp)
{
	for (int i = 0; i < *n; i++)
	{
		if (lps[i] == lp)
			return true;
	}
	if (*n == max)
		return false;
	lps[(*n)++] = lp;
	return true;
}

/*
 * lock_pages -- lock node pages in block order; buffers[] in the order of lps[],
 * which is sorted.
 */
static void
lock_pages(OhInserter *ins, uint32 *lps, int n, Buffer *buffers)
{
	OhIndex    *ix = ins->ix;

	for (int i = 1; i < n; i++)
	{
		for (int j = i; j > 0 &&
			 OhArrayBlock(ins->index, ix, OH_NODE, lps[j - 1]) >
			 OhArrayBlock(ins->index, ix, OH_NODE, lps[j]); j--)
		{
			uint32		t = lps[j];

			lps[j] = lps[j - 1];
			lps[j - 1] = t;
		}
	}
	for (int i = 0; i < n; i++)
		buffers[i] = OhArrayRead(ins->index, ix, OH_NODE, lps[i], BUFFER_LOCK_EXCLUSIVE);
}

static Buffer
buffer_of(const uint32 *lps, int n, const Buffer *buffers, uint32 lp)
{
	for (int i = 0; i < n; i++)
	{
		if (lps[i] == lp)
			return buffers[i];
	}
	return InvalidBuffer;
}

/*
 * still_valid -- is the neighbour as it was when the link was decided?
 */
static bool
still_valid(OhInserter *ins, const OhBackLink *back, Page page)
{
	uint32		slot = OhSlotOf(ins->ix, OH_NODE, back->node);
	OhNodeData *node = OhSlot(ins->ix, OH_NODE, page, slot);

	return slot < OhTail(page)->nused && node->state == OH_LIVE &&
		node->version == back->version &&
		OhNodeLinks(node, ins->ix->code_bytes)[back->place] == back->old;
}

static void
apply(OhInserter *ins, OhBackLink *back, Page page)
{
	OhNodeData *node = OhSlot(ins->ix, OH_NODE, page, OhSlotOf(ins->ix, OH_NODE, back->node));

	OhNodeLinks(node, ins->ix->code_bytes)[back->place] = ins->id;
	node->version++;
	back->done = true;
}

OhLinkResult
OhLinkNode(OhInserter *ins, uint32 lp, ItemPointer tid)
{
	OhIndex    *ix = ins->ix;
	uint32		lps[OH_WRITE_MAX];
	Buffer		buffers[OH_WRITE_MAX];
	Buffer		own;
	int			n = 0;
	int			valid = 0;
	OhLinkResult result = OH_LINKED;

	add_page(lps, &n, OH_WRITE_MAX, lp);
	for (int i = 0; i < ins->nback; i++)
	{
		if (ins->back[i].place >= 0)
			add_page(lps, &n, OH_WRITE_MAX, ins->back[i].lp);
	}
	lock_pages(ins, lps, n, buffers);
	own = buffer_of(lps, n, buffers, lp);
	for (int i = 0; i < ins->nback; i++)
	{
		Buffer		buffer = buffer_of(lps, n, buffers, ins->back[i].lp);

		if (ins->back[i].place >= 0 && buffer != InvalidBuffer &&
			still_valid(ins, &ins->back[i], BufferGetPage(buffer)))
			valid++;
	}
	if (!OhPageHasFree(ix, OH_NODE, BufferGetPage(own)))
		result = OH_NO_SLOT;
	else if (valid == 0)
		result = OH_CHANGED;
	else
	{
		OhWrite		write;
		Page		page;
		uint32		slot;

		OhWriteStart(&write, ins->index, ix->building);
		page = OhWritePage(&write, own, false);
		if (!OhPageTakeSlot(ix, OH_NODE, page, &slot))
			OhCorrupt(ins->index, BufferGetBlockNumber(own), "the count of free slots is wrong");
		ins->id = lp * ix->array[OH_NODE].per_page + slot;
		OhFillNode(ins, page, slot, tid, ins->links, ins->nlinks);
		for (int i = 0; i < ins->nback; i++)
		{
			Buffer		buffer = buffer_of(lps, n, buffers, ins->back[i].lp);

			if (ins->back[i].place >= 0 && buffer != InvalidBuffer &&
				still_valid(ins, &ins->back[i], BufferGetPage(buffer)))
				apply(ins, &ins->back[i], OhWritePage(&write, buffer, false));
		}
		OhWriteFinish(&write);
	}
	for (int i = 0; i < n; i++)
		UnlockReleaseBuffer(buffers[i]);
	return result;
}

/*
 * link_group -- the back links of up to OH_WRITE_MAX pages in one record.
 *
 * from: the first back link to look at.  Those that are no longer valid are
 * left undone.  Returns false once none is left.
 */
static bool
link_group(OhInserter *ins, bool *tried)
{
	uint32		lps[OH_WRITE_MAX];
	Buffer		buffers[OH_WRITE_MAX];
	bool		started = false;
	OhWrite		write;
	int			n = 0;

	for (int i = 0; i < ins->nback; i++)
	{
		if (!ins->back[i].done && !tried[i] && ins->back[i].place >= 0)
			add_page(lps, &n, OH_WRITE_MAX, ins->back[i].lp);
	}
	if (n == 0)
		return false;
	lock_pages(ins, lps, n, buffers);
	for (int i = 0; i < ins->nback; i++)
	{
		OhBackLink *back = &ins->back[i];
		Buffer		buffer;

		if (back->done || tried[i] || back->place < 0)
			continue;
		buffer = buffer_of(lps, n, buffers, back->lp);
		if (buffer == InvalidBuffer)
			continue;
		tried[i] = true;
		if (!still_valid(ins, back, BufferGetPage(buffer)))
			continue;
		if (!started)
			OhWriteStart(&write, ins->index, ins->ix->building);
		started = true;
		apply(ins, back, OhWritePage(&write, buffer, false));
	}
	if (started)
		OhWriteFinish(&write);
	for (int i = 0; i < n; i++)
		UnlockReleaseBuffer(buffers[i]);
	return true;
}

void
OhLinkRest(OhInserter *ins)
{
	for (int round = 0; round < LINK_ROUNDS; round++)
	{
		bool		tried[2 * OH_MAX_M] = {false};
		bool		left = false;

		while (link_group(ins, tried))
			CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < ins->nback; i++)
		{
			OhBackLink *back = &ins->back[i];

			if (back->done || back->place < 0)
				continue;
			decide(ins, back, true);
			left = left || back->place >= 0;
		}
		if (!left)
			return;
	}
}

/*
 * is_same -- is the node still the one that the search saw?
 */
static bool
is_same(OhInserter *ins, uint32 id)
{
	OhIndex    *ix = ins->ix;
	OhKept	   *kept = OhKeepFind(&ins->keep, id);
	Buffer		buffer = OhArrayRead(ins->index, ix, OH_NODE, OhLp(ix, OH_NODE, id),
									 BUFFER_LOCK_SHARE);
	OhNodeData *node = OhSlot(ix, OH_NODE, BufferGetPage(buffer), OhSlotOf(ix, OH_NODE, id));
	bool		same = node->state == OH_LIVE &&
		(kept == NULL || memcmp(OhNodeCode(node), kept->code, ix->code_bytes) == 0);

	UnlockReleaseBuffer(buffer);
	return same;
}

/*
 * OhLinkVerify -- see link.h.
 *
 * The links were chosen before the node was there to be seen.  A target that
 * was flagged dead in between is found here; one that is flagged from now on is
 * found by the vacuum that does it, which reads this node afterwards.
 */
void
OhLinkVerify(OhInserter *ins)
{
	OhIndex    *ix = ins->ix;
	uint32		bad[2 * OH_MAX_M];
	int			nbad = 0;
	Buffer		buffer;
	OhWrite		write;
	uint32	   *links;
	OhNodeData *node;
	int			kept = 0;

	for (int i = 0; i < ins->nlinks; i++)
	{
		if (!is_same(ins, ins->links[i]))
			bad[nbad++] = ins->links[i];
	}
	if (nbad == 0)
		return;
	buffer = OhArrayRead(ins->index, ix, OH_NODE, OhLp(ix, OH_NODE, ins->id),
						 BUFFER_LOCK_EXCLUSIVE);
	OhWriteStart(&write, ins->index, ix->building);
	node = OhSlot(ix, OH_NODE, OhWritePage(&write, buffer, false), OhSlotOf(ix, OH_NODE, ins->id));
	links = OhNodeLinks(node, ix->code_bytes);
	for (int i = 0; i < 2 * ix->m; i++)
	{
		bool		drop = links[i] == OH_NONE;

		for (int b = 0; b < nbad; b++)
			drop = drop || links[i] == bad[b];
		if (!drop)
			links[kept++] = links[i];
	}
	while (kept < 2 * ix->m)
		links[kept++] = OH_NONE;
	node->version++;
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}
