/*
 * cumulative.c -- counters of indexes, added up over sessions.
 *
 * If the postmaster has preloaded the library, and PostgreSQL has statistics of extensions
 * (18), they are there: keptstats.c.  The rest of this file is for other cases.
 *
 * A transaction adds to its own counters (OhCount()). These are added to the totals when it
 * ends, whether it commits or not.  If the postmaster has preloaded the library, the totals
 * are in shared memory, in a table of fixed size, where a new entry replaces the one that
 * was used least recently.  Otherwise they are in the backend.  A restart or a crash resets
 * them, as the time of the last reset shows.  An entry outlives its index; the views ignore
 * it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "hnsw/stats/counters.h"
#include "hnsw/stats/keptstats.h"

/* Indexes of all databases whose totals are kept. */
#define MOST_INDEXES 4096

#define TRANCHE "omenhnsw_statistics"
/* Columns of omendb_stat_counters() in addition to the counters. */
#define OTHER_COLUMNS 3

OM_FUNCTION(om_stat_counters);
OM_FUNCTION(om_stat_reset);

typedef struct IndexKey
{
	Oid			database;
	Oid			index;
} IndexKey;

/* Totals of an index. */
typedef struct Totals
{
	IndexKey	key;			/* hash key */
	slock_t		mutex;			/* protects the following fields, if in shared memory */
	int64		count[OH_NCOUNTERS];
	TimestampTz used;
	TimestampTz reset;
} Totals;

/* Counters that a transaction has yet to add. */
typedef struct Pending
{
	Oid			index;			/* hash key */
	int64		count[OH_NCOUNTERS];
} Pending;

/* Held in shared mode to add to an entry, in exclusive mode to add or remove one. */
static LWLock *lock = NULL;
static HTAB *totals = NULL;
static HTAB *pending = NULL;
static bool any_pending = false;

static shmem_request_hook_type next_request = NULL;
static shmem_startup_hook_type next_startup = NULL;

static void
request(void)
{
	if (next_request)
		next_request();
	RequestAddinShmemSpace(hash_estimate_size(MOST_INDEXES, sizeof(Totals)));
	RequestNamedLWLockTranche(TRANCHE, 1);
}

static void
startup(void)
{
	HASHCTL		ctl = {.keysize = sizeof(IndexKey), .entrysize = sizeof(Totals)};

	if (next_startup)
		next_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	lock = &GetNamedLWLockTranche(TRANCHE)->lock;
	totals = ShmemInitHash("omenhnsw statistics", MOST_INDEXES, MOST_INDEXES, &ctl, HASH_ELEM | HASH_BLOBS);
	LWLockRelease(AddinShmemInitLock);
}

void
OhStatsInit(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	OhKeptInit();
	if (OhKept())
		return;
	next_request = shmem_request_hook;
	shmem_request_hook = request;
	next_startup = shmem_startup_hook;
	shmem_startup_hook = startup;
}

static inline void
acquire(LWLockMode mode)
{
	if (lock != NULL)
		LWLockAcquire(lock, mode);
}

static inline void
release(void)
{
	if (lock != NULL)
		LWLockRelease(lock);
}

/*
 * forget_oldest -- remove the entry that was used least recently; the lock is held exclusively.
 */
static void
forget_oldest(void)
{
	HASH_SEQ_STATUS seq;
	Totals	   *t;
	Totals	   *oldest = NULL;

	hash_seq_init(&seq, totals);
	while ((t = hash_seq_search(&seq)) != NULL)
	{
		if (oldest == NULL || t->used < oldest->used)
			oldest = t;
	}
	if (oldest != NULL)
		(void) hash_search(totals, &oldest->key, HASH_REMOVE, NULL);
}

/*
 * find_totals -- find or create the totals of an index.  The lock must be held; it is taken
 * in exclusive mode if an entry must be created.
 */
static Totals *
find_totals(const IndexKey *key)
{
	Totals	   *t = hash_search(totals, key, HASH_FIND, NULL);
	bool		found;

	if (t != NULL)
		return t;
	release();
	acquire(LW_EXCLUSIVE);
	if (hash_get_num_entries(totals) >= MOST_INDEXES)
		forget_oldest();
	/*
	 * a table in this process cannot do without an error where there is no memory: OhCount() is
	 * the first to come
	 */
	t = hash_search(totals, key, lock != NULL ? HASH_ENTER_NULL : HASH_ENTER, &found);
	if (t != NULL && !found)
	{
		memset((char *) t + sizeof(IndexKey), 0, sizeof(Totals) - sizeof(IndexKey));
		SpinLockInit(&t->mutex);
		t->reset = t->used = GetCurrentTimestamp();
	}
	return t;
}

