/*
 * format.h -- on-disk format of an omenhnsw index.
 *
 * The index is an index file of storage/: page.h there has the layout of pages, file.h
 * that of arrays.  Here are the arrays of this method, their records, and its part of
 * the metapage.  See README.md.
 */
#ifndef OH_PAGE_H
#define OH_PAGE_H

#include "postgres.h"

#include "filter/keypage.h"
#include "storage/itemptr.h"
#include "storage/page.h"

#define OH_MAGIC		0x6F6D656EU /* "omen" */
#define OH_FORMAT		3
/* Towers above this level are never made. */
#define OH_MAX_LEVEL	15

/* The paged arrays. */
typedef enum OhArrayId
{
	OH_NODE = 0,				/* one record per distinct indexed position */
	OH_TOWER,					/* one per node and level >= 1 */
	OH_POSTING,					/* further heap TIDs of a node */
	OH_NULLS,					/* rows without a position: NULL or no direction */
	OH_MODEL,					/* the quantizer's models, two at most, one record a page */
	OH_REFINE,					/* refinements of codes; the record of a node has its id */
	OH_FILTER_KEY,				/* filter columns of nodes, one record a page: keypage.h */
	OH_HIGHWAY,					/* where searches start: highway.h */
	OH_NARRAYS
} OhArrayId;

#define OH_MODEL_FLOATS	2000	/* floats in a model record */

StaticAssertDecl(sizeof(float) * OH_MODEL_FLOATS <= OH_PAGE_BODY, "a block has 8 kB at least");

/* How a scan orders what its walk has found. */
#define OH_RERANK_AUTO	0		/* storage parameter only: by the column */
#define OH_RERANK_HEAP	1		/* by the vectors of the table */
#define OH_RERANK_INDEX	2		/* by refinements; the table settles what they leave open */
#define OH_RERANK_OFF	3		/* by codes */

/* Where quantizer and bits come from. */
#define OH_CHOSEN_BY_OPTION		0
#define OH_CHOSEN_BY_DEFAULT	1	/* too few rows to tell */
#define OH_CHOSEN_BY_SAMPLE		2	/* choose.c */

/*
 * Recall of searches for the k nearest rows, by ef (curve.h has which k and ef).
 *
 *   OFFSET  SIZE  FIELD
 *        0     4  nodes    places for nodes when it was measured, 0: never
 *        4     4  queries  that it was measured with
 *        8     4  given    1: these were a user's, 0: rows of the index
 *       12    96  recall   the mean
 *      108    96  assured  what it is with some certainty
 */
#define OH_CURVE_KS		3
#define OH_CURVE_EFS	8

typedef struct OhCalibration
{
	uint32		nodes;
	uint32		queries;
	uint32		given;
	float		recall[OH_CURVE_KS][OH_CURVE_EFS];
	float		assured[OH_CURVE_KS][OH_CURVE_EFS];
} OhCalibration;

StaticAssertDecl(offsetof(OhCalibration, assured) == 108, "calibration layout");
StaticAssertDecl(sizeof(OhCalibration) == 204, "calibration layout");

/* Contents of block 0, at PageGetContents(). */
typedef struct OhMetaPageData
{
	uint32		magic;
	uint32		format;
	uint64		build_id;		/* random, new with every build */
	uint64		seed;			/* of the rotation */
	uint16		metric;			/* OmMetric */
	uint16		quantizer;		/* OmQuantKind */
	uint16		bits;
	uint16		dim;
	uint16		m;
	uint16		ef_construction;
	int16		entry_level;	/* level of the entry point, -1 if none */
	uint16		subvectors;		/* of pq, otherwise 0 */
	uint32		entry;			/* node id, OH_NONE if none */
	uint32		generation;		/* vacuums so far: free hints have moved back */
	uint32		code_bytes;
	uint32		node_bytes;
	uint64		trained_rows;	/* rows in the sample that the model is from */
	uint16		rerank;			/* OH_RERANK_HEAP, _INDEX or _OFF */
	uint16		ncolumns;		/* filter columns */
	uint32		refine_bytes;	/* of a refinement, 0 if there are none */
	uint8		key_kind[OH_MAX_COLUMNS];	/* OhKeyKind of each filter column */
	uint8		unclean;		/* a vacuum has flagged nodes, none has cleaned up since */
	uint8		model;			/* number of the model that nodes have codes of */
	uint8		next_model;		/* ... that new codes are of; another number while nodes are being
								 * encoded again */
	uint8		highway_level;	/* nodes of this level and above are members of the highway */
	uint8		chosen_by;		/* OH_CHOSEN_BY_* */
	uint32		retrain_lp;		/* then: node pages before this have no code of model */
	uint32		look_nodes;		/* nodes from which on somebody is to look at the model again */
	float		trained_error;	/* of the model, 0 if not known: see retrain.c */
	uint64		next_rows;		/* trained_rows of next_model */
	OhArrayHead array[OH_NARRAYS];
	uint32		column_dim;		/* dimensions of the column; 0 (a metapage without it): dim */
	OhCalibration calibration;	/* all 0 (a metapage without it): not measured */
} OhMetaPageData;

