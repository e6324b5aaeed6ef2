/*
 * sphere.c -- conditions "within a radius of a center": sphere() and the operators <<->>
 * <<#>> <<=>> <<+>>, and <<-> <<#> <<=> <<+>, which the planner derives from bounds of
 * distances (bound.c).
 *
 * Each operator is the distance operator that it is named after, combined with "< radius".
 * The distance is computed by the same function, so that both forms of a condition agree to
 * the last bit.  A type has a line here for each of its distances.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "types/halfvec.h"
#include "types/sparsevec.h"
#include "types/sphere.h"
#include "types/vector.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varbit.h"

OM_FUNCTION(om_sphere);
OM_FUNCTION(om_within_sel);

/*
 * A histogram of fewer than LEAST_HISTOGRAM vectors is not used; one of FULL_HISTOGRAM has
 * full weight.
 */
#define LEAST_HISTOGRAM 10
#define FULL_HISTOGRAM 100

/*
 * The assumed fraction of rows within a sphere if nothing is known, and the least one
 * otherwise.  It is small because an index that finds too many rows loses a factor of ten,
 * but a sequential scan that finds none may lose any factor.  Chosen, not measured.
 */
#define UNKNOWN_SELECTIVITY 0.001

/*
 * om_sphere -- sphere(center, radius double precision).
 *
 * A negative radius makes sense for <#>, the negative inner product; no other distance is
 * below it.
 */
Datum
om_sphere(PG_FUNCTION_ARGS)
{
	double		radius = PG_GETARG_FLOAT8(1);
	TupleDesc	desc = fcinfo->flinfo->fn_extra;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (isnan(radius))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("radius of a sphere cannot be NaN")));
	if (desc == NULL)
	{
		MemoryContext old;

		if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != 2)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("type of a sphere does not consist of a center and a radius")));
		old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		desc = BlessTupleDesc(CreateTupleDescCopy(desc));
		MemoryContextSwitchTo(old);
		fcinfo->flinfo->fn_extra = desc;
	}
	values[0] = PG_GETARG_DATUM(0);
	values[1] = Float8GetDatum(radius);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

/*
 * has_layout -- is this the wanted type, or pgvector's type of that name, which has the
 * same layout?  Only a superuser can create base types, and operators for them.
 */
static bool
has_layout(Oid type, Oid wanted)
{
	HeapTuple	a;
	HeapTuple	b;
	bool		same;

	if (type == wanted)
		return true;
	a = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	b = SearchSysCache1(TYPEOID, ObjectIdGetDatum(wanted));
	same = HeapTupleIsValid(a) && HeapTupleIsValid(b) &&
		((Form_pg_type) GETSTRUCT(a))->typtype == TYPTYPE_BASE &&
		((Form_pg_type) GETSTRUCT(b))->typtype == TYPTYPE_BASE &&
		namestrcmp(&((Form_pg_type) GETSTRUCT(a))->typname,
				   NameStr(((Form_pg_type) GETSTRUCT(b))->typname)) == 0;
	if (HeapTupleIsValid(a))
		ReleaseSysCache(a);
	if (HeapTupleIsValid(b))
		ReleaseSysCache(b);
	return same;
}

/*
 * check_parts -- raise an error if somebody has altered the composite type.
 */
static void
check_parts(TupleDesc desc, Oid type)
{
	if (desc->natts < 2 || desc->natts > 3 ||
		!has_layout(TupleDescAttr(desc, 0)->atttypid, type) ||
		TupleDescAttr(desc, 1)->atttypid != FLOAT8OID ||
		(desc->natts == 3 && TupleDescAttr(desc, 2)->atttypid != BOOLOID))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("type %s does not consist of a center and a radius",
						format_type_be(desc->tdtypeid))));
}

bool
om_sphere_read(Datum value, Oid type, OmSphere *sphere)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											  HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;
	Datum		center;
	Datum		radius;
	Datum		unordered = BoolGetDatum(false);
	bool		no_center;
	bool		no_radius;
	bool		no_unordered = false;

	check_parts(desc, type);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	center = heap_getattr(&tuple, 1, desc, &no_center);
	radius = heap_getattr(&tuple, 2, desc, &no_radius);
	if (desc->natts == 3)
		unordered = heap_getattr(&tuple, 3, desc, &no_unordered);
	ReleaseTupleDesc(desc);
	if (no_center || no_radius || no_unordered)
		return false;

	sphere->center = center;
	sphere->radius = DatumGetFloat8(radius);
	sphere->unordered = DatumGetBool(unordered);
	return true;
}

/* A distance function, and a function that reads a value's dimensions. */
typedef struct Distance
{
	PGFunction	function;
	int			(*dim) (Datum value);
} Distance;

/* State of one call site. */
typedef struct WithinState
{
	Oid			type;			/* type of the operator's left argument */
	bool		any_dim;		/* a value with other dimensions is not within, instead of an error */
} WithinState;

static WithinState *
within_state(FmgrInfo *flinfo)
{
	WithinState *state = flinfo->fn_extra;

	if (state == NULL)
	{
		Oid		   *types;
		int			n;

		(void) get_func_signature(flinfo->fn_oid, &types, &n);
		state = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(WithinState));
		state->type = types[0];
		pfree(types);
		flinfo->fn_extra = state;
	}
	return state;
}

/*
 * within -- is a value within a sphere?  NULL if a part of the sphere is NULL.
 */
