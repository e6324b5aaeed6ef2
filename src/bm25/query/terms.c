/*
 * terms.c -- makes the terms of a document.
 *
 * A text is split by PostgreSQL's parsers and dictionaries, without the limits of a
 * tsvector: every occurrence counts.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "tsearch/ts_type.h"
#include "tsearch/ts_utils.h"
#include "utils/builtins.h"

#include "bm25/query/terms.h"
#include "compat.h"

/* On average, a lexeme takes more than this number of letters of a text. */
#define LETTERS_PER_WORD	6

typedef struct Occurrence
{
	uint64		hash;
	uint32		tf;
} Occurrence;

#define ST_SORT sort_occurrences
#define ST_ELEMENT_TYPE Occurrence
#define ST_COMPARE(a, b) ((a)->hash < (b)->hash ? -1 : (a)->hash > (b)->hash)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

uint64
OhLexemeHash(const char *lexeme, int length)
{
	uint64		hash = DatumGetUInt64(hash_any_extended((const unsigned char *) lexeme, length, 0));

	return hash == 0 ? 1 : hash;
}

/*
 * collect -- make terms of occurrences.
 */
static void
collect(Occurrence *found, uint32 n, OhTerms *terms)
{
	uint64		length = 0;

	sort_occurrences(found, n);
	terms->n = 0;
	terms->hash = palloc(sizeof(uint64) * Max(n, 1));
	terms->tf = palloc(sizeof(uint32) * Max(n, 1));
	for (uint32 i = 0; i < n; i++)
	{
		length += found[i].tf;
		if (terms->n > 0 && terms->hash[terms->n - 1] == found[i].hash)
			terms->tf[terms->n - 1] += found[i].tf;
		else
		{
			terms->hash[terms->n] = found[i].hash;
			terms->tf[terms->n++] = found[i].tf;
		}
	}
	terms->length = length;
}

void
OhTermsOfText(Oid config, Datum value, OhTerms *terms)
{
	text	   *document = DatumGetTextPP(value);
	ParsedText	parsed = {0};
	Occurrence *found;

	parsed.lenwords = Max(VARSIZE_ANY_EXHDR(document) / LETTERS_PER_WORD, 2);
	parsed.words = palloc_extended(sizeof(ParsedWord) * parsed.lenwords, MCXT_ALLOC_HUGE);
	parsetext(config, &parsed, VARDATA_ANY(document), VARSIZE_ANY_EXHDR(document));
	found = palloc_extended(sizeof(Occurrence) * Max(parsed.curwords, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < parsed.curwords; i++)
	{
		found[i].hash = OhLexemeHash(parsed.words[i].word, parsed.words[i].len);
		found[i].tf = 1;
		pfree(parsed.words[i].word);
	}
	collect(found, parsed.curwords, terms);
	pfree(found);
	pfree(parsed.words);
	if ((Pointer) document != DatumGetPointer(value))
		pfree(document);
}

void
OhTermsOfTsvector(Datum value, const uint8 weight[4], OhTerms *terms)
{
	TSVector	vector = DatumGetTSVector(value);
	const		WordEntry *entry = ARRPTR(vector);
	Occurrence *found = palloc(sizeof(Occurrence) * Max(vector->size, 1));
	uint32		n = 0;

	for (int i = 0; i < vector->size; i++)
	{
		uint32		tf = 0;

		if (entry[i].haspos)
		{
			const		WordEntryPosVector *positions = _POSVECPTR(vector, &entry[i]);

			for (int p = 0; p < positions->npos; p++)
				tf += weight[WEP_GETWEIGHT(positions->pos[p])];
		}
		else
			tf = weight[0];
		if (tf == 0)
			continue;
		found[n].hash = OhLexemeHash(STRPTR(vector) + entry[i].pos, entry[i].len);
		found[n++].tf = tf;
	}
	collect(found, n, terms);
	pfree(found);
	if ((Pointer) vector != DatumGetPointer(value))
		pfree(vector);
}
