/*
 * wal.h -- changes of index pages, with or without WAL.
 *
 * No other file calls generic WAL.  An OhWrite is one atomic change of up to four pages,
 * whose buffers the caller has locked exclusively.  Changes of an index that is being built,
 * or is unlogged, are not logged; a build logs all pages at its end.
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
	struct GenericXLogState *xlog;	/* NULL while the index is being built */
	int			n;
	Buffer		buffer[OH_WRITE_MAX];
} OhWrite;

/* Begin a change. */
extern void OhWriteStart(OhWrite *write, const OhFile *file);
/*
 * Add a buffer to the change; returns the page that is to be changed.  The same buffer gives the same page again.
 * fresh: the page is new, and is logged whole
 */
extern Page OhWritePage(OhWrite *write, Buffer buffer, bool fresh);
/* Apply the change, and log it. */
extern void OhWriteFinish(OhWrite *write);
/* Drop the change.  While an index is being built, pages are changed in place: call this before changing any. */
extern void OhWriteAbort(OhWrite *write);

#ifdef OM_CRASH_POINTS
/* A point after each WAL record at which the crash tests may stop the server. */
#define OhWriteFinish(write) (OhWriteFinish(write), OH_CRASH_POINT(__func__))
#endif

#endif							/* OH_WAL_H */
