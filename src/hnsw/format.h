/*
 * format.h -- on-disk format of an omenhnsw index.
 *
 * The index is an index file of storage/: storage/page.h has the layout of its pages and of their
 * directory.  This file has the arrays of omenhnsw, their records, and the metapage.
 * README.md explains how they are used.
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
	OH_NODE = 0,				/* nodes: one for each code and set of filter keys */
	OH_TOWER,					/* links on upper levels: one for each node and level >= 1 */
	OH_POSTING,					/* further TIDs of nodes */
	OH_NULLS,					/* off-graph rows: the vector is NULL or has no direction */
	OH_MODEL,					/* the quantizer's models, two at most; one record per page */
	OH_REFINE,					/* refinements; that of a node has the node's id */
	OH_FILTER_KEY,				/* filter pages, one record per page: filter/keypage.h */
	OH_HIGHWAY,					/* nodes that searches start from: graph/highway.h */
	OH_NARRAYS
} OhArrayId;

#define OH_MODEL_FLOATS	2000	/* floats of a model in one record */

StaticAssertDecl(sizeof(float) * OH_MODEL_FLOATS <= OH_PAGE_BODY, "a block has 8 kB at least");

/* What a scan re-ranks candidates by. */
#define OH_RERANK_AUTO	0		/* storage parameter only: chosen when the index is built */
#define OH_RERANK_HEAP	1		/* vectors in the table */
#define OH_RERANK_INDEX	2		/* refinements; vectors in the table where these do not decide */
#define OH_RERANK_OFF	3		/* codes: no re-ranking */

/* What waits for a vacuum. */
#define OH_UNCLEAN_NODES	1	/* nodes have been flagged as dead, and no vacuum has cleaned up
								 * since */
#define OH_UNCLEAN_LINKS	2	/* nodes have chosen their neighbours by codes of an old model */

/* Where quantizer and bits come from. */
#define OH_CHOSEN_BY_OPTION		0
#define OH_CHOSEN_BY_DEFAULT	1	/* too few rows to tell */
#define OH_CHOSEN_BY_SAMPLE		2	/* choose.c */

/*
 * Recall of searches for the k nearest rows at some values of ef.  curve.h has the values of k and ef.
 *
 *   OFFSET  SIZE  FIELD
 *        0     4  nodes    node slots of the index when it was measured; 0: never measured
 *        4     4  queries  number of queries
 *        8     4  given    1: queries from a user, 0: rows of the index
 *       12    96  recall   mean recall
 *      108    96  assured  the same less a margin for the sampling error
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
	int16		entry_level;	/* level of the entry point, -1 without one */
	uint16		subvectors;		/* of pq; of sparse codes their elements; otherwise 0 */
	uint32		entry;			/* node id of the entry point, or OH_NONE */
	uint32		generation;		/* number of vacuums that have moved free hints back */
	uint32		code_bytes;
	uint32		node_bytes;
	uint64		trained_rows;	/* size of the sample that `model` was trained on */
	uint16		rerank;			/* OH_RERANK_HEAP, _INDEX or _OFF */
	uint16		ncolumns;		/* filter columns */
	uint32		refine_bytes;	/* size of a refinement, 0 if there are none */
	uint8		key_kind[OH_MAX_COLUMNS];	/* OhKeyKind of each filter column */
	uint8		unclean;		/* what the next vacuum has to do: OH_UNCLEAN_* */
	uint8		model;			/* number of the model that nodes have codes of */
	uint8		next_model;		/* number of the model that new codes are of; not `model` while
								 * nodes are being encoded again */
	uint8		highway_level;	/* nodes of this level and above are members of the highway */
	uint8		chosen_by;		/* OH_CHOSEN_BY_* */
	uint32		retrain_lp;		/* while nodes are encoded again: pages before this one have been */
	uint32		look_nodes;		/* number of nodes from which on the model is to be tested */
	float		trained_error;	/* mean error of the model's codes, 0 if not known: retrain.c */
	uint64		next_rows;		/* trained_rows of next_model */
	OhArrayHead array[OH_NARRAYS];
	/* older metapages end here */
	uint32		column_dim;		/* dimensions of the column; 0: dim */
	OhCalibration calibration;	/* nodes = 0: not measured */
	uint32		neighbor_codes; /* 1: nodes have codes of their links */
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
 * Numbers of models.  0 stands for no model: the quantizer before any training.  Models are numbered from 1
 * on; the one after OH_LAST_MODEL is 1 again.  The tag of a code has the number of its model.  Nodes may have
 * codes of two successive models, each of which has its own half of the array of models.
 */
