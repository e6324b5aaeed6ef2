/*
 * api.h -- makes the C interface of omendb.h available to other extensions.
 */
#ifndef OM_API_H
#define OM_API_H

#include "compat.h"
#include "omendb.h"

/* Publish om_api() where OmendbGetApi() of other libraries looks for it. */
extern void om_api_init(void);

/*
 * om_api -- return the table of functions, for a library that was compiled for this version
 * and reads size bytes of the table.
 *
 * This function's signature never changes, because libraries of every version call it.
 */
extern PGDLLEXPORT const OmendbApi *om_api(int32 version, int32 size);

#endif							/* OM_API_H */
