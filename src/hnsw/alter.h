/*
 * alter.h -- the NOTICE of ALTER INDEX ... SET.
 */
#ifndef OH_ALTER_H
#define OH_ALTER_H

#include "postgres.h"


extern void OhAlterInit(void);

#endif							/* OH_ALTER_H */
