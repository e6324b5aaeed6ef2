/*
 * phrase.h -- does a row have a query's phrases?
 */
#ifndef OH_PHRASE_H
#define OH_PHRASE_H

#include "postgres.h"

#include "bm25/query/parse.h"

/*
 * Does a text meet the query's phrases: all that are required, and none that is excluded?  Words are
 * counted without the limits of a tsvector.  Leaves memory in CurrentMemoryContext.
 */
extern bool OhTextMeetsPhrases(const OhTextQuery *query, Oid config, Datum value);
/* The same of a tsvector. */
extern bool OhTsvectorMeetsPhrases(const OhTextQuery *query, Datum value);

#endif							/* OH_PHRASE_H */
