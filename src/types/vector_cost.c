/*
 * vector_cost.c -- the planner's cost of a distance to a TOASTed value.
 *
 * To PostgreSQL every function costs the same, and reading values of the TOAST table is
 * free.  A vector of more than about 500 dimensions is stored there, and fetching it takes
 * twenty times as long as computing its distance.  Without this, sorting a table of some
 * thousand such rows would look cheaper than an index.
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "access/heaptoast.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/varbit.h"

#include "compat.h"
#include "types/halfvec.h"
#include "types/vector.h"

OM_FUNCTION(om_vector_support);
OM_FUNCTION(om_halfvec_support);
OM_FUNCTION(om_sparsevec_support);
OM_FUNCTION(om_bit_support);
OM_FUNCTION(om_max_sim_support);

/*
 * Cost of a fetch, and of each of its chunks, in units of cpu_operator_cost.  Measured with
 * all pages in shared buffers: 4.8 us for 784 dimensions and 6.5 us for 1,536, on a machine
 * where a row of a sequential scan, which is priced at 28 operators, took .5 us.
 */
#define FETCH_OPERATORS 200
#define CHUNK_OPERATORS 40

/*
 * Cost of a MaxSim, in units of cpu_operator_cost: some 1,000 inner products, of 32 vectors
 * with 32. The actual numbers are not known here.
 */
#define MAX_SIM_OPERATORS 500
#define MAX_SIM_VECTORS 32

/*
 * toasted_share -- the fraction of a column's values that are in the TOAST table.
 *
 * bytes   size of a value, 0 if not known
 * width   average width of the column in a row, 0 if not known
 */
static double
toasted_share(double bytes, double width)
{
	if (width <= 0)
		return bytes > TOAST_TUPLE_TARGET ? 1 : 0;
	if (bytes <= 0)
		return width <= TOAST_POINTER_SIZE ? 1 : 0;
	/* a short value has a short header in its row */
	if (bytes <= width + VARHDRSZ)
		return 0;
	return Min((bytes - width) / (bytes - TOAST_POINTER_SIZE), 1);
}

/* Bytes of a value with this type modifier, as its type lays it out; 0 if not known. */
typedef double (*BytesOf) (int32 typmod);

static double
vector_bytes(int32 typmod)
{
	return typmod > 0 ? OM_VECTOR_SIZE(typmod) : 0;
}

static double
halfvec_bytes(int32 typmod)
{
	return typmod > 0 ? OM_HALFVEC_SIZE(typmod) : 0;
}

static double
bit_bytes(int32 typmod)
{
	return typmod > 0 ? VARBITTOTALLEN((double) typmod) : 0;
}

/* For vector[], the type modifier is that of the elements. */
static double
vectors_bytes(int32 typmod)
{
	return typmod > 0 ? MAX_SIM_VECTORS * OM_VECTOR_SIZE((double) typmod) : 0;
}

/* The dimensions do not tell how many elements there are. */
static double
sparsevec_bytes(int32 typmod)
{
	return 0;
}

/*
 * Cost of fetching an argument, in units of cpu_operator_cost; 0 if it is not a column, or
 * not TOASTed.
 */
static double
fetch_operators(PlannerInfo *root, Node *arg, BytesOf bytes_of)
{
	Var		   *var = (Var *) arg;
	RangeTblEntry *table;
	double		bytes;
	double		share;

	if (!IsA(var, Var) || var->varlevelsup > 0 || var->varattno <= 0 || root == NULL ||
		var->varno < 1 || (int) var->varno >= root->simple_rel_array_size)
		return 0;
	table = planner_rt_fetch(var->varno, root);
	if (table == NULL || table->rtekind != RTE_RELATION)
		return 0;

	bytes = bytes_of(var->vartypmod);
	share = toasted_share(bytes, get_attavgwidth(table->relid, var->varattno));
	bytes = Max(bytes, TOAST_TUPLE_TARGET);
	return share * (FETCH_OPERATORS + CHUNK_OPERATORS * ceil(bytes / TOAST_MAX_CHUNK_SIZE));
}

/*
 * support -- planner support function of distances: their cost.
 *
 * own: cost of the distance itself, in units of cpu_operator_cost
 */
static Datum
support(FunctionCallInfo fcinfo, BytesOf bytes_of, double own)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestCost *cost = (SupportRequestCost *) request;
	List	   *args;
	ListCell   *lc;
	double		operators = 0;

	if (!IsA(request, SupportRequestCost) || cost->node == NULL)
		PG_RETURN_POINTER(NULL);
	if (IsA(cost->node, OpExpr))
		args = ((OpExpr *) cost->node)->args;
	else if (IsA(cost->node, FuncExpr))
		args = ((FuncExpr *) cost->node)->args;
	else
		PG_RETURN_POINTER(NULL);

	foreach(lc, args)
		operators += fetch_operators(cost->root, lfirst(lc), bytes_of);
	if (operators == 0 && own == 1)
		PG_RETURN_POINTER(NULL);	/* use the function's procost */
	cost->startup = 0;
	cost->per_tuple = (own + operators) * cpu_operator_cost;
	PG_RETURN_POINTER(cost);
}

Datum
om_vector_support(PG_FUNCTION_ARGS)
{
	return support(fcinfo, vector_bytes, 1);
}

Datum
om_halfvec_support(PG_FUNCTION_ARGS)
{
	return support(fcinfo, halfvec_bytes, 1);
}

Datum
om_bit_support(PG_FUNCTION_ARGS)
{
	return support(fcinfo, bit_bytes, 1);
}

Datum
om_sparsevec_support(PG_FUNCTION_ARGS)
{
	return support(fcinfo, sparsevec_bytes, 1);
}

Datum
om_max_sim_support(PG_FUNCTION_ARGS)
{
	return support(fcinfo, vectors_bytes, MAX_SIM_OPERATORS);
}