static Datum
within(FunctionCallInfo fcinfo, const Distance *distance)
{
	WithinState *state = within_state(fcinfo->flinfo);
	OmSphere	sphere;
	Datum		value;

	if (!om_sphere_read(PG_GETARG_DATUM(1), state->type, &sphere))
		PG_RETURN_NULL();
	value = PointerGetDatum(PG_DETOAST_DATUM(PG_GETARG_DATUM(0)));
	sphere.center = PointerGetDatum(PG_DETOAST_DATUM(sphere.center));
	if (state->any_dim && distance->dim(value) != distance->dim(sphere.center))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(om_sphere_holds(&sphere, DatumGetFloat8(DirectFunctionCall2(distance->function,
																			   value,
																			   sphere.center))));
}

#define OM_WITHIN(name, distance, dim) \
	extern Datum distance(PG_FUNCTION_ARGS); \
	OM_FUNCTION(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		static const Distance d = {distance, dim}; \
		\
		return within(fcinfo, &d); \
	}

static int
vector_dim(Datum value)
{
	return DatumGetOmVector(value)->dim;
}

OM_WITHIN(om_vector_within_l2, om_l2_distance, vector_dim)
OM_WITHIN(om_vector_within_ip, om_vector_negative_inner_product, vector_dim)
OM_WITHIN(om_vector_within_cosine, om_cosine_distance, vector_dim)
OM_WITHIN(om_vector_within_l1, om_l1_distance, vector_dim)

static int
halfvec_dim(Datum value)
{
	return DatumGetOmHalfvec(value)->dim;
}

OM_WITHIN(om_halfvec_within_l2, om_halfvec_l2_distance, halfvec_dim)
OM_WITHIN(om_halfvec_within_ip, om_halfvec_negative_inner_product, halfvec_dim)
OM_WITHIN(om_halfvec_within_cosine, om_halfvec_cosine_distance, halfvec_dim)
OM_WITHIN(om_halfvec_within_l1, om_halfvec_l1_distance, halfvec_dim)

static int
sparsevec_dim(Datum value)
{
	return DatumGetOmSparsevec(value)->dim;
}

OM_WITHIN(om_sparsevec_within_l2, om_sparsevec_l2_distance, sparsevec_dim)
OM_WITHIN(om_sparsevec_within_ip, om_sparsevec_negative_inner_product, sparsevec_dim)
OM_WITHIN(om_sparsevec_within_cosine, om_sparsevec_cosine_distance, sparsevec_dim)
OM_WITHIN(om_sparsevec_within_l1, om_sparsevec_l1_distance, sparsevec_dim)

static int
bit_dim(Datum value)
{
	return VARBITLEN(DatumGetVarBitP(value));
}

OM_WITHIN(om_bit_within_hamming, om_hamming_distance, bit_dim)
OM_WITHIN(om_bit_within_jaccard, om_jaccard_distance, bit_dim)

/* ---- selectivity ---- */

/*
 * sample_selectivity -- the fraction of the values kept by ANALYZE that are within a
 * sphere.
 */
static double
sample_selectivity(VariableStatData *vardata, Oid operator, Oid collation, Datum sphere,
				   bool varonleft)
{
	Form_pg_statistic stats = (Form_pg_statistic) GETSTRUCT(vardata->statsTuple);
	FmgrInfo	proc;
	WithinState *state;
	OmSphere	parts;
	double		common;			/* fraction of rows whose value is among the most common ones */
	double		selectivity;	/* fraction of these that are within */
	double		rest;			/* fraction of the other rows that are within */
	int			n;

	fmgr_info(get_opcode(operator), &proc);
	state = within_state(&proc);
	if (!om_sphere_read(sphere, state->type, &parts))
		return 0;
	/* the statistics may contain values of any dimensions */
	state->any_dim = true;

	selectivity = mcv_selectivity(vardata, &proc, collation, sphere, varonleft, &common);
	rest = histogram_selectivity(vardata, &proc, collation, sphere, varonleft,
								 LEAST_HISTOGRAM, 0, &n);
	if (rest < 0)
		rest = UNKNOWN_SELECTIVITY;
	else
	{
		/* a sample with none or one value within may stand for many rows */
		double		weight = Min((double) n / FULL_HISTOGRAM, 1.0);

		rest = Max(rest, UNKNOWN_SELECTIVITY) * weight + UNKNOWN_SELECTIVITY * (1.0 - weight);
	}
	return selectivity + rest * Max(1.0 - stats->stanullfrac - common, 0.0);
}

/*
 * om_within_sel -- restriction selectivity of the operators.
 *
 * ANALYZE keeps vectors of up to 254 dimensions.  For longer ones, and for a sphere that is
 * not known at planning time, a constant is used.
 */
Datum
om_within_sel(PG_FUNCTION_ARGS)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	Oid			operator = PG_GETARG_OID(1);
	List	   *args = (List *) PG_GETARG_POINTER(2);
	int			varrelid = PG_GETARG_INT32(3);
	VariableStatData vardata;
	Node	   *other;
	bool		varonleft;
	double		selectivity = UNKNOWN_SELECTIVITY;

	if (!get_restriction_variable(root, args, varrelid, &vardata, &other, &varonleft))
		PG_RETURN_FLOAT8(selectivity);
	if (IsA(other, Const) && ((Const *) other)->constisnull)
		selectivity = 0;
	else if (IsA(other, Const) && varonleft && HeapTupleIsValid(vardata.statsTuple))
		selectivity = sample_selectivity(&vardata, operator, PG_GET_COLLATION(),
										 ((Const *) other)->constvalue, varonleft);
	ReleaseVariableStats(vardata);
	CLAMP_PROBABILITY(selectivity);
	PG_RETURN_FLOAT8(selectivity);
}
