/*
 * phrase.c -- looks for a query's phrases in a row.
 *
 * PostgreSQL evaluates phrases, in a tsvector, by positions of 14 bits, of which a tsvector has
 * at most 255 for each lexeme.  A text may be longer: here, the positions of the query's words
 * are numbers of 32 bits, and a phrase is evaluated in overlapping windows of as many positions
 * as PostgreSQL can tell apart.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "parser/scansup.h"
#include "tsearch/ts_cache.h"
#include "tsearch/ts_type.h"
#include "tsearch/ts_utils.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "bm25/query/phrase.h"
#include "bm25/query/terms.h"
#include "compat.h"

/* Positions of a window: 1 to this. */
#define WINDOW			(MAXENTRYPOS - 1)
/* Tokens of a piece of a longer text, of which few are more than one position. */
#define PIECE_TOKENS	(MAXENTRYPOS / 4)
/* Longer texts are read in pieces at once. */
#define WHOLE_BYTES		(1024 * 1024)

/* Where a word of the query stands. */
typedef struct Place
{
	int			term;
	uint32		pos;
} Place;

typedef struct Places
{
	const OhTextQuery *query;
	uint32		n;
	uint32		allocated;
	Place	   *place;			/* sorted by term, then by position, once all are found */
	uint32		last;			/* the text's last position */

	/* of the phrase and the window that are looked at */
	TSQuery		phrase;
	uint32		start;
} Places;

static int
compare_places(const void *a, const void *b)
{
	const Place *x = a;
	const Place *y = b;

	if (x->term != y->term)
		return x->term < y->term ? -1 : 1;
	return x->pos < y->pos ? -1 : x->pos > y->pos;
}

/*
 * add_words -- add the query's words of a piece of text, whose positions follow those of the pieces
 * before.  If it has more positions than can be told apart: only if any is set, the last ones as
 * one; returns whether it was added.
 */
static bool
add_words(Places *places, Oid config, char *piece, int length, bool any)
{
	ParsedText	parsed = {0};
	bool		added;

	parsed.lenwords = Max(length / 6, 16);
	parsed.words = palloc(sizeof(ParsedWord) * parsed.lenwords);
	parsetext(config, &parsed, piece, length);
	added = any || parsed.pos <= WINDOW;
	for (int i = 0; i < parsed.curwords && added; i++)
	{
		int			term = OhTermNumber(places->query, OhLexemeHash(parsed.words[i].word, parsed.words[i].len));

		if (term < 0)
			continue;
		if (places->n == places->allocated)
		{
			places->allocated = Max(64, places->allocated * 2);
			places->place = places->place == NULL ?
				palloc(sizeof(Place) * places->allocated) :
				repalloc_huge(places->place, sizeof(Place) * places->allocated);
		}
		places->place[places->n++] = (Place) {term, places->last + parsed.words[i].pos.pos};
	}
	for (int i = 0; i < parsed.curwords; i++)
		pfree(parsed.words[i].word);
	pfree(parsed.words);
	if (added)
		places->last += parsed.pos;
	return added;
}

/*
 * add_pieces -- add the query's words of a text that is too long to be read as one.
 *
 * It is cut before a blank, between two tokens of the parser, so that tokens with blanks stay
 * whole.  (A dictionary of phrases, as thesaurus, does not see beyond a cut.)
 */
static void
add_pieces(Places *places, Oid config, char *document, int length)
{
	TSParserCacheEntry *parser = lookup_ts_parser_cache(lookup_ts_config_cache(config)->prsId);
	Datum		state = FunctionCall2(&parser->prsstart, PointerGetDatum(document), Int32GetDatum(length));
	char	   *begin = document;
	int			tokens = 0;
	char	   *token;
	int			token_length;

	while (DatumGetInt32(FunctionCall3(&parser->prstoken, state, PointerGetDatum(&token),
									   PointerGetDatum(&token_length))) > 0)
	{
		if (++tokens < PIECE_TOKENS || token <= begin || token >= document + length ||
			token_length < 1 || !scanner_isspace(*token))
			continue;
		CHECK_FOR_INTERRUPTS();
		(void) add_words(places, config, begin, token - begin, true);
		begin = token;
		tokens = 0;
	}
	FunctionCall1(&parser->prsend, state);
	(void) add_words(places, config, begin, document + length - begin, true);
}

