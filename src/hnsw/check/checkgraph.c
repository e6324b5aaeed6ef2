/*
 * checkgraph.c -- checks of nodes, towers, postings and links.
 *
 * Invariants:
 *   - a node is free, live or dead; a dead node has no TID (its towers and postings are not
 *     checked, see cleanup.c);
 *   - a live node of level l has a chain of l tower records, of levels 1 to l, and its postings
 *     form a chain without a circle.  All records of these chains name the node.  Every
 *     tower or posting that names a live node is in its chain, and none names a free node;
 *   - a list of links has ids of existing nodes, without gaps, none of them twice, and not that of
 *     the node itself.  The number of diverse links is no greater than the number of links;
 *   - links of live nodes lead to live nodes, those of level l to nodes of level l or higher.  A vacuum that
 *     was interrupted leaves links to dead nodes, and an insert during a vacuum may leave other
 *     ones, so that these are no error: they are counted as stale links;
 *   - every live node can be reached from the entry point by links of the base layer.  Those that cannot are
 *     no error, but counted;
 *   - every live node has a filter page, if the index has filter columns;
 *   - the entry point is a node, whose level is not below the entry level of the metapage.
 *
 * If the table is not locked against writers, whatever seems wrong is read again before it is
 * reported.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "hnsw/graph/linkcode.h"
#include "hnsw/check/check.h"
#include "storage/wait.h"
#include "hnsw/options.h"
#include "storage/compare.h"

/* How often a node is read again before it is called corrupt. */
#define RETRIES 5

static BlockNumber
block_of(OhCheck *c, OhArrayId array, uint32 id)
{
	uint32		lp = OhLp(&c->ix->file, array, id);

	return lp < c->file.npages[array] ? c->file.block[array][lp] : OhArrayBlock(&c->ix->file, array, lp);
}

/*
 * state_now -- state and level of a node that a link leads to; -1 if it does not exist.
 *
 * The node is read again if it was free, or was added later.
 */
static int
state_now(OhCheck *c, uint32 id, int *level, OhNodeData *scratch)
{
	if (id < c->nnodes && (c->node[id] & OH_CHECK_STATE) != OH_FREE)
	{
		*level = OH_CHECK_LEVEL(c->node[id]);
		return c->node[id] & OH_CHECK_STATE;
	}
	if (c->file.strict)
	{
		*level = 0;
		return id < c->nnodes ? OH_FREE : -1;
	}
	if (!OhCheckReadRecord(c, OH_NODE, id, scratch))
		return -1;
	*level = scratch->level;
	return scratch->state;
}

/*
 * list_problem -- what is wrong with a list of links; NULL if nothing is.
 */
static char *
list_problem(OhCheck *c, uint32 id, const uint32 *links, int max, int nselected)
{
	uint32		sorted[2 * OH_MAX_M];
	int			n = 0;

	while (n < max && links[n] != OH_NONE)
	{
		if (links[n] == id)
			return psprintf("node %u links to itself", id);
		if (links[n] >= c->nnodes && !OhArrayHas(&c->ix->file, OH_NODE, links[n]))
			return psprintf("node %u links to node %u, which does not exist", id, links[n]);
		sorted[n] = links[n];
		n++;
	}
	for (int i = n; i < max; i++)
	{
		if (links[i] != OH_NONE)
			return psprintf("node %u has a gap among its links", id);
	}
	if (nselected > n)
		return psprintf("node %u has %d links, %d of them diverse", id, n, nselected);
	qsort(sorted, n, sizeof(uint32), OhCompareUint32);
	for (int i = 1; i < n; i++)
	{
		if (sorted[i] == sorted[i - 1])
			return psprintf("node %u links to node %u twice", id, sorted[i]);
	}
	return NULL;
}

/*
 * tower_problem -- what is wrong with the chain of towers of a live node; NULL if nothing is.
 */
