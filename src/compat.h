/*
 * compat.h -- the only tests of PG_VERSION_NUM.
 *
 * PostgreSQL 15 to 18.  Code elsewhere calls what is defined here.
 */
#ifndef OM_COMPAT_H
#define OM_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "omendb needs PostgreSQL 15 or newer"
#endif

#endif							/* OM_COMPAT_H */
