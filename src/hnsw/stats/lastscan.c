/*
 * lastscan.c -- omendb_last_scan(): counters of the session's last scan.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "compat.h"
#include "hnsw/stats/counters.h"

#define LAST_SCAN_COLUMNS 16

OM_FUNCTION(om_last_scan);

bool		oh_measuring = false;

static OhScanCounters last;
static Oid	last_index = InvalidOid;

const char *
OhStrategyName(OhStrategy strategy)
{
	static const char *const name[] = {
		[OH_BY_NOTHING] = "none",
		[OH_BY_WALK] = "walk",
		[OH_BY_SWEEP] = "sweep",
		[OH_BY_WALK_AND_SWEEP] = "walk, then sweep",
		[OH_BY_ARRAY] = "unordered",
	};

	return name[strategy];
}

const char *
OhReasonName(OhReason reason)
{
	static const char *const name[] = {
		[OH_AS_CONDITIONS_NEVER_MATCH] = "no row can match",
		[OH_AS_NO_CONDITIONS] = "no conditions on filter columns",
		[OH_AS_MANY_MATCH] = "many nodes match",
		[OH_AS_FEW_NODES] = "few nodes",
		[OH_AS_FEW_MATCH] = "few nodes match",
		[OH_AS_GIVEN_UP] = "the walk met few nodes that match",
		[OH_AS_READ_ON] = "read on past the walk",
		[OH_AS_NO_ORDER] = "the value searched for orders nothing",
	};

	return name[reason];
}

/*
 * add_to_index -- add a scan's counters to those of its index.
 */
static void
add_to_index(Relation index, const OhScanCounters *c)
{
	int64	   *count = OhCount(index);

	count[OH_COUNT_SCANS] += c->searches;
	count[OH_COUNT_ROWS] += c->rows;
	count[OH_COUNT_HOPS] += c->hops;
	count[OH_COUNT_COMPARED] += c->compared;
	count[OH_COUNT_REFINED] += c->refined;
	count[OH_COUNT_FETCHED] += c->fetched;
	count[OH_COUNT_LATE] += c->late;
	count[OH_COUNT_TESTED] += c->tested;
	count[OH_COUNT_WALKS] += c->walks;
	count[OH_COUNT_SWEEPS] += c->sweeps;
	count[OH_COUNT_BOTH] += c->both;
	count[OH_COUNT_PASSES] += c->passes;
	count[OH_COUNT_SCAN_US] += (int64) INSTR_TIME_GET_MICROSEC(c->time);
}

void
OhNoteScan(Relation index, const OhScanCounters *counters)
{
	if (counters->searches == 0 || oh_measuring)
		return;
	last = *counters;
	last_index = RelationGetRelid(index);
	add_to_index(index, counters);
}

/*
 * om_last_scan -- omendb_last_scan(); a row of NULLs before the first scan.
 */
Datum
om_last_scan(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[LAST_SCAN_COLUMNS];
	bool		nulls[LAST_SCAN_COLUMNS] = {false};
	int			i = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != LAST_SCAN_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("function does not return the expected row type"),
				 errhint("Run ALTER EXTENSION omendb UPDATE.")));
	if (!OidIsValid(last_index))
	{
		memset(nulls, true, sizeof(nulls));
		PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
	}
	values[i++] = ObjectIdGetDatum(last_index);
	values[i++] = Int32GetDatum(last.ef);
	values[i++] = CStringGetTextDatum(OhEfSourceName(last.ef_source));
	values[i++] = CStringGetTextDatum(OhStrategyName(last.strategy));
	values[i++] = CStringGetTextDatum(OhReasonName(last.reason));
	values[i++] = Int64GetDatum(last.searches);
	values[i++] = Int64GetDatum(last.rows);
	values[i++] = Int64GetDatum(last.hops);
	values[i++] = Int64GetDatum(last.compared);
	values[i++] = Int64GetDatum(last.refined);
	values[i++] = Int64GetDatum(last.fetched);
	values[i++] = Int64GetDatum(last.late);
	values[i++] = Int64GetDatum(last.passes);
	values[i++] = Int64GetDatum(last.tested);
	values[i++] = Int64GetDatum(last.filter_pages);
	nulls[i] = INSTR_TIME_IS_ZERO(last.time);
	values[i++] = Float8GetDatum(INSTR_TIME_GET_MILLISEC(last.time));
	Assert(i == LAST_SCAN_COLUMNS);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
