/*
 * textcheck.h -- checks of an omenbm25 index.
 */
#ifndef OH_TEXT_CHECK_H
#define OH_TEXT_CHECK_H

#include "postgres.h"

#include "common/hashfn.h"

#include "bm25/bm25.h"
#include "bm25/segment/merge.h"
#include "storage/verify.h"

typedef struct OhTextFigures
{
	int64		live;
	int64		dead;
	int64		null_rows;
	int64		free_slots;
	int64		postings;		/* postings of segments and tails */
	int64		segments;
	int64		tail_docs;
	int64		terms;			/* terms of all segments; one in several segments counts several
								 * times */
	int64		length;			/* sum of the lengths of all documents that count in the statistics */
	int64		documents;		/* documents that count in the statistics */
	int64		pages;
	int64		lost_pages;
	int64		heap_rows;
} OhTextFigures;

/* The document of a row. */
typedef struct OhDocTid
{
	ItemPointerData tid;
	uint32		doc;
} OhDocTid;

typedef struct OhTextCheck
{
	OhFileCheck file;
	Relation	heap;
	BlockNumber heap_blocks;	/* if strict */
	OhText	   *ix;
	OhTextList	list;

	uint32		ndocs;
	OhDocData  *doc;			/* [ndocs], read before anything else */
	OhDocSet   *found;			/* in a segment or a tail */
	uint64	   *sum;			/* [ndocs], sum of the frequencies of all terms */
	uint64	   *mix;			/* [ndocs], sum of OhMixTerm() of all terms */
	OhDocTid   *tid;			/* sorted */
	int64		ntids;

	OhTextFigures f;
} OhTextCheck;

/* What a term adds to a document's mix.  Documents with different terms have different mixes. */
static inline uint64
OhMixTerm(uint64 hash, uint32 tf)
{
	return hash_combine64(hash, murmurhash32(tf));
}

/* Do all checks; raises ERRCODE_INDEX_CORRUPTED. Must be called as the table's owner. */
extern void OhTextCheckAll(Relation heap, Relation index, bool heapallindexed, OhTextFigures *figures);
/* Check that every row that the snapshot sees is in the index, with its terms and filter keys. */
extern void OhTextCheckHeap(OhTextCheck *c, Snapshot snapshot);

#endif							/* OH_TEXT_CHECK_H */
