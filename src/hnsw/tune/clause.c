/*
 * clause.c -- omendb_index_clause(): what an index is made of, for statements that are put
 * together of a user's text.
 *
 * The text is read by PostgreSQL's own parser, in the place where it will stand, with a name
 * of ours behind it; then again with another name.  If each name comes out at the end of the
 * list, and there is one statement, then the list ends where we end it: a text that closes
 * the list itself, or begins a comment, has the same list both times.  So the text is
 * columns, or storage parameters, and nothing else.
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"

#include "compat.h"
#include "hnsw/tune/tune.h"

/* Names that are put behind the text, in turn. */
static const char *const last_name[] = {"omendb_last", "omendb_end"};

OM_FUNCTION(om_index_clause);

/* A text to read, for messages. */
typedef struct Given
{
	const char *what;
	const char *text;
} Given;

/*
 * say_which -- tell which text an error of the parser is about.  Its position is that in a
 * statement that nobody has written, and is left out.
 */
static void
say_which(void *arg)
{
	const Given *given = arg;

	errposition(0);
	errcontext("%s \"%s\"", given->what, given->text);
}

/*
 * read_index -- the CREATE INDEX that this text is; NULL if it is something else, or more.
 */
static IndexStmt *
read_index(const char *sql, Given *given)
{
	ErrorContextCallback callback = {.previous = error_context_stack, .callback = say_which, .arg = given};
	List	   *statements;

	error_context_stack = &callback;
	statements = raw_parser(sql, RAW_PARSE_DEFAULT);
	error_context_stack = callback.previous;
	if (list_length(statements) != 1 || !IsA(linitial_node(RawStmt, statements)->stmt, IndexStmt))
		return NULL;
	return (IndexStmt *) linitial_node(RawStmt, statements)->stmt;
}

static void
refuse(const Given *given, const char *place)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid %s: \"%s\"", given->what, given->text),
			 errdetail("Nothing but what stands in the parentheses after %s in CREATE INDEX is allowed.", place)));
}

static void
verify_columns(const char *columns)
{
	Given		given = {"columns of an index", columns};

	for (int i = 0; i < lengthof(last_name); i++)
	{
		IndexStmt  *index = read_index(psprintf("CREATE INDEX ON t USING omenhnsw (%s, %s)", columns, last_name[i]),
									   &given);
		const char *last = index == NULL ? NULL : llast_node(IndexElem, index->indexParams)->name;

		if (last == NULL || strcmp(last, last_name[i]) != 0)
			refuse(&given, "USING omenhnsw");
	}
}

static void
verify_options(const char *options)
{
	Given		given = {"options of an index", options};

	for (int i = 0; i < lengthof(last_name); i++)
	{
		IndexStmt  *index = read_index(psprintf("CREATE INDEX ON t USING omenhnsw (c) WITH (%s, %s)", options,
												last_name[i]), &given);

		if (index == NULL || strcmp(llast_node(DefElem, index->options)->defname, last_name[i]) != 0)
			refuse(&given, "WITH");
	}
}

/*
 * om_index_clause -- omendb_index_clause(columns text, options text): "USING omenhnsw
 * (columns) WITH (options)", which is safe behind CREATE INDEX name ON table.
 */
Datum
om_index_clause(PG_FUNCTION_ARGS)
{
	char	   *columns = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *options = text_to_cstring(PG_GETARG_TEXT_PP(1));

	verify_columns(columns);
	if (*options == '\0')
		PG_RETURN_TEXT_P(cstring_to_text(psprintf("USING omenhnsw (%s)", columns)));
	verify_options(options);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("USING omenhnsw (%s) WITH (%s)", columns, options)));
}
