/*
 * flush.c -- writes the in-memory graph of a build to pages.
 *
 * Nobody else uses the graph or the index during that time.  Nothing is WAL-logged here:
 * the build logs all pages at its end.  Arrays are written one after the other: nodes in
 * packed order, their refinements and filter keys, then towers, postings and off-graph
 * rows.  Towers and postings are in the order of their nodes, so that their ids can be
 * counted while nodes are written and need not be kept.
 */
#include "postgres.h"

#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "filter/keypage.h"
#include "hnsw/build/append.h"
#include "hnsw/build/build.h"
#include "hnsw/graph/linkcode.h"
#include "hnsw/graph/linklist.h"
#include "hnsw/hnsw.h"

typedef struct Flush
{
	OhBuildWorker *worker;
	OhBuilder  *b;
	OhIndex    *ix;
	uint32		n;				/* number of nodes */
	uint32	   *order;			/* [n], slots of the nodes in packed order */
	uint32	   *number;			/* [slots], their node ids */
	int			highway_level;
	MemoryContext context;
} Flush;

/*
 * write_link_codes -- write the codes of a node's links, which are written already.
 */
static void
write_link_codes(const Flush *flush, OhNodeData *node, OhLinkEncoder *encoder, OhLinkCodes *codes)
{
	OhIndex    *ix = flush->ix;

	codes->n = OhCopyLinks(OhNodeLinks(node, ix->code_bytes), 2 * ix->m, codes->id);
	codes->model = ix->number;
	OhLinkEncoderFrom(encoder, ix->quant, OhNodeCode(node));
	for (int i = 0; i < codes->n; i++)
		__builtin_prefetch(OhGraphCode(flush->b, flush->order[codes->id[i]]));
	for (int i = 0; i < codes->n; i++)
	{
		if (!OhLinkEncode(encoder, OhGraphCode(flush->b, flush->order[codes->id[i]]), &codes->code[i]))
			codes->model = OH_NO_LINK_CODES;
	}
	OhStoreLinkCodes(ix, node, codes);
}

static void
write_nodes(const Flush *flush)
{
	OhBuilder  *b = flush->b;
	uint32		tower = 0;
	uint32		posting = 0;
	OhAppender	out;
	OhLinkEncoder encoder;
	OhLinkCodes codes;

	OhLinkEncoderInit(&encoder, flush->ix, flush->context);
	(void) OhAppendPlan(flush->ix, OH_NODE, flush->n, flush->ix->file.array[OH_NODE].per_page);
	OhAppendBegin(&out, flush->ix, OH_NODE);
	for (uint32 i = 0; i < flush->n; i++)
	{
		uint32		slot = flush->order[i];
		const OhGraphNode *from = &b->nodes[slot];
		OhNodeData *node = OhAppend(&out);
		uint32		hash;
		uint32		further = from->more == OH_NONE ? 0 : OhGraphFurther(b, from, &hash);

		/* slots are in packed order, which is no order in memory */
		if (i + 4 < flush->n)
		{
			uint32		ahead = flush->order[i + 4];

			for (uint32 at = 0; at < b->code_stride; at += 64)
				__builtin_prefetch((char *) OhGraphCode(b, ahead) + at);
			for (int at = 0; at < 2 * b->m; at += 16)
				__builtin_prefetch(OhGraphList(b, ahead) + at);
		}
		node->state = OH_LIVE;
		node->tag = flush->ix->number;
		node->level = from->level;
		node->tid = from->tid;
		node->posting = OH_NONE;
		node->tower = OH_NONE;
		if (further > 0)
		{
			node->posting = posting;
			posting += OhPostingRecords(further);
		}
		if (from->level > 0)
		{
			node->tower = tower;
			tower += from->level;
		}
		memcpy(OhNodeCode(node), OhGraphCode(b, slot), flush->ix->code_bytes);
		node->nselected = OhWriteList(OhGraphList(b, slot), 2 * b->m, flush->number,
									  OhNodeLinks(node, flush->ix->code_bytes), 2 * b->m);
		if (flush->ix->neighbor_codes)
			write_link_codes(flush, node, &encoder, &codes);
	}
	OhAppendEnd(&out);
}

/*
 * write_refinements -- write refinements in the order of nodes: both have the same ids.
 */
