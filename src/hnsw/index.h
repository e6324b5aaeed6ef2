/*
 * index.h -- one open omenhnsw index: its constants, model and caches.
 *
 * An OhIndex is private to the backend and outlives single scans.  It is found
 * by the relation's locator and the metapage's build id; it caches what never
 * changes in one build: options, quantizer, directory (which only grows) and
 * a hint of the buffer that a page was last seen in.
 */
#ifndef OH_INDEX_H
#define OH_INDEX_H

#include "postgres.h"

#include "compat.h"
#include "hnsw/column.h"
#include "hnsw/format.h"
#include "lib/ilist.h"
#include "quant/quant.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

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

/* A model that the backend has loaded. */
typedef struct OhModel
{
	uint8		number;
	OmQuantizer *quant;			/* NULL if none is loaded */
	void	   *memory;			/* of quant, stays where it is */
} OhModel;

typedef struct OhIndex
{
	Relation	rel;			/* NULL between transactions */
	RelFileLocator locator;
	uint64		build_id;
	bool		building;		/* write no WAL */
	MemoryContext context;

	/* constants of the build */
	OhColumn	column;			/* what is indexed */
	int			dim;			/* floats of a position */
	int			m;				/* links on levels >= 1; the base layer has 2m */
	int			ef_construction;
	OmQuantSpec spec;
	OmDistanceFn distance;
	uint32		code_bytes;
	uint32		node_bytes;
	int			rerank;			/* OH_RERANK_HEAP, _INDEX or _OFF */
	uint32		refine_bytes;	/* of a refinement, 0 if there are none */
	int			nattrs;			/* filter columns */
	uint32		attr_per_page;	/* nodes on a page of OH_ATTR; 0 without filter columns */
	uint8		attr_kind[OH_MAX_ATTRS];	/* OhAttrKind */

	/* refreshed by every OhIndexOpen() */
	uint32		entry;			/* OH_NONE if the graph is empty */
	int			entry_level;
	uint32		generation;
	int			highway_level;	/* all nodes from this level on are members of the highway */
	uint8		number;			/* of the model of new codes */
	bool		retraining;		/* nodes may have codes of the other one */
	uint32		look_nodes;		/* see format.h */
	OhModel		model[OH_MODELS];
	OmQuantizer *quant;			/* of model number */

	OhArray		array[OH_NARRAYS];
	double		walk_rate;		/* evaluations of walks for each candidate, learned */
	uint32		hint_clock;		/* every Nth access is an ordinary ReadBuffer */
	struct OhHints *hints;		/* of heapread.c */
	struct OhInserter *inserter;	/* of insert.c, for single rows */

	/* the table of open indexes */
	dlist_node	by_use;
	bool		used;			/* by this transaction */
	Size		bytes;			/* as of the end of the last one that used it */
} OhIndex;

/* The state of an index, valid until the transaction ends; reads the metapage. */
extern OhIndex *OhIndexOpen(Relation index);
/* Read entry point and generation anew. */
extern void OhIndexRefresh(OhIndex *ix);
/* Steps of opening, for create.c */
extern OhIndex *OhIndexAssemble(Relation index, const OhMetaPageData *meta);
extern void OhIndexSetModel(OhIndex *ix, uint8 number, const float *model);
extern void OhIndexRegister(OhIndex *ix);
/* How many indexes this backend has open. */
extern int	OhIndexesOpen(void);
/* Records of one model. */
extern uint32 OhModelPages(const OmQuantSpec *spec);
/* Zeroed memory with the alignment that quant.h asks for. */
extern void *OhAlignedAlloc(MemoryContext context, Size size);

/* The model of codes with this tag, NULL if it is not loaded. */
static inline OmQuantizer *
OhModelOf(const OhIndex *ix, uint8 tag)
{
	const OhModel *model = &ix->model[OhModelSlot(tag & OH_TAG_MODEL)];

	return model->number == (tag & OH_TAG_MODEL) ? model->quant : NULL;
}

/* Errors */
extern char *OhFormat(const char *fmt, va_list args) pg_attribute_printf(1, 0);
extern void OhCorrupt(Relation index, BlockNumber block, const char *fmt,...)
			pg_attribute_printf(3, 4) pg_attribute_noreturn();

/* Checked read of a block that must be of this kind (and array, and lp). */
extern Buffer OhReadBlock(Relation index, BlockNumber block, int kind, int lockmode);
extern void OhVerifyMeta(Relation index, const OhMetaPageData *meta);
extern void OhVerifyPage(Relation index, Buffer buffer, BlockNumber block, int kind);

/* ---- arrays (array.c) ---- */

