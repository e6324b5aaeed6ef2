/*
 * visited.c -- sets of visited nodes, pooled.  See visited.h.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "hnsw/graph/visited.h"
#include "storage/page.h"

/* A set of up to this many bytes is an array, whatever work_mem is. */
#define ARRAY_BYTES (16 * 1024 * 1024)

/* Number of sets kept for later; more than one only within POOL_BYTES. */
#define POOL_MAX 4
#define POOL_BYTES (4 * 1024 * 1024)

#define HASH_START 8192

uint32		oh_hidden_node = OH_NONE;

static OhVisited *pool = NULL;
static int	pool_count = 0;
static Size pool_bytes = 0;

static void
free_visited(OhVisited *visited)
{
	if (visited->mark)
		pfree(visited->mark);
	if (visited->hash)
		pfree(visited->hash);
	pfree(visited);
}

static OhVisited *
take_from_pool(void)
{
	OhVisited  *visited = pool;

	pool = visited->next;
	pool_count--;
	pool_bytes -= visited->size;
	return visited;
}

/*
 * give_back -- memory context callback: return the set to the pool.
 */
static void
give_back(void *arg)
{
	OhVisited  *visited = arg;

	/* keep the larger one, which takes longer to make */
	while (visited->mark != NULL && pool_count > 0 && pool->size <= visited->size &&
		   pool_bytes + visited->size > POOL_BYTES)
		free_visited(take_from_pool());
	if (visited->mark == NULL || pool_count >= POOL_MAX ||
		(pool_count > 0 && pool_bytes + visited->size > POOL_BYTES))
	{
		free_visited(visited);
		return;
	}
	visited->next = pool;
	pool = visited;
	pool_count++;
	pool_bytes += visited->size;
}

OhVisited *
OhVisitedGet(MemoryContext context, uint64 nnodes)
{
	MemoryContextCallback *callback;
	OhVisited  *visited = NULL;
	bool		as_array = nnodes <= Max((uint64) ARRAY_BYTES, (uint64) work_mem * 1024);

	if (as_array && pool != NULL)
		visited = take_from_pool();
	if (visited == NULL)
	{
		visited = MemoryContextAllocZero(TopMemoryContext, sizeof(OhVisited));
		if (as_array)
		{
			visited->size = Max(nnodes, 1024);
			visited->mark = MemoryContextAllocExtended(TopMemoryContext, visited->size,
													   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		}
		else
		{
			visited->hash_size = HASH_START;
			visited->hash = MemoryContextAllocZero(TopMemoryContext,
												   sizeof(uint32) * visited->hash_size);
		}
	}
	else if (visited->size < nnodes)
		OhVisitedGrow(visited, nnodes - 1);
	callback = MemoryContextAlloc(context, sizeof(MemoryContextCallback));
	callback->func = give_back;
	callback->arg = visited;
	MemoryContextRegisterResetCallback(context, callback);
	OhVisitedClear(visited);
	return visited;
}

void
OhVisitedClear(OhVisited *visited)
{
	if (visited->mark == NULL)
	{
		/* shrink the table after a long walk, so that later walks need not clear a large one */
		if (visited->hash_used < visited->hash_size / 16 && visited->hash_size > HASH_START)
		{
			visited->hash_size = Max(visited->hash_size / 8, HASH_START);
			visited->hash = repalloc(visited->hash, sizeof(uint32) * (Size) visited->hash_size);
		}
		memset(visited->hash, 0, sizeof(uint32) * (Size) visited->hash_size);
		visited->hash_used = 0;
	}
	else if (++visited->epoch == 0)
	{
		memset(visited->mark, 0, visited->size);
		visited->epoch = 1;
	}
}

void
OhVisitedGrow(OhVisited *visited, uint32 id)
{
	uint64		size = Min(Max((uint64) id + 1, (uint64) visited->size * 5 / 4), PG_UINT32_MAX);

	visited->mark = repalloc_huge(visited->mark, size);
	memset(visited->mark + visited->size, 0, size - visited->size);
	visited->size = size;
}

static bool
hash_put(uint32 *hash, uint32 mask, uint32 key)
{
	uint32		i = murmurhash32(key) & mask;

	while (hash[i] != 0)
	{
		if (hash[i] == key)
			return false;
		i = (i + 1) & mask;
	}
	hash[i] = key;
	return true;
}

bool
OhVisitedHashAdd(OhVisited *visited, uint32 id)
{
	if (visited->hash_used >= visited->hash_size / 2)
	{
		uint32		size = visited->hash_size * 2;
		uint32	   *hash = MemoryContextAllocExtended(TopMemoryContext, sizeof(uint32) * (Size) size,
													  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

		for (uint32 i = 0; i < visited->hash_size; i++)
		{
			if (visited->hash[i] != 0)
				hash_put(hash, size - 1, visited->hash[i]);
		}
		pfree(visited->hash);
		visited->hash = hash;
		visited->hash_size = size;
	}
	if (!hash_put(visited->hash, visited->hash_size - 1, id + 1))
		return false;
	visited->hash_used++;
	return true;
}

Size
OhVisitedBytes(const OhVisited *visited)
{
	return visited->mark ? visited->size : sizeof(uint32) * (Size) visited->hash_size;
}