static char *
tower_problem(OhCheck *c, uint32 id, const OhNodeData *node, bool fresh, OhTowerData *scratch)
{
	uint32		at = node->tower;

	for (int level = 1; level <= node->level; level++)
	{
		OhCheckTower t;

		if (at == OH_NONE)
			return psprintf("node %u of level %u has towers up to level %d only", id, node->level,
							level - 1);
		if (!fresh && at < c->ntowers)
			t = c->tower[at];
		else
		{
			if (!OhCheckReadRecord(c, OH_TOWER, at, scratch))
				return psprintf("node %u has tower %u, which does not exist", id, at);
			t.node = scratch->node;
			t.up = scratch->up;
			t.level = scratch->level;
		}
		if (t.node != id || t.level != level)
			return psprintf("tower %u of node %u, level %d, is of node %u, level %u",
							at, id, level, t.node, t.level);
		at = t.up;
	}
	if (at != OH_NONE)
		return psprintf("node %u of level %u has a further tower %u", id, node->level, at);
	return NULL;
}

/*
 * posting_problem -- what is wrong with the chain of postings of a live node; NULL if nothing is.
 */
static char *
posting_problem(OhCheck *c, uint32 id, const OhNodeData *node, bool fresh)
{
	uint32		at = node->posting;
	int64		steps = 0;

	while (at != OH_NONE)
	{
		OhCheckPosting p;

		CHECK_FOR_INTERRUPTS();
		if (!fresh && at < c->npostings)
			p = c->posting[at];
		else
		{
			OhPostingData record;

			if (!OhCheckReadRecord(c, OH_POSTING, at, &record))
				return psprintf("node %u has posting %u, which does not exist", id, at);
			p.node = record.node;
			p.next = record.next;
		}
		if (p.node != id)
			return psprintf("posting %u of node %u is of node %u", at, id, p.node);
		if (++steps > (int64) c->file.npages[OH_POSTING] * c->ix->file.array[OH_POSTING].per_page + 1000000)
			return psprintf("the postings of node %u form a circle", id);
		at = p.next;
	}
	c->chained += steps;
	return NULL;
}

/*
 * node_problem -- what is wrong with a node; NULL if nothing is.
 *
 * fresh: read the records that it refers to again
 */
static char *
node_problem(OhCheck *c, uint32 id, OhNodeData *node, bool fresh, void *scratch)
{
	char	   *problem;

	if (node->state == OH_FREE)
		return NULL;
	if (node->state > OH_DEAD)
		return psprintf("node %u has state %u", id, node->state);
	if (node->level > OH_MAX_LEVEL)
		return psprintf("node %u has level %u", id, node->level);
	problem = list_problem(c, id, OhNodeLinks(node, c->ix->code_bytes), 2 * c->ix->m,
						   node->nselected);
	if (problem == NULL && c->ix->neighbor_codes)
		problem = OhLinkCodesProblem(c->ix, node);
	if (problem != NULL)
		return problem;
	if (node->state == OH_DEAD)
	{
		if (ItemPointerIsValid(&node->tid))
			return psprintf("dead node %u has a row", id);
		return NULL;
	}
	problem = tower_problem(c, id, node, fresh, scratch);
	if (problem != NULL)
		return problem;
	return posting_problem(c, id, node, fresh);
}

/*
 * check_node -- check a node of a copied page, reading it again if it seems wrong.
 *
 * scratch  room for two node records and a tower
 */
static void
check_node(OhCheck *c, uint32 id, OhNodeData *node, char *scratch)
{
	char	   *problem = node_problem(c, id, node, false, scratch);

	for (int i = 0; i < RETRIES && problem != NULL && !c->file.strict; i++)
	{
		char	   *again = scratch + c->ix->node_bytes + c->ix->file.array[OH_TOWER].record_bytes;

		OhSleep(1L << (2 * i), OH_WAIT_CHANGE);
		if (!OhCheckReadRecord(c, OH_NODE, id, again))
			break;
		problem = node_problem(c, id, (OhNodeData *) again, true, scratch);
	}
	if (problem != NULL)
		OhReportCorruption(c->file.rel, block_of(c, OH_NODE, id), "%s", problem);
}

