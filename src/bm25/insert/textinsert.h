/*
 * textinsert.h -- makes terms and filter keys of a row.
 */
#ifndef OH_TEXT_INSERT_H
#define OH_TEXT_INSERT_H

#include "postgres.h"

#include "bm25/bm25.h"
#include "bm25/query/terms.h"
#include "filter/key.h"

typedef struct OhTextMaker
{
	OhText	   *ix;
	Oid			config;
	OhKeyMaker *keys;			/* NULL without filter columns */
	OhKeyRow   *row;
	MemoryContext context;		/* reset for each row */
} OhTextMaker;

/* State that makes documents of rows, in context. */
extern OhTextMaker *OhTextMakerBegin(OhText *ix, MemoryContext context);
/* The terms of an indexed value, in CurrentMemoryContext. */
extern void OhMakeTerms(OhTextMaker *maker, Relation index, Datum value, OhTerms *terms);

#endif							/* OH_TEXT_INSERT_H */
