/*
 * owner.h -- acting as the owner of a table.
 */
#ifndef OH_STORAGE_OWNER_H
#define OH_STORAGE_OWNER_H

#include "postgres.h"

#include "utils/rel.h"

/* Who has called, and the settings in force then. */
typedef struct OhCaller
{
	Oid			userid;
	int			sec_context;
	int			guc_level;
} OhCaller;

/*
 * Act as the table's owner and in a security-restricted operation, as expressions of its indexes want it, until
 * OhActAsCaller(), which also resets the settings that are set in between.  An error ends both, too.
 */
extern void OhActAsOwner(Relation table, OhCaller *caller);
extern void OhActAsCaller(const OhCaller *caller);

#endif							/* OH_STORAGE_OWNER_H */