/*
 * load_records -- call load() for each slot of an array, with NULL for free ones.
 */
static void
load_records(OhCheck *c, OhArrayId array,
			 void (*load) (OhCheck *c, uint32 id, const void *record, BlockNumber block))
{
	PGAlignedBlock copy;
	uint32		per_page = c->ix->file.array[array].per_page;

	for (uint32 lp = 0; lp < c->file.npages[array]; lp++)
	{
		Page		page = OhCheckPage(c, array, lp, copy.data);

		c->f.free_slots += per_page - OhTail(page)->nused + OhTail(page)->nfree;
		for (uint32 slot = 0; slot < per_page; slot++)
			load(c, lp * per_page + slot,
				 OhSlotIsFree(&c->ix->file, array, page, slot) ? NULL :
				 OhSlot(&c->ix->file, array, page, slot),
				 c->file.block[array][lp]);
	}
}

static void
load_posting(OhCheck *c, uint32 id, const void *record, BlockNumber block)
{
	const OhPostingData *posting = record;
	OhCheckPosting *p = &c->posting[id];

	p->node = p->next = OH_NONE;
	if (posting == NULL)
		return;
	p->node = posting->node;
	p->next = posting->next;
	c->f.postings++;
	for (int i = 0; i < OH_POSTING_TIDS; i++)
	{
		if (ItemPointerIsValid(&posting->tid[i]))
			OhCheckAddTid(c, &posting->tid[i], OH_POSTING, id, posting->node, block);
	}
}

/*
 * load_postings -- load the posting records, and their TIDs.
 */
static void
load_postings(OhCheck *c)
{
	c->npostings = c->file.npages[OH_POSTING] * c->ix->file.array[OH_POSTING].per_page;
	c->posting = MemoryContextAllocHuge(c->file.context, sizeof(OhCheckPosting) * (Size) c->npostings);
	load_records(c, OH_POSTING, load_posting);
}

static void
load_tower(OhCheck *c, uint32 id, const void *record, BlockNumber block)
{
	const OhTowerData *tower = record;
	OhCheckTower *t = &c->tower[id];

	t->node = t->up = OH_NONE;
	t->level = 0;
	if (tower == NULL)
		return;
	t->node = tower->node;
	t->up = tower->up;
	t->level = tower->level;
	c->f.towers++;
	if (tower->level < 1 || tower->level > OH_MAX_LEVEL)
		OhReportCorruption(c->file.rel, block, "a tower of node %u has level %u", tower->node,
						   tower->level);
}

/*
 * load_towers -- load the tower records.  check_links() checks their links.
 */
static void
load_towers(OhCheck *c)
{
	c->ntowers = c->file.npages[OH_TOWER] * c->ix->file.array[OH_TOWER].per_page;
	c->tower = MemoryContextAllocHuge(c->file.context, sizeof(OhCheckTower) * (Size) c->ntowers);
	load_records(c, OH_TOWER, load_tower);
}

/*
 * load_nodes -- load states, levels and TIDs of the nodes, and check everything but what links lead to.
 */
static void
load_nodes(OhCheck *c)
{
	PGAlignedBlock copy;
	uint32		per_page = c->ix->file.array[OH_NODE].per_page;
	char	   *scratch = MemoryContextAlloc(c->file.context, 2 * c->ix->node_bytes +
											 c->ix->file.array[OH_TOWER].record_bytes);

	c->node = MemoryContextAllocExtended(c->file.context, Max(c->nnodes, 1),
										 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 lp = 0; lp < c->file.npages[OH_NODE]; lp++)
	{
		Page		page = OhCheckPage(c, OH_NODE, lp, copy.data);
		uint32		nused = OhTail(page)->nused;

		c->f.free_slots += per_page - nused + OhTail(page)->nfree;
		for (uint32 slot = 0; slot < nused; slot++)
		{
			OhNodeData *node = OhSlot(&c->ix->file, OH_NODE, page, slot);
			uint32		id = lp * per_page + slot;

			if (node->state == OH_FREE)
				continue;
			check_node(c, id, node, scratch);
			c->node[id] = node->state | node->level << 4;
			c->f.live += node->state == OH_LIVE;
			c->f.dead += node->state == OH_DEAD;
			if (node->state == OH_LIVE)
				c->f.max_level = Max(c->f.max_level, node->level);
			if (ItemPointerIsValid(&node->tid))
				OhCheckAddTid(c, &node->tid, OH_NODE, id, id, c->file.block[OH_NODE][lp]);
		}
	}
	pfree(scratch);
}

