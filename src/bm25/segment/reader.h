/*
 * reader.h -- reads segments: terms, and cursors over a term's postings.
 *
 * The pages of a segment that a merge has replaced are overwritten.  A reader then finds
 * another segment's id there: the segment is stale, and the reader starts again with the
 * current list of segments.
 */
#ifndef OH_SEGMENT_READER_H
#define OH_SEGMENT_READER_H

#include "postgres.h"

#include "bm25/bm25.h"

/* Reading one segment. */
typedef struct OhSegmentReader
{
	OhText	   *ix;
	OhSegment	segment;
	bool		stale;			/* set by any function that finds the segment overwritten */
	MemoryContext context;		/* context of cursors */
} OhSegmentReader;

/* The page's header, and what follows it. */
static inline OhSegmentPage *
OhSegmentPageOf(Page page)
{
	return (OhSegmentPage *) PageGetContents(page);
}

/* Find a term. false if the segment does not have it, or is stale. */
extern bool OhTermFind(OhSegmentReader *reader, uint64 hash, OhTermData *term);
/* The filter columns whose lists the segment has, a bit each; 0 also if it is stale. */
extern uint32 OhSegmentLists(OhSegmentReader *reader);
/* Find a list. false if the segment does not have it, or is stale. */
extern bool OhListFind(OhSegmentReader *reader, uint64 hash, OhTermData *list);

/* A scan of all terms of words, or of all lists, ascending. */
typedef struct OhTermScan
{
	OhSegmentReader *reader;
	uint32		page;			/* the next page to read */
	uint32		end;			/* the page after the last one */
	uint32		n;
	uint32		at;
	OhTermData	term[OH_TERMS_PER_PAGE];
} OhTermScan;

/* Begin a scan.  lists: of all lists of filter columns, not of words */
extern void OhTermScanBegin(OhTermScan *scan, OhSegmentReader *reader, bool lists);
/* The same, of the terms after this one. */
extern void OhTermScanAfter(OhTermScan *scan, OhSegmentReader *reader, bool lists, uint64 hash);
/* The next term; NULL at the end, or if the segment is stale. */
extern const OhTermData *OhTermScanNext(OhTermScan *scan);

/*
 * A cursor over a term's postings.  doc is OH_NONE after the last one, and if the segment
 * is stale.
 */
typedef struct OhCursor
{
	OhSegmentReader *reader;
	uint32		ndocs;
	uint16		impact;			/* bound for all blocks */
	uint32		nblocks;
	OhSkip	   *skip;			/* [nblocks]; last_doc is OH_NONE - 1 where it is not known */
	uint32		block;			/* current block; nblocks at the end */
	bool		loaded;			/* this block's documents are decoded */
	bool		detailed;		/* ... and so are their frequencies and lengths */
	bool		few;			/* decode frequencies and lengths one by one: set by who reads few
								 * of a block */
	uint32		current;		/* number of the current document in the block */
	int			n;
	int			at;
	uint32		doc[OH_BLOCK_DOCS];
	uint32		tf[OH_BLOCK_DOCS];
	uint32		length[OH_BLOCK_DOCS];
	uint8		packed[OH_BLOCK_HEADER + 3 * 4 * OH_BLOCK_DOCS + 8];
} OhCursor;

/* A cursor before the first posting of a term. */
extern void OhCursorOpen(OhCursor *cursor, OhSegmentReader *reader, const OhTermData *term);
/* Free its memory. */
extern void OhCursorClose(OhCursor *cursor);
/* Go to the first block that may have documents from doc on, without reading it. */
extern bool OhCursorSkip(OhCursor *cursor, uint32 doc);
/* Go to the first document from doc on. */
extern uint32 OhCursorSeek(OhCursor *cursor, uint32 doc);
/* Decode frequencies and lengths of the current block, or of the current document only. */
extern void OhCursorDetails(OhCursor *cursor);
extern void OhCursorDetail(OhCursor *cursor);

/* Go to the next document. */
static inline uint32
OhCursorNext(OhCursor *cursor)
{
	if (++cursor->at < cursor->n)
		return cursor->current = cursor->doc[cursor->at];
	if (cursor->current == OH_NONE)
		return OH_NONE;
	return OhCursorSeek(cursor, cursor->current + 1);
}

static inline uint32
OhCursorFrequency(OhCursor *cursor)
{
	if (!cursor->detailed)
	{
		if (cursor->few)
			OhCursorDetail(cursor);
		else
			OhCursorDetails(cursor);
	}
	return cursor->tf[cursor->at];
}

/* Length of the current document; call OhCursorFrequency() first. */
static inline uint32
OhCursorLength(const OhCursor *cursor)
{
	return cursor->length[cursor->at];
}

/* A list of a filter column. */
typedef struct OhList
{
	OhCursor	cursor;			/* over its postings, or only the skips of its bitmaps */
	bool		dense;			/* it is kept as bitmaps */
} OhList;

/* The documents of a term that is a list of a filter column. */
extern void OhListOpen(OhList *list, OhSegmentReader *reader, const OhTermData *term);
/*
 * A document from `doc` on, such that the list has none before it; OH_NONE if it has no more.  `doc` must not be less
 * than in an earlier call of this or the next function.
 */
extern uint32 OhListFrom(OhList *list, uint32 doc);
/* Set the bits of the documents from base, a multiple of OH_BITMAP_DOCS, on: bits[OH_BITMAP_WORDS]. */
extern void OhListFill(OhList *list, uint32 base, uint64 *bits);
extern void OhListClose(OhList *list);

#endif							/* OH_SEGMENT_READER_H */
