/*
 * api.h -- the C interface of omendb.h: the load function makes it known.
 */
#ifndef OM_API_H
#define OM_API_H

#include "compat.h"
#include "omendb.h"

/* Puts om_api() where OmendbGetApi() of other libraries looks for it. */
extern void om_api_init(void);

/*
 * om_api -- the table, for a library compiled for this version, with size bytes of it.
 *
 * What it is called with never changes: libraries of every version call it.
 */
extern PGDLLEXPORT const OmendbApi *om_api(int32 version, int32 size);

#endif							/* OM_API_H */
