/*
 * rowreader.h -- rows of the table by their TIDs, and the value that is indexed of them.
 *
 * For scans, which rank rows by their vectors, and for training.  Rows come through
 * the table's own interface, so that any table access method does.
 */
#ifndef OH_ROWREADER_H
#define OH_ROWREADER_H

#include "postgres.h"

#include "access/tableam.h"
#include "executor/executor.h"

typedef struct OhRowReader
{
	IndexFetchTableData *fetch;
	TupleTableSlot *slot;
	AttrNumber	attribute;		/* of the indexed column; 0: an expression */
	ExprState  *expression;		/* of an expression index */
	EState	   *estate;
} OhRowReader;

/* In the current memory context. */
extern void OhRowReaderBegin(OhRowReader *reader, Relation heap, Relation index);
extern void OhRowReaderEnd(OhRowReader *reader);
/* Let go of the page of the last row. */
extern void OhRowReaderRelease(OhRowReader *reader);
/* The version of a row that the snapshot sees; false: none.  tid becomes that version's. */
extern bool OhReadRow(OhRowReader *reader, ItemPointer tid, Snapshot snapshot);
/* The indexed column or expression of the last row; what it allocates is until OhRowValueDone(). */
extern Datum OhRowValue(OhRowReader *reader, bool *isnull);
extern void OhRowValueDone(OhRowReader *reader);

#endif							/* OH_ROWREADER_H */
