/*
 * bounds.c -- turns upper bounds of a distance, as people write them, into conditions that
 * the index knows.
 *
 *     embedding <-> $1 < 0.5
 *     1 - (embedding <=> $1) > 0.7
 *     inner_product(embedding, $1) >= 0.8
 *
 * are comparisons of numbers, which no index can use.  For each of these clauses a
 * condition like
 *
 *     embedding <<=> bound_vector($1, 0.7, '>', -1, 1)
 *
 * is derived and added for the planner to match with the index.  The planner's own code
 * then makes the paths, with filter columns, orders, partitions and joins.  Afterwards the
 * clause takes the condition's place in these paths, so that the executor checks the
 * clause; unless both are equivalent, because there is no arithmetic around the distance.
 *
 * This is not done in queries that change or lock rows: a search may miss a row, and which
 * rows an UPDATE changes must not depend on that.
 *
 * A scan with such a condition reveals no more of rows that the user may not see than a
 * scan in the order of distance does: nothing, because the operator raises no errors, and a
 * row passes the other clauses before the user gets it.  So there is no need to evaluate
 * row-level security policies first.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "hnsw/callbacks.h"
#include "hnsw/hnsw.h"
#include "hnsw/options.h"
#include "planner/bounds.h"

/*
 * With larger factors or summands, the clause's arithmetic may round more than
 * bound_vector() allows for.
 */
#define MAX_SCALE 1e30
#define MAX_SHIFT 1e30

/* The operators and functions of an index's operator family. */
typedef struct Family
{
	PlannerInfo *root;
	IndexOptInfo *index;
	Oid			distance;		/* the distance operator, FOR ORDER BY */
	Oid			distance_function;
	Oid			schema;			/* schema of the distance's function */
	Oid			within;			/* the operator between vector and bound_vector */
	Oid			bound_type;
	Oid			center_type;	/* type of the center, the function's first argument */
	Oid			bound_function;
} Family;

/* A clause of the form scale * distance(vector, center) + shift <comparison> bound. */
typedef struct Bound
{
	Expr	   *vector;
	Node	   *center;
	Node	   *bound;
	bool		less;			/* the comparison is < or <=, otherwise > or >= */
	bool		inclusive;
	double		scale;
	double		shift;
} Bound;

typedef struct Comparison
{
	Oid			function;
	bool		less;
	bool		inclusive;
} Comparison;

static const Comparison comparisons[] = {
	{F_FLOAT8LT, true, false}, {F_FLOAT84LT, true, false}, {F_FLOAT48LT, true, false},
	{F_FLOAT8LE, true, true}, {F_FLOAT84LE, true, true}, {F_FLOAT48LE, true, true},
	{F_FLOAT8GT, false, false}, {F_FLOAT84GT, false, false}, {F_FLOAT48GT, false, false},
	{F_FLOAT8GE, false, true}, {F_FLOAT84GE, false, true}, {F_FLOAT48GE, false, true},
};

bool
OhIsOurs(const IndexOptInfo *index)
{
	return index->amcostestimate == (void *) ohcostestimate;
}

/* Look up a type by name in a schema; InvalidOid if there is none. */
static Oid
type_of_name(const char *name, Oid schema)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
						   ObjectIdGetDatum(schema));
}

static bool
find_distance(Family *family, PlannerInfo *root, IndexOptInfo *index)
{
	Oid			type = index->opcintype[0];

	family->root = root;
	family->index = index;
	family->distance = get_opfamily_member(index->opfamily[0], type, type, OH_DISTANCE_STRATEGY);
	if (!OidIsValid(family->distance))
		return false;
	family->distance_function = get_opcode(family->distance);
	/* the function's schema, not the type's: type bit is in pg_catalog */
	family->schema = get_func_namespace(family->distance_function);
	return true;
}

