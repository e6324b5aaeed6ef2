/*
 * textbind.c -- planner support of <@> and @@@: determines which index a search is about.
 *
 * A score needs the statistics of an index.  If the query names none, the planner binds it
 * to the index of the searched column or expression: `body <@> 'words'` becomes `body <@>
 * bm25query 'words'` with that index in the value, whether or not the index is then
 * scanned.  If several indexes have the column first, one without a predicate is preferred,
 * then the oldest.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"

#include "bm25/scan/statistics.h"
#include "bm25/scan/textplan.h"
#include "bm25/textoptions.h"
#include "compat.h"

/* Share of the rows that a search is taken to match if its words are not known when it is planned. */
#define DEFAULT_MATCH_SHARE 0.01

OM_FUNCTION(om_bm25_support);
OM_FUNCTION(om_bm25_matchsel);

/* A searched expression, resolved to a table. */
typedef struct Searched
{
	Oid			relid;
	Node	   *expr;			/* its Vars have varno 1 */
} Searched;

/* A query whose tables an expression may be of, and the one around it. */
typedef struct Level
{
	List	   *rtable;
	PlannerInfo *root;			/* of the query itself or of one that it is in */
	const struct Level *outer;	/* NULL: that of root's parent, if there is one */
} Level;

/*
 * strip -- remove casts that do nothing, such as varchar to text.
 */
