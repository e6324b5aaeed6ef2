/*
 * insert.c -- inserting one row into the graph in pages.
 *
 * Steps, each one WAL record that leaves a valid index behind:
 *
 *   1. the node goes live on the base layer, with its filter keys, its links and
 *      the back links from its nearest neighbours (four pages at most), so that it
 *      is reachable from the first moment;
 *   2. its refinement, if the index has them (refinement.c), then the other back
 *      links, up to four pages a record;
 *   3. for each level above: the tower record and the link to it, then the back
 *      links on that level;
 *   4. the entry point, if the node is higher than it.  The node then links to
 *      the old one from step 1 on: what that one leads to stays reachable, also
 *      where no other link leads to it;
 *   5. a place on the highway (highway.h), if the node is high or apart from all others.
 *
 * A crash between two leaves a node of fewer levels, with fewer back links, without a
 * refinement or not on the highway.
 *
 * Back links are decided without a lock, on what the search has read, and
 * applied under the page's lock if the neighbour's version is still the same.
 * A full list gives up a link only to a node that is also linked from the new
 * node or from another one of the list: it stays reachable.
 *
 * Lock order: several buffers at once in ascending block order.
 */
#include "postgres.h"

#include <float.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "filter/keypage.h"
#include "hnsw/graph/refinement.h"
#include "hnsw/graph/rows.h"
#include "hnsw/graph/sweep.h"
#include "hnsw/hnsw.h"
#include "hnsw/insert/insert.h"
#include "hnsw/insert/inserter.h"
#include "hnsw/insert/link.h"
#include "hnsw/options.h"
#include "hnsw/stats/counters.h"
#include "hnsw/train/retrain.h"

/* Near neighbours whose pages are tried for a free slot. */
#define NEAR_PAGES 8

/* Nearest candidates that are compared with a new code, for duplicates. */
#define TWIN_CANDIDATES 8

/* An insert starts over when others have changed what it found; after this many times the index is damaged. */
#define MAX_ROUNDS 1000

/*
 * OhCachedCode -- see insert.h.
 *
 * The model of a code that the search has evaluated is loaded, unless the index
 * has gone on by two models since; then this insert starts over, see OhIsNewest().
 */
const void *
OhCachedCode(OhInserter *ins, OhCachedNode *kept)
{
	OhIndex    *ix = ins->ix;
	const OmQuantizer *other;

	if (likely((kept->tag & OH_TAG_MODEL) == ins->number))
		return kept->code;
	if (kept->own != NULL)
		return kept->own;
	other = OhModelOf(ix, kept->tag);
	if (other == NULL)
		return kept->code;
	kept->own = OhNodeCacheAlloc(&ins->keep, ix->code_bytes);
	om_quant_decode(other, kept->code, ins->scratch, ins->vector);
	om_quant_encode(ins->quant, ins->vector, ins->scratch, kept->own);
	return kept->own;
}

