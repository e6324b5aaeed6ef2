/*
 * omenhnsw.c -- the handler of the access method: which callbacks, which
 * properties.
 *
 * Owns nothing else; every callback is in the file named after its verb, see the
 * folders of ../README.md.
 */
#include "postgres.h"

#include "access/amapi.h"
#include "commands/vacuum.h"

#include "compat.h"
#include "filter/condition.h"
#include "hnsw/callbacks.h"
#include "hnsw/hnsw.h"
#include "hnsw/options.h"

OM_FUNCTION(om_hnsw_handler);
OM_FUNCTION(om_ivfflat_handler);

/*
 * ohproperty -- what PostgreSQL cannot tell from the flags alone.
 *
 * The vector column can be ordered by distance, in every operator class.
 */
static bool
ohproperty(Oid index_oid, int attno, IndexAMProperty prop, const char *propname,
		   bool *res, bool *isnull)
{
	if (prop != AMPROP_DISTANCE_ORDERABLE || attno == 0)
		return false;

	*res = (attno == 1);
	*isnull = false;
	return true;
}

Datum
om_hnsw_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *am = makeNode(IndexAmRoutine);

	/* What is not set here is false, zero or NULL. */
	am->amstrategies = OH_NSTRATEGIES;
	am->amsupport = OH_NPROCS;
	am->amcanorderbyop = true;
	am->amcanmulticol = true;	/* the vector, then filter columns */
	am->amoptionalkey = true;	/* ORDER BY alone is a scan */
	am->amsearcharray = true;	/* op ANY (array), on filter columns */
	am->amsearchnulls = true;	/* IS NULL, IS NOT NULL */
	/* cleanup mends the graph: as long as the deletion, and in that memory */
	am->amusemaintenanceworkmem = true;
	am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL | VACUUM_OPTION_PARALLEL_CLEANUP;
	om_am_set_canbuildparallel(am);

	am->ambuild = ohbuild;
	am->ambuildempty = ohbuildempty;
	am->aminsert = ohinsert;
	am->ambulkdelete = ohbulkdelete;
	am->amvacuumcleanup = ohvacuumcleanup;
	am->amcostestimate = ohcostestimate;
	am->amoptions = ohoptions;
	am->amproperty = ohproperty;
	am->ambuildphasename = ohbuildphasename;
	am->amvalidate = ohvalidate;
	am->ambeginscan = ohbeginscan;
	am->amrescan = ohrescan;
	am->amgettuple = ohgettuple;
	am->amendscan = ohendscan;

	PG_RETURN_POINTER(am);
}

/*
 * om_ivfflat_handler -- the same method for statements written for pgvector's
 * ivfflat, whose storage parameter it takes and ignores.
 */
Datum
om_ivfflat_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *am = (IndexAmRoutine *) DatumGetPointer(om_hnsw_handler(fcinfo));

	am->amoptions = ohoptions_ivfflat;
	PG_RETURN_POINTER(am);
}

bool
OhIsOurMethod(Oid am)
{
	IndexAmRoutine *routine = OidIsValid(am) ? GetIndexAmRoutineByAmId(am, true) : NULL;
	bool		ours = routine != NULL && routine->ambuild == ohbuild;

	if (routine != NULL)
		pfree(routine);
	return ours;
}
