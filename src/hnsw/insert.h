/*
 * insert.h -- state of an insert, shared by insert.c, link.c and tower.c.
 */
#ifndef OH_INSERT_H
#define OH_INSERT_H

#include "postgres.h"

#include "hnsw/search.h"
#include "hnsw/select.h"
#include "hnsw/wal.h"

/* A planned link from a neighbour back to the new node. */
typedef struct OhBackLink
{
	uint32		node;
	uint32		lp;				/* its node page */
	uint16		version;		/* of the node when this was decided */
	int			place;			/* in its list, -1: no link wanted */
	uint32		old;			/* link that stands there, OH_NONE if none */
	bool		done;
} OhBackLink;

struct OhInserter
{
	Relation	index;
	OhIndex    *ix;
	MemoryContext context;
	void	   *code;			/* of the new vector */
	OmQuery    *query;			/* its query form */
	OmQuery    *form;			/* query form of a neighbour, scratch */
	void	   *scratch;
	OhKeep		keep;
	OhSearch   *search;
	OhSelector	selector;
	OhCandidate *candidates;	/* [ef_construction + 1], the chosen ones first */
	uint32		id;				/* of the new node */
	int			nlinks;
	uint32		links[2 * OH_MAX_M];	/* of the new node */
	int			nback;
	OhBackLink	back[2 * OH_MAX_M];
};

extern void OhFillNode(OhInserter *ins, Page page, uint32 slot, ItemPointer tid,
					   const uint32 *links, int n);
extern int	OhChooseNeighbours(OhInserter *ins, int max);

/* tower.c: step 3 and 4 of an insert */
extern void OhInsertTowers(OhInserter *ins, int level);

#endif							/* OH_INSERT_H */