Buffer
OhLockModel(const OhInserter *ins, const OhPageRef *pages, int n)
{
	if (ins->ix->file.building)
		return InvalidBuffer;
	/* a directory that is not known yet is found by way of the metapage */
	for (int i = 0; i < n; i++)
		(void) OhArrayBlock(&ins->ix->file, pages[i].array, pages[i].lp);
	return OhReadBlock(ins->ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
}

bool
OhIsNewest(const OhInserter *ins, Buffer meta)
{
	return meta == InvalidBuffer || OhMeta(BufferGetPage(meta))->next_model == ins->number;
}

void
OhUnlockModel(Buffer meta)
{
	if (meta != InvalidBuffer)
		UnlockReleaseBuffer(meta);
}

static void
write_refinement(OhInserter *ins, uint32 node)
{
	if (ins->ix->refine_bytes > 0)
		OhWriteRefinement(ins->ix, node, ins->code, ins->refinement);
}

/*
 * insert_first -- make the node the entry point of a graph without live nodes.
 *
 * false: the entry point is no longer the one that ins->ix knows.
 */
static bool
insert_first(OhInserter *ins, ItemPointer tid)
{
	OhIndex    *ix = ins->ix;
	OhPlace		place;
	OhPageRef	pages[2];
	Buffer		meta;
	uint32		id = OH_NONE;

	if (!OhFindPlace(ins, OhArrayFindFree(&ix->file, OH_NODE), &place))
		return false;
	/* a new page may not be in our directory yet, which is read through block 0 */
	(void) OhArrayBlock(&ix->file, OH_NODE, place.lp);

	/* block 0 is before all others: lock order */
	meta = OhReadBlock(ins->ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	if (OhMeta(BufferGetPage(meta))->entry == ix->entry && OhIsNewest(ins, meta))
	{
		int			n = OhPlacePages(ins, &place, pages);

		OhArrayReadAll(&ix->file, pages, n);
		if (OhPlaceIsFree(ins, &place, pages))
		{
			OhWrite		write;
			Page		page;

			OhWriteStart(&write, &ix->file);
			ins->list.n = ins->list.nselected = 0;
			id = OhFillPlace(ins, &write, &place, pages, tid, &ins->list);
			ins->id = OH_NONE;	/* it gets no towers */
			page = OhWritePage(&write, meta, false);
			OhMeta(page)->entry = id;
			OhMeta(page)->entry_level = 0;
			OhWriteFinish(&write);
		}
		OhReleaseAll(pages, n);
	}
	UnlockReleaseBuffer(meta);
	if (id == OH_NONE)
		return false;
	write_refinement(ins, id);
	OhHighwayJoin(ix, id, 0, OH_MEMBER_ISLAND, ins->number, ins->code);
	return true;
}

/* Pages locked to add a row to a node. */
#define NODE_PAGE		0
#define KEY_PAGE		1		/* if there are filter columns */

/*
 * node_pages -- the pages of a node: to be written, and its filter keys, to be
 * compared; returns how many.
 */
static int
node_pages(const OhInserter *ins, uint32 id, OhPageRef *pages)
{
	const OhIndex *ix = ins->ix;

	pages[NODE_PAGE].array = OH_NODE;
	pages[NODE_PAGE].lp = OhLp(&ix->file, OH_NODE, id);
	pages[NODE_PAGE].lockmode = BUFFER_LOCK_EXCLUSIVE;
	if (ix->columns.n == 0)
		return 1;
	pages[KEY_PAGE].array = OH_FILTER_KEY;
	pages[KEY_PAGE].lp = id / ix->columns.per_page;
	pages[KEY_PAGE].lockmode = BUFFER_LOCK_SHARE;
	return 2;
}

/*
 * same_node -- is the record a live node with the new row's code and filter keys?
 *
 * pages: those of node_pages(), locked.  What is found stays so while the node's
 * page is locked, as filter keys are written with the node that they are of.
 */
static bool
same_node(OhInserter *ins, const OhPageRef *pages, uint32 id)
{
	const OhIndex *ix = ins->ix;
	Page		page = BufferGetPage(pages[NODE_PAGE].buffer);
	uint32		slot = OhSlotOf(&ix->file, OH_NODE, id);
	OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, slot);

	return slot < OhTail(page)->nused && node->state == OH_LIVE &&
		(node->tag & OH_TAG_MODEL) == ins->number &&
		memcmp(OhNodeCode(node), ins->code, ix->code_bytes) == 0 &&
		(ix->columns.n == 0 ||
		 OhKeyPageEquals(&ix->columns, BufferGetPage(pages[KEY_PAGE].buffer), id % ix->columns.per_page,
						 ins->keys));
}

/*
 * put_in_posting -- put the TID into an empty place of a posting record.
 */
static bool
put_in_posting(OhPostingData *posting, ItemPointer tid, uint32 hash)
{
	for (int i = 0; i < OH_POSTING_TIDS; i++)
	{
		if (!ItemPointerIsValid(&posting->tid[i]))
		{
			posting->tid[i] = *tid;
			if (posting->hash != hash)
				posting->hash = OH_MIXED;
			return true;
		}
	}
	return false;
}

/*
 * add_posting -- add a row to a node whose own TID is taken.
 *
 * head: the first posting record as last seen; fresh: put a new record before
 * it.  false: the node has changed, look again.
 */
static bool
add_posting(OhInserter *ins, uint32 id, uint32 head, bool fresh, ItemPointer tid)
{
	OhIndex    *ix = ins->ix;
	uint32		lp = fresh ? OhArrayFindFree(&ix->file, OH_POSTING) :
		OhLp(&ix->file, OH_POSTING, head);
	OhPageRef	pages[4];
	int			n = node_pages(ins, id, pages);
	int			at = n;
	Buffer		meta;
	Buffer		buffer;
	OhNodeData *node;
	OhWrite		write;
	uint32		hash = OhPositionHash(ins->position);
	bool		done = false;

	pages[n].array = OH_POSTING;
	pages[n].lp = lp;
	pages[n++].lockmode = BUFFER_LOCK_EXCLUSIVE;
	if (head != OH_NONE && OhLp(&ix->file, OH_POSTING, head) != lp)
	{
		/* what its rows are is written in the new record, too */
		pages[n].array = OH_POSTING;
		pages[n].lp = OhLp(&ix->file, OH_POSTING, head);
		pages[n++].lockmode = BUFFER_LOCK_SHARE;
	}
	meta = OhLockModel(ins, pages, n);
	OhArrayReadAll(&ix->file, pages, n);
	buffer = pages[at].buffer;
	node = OhRecord(&ix->file, OH_NODE, BufferGetPage(pages[NODE_PAGE].buffer), id);
	if (same_node(ins, pages, id) && node->posting == head && OhIsNewest(ins, meta))
	{
		OhPostingData *posting;
		uint32		slot;
		Page		page;

		if (!fresh)
		{
			OhPostingData copy;

			posting = OhRecord(&ix->file, OH_POSTING, BufferGetPage(buffer), head);
			copy = *posting;
			if (posting->node == id && put_in_posting(&copy, tid, hash))
			{
				OhWriteStart(&write, &ix->file);
				page = OhWritePage(&write, buffer, false);
				posting = OhRecord(&ix->file, OH_POSTING, page, head);
				*posting = copy;
				OhWriteFinish(&write);
				done = true;
			}
		}
		else if (OhPageHasFree(&ix->file, OH_POSTING, BufferGetPage(buffer)))
		{
			OhWriteStart(&write, &ix->file);
			page = OhWritePage(&write, buffer, false);
			slot = OhPageTakeSlot(&ix->file, OH_POSTING, page, BufferGetBlockNumber(buffer));
			posting = OhSlot(&ix->file, OH_POSTING, page, slot);
			posting->node = id;
			posting->next = head;
			posting->hash = hash;
			if (head != OH_NONE)
			{
				const OhPostingData *before = OhRecord(&ix->file, OH_POSTING, BufferGetPage(pages[n - 1].buffer), head);

				if (before->hash != hash)
					posting->hash = OH_MIXED;
			}
			for (int i = 1; i < OH_POSTING_TIDS; i++)
				ItemPointerSetInvalid(&posting->tid[i]);
			posting->tid[0] = *tid;
			page = OhWritePage(&write, pages[NODE_PAGE].buffer, false);
			node = OhRecord(&ix->file, OH_NODE, page, id);
			node->posting = lp * ix->file.array[OH_POSTING].per_page + slot;
			OhWriteFinish(&write);
			done = true;
		}
	}
	OhReleaseAll(pages, n);
	OhUnlockModel(meta);
	return done;
}

/*
 * add_row -- add a row to a node with the same code and filter keys; false: it is
 * gone.
 */
static bool
add_row(OhInserter *ins, uint32 id, ItemPointer tid)
{
	OhIndex    *ix = ins->ix;
	bool		fresh = false;

	for (int round = 0; round < MAX_ROUNDS; round++)
	{
		OhPageRef	pages[2];
		int			n = node_pages(ins, id, pages);
		Buffer		meta = OhLockModel(ins, pages, n);
		Buffer		buffer;
		OhNodeData *node;
		bool		there;
		bool		done = false;
		uint32		head = OH_NONE;

		OhArrayReadAll(&ix->file, pages, n);
		buffer = pages[NODE_PAGE].buffer;
		node = OhRecord(&ix->file, OH_NODE, BufferGetPage(buffer), id);
		there = same_node(ins, pages, id) && OhIsNewest(ins, meta);
		if (there && !ItemPointerIsValid(&node->tid))
		{
			OhWrite		write;

			OhWriteStart(&write, &ix->file);
			node = OhRecord(&ix->file, OH_NODE, OhWritePage(&write, buffer, false), id);
			node->tid = *tid;
			OhWriteFinish(&write);
			done = true;
		}
		else if (there)
			head = node->posting;
		OhReleaseAll(pages, n);
		OhUnlockModel(meta);
		if (!there || done)
			return done;
		CHECK_FOR_INTERRUPTS();
		if (head == OH_NONE)
			fresh = true;
		if (add_posting(ins, id, head, fresh, tid))
			return true;
		/* the head had no room, or something moved: a new head in the next round */
		fresh = !fresh;
	}
	return false;
}

/*
 * OhChooseNeighbours -- select among what a level's search found.
 *
 * Of nodes with one code, which their filter columns tell apart, a few will do.
 */
int
OhChooseNeighbours(OhInserter *ins, int max)
{
	const OhQueue *found = &ins->search->found;
	int			copies = 0;
	int			n = 0;

	for (int64 i = 0; i < found->n && n < ins->ix->ef_construction; i++)
	{
		OhCachedNode *kept = OhNodeCacheFind(&ins->keep, found->item[i].id);

		if (kept == NULL || !kept->live)
			continue;
		copies = n > 0 && ins->candidates[n - 1].dist == kept->dist ? copies + 1 : 0;
		if (ins->ix->columns.n > 0 && copies >= OH_MOST_SIBLINGS)
			continue;
		ins->candidates[n].id = kept->id;
		ins->candidates[n].dist = kept->dist;
		ins->candidates[n].code = OhCachedCode(ins, kept);
		n++;
	}
	return OhSelectNeighbours(&ins->selector, ins->candidates, n, max);
}

/*
 * find_slot_page -- a node page for the new node: a near neighbour's if it has room.
 */
static uint32
find_slot_page(OhInserter *ins, int n)
{
	OhIndex    *ix = ins->ix;

	for (int i = 0; i < Min(n, NEAR_PAGES); i++)
	{
		uint32		lp = OhLp(&ix->file, OH_NODE, ins->candidates[i].id);
		Buffer		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_SHARE);
		bool		has_free = OhPageHasFree(&ix->file, OH_NODE, BufferGetPage(buffer));

		UnlockReleaseBuffer(buffer);
		if (has_free)
			return lp;
	}
	return OhArrayFindFree(&ix->file, OH_NODE);
}

