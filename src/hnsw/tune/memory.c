/*
 * memory.c -- omendb_build_memory() and omendb_shared_memory(): the memory that a build
 * needs, and what is available.
 */
#include "postgres.h"

#include <sys/statvfs.h>

#include "miscadmin.h"
#include "storage/dsm_impl.h"

#include "compat.h"
#include "hnsw/build/build.h"
#include "hnsw/tune/tune.h"

OM_FUNCTION(om_build_memory);
OM_FUNCTION(om_shared_memory);

/*
 * om_build_memory -- omendb_build_memory(index regclass, rows double precision,
 * participants integer): bytes of maintenance_work_mem with which the graph of such a build
 * stays in memory.
 */
Datum
om_build_memory(PG_FUNCTION_ARGS)
{
	double		rows = PG_GETARG_FLOAT8(1);
	int			participants = PG_GETARG_INT32(2);
	OhOpened	opened;
	Size		bytes;

	if (!(rows >= 0) || participants < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rows must not be negative, and participants must be at least 1")));
	OhOpenToUse(PG_GETARG_OID(0), &opened);
	bytes = OhBuildMemory(opened.ix, rows, participants);
	OhOpenedClose(&opened);
	PG_RETURN_INT64((int64) bytes);
}

/*
 * om_shared_memory -- omendb_shared_memory(): bytes available for the shared memory of a
 * parallel build, NULL if no file system limits them.
 */
Datum
om_shared_memory(PG_FUNCTION_ARGS)
{
	struct statvfs fs;

	if (dynamic_shared_memory_type != DSM_IMPL_POSIX || statvfs("/dev/shm", &fs) != 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64((int64) fs.f_bavail * (int64) fs.f_frsize);
}