#define OH_MODELS		2
#define OH_LAST_MODEL	126
#define OH_TAG_MODEL	0x7F	/* bits of a code's tag: the number of its model */
#define OH_TAG_LOOSE	0x80	/* bit of a code's tag: some of the node's rows may have another
								 * code */

static inline uint8
OhNextModel(uint8 number)
{
	return number == OH_LAST_MODEL ? 1 : number + 1;
}

/* Which half of the array of models holds a model: 0 for model 1, 1 for model 2, and so on in turn. */
static inline int
OhModelSlot(uint8 number)
{
	return (number + 1) % OH_MODELS;
}

/* Node states.  README.md has the life of a node. */
#define OH_FREE			0		/* the slot may be taken */
#define OH_LIVE			1
#define OH_DEAD			2		/* has no TID left; searches follow its links until vacuum has
								 * replaced those that lead to it */

/*
 * Node record.
 *
 *   OFFSET        SIZE  FIELD
 *        0           1  state
 *        1           1  level     highest level on which the node has links
 *        2           2  version   increased whenever the links or the state change
 *        4           6  tid       first row; may be invalid if postings hold rows
 *       10           1  nselected number of diverse links, which come first; the others are fill
 *       11           1  tag       OH_TAG_* of the code
 *       12           4  posting   first posting, or OH_NONE
 *       16           4  tower     tower of level 1, or OH_NONE
 *       20  code_bytes  code      opaque; a multiple of 4 bytes
 *        -       4*2*m  links     node ids on the base layer, then OH_NONE
 *
 * With neighbor_codes = on, the codes of these links follow:
 *
 *        -           8  OhLinkHead
 *        -         2*m  add       a byte for each link
 *        -         2*m  mul
 *        -      16*2*m  bits      signs (quant.h, OmLinkCode)
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
 * What the codes of a node's links have in common.  A code's add is base + step * byte, its mul
 * mul_step * byte.  The three are the upper halves of floats.
 *
 *   OFFSET  SIZE  FIELD
 *        0     2  base
 *        2     2  step
 *        4     2  mul_step
 *        6     1  model     number of the model that the node and its neighbours had codes of, or
 *                           OH_NO_LINK_CODES: then the codes say nothing
 *        7     1  unused
 */
typedef struct OhLinkHead
{
	uint16		base;
	uint16		step;
	uint16		mul_step;
	uint8		model;
	uint8		unused;
} OhLinkHead;

#define OH_NO_LINK_CODES	0xFF

StaticAssertDecl(offsetof(OhLinkHead, model) == 6, "layout of link codes");
StaticAssertDecl(sizeof(OhLinkHead) == 8, "layout of link codes");

/*
 * Tower record: a node's links on one level >= 1.  Free if node is OH_NONE.
 *
 *   OFFSET  SIZE  FIELD
 *        0     4  node
 *        4     4  up      tower of the next level, or OH_NONE
 *        8     1  level
 *        9     1  nselected
 *       10     2  version increased whenever the links change
 *       12   4*m  links   node ids, then OH_NONE
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
 * Posting record: further rows of one node.  Free if node is OH_NONE.  A new record becomes the first
 * of the node's chain, and only the first gets new TIDs.  TIDs never move between records.  Vacuum frees
 * empty records but the first; a reader that finds a record freed reads the chain again (rows.c).
 *
 *   OFFSET  SIZE  FIELD
 *        0     4  node
 *        4     4  next    next record of the chain, or OH_NONE
 *        8     4  hash    OhPositionHash() of the vector that all rows of this record and of those
 *                         after it have; OH_MIXED if they may have different ones
 *       12    36  tid     invalid where there is none
 *
 * The rows of a node have equal codes.  Most often they have equal vectors, too, so that reading one of them
 * gives the distance of all.
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
 * Member of the highway: a copy of a node's code.  Free if node is OH_NONE.  The node may have been
 * freed since, so that a search must look at the node itself.
 *
 *   OFFSET        SIZE  FIELD
 *        0           4  node
 *        4           1  level     level of the node when it became a member
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

#define OH_MEMBER_LEVEL		1	/* a member because of its level */
#define OH_MEMBER_ISLAND	2	/* the member that stands for its island */

/*
 * A refinement record is opaque (quant.h).  It is written after its node, and never freed.  It has a tag
 * of the code that it belongs to, and is used only if the node still has that code.  Slots that were
 * never written are zero.
 */

/* Kinds of off-graph rows. */
#define OH_ROW_FREE			0
#define OH_ROW_NO_DIRECTION	1	/* a zero vector under cosine, whose distances are NaN */
#define OH_ROW_NULL			2

/*
 * Off-graph row.  In an index with filter columns, its OhKeyRow follows immediately.
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
