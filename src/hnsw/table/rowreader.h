/*
 * rowreader.h -- reads rows of the table by their TIDs, and their indexed values.
 *
 * For scans, which rank rows by their vectors, and for training.  Rows are read through the
 * table access method's interface, so that any table access method works.
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
	AttrNumber	attribute;		/* number of the indexed column; 0: an expression */
	ExprState  *expression;		/* the expression of an expression index */
	EState	   *estate;
} OhRowReader;

/* In the current memory context. */
extern void OhRowReaderBegin(OhRowReader *reader, Relation heap, Relation index);
extern void OhRowReaderEnd(OhRowReader *reader);
/* Release the page of the last row. */
extern void OhRowReaderRelease(OhRowReader *reader);
/*
 * Read the version of a row that the snapshot sees; false: there is none.  tid is set to
 * that version's.
 */
extern bool OhReadRow(OhRowReader *reader, ItemPointer tid, Snapshot snapshot);
/* The indexed column or expression of the last row; valid until OhRowValueDone(). */
extern Datum OhRowValue(OhRowReader *reader, bool *isnull);
extern void OhRowValueDone(OhRowReader *reader);

#endif							/* OH_ROWREADER_H */