/*
 * check_refinements -- check the pages of refinements, and count the live nodes without a usable one.
 *
 * A node has none if its insert was interrupted, or if its rows have different vectors.
 */
static void
check_refinements(OhCheck *c)
{
	PGAlignedBlock node_copy;
	PGAlignedBlock copy;
	uint32		per_page = c->ix->file.array[OH_NODE].per_page;
	uint32		loaded = OH_NONE;
	Page		page = NULL;

	for (uint32 lp = 0; lp < c->file.npages[OH_REFINE]; lp++)
		OhCheckPage(c, OH_REFINE, lp, copy.data);
	for (uint32 lp = 0; lp < c->file.npages[OH_NODE] && c->f.refined; lp++)
	{
		Page		node_page = OhCheckPage(c, OH_NODE, lp, node_copy.data);

		for (uint32 slot = 0; slot < OhTail(node_page)->nused; slot++)
		{
			OhNodeData *node = OhSlot(&c->ix->file, OH_NODE, node_page, slot);
			uint32		id = lp * per_page + slot;
			uint32		refine_lp = OhLp(&c->ix->file, OH_REFINE, id);
			uint32		refine_slot = OhSlotOf(&c->ix->file, OH_REFINE, id);

			if (node->state != OH_LIVE)
				continue;
			if (refine_lp != loaded)
			{
				loaded = refine_lp;
				page = refine_lp < c->file.npages[OH_REFINE] ?
					OhCheckPage(c, OH_REFINE, refine_lp, copy.data) : NULL;
			}
			if (page == NULL || refine_slot >= OhTail(page)->nused ||
				!om_quant_refine_matches(OhNodeCode(node), OhSlot(&c->ix->file, OH_REFINE, page, refine_slot)) ||
				om_quant_refine_is_blurred(OhSlot(&c->ix->file, OH_REFINE, page, refine_slot)))
				c->f.unrefined++;
		}
	}
}

/*
 * check_keys -- check the filter pages, and that every live node is on one.
 *
 * checkheap.c compares the filter keys with the rows.
 */
static void
check_keys(OhCheck *c)
{
	PGAlignedBlock copy;
	uint32		last = c->nnodes;

	for (uint32 lp = 0; lp < c->file.npages[OH_FILTER_KEY]; lp++)
		OhCheckPage(c, OH_FILTER_KEY, lp, copy.data);
	while (last > 0 && (c->node[last - 1] & OH_CHECK_STATE) != OH_LIVE)
		last--;
	if (last > 0 && c->ix->columns.n > 0 &&
		!OhArrayHas(&c->ix->file, OH_FILTER_KEY, (last - 1) / c->ix->columns.per_page))
		OhReportCorruption(c->file.rel, block_of(c, OH_NODE, last - 1),
						   "node %u has no page of filter columns, there are %u", last - 1,
						   c->file.npages[OH_FILTER_KEY]);
}

/*
 * is_canonical -- is this an OhKeyRow as keypage.h describes it?
 */
static bool
is_canonical(const OhCheck *c, const OhKeyRow *row)
{
	for (int i = 0; i < c->ix->columns.n; i++)
	{
		if (((row->nulls >> i) & 1) && row->value[i] != 0)
			return false;
	}
	return (uint64) row->nulls >> c->ix->columns.n == 0 && row->unused == 0;
}

