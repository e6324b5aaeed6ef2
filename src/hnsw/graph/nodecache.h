/*
 * nodecache.h -- copies of the nodes that an insert's search has read.
 *
 * A hash table by node id with copies of codes and links, so that back links can be decided
 * without reading pages again.  It is emptied for each insert.  That costs nothing, unlike
 * with simplehash: entries carry the number of the insert that filled them, and the memory
 * for copies is kept.
 */
#ifndef OH_NODE_CACHE_H
#define OH_NODE_CACHE_H

#include "postgres.h"

#include "common/hashfn.h"

/* Number of nodes linking to a node that are recorded. */
#define OH_CACHED_LEADING 3

/* An insert's plans for a node (insert/link.c); zeros until then. */
typedef struct OhLinkMarks
{
	bool		chosen;			/* the new node links to it */
	uint8		back;			/* 1 + number of its back link, 0 if none is planned */
	uint8		nleading;
	uint32		leading[OH_CACHED_LEADING]; /* found nodes that link to it, nearest first */
} OhLinkMarks;

/* Filled by the search, except for marks and own. */
typedef struct OhCachedNode
{
	uint32		stamp;			/* number of the insert; with another number, the entry is empty */
	uint32		id;
	float		dist;			/* to the new vector */
	bool		live;
	bool		expanded;		/* version and links are known */
	uint8		tag;			/* tag of the code */
	uint16		version;
	uint8		nlinks;
	uint8		nselected;
	OhLinkMarks marks;
	uint32	   *links;			/* links on the base layer */
	void	   *code;
	void	   *own;			/* the code converted to the insert's model (insert/near.c), NULL
								 * if not needed yet */
} OhCachedNode;

typedef struct OhNodeCacheChunk
{
	struct OhNodeCacheChunk *next;
	Size		size;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} OhNodeCacheChunk;

typedef struct OhNodeCache
{
	MemoryContext context;
	OhCachedNode *table;		/* [size], open addressing */
	uint32		size;			/* power of two */
	uint32		used;
	uint32		stamp;
	OhNodeCacheChunk *first;	/* memory for copies */
	OhNodeCacheChunk *chunk;	/* the chunk that is being filled */
	Size		filled;			/* bytes used of that chunk */
} OhNodeCache;

/* An empty cache. */
extern void OhNodeCacheInit(OhNodeCache *cache, MemoryContext context);
/* Forget all. */
extern void OhNodeCacheReset(OhNodeCache *cache);
/* Allocate memory that is valid until the next reset. */
extern void *OhNodeCacheAlloc(OhNodeCache *cache, Size bytes);
/* Find a node's entry, or an empty entry for it, which the caller fills. */
extern OhCachedNode *OhNodeCacheAdd(OhNodeCache *cache, uint32 id, bool *found);

/* A cached node, or NULL. */
static inline OhCachedNode *
OhNodeCacheFind(OhNodeCache *cache, uint32 id)
{
	uint32		mask = cache->size - 1;

	for (uint32 i = murmurhash32(id) & mask; cache->table[i].stamp == cache->stamp; i = (i + 1) & mask)
	{
		if (cache->table[i].id == id)
			return &cache->table[i];
	}
	return NULL;
}

#endif							/* OH_NODE_CACHE_H */
