/*
 * parse.c -- parses what a person typed into terms and requirements.
 *
 *     solar storms           any of the words; with mode "all" each of them
 *     "solar storm"          the words must follow one another
 *     -wind -"dark matter"   must not occur
 *
 * Everything else is words, which the configuration's parser splits.  No input is a syntax
 * error, as with websearch_to_tsquery(). If dictionaries give several forms of a word,
 * these are alternatives.  A trailing * or ~ asks for something that an index of hashes
 * cannot find, and raises an error that says so.
 */
#include "postgres.h"

#include <ctype.h>

#include "parser/scansup.h"
#include "tsearch/ts_type.h"
#include "tsearch/ts_utils.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"

#include "bm25/query/parse.h"
#include "bm25/query/terms.h"
#include "compat.h"

typedef struct Found
{
	uint64		hash;
	int			part;
	int			word;
	bool		excluded;
} Found;

typedef struct Parser
{
	Oid			config;
	bool		all;
	Found	   *found;
	int			nfound;
	int			allocated;
	int			nwords;
	OhPart	   *part;
	int			nparts;
	int			parts_allocated;
} Parser;

/*
 * add_found -- add one form of a word.
 */
static void
add_found(Parser *p, uint64 hash, int part, int word, bool excluded)
{
	if (p->nfound == p->allocated)
	{
		p->allocated = Max(16, p->allocated * 2);
		p->found = p->found == NULL ? palloc(sizeof(Found) * p->allocated) :
			repalloc(p->found, sizeof(Found) * p->allocated);
	}
	p->found[p->nfound++] = (Found) {hash, part, word, excluded};
}

static int
add_part(Parser *p, bool required, bool excluded)
{
	if (p->nparts == p->parts_allocated)
	{
		p->parts_allocated = Max(8, p->parts_allocated * 2);
		p->part = p->part == NULL ? palloc(sizeof(OhPart) * p->parts_allocated) :
			repalloc(p->part, sizeof(OhPart) * p->parts_allocated);
	}
	p->part[p->nparts] = (OhPart) {required, excluded, 0};
	return p->nparts++;
}

/*
 * add_words -- split a piece of text into words; returns how many there are.
 */
static int
add_words(Parser *p, const char *text, int length, int part)
{
	ParsedText	parsed = {0};
	char	   *copy = pnstrdup(text, length);
	int			nwords = 0;

	parsed.lenwords = Max(length / 6, 4);
	parsed.words = palloc(sizeof(ParsedWord) * parsed.lenwords);
	parsetext(p->config, &parsed, copy, length);
	for (int i = 0; i < parsed.curwords; i++)
	{
		if (i == 0 || parsed.words[i].pos.pos != parsed.words[i - 1].pos.pos)
		{
			nwords++;
			p->nwords++;
		}
		add_found(p, OhLexemeHash(parsed.words[i].word, parsed.words[i].len), part, p->nwords - 1,
				  p->part[part].excluded);
	}
	pfree(copy);
	return nwords;
}

/*
 * refuse_pattern -- raise the error for stor* or stomr~, which this index does not support.
 */
static void
refuse_pattern(const char *word, int length)
{
	int			end = length;
	bool		fuzzy = false;

	while (end > 0 && isdigit((unsigned char) word[end - 1]))
		end--;
	if (end > 0 && word[end - 1] == '~')
		fuzzy = true;
	else
		end = length;
	if (end < 2 || (!fuzzy && word[end - 1] != '*') ||
		!(isalnum((unsigned char) word[end - 2]) || IS_HIGHBIT_SET(word[end - 2])))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s search is not supported: \"%s\"", fuzzy ? "fuzzy" : "prefix",
					pnstrdup(word, length)),
			 errdetail("An omenbm25 index finds whole words, in all forms that its text search configuration knows."),
			 fuzzy ? errhint("Write the word without ~; pg_trgm finds words that are spelled alike.") :
			 errhint("Write the word without *; to_tsquery('stor:*') on a GIN index finds prefixes.")));
}

