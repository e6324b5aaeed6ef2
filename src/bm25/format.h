/*
 * format.h -- on-disk format of an omenbm25 index.
 *
 * The index is an index file of storage/: page.h there has the layout of pages, file.h that
 * of arrays.  Here are the arrays of this method, their records, and its part of the
 * metapage.  See README.md.
 *
 * A document has a number, its place in the array of documents, which never changes.  Its
 * words are first in a tail, as one or more chunks, and later in one segment:
 *
 *   metapage --- list of segments          tail of epoch e      (array e % 2)
 *        |             |                        [chunk][chunk][chunk] ...
 *        |             v
 *        |       pages of the array of segments, in three areas
 *        |       [terms ....] [skips ....] [postings ........]
 *        v
 *   documents: (TID, length, state) by number; filter keys by number
 *
 * Terms of words come first in the area of terms; lists follow, on pages of their own.  A list has
 * the documents of the segment that have one value in a filter column.
 */
#ifndef OH_TEXT_FORMAT_H
#define OH_TEXT_FORMAT_H

#include "postgres.h"

#include "filter/keypage.h"
#include "storage/itemptr.h"
#include "storage/page.h"

#define OH_TEXT_MAGIC	0x6F6D6274U /* "ombt" */
#define OH_TEXT_FORMAT	3
/*
 * Segments of format 2 have no lists of filter columns.  An index of that format gets none: it is
 * searched by its filter pages until it is built again.
 */
#define OH_TEXT_OLDEST	2
#define OH_TEXT_LISTS	3		/* the first format with lists */

/* The paged arrays. */
typedef enum OhTextArrayId
{
	OH_DOC = 0,					/* one record a row */
	OH_DOC_KEY,					/* filter columns of documents, one record a page: keypage.h */
	OH_SEGMENT,					/* pages of segments, one record a page */
	OH_TAIL_EVEN,				/* tails of even epochs, one record a page */
	OH_TAIL_ODD,
	OH_TEXT_NARRAYS
} OhTextArrayId;

/* Areas of a segment. */
#define OH_AREA_POSTINGS	0
#define OH_AREA_SKIPS		1
#define OH_AREA_TERMS		2
#define OH_NAREAS			3

/*
 * A segment has the words of some documents, and is never changed.  A merge writes a new
 * segment and puts it in place of the old ones by one change of the metapage.
 */
typedef struct OhSegment
{
	uint32		id;				/* never used twice */
	uint32		first[OH_NAREAS];	/* page of the array of segments */
	uint32		pages[OH_NAREAS];	/* that follow one another */
	uint32		ndocs;
	uint32		nterms;			/* number of terms, including term 0, the list of its documents,
								 * but without lists of filter columns */
	uint32		nskips;
	uint64		length;			/* sum of the lengths of its documents */
	double		average;		/* average length of a document with which its impacts were
								 * computed */
} OhSegment;

StaticAssertDecl(sizeof(OhSegment) == 56, "segment layout");

#define OH_MAX_SEGMENTS	96

/* How far a merge is. */
#define OH_MERGE_NEW	0
#define OH_MERGE_WORDS	1		/* the list of documents is written */
#define OH_MERGE_LISTS	2		/* all words are; lists of filter columns are being merged */

/*
 * A merge that is done in steps.  Pages that have been written belong to no listed
 * segment, so that only the next step looks at them; inputs stay in the list until the end.
 */
typedef struct OhMergeState
{
	OhSegment	output;			/* what is written so far; id 0: no merge is going on */
	uint32		reserved[OH_NAREAS];	/* pages from output.first on that nobody else takes */
	uint32		used[OH_NAREAS];	/* bytes of the page after the finished ones */
	uint64		hash;			/* terms, or lists, up to this one are written, if it has begun */
	uint32		ninputs;
	uint32		input[OH_MAX_SEGMENTS]; /* ids */
	uint32		begun;			/* OH_MERGE_* */
} OhMergeState;

StaticAssertDecl(sizeof(OhMergeState) == 480, "merge layout");