/* The number of the first place of a term at a position or behind it. */
static uint32
first_place(const Places *places, int term, uint32 pos)
{
	uint32		low = 0;
	uint32		high = places->n;
	Place		wanted = {term, pos};

	while (low < high)
	{
		uint32		mid = low + (high - low) / 2;

		if (compare_places(&places->place[mid], &wanted) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/*
 * find_operand -- for TS_execute: where the window has a word of the phrase.
 */
static TSTernaryValue
find_operand(void *arg, QueryOperand * operand, ExecPhraseData * data)
{
	const Places *places = arg;
	int			term = OhTermNumber(places->query, OhLexemeHash(GETOPERAND(places->phrase) + operand->distance,
																operand->length));
	uint32		from;
	uint32		to;

	if (term < 0)
		return TS_NO;
	from = first_place(places, term, places->start);
	to = first_place(places, term, places->start + WINDOW);
	if (from == to)
		return TS_NO;
	if (data != NULL)
	{
		data->pos = palloc(sizeof(WordEntryPos) * (to - from));
		data->allocated = true;
		for (uint32 i = from; i < to; i++)
		{
			/* two forms of a word may be equal */
			if (i == from || places->place[i].pos != places->place[i - 1].pos)
			{
				data->pos[data->npos] = 0;
				WEP_SETPOS(data->pos[data->npos], places->place[i].pos - places->start + 1);
				data->npos++;
			}
		}
	}
	return TS_YES;
}

/* How many positions a phrase takes, at most. */
static uint32
phrase_span(TSQuery phrase)
{
	const		QueryItem *item = GETQUERY(phrase);
	uint32		span = 1;

	for (int i = 0; i < phrase->size; i++)
	{
		if (item[i].type == QI_OPR && item[i].qoperator.oper == OP_PHRASE)
			span += item[i].qoperator.distance;
	}
	return span;
}

static bool
has_phrase(Places *places, Datum phrase)
{
	uint32		span;
	uint32		step;

	places->phrase = DatumGetTSQuery(phrase);
	span = phrase_span(places->phrase);
	step = span < WINDOW ? WINDOW - span + 1 : 1;
	for (places->start = 1;; places->start += step)
	{
		CHECK_FOR_INTERRUPTS();
		if (TS_execute(GETQUERY(places->phrase), places, TS_EXEC_EMPTY, find_operand))
			return true;
		if (places->start + WINDOW > places->last)
			return false;
	}
}

bool
OhTextMeetsPhrases(const OhTextQuery *query, Oid config, Datum value)
{
	text	   *document = DatumGetTextPP(value);
	char	   *data = VARDATA_ANY(document);
	int			length = VARSIZE_ANY_EXHDR(document);
	Places		places = {.query = query};

	if (length > WHOLE_BYTES || !add_words(&places, config, data, length, false))
		add_pieces(&places, config, data, length);
	if (places.n > 0)
		qsort(places.place, places.n, sizeof(Place), compare_places);
	for (int i = 0; i < query->nparts; i++)
	{
		const OhPart *part = &query->part[i];

		if (part->phrase != 0 && has_phrase(&places, part->phrase) == part->excluded)
			return false;
	}
	return true;
}

bool
OhTsvectorMeetsPhrases(const OhTextQuery *query, Datum value)
{
	for (int i = 0; i < query->nparts; i++)
	{
		const OhPart *part = &query->part[i];

		if (part->phrase != 0 &&
			DatumGetBool(DirectFunctionCall2(ts_match_vq, value, part->phrase)) == part->excluded)
			return false;
	}
	return true;
}