/*
 * add_quoted -- add a phrase, or words that must not occur.
 */
static void
add_quoted(Parser *p, const char *text, int length, bool excluded)
{
	int			part = add_part(p, !excluded, excluded);

	/* a single word is found by the index alone; the row need not be checked */
	if (add_words(p, text, length, part) > 1)
		p->part[part].phrase = DirectFunctionCall2(phraseto_tsquery_byid, ObjectIdGetDatum(p->config),
												   PointerGetDatum(cstring_to_text_with_len(text, length)));
}

/*
 * split -- split the text into its parts.
 */
static void
split(Parser *p, const char *text, int length)
{
	int			plain = add_part(p, p->all, false);
	int			start = 0;		/* start of plain words that have not been added yet */
	int			i = 0;

	while (i < length)
	{
		bool		minus = false;
		int			begin = i;
		int			word;

		if (scanner_isspace(text[i]))
		{
			i++;
			continue;
		}
		if (text[i] == '-' && i + 1 < length && !scanner_isspace(text[i + 1]))
		{
			minus = true;
			i++;
		}
		if (text[i] == '"' || minus)
		{
			bool		quoted = text[i] == '"';

			(void) add_words(p, text + start, begin - start, plain);
			word = quoted ? ++i : i;
			while (i < length && (quoted ? text[i] != '"' : !scanner_isspace(text[i])))
				i++;
			if (quoted)
				add_quoted(p, text + word, i - word, minus);
			else
			{
				refuse_pattern(text + word, i - word);
				(void) add_words(p, text + word, i - word, add_part(p, false, true));
			}
			start = quoted ? i + 1 : i;
			i = Min(start, length);
			start = i;
			continue;
		}
		word = i;
		while (i < length && !scanner_isspace(text[i]) && text[i] != '"')
			i++;
		refuse_pattern(text + word, i - word);
	}
	(void) add_words(p, text + start, length - start, plain);
}

static int
compare_found(const void *a, const void *b)
{
	const Found *x = a;
	const Found *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

int
OhTermNumber(const OhTextQuery *query, uint64 hash)
{
	int			low = 0;
	int			high = query->nterms;

	while (low < high)
	{
		int			mid = (low + high) / 2;

		if (query->hash[mid] < hash)
			low = mid + 1;
		else
			high = mid;
	}
	return low < query->nterms && query->hash[low] == hash ? low : -1;
}

/*
 * make_terms -- collect the distinct hashes, and how often the query has each.
 */
static void
make_terms(OhTextQuery *query, const Parser *p)
{
	Found	   *sorted = palloc(sizeof(Found) * Max(p->nfound, 1));

	if (p->nfound > 0)			/* without words there is no list to copy */
		memcpy(sorted, p->found, sizeof(Found) * p->nfound);
	qsort(sorted, p->nfound, sizeof(Found), compare_found);
	query->hash = palloc(sizeof(uint64) * Max(p->nfound, 1));
	query->count = palloc0(sizeof(uint32) * Max(p->nfound, 1));
	query->weight = palloc0(sizeof(double) * Max(p->nfound, 1));
	for (int i = 0; i < p->nfound; i++)
	{
		if (i == 0 || sorted[i].hash != sorted[i - 1].hash)
			query->hash[query->nterms++] = sorted[i].hash;
		if (!sorted[i].excluded)
			query->count[query->nterms - 1]++;
	}
	pfree(sorted);
	if (query->nterms > OH_MAX_TERMS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a query cannot have more than %d words", OH_MAX_TERMS),
				 errdetail("It has %d.", query->nterms)));
}

/*
 * make_words -- collect the words with their forms, in the order of their parts.  Plain words, all of part 0, may
 * stand between the others.
 */