/* Contents of block 0, at PageGetContents(). */
typedef struct OhTextMeta
{
	uint32		magic;
	uint32		format;
	uint64		build_id;		/* random, new with every build */
	uint32		next_segment;	/* id of the next segment */
	uint32		epoch;			/* epoch of the tail that inserts write to */
	uint32		sealed;			/* all tails up to this epoch are in segments */
	uint16		nsegments;
	uint16		ncolumns;		/* filter columns */
	uint8		weight[4];		/* weights of a tsvector's labels D, C, B, A */
	uint32		unused1[2];
	uint32		generation;
	double		k1;
	double		b;
	uint8		key_kind[OH_MAX_COLUMNS];	/* OhKeyKind of each filter column */
	uint8		unused2;
	uint32		unused3[8];
	OhArrayHead array[OH_TEXT_NARRAYS];
	char		config_schema[NAMEDATALEN]; /* text search configuration; of a tsvector, for the
											 * words of queries */
	char		config_name[NAMEDATALEN];
	uint32		unused4;
	OhSegment	segment[OH_MAX_SEGMENTS];
	OhMergeState merge;
} OhTextMeta;

StaticAssertDecl(offsetof(OhTextMeta, next_segment) == 16, "metapage layout");
StaticAssertDecl(offsetof(OhTextMeta, generation) == offsetof(OhFileHead, generation), "metapage layout");
StaticAssertDecl(offsetof(OhTextMeta, k1) == 48, "metapage layout");
StaticAssertDecl(offsetof(OhTextMeta, key_kind) == 64, "metapage layout");
StaticAssertDecl(offsetof(OhTextMeta, array) == offsetof(OhFileHead, array), "metapage layout");
StaticAssertDecl(offsetof(OhTextMeta, segment) == 440, "metapage layout");
StaticAssertDecl(sizeof(OhTextMeta) <= OH_PAGE_BODY, "metapage fits its page");

/* States of a document. */
#define OH_DOC_FREE		0
#define OH_DOC_LIVE		1
#define OH_DOC_DEAD		2		/* its row has been removed; a merge leaves it out, then it is
								 * freed */
#define OH_DOC_CLAIMED	3		/* an insert is writing its chunks; length holds the epoch */
#define OH_DOC_NULL		4		/* its text is NULL: it is in no segment and no tail */

/*
 * Document record.
 *
 *   OFFSET  SIZE  FIELD
 *        0     6  tid
 *        6     1  state
 *        7     1  unused
 *        8     4  length  sum of its terms' frequencies
 */
typedef struct OhDocData
{
	ItemPointerData tid;
	uint8		state;
	uint8		unused;
	uint32		length;
} OhDocData;

StaticAssertDecl(sizeof(OhDocData) == 12, "document layout");

/*
 * Page of a tail.  The pages of a tail are 0, 1, ... of its array.  A page that has the
 * epoch of another tail counts as empty.
 *
 *   OFFSET  SIZE  FIELD
 *        0     4  epoch
 *        4     2  used    bytes of chunks
 *        6     2  nchunks
 *        8     -  chunks
 */
typedef struct OhTailPage
{
	uint32		epoch;
	uint16		used;
	uint16		nchunks;
} OhTailPage;

/*
 * Chunk of a document: some of its terms.
 *
 *   OFFSET   SIZE  FIELD
 *        0      4  doc
 *        4      4  length  of the document, all chunks
 *        8      2  nterms
 *       10      2  first   1 in the first chunk of its document
 *       12      4  unused
 *       16  8 * n  hash    of each term, ascending in a document
 *        -  4 * n  tf      frequencies; then zeros up to a multiple of 8
 */
typedef struct OhChunk
{
	uint32		doc;
	uint32		length;
	uint16		nterms;
	uint16		first;
	uint32		unused;
	uint64		hash[FLEXIBLE_ARRAY_MEMBER];
} OhChunk;

StaticAssertDecl(offsetof(OhChunk, hash) == 16, "chunk layout");

