/*
 * spill.h -- temporary files that the participants of a build share.
 *
 * A file is known by its kind and two numbers.  One participant writes it and closes it; from
 * then on any of them may read it.  All are gone with the segment that the set is in: at the
 * end of the build, also by an error or a cancel.  Together they may take temp_file_limit.
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

/* In a segment of dynamic shared memory; each other participant attaches to it. */
extern void OhSpillInit(OhSpill *spill, dsm_segment *segment);
extern void OhSpillAttach(OhSpill *spill, dsm_segment *segment);

extern BufFile *OhSpillCreate(OhSpill *spill, const char *kind, uint32 a, uint32 b);
/* NULL if there is no such file */
extern BufFile *OhSpillOpen(OhSpill *spill, const char *kind, uint32 a, uint32 b);
/* Does nothing if there is no such file */
extern void OhSpillDelete(OhSpill *spill, const char *kind, uint32 a, uint32 b);

extern void OhSpillWrite(OhSpill *spill, BufFile *file, const void *data, size_t bytes);
/* false at the end of the file; it must not end within the data */
extern bool OhSpillRead(BufFile *file, void *data, size_t bytes);

#endif							/* OH_SPILL_H */
