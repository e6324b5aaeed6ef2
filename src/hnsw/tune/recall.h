/*
 * recall.h -- the state of omendb_recall(): queries, their exact answers, and what the
 * index finds.
 */
#ifndef OH_RECALL_H
#define OH_RECALL_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "storage/itemptr.h"

#include "hnsw/tune/tune.h"

typedef struct OhMeasured
{
	OhOpened	opened;
	MemoryContext context;
	const char *schema;			/* schema of the extension */

	/* the indexed column, as SQL */
	Oid			type;
	Oid			array_type;
	Oid			operator;
	FmgrInfo	distance;
	char	   *table;
	char	   *column;
	const char *condition;		/* predicate of a partial index */

	int			k;
	int			nqueries;
	Datum	   *query;			/* [nqueries] */
	ItemPointerData *self;		/* the row that the query is taken from, if any ... */
	uint32	   *node;			/* ... and its node, which walks leave out */
	float8	   *exact;			/* [nqueries][k], infinite if there are fewer rows */
} OhMeasured;

/* What is kept from search to search. */
typedef struct OhProbe
{
	struct IndexInfo *info;
	TupleTableSlot *slot;
	EState	   *estate;
} OhProbe;

/* The result of one search. */
typedef struct OhFound
{
	int			wanted;			/* k, or the number of rows if there are fewer */
	int			hits;			/* rows found that are no farther than the k-th exact distance */
	double		ratio;			/* sum of the distances found / sum of the exact ones; NaN if not
								 * meaningful */
	double		ms;
} OhFound;

extern void OhProbeBegin(OhMeasured *measured, OhProbe *probe);
extern void OhProbeEnd(OhProbe *probe);
/* Search for query i with the settings in force. */
extern void OhProbeOnce(OhMeasured *measured, OhProbe *probe, int i, OhFound *found);

#endif							/* OH_RECALL_H */
