/*
 * omenbm25.c -- the handler of the access method: its callbacks and properties.
 */
#include "postgres.h"

#include "access/amapi.h"
#include "commands/vacuum.h"

#include "bm25/bm25.h"
#include "bm25/textcallbacks.h"
#include "bm25/textoptions.h"
#include "compat.h"
#include "filter/classes.h"
#include "filter/condition.h"

OM_FUNCTION(om_bm25_handler);
OM_FUNCTION(om_bm25_class_support);

/*
 * Support functions of operator classes.  They are never called; it only matters which one
 * a class has.
 */
Datum
om_bm25_class_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}

/*
 * ohtextproperty -- in every operator class, the text column can be ordered by score.
 */
static bool
ohtextproperty(Oid index_oid, int attno, IndexAMProperty prop, const char *propname, bool *res, bool *isnull)
{
	if (prop != AMPROP_DISTANCE_ORDERABLE || attno == 0)
		return false;
	*res = (attno == 1);
	*isnull = false;
	return true;
}

Datum
om_bm25_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *am = makeNode(IndexAmRoutine);

	/*
	 * What is not set here is false, zero or NULL. Each access method lists its own
	 * properties, so the code is like that of omenhnsw.c.
	 */
	am->amstrategies = OH_MATCH_STRATEGY;
	am->amsupport = OH_TEXT_NPROCS;
	am->amcanorderbyop = true;
	am->amcanmulticol = true;	/* the text, then filter columns */
	am->amoptionalkey = true;	/* ORDER BY alone is a scan */
	am->amsearcharray = true;	/* op ANY (array), on filter columns */
	am->amsearchnulls = true;
	am->amusemaintenanceworkmem = true;
	om_am_set_canbuildparallel(am);
	am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL | VACUUM_OPTION_PARALLEL_CLEANUP;

	am->ambuild = ohtextbuild;
	am->ambuildempty = ohtextbuildempty;
	am->aminsert = ohtextinsert;
	am->ambulkdelete = ohtextbulkdelete;
	am->amvacuumcleanup = ohtextcleanup;
	am->amcostestimate = ohtextcost;
	am->amoptions = ohtextoptions;
	am->amproperty = ohtextproperty;
	am->ambuildphasename = ohtextbuildphasename;
	am->amvalidate = ohtextvalidate;
	am->ambeginscan = ohtextbeginscan;
	am->amrescan = ohtextrescan;
	am->amgettuple = ohtextgettuple;
	am->amendscan = ohtextendscan;

	PG_RETURN_POINTER(am);
}

bool
ohtextvalidate(Oid opclass)
{
	static const OhClassRules rules = {"omenbm25", OH_TEXT_PROC, OH_TEXT_FILTER_PROC, OH_SCORE_STRATEGY,
	OH_MATCH_STRATEGY, true, false};

	return OhValidateClass(opclass, &rules);
}
