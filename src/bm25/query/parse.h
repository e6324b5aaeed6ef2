/*
 * parse.h -- a query, taken apart: its terms, and what a document must have.
 */
#ifndef OH_TEXT_PARSE_H
#define OH_TEXT_PARSE_H

#include "postgres.h"

#include "bm25/query/bm25query.h"

#define OH_MAX_TERMS	1024

/* Forms of one word: a document has the word if it has one of them. */
typedef struct OhWord
{
	int			nforms;
	int		   *form;			/* numbers of terms */
	int			part;			/* of which part of the query */
} OhWord;

/* What was typed between quotes, or after a minus, or neither. */
typedef struct OhPart
{
	bool		required;		/* a document must have all its words */
	bool		excluded;		/* a document must not have all its words */
	Datum		phrase;			/* tsquery that a row must meet, or not meet; 0: none */
} OhPart;

typedef struct OhTextQuery
{
	int			nterms;
	uint64	   *hash;			/* [nterms], ascending */
	uint32	   *count;			/* [nterms], in the query; 0: excluded only */
	int			nwords;
	OhWord	   *word;
	int			nparts;
	OhPart	   *part;
	bool		phrases;		/* some part has one: rows must be looked at */
	bool		demands;		/* some part is required or excluded */

	/* of an index's statistics: statistics.c */
	double		ndocs;
	double		average;
	double	   *with;			/* [nterms], documents that have each; NULL: not known */
	double	   *weight;			/* [nterms], see score.h */
} OhTextQuery;

/* In CurrentMemoryContext.  The text is never a syntax error. */
extern OhTextQuery *OhTextQueryParse(const OhBm25Query *query, Oid config);
/*
 * By the terms that a document has, has[nterms]: does it match, phrases aside?
 */
extern bool OhTextQueryMatches(const OhTextQuery *query, const bool *has);
/* Does a document, as tsvector, meet the phrases? */
extern bool OhTextQueryMeetsPhrases(const OhTextQuery *query, Datum tsvector);

#endif							/* OH_TEXT_PARSE_H */
