/*
 * wal.h -- changes of index pages, WAL-logged or not.
 *
 * The only users of generic WAL are behind these calls.  One OhWrite is one
 * atomic change of up to four pages, whose buffers the caller holds exclusively
 * locked.  An index that is being built (or is unlogged) writes no WAL: the
 * build logs all pages at its end.
 */
#ifndef OH_WAL_H
#define OH_WAL_H

#include "postgres.h"

#include "storage/file.h"

#include "storage/crash.h"

#define OH_WRITE_MAX 4

struct GenericXLogState;

typedef struct OhWrite
{
	struct GenericXLogState *xlog;	/* NULL when building */
	int			n;
	Buffer		buffer[OH_WRITE_MAX];
} OhWrite;

extern void OhWriteStart(OhWrite *write, const OhFile *file);
/* The page of a buffer, to be changed; fresh: initialise it and log it whole. */
extern Page OhWritePage(OhWrite *write, Buffer buffer, bool fresh);
extern void OhWriteFinish(OhWrite *write);
extern void OhWriteAbort(OhWrite *write);

#ifdef OM_CRASH_POINTS
/* The crash tests may stop the server after each record. */
#define OhWriteFinish(write) (OhWriteFinish(write), OH_CRASH_POINT(__func__))
#endif

#endif							/* OH_WAL_H */
