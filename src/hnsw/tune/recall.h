/*
 * recall.h -- an index that is measured: queries, their exact answers, and what it finds.
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
	const char *schema;			/* of the extension */

	/* the column, as SQL has it */
	Oid			type;
	Oid			array_type;
	Oid			operator;
	FmgrInfo	distance;
	char	   *table;
	char	   *column;
	const char *condition;		/* of a partial index */

	int			k;
	int			nqueries;
	Datum	   *query;			/* [nqueries] */
	ItemPointerData *self;		/* the row that it is, if any ... */
	uint32	   *node;			/* ... and its node, which walks leave out */
	float8	   *exact;			/* [nqueries][k], infinite where there are fewer rows */
} OhMeasured;

/* What is needed to search, again and again. */
typedef struct OhProbe
{
	struct IndexInfo *info;
	TupleTableSlot *slot;
	EState	   *estate;
} OhProbe;

/* One search. */
typedef struct OhFound
{
	int			wanted;			/* k, or rows that there are */
	int			hits;			/* those found that are no farther than the last of them */
	double		ratio;			/* of the sums of distances found and exact, NaN if there is none */
	double		ms;
} OhFound;

extern void OhProbeBegin(OhMeasured *measured, OhProbe *probe);
extern void OhProbeEnd(OhProbe *probe);
/* Search for query i with the settings in force. */
extern void OhProbeOnce(OhMeasured *measured, OhProbe *probe, int i, OhFound *found);

#endif							/* OH_RECALL_H */
