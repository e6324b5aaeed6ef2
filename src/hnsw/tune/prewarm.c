/*
 * prewarm.c -- omendb_prewarm(): reads an index into shared buffers, starting with what
 * every search needs.
 *
 *   upper   metapage, models, highway and towers, then the nodes that have towers
 *   graph   the same, then all nodes and filter keys
 *   all     the same, then every other block
 *
 * Each part is read in block order: by a read stream where PostgreSQL has these, otherwise
 * with some blocks prefetched.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"

#include "compat.h"
#include "hnsw/tune/tune.h"
#ifdef OM_HAS_READ_STREAM
#include "storage/read_stream.h"
#endif

/* Blocks prefetched where there are no read streams. */
#define AHEAD 32

OM_FUNCTION(om_prewarm);

/* Blocks to read; none is read twice. */
typedef struct Blocks
{
	Relation	index;
	BlockNumber nblocks;
	uint8	   *wanted;			/* [nblocks] */
	uint8	   *done;			/* [nblocks] */
	BlockNumber next;			/* the next block to look at */
	int64		nread;
} Blocks;

static inline void
want(Blocks *b, BlockNumber block)
{
	if (block < b->nblocks && !b->done[block])
		b->wanted[block] = 1;
}

/*
 * next_wanted -- return the next wanted block and mark it as done; InvalidBlockNumber at
 * the end.
 */
static BlockNumber
next_wanted(Blocks *b)
{
	while (b->next < b->nblocks && !b->wanted[b->next])
		b->next++;
	if (b->next >= b->nblocks)
		return InvalidBlockNumber;
	b->wanted[b->next] = 0;
	b->done[b->next] = 1;
	return b->next++;
}

#ifdef OM_HAS_READ_STREAM

static BlockNumber
next_of_stream(ReadStream * stream, void *blocks, void *per_buffer)
{
	return next_wanted(blocks);
}

static void
read_wanted(Blocks *b)
{
	ReadStream *stream;
	Buffer		buffer;

	b->next = 0;
	stream = read_stream_begin_relation(READ_STREAM_MAINTENANCE | READ_STREAM_FULL, NULL, b->index,
										MAIN_FORKNUM, next_of_stream, b, 0);
	while ((buffer = read_stream_next_buffer(stream, NULL)) != InvalidBuffer)
	{
		CHECK_FOR_INTERRUPTS();
		ReleaseBuffer(buffer);
		b->nread++;
	}
	read_stream_end(stream);
}

#else

static void
read_wanted(Blocks *b)
{
	BlockNumber ahead[AHEAD];
	uint64		asked = 0;

	b->next = 0;
	for (uint64 n = 0;; n++)
	{
		BlockNumber block;

		CHECK_FOR_INTERRUPTS();
		while (asked < n + AHEAD && (block = next_wanted(b)) != InvalidBlockNumber)
		{
			(void) PrefetchBuffer(b->index, MAIN_FORKNUM, block);
			ahead[asked++ % AHEAD] = block;
		}
		if (n == asked)
			break;
		ReleaseBuffer(ReadBuffer(b->index, ahead[n % AHEAD]));
		b->nread++;
	}
}

#endif							/* OM_HAS_READ_STREAM */

static void
want_array(Blocks *b, OhIndex *ix, OhArrayId array)
{
	uint32		npages = OhArrayPages(&ix->file, array);

	for (uint32 lp = 0; lp < npages; lp++)
		want(b, OhArrayBlock(&ix->file, array, lp));
}

/*
 * want_tower_owners -- add the pages of nodes that have towers.
 */
static void
want_tower_owners(Blocks *b, OhIndex *ix)
{
	uint32		npages = OhArrayPages(&ix->file, OH_TOWER);
	uint32	   *node = palloc(sizeof(uint32) * ix->file.array[OH_TOWER].per_page);

	for (uint32 lp = 0; lp < npages; lp++)
	{
		Buffer		buffer;
		Page		page;
		uint32		nused;

		CHECK_FOR_INTERRUPTS();
		buffer = OhArrayRead(&ix->file, OH_TOWER, lp, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		nused = OhPageUsed(&ix->file, OH_TOWER, buffer);
		for (uint32 slot = 0; slot < nused; slot++)
			node[slot] = ((OhTowerData *) OhSlot(&ix->file, OH_TOWER, page, slot))->node;
		UnlockReleaseBuffer(buffer);
		/* no page is locked here, because the directory may have to be read */
		for (uint32 slot = 0; slot < nused; slot++)
		{
			if (node[slot] != OH_NONE && OhArrayHas(&ix->file, OH_NODE, node[slot]))
				want(b, OhRecordBlock(&ix->file, OH_NODE, node[slot]));
		}
	}
	pfree(node);
}

static int
take_what(const char *what)
{
	static const char *const name[] = {"upper", "graph", "all"};

	for (int i = 0; i < lengthof(name); i++)
	{
		if (strcmp(what, name[i]) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for \"what\": \"%s\"", what),
			 errhint("It takes upper, graph or all.")));
	return 0;
}

/*
 * om_prewarm -- omendb_prewarm(index regclass, what text): returns the number of blocks
 * read.
 */
Datum
om_prewarm(PG_FUNCTION_ARGS)
{
	int			what = take_what(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	OhOpened	opened;
	Blocks		b = {0};

	OhOpenToUse(PG_GETARG_OID(0), &opened);
	b.index = opened.index;
	b.nblocks = RelationGetNumberOfBlocks(opened.index);
	b.wanted = MemoryContextAllocExtended(CurrentMemoryContext, b.nblocks + 1,
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	b.done = MemoryContextAllocExtended(CurrentMemoryContext, b.nblocks + 1,
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	want(&b, OH_META_BLOCK);
	want_array(&b, opened.ix, OH_MODEL);
	want_array(&b, opened.ix, OH_HIGHWAY);
	want_array(&b, opened.ix, OH_TOWER);
	read_wanted(&b);
	want_tower_owners(&b, opened.ix);
	read_wanted(&b);
	if (what >= 1)
	{
		want_array(&b, opened.ix, OH_NODE);
		want_array(&b, opened.ix, OH_FILTER_KEY);
		read_wanted(&b);
	}
	if (what >= 2)
	{
		for (BlockNumber block = 0; block < b.nblocks; block++)
			want(&b, block);
		read_wanted(&b);
	}
	OhOpenedClose(&opened);
	PG_RETURN_INT64(b.nread);
}