/*
 * load_nulls -- check the off-graph rows, and load their TIDs.
 */
static void
load_nulls(OhCheck *c)
{
	PGAlignedBlock copy;
	uint32		per_page = c->ix->file.array[OH_NULLS].per_page;

	for (uint32 lp = 0; lp < c->file.npages[OH_NULLS]; lp++)
	{
		Page		page = OhCheckPage(c, OH_NULLS, lp, copy.data);
		uint32		nused = OhTail(page)->nused;

		c->f.free_slots += per_page - nused + OhTail(page)->nfree;
		for (uint32 slot = 0; slot < nused; slot++)
		{
			OhNullData *row = OhSlot(&c->ix->file, OH_NULLS, page, slot);

			if (row->kind == OH_ROW_FREE)
				continue;
			if (row->kind > OH_ROW_NULL || !ItemPointerIsValid(&row->tid))
				OhReportCorruption(c->file.rel, c->file.block[OH_NULLS][lp], "row %u without a position is of kind %u",
								   slot, row->kind);
			if (c->ix->columns.n > 0 && !is_canonical(c, (OhKeyRow *) (row + 1)))
				OhReportCorruption(c->file.rel, c->file.block[OH_NULLS][lp],
								   "row %u without a position has impossible filter columns", slot);
			c->f.null_rows++;
			OhCheckAddTid(c, &row->tid, OH_NULLS, lp * per_page + slot, row->kind,
						  c->file.block[OH_NULLS][lp]);
		}
	}
}

/*
 * check_owned -- in a strict check: towers and postings belong to nodes that exist, and those of live nodes are in
 * their chains.
 */
static void
check_owned(OhCheck *c)
{
	int64		in_chains = 0;
	int64		owned = 0;

	for (uint32 i = 0; c->file.strict && i < c->ntowers; i++)
	{
		uint32		node = c->tower[i].node;
		int			state;

		if (node == OH_NONE)
			continue;
		state = node < c->nnodes ? c->node[node] & OH_CHECK_STATE : OH_FREE;
		if (state == OH_FREE)
			OhReportCorruption(c->file.rel, block_of(c, OH_TOWER, i), "tower %u is of node %u, which is free",
							   i, node);
		/*
		 * each chain has a tower for each level, as load_nodes() has checked: so comparing numbers
		 * is enough
		 */
		if (state == OH_LIVE)
			owned++;
	}
	for (uint32 id = 0; c->file.strict && id < c->nnodes; id++)
	{
		if ((c->node[id] & OH_CHECK_STATE) == OH_LIVE)
			in_chains += OH_CHECK_LEVEL(c->node[id]);
	}
	if (owned != in_chains)
		OhReportCorruption(c->file.rel, OH_META_BLOCK, INT64_FORMAT " towers belong to live nodes, " INT64_FORMAT
						   " are in their chains", owned, in_chains);
	for (uint32 i = 0; c->file.strict && i < c->npostings; i++)
	{
		uint32		node = c->posting[i].node;

		if (node == OH_NONE)
			continue;
		if (node >= c->nnodes || (c->node[node] & OH_CHECK_STATE) == OH_FREE)
			OhReportCorruption(c->file.rel, block_of(c, OH_POSTING, i), "posting %u is of node %u, which is free",
							   i, node);
		c->chained -= (c->node[node] & OH_CHECK_STATE) == OH_LIVE;
	}
	if (c->file.strict && c->chained != 0)
		OhReportCorruption(c->file.rel, OH_META_BLOCK, "the chains of live nodes have " INT64_FORMAT
						   " postings more than there are", c->chained);
}

/*
 * check_targets -- count the links of a list, and those that are stale.
 */
