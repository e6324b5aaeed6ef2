/*
 * exact.c -- aggregate omendb_nearest_distances(): the distances of the k nearest rows to
 * each of several queries, in one pass over a table.
 *
 * Indexes are measured against its result.  A row is detoasted once for all queries, and
 * the pass may be parallel.  Nothing here knows about indexes: the operator's function
 * computes the distances.
 *
 * The state is the result itself, float8[queries][k]: a heap for each query, with the
 * farthest distance first, and infinity for places without a row.  Everybody may call these
 * functions, and make aggregates of them: a state is checked wherever it is read.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "compat.h"
#include "hnsw/tune/tune.h"
#include "storage/compare.h"

OM_FUNCTION(om_nearest_add);
OM_FUNCTION(om_nearest_combine);
OM_FUNCTION(om_nearest_final);

/* The queries and the operator's function, as read from the arguments. */
typedef struct Queries
{
	MemoryContext context;		/* context of all below */
	struct varlena *source;		/* the array as it was given, perhaps compressed or a TOAST pointer */
	Oid			operator;
	int			n;
	Datum	   *query;
	bool	   *isnull;
	bool		varlena;		/* values may have to be detoasted */
	FmgrInfo	distance;
} Queries;

static inline float8 *
distances_of(ArrayType *state)
{
	return (float8 *) ARR_DATA_PTR(state);
}

static inline int
queries_of(const ArrayType *state)
{
	return ARR_DIMS(state)[0];
}

static inline int
k_of(const ArrayType *state)
{
	return ARR_DIMS(state)[1];
}

/*
 * check_state -- raise an error if an array cannot be a state: these functions may be called with any.
 */
static void
check_state(ArrayType *state)
{
	if (ARR_NDIM(state) != 2 || queries_of(state) < 1 || k_of(state) < 1 ||
		ARR_LBOUND(state)[0] != 1 || ARR_LBOUND(state)[1] != 1 ||
		ARR_ELEMTYPE(state) != FLOAT8OID || array_contains_nulls(state))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s: expected state array", "omendb_nearest_distances"),
				 errdetail("A state is a double precision array of k distances for each query, without nulls.")));
}

/*
 * put -- replace the farthest distance of a heap.
 */
static void
put(float8 *heap, int k, float8 distance)
{
	int			i = 0;

	if (!(distance < heap[0]))
		return;
	for (;;)
	{
		int			child = 2 * i + 1;

		if (child >= k)
			break;
		if (child + 1 < k && heap[child + 1] > heap[child])
			child++;
		if (heap[child] <= distance)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = distance;
}

/*
 * check_operator -- check that the operator takes two values of this type and returns
 * float8, and that the user may call it.
 */
static Oid
check_operator(Oid operator, Oid type)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	Form_pg_operator form;
	Oid			function;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("operator with OID %u does not exist", operator)));
	form = (Form_pg_operator) GETSTRUCT(tuple);
	if (form->oprleft != type || form->oprright != type || form->oprresult != FLOAT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("operator %s is not a distance of type %s", format_operator(operator),
						format_type_be(type)),
				 errhint("Name an operator such as <->(%s,%s).", format_type_be(type), format_type_be(type))));
	function = form->oprcode;
	ReleaseSysCache(tuple);
	if (om_function_aclcheck(function, GetUserId()) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(function));
	return function;
}

/*
 * is_stable -- does this argument of the aggregate have the same value for all rows that one execution of it reads?
 */
static bool
is_stable(FunctionCallInfo fcinfo, int arg)
{
	Aggref	   *aggref = AggGetAggref(fcinfo);
	Node	   *node = aggref == NULL ? NULL : (Node *) list_nth_node(TargetEntry, aggref->args, arg)->expr;

	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (node != NULL && IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXEC || ((Param *) node)->paramkind == PARAM_EXTERN;
	return node != NULL && IsA(node, Const);
}

/*
 * is_same -- are these the arguments that were read before?
 */
static bool
is_same(const Queries *q, const struct varlena *source, Oid operator)
{
	/* where a pointer leads into memory, what is there may have changed */
	if (VARATT_IS_EXTERNAL(source) && !VARATT_IS_EXTERNAL_ONDISK(source))
		return false;
	return q->operator == operator && VARSIZE_ANY(q->source) == VARSIZE_ANY(source) &&
		memcmp(q->source, source, VARSIZE_ANY(source)) == 0;
}

/*
 * read_queries -- fill q from arguments 2 and 4 of the transition function.
 */
static void
read_queries(FunctionCallInfo fcinfo, Queries *q)
{
	struct varlena *source = (struct varlena *) PG_GETARG_POINTER(2);
	MemoryContext old = MemoryContextSwitchTo(q->context);
	ArrayType  *array = DatumGetArrayTypePCopy(PG_GETARG_DATUM(2));
	Oid			type = ARR_ELEMTYPE(array);
	int16		length;
	bool		byval;
	char		align;

	q->operator = PG_GETARG_OID(4);
	get_typlenbyvalalign(type, &length, &byval, &align);
	q->varlena = length == -1;
	deconstruct_array(array, type, length, byval, align, &q->query, &q->isnull, &q->n);
	fmgr_info_cxt(check_operator(q->operator, getBaseType(type)), &q->distance, q->context);
	q->source = palloc(VARSIZE_ANY(source));
	memcpy(q->source, source, VARSIZE_ANY(source));
	MemoryContextSwitchTo(old);
}

/*
 * take_queries -- the queries and the operator.  An execution reads them once, where it begins, which is where there is
 * no state yet; the next one, as in a subquery of each row of another query, may have others.
 */
static Queries *
take_queries(FunctionCallInfo fcinfo, bool begin)
{
	Queries    *q = fcinfo->flinfo->fn_extra;
	MemoryContext context;

	if (q != NULL && !begin)
		return q;
	/* an aggregate with an initial state would not tell where an execution begins */
	if (!begin)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("initial state of %s must be NULL", "omendb_nearest_distances")));
	if (PG_ARGISNULL(2) || PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("queries and operator of %s must not be NULL", "omendb_nearest_distances")));
	if (q != NULL)
	{
		if (is_same(q, (struct varlena *) PG_GETARG_POINTER(2), PG_GETARG_OID(4)))
			return q;
		fcinfo->flinfo->fn_extra = NULL;
		MemoryContextDelete(q->context);
	}
	if (!is_stable(fcinfo, 1) || !is_stable(fcinfo, 3))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("queries and operator of %s must be constants or parameters", "omendb_nearest_distances")));
	context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "omendb_nearest_distances queries", ALLOCSET_SMALL_SIZES);
	q = MemoryContextAllocZero(context, sizeof(Queries));
	q->context = context;
	read_queries(fcinfo, q);
	fcinfo->flinfo->fn_extra = q;
	return q;
}

