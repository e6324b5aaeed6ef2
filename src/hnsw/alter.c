/*
 * alter.c -- after ALTER INDEX ... SET, raises a NOTICE that the index must be rebuilt.
 *
 * An index keeps the storage parameters that it was built with, but for those of searches (ef.c), which
 * take effect at once.  ALTER INDEX itself does not say so.  PostgreSQL calls
 * object_access_hook when pg_class already has the new parameters and the syscache still has the
 * old ones, so that they can be compared.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"

#include "hnsw/alter.h"
#include "hnsw/options.h"

static object_access_hook_type next_hook = NULL;

/*
 * options_of_builds -- a list of DefElems without the parameters that take effect at once.
 */
static List *
options_of_builds(Datum options, bool isnull)
{
	List	   *list = isnull ? NIL : untransformRelOptions(options);
	ListCell   *lc;

	foreach(lc, list)
	{
		const char *name = lfirst_node(DefElem, lc)->defname;

		if (strcmp(name, "ef_search") == 0 || strcmp(name, "target_recall") == 0)
			list = foreach_delete_current(list, lc);
	}
	return list;
}

/*
 * changed_options -- does pg_class have other parameters of builds than this row of the syscache?
 */
static bool
changed_options(HeapTuple old, Oid oid)
{
	Relation	pg_class = table_open(RelationRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	new;
	bool		changed = false;

	ScanKeyInit(&key, Anum_pg_class_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
	scan = systable_beginscan(pg_class, ClassOidIndexId, true, SnapshotSelf, 1, &key);
	new = systable_getnext(scan);
	if (HeapTupleIsValid(new))
	{
		bool		old_null;
		bool		new_null;
		Datum		before = SysCacheGetAttr(RELOID, old, Anum_pg_class_reloptions, &old_null);
		Datum		after = heap_getattr(new, Anum_pg_class_reloptions,
										 RelationGetDescr(pg_class), &new_null);

		changed = !equal(options_of_builds(before, old_null), options_of_builds(after, new_null));
	}
	systable_endscan(scan);
	table_close(pg_class, AccessShareLock);
	return changed;
}

static void
report_change(Oid oid)
{
	HeapTuple	old = SearchSysCache1(RELOID, ObjectIdGetDatum(oid));

	if (HeapTupleIsValid(old))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(old);

		if (form->relkind == RELKIND_INDEX &&
			OhIsOurMethod(form->relam) && changed_options(old, oid))
			ereport(NOTICE,
					(errmsg("index \"%s\" keeps its current parameters until it is rebuilt", NameStr(form->relname)),
					 errdetail("Changed storage parameters of an omenhnsw index take effect with its next REINDEX."),
					 errhint("REINDEX INDEX CONCURRENTLY rebuilds it without blocking writes.")));
		ReleaseSysCache(old);
	}
}

static void
on_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (next_hook != NULL)
		next_hook(access, class_id, object_id, sub_id, arg);
	if (access == OAT_POST_ALTER && class_id == RelationRelationId && sub_id == 0)
		report_change(object_id);
}

void
OhAlterInit(void)
{
	next_hook = object_access_hook;
	object_access_hook = on_access;
}