/*
 * has_keys -- are a node's filter keys those of the new row?
 */
static bool
has_keys(OhInserter *ins, uint32 id)
{
	OhIndex    *ix = ins->ix;
	Buffer		buffer;
	bool		same;

	if (ix->columns.n == 0)
		return true;
	buffer = OhArrayRead(&ix->file, OH_FILTER_KEY, id / ix->columns.per_page, BUFFER_LOCK_SHARE);
	same = OhKeyPageEquals(&ix->columns, BufferGetPage(buffer), id % ix->columns.per_page, ins->keys);
	UnlockReleaseBuffer(buffer);
	return same;
}

/*
 * find_twin -- a live node with the same code and filter keys, or OH_NONE.
 *
 * Nodes with the same code and other filter keys are as near: all that were found
 * are looked at.
 */
static uint32
find_twin(OhInserter *ins)
{
	const OhQueue *found = &ins->search->found;
	int64		n = TWIN_CANDIDATES;

	for (int64 i = 0; i < Min(found->n, n); i++)
	{
		OhCachedNode *kept = OhNodeCacheFind(&ins->keep, found->item[i].id);

		if (kept == NULL || !kept->live || (kept->tag & OH_TAG_MODEL) != ins->number ||
			memcmp(kept->code, ins->code, ins->ix->code_bytes) != 0)
			continue;
		if (has_keys(ins, kept->id))
			return kept->id;
		n++;
	}
	return OH_NONE;
}

