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

#if PG_VERSION_NUM < 160000

/*
 * The library is built with -fvisibility=hidden, and PostgreSQL 15 has
 * PGDLLEXPORT empty outside Windows.  Its macros expand it where they are used,
 * so that defining it here is in time.
 */
#if defined(__GNUC__) && !defined(WIN32)
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

/* No soft errors before 16: an input function always throws. */
#define ereturn(context, dummy_value, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)

#endif							/* PG_VERSION_NUM < 160000 */

/*
 * Before a function that SQL calls: its prototype (PostgreSQL 15 does not export
 * it) and its version-1 record.
 */
#define OM_FUNCTION(name) \
	PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

#endif							/* OM_COMPAT_H */
