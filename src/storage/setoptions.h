/*
 * setoptions.h -- checks storage parameters that no build follows, as a build would check them.
 *
 * amoptions sees the parameters alone.  Whether they suit the columns is known when an index is built, and ALTER INDEX
 * ... SET builds none, nor does CREATE INDEX on a table that is partitioned.  What a build refuses would be found
 * later, by TRUNCATE, VACUUM FULL, REINDEX, a restored dump or a new partition.
 */
#ifndef OH_STORAGE_SETOPTIONS_H
#define OH_STORAGE_SETOPTIONS_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

/* What an access method has to do with it. */
typedef struct OhOptionMethod
{
	/* Is it this access method, under whatever name?  False for InvalidOid. */
	bool		(*is_ours) (Oid am);
	/*
	 * Raise the error that a build with these parameters would raise.
	 *
	 * index	   with storage, or of a partitioned table; its rd_options are older
	 * options	   as amoptions makes them; NULL: none is set
	 */
	void		(*check) (Relation index, const void *options);
	/* Called after ALTER INDEX has changed the parameters, lists of DefElems.  May be NULL. */
	void		(*changed) (const char *index, List *before, List *after);
} OhOptionMethod;

/* Called by _PG_init, once for each access method: check its parameters from now on. */
extern void OhWatchOptions(const OhOptionMethod *method);

#endif							/* OH_STORAGE_SETOPTIONS_H */
