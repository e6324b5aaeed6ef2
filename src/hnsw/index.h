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
#include "lib/ilist.h"
#include "filter/keypage.h"
#include "hnsw/column.h"
#include "hnsw/format.h"
#include "quant/quant.h"
#include "storage/array.h"
#include "storage/file.h"


/* A model that the backend has loaded. */
typedef struct OhModel
{
	uint8		number;
	OmQuantizer *quant;			/* NULL if none is loaded */
	void	   *memory;			/* of quant, stays where it is */
} OhModel;

typedef struct OhIndex
{
	OhFile		file;			/* first: see OhIndexOf() */

	/* constants of the build */
	OhColumn	column;			/* what is indexed */
	BlockNumber heap_blocks;	/* of the table, as last looked up (rows.c) */
	int			dim;			/* floats of a position */
	int			m;				/* links on levels >= 1; the base layer has 2m */
	int			ef_construction;
	OmQuantSpec spec;
	OmDistanceFn distance;
	uint32		code_bytes;
	uint32		node_bytes;
	int			rerank;			/* OH_RERANK_HEAP, _INDEX or _OFF */
	uint32		refine_bytes;	/* of a refinement, 0 if there are none */
	OhColumns	columns;		/* filter columns */

	/* refreshed by every OhIndexOpen() */
	uint32		entry;			/* OH_NONE if the graph is empty */
	int			entry_level;
	int			highway_level;	/* all nodes from this level on are members of the highway */
	uint8		number;			/* of the model of new codes */
	bool		retraining;		/* nodes may have codes of the other one */
	uint32		look_nodes;		/* see format.h */
	OhCalibration calibration;
	OhModel		model[OH_MODELS];
	OmQuantizer *quant;			/* of model number */

	double		walk_rate;		/* evaluations of walks for each candidate, learned */
	struct OhHints *hints;		/* of heapread.c */
	struct OhRowInserter *inserter; /* of inserter.c, for single rows */

	/* the table of open indexes */
	dlist_node	by_use;
	bool		used;			/* by this transaction */
	Size		bytes;			/* as of the end of the last one that used it */
} OhIndex;

StaticAssertDecl(offsetof(OhIndex, file) == 0, "an OhIndex begins with its OhFile");

/*
 * Who keeps something in an OhIndex beyond a statement says how to let go of it.
 */
typedef struct OhIndexOwner
{
	/* At the end of a transaction: whatever an error left half done is over. */
	void		(*reset) (OhIndex *ix);
	/* Free what is kept, if there is anything. */
	void		(*drop) (OhIndex *ix);
	/* Memory of it, outside of the index's context. */
	Size		(*bytes) (const OhIndex *ix);
} OhIndexOwner;

/* When the library is loaded; the struct is not copied. */
extern void OhRegisterIndexOwner(const OhIndexOwner *owner);

/* The state of an index, valid until the transaction ends; reads the metapage. */
extern OhIndex *OhIndexOpen(Relation index);
/* Read entry point and generation again. */
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

/* The index that a handle of storage belongs to. */
static inline const OhIndex *
OhIndexOf(const OhFile *file)
{
	return (const OhIndex *) file;
}

extern const OhFileMethod oh_file_method;
extern void OhVerifyMeta(Relation index, const OhMetaPageData *meta);

/* ---- creation (create.c) ---- */

typedef struct OhParameters
{
	OmQuantSpec spec;			/* seed included */
	OhColumn	column;
	int			m;
	int			ef_construction;
	int			rerank;			/* OH_RERANK_HEAP, _INDEX or _OFF */
	const float *model;			/* om_quant_model_floats(), NULL for zero */
	uint64		trained_rows;
	int			ncolumns;		/* filter columns */
	uint8		key_kind[OH_MAX_COLUMNS];	/* OhKeyKind */
	uint8		chosen_by;		/* OH_CHOSEN_BY_* */
	bool		may_choose;		/* the sample may ask for more bits */
	bool		may_choose_values;	/* ... or for the values */
} OhParameters;

/*
 * Write metapage and model of an empty index into an empty fork, with no WAL
 * (the caller logs the pages), and open it with building set.
 */
extern OhIndex *OhIndexCreate(Relation index, ForkNumber fork, const OhParameters *params);
extern uint32 OhNodeBytes(const OmQuantSpec *spec, int m);
/* Bytes of a refinement, 0 if this way of re-ranking has none. */
extern uint32 OhRefineBytes(const OmQuantSpec *spec, int rerank);

#endif							/* OH_INDEX_H */