/*
 * begin_state -- make the state before any row.
 */
static ArrayType *
begin_state(FunctionCallInfo fcinfo, MemoryContext context, int nqueries)
{
	int64		k = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);
	int64		n = k * nqueries;
	Size		bytes = ARR_OVERHEAD_NONULLS(2) + n * sizeof(float8);
	ArrayType  *state;

	if (nqueries < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there must be at least one query")));
	if (k < 1 || n > (int64) (MaxAllocSize / sizeof(float8)) - 16)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be at least 1, and k times the number of queries at most %d",
						(int) (MaxAllocSize / sizeof(float8)) - 16)));
	state = MemoryContextAllocZero(context, bytes);
	SET_VARSIZE(state, bytes);
	state->ndim = 2;
	state->elemtype = FLOAT8OID;
	ARR_DIMS(state)[0] = nqueries;
	ARR_DIMS(state)[1] = (int) k;
	ARR_LBOUND(state)[0] = ARR_LBOUND(state)[1] = 1;
	for (int64 i = 0; i < n; i++)
		distances_of(state)[i] = INFINITY;
	return state;
}

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("aggregate function called in non-aggregate context")));
	return context;
}

/*
 * om_nearest_add -- (state, value, queries, k, operator): transition function.
 */
Datum
om_nearest_add(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	Queries    *q = take_queries(fcinfo, PG_ARGISNULL(0));
	ArrayType  *state;
	Datum		value;
	int			k;

	if (PG_ARGISNULL(0))
		state = begin_state(fcinfo, context, q->n);
	else
		state = PG_GETARG_ARRAYTYPE_P(0);
	check_state(state);
	k = k_of(state);
	if (queries_of(state) != q->n || PG_ARGISNULL(3) || PG_GETARG_INT32(3) != k)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("queries and k of %s must be the same for all rows", "omendb_nearest_distances")));
	if (PG_ARGISNULL(1))
		PG_RETURN_ARRAYTYPE_P(state);
	value = PG_GETARG_DATUM(1);
	if (q->varlena)
		value = PointerGetDatum(PG_DETOAST_DATUM(value));
	for (int i = 0; i < q->n; i++)
	{
		if (!q->isnull[i])
			put(distances_of(state) + (Size) i * k, k,
				DatumGetFloat8(FunctionCall2(&q->distance, value, q->query[i])));
	}
	PG_RETURN_ARRAYTYPE_P(state);
}

/*
 * om_nearest_combine -- the nearest distances of two states.
 */
Datum
om_nearest_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	ArrayType  *a;
	ArrayType  *b;
	int			k;
	int			n;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	b = PG_GETARG_ARRAYTYPE_P(1);
	check_state(b);
	if (PG_ARGISNULL(0))
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		a = DatumGetArrayTypePCopy(PointerGetDatum(b));
		MemoryContextSwitchTo(old);
		PG_RETURN_ARRAYTYPE_P(a);
	}
	a = PG_GETARG_ARRAYTYPE_P(0);
	check_state(a);
	n = queries_of(a);
	k = k_of(a);
	if (queries_of(b) != n || k_of(b) != k)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s: states of different shapes", "omendb_nearest_distances"),
				 errdetail("One is of %d queries and k %d, the other one of %d and %d.", n, k, queries_of(b), k_of(b))));
	for (int i = 0; i < n * k; i++)
		put(distances_of(a) + (Size) (i / k) * k, k, distances_of(b)[i]);
	PG_RETURN_ARRAYTYPE_P(a);
}

/*
 * om_nearest_final -- sort the distances, nearest first.
 */
Datum
om_nearest_final(PG_FUNCTION_ARGS)
{
	ArrayType  *state;
	int			k;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = PG_GETARG_ARRAYTYPE_P_COPY(0);
	check_state(state);
	k = k_of(state);
	for (int i = 0; i < queries_of(state); i++)
		qsort(distances_of(state) + (Size) i * k, k, sizeof(float8), OhCompareDouble);
	PG_RETURN_ARRAYTYPE_P(state);
}
