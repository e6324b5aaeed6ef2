/*
 * textplan.h -- what the planner can find out about a query.
 */
#ifndef OH_TEXT_PLAN_H
#define OH_TEXT_PLAN_H

#include "postgres.h"

#include "bm25/query/parse.h"
#include "nodes/nodes.h"

/*
 * The query if it is a constant, otherwise NULL; *index is set to the index that it is
 * bound to, if known.
 */
extern OhBm25Query *OhPlannedQuery(Node *query, Oid *index);

#endif							/* OH_TEXT_PLAN_H */
