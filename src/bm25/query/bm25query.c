/*
 * bm25query.c -- the SQL type bm25query: text and binary form, constructors.
 *
 * The text form is the text as it was typed.  If the value names an index, a configuration
 * or a mode, a head comes first:
 *
 *     [bm25 index=public.doc_idx config=english mode=all] solar storms
 *
 * A text that starts like a head but is not one is just a text.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

#include "bm25/query/bm25query.h"
#include "compat.h"

#define HEAD "[bm25"
#define BINARY_VERSION 1

OM_FUNCTION(om_bm25query_in);
OM_FUNCTION(om_bm25query_out);
OM_FUNCTION(om_bm25query_recv);
OM_FUNCTION(om_bm25query_send);
OM_FUNCTION(om_bm25query_make);
OM_FUNCTION(om_bm25query_from_text);
OM_FUNCTION(om_bm25query_bind);

OhBm25Query *
OhMakeBm25Query(const char *text, int length, Oid config, Oid index, OhQueryMode mode)
{
	OhBm25Query *query = palloc0(offsetof(OhBm25Query, text) + length);

	SET_VARSIZE(query, offsetof(OhBm25Query, text) + length);
	query->index = index;
	query->config = config;
	query->mode = mode;
	memcpy(query->text, text, length);
	return query;
}

static OhQueryMode
mode_of(const char *name)
{
	if (strcmp(name, "any") == 0)
		return OH_MODE_ANY;
	if (strcmp(name, "all") == 0)
		return OH_MODE_ALL;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid mode of a bm25query: \"%s\"", name),
			 errhint("Valid modes are \"any\" and \"all\".")));
}

static Oid
index_of(const char *name)
{
	return RangeVarGetRelid(makeRangeVarFromNameList(om_qualified_name(name)), NoLock, false);
}

/*
 * take_value -- copy a value, which may be quoted, up to a space or ']'.
 */
static char *
take_value(const char **at)
{
	StringInfoData value;
	bool		quoted = false;

	initStringInfo(&value);
	for (; **at != '\0' && (quoted || (**at != ' ' && **at != ']')); (*at)++)
	{
		quoted ^= **at == '"';
		appendStringInfoChar(&value, **at);
	}
	return value.data;
}

/*
 * parse_head -- parse a head and return what follows; NULL if the string does not start
 * with one.
 */
static const char *
parse_head(const char *string, char **index, char **config, char **mode)
{
	const char *at = string + strlen(HEAD);

	if (strncmp(string, HEAD, strlen(HEAD)) != 0)
		return NULL;
	while (*at == ' ')
	{
		char	  **to;

		at++;
		if (strncmp(at, "index=", 6) == 0)
			to = index;
		else if (strncmp(at, "config=", 7) == 0)
			to = config;
		else if (strncmp(at, "mode=", 5) == 0)
			to = mode;
		else
			return NULL;
		at = strchr(at, '=') + 1;
		*to = take_value(&at);
	}
	if (*at != ']')
		return NULL;
	at++;
	return *at == ' ' ? at + 1 : at;
}

Datum
om_bm25query_in(PG_FUNCTION_ARGS)
{
	char	   *string = PG_GETARG_CSTRING(0);
	char	   *index = NULL;
	char	   *config = NULL;
	char	   *mode = NULL;
	const char *rest = parse_head(string, &index, &config, &mode);

	if (rest == NULL)
		PG_RETURN_POINTER(OhMakeBm25Query(string, strlen(string), InvalidOid, InvalidOid, OH_MODE_ANY));
	PG_RETURN_POINTER(OhMakeBm25Query(rest, strlen(rest),
									  config ? get_ts_config_oid(om_qualified_name(config), false) : InvalidOid,
									  index ? index_of(index) : InvalidOid,
									  mode ? mode_of(mode) : OH_MODE_ANY));
}

/*
 * index_name -- the qualified and quoted name of an index; NULL if it has been dropped.
 */
static char *
index_name(Oid index)
{
	char	   *name = OidIsValid(index) ? get_rel_name(index) : NULL;

	if (name == NULL)
		return NULL;
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(index)), name);
}

