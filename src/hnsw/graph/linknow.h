/*
 * linknow.h -- whether a node has a link at this moment.
 */
#ifndef OH_LINKNOW_H
#define OH_LINKNOW_H

#include "postgres.h"

#include "storage/buf.h"

#include "hnsw/index.h"

/*
 * Does a live node have a link on the base layer now, while the caller keeps a page locked?
 *
 * locked: the node's page if the caller has locked it; InvalidBuffer: it is locked for this if that needs no waiting,
 * otherwise the answer is no
 */
extern bool OhStillLinks(OhIndex *ix, uint32 from, uint32 to, Buffer locked);

#endif							/* OH_LINKNOW_H */
