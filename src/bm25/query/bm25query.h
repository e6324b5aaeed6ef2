/*
 * bm25query.h -- the SQL type bm25query: what to search for, and which index's statistics
 * to score by.
 */
#ifndef OH_BM25QUERY_H
#define OH_BM25QUERY_H

#include "postgres.h"

#include "compat.h"
#include "fmgr.h"

typedef enum OhQueryMode
{
	OH_MODE_ANY = 0,			/* documents with at least one of the words */
	OH_MODE_ALL					/* with all of them */
} OhQueryMode;

typedef struct OhBm25Query
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	Oid			index;			/* the index whose statistics are used for scores; InvalidOid: not
								 * bound */
	Oid			config;			/* text search configuration; InvalidOid: that of the index */
	uint8		mode;			/* OhQueryMode */
	uint8		unused[3];
	char		text[FLEXIBLE_ARRAY_MEMBER];	/* as it was typed, not terminated */
} OhBm25Query;

static inline int
OhQueryTextLength(const OhBm25Query *query)
{
	return VARSIZE(query) - offsetof(OhBm25Query, text);
}

/* Are two queries the same, bit by bit? */
static inline bool
OhSameQuery(const OhBm25Query *a, const OhBm25Query *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* A copy of a query, in CurrentMemoryContext. */
static inline OhBm25Query *
OhCopyQuery(const OhBm25Query *query)
{
	return memcpy(palloc(VARSIZE(query)), query, VARSIZE(query));
}

#define DatumGetBm25Query(d)	((OhBm25Query *) PG_DETOAST_DATUM(d))
#define PG_GETARG_BM25QUERY(n)	DatumGetBm25Query(PG_GETARG_DATUM(n))

/* Make a value of type bm25query; config and index: InvalidOid if it names none. */
extern OhBm25Query *OhMakeBm25Query(const char *text, int length, Oid config, Oid index, OhQueryMode mode);

#endif							/* OH_BM25QUERY_H */