/*
 * find_family -- look up the family; false if the installed version of the extension has no
 * bound_vector.
 *
 * The type and its distance may be pgvector's (omendb_adopt_pgvector()). The bound's type
 * is in omendb's schema, which is that of the support function.
 */
static bool
find_family(Family *family, PlannerInfo *root, IndexOptInfo *index)
{
	Oid			type = index->opcintype[0];
	Oid			support = get_opfamily_proc(index->opfamily[0], type, type, OH_METRIC_PROC);
	Oid			argument[5] = {InvalidOid, FLOAT8OID, TEXTOID, FLOAT8OID, FLOAT8OID};
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			schema;
	char	   *type_name;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		return false;
	type_name = pstrdup(NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname));
	ReleaseSysCache(tuple);
	if (!OidIsValid(support) || !find_distance(family, root, index))
		return false;

	schema = get_func_namespace(support);
	name = psprintf("bound_%s", type_name);
	family->bound_type = type_of_name(name, schema);
	if (!OidIsValid(family->bound_type))
		return false;
	family->center_type = type_of_name(type_name, schema);
	if (!OidIsValid(family->center_type))
		family->center_type = type;
	family->within = get_opfamily_member(index->opfamily[0], type, family->bound_type,
										 OH_RADIUS_STRATEGY);
	argument[0] = family->center_type;
	family->bound_function =
		LookupFuncName(list_make2(makeString(get_namespace_name(schema)), makeString(name)),
					   lengthof(argument), argument, true);
	return OidIsValid(family->within) && OidIsValid(family->bound_function);
}

/* Read the function and the arguments of a call or an operator; false if node is neither. */
static bool
read_call(Node *node, Oid *function, List **args)
{
	if (IsA(node, OpExpr))
	{
		set_opfuncid((OpExpr *) node);
		*function = ((OpExpr *) node)->opfuncid;
		*args = ((OpExpr *) node)->args;
		return true;
	}
	if (IsA(node, FuncExpr))
	{
		*function = ((FuncExpr *) node)->funcid;
		*args = ((FuncExpr *) node)->args;
		return true;
	}
	return false;
}

/* Read a constant number; false if node is none. */
static bool
read_number(Node *node, double *number)
{
	Const	   *constant = (Const *) node;

	if (!IsA(node, Const) || constant->constisnull)
		return false;
	if (constant->consttype == FLOAT8OID)
		*number = DatumGetFloat8(constant->constvalue);
	else if (constant->consttype == FLOAT4OID)
		*number = DatumGetFloat4(constant->constvalue);
	else
		return false;
	return isfinite(*number);
}

/* Is the expression's value the same for all rows of the table? */
static bool
is_constant(const Family *family, Node *expr)
{
	return !bms_is_member(family->index->rel->relid, pull_varnos(family->root, expr)) &&
		!contain_volatile_functions(expr) && !contain_subplans(expr);
}

/*
 * is_product -- is it inner_product(), which is the distance <#> with the opposite sign, or
 * max_sim(), which is @# with the opposite sign?
 */
static bool
is_product(const Family *family, Oid function)
{
	char	   *distance = get_func_name(family->distance_function);
	char	   *name = get_func_name(function);
	const char *negative = distance != NULL ? strstr(distance, "_negative_") : NULL;

	return name != NULL && negative != NULL && get_func_namespace(function) == family->schema &&
		(strcmp(name, "inner_product") == 0 || strcmp(name, "max_sim") == 0) &&
		strcmp(negative + strlen("_negative_"), name) == 0;
}

/*
 * match_distance -- match the distance from the indexed vector to something.
 */
