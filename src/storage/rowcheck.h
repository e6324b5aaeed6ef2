/*
 * rowcheck.h -- are the rows that an index names in its table?
 */
#ifndef OH_STORAGE_ROWCHECK_H
#define OH_STORAGE_ROWCHECK_H

#include "postgres.h"

#include "storage/file.h"
#include "storage/itemptr.h"

/*
 * Raise an error if one of the TIDs, which were read from page lp of an array, is beyond
 * the end of the table.  The page must no longer be locked.  An invalid TID is no row.
 */
extern void OhCheckRows(OhFile *file, const ItemPointerData *tid, int n, int array, uint32 lp);
/* The same; each TID must be one of a row. */
extern void OhCheckAllRows(OhFile *file, const ItemPointerData *tid, int n, int array, uint32 lp);

/* Are the TIDs equal?  Either may be invalid, which ItemPointerEquals() asserts that none is. */
static inline bool
OhSameTid(const ItemPointerData *a, const ItemPointerData *b)
{
	return ItemPointerCompare(unconstify(ItemPointerData *, a), unconstify(ItemPointerData *, b)) == 0;
}

#endif							/* OH_STORAGE_ROWCHECK_H */