static void
check_targets(OhCheck *c, const uint32 *links, int max, int at_least, OhNodeData *scratch)
{
	for (int i = 0; i < max && links[i] != OH_NONE; i++)
	{
		int			level;
		int			state = state_now(c, links[i], &level, scratch);

		if (state != OH_LIVE || level < at_least)
			c->f.stale_links++;
		if (at_least == 0)
			c->f.links++;
	}
}

/*
 * check_codes -- count links whose codes are not those of the nodes that they lead to as stale.
 *
 * A node may have got the slot of a neighbour, whose code is left then.
 */
static void
check_codes(OhCheck *c, OhNodeData *node, OhLinkEncoder *encoder, OhLinkCodes *codes, OhNodeData *scratch)
{
	OhIndex    *ix = c->ix;
	const OmQuantizer *quant = OhModelOf(ix, node->tag);

	if (!c->file.strict || quant == NULL || !OhHasLinkCodes(ix, node))
		return;
	OhLoadLinkCodes(ix, node, codes);
	OhLinkEncoderFrom(encoder, quant, OhNodeCode(node));
	for (int i = 0; i < codes->n; i++)
	{
		OmLinkCode	code;

		if (!OhCheckReadRecord(c, OH_NODE, codes->id[i], scratch) || scratch->state == OH_FREE ||
			(scratch->tag & OH_TAG_MODEL) != codes->model)
			continue;
		if (!OhLinkEncode(encoder, OhNodeCode(scratch), &code) ||
			memcmp(code.bits, codes->code[i].bits, OM_LINK_BYTES) != 0)
			c->f.stale_links++;
	}
}

/*
 * check_links -- check the links of towers, and count the links of live nodes and those that are stale.
 */
static void
check_links(OhCheck *c)
{
	PGAlignedBlock copy;
	OhNodeData *scratch = MemoryContextAlloc(c->file.context, c->ix->node_bytes);
	OhLinkCodes *codes = MemoryContextAlloc(c->file.context, sizeof(OhLinkCodes));
	OhLinkEncoder encoder;

	OhLinkEncoderInit(&encoder, c->ix, c->file.context);
	for (uint32 lp = 0; lp < c->file.npages[OH_NODE]; lp++)
	{
		Page		page = OhCheckPage(c, OH_NODE, lp, copy.data);

		for (uint32 slot = 0; slot < OhTail(page)->nused; slot++)
		{
			OhNodeData *node = OhSlot(&c->ix->file, OH_NODE, page, slot);

			if (node->state != OH_LIVE)
				continue;
			check_targets(c, OhNodeLinks(node, c->ix->code_bytes), 2 * c->ix->m, 0, scratch);
			check_codes(c, node, &encoder, codes, scratch);
		}
	}
	for (uint32 lp = 0; lp < c->file.npages[OH_TOWER]; lp++)
	{
		Page		page = OhCheckPage(c, OH_TOWER, lp, copy.data);

		for (uint32 slot = 0; slot < OhTail(page)->nused; slot++)
		{
			OhTowerData *tower = OhSlot(&c->ix->file, OH_TOWER, page, slot);
			char	   *problem;
			int			level;

			if (tower->node == OH_NONE)
				continue;
			problem = list_problem(c, tower->node, tower->links, c->ix->m, tower->nselected);
			if (problem != NULL)
				OhReportCorruption(c->file.rel, c->file.block[OH_TOWER][lp], "on level %u, %s", tower->level, problem);
			if (state_now(c, tower->node, &level, scratch) == OH_LIVE)
				check_targets(c, tower->links, c->ix->m, tower->level, scratch);
		}
	}
	pfree(scratch);
}

/*
 * expand_page -- mark as reached what the reached nodes of one page link to.
 */
