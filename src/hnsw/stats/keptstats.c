/*
 * keptstats.c -- counters of indexes among PostgreSQL's own cumulative statistics.
 *
 * PostgreSQL adds what a session has counted to shared memory, as it does for tables: after a
 * transaction, once a second at most, and when the session ends.  It writes all statistics to
 * a file when it stops, and begins again after a crash.  An entry goes with its index, or
 * with its database.
 *
 * The file has a number for each kind, and no version: a kind must keep the size of its
 * entries, and the order of its counters (OhCounter), for as long as it has this number.
 */
#include "postgres.h"

#include "hnsw/stats/keptstats.h"

#ifdef OM_HAS_STATISTICS_KINDS

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/lsyscache.h"
#include "utils/pgstat_internal.h"
#include "utils/timestamp.h"

#include "hnsw/options.h"

/* Room for counters to come. */
#define MOST_COUNTERS 32

StaticAssertDecl(OH_NCOUNTERS <= MOST_COUNTERS, "an entry has room for all counters");

/* What is kept, and written to the file. */
typedef struct Kept
{
	int64		count[MOST_COUNTERS];
	TimestampTz reset;
} Kept;

typedef struct SharedKept
{
	PgStatShared_Common header;
	Kept		kept;
} SharedKept;

/* Number of the kind; 0: it is not registered. */
static PgStat_Kind kind = PGSTAT_KIND_INVALID;

static object_access_hook_type next_hook = NULL;

/*
 * add_pending -- add a session's counters to those in shared memory.
 */
static bool
add_pending(PgStat_EntryRef * entry, bool nowait)
{
	SharedKept *shared = (SharedKept *) entry->shared_stats;
	const int64 *count = entry->pending;

	if (!pgstat_lock_entry(entry, nowait))
		return false;
	for (int i = 0; i < OH_NCOUNTERS; i++)
		shared->kept.count[i] += count[i];
	pgstat_unlock_entry(entry);
	return true;
}

static void
set_reset_time(PgStatShared_Common * header, TimestampTz time)
{
	((SharedKept *) header)->kept.reset = time;
}

static const PgStat_KindInfo kind_info = {
	.name = "omenhnsw",
	.fixed_amount = false,
	.write_to_file = true,
	.shared_size = sizeof(SharedKept),
	.shared_data_off = offsetof(SharedKept, kept),
	.shared_data_len = sizeof(Kept),
	.pending_size = sizeof(int64) * OH_NCOUNTERS,
	.flush_pending_cb = add_pending,
	.reset_timestamp_cb = set_reset_time,
};

/*
 * on_drop -- the counters of an index go with it, when the transaction commits.
 */
static void
on_drop(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (next_hook != NULL)
		next_hook(access, class_id, object_id, sub_id, arg);
	if (access == OAT_DROP && class_id == RelationRelationId && sub_id == 0 &&
		get_rel_relkind(object_id) == RELKIND_INDEX && OhIsOurMethod(get_rel_relam(object_id)))
		pgstat_drop_transactional(kind, MyDatabaseId, object_id);
}

void
OhKeptInit(void)
{
	PgStat_Kind number = oh_statistics_kind;

	if (number == PGSTAT_KIND_INVALID)
		return;
	if (!pgstat_is_kind_custom(number) || pgstat_get_kind_info(number) != NULL)
	{
		ereport(WARNING,
				(errmsg("counters of omenhnsw indexes are not kept: kind %u of cumulative statistics is not free", number),
				 errhint("Set omenhnsw.statistics_kind to another number from %d to %d.", PGSTAT_KIND_CUSTOM_MIN, PGSTAT_KIND_CUSTOM_MAX)));
		return;
	}
	pgstat_register_kind(number, &kind_info);
	kind = number;
	next_hook = object_access_hook;
	object_access_hook = on_drop;
}

bool
OhKept(void)
{
	return kind != PGSTAT_KIND_INVALID;
}

int64 *
OhKeptCount(Oid index)
{
	bool		created = false;
	PgStat_EntryRef *entry = pgstat_prep_pending_entry(kind, MyDatabaseId, index, &created);

	if (created)
	{
		(void) pgstat_lock_entry(entry, false);
		set_reset_time(entry->shared_stats, GetCurrentTimestamp());
		pgstat_unlock_entry(entry);
	}
	return entry->pending;
}

List *
OhKeptIndexes(void)
{
	Relation	pg_class = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(pg_class, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	List	   *list = NIL;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		/* access methods of PostgreSQL have lower numbers */
		if (form->relkind == RELKIND_INDEX && form->relam >= FirstNormalObjectId)
			list = lappend_oid(list, form->oid);
	}
	systable_endscan(scan);
	table_close(pg_class, AccessShareLock);
	return list;
}

bool
OhKeptTotals(Oid index, OhTotals *totals)
{
	const Kept *kept = pgstat_fetch_entry(kind, MyDatabaseId, index);
	PgStat_EntryRef *entry;

	if (kept == NULL)
		return false;
	memcpy(totals->count, kept->count, sizeof(totals->count));
	totals->reset = kept->reset;
	entry = pgstat_fetch_pending_entry(kind, MyDatabaseId, index);
	for (int i = 0; entry != NULL && i < OH_NCOUNTERS; i++)
		totals->count[i] += ((const int64 *) entry->pending)[i];
	return true;
}

void
OhKeptReset(Oid index)
{
	PgStat_EntryRef *entry = pgstat_fetch_pending_entry(kind, MyDatabaseId, index);

	if (entry != NULL)
		memset(entry->pending, 0, kind_info.pending_size);
	pgstat_reset_entry(kind, MyDatabaseId, index, GetCurrentTimestamp());
}

#endif							/* OM_HAS_STATISTICS_KINDS */