static void
make_words(OhTextQuery *query, const Parser *p)
{
	/* one list for all: a text may repeat few words very often */
	int		   *form = palloc_extended(sizeof(int) * Max(p->nfound, 1), MCXT_ALLOC_HUGE);
	OhWord	   *typed = palloc_extended(sizeof(OhWord) * Max(p->nwords, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	/* forms of a word are adjacent */
	for (int i = 0; i < p->nfound; i++)
	{
		OhWord	   *word = &typed[p->found[i].word];

		form[i] = OhTermNumber(query, p->found[i].hash);
		if (word->nforms++ == 0)
			word->form = &form[i];
		word->part = p->found[i].part;
	}
	query->word = palloc_extended(sizeof(OhWord) * Max(p->nwords, 1), MCXT_ALLOC_HUGE);
	for (int plain = 1; plain >= 0; plain--)
	{
		for (int i = 0; i < p->nwords; i++)
		{
			if ((typed[i].part == 0) == (plain == 1))
				query->word[query->nwords++] = typed[i];
		}
	}
	pfree(typed);
}

OhTextQuery *
OhTextQueryParse(const OhBm25Query *source, Oid config)
{
	OhTextQuery *query = palloc0(sizeof(OhTextQuery));
	Parser		p = {.config = config, .all = source->mode == OH_MODE_ALL};

	split(&p, source->text, OhQueryTextLength(source));
	make_terms(query, &p);
	make_words(query, &p);
	query->nparts = p.nparts;
	query->part = p.part;
	for (int i = 0; i < query->nparts; i++)
	{
		query->phrases |= query->part[i].phrase != 0;
		query->demands |= query->part[i].required || query->part[i].excluded;
	}
	return query;
}

static void *
copy_of(const void *from, Size bytes)
{
	void	   *copy = palloc_extended(Max(bytes, 1), MCXT_ALLOC_HUGE);

	memcpy(copy, from, bytes);
	return copy;
}

OhTextQuery *
OhTextQueryCopy(const OhTextQuery *query)
{
	OhTextQuery *copy = copy_of(query, sizeof(OhTextQuery));
	Size		nterms = query->nterms;

	copy->hash = copy_of(query->hash, sizeof(uint64) * nterms);
	copy->count = copy_of(query->count, sizeof(uint32) * nterms);
	copy->weight = copy_of(query->weight, sizeof(double) * nterms);
	if (query->with != NULL)
		copy->with = copy_of(query->with, sizeof(double) * nterms);
	copy->word = copy_of(query->word, sizeof(OhWord) * query->nwords);
	for (int i = 0; i < query->nwords; i++)
	{
		if (query->word[i].nforms > 0)
			copy->word[i].form = copy_of(query->word[i].form, sizeof(int) * query->word[i].nforms);
	}
	copy->part = copy_of(query->part, sizeof(OhPart) * query->nparts);
	for (int i = 0; i < query->nparts; i++)
	{
		if (query->part[i].phrase != 0)
			copy->part[i].phrase = datumCopy(query->part[i].phrase, false, -1);
	}
	return copy;
}

bool
OhTextQueryMatches(const OhTextQuery *query, const bool *has)
{
	bool		any = false;

	for (int i = 0; i < query->nterms && !any; i++)
		any = has[i] && query->count[i] > 0;
	if (!any || !query->demands)
		return any;

	for (int part = 0, i = 0; part < query->nparts; part++)
	{
		bool		complete = true;
		bool		empty = true;

		for (; i < query->nwords && query->word[i].part == part; i++)
		{
			const OhWord *word = &query->word[i];
			bool		there = false;

			empty = false;
			for (int f = 0; f < word->nforms && !there; f++)
				there = has[word->form[f]];
			complete &= there;
		}
		if (empty)
			continue;
		if (query->part[part].required && !complete)
			return false;
		/* if all words of an excluded phrase occur, the row must be checked */
		if (query->part[part].excluded && complete && query->part[part].phrase == 0)
			return false;
	}
	return true;
}