static bool
match_distance(const Family *family, Oid function, List *args, Bound *bound)
{
	Node	   *left;
	Node	   *right;
	bool		product;

	if (list_length(args) != 2)
		return false;
	left = linitial(args);
	right = lsecond(args);
	product = function != family->distance_function;
	if ((product && !is_product(family, function)) ||
		exprType(left) != family->index->opcintype[0] ||
		exprType(right) != family->index->opcintype[0])
		return false;
	/* MaxSim is not symmetric */
	if (!match_index_to_operand(left, 0, family->index) &&
		get_commutator(family->distance) == family->distance)
	{
		Node	   *swap = left;

		left = right;
		right = swap;
	}
	if (!match_index_to_operand(left, 0, family->index) || !is_constant(family, right))
		return false;
	if (product)
		bound->scale = -bound->scale;
	bound->vector = (Expr *) left;
	bound->center = right;
	return true;
}

/*
 * undo -- remove the outermost step of the arithmetic around the distance.  Returns what
 * the step is applied to, NULL if the step is not supported.
 *
 * Only one addition is supported: of two, the first may round away what the second leaves.
 */
static Node *
undo(Oid function, List *args, Bound *bound)
{
	Node	   *left = linitial(args);
	Node	   *right = list_length(args) > 1 ? lsecond(args) : NULL;
	Node	   *inner = left;
	bool		swapped = false;
	double		number;

	if (function == F_FLOAT8UM || function == F_FLOAT8UP)
	{
		bound->scale *= function == F_FLOAT8UM ? -1 : 1;
		return left;
	}
	if (list_length(args) != 2)
		return NULL;
	if (!read_number(right, &number))
	{
		swapped = true;
		inner = right;
		if (!read_number(left, &number))
			return NULL;
	}
	switch (function)
	{
		case F_FLOAT8PL:
		case F_FLOAT84PL:
		case F_FLOAT48PL:
		case F_FLOAT8MI:
		case F_FLOAT84MI:
		case F_FLOAT48MI:
			if (bound->shift != 0)
				return NULL;
			if (function == F_FLOAT8PL || function == F_FLOAT84PL || function == F_FLOAT48PL)
				bound->shift = bound->scale * number;
			else
			{
				bound->shift = bound->scale * (swapped ? number : -number);
				bound->scale *= swapped ? -1 : 1;
			}
			break;
		case F_FLOAT8MUL:
		case F_FLOAT84MUL:
		case F_FLOAT48MUL:
			bound->scale *= number;
			break;
		case F_FLOAT8DIV:
		case F_FLOAT84DIV:
		case F_FLOAT48DIV:
			if (swapped || number == 0)
				return NULL;
			bound->scale /= number;
			break;
		default:
			return NULL;
	}
	if (!(fabs(bound->scale) >= 1 / MAX_SCALE && fabs(bound->scale) <= MAX_SCALE &&
		  fabs(bound->shift) <= MAX_SHIFT))
		return NULL;
	return inner;
}

/*
 * match_value -- match the distance, or a linear function of it.
 */
static bool
match_value(const Family *family, Node *value, Bound *bound)
{
	bound->scale = 1;
	bound->shift = 0;
	while (value != NULL)
	{
		Oid			function;
		List	   *args;

		if (!read_call(value, &function, &args) || args == NIL)
			return false;
		if (match_distance(family, function, args, bound))
			return true;
		value = undo(function, args, bound);
	}
	return false;
}

/*
 * find_comparison -- look up the comparison; NULL if the clause cannot be a bound.
 */
static const Comparison *
find_comparison(Expr *clause)
{
	if (!IsA(clause, OpExpr) || list_length(((OpExpr *) clause)->args) != 2)
		return NULL;
	set_opfuncid((OpExpr *) clause);
	for (int i = 0; i < lengthof(comparisons); i++)
	{
		if (comparisons[i].function == ((OpExpr *) clause)->opfuncid)
			return &comparisons[i];
	}
	return NULL;
}

static bool
has_comparison(List *clauses)
{
	ListCell   *lc;

	foreach(lc, clauses)
	{
		if (find_comparison(lfirst_node(RestrictInfo, lc)->clause) != NULL)
			return true;
	}
	return false;
}