/*
 * is_apart -- is the new row far away from all others, its nearest neighbour being the
 * first candidate?  Then the next row near it would not find it by links alone.
 */
static bool
is_apart(OhInserter *ins)
{
	OhIndex    *ix = ins->ix;
	const OhSeeds *seeds = &ins->search->seeds;
	OhCachedNode *kept = OhNodeCacheFind(&ins->keep, ins->candidates[0].id);
	const OmQuantizer *quant;
	const OhForm *form;
	float		dist[2 * OH_MAX_M];
	int			n = 0;
	float		error;
	float		local;

	if (ix->spec.metric == OM_METRIC_IP || seeds->nisland >= OhHighwayIslandLimit(ix->code_bytes))
		return false;
	if (!kept->expanded)
		OhSearchLinks(ins->search, kept->id);
	form = OhFormOf(&ins->forms, ix, ins->number, &quant);
	if (form == NULL)
		return false;
	om_quant_query_from_code(quant, OhCachedCode(ins, kept), ins->form);
	for (int i = 0; i < kept->nlinks; i++)
	{
		OhCachedNode *link = OhNodeCacheFind(&ins->keep, kept->links[i]);
		float		d = link == NULL ? FLT_MAX :
			ix->distance(quant, ins->form, OhCachedCode(ins, link));
		int			at = n++;

		for (; at > 0 && dist[at - 1] > d; at--)
			dist[at] = dist[at - 1];
		dist[at] = d;
	}
	error = OH_ISLAND_ERRORS * om_quant_error(quant, form->query, OhCachedCode(ins, kept));
	OhLocalLinks(dist, n, error, &local);
	return kept->dist > OhApartLimit(seeds->nisland, ix->code_bytes) * local;
}

