/*
 * classes.c -- validates the operator classes of an access method with filter columns.
 *
 * `rules` is what the access method says (classes.h).  The operator class of its first column must have:
 * - support function rules.first_function, function(internal) returns internal;
 * - strategy rules.order: an operator FOR ORDER BY with the class's type on the left, which returns
 *   double precision and is sorted by the btree family of double precision.  The type on
 *   the right is the same one if rules.same_types is set.
 * It may have strategy rules.search: an operator FOR SEARCH with another type on the right.
 *
 * The operator class of a filter column must have:
 * - support function rules.filter_function, function(internal) returns internal.  Nobody calls
 *   it: its presence marks the class as one of a filter column;
 * - operators FOR SEARCH that return boolean, of the strategies in condition.h.  The type on the
 *   left must have that support function.
 *
 * There must be nothing else, and a family must not hold classes of both kinds, unless rules.both
 * allows one class to be both.  Each violation gives an INFO message.
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

#include "filter/classes.h"
#include "filter/condition.h"
#include "storage/file.h"

/* What is being validated. */
typedef struct Subject
{
	const OhClassRules *rules;
	Oid			type;			/* of the column */
	const char *opclass;
	const char *opfamily;
	bool		filter;			/* is it a filter column's class? */
	bool		valid;			/* no violation yet */
} Subject;

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
			 errmsg("operator family \"%s\" of access method %s %s", subject->opfamily, subject->rules->method,
					problem)));
	pfree(problem);
	subject->valid = false;
}

/* May this class have a support function of this number? */
static bool
is_expected(const Subject *subject, int number)
{
	const OhClassRules *rules = subject->rules;

	if (rules->both)
		return number == rules->first_function || number == rules->filter_function;
	return number == (subject->filter ? rules->filter_function : rules->first_function);
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
	if (!is_expected(subject, proc->amprocnum))
	{
		complain(subject, "contains function %s with invalid support number %d", name, proc->amprocnum);
		return;
	}
	if (!check_amproc_signature(proc->amproc, INTERNALOID, true, 1, 1, INTERNALOID))
		complain(subject, "contains function %s with wrong signature for support number %d", name,
				 proc->amprocnum);
	else if (proc->amprocnum == subject->rules->first_function && subject->rules->wrong_function != NULL)
	{
		const char *problem = subject->rules->wrong_function(proc->amproc, proc->amproclefttype);

		if (problem != NULL)
			complain(subject, "contains function %s that is %s", name, problem);
	}
}

/*
 * check_search -- check an operator FOR SEARCH.
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
 * check_distance -- check an operator FOR ORDER BY.
 */
static void
check_distance(Subject *subject, Form_pg_amop op, const char *name)
{
	if (subject->rules->same_types && op->amoplefttype != op->amoprighttype)
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

	if (subject->rules->both && op->amopstrategy == subject->rules->order)
		check_distance(subject, op, name);
	else if (subject->rules->both && op->amopstrategy == subject->rules->search)
		check_search(subject, op, name);
	else if (subject->filter && op->amopstrategy >= 1 && op->amopstrategy <= OH_NSTRATEGIES)
		check_search(subject, op, name);
	else if (!subject->filter && op->amopstrategy == subject->rules->order)
		check_distance(subject, op, name);
	else if (!subject->filter && op->amopstrategy == subject->rules->search)
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
 * has_operator -- does any operator have this type on the left?
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
 * check_groups -- check that no pair of types misses something, and that the class's own type is there.
 */
static void
check_groups(Subject *subject, CatCList *operators, CatCList *functions)
{
	/* a class that may be both needs one of them only */
	int			function = subject->filter ? subject->rules->filter_function : subject->rules->first_function;
	bool		found = false;
	ListCell   *cell;

	foreach(cell, identify_opfamily_groups(operators, functions))
	{
		OpFamilyOpFuncGroup *group = (OpFamilyOpFuncGroup *) lfirst(cell);

		if (group->lefttype != group->righttype)
		{
			/* operators with another type on the right; check_function() reports such functions */
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
		if (!subject->filter && subject->rules->same_types &&
			(group->operatorset & (UINT64CONST(1) << subject->rules->order)) == 0)
			complain(subject, "is missing operator %d for type %s", subject->rules->order,
					 format_type_be(group->lefttype));
		if (subject->filter && !has_operator(operators, group->lefttype))
			complain(subject, "has no operator for type %s", format_type_be(group->lefttype));
	}
	if (!found)
		complain(subject, "has nothing for type %s of operator class \"%s\"",
				 format_type_be(subject->type), subject->opclass);
}

bool
OhValidateClass(Oid opclass, const OhClassRules *rules)
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
	subject.rules = rules;
	subject.valid = true;

	if (OidIsValid(class_form->opckeytype) && class_form->opckeytype != class_form->opcintype)
		complain(&subject, "has operator class \"%s\" with a storage type", subject.opclass);

	operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(family));
	functions = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(family));
	subject.filter = has_function(functions, rules->filter_function, subject.type);

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
