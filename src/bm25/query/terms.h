/*
 * terms.h -- the terms of a document: hashes of its lexemes and how often it has each.
 */
#ifndef OH_TERMS_H
#define OH_TERMS_H

#include "postgres.h"

typedef struct OhTerms
{
	uint32		n;
	uint64	   *hash;			/* [n], ascending; none is 0 */
	uint32	   *tf;				/* [n], at least 1 */
	uint32		length;			/* sum of tf */
} OhTerms;

/*
 * Hash of a lexeme.  With 64 bits, a collision is unlikely even among the words of all
 * languages.
 */
extern uint64 OhLexemeHash(const char *lexeme, int length);
/* Terms of a text, by a text search configuration; in CurrentMemoryContext. */
extern void OhTermsOfText(Oid config, Datum value, OhTerms *terms);
/* Terms of a tsvector; weight tells how much an occurrence labelled D, C, B or A counts. */
extern void OhTermsOfTsvector(Datum value, const uint8 weight[4], OhTerms *terms);

#endif							/* OH_TERMS_H */