#define OH_TAIL_BYTES	(OH_PAGE_BODY - sizeof(OhTailPage))

static inline uint32
OhChunkBytes(uint32 nterms)
{
	return offsetof(OhChunk, hash) + nterms * sizeof(uint64) + (nterms + 1) / 2 * 2 * sizeof(uint32);
}

static inline uint32 *
OhChunkFrequencies(OhChunk *chunk)
{
	return (uint32 *) (chunk->hash + chunk->nterms);
}

/* Number of terms that fit on a page of a tail. */
#define OH_CHUNK_TERMS	((uint32) ((OH_TAIL_BYTES - offsetof(OhChunk, hash)) / 12 - 1))

/*
 * Page of a segment.
 *
 *   OFFSET  SIZE  FIELD
 *        0     4  segment  id
 *        4     4  index    which page of its area
 *        8     2  area     OH_AREA_*
 *       10     2  used     bytes that follow the header
 *       12     4  columns  of a page of lists: bit i is set if the segment has the lists of filter
 *                          column i; 0 on other pages
 */
typedef struct OhSegmentPage
{
	uint32		segment;
	uint32		index;
	uint16		area;
	uint16		used;
	uint32		columns;
} OhSegmentPage;

StaticAssertDecl(sizeof(OhSegmentPage) == 16, "segment page layout");

#define OH_SEGMENT_BYTES ((uint32) (OH_PAGE_BODY - sizeof(OhSegmentPage)))

/*
 * Block of postings: up to 128 documents, ascending.  None crosses a page.
 *
 *   OFFSET  SIZE  FIELD
 *        0     4  first      number of the first document
 *        4     1  n - 1
 *        5     1  doc_bits   of each gap - 1 to the document before; n - 1 of them
 *        6     1  tf_bits    of each frequency - 1
 *        7     1  length_bits of each document's length
 *        8     -  gaps, then frequencies, then lengths, each a string of bits padded to bytes
 */
#define OH_BLOCK_DOCS	128
#define OH_BLOCK_HEADER	8

typedef struct OhBlockHeader
{
	uint32		first;
	uint8		last;			/* n - 1 */
	uint8		doc_bits;
	uint8		tf_bits;
	uint8		length_bits;
} OhBlockHeader;

StaticAssertDecl(sizeof(OhBlockHeader) == OH_BLOCK_HEADER, "block layout");

/* A skip for each block of a term that has several blocks. */
typedef struct OhSkip
{
	uint32		last_doc;
	uint32		page;			/* page of the postings */
	uint16		offset;			/* offset after the page's header */
	uint16		impact;			/* upper bound for the documents of the block: score.h */
} OhSkip;

StaticAssertDecl(sizeof(OhSkip) == 12, "skip layout");

#define OH_SKIPS_PER_PAGE	(OH_SEGMENT_BYTES / sizeof(OhSkip))

/*
 * Term record, ascending by hash.  Term 0, which no word has, is the list of all documents
 * of the segment, each with frequency 1.
 */
typedef struct OhTermData
{
	uint32		hash_high;
	uint32		hash_low;
	uint32		ndocs;
	uint32		at;				/* up to 128 documents: page of the postings; more: number of the
								 * first skip */
	uint16		offset;			/* up to 128 documents: offset after the page's header */
	uint16		impact;
} OhTermData;

StaticAssertDecl(sizeof(OhTermData) == 20, "term layout");

#define OH_TERMS_PER_PAGE	(OH_SEGMENT_BYTES / sizeof(OhTermData))

static inline uint64
OhTermHash(const OhTermData *term)
{
	return (uint64) term->hash_high << 32 | term->hash_low;
}

/* Pages of terms of words; those of lists follow.  All but the last are full. */
static inline uint32
OhWordPages(const OhSegment *segment)
{
	return segment->nterms / OH_TERMS_PER_PAGE + (segment->nterms % OH_TERMS_PER_PAGE != 0);
}

/* ---- lists of filter columns ---- */