/* Number of logical pages now; reads the directory if it has grown. */
extern uint32 OhArrayPages(OhIndex *ix, OhArrayId array);
/* Data page lp, verified, locked (BUFFER_LOCK_SHARE or _EXCLUSIVE). */
extern Buffer OhArrayRead(OhIndex *ix, OhArrayId array, uint32 lp, int lockmode);
/* Block of a logical page (must exist, else corruption). */
extern BlockNumber OhArrayBlock(OhIndex *ix, OhArrayId array, uint32 lp);

/* Pages to be locked together. */
typedef struct OhPageRef
{
	OhArrayId	array;
	uint32		lp;
	int			lockmode;
	BlockNumber block;			/* set with the buffer */
	Buffer		buffer;
} OhPageRef;

extern void OhArrayReadAll(OhIndex *ix, OhPageRef *pages, int n);
extern void OhReleaseAll(OhPageRef *pages, int n);

/*
 * Append an empty page to the array: returns its logical page; the page is not
 * locked on return.  In the WAL at once (page and directory in one record).
 */
extern uint32 OhArrayExtend(OhIndex *ix, OhArrayId array);

/*
 * A logical page that probably has a free slot: the caller locks it and takes
 * one by OhPageTakeSlot(), or asks again if that fails.  Extends the array if
 * nothing is free.
 */
extern uint32 OhArrayFindFree(OhIndex *ix, OhArrayId array);

/* true if the record exists (bounds only): refreshes the page count if need be. */
extern bool OhArrayHas(OhIndex *ix, OhArrayId array, uint32 id);

static inline void *
OhSlot(const OhIndex *ix, OhArrayId array, Page page, uint32 slot)
{
	return (char *) page + SizeOfPageHeaderData + slot * ix->array[array].record_bytes;
}

static inline uint32
OhLp(const OhIndex *ix, OhArrayId array, uint32 id)
{
	return id / ix->array[array].per_page;
}

static inline uint32
OhSlotOf(const OhIndex *ix, OhArrayId array, uint32 id)
{
	return id % ix->array[array].per_page;
}

/*
 * Slots ever used of a locked page.  A page found by hint was verified when it was
 * read first, so whoever goes through its slots asks here: raises an error if it
 * says more than it has room for.
 */
extern uint32 OhPageUsed(const OhIndex *ix, OhArrayId array, Buffer buffer);
/* Is this slot free?  (Slots at or past the high-water mark are.) */
extern bool OhSlotIsFree(const OhIndex *ix, OhArrayId array, Page page, uint32 slot);
/* Does the page have a slot to take? */
extern bool OhPageHasFree(const OhIndex *ix, OhArrayId array, Page page);
/*
 * Take a free slot of a page that is being changed (from OhWritePage): the
 * record is zeroed, tail counts and pd_lower are kept.  false if none is free.
 * The caller must then make the record one that OhSlotIsFree() calls taken.
 */
extern bool OhPageTakeSlot(const OhIndex *ix, OhArrayId array, Page page, uint32 *slot);
/* The same, of slots from..to - 1 only. */
extern bool OhPageTakeSlotIn(const OhIndex *ix, OhArrayId array, Page page, uint32 from, uint32 to,
							 uint32 *slot);
/* The slot that this would take, OH_NONE if there is none. */
extern uint32 OhPageFindSlot(const OhIndex *ix, OhArrayId array, Page page, uint32 from, uint32 to);
/* Give a slot back: the record becomes free, nfree is counted. */
extern void OhPageFreeSlot(const OhIndex *ix, OhArrayId array, Page page, uint32 slot);
/* Fill an empty page of an array (in a build or extension). */
extern void OhPageInit(Page page, int kind, OhArrayId array, uint32 lp);
/* Set pd_lower by the tail's nused; after every change of nused. */
extern void OhPageSetLower(const OhIndex *ix, OhArrayId array, Page page);

/* ---- creation (create.c) ---- */

typedef struct OhCreate
{
	OmQuantSpec spec;			/* seed included */
	OhColumn	column;
	int			m;
	int			ef_construction;
	int			rerank;			/* OH_RERANK_HEAP, _INDEX or _OFF */
	const float *model;			/* om_quant_model_floats(), NULL for zero */
	uint64		trained_rows;
	int			nattrs;			/* filter columns */
	uint8		attr_kind[OH_MAX_ATTRS];	/* OhAttrKind */
	uint8		chosen_by;		/* OH_CHOSEN_BY_* */
	bool		may_choose;		/* the sample may ask for more bits */
	bool		may_choose_values;	/* ... or for the values */
} OhCreate;

/*
 * Write metapage and model of an empty index into an empty fork, with no WAL
 * (the caller logs the pages), and open it with building set.
 */
extern OhIndex *OhIndexCreate(Relation index, ForkNumber fork, const OhCreate *create);
extern uint32 OhNodeBytes(const OmQuantSpec *spec, int m);
/* Bytes of a refinement, 0 if this way of re-ranking has none. */
extern uint32 OhRefineBytes(const OmQuantSpec *spec, int rerank);

#endif							/* OH_INDEX_H */
