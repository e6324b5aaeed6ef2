/*
 * writer.h -- writes a segment: terms ascending, and the postings of each term ascending.
 */
#ifndef OH_SEGMENT_WRITER_H
#define OH_SEGMENT_WRITER_H

#include "postgres.h"

#include "storage/fileset.h"

#include "bm25/bm25.h"

typedef struct OhSegmentWriter OhSegmentWriter;

/* average: average length of a document, for impacts. */
extern OhSegmentWriter *OhSegmentWriterBegin(OhText *ix, double average, MemoryContext context);
/*
 * Start a term.  The first one must be 0, with all documents.  A term without postings is
 * left out.
 */
extern void OhSegmentWriterTerm(OhSegmentWriter *writer, uint64 hash);
/* Add a posting of that term; documents ascending. */
extern void OhSegmentWriterAdd(OhSegmentWriter *writer, uint32 doc, uint32 tf, uint32 length);
/*
 * All words are written; the lists of these filter columns follow, ascending.  first, last: documents of the segment
 */
extern void OhSegmentWriterLists(OhSegmentWriter *writer, uint32 columns, uint32 first, uint32 last);
/* Start a list, of about ndocs documents. */
extern void OhSegmentWriterList(OhSegmentWriter *writer, uint64 hash, uint64 ndocs);
/*
 * Write the pages.  Readers of the index do not know of them yet.  The caller holds the
 * merge lock.  false: no document was added, and no segment is written.
 */
extern bool OhSegmentWriterFinish(OhSegmentWriter *writer, OhSegment *segment);

/*
 * The same in steps, to pages that are reserved (state->reserved): a step resumes writing, adds terms, and
 * pauses, or finishes as above.  If they were too few, what was written is void.
 */
extern OhSegmentWriter *OhSegmentWriterResume(OhText *ix, const OhMergeState *state, MemoryContext context);
extern void OhSegmentWriterPause(OhSegmentWriter *writer, OhMergeState *state);
/* Were they too few? */
extern bool OhSegmentWriterOverflowed(const OhSegmentWriter *writer);

/* ---- many postings in any order ---- */

typedef struct OhSorter OhSorter;

/*
 * bytes: memory that is used before writing to disk; lists: filter columns of which the segment gets lists, a bit each.
 */
extern OhSorter *OhSorterBegin(Size bytes, uint32 lists, MemoryContext context);
/*
 * Add a document's terms, and its term 0. first is false for a further part of the
 * document's terms.
 */
extern void OhSorterAdd(OhSorter *sorter, uint32 doc, uint32 length, uint32 n, const uint64 *hash,
						const uint32 *tf, bool first);
/* Add a document to the lists of its filter keys. */
extern void OhSorterAddKeys(OhSorter *sorter, uint32 doc, const OhKeyRow *row);
/* Of what has been added: total length of the documents, their number, and runs written to files. */
extern uint64 OhSorterLength(const OhSorter *sorter);
extern uint32 OhSorterDocs(const OhSorter *sorter);
extern int	OhSorterRuns(const OhSorter *sorter);
/*
 * Several participants of a parallel build, whose documents have numbers of their own: a
 * worker writes its runs to files that all can read, and leaves them when it has added its
 * rows; the leader takes them into its sorter once the worker has ended.
 */
typedef struct OhSorterPart
{
	int			nruns;
	int			nlist_runs;		/* of lists */
	uint32		ndocs;
	uint32		first_doc;
	uint32		last_doc;
	uint64		length;
} OhSorterPart;

/*
 * For workers: Share, first, makes runs files of this set; Leave, in the end, writes what is in memory and says what
 * there is; with that the leader takes these runs as its own.
 */
extern void OhSorterShare(OhSorter *sorter, FileSet * files, int participant);
extern void OhSorterLeave(OhSorter *sorter, OhSorterPart *part);
extern void OhSorterTake(OhSorter *sorter, FileSet * files, int participant, const OhSorterPart *part);
/* Pass all postings to a writer, then those of lists. */
extern void OhSorterFinish(OhSorter *sorter, OhSegmentWriter *writer);

#endif							/* OH_SEGMENT_WRITER_H */
