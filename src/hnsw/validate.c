/*
 * validate.c -- amvalidate: is an operator class of omenhnsw well formed?
 *
 * What the operator class of a vector must have:
 * - support function 1, function(internal) returns internal, which tells the
 *   metric: one of omenhnsw's, for the class's type;
 * - strategy 1, the distance: an operator FOR ORDER BY on two values of the
 *   class's type, which returns double precision and is sorted by the btree
 *   family of double precision.
 * It may have strategy 2, FOR SEARCH: whether a vector lies within a radius,
 * with another type on the right.
 *
 * What the operator class of a filter column must have:
 * - support function 2, function(internal) returns internal, which says that it
 *   is one;
 * - operators FOR SEARCH that return boolean, of the strategies in hnsw.h, each
 *   with a left argument of a type that has support function 2.
 *
 * And nothing else; no family holds classes of both sorts.  Each violation is an
 * INFO message; the result is false then.
 */
#include "postgres.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "compat.h"
#include "filter/condition.h"
#include "hnsw/callbacks.h"
#include "hnsw/hnsw.h"

/* What is being validated. */
typedef struct Subject
{
	Oid			type;			/* of the column */
	const char *opclass;
	const char *opfamily;
	bool		filter;			/* of a filter column */
	bool		valid;
} Subject;

OM_FUNCTION(om_hnsw_filter_support);

/*
 * om_hnsw_filter_support -- support function 2: its being there is what counts.
 */
Datum
om_hnsw_filter_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}

static void complain(Subject *subject, const char *fmt,...) pg_attribute_printf(2, 3);

static void
complain(Subject *subject, const char *fmt,...)
{
	va_list		args;
	char	   *problem;

	va_start(args, fmt);
	problem = OhFormat(fmt, args);
	va_end(args);
	ereport(INFO,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("operator family \"%s\" of access method omenhnsw %s", subject->opfamily, problem)));
	pfree(problem);
	subject->valid = false;
}

/*
 * check_metric -- a function of the right signature: is it a support function, of this type?
 */
static void
check_metric(Subject *subject, Form_pg_amproc proc, const char *name)
{
	const OhMetric *metric = OhMetricOf(proc->amproc);

	if (metric == NULL)
		complain(subject, "contains function %s that is no support function of a metric", name);
	else if (!OhMetricFits(metric, proc->amproclefttype))
		complain(subject, "contains function %s that is for type %s, not %s", name, metric->type->name,
				 format_type_be(proc->amproclefttype));
}

static void
check_function(Subject *subject, Form_pg_amproc proc)
{
	char	   *name = format_procedure(proc->amproc);

	if (proc->amproclefttype != proc->amprocrighttype)
	{
		complain(subject, "contains function %s with cross-type registration", name);
		return;
	}
	if (proc->amprocnum != (subject->filter ? OH_FILTER_PROC : OH_METRIC_PROC))
	{
		complain(subject, "contains function %s with invalid support number %d", name, proc->amprocnum);
		return;
	}
	if (!check_amproc_signature(proc->amproc, INTERNALOID, true, 1, 1, INTERNALOID))
		complain(subject, "contains function %s with wrong signature for support number %d", name,
				 proc->amprocnum);
	else if (!subject->filter)
		check_metric(subject, proc, name);
}

/*
 * check_search -- an operator of a condition.
 */
static void
check_search(Subject *subject, Form_pg_amop op, const char *name)
{
	if (op->amoppurpose != AMOP_SEARCH)
	{
		complain(subject, "contains operator %s that is not FOR SEARCH", name);
		return;
	}
	if (!check_amop_signature(op->amopopr, BOOLOID, op->amoplefttype, op->amoprighttype))
		complain(subject, "contains operator %s with wrong signature", name);
}

/*
 * check_distance -- an operator to order by.
 */
static void
check_distance(Subject *subject, Form_pg_amop op, const char *name)
{
	if (op->amoplefttype != op->amoprighttype)
		complain(subject, "contains operator %s with different argument types", name);
	if (op->amoppurpose != AMOP_ORDER)
	{
		complain(subject, "contains operator %s that is not FOR ORDER BY", name);
		return;
	}
	if (!check_amop_signature(op->amopopr, FLOAT8OID, op->amoplefttype, op->amoprighttype))
		complain(subject, "contains operator %s with wrong signature", name);
	if (!opfamily_can_sort_type(op->amopsortfamily, FLOAT8OID))
		complain(subject, "contains incorrect ORDER BY family specification for operator %s", name);
}

