/*
 * classes.h -- validation of the operator classes of an access method with filter columns.
 */
#ifndef OH_CLASSES_H
#define OH_CLASSES_H

#include "postgres.h"

/* What an access method says of its operator classes; classes.c explains what is checked. */
typedef struct OhClassRules
{
	const char *method;
	int			first_function; /* number of the support function of a first column's class */
	int			filter_function;	/* and of a filter column's class */
	int			order;			/* strategy of the first column's operator FOR ORDER BY */
	int			search;			/* strategy of the first column's operator FOR SEARCH */
	bool		both;			/* one class may serve as both */
	bool		same_types;		/* the operator FOR ORDER BY has the class's type on both sides */
	/*
	 * Optional: says what is wrong with a first_function for a type, as words that follow "that
	 * is"; NULL if nothing is.
	 */
	const char *(*wrong_function) (Oid function, Oid type);
} OhClassRules;

/* amvalidate: check the whole operator family of an operator class; false after an INFO for each error. */
extern bool OhValidateClass(Oid opclass, const OhClassRules *rules);

#endif							/* OH_CLASSES_H */