static void
make_own_totals(void)
{
	HASHCTL		ctl = {.keysize = sizeof(IndexKey), .entrysize = sizeof(Totals), .hcxt = TopMemoryContext};

	if (totals == NULL)
		totals = hash_create("omenhnsw statistics", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/*
 * flush -- add the pending counters to the totals.
 */
static void
flush(void)
{
	HASH_SEQ_STATUS seq;
	Pending    *p;
	TimestampTz now;

	if (!any_pending)
		return;
	any_pending = false;
	make_own_totals();
	now = GetCurrentTimestamp();
	acquire(LW_SHARED);
	hash_seq_init(&seq, pending);
	while ((p = hash_seq_search(&seq)) != NULL)
	{
		IndexKey	key = {MyDatabaseId, p->index};
		Totals	   *t = find_totals(&key);

		if (t != NULL)
		{
			SpinLockAcquire(&t->mutex);
			for (int i = 0; i < OH_NCOUNTERS; i++)
				t->count[i] += p->count[i];
			t->used = now;
			SpinLockRelease(&t->mutex);
		}
		(void) hash_search(pending, &p->index, HASH_REMOVE, NULL);
	}
	release();
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE ||
		event == XACT_EVENT_PARALLEL_COMMIT || event == XACT_EVENT_PARALLEL_ABORT)
		flush();
}

int64 *
OhCount(Relation index)
{
	Oid			oid = RelationGetRelid(index);
	Pending    *p;

	if (OhKept())
		return OhKeptCount(oid);
	if (pending == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(Pending), .hcxt = TopMemoryContext};

		pending = hash_create("omenhnsw pending statistics", 16, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		RegisterXactCallback(at_transaction_end, NULL);
	}
	p = hash_search(pending, &oid, HASH_FIND, NULL);
	if (p == NULL)
	{
		/* at the end of a transaction an error would come too late */
		if (lock == NULL)
		{
			make_own_totals();
			(void) find_totals(&(IndexKey) {MyDatabaseId, oid});
		}
		p = hash_search(pending, &oid, HASH_ENTER, NULL);
		memset(p->count, 0, sizeof(p->count));
	}
	any_pending = true;
	return p->count;
}

void
OhCountVacuum(Relation index, instr_time from, OhCounter counter, int64 n)
{
	instr_time	now;
	int64	   *count = OhCount(index);

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, from);
	count[OH_COUNT_VACUUM_US] += (int64) INSTR_TIME_GET_MICROSEC(now);
	count[counter] += n;
}

/*
 * put -- add a row of omendb_stat_counters().
 */
static void
put(ReturnSetInfo * result, Oid index, const int64 *count, TimestampTz reset)
{
	Datum		values[OH_NCOUNTERS + OTHER_COLUMNS];
	bool		nulls[OH_NCOUNTERS + OTHER_COLUMNS] = {false};
	int			i = 0;

	values[i++] = ObjectIdGetDatum(index);
	for (int c = 0; c < OH_NCOUNTERS; c++)
		values[i++] = Int64GetDatum(count[c]);
	values[i++] = TimestampTzGetDatum(reset);
	values[i++] = BoolGetDatum(OhKept() || lock != NULL);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * put_kept -- all rows, where PostgreSQL keeps the counters.
 */
static void
put_kept(ReturnSetInfo * result)
{
	ListCell   *lc;

	foreach(lc, OhKeptIndexes())
	{
		OhTotals	kept;

		if (OhKeptTotals(lfirst_oid(lc), &kept))
			put(result, lfirst_oid(lc), kept.count, kept.reset);
	}
}

/*
 * put_totals -- all rows, where they are in the table of this file.
 */
static void
put_totals(ReturnSetInfo * result)
{
	HASH_SEQ_STATUS seq;
	Totals	   *t;

	make_own_totals();
	flush();
	acquire(LW_SHARED);
	hash_seq_init(&seq, totals);
	while ((t = hash_seq_search(&seq)) != NULL)
	{
		Totals		copy;

		if (t->key.database != MyDatabaseId)
			continue;
		SpinLockAcquire(&t->mutex);
		copy = *t;
		SpinLockRelease(&t->mutex);
		put(result, copy.key.index, copy.count, copy.reset);
	}
	release();
}

/*
 * om_stat_counters -- omendb_stat_counters(): the totals of the indexes of this database.
 */
Datum
om_stat_counters(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	if (result->setDesc->natts != OH_NCOUNTERS + OTHER_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("function does not return the expected row type"),
				 errhint("Run ALTER EXTENSION omendb UPDATE.")));
	if (OhKept())
		put_kept(result);
	else
		put_totals(result);
	return (Datum) 0;
}

/*
 * reset_totals -- set the counters of an index, or of all of this database, to zero.
 */
static void
reset_totals(Oid index)
{
	HASH_SEQ_STATUS seq;
	Totals	   *t;
	TimestampTz now = GetCurrentTimestamp();

	make_own_totals();
	flush();
	acquire(LW_EXCLUSIVE);
	hash_seq_init(&seq, totals);
	while ((t = hash_seq_search(&seq)) != NULL)
	{
		if (t->key.database != MyDatabaseId || (OidIsValid(index) && t->key.index != index))
			continue;
		memset(t->count, 0, sizeof(t->count));
		t->reset = now;
	}
	release();
}

/*
 * om_stat_reset -- omendb_stat_reset(index regclass); NULL means all indexes of this
 * database.
 */
Datum
om_stat_reset(PG_FUNCTION_ARGS)
{
	Oid			index = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	ListCell   *lc;

	if (!OhKept())
		reset_totals(index);
	else if (OidIsValid(index))
		OhKeptReset(index);
	else
	{
		foreach(lc, OhKeptIndexes())
			OhKeptReset(lfirst_oid(lc));
	}
	PG_RETURN_VOID();
}
