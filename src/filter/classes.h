/*
 * classes.h -- operator classes of access methods with filter columns.
 */
#ifndef OH_CLASSES_H
#define OH_CLASSES_H

#include "postgres.h"

typedef struct OhClassRules
{
	const char *method;
	int			first_function; /* support function of a class of the first column */
	int			filter_function;	/* and of one of a filter column */
	int			order;			/* strategy FOR ORDER BY of the first column */
	int			search;			/* strategy FOR SEARCH of the first column */
	bool		both;			/* a class may be of a first column and of a filter column */
	bool		same_types;		/* the operator of the order has the class's type on both sides */
	/*
	 * What is wrong with a first_function of the right signature for a type, to follow "that is";
	 * NULL: nothing.  May be NULL.
	 */
	const char *(*wrong_function) (Oid function, Oid type);
} OhClassRules;

/* amvalidate: the whole operator family of an operator class. */
extern bool OhValidateClass(Oid opclass, const OhClassRules *rules);

#endif							/* OH_CLASSES_H */
