/*
 * index.h -- one open omenhnsw index: its constants, models and caches.
 *
 * An OhIndex is private to the backend and is kept after the statement that opened it.  It
 * is found by the relation's locator and the metapage's build id.  It caches what does
 * not change until the index is built again (options and quantizer), the directory, which only
 * grows, and for each page a hint of the buffer that it was last seen in.
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
	void	   *memory;			/* where quant is, kept for the next model */
} OhModel;

typedef struct OhIndex
{
	OhFile		file;			/* first: see OhIndexOf() */

	/* constants until the next build */
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
	bool		neighbor_codes; /* nodes have codes of their links */
	OhColumns	columns;		/* filter columns */

	/* refreshed by every OhIndexOpen() */
	uint32		entry;			/* OH_NONE if the graph is empty */
	int			entry_level;
	int			highway_level;	/* all nodes from this level on are members of the highway */
	uint8		number;			/* of the model that new codes are of */
	bool		retraining;		/* nodes may have codes of two models */
	uint32		look_nodes;		/* see format.h */
	OhCalibration calibration;
	OhModel		model[OH_MODELS];
	OmQuantizer *quant;			/* of the model `number` */

	double		walk_rate;		/* evaluations that a walk takes for each candidate, as this
								 * backend has seen */
	struct OhHints *hints;		/* heapread.c */
	struct OhRowInserter *inserter; /* inserter.c: for single rows */

	/* index.c: the table of open indexes */
	dlist_node	by_use;
	bool		used;			/* by this transaction */
	Size		bytes;			/* memory at the end of the last transaction that used it */
} OhIndex;

StaticAssertDecl(offsetof(OhIndex, file) == 0, "an OhIndex begins with its OhFile");

/*
 * A file that keeps something in an OhIndex after the statement registers these functions, by which
 * index.c makes it clean up.
 */
typedef struct OhIndexOwner
{
	/* At the end of a transaction, which an error may have interrupted anywhere. */
	void		(*reset) (OhIndex *ix);
	/* Free what is kept, if there is anything. */
	void		(*drop) (OhIndex *ix);
	/* Memory that is kept outside of the index's memory context. */
	Size		(*bytes) (const OhIndex *ix);
} OhIndexOwner;

/* To be called when the library is loaded; the struct is not copied. */
extern void OhRegisterIndexOwner(const OhIndexOwner *owner);

/* Open an index: read its metapage, and return its state, which is valid until the transaction ends. */
extern OhIndex *OhIndexOpen(Relation index);
/* Read the metapage again: entry point, models, calibration. */
extern void OhIndexRefresh(OhIndex *ix);

/* Steps of opening, for create.c: make an OhIndex of a metapage, without a quantizer yet ... */
extern OhIndex *OhIndexAssemble(Relation index, const OhMetaPageData *meta);
/* ... set the quantizer by a model, which replaces the model before last ... */
extern void OhIndexSetModel(OhIndex *ix, uint8 number, const float *model);
/* ... and put it into the table of open indexes, in place of one of an earlier build. */
extern void OhIndexRegister(OhIndex *ix);

/* Number of indexes in that table. */
extern int	OhIndexesOpen(void);
/* Pages of one model in the array OH_MODEL. */
extern uint32 OhModelPages(const OmQuantSpec *spec);
/* Zeroed memory with the alignment that quant.h asks for.  It cannot be freed before its context. */
extern void *OhAlignedAlloc(MemoryContext context, Size size);

/* The quantizer that codes with this tag are of; NULL if its model is not loaded. */
static inline OmQuantizer *
OhModelOf(const OhIndex *ix, uint8 tag)
{
	const OhModel *model = &ix->model[OhModelSlot(tag & OH_TAG_MODEL)];

	return model->number == (tag & OH_TAG_MODEL) ? model->quant : NULL;
}

/* The index that an OhFile belongs to. */
static inline const OhIndex *
OhIndexOf(const OhFile *file)
{
	return (const OhIndex *) file;
}

extern const OhFileMethod oh_file_method;
/* ERRCODE_INDEX_CORRUPTED unless the metapage makes sense. */
extern void OhVerifyMeta(Relation index, const OhMetaPageData *meta);

/* ---- creation (create.c) ---- */

/* The constants of a new index: OhResolveOptions() sets them, then choose.c and train.c change some. */
typedef struct OhParameters
{
	OmQuantSpec spec;			/* seed included */
	OhColumn	column;
	int			m;
	int			ef_construction;
	int			rerank;			/* OH_RERANK_HEAP, _INDEX or _OFF */
	const float *model;			/* float[om_quant_model_floats()], NULL if not trained */
	uint64		trained_rows;
	int			ncolumns;		/* filter columns */
	uint8		key_kind[OH_MAX_COLUMNS];	/* OhKeyKind */
	uint8		chosen_by;		/* OH_CHOSEN_BY_* */
	bool		neighbor_codes; /* nodes have codes of their links */
	bool		may_choose;		/* choose.c may raise the bits */
	bool		may_choose_values;	/* ... or choose quantizer = none */
} OhParameters;

/* Size of a node record, without codes of its links. */
extern uint32 OhNodeBytes(const OmQuantSpec *spec, int m);

/* Size of the codes of a node's links. */
static inline uint32
OhLinkCodeBytes(int m)
{
	return sizeof(OhLinkHead) + (2 + OM_LINK_BYTES) * 2 * m;
}

/* Size of a refinement; 0 if this way of re-ranking has none. */
extern uint32 OhRefineBytes(const OmQuantSpec *spec, int rerank);

#endif							/* OH_INDEX_H */
