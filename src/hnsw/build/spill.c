/*
 * spill.c -- temporary files that the participants of a build share.
 */
#include "postgres.h"

#include <fcntl.h>

#include "utils/guc.h"

#include "hnsw/build/spill.h"

#define NAME_BYTES 64

void
OhSpillInit(OhSpill *spill, dsm_segment *segment)
{
	SharedFileSetInit(&spill->files, segment);
	pg_atomic_init_u64(&spill->bytes, 0);
}

void
OhSpillAttach(OhSpill *spill, dsm_segment *segment)
{
	SharedFileSetAttach(&spill->files, segment);
}

BufFile *
OhSpillCreate(OhSpill *spill, const char *kind, uint32 a, uint32 b)
{
	char		name[NAME_BYTES];

	snprintf(name, sizeof(name), "%s.%u.%u", kind, a, b);
	return BufFileCreateFileSet(&spill->files.fs, name);
}

BufFile *
OhSpillOpen(OhSpill *spill, const char *kind, uint32 a, uint32 b)
{
	char		name[NAME_BYTES];

	snprintf(name, sizeof(name), "%s.%u.%u", kind, a, b);
	return BufFileOpenFileSet(&spill->files.fs, name, O_RDONLY, true);
}

void
OhSpillDelete(OhSpill *spill, const char *kind, uint32 a, uint32 b)
{
	BufFile    *file = OhSpillOpen(spill, kind, a, b);
	char		name[NAME_BYTES];

	if (file == NULL)
		return;
	pg_atomic_fetch_sub_u64(&spill->bytes, BufFileSize(file));
	BufFileClose(file);
	snprintf(name, sizeof(name), "%s.%u.%u", kind, a, b);
	BufFileDeleteFileSet(&spill->files.fs, name, true);
}

/*
 * OhSpillWrite -- see spill.h.
 *
 * We check temp_file_limit ourselves: PostgreSQL counts the open files of one process only, and
 * ours belong to all participants and are closed most of the time.
 */
void
OhSpillWrite(OhSpill *spill, BufFile *file, const void *data, size_t bytes)
{
	uint64		total = pg_atomic_add_fetch_u64(&spill->bytes, bytes);

	if (temp_file_limit >= 0 && total > (uint64) temp_file_limit * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("temporary file size exceeds temp_file_limit (%dkB)", temp_file_limit),
				 errhint("With a larger maintenance_work_mem, the build of an index needs no temporary files.")));
	BufFileWrite(file, unconstify(void *, data), bytes);
}

bool
OhSpillRead(BufFile *file, void *data, size_t bytes)
{
	size_t		got = BufFileRead(file, data, bytes);

	if (got == 0)
		return false;
	if (got != bytes)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read from temporary file: read only %zu of %zu bytes", got, bytes)));
	return true;
}
