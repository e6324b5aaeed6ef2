/*
 * bm25.h -- one open omenbm25 index.
 *
 * An OhText is private to the backend and outlives statements.  It is found by the
 * relation's locator and the metapage's build id.  It caches what never changes in one
 * build, and the directories.
 */
#ifndef OH_BM25_H
#define OH_BM25_H

#include "postgres.h"

#include "bm25/format.h"
#include "bm25/score.h"
#include "compat.h"
#include "storage/array.h"
#include "storage/file.h"

/* Support functions of operator classes */
#define OH_TEXT_PROC		1	/* the class is of a text column */
#define OH_TEXT_FILTER_PROC	2	/* the class is of a filter column */
#define OH_TEXT_NPROCS		2

/*
 * Operators of a searched column.  A text column may also be a filter column, by the same
 * operator class, so these numbers follow the strategies of filter columns (condition.h).
 */
#define OH_SCORE_STRATEGY	13	/* <@>, FOR ORDER BY */
#define OH_MATCH_STRATEGY	14	/* @@@, FOR SEARCH */

typedef struct OhText
{
	OhFile		file;			/* first: see OhTextOf() */
	OhScoring	scoring;
	uint8		weight[4];
	char		config_schema[NAMEDATALEN];
	char		config_name[NAMEDATALEN];
	OhColumns	columns;		/* filter columns */
	uint32		lists;			/* bit i: new segments have lists of filter column i */
	uint32		tail_page;		/* the page that this backend's last insert wrote to ... */
	uint32		tail_epoch;		/* ... and the epoch of its tail */
} OhText;

/* The parts of the metapage that change: the list of segments, and the existing tails. */
typedef struct OhTextList
{
	uint32		epoch;
	uint32		sealed;
	int			nsegments;
	OhSegment	segment[OH_MAX_SEGMENTS];
	OhMergeState merge;
} OhTextList;

static inline OhText *
OhTextOf(OhFile *file)
{
	return (OhText *) file;
}

/* Open an index; the result is valid until the transaction ends. */
extern OhText *OhTextOpen(Relation index);
/* Open an index for a build, without sharing; allocated in CurrentMemoryContext. */
extern OhText *OhTextOpenPrivate(Relation index);
/* Read the list of segments and tails, as it is now. */
extern void OhTextReadList(OhText *ix, OhTextList *list);
/* The text search configuration that makes its terms; an error if it no longer exists. */
extern Oid	OhTextConfig(const OhText *ix);
/* Write the metapage of an empty index, without WAL. */
extern void OhTextCreate(Relation index, ForkNumber fork);
/* ERRCODE_INDEX_CORRUPTED unless the metapage makes sense. */
extern void OhTextVerifyMeta(Relation index, const OhTextMeta *meta);
extern const OhFileMethod oh_text_method;

/* Only one backend at a time seals, merges or frees documents. */
extern void OhTextLockMerge(Relation index);
extern bool OhTextTryLockMerge(Relation index);
extern void OhTextUnlockMerge(Relation index);

/* ---- documents ---- */

/* Copy a document's record; false if it does not exist. */
extern bool OhDocRead(OhText *ix, uint32 doc, OhDocData *record);

#endif							/* OH_BM25_H */