/*
 * A list that has many of the documents is kept as bitmaps of OH_BITMAP_DOCS documents each, from a multiple
 * of that number on.  They follow one another, and have a skip each, whose last_doc is the last document that the
 * bitmap has a bit for.  Other lists are postings with frequency 1 and length 0.
 *
 * The record of a list is an OhTermData.  Its impact is 0 if it has postings; otherwise its impact - 1
 * and its offset are the high and the low bits of the number of bitmaps.
 */
#define OH_BITMAP_DOCS	16000
#define OH_BITMAP_WORDS	(OH_BITMAP_DOCS / 64)
#define OH_BITMAP_BYTES	(OH_BITMAP_WORDS * sizeof(uint64))

StaticAssertDecl(OH_BITMAP_DOCS % 64 == 0, "bitmaps have whole words");
StaticAssertDecl(4 * OH_BITMAP_BYTES <= OH_SEGMENT_BYTES, "four bitmaps fit a page");

/* A list of at least this fraction (1/n) of the documents is kept as bitmaps. */
#define OH_BITMAP_SHARE	32

static inline uint32
OhListBitmaps(const OhTermData *list)
{
	return list->impact == 0 ? 0 : (uint32) (list->impact - 1) << 16 | list->offset;
}

/*
 * The hash of a list is 59 bits of its filter key, mixed, and the number of its column from 1 on in the low bits, so
 * that a document is once on a list.
 */
#define OH_LIST_COLUMN	31

StaticAssertDecl(OH_MAX_COLUMNS <= OH_LIST_COLUMN, "the number of a filter column fits a list's hash");

/* Small filter keys, and those that are near the middle, have lists of their own: all integers that are in use. */
#define OH_LIST_SMALL	((UINT64CONST(1) << 57) - 1)
#define OH_LIST_MIDDLE	((UINT64CONST(1) << 63) - (UINT64CONST(1) << 56))

static inline bool
OhListIsSmall(uint64 fkey)
{
	return fkey < OH_LIST_SMALL;
}

static inline bool
OhListIsMiddle(uint64 fkey)
{
	return fkey >= OH_LIST_MIDDLE && fkey - OH_LIST_MIDDLE < UINT64CONST(1) << 57;
}

/* Has the list of a filter key no documents with other keys? */
static inline bool
OhListIsExact(uint64 fkey)
{
	return OhListIsSmall(fkey) || OhListIsMiddle(fkey);
}

/*
 * The hash of the list of a filter key, or of NULL.  Lists of keys that have none of their own are shared by several,
 * though hardly ever.
 */
static inline uint64
OhListHash(int column, bool isnull, uint64 fkey)
{
	const uint64 most = (UINT64CONST(1) << 59) - 1;
	uint64		hash;

	if (isnull)
		hash = OH_LIST_SMALL;
	else if (OhListIsSmall(fkey))
		hash = fkey;
	else if (OhListIsMiddle(fkey))
		hash = (UINT64CONST(1) << 57) + (fkey - OH_LIST_MIDDLE);
	else
		hash = UINT64CONST(1) << 58 | fkey * UINT64CONST(0x9E3779B97F4A7C15) >> 6;
	/* each step can be undone, so that different numbers have different hashes */
	hash = hash * UINT64CONST(0xFF51AFD7ED558CCD) & most;
	hash ^= hash >> 30;
	hash = hash * UINT64CONST(0xC4CEB9FE1A85EC53) & most;
	hash ^= hash >> 30;
	return hash << 5 | (column + 1);
}

/* Is the list with this hash one of these filter columns, a bit each? */
static inline bool
OhListIsOf(uint64 hash, uint32 columns)
{
	return ((uint64) columns << 1 >> (hash & OH_LIST_COLUMN) & 1) != 0;
}

/* The number of its column, from 0. */
static inline int
OhListColumn(uint64 hash)
{
	return (int) (hash & OH_LIST_COLUMN) - 1;
}

static inline OhTextMeta *
OhTextMetaOf(Page page)
{
	return (OhTextMeta *) PageGetContents(page);
}

#endif							/* OH_TEXT_FORMAT_H */
