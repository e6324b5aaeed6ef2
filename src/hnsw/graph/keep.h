/*
 * keep.h -- what an insert keeps of the nodes that its search has looked at.
 *
 * A hash table by node id, with copies of codes and links, so that back links
 * are decided without reading pages again.  Emptied with each insert, which
 * costs nothing: places carry the number of the insert that filled them, and
 * memory for copies is kept.
 */
#ifndef OH_KEEP_H
#define OH_KEEP_H

#include "postgres.h"

#include "common/hashfn.h"

/* Nodes that lead to a node, as far as they are noted. */
#define OH_KEEP_LEADING 3

typedef struct OhKept
{
	uint32		stamp;			/* of the insert; another one: an empty place */
	uint32		id;
	float		dist;			/* to the new vector */
	bool		live;
	bool		chosen;			/* the new node links to it */
	bool		expanded;		/* version and links are known */
	uint8		tag;			/* of code */
	uint8		back;			/* 1 + number of its back link, 0 if none is planned */
	uint16		version;
	uint8		nlinks;
	uint8		nselected;
	uint8		nleading;
	uint32		leading[OH_KEEP_LEADING];	/* found nodes that link to it, nearest first */
	uint32	   *links;			/* base layer */
	void	   *code;
	void	   *own;			/* as a code of the insert's model, NULL if not asked for: OhKeptCode() */
} OhKept;

typedef struct OhKeepChunk
{
	struct OhKeepChunk *next;
	Size		size;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} OhKeepChunk;

typedef struct OhKeep
{
	MemoryContext context;
	OhKept	   *table;			/* [size], open addressing */
	uint32		size;			/* power of two */
	uint32		used;
	uint32		stamp;
	OhKeepChunk *first;			/* memory for copies */
	OhKeepChunk *chunk;			/* the one that is being filled */
	Size		filled;			/* of it */
} OhKeep;

extern void OhKeepInit(OhKeep *keep, MemoryContext context);
/* Forget all. */
extern void OhKeepReset(OhKeep *keep);
/* Memory until the next reset. */
extern void *OhKeepAlloc(OhKeep *keep, Size bytes);
/* The place of a node, empty if it is not kept: OhKeepAdd() fills it. */
extern OhKept *OhKeepAdd(OhKeep *keep, uint32 id, bool *found);

/* A kept node, or NULL. */
static inline OhKept *
OhKeepFind(OhKeep *keep, uint32 id)
{
	uint32		mask = keep->size - 1;

	for (uint32 i = murmurhash32(id) & mask; keep->table[i].stamp == keep->stamp; i = (i + 1) & mask)
	{
		if (keep->table[i].id == id)
			return &keep->table[i];
	}
	return NULL;
}

#endif							/* OH_KEEP_H */
