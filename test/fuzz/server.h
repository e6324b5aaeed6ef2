/*
 * server.h -- what fuzz targets need of the server, without one: server.c.
 */
#ifndef FUZZ_SERVER_H
#define FUZZ_SERVER_H

#include "postgres.h"

#include <setjmp.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/rel.h"

/* Pages that the one relation can have. */
#define FUZZ_MAX_PAGES	64

/* A target: one input.  It must return whatever the bytes are. */
extern void fuzz_one(const uint8_t *data, size_t size);

/* The error that is caught now; its SQLSTATE and message. */
extern sigjmp_buf *fuzz_catch;
extern int	fuzz_sqlstate;
extern char fuzz_message[256];

/* Bytes that have been allocated; a target sets it to 0. */
extern size_t fuzz_allocated;

/* Runs statement; whether it raised no error. */
#define FUZZ_TRY(statement) \
	(sigsetjmp(*(fuzz_catch = &fuzz_jump), 0) == 0 ? ((statement), true) : false)
extern sigjmp_buf fuzz_jump;

/* Ends the process, with a message, as a finding of the fuzzer. */
extern void fuzz_fail(const char *what, const char *detail) pg_attribute_noreturn();

/* The relation: fuzz_pages pages, no more than FUZZ_MAX_PAGES. */
extern RelationData fuzz_relation;
extern BlockNumber fuzz_pages;
extern char *fuzz_page(BlockNumber block);
/* Every lock and pin has been given back? */
extern int	fuzz_locks;

#endif							/* FUZZ_SERVER_H */