/*
 * join_highway -- step 5.
 */
static void
join_highway(OhInserter *ins)
{
	OhIndex    *ix = ins->ix;
	uint32		nlevel = ins->search->seeds.nlevel;
	int			kind = ins->apart ? OH_MEMBER_ISLAND : 0;

	if (ins->level > 0 && ins->level >= ix->highway_level)
	{
		if (nlevel >= OhHighwayLevelLimit(ix->code_bytes))
			OhHighwayThin(ix);
		if (ins->level >= ix->highway_level)
			kind |= OH_MEMBER_LEVEL;
	}
	if (kind != 0)
		OhHighwayJoin(ix, ins->id, ins->level, kind, ins->number, ins->code);
}

/*
 * seed_by_sweep -- search again from whatever live node there is.
 *
 * For a graph whose entry point leads to no live node: a vacuum has been
 * interrupted.  false: nothing is live.
 */
static bool
seed_by_sweep(OhInserter *ins)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw sweep",
												  ALLOCSET_DEFAULT_SIZES);
	OhSweep    *sweep = OhSweepBegin(ins->ix, NULL, NULL, 0, 0, context);
	bool		any = OhSweepMore(sweep, &ins->forms, ins->ix->ef_construction);

	if (any)
	{
		int64		n = Min(sweep->found.n, ins->ix->ef_construction);

		ins->search->found.n = 0;
		for (int64 i = 0; i < n; i++)
			OhQueueAppend(&ins->search->found, sweep->found.item[i]);
		OhSearchLevel(ins->search, 0, ins->ix->ef_construction);
		any = ins->search->found.n > 0;
	}
	MemoryContextDelete(context);
	return any;
}

