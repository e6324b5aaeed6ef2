/*
 * alter.c -- says that a changed storage parameter waits for a REINDEX.
 *
 * An index goes on as it was built, which ALTER INDEX ... SET by itself does not
 * say.  It calls amoptions with the new values, and object_access_hook after the
 * catalog's change, when the relation cache still has the old ones: so ohoptions
 * leaves the new values here, and the hook compares.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"

#include "compat.h"
#include "hnsw/hnsw.h"

static object_access_hook_type next_hook = NULL;

/* What amoptions has last validated, and in which statement. */
static OhOptions validated;
static bool has_validated = false;
static TimestampTz validated_at;

/*
 * OhNoteOptions -- options have been parsed; NULL if there are none.
 */
void
OhNoteOptions(const OhOptions *options, bool validate)
{
	/* not validated: the relation cache loads an index, so that it is no ALTER */
	has_validated = validate;
	if (!validate)
		return;
	OhDefaultOptions(&validated);
	if (options != NULL)
		validated = *options;
	validated_at = GetCurrentStatementStartTimestamp();
}

static bool
same_options(const OhOptions *a, const OhOptions *b)
{
	return a->m == b->m && a->ef_construction == b->ef_construction &&
		a->quantizer == b->quantizer && a->bits == b->bits && a->subvectors == b->subvectors;
}

static void
report_change(Oid index_oid)
{
	/* whoever alters it holds a lock */
	Relation	index = relation_open(index_oid, NoLock);
	OhOptions	old;

	OhDefaultOptions(&old);
	if (index->rd_options != NULL && OhIsIndex(index))
		old = *(const OhOptions *) index->rd_options;
	if (OhIsIndex(index) && !same_options(&old, &validated))
		ereport(NOTICE,
				(errmsg("index \"%s\" goes on as it was built", RelationGetRelationName(index)),
				 errdetail("Changed storage parameters of an omenhnsw index count from its next REINDEX on."),
				 errhint("REINDEX INDEX CONCURRENTLY rebuilds it without blocking writes.")));
	relation_close(index, NoLock);
}

static void
on_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (next_hook != NULL)
		next_hook(access, class_id, object_id, sub_id, arg);
	if (!has_validated || access != OAT_POST_ALTER || class_id != RelationRelationId ||
		sub_id != 0)
		return;
	has_validated = false;
	if (validated_at == GetCurrentStatementStartTimestamp())
		report_change(object_id);
}

/*
 * OhAlterInit -- the load function calls it once.
 */
void
OhAlterInit(void)
{
	next_hook = object_access_hook;
	object_access_hook = on_access;
}