StaticAssertDecl(offsetof(OhMetaPageData, build_id) == offsetof(OhFileHead, build_id), "metapage layout");
StaticAssertDecl(offsetof(OhMetaPageData, generation) == offsetof(OhFileHead, generation), "metapage layout");
StaticAssertDecl(offsetof(OhMetaPageData, metric) == 24, "metapage layout");
StaticAssertDecl(offsetof(OhMetaPageData, entry) == 40, "metapage layout");
StaticAssertDecl(offsetof(OhMetaPageData, rerank) == 64, "metapage layout");
StaticAssertDecl(offsetof(OhMetaPageData, key_kind) == 72, "metapage layout");
StaticAssertDecl(offsetof(OhMetaPageData, unclean) == 103, "metapage layout");
StaticAssertDecl(offsetof(OhMetaPageData, highway_level) == 106, "metapage layout");
StaticAssertDecl(offsetof(OhMetaPageData, retrain_lp) == 108, "metapage layout");
StaticAssertDecl(offsetof(OhMetaPageData, next_rows) == 120, "metapage layout");
StaticAssertDecl(offsetof(OhMetaPageData, array) == offsetof(OhFileHead, array), "metapage layout");
StaticAssertDecl(sizeof(OhMetaPageData) <= OH_PAGE_BODY, "metapage fits its page");

/*
 * Models.  Number 0 is no model at all: the quantizer as it is before it has seen
 * any row.  The others follow one another, and of two in a row each has its own
 * half of the array of models.  Codes say which model they are of by its number.
 */
#define OH_MODELS		2		/* that nodes may have codes of at once */
#define OH_LAST_MODEL	126		/* 1 comes after it */
#define OH_TAG_MODEL	0x7F	/* bits of a code's tag: number of its model */
#define OH_TAG_LOOSE	0x80	/* ... the code may be another one than that of its rows */

static inline uint8
OhNextModel(uint8 number)
{
	return number == OH_LAST_MODEL ? 1 : number + 1;
}

/* Which half: model 1 has the first. */
static inline int
OhModelSlot(uint8 number)
{
	return (number + 1) % OH_MODELS;
}

/* Node states. */
#define OH_FREE			0		/* slot may be taken */
#define OH_LIVE			1
#define OH_DEAD			2		/* no TID left: routes until repaired, never returned */

/*
 * Node record.
 *
 *   OFFSET        SIZE  FIELD
 *        0           1  state
 *        1           1  level     its towers reach up to this level
 *        2           2  version   bumped whenever the links or the state change
 *        4           6  tid       first row, may be invalid if postings hold some
 *       10           1  nselected links[0..] that are diverse; the others are fill
 *       11           1  tag       model of the code: OH_TAG_*
 *       12           4  posting   first overflow record, or OH_NONE
 *       16           4  tower     record of level 1, or OH_NONE
 *       20  code_bytes  code      opaque, multiple of 4
 *        -       4*2*m  links     base layer, node ids, OH_NONE from the first gap on
 */
typedef struct OhNodeData
{
	uint8		state;
	uint8		level;
	uint16		version;
	ItemPointerData tid;
	uint8		nselected;
	uint8		tag;
	uint32		posting;
	uint32		tower;
	/* code, links follow */
} OhNodeData;

StaticAssertDecl(offsetof(OhNodeData, tid) == 4, "node layout");
StaticAssertDecl(offsetof(OhNodeData, posting) == 12, "node layout");
StaticAssertDecl(sizeof(OhNodeData) == 20, "node layout");