static Node *
strip(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

static bool resolve_at(Node *expr, int up, const Level *level, Searched *found);

/*
 * resolve -- follow an expression to a table; false if it does not come from one.
 *
 * It may come from a query around the one that it stands in.
 */
static bool
resolve(Node *expr, const Level *level, Searched *found)
{
	expr = strip(expr);
	for (int up = 0; level != NULL; up++)
	{
		PlannerInfo *parent = level->root->parent_root;
		Level	   *outer;

		/* of more than one level: not an indexed expression, which has_first() will see */
		if (contain_vars_of_level(expr, up))
			return resolve_at(expr, up, level, found);
		if (level->outer == NULL && parent != NULL)
		{
			outer = palloc(sizeof(Level));
			*outer = (Level) {parent->parse->rtable, parent, NULL};
			level = outer;
		}
		else
			level = level->outer;
	}
	return false;
}

/*
 * resolve_at -- follow an expression of tables of a query, `up` levels around the one that it stands in.
 */
static bool
resolve_at(Node *expr, int up, const Level *level, Searched *found)
{
	List	   *vars = pull_vars_of_level(expr, up);
	Var		   *first = (Var *) linitial(vars);
	RangeTblEntry *rte;
	ListCell   *lc;

	foreach(lc, vars)
	{
		Var		   *var = lfirst(lc);

		if (!IsA(var, Var) || var->varno != first->varno || IS_SPECIAL_VARNO(var->varno))
			return false;
	}
	if (first->varno > list_length(level->rtable))
		return false;
	rte = rt_fetch(first->varno, level->rtable);
	if (rte->rtekind == RTE_SUBQUERY && rte->subquery != NULL && IsA(expr, Var))
	{
		TargetEntry *target = get_tle_by_resno(rte->subquery->targetList, first->varattno);
		Level		inside = {rte->subquery->rtable, level->root, level};

		return target != NULL && rte->subquery->setOperations == NULL &&
			resolve((Node *) target->expr, &inside, found);
	}
	if (rte->rtekind != RTE_RELATION)
		return false;
	found->relid = rte->relid;
	found->expr = copyObject(expr);
	ChangeVarNodes(found->expr, first->varno, 1, up);
	IncrementVarSublevelsUp(found->expr, -up, up);
	return true;
}

/*
 * has_first -- is the expression the first column of the index?
 */
static bool
has_first(Relation index, const Searched *searched)
{
	AttrNumber	attno = index->rd_index->indkey.values[0];

	if (attno != 0)
		return IsA(searched->expr, Var) && ((Var *) searched->expr)->varattno == attno;
	return equal(strip(linitial(RelationGetIndexExpressions(index))), searched->expr);
}

/*
 * find_index -- find the index of an expression; InvalidOid if there is none.
 */
static Oid
find_index(const Searched *searched)
{
	Relation	table = table_open(searched->relid, AccessShareLock);
	List	   *oids = RelationGetIndexList(table);
	Oid			found = InvalidOid;
	bool		found_partial = false;
	ListCell   *lc;

	foreach(lc, oids)
	{
		Relation	index = relation_open(lfirst_oid(lc), AccessShareLock);
		bool		partial;

		if (OhIsTextMethod(index->rd_rel->relam) && index->rd_index->indisvalid && has_first(index, searched))
		{
			partial = RelationGetIndexPredicate(index) != NIL;
			if (!OidIsValid(found) || (found_partial && !partial) ||
				(found_partial == partial && lfirst_oid(lc) < found))
			{
				found = lfirst_oid(lc);
				found_partial = partial;
			}
		}
		relation_close(index, AccessShareLock);
	}
	list_free(oids);
	table_close(table, AccessShareLock);
	return found;
}

/*
 * function_in -- find a function of the extension, whose schema is given.
 */
static Oid
function_in(Oid schema, const char *name, int nargs, const Oid *types)
{
	return LookupFuncName(list_make2(makeString(get_namespace_name(schema)), makeString(pstrdup(name))), nargs,
						  types, false);
}

/*
 * bind_constant -- bind a query that is a constant.
 */
static Node *
bind_constant(Const *constant, Oid query_type, Oid index)
{
	OhBm25Query *query;

	if (constant->consttype == query_type)
	{
		OhBm25Query *old = DatumGetBm25Query(constant->constvalue);

		if (OidIsValid(old->index))
			return NULL;
		query = OhMakeBm25Query(old->text, OhQueryTextLength(old), old->config, index, old->mode);
	}
	else
	{
		text	   *words = DatumGetTextPP(constant->constvalue);

		query = OhMakeBm25Query(VARDATA_ANY(words), VARSIZE_ANY_EXHDR(words), InvalidOid, index, OH_MODE_ANY);
	}
	return (Node *) makeConst(query_type, -1, InvalidOid, -1, PointerGetDatum(query), false, false);
}

/*
 * bind_query -- bind any query to an index; NULL if there is nothing to do.
 */
static Node *
bind_query(Node *query, Oid schema, Oid query_type, Oid index)
{
	Oid			types[2] = {query_type, REGCLASSOID};
	Oid			bind = function_in(schema, "bm25query_bind", 2, types);

	if (IsA(query, Const) && !((Const *) query)->constisnull)
		return bind_constant((Const *) query, query_type, index);
	if (IsA(query, FuncExpr) && ((FuncExpr *) query)->funcid == bind)
		return NULL;
	if (exprType(query) != query_type)
	{
		Oid			text_type = TEXTOID;

		query = (Node *) makeFuncExpr(function_in(schema, "text_to_bm25query", 1, &text_type), query_type, list_make1(query),
									  InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	}
	return (Node *) makeFuncExpr(bind, query_type,
								 list_make2(query, makeConst(REGCLASSOID, -1, InvalidOid, sizeof(Oid),
															 ObjectIdGetDatum(index), false, true)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/*
 * bound_call -- replace the operator's call by one with a bound query; NULL if that is not
 * possible.
 */
static Node *
bound_call(PlannerInfo *root, FuncExpr *call)
{
	Oid			schema = get_func_namespace(call->funcid);
	Node	   *value = linitial(call->args);
	Searched	searched;
	Oid			query_type;
	Oid			value_type = exprType(value);
	Oid			operator;
	Oid			index;
	Node	   *query;
	Level		level;

	if (root == NULL || root->parse == NULL)
		return NULL;
	level = (Level) {root->parse->rtable, root, NULL};
	if (!resolve(value, &level, &searched))
		return NULL;
	index = find_index(&searched);
	if (!OidIsValid(index))
		return NULL;
	query_type = get_func_rettype(function_in(schema, "text_to_bm25query", 1, &(Oid) {TEXTOID}));
	query = bind_query(lsecond(call->args), schema, query_type, index);
	if (query == NULL)
		return NULL;
	operator = OpernameGetOprid(list_make2(makeString(get_namespace_name(schema)),
										   makeString(call->funcresulttype == BOOLOID ? "@@@" : "<@>")),
								value_type == TSVECTOROID ? TSVECTOROID : TEXTOID, query_type);
	if (!OidIsValid(operator))
		return NULL;
	return (Node *) make_opclause(operator, call->funcresulttype, false, (Expr *) value, (Expr *) query,
								  InvalidOid, call->inputcollid);
}

/*
 * om_bm25_support -- planner support of the operators' functions.
 */
Datum
om_bm25_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	Node	   *result = NULL;

	if (IsA(request, SupportRequestSimplify))
	{
		SupportRequestSimplify *simplify = (SupportRequestSimplify *) request;

		if (list_length(simplify->fcall->args) == 2)
			result = bound_call(simplify->root, simplify->fcall);
	}
	PG_RETURN_POINTER(result);
}

/* ---- estimates ---- */

OhBm25Query *
OhPlannedQuery(Node *query, Oid *index)
{
	*index = InvalidOid;
	query = strip(query);
	if (IsA(query, Const) && !((Const *) query)->constisnull)
	{
		OhBm25Query *value = DatumGetBm25Query(((Const *) query)->constvalue);

		*index = value->index;
		return value;
	}
	if (IsA(query, FuncExpr) && list_length(((FuncExpr *) query)->args) == 2 &&
		IsA(lsecond(((FuncExpr *) query)->args), Const))
	{
		Const	   *oid = lsecond(((FuncExpr *) query)->args);

		if (oid->consttype == REGCLASSOID && !oid->constisnull)
			*index = DatumGetObjectId(oid->constvalue);
	}
	return NULL;
}

/*
 * match_share -- the fraction of the documents that match.
 */
static double
match_share(const OhTextQuery *query)
{
	double		any = 0;
	double		all = 1;

	if (query->with == NULL || query->ndocs <= 0)
		return DEFAULT_MATCH_SHARE;
	for (int t = 0; t < query->nterms; t++)
	{
		double		share = Min(query->with[t] / query->ndocs, 1.0);

		if (query->count[t] == 0)
			continue;
		any = any + share - any * share;
		all *= share;
	}
	if (query->nterms == 0)
		return 0;
	return query->nparts > 0 && query->part[0].required ? all : any;
}

/*
 * om_bm25_matchsel -- restriction selectivity of @@@, from the number of documents that
 * have the words.
 */
Datum
om_bm25_matchsel(PG_FUNCTION_ARGS)
{
	List	   *args = (List *) PG_GETARG_POINTER(2);
	double		share = DEFAULT_MATCH_SHARE;
	OhBm25Query *query;
	Oid			index;

	if (list_length(args) == 2)
	{
		Node	   *right = lsecond(args);

		/* nothing is known about the unbound operators, whose right side is a text */
		query = exprType(right) == TEXTOID ? NULL : OhPlannedQuery(right, &index);
		if (query != NULL && OidIsValid(query->index))
			share = match_share(OhBindQuery(query, InvalidOid)->query);
	}
	CLAMP_PROBABILITY(share);
	PG_RETURN_FLOAT8(share);
}
