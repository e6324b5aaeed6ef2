/*
 * nodecache.h -- what an insert keeps of the nodes that its search has looked at.
 *
 * A hash table by node id, with copies of codes and links, so that back links are decided
 * without reading pages again.  Emptied with each insert, which costs nothing, as simplehash
 * would not: places carry the number of the insert that filled them, and memory for copies
 * is kept.
 */
#ifndef OH_NODE_CACHE_H
#define OH_NODE_CACHE_H

#include "postgres.h"

#include "common/hashfn.h"

/* Nodes that lead to a node, as far as they are noted. */
#define OH_CACHED_LEADING 3

/* What an insert plans with a node (insert/link.c); zeros until then. */
typedef struct OhLinkMarks
{
	bool		chosen;			/* the new node links to it */
	uint8		back;			/* 1 + number of its back link, 0 if none is planned */
	uint8		nleading;
	uint32		leading[OH_CACHED_LEADING]; /* found nodes that link to it, nearest first */
} OhLinkMarks;

/* Filled by the search, but for marks and own. */
typedef struct OhCachedNode
{
	uint32		stamp;			/* of the insert; another one: an empty place */
	uint32		id;
	float		dist;			/* to the new vector */
	bool		live;
	bool		expanded;		/* version and links are known */
	uint8		tag;			/* of code */
	uint16		version;
	uint8		nlinks;
	uint8		nselected;
	OhLinkMarks marks;
	uint32	   *links;			/* base layer */
	void	   *code;
	void	   *own;			/* as a code of the insert's model (insert/near.c), NULL if not
								 * asked for */
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
	OhNodeCacheChunk *chunk;	/* the one that is being filled */
	Size		filled;			/* of it */
} OhNodeCache;

extern void OhNodeCacheInit(OhNodeCache *keep, MemoryContext context);
/* Forget all. */
extern void OhNodeCacheReset(OhNodeCache *keep);
/* Memory until the next reset. */
extern void *OhNodeCacheAlloc(OhNodeCache *keep, Size bytes);
/* The place of a node, empty if it is not kept: OhNodeCacheAdd() fills it. */
extern OhCachedNode *OhNodeCacheAdd(OhNodeCache *keep, uint32 id, bool *found);

/* A kept node, or NULL. */
static inline OhCachedNode *
OhNodeCacheFind(OhNodeCache *keep, uint32 id)
{
	uint32		mask = keep->size - 1;

	for (uint32 i = murmurhash32(id) & mask; keep->table[i].stamp == keep->stamp; i = (i + 1) & mask)
	{
		if (keep->table[i].id == id)
			return &keep->table[i];
	}
	return NULL;
}

#endif							/* OH_NODE_CACHE_H */
