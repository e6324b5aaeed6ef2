/*
 * nodecache.c -- copies of the nodes that an insert's search has read.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "hnsw/graph/nodecache.h"

#define START_SIZE 4096
#define CHUNK_BYTES (256 * 1024)

void
OhNodeCacheInit(OhNodeCache *keep, MemoryContext context)
{
	memset(keep, 0, sizeof(OhNodeCache));
	keep->context = context;
	keep->size = START_SIZE;
	keep->table = MemoryContextAllocZero(context, sizeof(OhCachedNode) * keep->size);
	keep->stamp = 1;
}

void
OhNodeCacheReset(OhNodeCache *keep)
{
	if (++keep->stamp == 0)
	{
		memset(keep->table, 0, sizeof(OhCachedNode) * keep->size);
		keep->stamp = 1;
	}
	keep->used = 0;
	keep->chunk = keep->first;
	keep->filled = 0;
}

void *
OhNodeCacheAlloc(OhNodeCache *keep, Size bytes)
{
	void	   *result;

	bytes = MAXALIGN(bytes);
	while (keep->chunk == NULL || keep->filled + bytes > keep->chunk->size)
	{
		OhNodeCacheChunk **next = keep->chunk == NULL ? &keep->first : &keep->chunk->next;

		if (*next == NULL)
		{
			Size		size = Max(bytes, CHUNK_BYTES);

			*next = MemoryContextAlloc(keep->context, offsetof(OhNodeCacheChunk, data) + size);
			(*next)->next = NULL;
			(*next)->size = size;
		}
		keep->chunk = *next;
		keep->filled = 0;
	}
	result = keep->chunk->data + keep->filled;
	keep->filled += bytes;
	return result;
}

static OhCachedNode *
empty_place(OhCachedNode *table, uint32 size, uint32 stamp, uint32 id)
{
	uint32		i = murmurhash32(id) & (size - 1);

	while (table[i].stamp == stamp)
		i = (i + 1) & (size - 1);
	return &table[i];
}

static void
grow(OhNodeCache *keep)
{
	uint32		size = keep->size * 2;
	OhCachedNode *table = MemoryContextAllocExtended(keep->context, sizeof(OhCachedNode) * (Size) size,
													 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (uint32 i = 0; i < keep->size; i++)
	{
		if (keep->table[i].stamp == keep->stamp)
			*empty_place(table, size, keep->stamp, keep->table[i].id) = keep->table[i];
	}
	pfree(keep->table);
	keep->table = table;
	keep->size = size;
}

OhCachedNode *
OhNodeCacheAdd(OhNodeCache *keep, uint32 id, bool *found)
{
	OhCachedNode *kept = OhNodeCacheFind(keep, id);

	*found = kept != NULL;
	if (kept != NULL)
		return kept;
	if (keep->used >= keep->size / 2)
		grow(keep);
	keep->used++;
	kept = empty_place(keep->table, keep->size, keep->stamp, id);
	memset(kept, 0, sizeof(OhCachedNode));
	kept->stamp = keep->stamp;
	kept->id = id;
	return kept;
}
