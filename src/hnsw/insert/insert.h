/*
 * insert.h -- the state of inserts, which is kept from row to row.
 *
 * Each part is written by the file that it is named after; insert.c calls these in turn.
 */
#ifndef OH_INSERT_H
#define OH_INSERT_H

#include "postgres.h"

#include "hnsw/insert/inserter.h"
#include "hnsw/insert/link.h"
#include "hnsw/insert/near.h"
#include "hnsw/insert/newnode.h"

struct OhInserter
{
	OhIndex    *ix;
	MemoryContext context;
	OhNewNode	node;
	OhNear		near;
	OhLinks		links;
};

#endif							/* OH_INSERT_H */
