/*
 * create.h -- creates an empty index.
 */
#ifndef OH_CREATE_H
#define OH_CREATE_H

#include "postgres.h"

#include "hnsw/index.h"

/*
 * Write metapage and model of an empty index into an empty fork, without WAL (the caller logs
 * the pages), and open it with file.building set.
 */
extern OhIndex *OhIndexCreate(Relation index, ForkNumber fork, const OhParameters *params);

#endif							/* OH_CREATE_H */