static void
write_refinements(const Flush *flush)
{
	OhAppender	out;

	if (flush->ix->refine_bytes == 0)
		return;
	(void) OhAppendPlan(flush->ix, OH_REFINE, flush->n, flush->ix->file.array[OH_REFINE].per_page);
	OhAppendBegin(&out, flush->ix, OH_REFINE);
	for (uint32 i = 0; i < flush->n; i++)
		memcpy(OhAppend(&out), OhGraphRefinement(flush->b, flush->order[i]),
			   flush->ix->refine_bytes);
	OhAppendEnd(&out);
}

/*
 * write_keys -- write the filter keys of nodes, one page for each per_page nodes.
 */
static void
write_keys(const Flush *flush)
{
	OhIndex    *ix = flush->ix;
	uint32		per_page = ix->columns.per_page;

	if (ix->columns.n == 0)
		return;
	(void) OhAppendPlan(ix, OH_FILTER_KEY, flush->n, per_page);
	for (uint32 first = 0; first < flush->n; first += per_page)
	{
		uint32		last = Min(first + per_page, flush->n);
		Buffer		buffer = OhAppendPage(ix, OH_FILTER_KEY, first / per_page);

		for (uint32 i = first; i < last; i++)
		{
			/* slots are in packed order, which is no order in memory */
			if (i + 16 < flush->n)
				__builtin_prefetch(OhGraphKeys(flush->b, flush->order[i + 16]));
			OhKeyPageSet(&ix->columns, BufferGetPage(buffer), i - first, OhGraphKeys(flush->b, flush->order[i]));
		}
		MarkBufferDirty(buffer);
		UnlockReleaseBuffer(buffer);
	}
}

static void
write_towers(const Flush *flush)
{
	OhBuilder  *b = flush->b;
	OhAppender	out;

	OhAppendBegin(&out, flush->ix, OH_TOWER);
	for (uint32 i = 0; i < flush->n; i++)
	{
		uint32		slot = flush->order[i];
		int			top = b->nodes[slot].level;

		for (int level = 1; level <= top; level++)
		{
			OhTowerData *tower = OhAppend(&out);

			tower->node = i;
			tower->level = level;
			tower->up = level < top ? out.next : OH_NONE;
			tower->nselected = OhWriteList(OhGraphTower(b, slot, level), b->m, flush->number,
										   tower->links, b->m);
		}
	}
	OhAppendEnd(&out);
}

/*
 * write_postings -- write the further TIDs of nodes.
 *
 * If a node has several records, its first may have room and the others are full: inserts look
 * for room in the first only.
 */
static void
write_postings(const Flush *flush)
{
	OhBuilder  *b = flush->b;
	OhAppender	out;

	OhAppendBegin(&out, flush->ix, OH_POSTING);
	for (uint32 i = 0; i < flush->n; i++)
	{
		const OhGraphNode *node = &b->nodes[flush->order[i]];
		uint32		left;
		uint32		chunk = node->more;
		uint32		at = 0;
		uint32		hash;

		if (chunk == OH_NONE)
			continue;
		left = OhGraphFurther(b, node, &hash);
		for (uint32 record = OhPostingRecords(left); record > 0; record--)
		{
			OhPostingData *posting = OhAppend(&out);
			uint32		n = left - (record - 1) * OH_POSTING_TIDS;

			posting->node = i;
			posting->next = record > 1 ? out.next : OH_NONE;
			posting->hash = hash;
			for (uint32 k = 0; k < OH_POSTING_TIDS; k++)
				ItemPointerSetInvalid(&posting->tid[k]);
			for (uint32 k = 0; k < n; k++)
			{
				while (at == OhGraphChunk(b, chunk)->n)
				{
					chunk = OhGraphChunk(b, chunk)->next;
					at = 0;
				}
				posting->tid[k] = OhGraphChunk(b, chunk)->tid[at++];
			}
			left -= n;
		}
	}
	OhAppendEnd(&out);
}

static void
write_rows(const Flush *flush)
{
	OhBuilder  *b = flush->b;
	OhAppender	out;

	OhAppendBegin(&out, flush->ix, OH_NULLS);
	for (int kind = 1; kind < lengthof(b->graph->rows); kind++)
	{
		for (uint32 at = b->graph->rows[kind]; at != OH_NONE; at = OhGraphChunk(b, at)->next)
		{
			OhTidChunk *chunk = OhGraphChunk(b, at);

			for (uint32 i = 0; i < chunk->n; i++)
				memcpy(OhAppend(&out), OhChunkRow(b, chunk, i), OhRowBytes(flush->ix->columns.n));
		}
	}
	OhAppendEnd(&out);
}

