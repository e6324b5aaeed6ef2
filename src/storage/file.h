/*
 * file.h -- an open index file: its relation, its arrays, and what its access
 * method says of their records.
 *
 * All functions of storage/ work on an OhFile.  An access method keeps it inside its
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
	 * Clear a record of this size that becomes free, or that is taken: zero it, but for what must be kept,
	 * and for what is_free() reads.  NULL: zero all of it.
	 */
	void		(*clear) (void *record, Size bytes, bool taken);
	/* Are free slots reused?  Then they are searched from the array's free_hint on. */
	bool		reused;
	/* Do others name records by their number?  Then there are OH_MAX_RECORDS at most. */
	bool		numbered;
	/*
	 * For arrays with one record per page: set its initial contents; raise an error if it is
	 * damaged.
	 */
	void		(*init_page) (const struct OhFile *file, Page page);
	void		(*verify_page) (const struct OhFile *file, Page page, BlockNumber block);
} OhRecordKind;

/* What storage must know of an access method. */
typedef struct OhFileMethod
{
	uint32		magic;
	uint32		format;			/* an index of another format is refused, with a hint to REINDEX */
	int			narrays;
	const OhRecordKind *kind;	/* [narrays] */
	uint32		oldest;			/* the oldest format that is read and written, too; 0: there is
								 * none */
} OhFileMethod;

/* Backend-local view of one paged array. */
typedef struct OhArray
{
	uint32		record_bytes;
	uint32		per_page;
	uint32		npages;			/* logical pages that this backend knows of */
	uint32		allocated;		/* entries that block and hint have room for */
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
	bool		building;		/* the index is being built: changes are not logged */
	BlockNumber planned;		/* the next of the zero pages that OhArrayPlan() has taken for leaf
								 * pages ... */
	uint32		nplanned;		/* ... and how many are left */
	BufferAccessStrategy strategy;	/* of the vacuum that reads pages, otherwise NULL */
	uint32		hint_clock;		/* counts accesses by hint, see OhArrayRead() */
	OhAhead		ahead;			/* of reads anywhere in the file */
	BlockNumber heap_blocks;	/* of the table, as last looked up (rowcheck.c) */
	MemoryContext context;		/* of block numbers and hints */
	OhArray		array[OH_MAX_ARRAYS];
} OhFile;

/* Initialise an OhFile, which must be zero, without arrays. */
extern void OhFileInit(OhFile *file, Relation rel, const OhFileMethod *method, uint64 build_id,
					   MemoryContext context);
/* Set the size of an array's records; 0 for an array that this index does not have. */
extern void OhFileSetArray(OhFile *file, int array, uint32 record_bytes);
/*
 * Write the metapage of a new file.  meta[bytes] is the method's struct, whose OhFileHead is filled in here.
 * Writes no WAL.
 */
extern void OhFileCreate(Relation rel, ForkNumber fork, const OhFileMethod *method, void *meta,
						 Size bytes);

/* Format a message; palloc'd. */
extern char *OhFormat(const char *fmt, va_list args) pg_attribute_printf(1, 0);
/* Raise ERRCODE_INDEX_CORRUPTED with index, block and what was found. */
extern void OhReportCorruption(Relation rel, BlockNumber block, const char *fmt,...)
			pg_attribute_printf(3, 4) pg_attribute_noreturn();

/* Read, lock and verify a page that must be of this kind. */
extern Buffer OhReadBlock(Relation rel, BlockNumber block, int kind, int lockmode);
/* Raise an error unless a page is of this kind. */
extern void OhVerifyPage(Relation rel, Buffer buffer, BlockNumber block, int kind);
/* Raise an error unless the metapage is of this method and format. */
extern void OhVerifyHead(Relation rel, const OhFileHead *head, const OhFileMethod *method);

/*
 * Record zero pages that no directory names in the free space map; returns how many there are.  A crash
 * or an error while the relation is extended leaves such pages.
 */
extern BlockNumber OhReclaimPages(OhFile *file);

#endif							/* OH_STORAGE_FILE_H */