/*
 * match_clause -- is the clause an upper bound of the distance?
 */
static bool
match_clause(const Family *family, Expr *clause, Bound *bound)
{
	const Comparison *comparison = find_comparison(clause);
	List	   *args;

	if (comparison == NULL)
		return false;
	args = ((OpExpr *) clause)->args;
	bound->less = comparison->less;
	bound->inclusive = comparison->inclusive;
	bound->bound = lsecond(args);
	if (!match_value(family, linitial(args), bound))
	{
		bound->less = !bound->less;
		bound->bound = linitial(args);
		if (!match_value(family, lsecond(args), bound))
			return false;
	}
	return bound->less == (bound->scale > 0) && is_constant(family, bound->bound);
}

bool
OhMatchDistance(PlannerInfo *root, IndexOptInfo *index, Node *value, OpExpr **distance, double *scale)
{
	Family		family;
	Bound		bound;

	if (!find_distance(&family, root, index) || !match_value(&family, value, &bound))
		return false;
	*distance = (OpExpr *) make_opclause(family.distance, get_func_rettype(family.distance_function),
										 false, bound.vector, (Expr *) bound.center, InvalidOid,
										 InvalidOid);
	set_opfuncid(*distance);
	*scale = bound.scale;
	return true;
}

static Expr *
number_constant(double number)
{
	return (Expr *) makeConst(FLOAT8OID, -1, InvalidOid, sizeof(float8), Float8GetDatum(number),
							  false, FLOAT8PASSBYVAL);
}

/*
 * make_condition -- make `vector <<-> bound_vector(...)`.
 */
static Expr *
make_condition(const Family *family, const Bound *bound)
{
	char		comparison[3] = {bound->less ? '<' : '>', bound->inclusive ? '=' : '\0', '\0'};
	Node	   *number = bound->bound;
	Node	   *center = bound->center;
	Node	   *sphere;
	Expr	   *clause;

	if (exprType(number) == FLOAT4OID)
		number = (Node *) makeFuncExpr(F_FLOAT8_FLOAT4, FLOAT8OID, list_make1(number), InvalidOid,
									   InvalidOid, COERCE_IMPLICIT_CAST);
	/* pgvector's type has the same layout as omendb's */
	if (exprType(center) != family->center_type)
		center = (Node *) makeRelabelType((Expr *) center, family->center_type, -1, InvalidOid,
										  COERCE_EXPLICIT_CAST);
	sphere = (Node *)
		makeFuncExpr(family->bound_function, family->bound_type,
					 list_make5(center, number,
								makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
										  CStringGetTextDatum(comparison), false, false),
								number_constant(bound->scale), number_constant(bound->shift)),
					 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	clause = make_opclause(family->within, BOOLOID, false, bound->vector,
						   (Expr *) eval_const_expressions(family->root, sphere), InvalidOid,
						   InvalidOid);
	set_opfuncid((OpExpr *) clause);
	return clause;
}

/*
 * derive -- make the condition for a clause.
 */
static OhBound *
derive(const Family *family, RestrictInfo *rinfo, const Bound *bound)
{
	OhBound    *result = palloc(sizeof(OhBound));
	RestrictInfo *condition = makeNode(RestrictInfo);
	Expr	   *clause = make_condition(family, bound);

	/* the condition has the same properties as the clause */
	memcpy(condition, rinfo, sizeof(RestrictInfo));
	condition->clause = clause;
	condition->left_relids = pull_varnos(family->root, (Node *) bound->vector);
	condition->right_relids = bms_union(pull_varnos(family->root, bound->center),
										pull_varnos(family->root, bound->bound));
	condition->eval_cost.startup = -1;
	condition->norm_selec = condition->outer_selec = -1;
	/*
	 * leakproof, because the operator is given nothing of the row but the vector, and
	 * reveals nothing of it
	 */
	if (family->index->indexkeys[0] != 0 && !contain_leaked_vars(bound->center) &&
		!contain_leaked_vars(bound->bound))
		condition->leakproof = true;

	result->clause = rinfo;
	result->condition = condition;
	result->same = fabs(bound->scale) == 1 && bound->shift == 0;
	return result;
}

