/*
 * addrow.h -- adds a row to an existing node.
 */
#ifndef OH_ADDROW_H
#define OH_ADDROW_H

#include "postgres.h"

#include "hnsw/insert/newnode.h"

/*
 * Add a row to a node with the same code and filter keys; false: the node no longer exists.
 */
extern bool OhAddRow(const OhNewNode *row, uint32 id, ItemPointer tid);

#endif							/* OH_ADDROW_H */
