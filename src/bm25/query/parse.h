/*
 * parse.h -- a parsed query: its terms, and what a document must have.
 */
#ifndef OH_TEXT_PARSE_H
#define OH_TEXT_PARSE_H

#include "postgres.h"

#include "bm25/query/bm25query.h"

#define OH_MAX_TERMS	1024

/* The forms of a word; a document has the word if it has one of them. */
typedef struct OhWord
{
	int			nforms;
	int		   *form;			/* numbers of terms */
	int			part;			/* the part of the query that it belongs to */
} OhWord;

/* A part of the query: what was typed between quotes, or after a minus, or everything else. */
typedef struct OhPart
{
	bool		required;		/* a document must have all its words */
	bool		excluded;		/* a document must not have all its words */
	Datum		phrase;			/* tsquery that a row must (or, if excluded, must not) match; 0:
								 * none */
} OhPart;

typedef struct OhTextQuery
{
	int			nterms;
	uint64	   *hash;			/* [nterms], ascending */
	uint32	   *count;			/* [nterms], how often the query has it; 0: only in excluded parts */
	int			nwords;
	OhWord	   *word;			/* in the order of their parts */
	int			nparts;
	OhPart	   *part;
	bool		phrases;		/* some part has a phrase, so rows must be checked */
	bool		demands;		/* some part is required or excluded */

	/* from the index's statistics, by statistics.c */
	double		ndocs;
	double		average;
	double	   *with;			/* [nterms], number of documents that have each term; NULL: not
								 * known */
	double	   *weight;			/* [nterms], see score.h */
} OhTextQuery;

/* Parse a query; the result is in CurrentMemoryContext.  No text is a syntax error. */
extern OhTextQuery *OhTextQueryParse(const OhBm25Query *query, Oid config);
/* A copy of a parsed query, in CurrentMemoryContext. */
extern OhTextQuery *OhTextQueryCopy(const OhTextQuery *query);
/*
 * Does a document match, apart from phrases?  has[nterms] tells which terms it has.
 */
extern bool OhTextQueryMatches(const OhTextQuery *query, const bool *has);
/* The number of the term with this hash; -1 if there is none. */
extern int	OhTermNumber(const OhTextQuery *query, uint64 hash);

#endif							/* OH_TEXT_PARSE_H */