/*
 * Tower record: a node's links on one level >= 1.  Free if node is OH_NONE.
 *
 *   OFFSET  SIZE  FIELD
 *        0     4  node
 *        4     4  up      record of the next level, or OH_NONE
 *        8     1  level
 *        9     1  nselected
 *       10     2  version bumped whenever the links change
 *       12   4*m  links   node ids, OH_NONE from the first gap on
 */
typedef struct OhTowerData
{
	uint32		node;
	uint32		up;
	uint8		level;
	uint8		nselected;
	uint16		version;
	uint32		links[FLEXIBLE_ARRAY_MEMBER];
} OhTowerData;

StaticAssertDecl(offsetof(OhTowerData, version) == 10, "tower layout");
StaticAssertDecl(offsetof(OhTowerData, links) == 12, "tower layout");

/*
 * Posting record: further rows of one node.  Free if node is OH_NONE.  New
 * records go to the head of the chain, and only the head takes new TIDs.  TIDs
 * never move between slots.  Vacuum frees empty records behind the head: a
 * reader that comes to one looks again where the chain goes on (rows.c).
 *
 *   OFFSET  SIZE  FIELD
 *        0     4  node
 *        4     4  next    next record of the chain, or OH_NONE
 *        8     4  hash    of the vector (OhPositionHash) that all rows of this record
 *                         and of those behind it have, or OH_MIXED: they may differ
 *       12    36  tid     invalid where empty
 *
 * Rows of one node have equal codes.  Most often their vectors are equal, too, and
 * then one of them tells the distance of all.
 */
#define OH_POSTING_TIDS 6
#define OH_MIXED		0

typedef struct OhPostingData
{
	uint32		node;
	uint32		next;
	uint32		hash;
	ItemPointerData tid[OH_POSTING_TIDS];
} OhPostingData;

StaticAssertDecl(offsetof(OhPostingData, hash) == 8, "posting layout");
StaticAssertDecl(sizeof(OhPostingData) == 48, "posting layout");

/*
 * Member of the highway: a copy of a node's code.  Free if node is OH_NONE.  The
 * node may have been freed since: whoever follows the record looks at the node.
 *
 *   OFFSET        SIZE  FIELD
 *        0           4  node
 *        4           1  level     of the node when it became a member
 *        5           1  kind      OH_MEMBER_*, one or both
 *        6           1  model     number of the code's model
 *        7           1  unused
 *        8  code_bytes  code
 */
typedef struct OhMemberData
{
	uint32		node;
	uint8		level;
	uint8		kind;
	uint8		model;
	uint8		unused;
	/* code follows */
} OhMemberData;

StaticAssertDecl(offsetof(OhMemberData, kind) == 5, "member layout");
StaticAssertDecl(sizeof(OhMemberData) == 8, "member layout");

#define OH_MEMBER_LEVEL		1	/* by its level */
#define OH_MEMBER_ISLAND	2	/* the one of its island */

/*
 * A refinement is opaque (quant.h).  It is written after its node, and never
 * freed: it names its code by a tag, and counts only if the tag is that of the
 * node's code.  Slots that nobody has written are zero.
 */

/* A row without a position in the graph. */
#define OH_ROW_FREE			0
#define OH_ROW_NO_DIRECTION	1	/* the distance is NaN: zero vector under cosine */
#define OH_ROW_NULL			2

/*
 * Such a row; in an index with filter columns its OhKeyRow follows at once.
 */
typedef struct OhNullData
{
	ItemPointerData tid;
	uint16		kind;
} OhNullData;

StaticAssertDecl(sizeof(OhNullData) == 8, "null record layout");

static inline OhMetaPageData *
OhMeta(Page page)
{
	return (OhMetaPageData *) PageGetContents(page);
}

static inline void *
OhNodeCode(OhNodeData *node)
{
	return (char *) node + sizeof(OhNodeData);
}

static inline void *
OhMemberCode(OhMemberData *member)
{
	return (char *) member + sizeof(OhMemberData);
}

static inline uint32 *
OhNodeLinks(OhNodeData *node, uint32 code_bytes)
{
	return (uint32 *) ((char *) node + sizeof(OhNodeData) + code_bytes);
}

#endif							/* OH_PAGE_H */