static char *
config_name(Oid config)
{
	if (!OidIsValid(config))
		return NULL;
	return DatumGetCString(DirectFunctionCall1(regconfigout, ObjectIdGetDatum(config)));
}

Datum
om_bm25query_out(PG_FUNCTION_ARGS)
{
	OhBm25Query *query = PG_GETARG_BM25QUERY(0);
	char	   *index = index_name(query->index);
	char	   *config = config_name(query->config);
	StringInfoData out;

	initStringInfo(&out);
	appendBinaryStringInfo(&out, query->text, OhQueryTextLength(query));
	if (index != NULL || config != NULL || query->mode != OH_MODE_ANY ||
		strncmp(out.data, HEAD, strlen(HEAD)) == 0)
	{
		resetStringInfo(&out);
		appendStringInfoString(&out, HEAD);
		if (index != NULL)
			appendStringInfo(&out, " index=%s", index);
		if (config != NULL)
			appendStringInfo(&out, " config=%s", config);
		if (query->mode == OH_MODE_ALL)
			appendStringInfoString(&out, " mode=all");
		appendStringInfoString(&out, "] ");
		appendBinaryStringInfo(&out, query->text, OhQueryTextLength(query));
	}
	PG_RETURN_CSTRING(out.data);
}

Datum
om_bm25query_send(PG_FUNCTION_ARGS)
{
	OhBm25Query *query = PG_GETARG_BM25QUERY(0);
	char	   *index = index_name(query->index);
	char	   *config = config_name(query->config);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint8(&buf, BINARY_VERSION);
	pq_sendint8(&buf, query->mode);
	pq_sendstring(&buf, index ? index : "");
	pq_sendstring(&buf, config ? config : "");
	pq_sendtext(&buf, query->text, OhQueryTextLength(query));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

Datum
om_bm25query_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			version = pq_getmsgbyte(buf);
	int			mode = pq_getmsgbyte(buf);
	const char *index = pq_getmsgstring(buf);
	const char *config = pq_getmsgstring(buf);
	int			length;
	char	   *text = pq_getmsgtext(buf, buf->len - buf->cursor, &length);

	if (version != BINARY_VERSION || mode > OH_MODE_ALL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary form of a bm25query: version %d, mode %d", version, mode)));
	PG_RETURN_POINTER(OhMakeBm25Query(text, length,
									  config[0] ? get_ts_config_oid(om_qualified_name(config), false) : InvalidOid,
									  index[0] ? index_of(index) : InvalidOid, mode));
}

/*
 * om_bm25query_make -- bm25query(query text, config regconfig, index regclass, mode text)
 *
 * Not strict: configuration and index may be left out.
 */
Datum
om_bm25query_make(PG_FUNCTION_ARGS)
{
	text	   *words;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	words = PG_GETARG_TEXT_PP(0);
	PG_RETURN_POINTER(OhMakeBm25Query(VARDATA_ANY(words), VARSIZE_ANY_EXHDR(words),
									  PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1),
									  PG_ARGISNULL(2) ? InvalidOid : PG_GETARG_OID(2),
									  PG_ARGISNULL(3) ? OH_MODE_ANY : mode_of(text_to_cstring(PG_GETARG_TEXT_PP(3)))));
}

/* The cast from text. */
Datum
om_bm25query_from_text(PG_FUNCTION_ARGS)
{
	text	   *words = PG_GETARG_TEXT_PP(0);

	PG_RETURN_POINTER(OhMakeBm25Query(VARDATA_ANY(words), VARSIZE_ANY_EXHDR(words), InvalidOid, InvalidOid,
									  OH_MODE_ANY));
}

/*
 * om_bm25query_bind -- bind a query that names no index to one: see textbind.c.
 */
Datum
om_bm25query_bind(PG_FUNCTION_ARGS)
{
	OhBm25Query *query = PG_GETARG_BM25QUERY(0);

	if (!OidIsValid(query->index))
	{
		query = OhMakeBm25Query(query->text, OhQueryTextLength(query), query->config, PG_GETARG_OID(1),
								query->mode);
	}
	PG_RETURN_POINTER(query);
}
