/*
 * alter.h -- the NOTICE of ALTER INDEX ... SET that the index keeps its parameters until REINDEX.
 */
#ifndef OH_ALTER_H
#define OH_ALTER_H

#include "postgres.h"

/* Called by _PG_init: set the hook. */
extern void OhAlterInit(void);

#endif							/* OH_ALTER_H */