static List *
find_in_list(const Family *family, List *clauses)
{
	List	   *bounds = NIL;
	ListCell   *lc;

	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		Bound		bound;

		if (!rinfo->pseudoconstant && match_clause(family, rinfo->clause, &bound))
			bounds = lappend(bounds, derive(family, rinfo, &bound));
	}
	return bounds;
}

/*
 * decides_changes -- do the query's rows determine which rows are changed or locked?
 */
static bool
decides_changes(const PlannerInfo *root)
{
	for (; root != NULL; root = root->parent_root)
	{
		CmdType		command = root->parse->commandType;

		if ((command != CMD_SELECT && command != CMD_INSERT) || root->parse->hasModifyingCTE ||
			root->parse->rowMarks != NIL)
			return true;
	}
	return false;
}

OhBounds *
OhBoundsFind(PlannerInfo *root, IndexOptInfo *index)
{
	OhBounds   *bounds;
	Family		family;

	if (!oh_distance_bounds ||
		!(has_comparison(index->indrestrictinfo) || has_comparison(index->rel->joininfo)) ||
		decides_changes(root) || !find_family(&family, root, index))
		return NULL;
	bounds = palloc(sizeof(OhBounds));
	bounds->index = index;
	bounds->restrictions = find_in_list(&family, index->indrestrictinfo);
	bounds->joins = find_in_list(&family, index->rel->joininfo);
	return bounds->restrictions != NIL || bounds->joins != NIL ? bounds : NULL;
}

/* ---- estimates ---- */

/*
 * estimate -- give each clause the selectivity of its condition.
 *
 * By itself the planner assumes that a comparison with a distance holds for a third of the
 * rows.
 */
static void
estimate(PlannerInfo *root, List *bounds)
{
	ListCell   *lc;

	foreach(lc, bounds)
	{
		OhBound    *bound = lfirst(lc);

		bound->clause->norm_selec = bound->clause->outer_selec =
			clause_selectivity(root, (Node *) bound->condition, 0, JOIN_INNER, NULL);
	}
}

/*
 * with_conditions -- copy a list of clauses, with conditions in place of the clauses that
 * have one.
 */
static List *
with_conditions(List *clauses, List *bounds)
{
	List	   *result = list_copy(clauses);
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, result)
	{
		foreach(lc2, bounds)
		{
			OhBound    *bound = lfirst(lc2);

			if (lfirst(lc) == bound->clause)
				lfirst(lc) = bound->condition;
		}
	}
	return result;
}

/*
 * set_rows -- update the row counts of existing paths to the new estimates.
 */
static void
set_rows(PlannerInfo *root, RelOptInfo *rel, double before, List *joins)
{
	double		share = rel->rows / Max(before, 1.0);
	ListCell   *lc;

	foreach(lc, rel->ppilist)
	{
		ParamPathInfo *info = lfirst(lc);

		info->ppi_rows = get_parameterized_baserel_size(root, rel,
														with_conditions(info->ppi_clauses, joins));
	}
	foreach(lc, rel->pathlist)
	{
		Path	   *path = lfirst(lc);

		path->rows = path->param_info != NULL ? path->param_info->ppi_rows :
			clamp_row_est(path->rows * share);
	}
	foreach(lc, rel->partial_pathlist)
	{
		Path	   *path = lfirst(lc);

		path->rows = clamp_row_est(path->rows * share);
	}
}

