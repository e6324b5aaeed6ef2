/*
 * omenhnsw.c -- the handler of the access method: its callbacks and properties.
 *
 * callbacks.h says where each callback is.
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
 * ohproperty -- amproperty: the first column, and no other, is distance_orderable.
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

	/* fields that are not set here are false, zero or NULL */
	am->amstrategies = OH_NSTRATEGIES;
	am->amsupport = OH_NPROCS;
	am->amcanorderbyop = true;
	am->amcanmulticol = true;	/* the vector, then filter columns */
	am->amoptionalkey = true;	/* a scan needs no condition, ORDER BY is enough */
	am->amsearcharray = true;	/* op ANY (array), on filter columns */
	am->amsearchnulls = true;	/* IS NULL, IS NOT NULL */
	/* cleanup repairs the graph in memory, and takes as long as the deletion */
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
 * om_ivfflat_handler -- the same access method under the name ivfflat, for statements written for
 * pgvector.  It ignores ivfflat's storage parameter lists.
 */
Datum
om_ivfflat_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *am = (IndexAmRoutine *) DatumGetPointer(om_hnsw_handler(fcinfo));

	am->amoptions = ohoptions_ivfflat;
	PG_RETURN_POINTER(am);
}
