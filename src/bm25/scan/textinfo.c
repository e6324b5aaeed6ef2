/*
 * textinfo.c -- omendb_text_info(): the options that an index was built with, and its
 * statistics.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/index.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "bm25/scan/statistics.h"
#include "compat.h"

#define INFO_COLUMNS 9

OM_FUNCTION(om_text_info);

Datum
om_text_info(PG_FUNCTION_ARGS)
{
	Oid			heap_oid = IndexGetRelation(PG_GETARG_OID(0), true);
	Relation	index;
	OhTextQuery nothing = {0};
	OhTextList *list = palloc(sizeof(OhTextList));
	OhTailMatches tail;
	OhText	   *ix;
	double		ndocs;
	double		length;
	TupleDesc	desc;
	Datum		values[INFO_COLUMNS];
	bool		nulls[INFO_COLUMNS] = {false};
	BlockNumber npages;
	int			i = 0;

	/* check privileges before waiting for a lock */
	if (OidIsValid(heap_oid) && pg_class_aclcheck(heap_oid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(heap_oid));
	index = OhOpenNamedIndex(PG_GETARG_OID(0));
	if (index->rd_rel->relkind != RELKIND_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("index \"%s\" is partitioned and has no contents", RelationGetRelationName(index)),
				 errhint("Look at the index of each partition.")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != INFO_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("function does not return the expected row type"),
				 errhint("Run ALTER EXTENSION omendb UPDATE.")));
	ix = OhTextOpen(index);
	do
	{
		OhTextReadList(ix, list);
	} while (!OhTailCollect(ix, list, &nothing, &tail));
	ndocs = tail.ndocs;
	length = tail.length;
	for (int s = 0; s < list->nsegments; s++)
	{
		ndocs += list->segment[s].ndocs;
		length += list->segment[s].length;
	}
	npages = RelationGetNumberOfBlocks(index);
	values[i++] = CStringGetTextDatum(psprintf("%s.%s", quote_identifier(ix->config_schema),
											   quote_identifier(ix->config_name)));
	values[i++] = Float8GetDatum(ix->scoring.k1);
	values[i++] = Float8GetDatum(ix->scoring.b);
	values[i++] = Int64GetDatum((int64) ndocs);
	nulls[i] = ndocs == 0;
	values[i++] = Float8GetDatum(ndocs > 0 ? length / ndocs : 0);
	values[i++] = Int32GetDatum(list->nsegments);
	values[i++] = Int64GetDatum(tail.ndocs);
	values[i++] = Int64GetDatum(npages);
	values[i++] = Int64GetDatum((int64) npages * BLCKSZ);
	Assert(i == INFO_COLUMNS);
	relation_close(index, AccessShareLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
