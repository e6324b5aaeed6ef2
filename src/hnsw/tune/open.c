/*
 * open.c -- opens indexes for functions that read them with the caller's privileges.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/index.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "hnsw/check/check.h"
#include "hnsw/tune/tune.h"

/*
 * check_sees_all -- raise an error if row security policies apply to the caller: a figure
 * about all rows must not be given to somebody who may see only some of them.
 */
static void
check_sees_all(Relation heap)
{
	if (check_enable_rls(RelationGetRelid(heap), InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row security policies of table \"%s\" apply to the current user",
						RelationGetRelationName(heap)),
				 errdetail("Figures of an index are those of all rows."),
				 errhint("Call the function as the table's owner or as a role with BYPASSRLS.")));
}

void
OhOpenToUse(Oid index_oid, OhOpened *opened)
{
	Oid			heap_oid = IndexGetRelation(index_oid, true);
	Relation	index;

	/* check privileges before waiting for a lock */
	if (OidIsValid(heap_oid) && pg_class_aclcheck(heap_oid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(heap_oid));
	/* lock the table before the index, like everybody else */
	opened->heap = OidIsValid(heap_oid) ? OhOpenRelation(heap_oid, AccessShareLock) : NULL;
	opened->index = index = OhOpenRelation(index_oid, AccessShareLock);
	OhCheckRelation(index);
	if (opened->heap == NULL || heap_oid != IndexGetRelation(index_oid, true))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("could not open the table of index \"%s\"", RelationGetRelationName(index))));
	if (!index->rd_index->indisvalid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not valid", RelationGetRelationName(index)),
				 errhint("REINDEX it, or wait for its build.")));
	if (index->rd_index->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" cannot be used by this transaction yet", RelationGetRelationName(index)),
				 errhint("Wait for transactions that are older than the index.")));
	opened->ix = OhIndexOpen(index);
}

void
OhOpenToRead(Oid index_oid, OhOpened *opened)
{
	OhOpenToUse(index_oid, opened);
	check_sees_all(opened->heap);
}

void
OhOpenedClose(OhOpened *opened)
{
	relation_close(opened->index, AccessShareLock);
	table_close(opened->heap, AccessShareLock);
}
