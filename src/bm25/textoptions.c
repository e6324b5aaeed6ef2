/*
 * textoptions.c -- storage parameters of omenbm25, and how they become the constants of a
 * new index, which keeps them until it is rebuilt.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/namespace.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_type.h"
#include "tsearch/ts_cache.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "bm25/textoptions.h"
#include "compat.h"
#include "filter/key.h"
#include "storage/setoptions.h"

#define DEFAULT_TAIL_LIMIT	2048
#define MAX_TAIL_LIMIT		(1024 * 1024)

int			oh_tail_limit = DEFAULT_TAIL_LIMIT;

static relopt_kind text_relopt_kind;

/*
 * parse_weights -- parse four whole numbers, for the labels D, C, B and A; false if the
 * string is not that.
 */
static bool
parse_weights(const char *string, uint8 weight[4])
{
	for (int i = 0; i < 4; i++)
	{
		char	   *end;
		long		value;

		while (*string == ' ')
			string++;
		value = strtol(string, &end, 10);
		if (end == string || value < 0 || value > OH_MAX_WEIGHT)
			return false;
		weight[i] = value;
		while (*end == ' ')
			end++;
		if (*end != (i < 3 ? ',' : '\0'))
			return false;
		string = end + 1;
	}
	return weight[0] + weight[1] + weight[2] + weight[3] > 0;
}

static void
validate_weights(const char *value)
{
	uint8		weight[4];

	if (value != NULL && !parse_weights(value, weight))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for storage parameter \"weights\": \"%s\"", value),
				 errdetail("It has four whole numbers from 0 to %d, for the labels D, C, B and A of a tsvector.",
						   OH_MAX_WEIGHT),
				 errhint("Example: weights = '1, 2, 4, 8'.")));
}

/*
 * find_config -- the configuration of this name.
 */
static Oid
find_config(const char *name)
{
	Oid			config = get_ts_config_oid(om_qualified_name(name), true);

	if (!OidIsValid(config))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("text search configuration \"%s\" does not exist", name),
				 errhint("Name it with its schema: from PostgreSQL 17 on, indexes are built with a search_path that has only pg_catalog.")));
	return config;
}

static void
validate_config(const char *value)
{
	if (value != NULL && value[0] != '\0')
		(void) find_config(value);
}

static void
define_options(void)
{
	text_relopt_kind = add_reloption_kind();
	add_string_reloption(text_relopt_kind, "text_config",
						 "Text search configuration of the index; without it default_text_search_config",
						 NULL, validate_config, AccessExclusiveLock);
	add_string_reloption(text_relopt_kind, "weights",
						 "How often an occurrence labelled D, C, B or A counts",
						 NULL, validate_weights, AccessExclusiveLock);
	add_real_reloption(text_relopt_kind, "k1", "How much further occurrences of a word count",
					   OH_DEFAULT_K1, 0, OH_MAX_K1, AccessExclusiveLock);
	add_real_reloption(text_relopt_kind, "b", "How much the length of a document counts",
					   OH_DEFAULT_B, 0, 1, AccessExclusiveLock);
	DefineCustomIntVariable("omenbm25.tail_limit",
							"Sets how large the tail of new documents gets before an insert makes it a segment.",
							"Every search reads the whole tail.",
							&oh_tail_limit, DEFAULT_TAIL_LIMIT, BLCKSZ / 1024, MAX_TAIL_LIMIT,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	MarkGUCPrefixReserved("omenbm25");
}

bytea *
ohtextoptions(Datum reloptions, bool validate)
{
	static const relopt_parse_elt table[] = {
		{"text_config", RELOPT_TYPE_STRING, offsetof(OhTextOptions, text_config)},
		{"weights", RELOPT_TYPE_STRING, offsetof(OhTextOptions, weights)},
		{"k1", RELOPT_TYPE_REAL, offsetof(OhTextOptions, k1)},
		{"b", RELOPT_TYPE_REAL, offsetof(OhTextOptions, b)},
	};

	return (bytea *) build_reloptions(reloptions, validate, text_relopt_kind, sizeof(OhTextOptions),
									  table, lengthof(table));
}

bool
OhIsTextMethod(Oid am)
{
	IndexAmRoutine *routine = OidIsValid(am) ? GetIndexAmRoutineByAmId(am, true) : NULL;
	bool		ours = routine != NULL && routine->amoptions == ohtextoptions;

	if (routine != NULL)
		pfree(routine);
	return ours;
}

/*
 * keep_config -- store the name of a configuration, with its schema.
 */
static void
keep_config(OhTextMeta *meta, Oid config)
{
	HeapTuple	tuple = SearchSysCache1(TSCONFIGOID, ObjectIdGetDatum(config));
	Form_pg_ts_config form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for text search configuration %u", config);
	form = (Form_pg_ts_config) GETSTRUCT(tuple);
	strlcpy(meta->config_schema, get_namespace_name(form->cfgnamespace), NAMEDATALEN);
	strlcpy(meta->config_name, NameStr(form->cfgname), NAMEDATALEN);
	ReleaseSysCache(tuple);
}

static void
refuse(const char *option, const char *type)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("storage parameter \"%s\" does not support a column of type %s", option, type),
			 errhint("Leave %s out.", option)));
}

/*
 * resolve -- set what an index with these options keeps.  options: NULL if none is set
 */
static void
resolve(Relation index, const OhTextOptions *options, OhTextMeta *meta)
{
	bool		is_tsvector = index->rd_opcintype[0] == TSVECTOROID;
	char	   *config = options ? GET_STRING_RELOPTION(options, text_config) : NULL;
	char	   *weights = options ? GET_STRING_RELOPTION(options, weights) : NULL;

	if (!is_tsvector && index->rd_opcintype[0] != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the first column of an omenbm25 index must be of type text, varchar or tsvector"),
				 errdetail("Column \"%s\" of index \"%s\" is of type %s.",
						   NameStr(TupleDescAttr(RelationGetDescr(index), 0)->attname),
						   RelationGetRelationName(index),
						   OhTypeName(TupleDescAttr(RelationGetDescr(index), 0)->atttypid)),
				 errhint("Filter columns follow the searched one.")));
	meta->k1 = options ? options->k1 : OH_DEFAULT_K1;
	meta->b = options ? options->b : OH_DEFAULT_B;
	memset(meta->weight, 1, sizeof(meta->weight));
	if (weights != NULL && !is_tsvector)
		refuse("weights", "text");
	if (weights != NULL && !parse_weights(weights, meta->weight))
		validate_weights(weights);
	/* a tsvector needs no configuration, but the words of a query do */
	keep_config(meta, config != NULL && config[0] != '\0' ? find_config(config) : getTSCurrentConfig(true));
	meta->ncolumns = IndexRelationGetNumberOfKeyAttributes(index) - 1;
	for (int i = 0; i < meta->ncolumns; i++)
		meta->key_kind[i] = OhKeyKindOf(index, i);
}

void
OhTextResolveOptions(Relation index, OhTextMeta *meta)
{
	resolve(index, (const OhTextOptions *) index->rd_options, meta);
}

static void
check_options(Relation index, const void *options)
{
	OhTextMeta	meta = {0};

	resolve(index, options, &meta);
}

void
OhTextOptionsInit(void)
{
	static const OhOptionMethod method = {OhIsTextMethod, check_options, NULL};

	define_options();
	OhWatchOptions(&method);
}
