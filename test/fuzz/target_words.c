/*
 * target_words.c -- texts that somebody has typed as a search.
 *
 * Input: a byte of options (1: mode all; 2: the text is repeated, to some 16 kB), then the text. No text is a
 * syntax error, only a pattern (a word with * or ~) is one that says so; and what is made of it keeps its promises:
 * terms ascend, words have forms that are terms and the order of parts, parts are there, a document with all terms, or
 * none, gets an answer, and the memory that this takes grows as the text does.
 */
#include "server.h"

#include <ctype.h>

#include "parser/scansup.h"
#include "tsearch/ts_utils.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "bm25/query/bm25query.h"
#include "bm25/query/parse.h"

/*
 * Bytes that the parser may allocate, lists that have grown included: a byte of text is half a word, or a third of a
 * part, and the dictionaries below know three forms of a word.
 */
#define MOST_OF_TEXT(length) (8192 + 512 * (length))

#define LONG_TEXT 16384

static int	phrases;			/* that have been made */

/* As in scansup.c of the server. */
bool
scanner_isspace(char ch)
{
	return strchr(" \t\n\r\v\f", ch) != NULL && ch != '\0';
}

/*
 * parsetext -- a parser of words of letters and digits, and dictionaries that know several forms of words with an x
 * and leave out words of one letter.
 */
void
parsetext(Oid config, ParsedText * parsed, char *text, int length)
{
	int			i = 0;

	while (i < length)
	{
		int			begin = i;
		int			forms;

		while (i < length && (isalnum((unsigned char) text[i]) || IS_HIGHBIT_SET(text[i])))
			i++;
		if (i == begin)
		{
			i++;
			continue;
		}
		parsed->pos++;
		if (i - begin == 1)
			continue;
		forms = 1 + (memchr(text + begin, 'x', i - begin) != NULL) * 2;
		for (int form = 0; form < forms; form++)
		{
			ParsedWord *word;

			if (parsed->curwords == parsed->lenwords)
			{
				parsed->lenwords *= 2;
				parsed->words = repalloc(parsed->words, sizeof(ParsedWord) * parsed->lenwords);
			}
			word = &parsed->words[parsed->curwords++];
			memset(word, 0, sizeof(*word));
			word->word = pnstrdup(text + begin, i - begin - (form < i - begin ? form : 0));
			word->len = strlen(word->word);
			word->pos.pos = parsed->pos;
		}
	}
}

text *
cstring_to_text_with_len(const char *string, int length)
{
	text	   *result = palloc(length + VARHDRSZ);

	SET_VARSIZE(result, length + VARHDRSZ);
	memcpy(VARDATA(result), string, length);
	return result;
}

/* Phrases are the server's: what they are is not looked at here. */
Datum
phraseto_tsquery_byid(PG_FUNCTION_ARGS)
{
	return 0;
}

Datum
ts_match_vq(PG_FUNCTION_ARGS)
{
	return BoolGetDatum(true);
}

Datum
DirectFunctionCall2Coll(PGFunction func, Oid collation, Datum arg1, Datum arg2)
{
	if (func == phraseto_tsquery_byid)
	{
		phrases++;
		return PointerGetDatum(palloc0(16));
	}
	return func(NULL);
}

static void
check_query(const OhTextQuery *query)
{
	bool	   *has = palloc0(Max(query->nterms, 1));
	bool		scores = false;
	int			with_phrase = 0;

	for (int i = 0; i < query->nterms; i++)
	{
		if (i > 0 && query->hash[i] <= query->hash[i - 1])
			fuzz_fail("terms do not ascend", NULL);
		scores |= query->count[i] > 0;
	}
	for (int i = 0; i < query->nwords; i++)
	{
		if (query->word[i].part < 0 || query->word[i].part >= query->nparts)
			fuzz_fail("a word of no part", NULL);
		if (i > 0 && query->word[i].part < query->word[i - 1].part)
			fuzz_fail("words are not in the order of their parts", NULL);
		if (query->word[i].nforms < 1)
			fuzz_fail("a word without forms", NULL);
		for (int f = 0; f < query->word[i].nforms; f++)
		{
			if (query->word[i].form[f] < 0 || query->word[i].form[f] >= query->nterms)
				fuzz_fail("a form that is no term", NULL);
		}
	}
	for (int i = 0; i < query->nparts; i++)
		with_phrase += query->part[i].phrase != 0;
	if (with_phrase != phrases || query->phrases != (phrases > 0))
		fuzz_fail("a phrase is lost", NULL);
	if (OhTextQueryMatches(query, has))
		fuzz_fail("a document without words matches", NULL);
	memset(has, 1, Max(query->nterms, 1));
	if (OhTextQueryMatches(query, has) && !scores)
		fuzz_fail("a document matches excluded words", NULL);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	OhBm25Query *source;
	OhTextQuery *query = NULL;
	size_t		length = 0;
	int			times;

	if (size == 0)
		return;
	/* no text of a server has a zero byte */
	while (1 + length < size && data[1 + length] != 0)
		length++;
	times = data[0] & 2 && length > 0 ? Max(LONG_TEXT / length, 1) : 1;
	source = palloc0(offsetof(OhBm25Query, text) + length * times);
	SET_VARSIZE(source, offsetof(OhBm25Query, text) + length * times);
	source->mode = data[0] & 1 ? OH_MODE_ALL : OH_MODE_ANY;
	for (int i = 0; i < times; i++)
		memcpy(source->text + i * length, data + 1, length);
	length *= times;
	phrases = 0;
	fuzz_allocated = 0;
	if (FUZZ_TRY(query = OhTextQueryParse(source, 1)))
	{
		if (fuzz_allocated > MOST_OF_TEXT(length))
			fuzz_fail("a query takes too much memory", NULL);
		check_query(query);
	}
	else if (fuzz_sqlstate != ERRCODE_FEATURE_NOT_SUPPORTED && fuzz_sqlstate != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		fuzz_fail("an error that no text may raise", fuzz_message);
}