/*
 * highway_level -- the lowest level whose nodes are few enough to be members.
 */
static int
highway_level(const Flush *flush)
{
	uint32		count[OH_MAX_LEVEL + 1] = {0};

	for (uint32 i = 0; i < flush->n; i++)
	{
		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		count[flush->b->nodes[flush->order[i]].level]++;
	}
	return OhHighwayLevel(count, flush->ix->code_bytes);
}

/*
 * write_highway -- write the highway's members, with copies of their codes: the nodes from a
 * level on, and one node of each island.
 */
static void
write_highway(Flush *flush, MemoryContext context)
{
	OhBuilder  *b = flush->b;
	uint32		nislands = OhGraphFindIslands(b, context);
	uint8	   *kind = MemoryContextAllocExtended(context, Max(OhGraphSlots(b->graph), 1),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	OhAppender	out;

	flush->highway_level = highway_level(flush);
	for (uint32 i = 0; i < nislands; i++)
		kind[b->islands[i]] = OH_MEMBER_ISLAND;
	OhAppendBegin(&out, flush->ix, OH_HIGHWAY);
	for (uint32 i = 0; i < flush->n; i++)
	{
		uint32		slot = flush->order[i];
		int			level = b->nodes[slot].level;
		OhMemberData *member;

		if (level >= flush->highway_level)
			kind[slot] |= OH_MEMBER_LEVEL;
		if (kind[slot] == 0)
			continue;
		member = OhAppend(&out);
		member->node = i;
		member->level = level;
		member->kind = kind[slot];
		member->model = flush->ix->number;
		memcpy(OhMemberCode(member), OhGraphCode(b, slot), flush->ix->code_bytes);
	}
	OhAppendEnd(&out);
	pfree(kind);
}

/*
 * OhWriteEntry -- see build.h.  It also tells inserts that the last pages may have free slots.
 */
void
OhWriteEntry(OhIndex *ix, uint32 entry, int level, int highway_level)
{
	Buffer		buffer = OhReadBlock(ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	OhMetaPageData *meta = OhMeta(BufferGetPage(buffer));

	if (entry != OH_NONE)
	{
		meta->entry = entry;
		meta->entry_level = (int16) level;
	}
	meta->highway_level = highway_level;
	for (int a = 0; a < OH_NARRAYS; a++)
	{
		if (oh_file_method.kind[a].reused && ix->file.array[a].npages > 0)
			meta->array[a].free_hint = ix->file.array[a].npages - 1;
	}
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

static void
write_meta(const Flush *flush)
{
	uint64		entry = pg_atomic_read_u64(&flush->b->graph->entry);

	OhWriteEntry(flush->ix, entry == OH_ENTRY_NONE ? OH_NONE : flush->number[(uint32) entry],
				 (int) (entry >> 32), flush->highway_level);
}

static void
report_phase(const OhBuildWorker *worker, int64 phase)
{
	if (worker->leader)
		pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase);
}

/*
 * OhFlushGraph -- see build.h.
 */
void
OhFlushGraph(OhBuildWorker *worker)
{
	MemoryContext context = AllocSetContextCreate(worker->context, "omenhnsw flush",
												  ALLOCSET_DEFAULT_SIZES);
	OhBuilder  *b = worker->builder;
	Size		slots = Max(OhGraphSlots(b->graph), 1);
	Flush		flush;

	report_phase(worker, OH_PHASE_CONNECT);
	OhGraphAttach(b, context);
	OhGraphConnect(b, context);

	report_phase(worker, OH_PHASE_WRITE);
	flush.worker = worker;
	flush.b = b;
	flush.ix = worker->ix;
	flush.context = context;
	flush.order = MemoryContextAllocHuge(context, slots * sizeof(uint32));
	flush.number = MemoryContextAllocHuge(context, slots * sizeof(uint32));
	flush.n = OhGraphPack(b, flush.ix->file.array[OH_NODE].per_page, NULL, flush.order, flush.number);
	write_nodes(&flush);
	write_refinements(&flush);
	write_keys(&flush);
	write_towers(&flush);
	write_postings(&flush);
	write_rows(&flush);
	write_highway(&flush, context);
	write_meta(&flush);
	MemoryContextDelete(context);
}