static void
expand_page(OhCheck *c, uint32 lp)
{
	PGAlignedBlock copy;
	uint32		per_page = c->ix->file.array[OH_NODE].per_page;
	Page		page = OhCheckPage(c, OH_NODE, lp, copy.data);
	bool		again = true;

	while (again)
	{
		again = false;
		for (uint32 slot = 0; slot < OhTail(page)->nused; slot++)
		{
			uint32		id = lp * per_page + slot;
			OhNodeData *node = OhSlot(&c->ix->file, OH_NODE, page, slot);
			const uint32 *links = OhNodeLinks(node, c->ix->code_bytes);

			if ((c->node[id] & (OH_CHECK_REACHED | OH_CHECK_EXPANDED)) != OH_CHECK_REACHED)
				continue;
			c->node[id] |= OH_CHECK_EXPANDED;
			again = true;
			if (node->state == OH_FREE)
				continue;
			for (int i = 0; i < 2 * c->ix->m && links[i] != OH_NONE; i++)
			{
				if (links[i] < c->nnodes)
					c->node[links[i]] |= OH_CHECK_REACHED;
			}
		}
	}
}

/*
 * check_reach -- count the live nodes that cannot be reached from the entry point.
 *
 * This takes several passes over the pages, but only one byte of memory per node.  Links of dead nodes count, as
 * searches follow them.
 */
static void
check_reach(OhCheck *c)
{
	uint32		per_page = c->ix->file.array[OH_NODE].per_page;
	bool		again = c->meta.entry < c->nnodes;

	if (again)
		c->node[c->meta.entry] |= OH_CHECK_REACHED;
	while (again)
	{
		again = false;
		for (uint32 lp = 0; lp < c->file.npages[OH_NODE]; lp++)
		{
			for (uint32 id = lp * per_page; id < (lp + 1) * per_page; id++)
			{
				if ((c->node[id] & (OH_CHECK_REACHED | OH_CHECK_EXPANDED)) == OH_CHECK_REACHED &&
					(c->node[id] & OH_CHECK_STATE) != OH_FREE)
				{
					expand_page(c, lp);
					again = true;
					break;
				}
			}
		}
	}
	for (uint32 id = 0; id < c->nnodes; id++)
	{
		if ((c->node[id] & (OH_CHECK_STATE | OH_CHECK_REACHED)) == OH_LIVE)
			c->f.unreachable++;
	}
}

/*
 * check_entry -- check that the entry point exists and has the level that the metapage says, or a higher one.
 */
static void
check_entry(OhCheck *c)
{
	OhNodeData *scratch = MemoryContextAlloc(c->file.context, c->ix->node_bytes);
	int			level = 0;
	int			state;

	for (int i = 0; c->meta.entry != OH_NONE; i++)
	{
		state = state_now(c, c->meta.entry, &level, scratch);
		if ((state == OH_LIVE || state == OH_DEAD) && level >= c->meta.entry_level)
			break;
		if (c->file.strict || i == RETRIES)
			OhReportCorruption(c->file.rel, OH_META_BLOCK, "the entry point is node %u, state %d, level %d, not %d",
							   c->meta.entry, state, level, c->meta.entry_level);
		/* the metapage and the node were read at different moments: read both again */
		OhSleep(1L << (2 * i), OH_WAIT_CHANGE);
		OhIndexRefresh(c->ix);
		c->meta.entry = c->ix->entry;
		c->meta.entry_level = c->ix->entry_level;
		if (c->meta.entry < c->nnodes)
			c->node[c->meta.entry] &= ~OH_CHECK_STATE;
	}
	pfree(scratch);
}

/*
 * Postings and towers are read before the nodes: the records that a node refers to are older than the node,
 * so that they are found, or the node is read again.
 */
void
OhCheckGraph(OhCheck *c)
{
	PGAlignedBlock copy;

	for (uint32 lp = 0; lp < c->file.npages[OH_MODEL]; lp++)
		OhCheckPage(c, OH_MODEL, lp, copy.data);
	c->nnodes = c->file.npages[OH_NODE] * c->ix->file.array[OH_NODE].per_page;
	load_postings(c);
	load_towers(c);
	load_nodes(c);
	check_refinements(c);
	check_keys(c);
	load_nulls(c);
	check_owned(c);
	check_links(c);
	check_reach(c);
	check_entry(c);
}