static void
check_operator(Subject *subject, Form_pg_amop op)
{
	char	   *name = format_operator(op->amopopr);

	if (subject->filter && op->amopstrategy >= 1 && op->amopstrategy <= OH_NSTRATEGIES)
		check_search(subject, op, name);
	else if (!subject->filter && op->amopstrategy == OH_DISTANCE_STRATEGY)
		check_distance(subject, op, name);
	else if (!subject->filter && op->amopstrategy == OH_RADIUS_STRATEGY)
	{
		if (op->amoplefttype == op->amoprighttype)
			complain(subject, "contains operator %s with a right argument of the indexed type", name);
		check_search(subject, op, name);
	}
	else
		complain(subject, "contains operator %s with invalid strategy number %d", name, op->amopstrategy);
}

/*
 * has_function -- is a support function registered for a type?
 */
static bool
has_function(CatCList *functions, int number, Oid type)
{
	for (int i = 0; i < functions->n_members; i++)
	{
		Form_pg_amproc proc = (Form_pg_amproc) GETSTRUCT(&functions->members[i]->tuple);

		if (proc->amprocnum == number && proc->amproclefttype == type && proc->amprocrighttype == type)
			return true;
	}
	return false;
}

/*
 * has_operator -- is there an operator with this type on the left?
 */
static bool
has_operator(CatCList *operators, Oid type)
{
	for (int i = 0; i < operators->n_members; i++)
	{
		if (((Form_pg_amop) GETSTRUCT(&operators->members[i]->tuple))->amoplefttype == type)
			return true;
	}
	return false;
}

/*
 * check_groups -- every group of types must be whole; the class's own must exist.
 */
static void
check_groups(Subject *subject, CatCList *operators, CatCList *functions)
{
	int			function = subject->filter ? OH_FILTER_PROC : OH_METRIC_PROC;
	bool		found = false;
	ListCell   *cell;

	foreach(cell, identify_opfamily_groups(operators, functions))
	{
		OpFamilyOpFuncGroup *group = (OpFamilyOpFuncGroup *) lfirst(cell);

		if (group->lefttype != group->righttype)
		{
			/* operators with another type on the right; functions are complained of by themselves */
			if (group->operatorset != 0 && !has_function(functions, function, group->lefttype))
				complain(subject, "is missing support function %d for type %s", function,
						 format_type_be(group->lefttype));
			continue;
		}
		if (group->lefttype == subject->type)
			found = true;
		if ((group->functionset & (UINT64CONST(1) << function)) == 0)
			complain(subject, "is missing support function %d for type %s", function,
					 format_type_be(group->lefttype));
		if (!subject->filter && (group->operatorset & (UINT64CONST(1) << OH_DISTANCE_STRATEGY)) == 0)
			complain(subject, "is missing operator %d for type %s", OH_DISTANCE_STRATEGY,
					 format_type_be(group->lefttype));
		if (subject->filter && !has_operator(operators, group->lefttype))
			complain(subject, "has no operator for type %s", format_type_be(group->lefttype));
	}
	if (!found)
		complain(subject, "has nothing for type %s of operator class \"%s\"",
				 format_type_be(subject->type), subject->opclass);
}

/*
 * ohvalidate -- the whole operator family of an operator class.
 */
bool
ohvalidate(Oid opclass)
{
	Subject		subject;
	HeapTuple	class_tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	HeapTuple	family_tuple;
	Form_pg_opclass class_form;
	Oid			family;
	CatCList   *operators;
	CatCList   *functions;

	if (!HeapTupleIsValid(class_tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass);
	class_form = (Form_pg_opclass) GETSTRUCT(class_tuple);
	family = class_form->opcfamily;

	family_tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(family));
	if (!HeapTupleIsValid(family_tuple))
		elog(ERROR, "cache lookup failed for operator family %u", family);

	subject.type = class_form->opcintype;
	subject.opclass = NameStr(class_form->opcname);
	subject.opfamily = NameStr(((Form_pg_opfamily) GETSTRUCT(family_tuple))->opfname);
	subject.valid = true;

	if (OidIsValid(class_form->opckeytype) && class_form->opckeytype != class_form->opcintype)
		complain(&subject, "has operator class \"%s\" with a storage type", subject.opclass);

	operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(family));
	functions = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(family));
	subject.filter = has_function(functions, OH_FILTER_PROC, subject.type);

	for (int i = 0; i < functions->n_members; i++)
		check_function(&subject, (Form_pg_amproc) GETSTRUCT(&functions->members[i]->tuple));
	for (int i = 0; i < operators->n_members; i++)
		check_operator(&subject, (Form_pg_amop) GETSTRUCT(&operators->members[i]->tuple));
	check_groups(&subject, operators, functions);

	ReleaseCatCacheList(functions);
	ReleaseCatCacheList(operators);
	ReleaseSysCache(family_tuple);
	ReleaseSysCache(class_tuple);

	return subject.valid;
}
