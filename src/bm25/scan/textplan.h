/*
 * textplan.h -- what the planner can know of a query.
 */
#ifndef OH_TEXT_PLAN_H
#define OH_TEXT_PLAN_H

#include "postgres.h"

#include "bm25/query/parse.h"
#include "nodes/nodes.h"

/* The query if it is a constant, NULL otherwise; *index: which it is bound to, if known. */
extern OhBm25Query *OhPlannedQuery(Node *query, Oid *index);
/* Which part of the documents matches. */
extern double OhMatchShare(const OhTextQuery *query);

#endif							/* OH_TEXT_PLAN_H */
