/*
 * spill.h -- temporary files that the participants of a build share.
 *
 * A file is identified by its kind and two numbers.  One participant writes it and closes it;
 * after that any participant may read it.  The files are deleted with the shared memory segment
 * that holds the set: at the end of the build, or when it fails or is cancelled.  All files
 * together may take temp_file_limit.
 */
#ifndef OH_SPILL_H
#define OH_SPILL_H

#include "postgres.h"

#include "port/atomics.h"
#include "storage/buffile.h"
#include "storage/sharedfileset.h"

typedef struct OhSpill
{
	SharedFileSet files;
	pg_atomic_uint64 bytes;		/* of all files */
} OhSpill;

/* Create the set in a dynamic shared memory segment; the other participants attach to it. */
extern void OhSpillInit(OhSpill *spill, dsm_segment *segment);
extern void OhSpillAttach(OhSpill *spill, dsm_segment *segment);

/* Create the file of this kind with these two numbers. */
extern BufFile *OhSpillCreate(OhSpill *spill, const char *kind, uint32 a, uint32 b);
/* Open it for reading; NULL if there is no such file. */
extern BufFile *OhSpillOpen(OhSpill *spill, const char *kind, uint32 a, uint32 b);
/* Delete it; does nothing if there is no such file. */
extern void OhSpillDelete(OhSpill *spill, const char *kind, uint32 a, uint32 b);

/* Append to a file; an error if that exceeds temp_file_limit. */
extern void OhSpillWrite(OhSpill *spill, BufFile *file, const void *data, size_t bytes);
/* Read the next bytes of a file; false at its end, which must not lie within them. */
extern bool OhSpillRead(BufFile *file, void *data, size_t bytes);

#endif							/* OH_SPILL_H */
