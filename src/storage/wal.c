/*
 * wal.c -- changes of index pages through generic WAL.
 *
 * The only file that includes generic_xlog.h.  See wal.h for the rules.
 */
#include "postgres.h"

#include "access/generic_xlog.h"

#include "storage/wal.h"

/*
 * OhWriteStart -- begin one atomic change.
 *
 * While the index is being built, pages change in place and nothing is logged.
 */
void
OhWriteStart(OhWrite *write, const OhFile *file)
{
	write->xlog = file->building ? NULL : GenericXLogStart(file->rel);
	write->n = 0;
}

/*
 * OhWritePage -- see wal.h.  Asking for the same buffer again gives the same page.
 */
Page
OhWritePage(OhWrite *write, Buffer buffer, bool fresh)
{
	if (write->xlog != NULL)
		return GenericXLogRegisterBuffer(write->xlog, buffer,
										 fresh ? GENERIC_XLOG_FULL_IMAGE : 0);
	for (int i = 0; i < write->n; i++)
	{
		if (write->buffer[i] == buffer)
			return BufferGetPage(buffer);
	}
	Assert(write->n < OH_WRITE_MAX);
	write->buffer[write->n++] = buffer;
	return BufferGetPage(buffer);
}

void
(OhWriteFinish) (OhWrite *write)	/* in parentheses: not the macro of crash tests */
{
	if (write->xlog != NULL)
		GenericXLogFinish(write->xlog);
	else
	{
		for (int i = 0; i < write->n; i++)
			MarkBufferDirty(write->buffer[i]);
	}
}

/*
 * OhWriteAbort -- forget the change.
 *
 * Without WAL the pages were changed in place: abort before changing any.
 */
void
OhWriteAbort(OhWrite *write)
{
	if (write->xlog != NULL)
		GenericXLogAbort(write->xlog);
}
