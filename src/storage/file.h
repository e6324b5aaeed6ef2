/*
 * file.h -- an open index file: its relation, its arrays, and what its access
 * method says of their records.
 *
 * The handle that all of storage/ works on.  An access method keeps it inside its
 * own state of an open index, and describes its arrays by an OhFileMethod.
 */
#ifndef OH_STORAGE_FILE_H
#define OH_STORAGE_FILE_H

#include "postgres.h"

#include "compat.h"
#include "storage/bufmgr.h"
#include "storage/ahead.h"
#include "storage/page.h"
#include "utils/rel.h"

#define OH_MAX_ARRAYS	12

struct OhFile;

/* What storage must know of the records of one array. */
typedef struct OhRecordKind
{
	/* Is a slot below the high-water mark free?  NULL: slots are never freed one by one. */
	bool		(*is_free) (const void *record);
	/*
	 * Make a record of this many bytes a free one, or one that is being taken: zeros,
	 * but for what outlives it and what is_free() looks at.  NULL: zeros.
	 */
	void		(*clear) (void *record, Size bytes, bool taken);
	/* Whoever adds records looks for a free slot from the array's free_hint on. */
	bool		reused;
	/* Records are named by their number, so that there are OH_MAX_RECORDS at most. */
	bool		numbered;
	/* Of arrays with one record a page: its initial contents; raise an error if it is damaged. */
	void		(*init_page) (const struct OhFile *file, Page page);
	void		(*verify_page) (const struct OhFile *file, Page page, BlockNumber block);
} OhRecordKind;

/* An access method, as storage sees it. */
typedef struct OhFileMethod
{
	uint32		magic;
	uint32		format;			/* an index of another one asks for a REINDEX */
	int			narrays;
	const OhRecordKind *kind;	/* [narrays] */
} OhFileMethod;

/* Backend-local view of one paged array. */
typedef struct OhArray
{
	uint32		record_bytes;
	uint32		per_page;
	uint32		npages;			/* logical pages known of */
	uint32		allocated;
	BlockNumber *block;			/* [npages] */
	Buffer	   *hint;			/* [npages], InvalidBuffer if none */
	uint32		cursor;			/* logical page where a free slot may be */
	uint32		cursor_generation;
} OhArray;

typedef struct OhFile
{
	Relation	rel;			/* the access method sets it whenever it opens the index */
	RelFileLocator locator;
	const OhFileMethod *method;
	uint64		build_id;
	uint32		generation;		/* of the metapage, as last seen */
	bool		building;		/* write no WAL */
	BufferAccessStrategy strategy;	/* of reads of pages for a vacuum, otherwise NULL */
	uint32		hint_clock;		/* every Nth access is an ordinary ReadBuffer */
	OhAhead		ahead;			/* of reads of pages anywhere in the file */
	MemoryContext context;		/* of block numbers and hints */
	OhArray		array[OH_MAX_ARRAYS];
} OhFile;

/* A handle without arrays; zeroed before. */
extern void OhFileInit(OhFile *file, Relation rel, const OhFileMethod *method, uint64 build_id,
					   MemoryContext context);
/* Size of an array's records; 0 for an array that has none in this index. */
extern void OhFileSetArray(OhFile *file, int array, uint32 record_bytes);
/*
 * Write the metapage of a file with no pages: meta[bytes] is the method's struct,
 * whose OhFileHead is filled in here.  No WAL.
 */
extern void OhFileCreate(Relation rel, ForkNumber fork, const OhFileMethod *method, void *meta,
						 Size bytes);

/* Errors of damaged pages: ERRCODE_INDEX_CORRUPTED. */
extern char *OhFormat(const char *fmt, va_list args) pg_attribute_printf(1, 0);
extern void OhReportCorruption(Relation rel, BlockNumber block, const char *fmt,...)
			pg_attribute_printf(3, 4) pg_attribute_noreturn();

/* Pin, lock and verify a block that must be of this kind. */
extern Buffer OhReadBlock(Relation rel, BlockNumber block, int kind, int lockmode);
/* Raise an error unless a page is of this kind. */
extern void OhVerifyPage(Relation rel, Buffer buffer, BlockNumber block, int kind);
/* Raise an error unless the metapage is of this method and format. */
extern void OhVerifyHead(Relation rel, const OhFileHead *head, const OhFileMethod *method);

/*
 * Offer zero pages that no directory names for reuse: what a crash or an error leaves while the
 * relation was extended; returns how many there are.
 */
extern BlockNumber OhReclaimPages(OhFile *file);

#endif							/* OH_STORAGE_FILE_H */
