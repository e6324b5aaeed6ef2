/*
 * alter.h -- what ALTER INDEX ... SET does with an omenhnsw index.
 */
#ifndef OH_ALTER_H
#define OH_ALTER_H

#include "postgres.h"

/* Called by _PG_init: register with setoptions.h. */
extern void OhAlterInit(void);

#endif							/* OH_ALTER_H */
