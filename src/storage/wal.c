/*
 * wal.c -- changes of index pages through generic WAL (wal.h).
 *
 * This is the only file that includes generic_xlog.h.
 */
#include "postgres.h"

#include "access/generic_xlog.h"

#include "storage/wal.h"

void
OhWriteStart(OhWrite *write, const OhFile *file)
{
	write->xlog = file->building ? NULL : GenericXLogStart(file->rel);
	write->n = 0;
}

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

void
OhWriteAbort(OhWrite *write)
{
	if (write->xlog != NULL)
		GenericXLogAbort(write->xlog);
}
