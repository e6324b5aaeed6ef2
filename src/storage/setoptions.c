/*
 * setoptions.c -- see setoptions.h.
 *
 * PostgreSQL calls object_access_hook when pg_class already has the new row, which the command itself does not see yet.
 * So the syscache still has the old parameters, and both can be compared: a hook is not told what ALTER INDEX alters.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"

#include "storage/owner.h"
#include "storage/setoptions.h"

/* omenhnsw and omenbm25, and room for one of a test. */
#define MOST_METHODS 3

static const OhOptionMethod *methods[MOST_METHODS];
static int	nmethods = 0;
static object_access_hook_type next_hook = NULL;

static const OhOptionMethod *
method_of(Oid am)
{
	for (int i = 0; i < nmethods; i++)
	{
		if (methods[i]->is_ours(am))
			return methods[i];
	}
	return NULL;
}

/*
 * new_row -- copy the row of pg_class as this command has written it; NULL if there is none.
 */
static HeapTuple
new_row(Oid oid)
{
	Relation	pg_class = table_open(RelationRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_class_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
	scan = systable_beginscan(pg_class, ClassOidIndexId, true, SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	table_close(pg_class, AccessShareLock);
	return tuple;
}

/*
 * options_of -- the storage parameters of a row of pg_class, a text[]; 0 if there are none.
 */
static Datum
options_of(HeapTuple row)
{
	bool		isnull;
	Datum		options = SysCacheGetAttr(RELOID, row, Anum_pg_class_reloptions, &isnull);

	return isnull ? (Datum) 0 : options;
}

/*
 * check -- check parameters of an index, as the owner of its table, with the search_path of a build.
 */
static void
check(const OhOptionMethod *method, Oid oid, Datum options)
{
	/* the command holds a lock */
	Relation	index = index_open(oid, NoLock);
	OhCaller	caller;

	OhActAsOwner(index, &caller);
	/* amoptions has validated them before */
	method->check(index, index_reloptions(index->rd_indam->amoptions, options, false));
	OhActAsCaller(&caller);
	index_close(index, NoLock);
}

static void
after_alter(Oid oid)
{
	HeapTuple	old = SearchSysCache1(RELOID, ObjectIdGetDatum(oid));
	const OhOptionMethod *method = NULL;
	Form_pg_class form;
	HeapTuple	new = NULL;

	if (!HeapTupleIsValid(old))
		return;
	form = (Form_pg_class) GETSTRUCT(old);
	if (form->relkind == RELKIND_INDEX || form->relkind == RELKIND_PARTITIONED_INDEX)
		method = method_of(form->relam);
	if (method != NULL)
		new = new_row(oid);
	if (new != NULL)
	{
		List	   *before = untransformRelOptions(options_of(old));
		List	   *after = untransformRelOptions(options_of(new));

		if (!equal(before, after))
		{
			check(method, oid, options_of(new));
			if (method->changed != NULL)
				method->changed(NameStr(form->relname), before, after);
		}
		heap_freetuple(new);
	}
	ReleaseSysCache(old);
}

/*
 * after_create -- check the parameters of an index of a partitioned table.  Any other is built next.
 */
static void
after_create(Oid oid)
{
	HeapTuple	row;
	Form_pg_class form;
	const OhOptionMethod *method;

	/* an upgrade takes what there is */
	if (IsBinaryUpgrade)
		return;
	row = new_row(oid);
	if (row == NULL)
		return;
	form = (Form_pg_class) GETSTRUCT(row);
	method = form->relkind == RELKIND_PARTITIONED_INDEX ? method_of(form->relam) : NULL;
	if (method != NULL)
	{
		/* index_create() does this next; before it, nobody knows the operator classes */
		CommandCounterIncrement();
		check(method, oid, options_of(row));
	}
	heap_freetuple(row);
}

static void
on_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (next_hook != NULL)
		next_hook(access, class_id, object_id, sub_id, arg);
	if (class_id != RelationRelationId || sub_id != 0)
		return;
	if (access == OAT_POST_ALTER)
		after_alter(object_id);
	else if (access == OAT_POST_CREATE)
		after_create(object_id);
}

void
OhWatchOptions(const OhOptionMethod *method)
{
	Assert(nmethods < MOST_METHODS);
	if (nmethods == 0)
	{
		next_hook = object_access_hook;
		object_access_hook = on_access;
	}
	methods[nmethods++] = method;
}