void
OhBoundsEstimate(PlannerInfo *root, RelOptInfo *rel, List *found)
{
	double		before = rel->rows;
	List	   *joins = NIL;
	ListCell   *lc;

	foreach(lc, found)
	{
		OhBounds   *bounds = lfirst(lc);

		estimate(root, bounds->restrictions);
		estimate(root, bounds->joins);
		joins = list_concat(joins, bounds->joins);
	}
	set_baserel_size_estimates(root, rel);
	set_rows(root, rel, before, joins);
}

/*
 * OhBoundsParent -- see bounds.h.
 */
void
OhBoundsParent(PlannerInfo *root, RelOptInfo *rel, Index rti)
{
	double		rows = 0;
	bool		ours = false;
	ListCell   *lc;

	foreach(lc, root->append_rel_list)
	{
		AppendRelInfo *info = lfirst_node(AppendRelInfo, lc);
		RelOptInfo *child;
		ListCell   *lc2;

		if (info->parent_relid != rti)
			continue;
		child = root->simple_rel_array[info->child_relid];
		if (child == NULL || IS_DUMMY_REL(child))
			continue;
		rows += child->rows;
		foreach(lc2, child->indexlist)
			ours |= OhIsOurs(lfirst(lc2));
	}
	if (ours && rows > 0 && rows < rel->rows)
		rel->rows = clamp_row_est(rows);
}

/* ---- paths ---- */

static List *
conditions_of(List *bounds)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, bounds)
		result = lappend(result, ((OhBound *) lfirst(lc))->condition);
	return result;
}

/*
 * restore_clauses -- put the clauses back in the paths, in place of their conditions.
 */
static void
restore_clauses(RelOptInfo *rel, IndexOptInfo *index, List *bounds)
{
	ListCell   *lc;
	ListCell   *lc2;
	ListCell   *lc3;

	foreach(lc, rel->pathlist)
	{
		IndexPath  *path = lfirst(lc);

		if (!IsA(path, IndexPath) || path->indexinfo != index)
			continue;
		foreach(lc2, path->indexclauses)
		{
			IndexClause *clause = lfirst_node(IndexClause, lc2);

			foreach(lc3, bounds)
			{
				OhBound    *bound = lfirst(lc3);

				if (clause->rinfo == bound->condition)
				{
					clause->rinfo = bound->clause;
					clause->lossy = !bound->same;
				}
			}
		}
	}
}

/*
 * drop_paths -- remove the paths that the planner has made for the index without the
 * conditions.
 */
static void
drop_paths(RelOptInfo *rel, const IndexOptInfo *index)
{
	ListCell   *lc;

	foreach(lc, rel->pathlist)
	{
		IndexPath  *path = lfirst(lc);

		if (IsA(path, IndexPath) && path->indexinfo == index)
			rel->pathlist = foreach_delete_current(rel->pathlist, lc);
	}
}

void
OhBoundsPaths(PlannerInfo *root, RelOptInfo *rel, const OhBounds *bounds, OhMorePaths more)
{
	IndexOptInfo *index = bounds->index;
	List	   *restrictions = index->indrestrictinfo;
	List	   *joins = rel->joininfo;
	List	   *indexes = rel->indexlist;
	List	   *conditions = conditions_of(bounds->joins);
	ListCell   *lc;

	drop_paths(rel, index);
	index->indrestrictinfo = list_concat_copy(restrictions, conditions_of(bounds->restrictions));
	rel->joininfo = list_concat_copy(joins, conditions);
	rel->indexlist = list_make1(index);
	create_index_paths(root, rel);
	more(root, rel, index);
	index->indrestrictinfo = restrictions;
	rel->joininfo = joins;
	rel->indexlist = indexes;

	restore_clauses(rel, index, bounds->restrictions);
	restore_clauses(rel, index, bounds->joins);
	if (conditions == NIL)
		return;
	foreach(lc, rel->ppilist)
	{
		ParamPathInfo *info = lfirst(lc);

		info->ppi_clauses = list_difference_ptr(info->ppi_clauses, conditions);
	}
	set_rows(root, rel, rel->rows, bounds->joins);
}
