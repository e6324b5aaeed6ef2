/*
 * nodecache.c -- copies of the nodes that an insert's search has read.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "hnsw/graph/nodecache.h"

#define START_SIZE 4096
#define CHUNK_BYTES (256 * 1024)

void
OhNodeCacheInit(OhNodeCache *cache, MemoryContext context)
{
	memset(cache, 0, sizeof(OhNodeCache));
	cache->context = context;
	cache->size = START_SIZE;
	cache->table = MemoryContextAllocZero(context, sizeof(OhCachedNode) * cache->size);
	cache->stamp = 1;
}

void
OhNodeCacheReset(OhNodeCache *cache)
{
	if (++cache->stamp == 0)
	{
		memset(cache->table, 0, sizeof(OhCachedNode) * cache->size);
		cache->stamp = 1;
	}
	cache->used = 0;
	cache->chunk = cache->first;
	cache->filled = 0;
}

void *
OhNodeCacheAlloc(OhNodeCache *cache, Size bytes)
{
	void	   *result;

	bytes = MAXALIGN(bytes);
	while (cache->chunk == NULL || cache->filled + bytes > cache->chunk->size)
	{
		OhNodeCacheChunk **next = cache->chunk == NULL ? &cache->first : &cache->chunk->next;

		if (*next == NULL)
		{
			Size		size = Max(bytes, CHUNK_BYTES);

			*next = MemoryContextAlloc(cache->context, offsetof(OhNodeCacheChunk, data) + size);
			(*next)->next = NULL;
			(*next)->size = size;
		}
		cache->chunk = *next;
		cache->filled = 0;
	}
	result = cache->chunk->data + cache->filled;
	cache->filled += bytes;
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
grow(OhNodeCache *cache)
{
	uint32		size = cache->size * 2;
	OhCachedNode *table = MemoryContextAllocExtended(cache->context, sizeof(OhCachedNode) * (Size) size,
													 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (uint32 i = 0; i < cache->size; i++)
	{
		if (cache->table[i].stamp == cache->stamp)
			*empty_place(table, size, cache->stamp, cache->table[i].id) = cache->table[i];
	}
	pfree(cache->table);
	cache->table = table;
	cache->size = size;
}

OhCachedNode *
OhNodeCacheAdd(OhNodeCache *cache, uint32 id, bool *found)
{
	OhCachedNode *cached = OhNodeCacheFind(cache, id);

	*found = cached != NULL;
	if (cached != NULL)
		return cached;
	if (cache->used >= cache->size / 2)
		grow(cache);
	cache->used++;
	cached = empty_place(cache->table, cache->size, cache->stamp, id);
	memset(cached, 0, sizeof(OhCachedNode));
	cached->stamp = cache->stamp;
	cached->id = id;
	return cached;
}