/*
 * insert_base -- steps 1 and 2: the node on the base layer.
 *
 * Leaves its id in ins->id, or OH_NONE if the row joined an equal node.
 * false: the graph has changed too much, start over.
 */
static bool
insert_base(OhInserter *ins, ItemPointer tid)
{
	OhIndex    *ix = ins->ix;
	uint32		twin;
	int			n;

	OhSearchLevel(ins->search, 0, ix->ef_construction);
	if (ins->search->found.n == 0 && !seed_by_sweep(ins))
		return insert_first(ins, tid);
	ins->id = OH_NONE;
	twin = find_twin(ins);
	if (twin != OH_NONE)
	{
		if (ix->refine_bytes > 0)
			OhJoinRefinement(ix, twin, ins->code, ins->refinement);
		return add_row(ins, twin, tid);
	}
	n = OhChooseNeighbours(ins, 2 * ix->m);
	if (n == 0)
		return false;
	ins->apart = is_apart(ins);
	OhLinkPlan(ins, n);
	for (int attempt = 0; attempt < 10; attempt++)
	{
		OhPlace		place;

		CHECK_FOR_INTERRUPTS();
		if (!OhFindPlace(ins, find_slot_page(ins, n), &place))
			continue;
		switch (OhLinkNode(ins, &place, tid))
		{
			case OH_LINKED:
				write_refinement(ins, ins->id);
				OhLinkRest(ins);
				OhLinkVerify(ins);
				return true;
			case OH_NO_SLOT:
				break;
			case OH_CHANGED:
				return false;
		}
	}
	return false;
}

/*
 * encode -- the code, refinement and query form of the new vector.
 */
static void
encode(OhInserter *ins, const float *x)
{
	OhIndex    *ix = ins->ix;

	ins->number = ix->number;
	ins->quant = ins->selector.quant = ix->quant;
	om_quant_encode(ix->quant, x, ins->scratch, ins->code);
	if (ix->refine_bytes > 0)
		om_quant_refine_encode(ix->quant, x, ins->code, ins->scratch, ins->refinement);
	OhFormsSet(&ins->forms, ix, x);
}

/*
 * OhInsertVector -- insert a row with a position in the graph.
 *
 * position: one with a direction.
 */
void
OhInsertVector(OhInserter *ins, const OhPosition *position, ItemPointer tid, const OhKeyRow *keys)
{
	OhIndex    *ix = ins->ix;

	ins->keys = keys;
	ins->position = position;
	ins->x = position->x;
	ins->level = OhRandomLevel(ix->m);
	for (int round = 0;; round++)
	{
		bool		encoded = round > 0;

		/* each round is lost to another insert or a vacuum: not this often */
		if (round >= MAX_ROUNDS)
			OhReportCorruption(ix->file.rel, OH_META_BLOCK, "no place was found for a row in %d rounds, or none that is still there",
							   MAX_ROUNDS);
		if (round > 0)
			OhCount(ix->file.rel)[OH_COUNT_RETRIES]++;
		OhIndexRefresh(ix);
		CHECK_FOR_INTERRUPTS();
		if (!encoded || ins->number != ix->number)
			encode(ins, ins->x);
		if (ix->entry == OH_NONE)
		{
			if (insert_first(ins, tid))
				return;
			continue;
		}
		OhNodeCacheReset(&ins->keep);
		OhSearchReset(ins->search, &ins->forms);
		OhSearchStart(ins->search);
		if (insert_base(ins, tid))
			break;
	}
	if (ins->id == OH_NONE)
		return;
	if (ins->level > 0)
		OhInsertTowers(ins);
	join_highway(ins);
}
