/*
 * options.c -- storage parameters and settings of omenhnsw.
 *
 * Defines their names, ranges and messages, and turns them into the constants of a new
 * index.  The metapage keeps what an index was built with, so that a changed storage parameter
 * takes effect with the next REINDEX.  Those of searches (ef.c) take effect at once.
 */
#include "postgres.h"

#include <limits.h>

#include "access/heaptoast.h"
#include "access/reloptions.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "filter/key.h"
#include "hnsw/ef.h"
#include "hnsw/options.h"
#include "types/vector.h"

/* From this many dimensions on, codes of 4 bits are as good as those of 8: docs/measurements.md#bits */
#define DIM_FOR_4_BITS 64

OhSettings	oh_own = {OH_DEFAULT_EF_SEARCH, OH_ITERATIVE_STRICT, 0, 1.0};
bool		oh_distance_bounds = true;
int			oh_statistics_kind = OM_STATISTICS_KIND;

static relopt_kind oh_relopt_kind;
static relopt_kind ivfflat_relopt_kind; /* the same parameters, and lists */

static relopt_enum_elt_def quantizer_values[] = {
	{"rabitq", OM_QUANT_RABITQ},
	{"binary", OM_QUANT_BINARY},
	{"pq", OM_QUANT_PQ},
	{"sq8", OM_QUANT_SQ8},
	{"none", OM_QUANT_NONE},
	{NULL, 0}
};

/* An enum, so that PostgreSQL rejects other numbers, and its hint lists these. */
static relopt_enum_elt_def bits_values[] = {
	{"1", 1},
	{"2", 2},
	{"4", 4},
	{"8", 8},
	{NULL, 0}
};

static relopt_enum_elt_def rerank_values[] = {
	{"auto", OH_RERANK_AUTO},
	{"heap", OH_RERANK_HEAP},
	{"index", OH_RERANK_INDEX},
	{"off", OH_RERANK_OFF},
	{NULL, 0}
};

static const struct config_enum_entry iterative_scan_values[] = {
	{"strict_order", OH_ITERATIVE_STRICT, false},
	{"relaxed_order", OH_ITERATIVE_RELAXED, false},
	{"off", OH_ITERATIVE_OFF, false},
	{NULL, 0, false}
};

static void
add_reloptions(relopt_kind kind)
{
	add_int_reloption(kind, "m",
					  "Links of a node on each upper level; the base layer has twice as many",
					  OH_DEFAULT_M, OH_MIN_M, OH_MAX_M, AccessExclusiveLock);
	add_int_reloption(kind, "ef_construction",
					  "Candidates that an insert looks at for its links, at least twice m",
					  OH_DEFAULT_EF_CONSTRUCTION, OH_MIN_EF_CONSTRUCTION,
					  OH_MAX_EF_CONSTRUCTION, AccessExclusiveLock);
	add_enum_reloption(kind, "quantizer",
					   "How codes are made of vectors; by default rabitq, for the taxicab distance sq8",
					   quantizer_values, 0,
					   "Valid values are \"rabitq\", \"binary\", \"pq\", \"sq8\" and \"none\".",
					   AccessExclusiveLock);
	add_enum_reloption(kind, "bits",
					   "Bits of a code for each dimension; by default chosen by the dimensions and the data",
					   bits_values, 0,
					   "Valid values are \"1\", \"2\", \"4\" and \"8\".",
					   AccessExclusiveLock);
	/* the default 0, here and below, is outside of what can be set, and means: not set */
	add_int_reloption(kind, "subvectors",
					  "Bytes of a code of quantizer pq; by default a quarter of the dimensions",
					  0, 1, OM_VECTOR_MAX_DIM, AccessExclusiveLock);
	add_int_reloption(kind, "elements",
					  "Elements of a sparsevec that a code holds; by default chosen by the data",
					  0, 1, OH_PAGE_BODY / 3, AccessExclusiveLock);
	add_enum_reloption(kind, "rerank",
					   "What scans sort rows by: vectors of the table (heap), refined codes (index) or codes (off)",
					   rerank_values, OH_RERANK_AUTO,
					   "Valid values are \"auto\", \"heap\", \"index\" and \"off\".",
					   AccessExclusiveLock);
	add_bool_reloption(kind, "neighbor_codes",
					   "Nodes have short codes of their neighbours, so that searches read fewer pages of a larger index",
					   false, AccessExclusiveLock);
	/* these two take effect at once, so that no lock need block searches */
	add_int_reloption(kind, "ef_search", "Candidates that a search keeps where omenhnsw.ef_search is not set",
					  0, 1, OH_MAX_EF_SEARCH, ShareUpdateExclusiveLock);
	add_real_reloption(kind, "target_recall", "Share of the nearest rows that a search is to find; 0 means no target",
					   0, 0, 1, ShareUpdateExclusiveLock);
}

static void
init_reloptions(void)
{
	oh_relopt_kind = add_reloption_kind();
	add_reloptions(oh_relopt_kind);
	ivfflat_relopt_kind = add_reloption_kind();
	add_reloptions(ivfflat_relopt_kind);
	add_int_reloption(ivfflat_relopt_kind, "lists", "Accepted for pgvector's ivfflat, and ignored",
					  0, 1, 32768, AccessExclusiveLock);
}

static void
init_settings(void)
{
	OhEfInit();
	DefineCustomEnumVariable("omenhnsw.iterative_scan",
							 "Sets whether and how a scan continues after ef_search rows.",
							 "strict_order continues and returns rows in order of distance, relaxed_order "
							 "continues and may return some out of order, off ends the scan.",
							 &oh_own.iterative_scan, OH_ITERATIVE_STRICT, iterative_scan_values,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("omenhnsw.max_scan_tuples",
							"Sets the number of rows that one scan may look at.",
							"0 means no limit.",
							&oh_own.max_scan_tuples, 0, 0, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomRealVariable("omenhnsw.scan_mem_multiplier",
							 "Sets the memory that one scan may use, as a multiple of work_mem.",
							 NULL,
							 &oh_own.scan_mem_multiplier, 1.0, 1.0, 1000.0,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable("omenhnsw.distance_bounds",
							 "Sets whether an index may evaluate upper bounds of a distance, as in WHERE embedding <-> $1 < 0.5.",
							 "If it is off, they are checked for every row of the table, so that no row is missed.",
							 &oh_distance_bounds, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("omenhnsw.statistics_kind",
							"Sets the number under which PostgreSQL keeps counters of indexes among its cumulative statistics.",
							"It counts where the server preloads the library, from PostgreSQL 18 on. No other library of the "
							"server may have the same. 0 keeps counters in memory only, until the server stops.",
							&oh_statistics_kind, OM_STATISTICS_KIND, 0, OM_MOST_STATISTICS_KIND,
							process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP,
							0, NULL, NULL, NULL);

	MarkGUCPrefixReserved("omenhnsw");
}

void
OhOptionsInit(void)
{
	init_reloptions();
	init_settings();
}

static void
check_ef_construction(int m, int ef_construction)
{
	if (ef_construction < 2 * m)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ef_construction must be at least twice m"),
				 errdetail("ef_construction is %d and m is %d.", ef_construction, m),
				 errhint("Set ef_construction to %d or more.", 2 * m)));
}

/*
 * check_belongs -- raise an error if an option of the quantizer `owner` is set for another one.
 */
static void
check_belongs(const char *option, bool set, int quantizer, int owner)
{
	if (set && quantizer != owner)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("storage parameter \"%s\" belongs to quantizer = %s", option,
						OhQuantizerName(owner)),
				 errdetail("The quantizer is %s.", OhQuantizerName(quantizer)),
				 errhint("Set quantizer to %s, or leave %s out.", OhQuantizerName(owner), option)));
}

/*
 * check_refines -- raise an error if codes of this kind have no refinements.  bits: 0 if not known
 */
static void
check_refines(int quantizer, int bits)
{
	if (quantizer != OM_QUANT_RABITQ && quantizer != OM_QUANT_BINARY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rerank = index does not support quantizer = %s", OhQuantizerName(quantizer)),
				 quantizer == OM_QUANT_SPARSE ? errhint("Leave rerank out.") :
				 errhint("Set quantizer to rabitq, or leave rerank out.")));
	if (bits == 8)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rerank = index does not support codes of 8 bits a dimension"),
				 errhint("Set bits to 4 or lower, or leave rerank out.")));
}

/*
 * parse_options -- turn storage parameters, a text[], into OhOptions.
 */
static bytea *
parse_options(Datum reloptions, bool validate, relopt_kind kind)
{
	static const relopt_parse_elt table[] = {
		{.optname = "m", .opttype = RELOPT_TYPE_INT, .offset = offsetof(OhOptions, m)},
		{.optname = "ef_construction", .opttype = RELOPT_TYPE_INT,
		.offset = offsetof(OhOptions, ef_construction)},
		{.optname = "quantizer", .opttype = RELOPT_TYPE_ENUM,
		.offset = offsetof(OhOptions, quantizer)},
		{.optname = "bits", .opttype = RELOPT_TYPE_ENUM, .offset = offsetof(OhOptions, bits)},
		{.optname = "subvectors", .opttype = RELOPT_TYPE_INT,
		.offset = offsetof(OhOptions, subvectors)},
		{.optname = "rerank", .opttype = RELOPT_TYPE_ENUM, .offset = offsetof(OhOptions, rerank)},
		{.optname = "elements", .opttype = RELOPT_TYPE_INT, .offset = offsetof(OhOptions, elements)},
		{.optname = "target_recall", .opttype = RELOPT_TYPE_REAL, .offset = offsetof(OhOptions, target_recall)},
		{.optname = "ef_search", .opttype = RELOPT_TYPE_INT, .offset = offsetof(OhOptions, ef_search)},
		{.optname = "neighbor_codes", .opttype = RELOPT_TYPE_BOOL, .offset = offsetof(OhOptions, neighbor_codes)},
		/* the last: only ivfflat has it */
		{.optname = "lists", .opttype = RELOPT_TYPE_INT, .offset = offsetof(OhOptions, lists)},
	};
	int			n = kind == ivfflat_relopt_kind ? lengthof(table) : lengthof(table) - 1;
	OhOptions  *options = build_reloptions(reloptions, validate, kind, sizeof(OhOptions), table, n);

	if (validate && options != NULL)
	{
		int			quantizer = options->quantizer != 0 ? options->quantizer : OM_QUANT_RABITQ;

		check_ef_construction(options->m, options->ef_construction);
		check_belongs("bits", options->bits != 0, quantizer, OM_QUANT_RABITQ);
		check_belongs("subvectors", options->subvectors != 0, quantizer, OM_QUANT_PQ);
		if (options->rerank == OH_RERANK_INDEX)
			check_refines(quantizer, options->bits);
	}
	return (bytea *) options;
}

bytea *
ohoptions(Datum reloptions, bool validate)
{
	return parse_options(reloptions, validate, oh_relopt_kind);
}

bytea *
ohoptions_ivfflat(Datum reloptions, bool validate)
{
	OhOptions  *options = (OhOptions *) parse_options(reloptions, validate, ivfflat_relopt_kind);

	if (validate && options != NULL && options->lists != 0)
		ereport(NOTICE,
				(errmsg("storage parameter \"lists\" is ignored"),
				 errdetail("Access method ivfflat is omenhnsw here, a graph, which has no lists.")));
	return (bytea *) options;
}

bool
OhIsOurMethod(Oid am)
{
	IndexAmRoutine *routine = OidIsValid(am) ? GetIndexAmRoutineByAmId(am, true) : NULL;
	bool		ours = routine != NULL &&
		(routine->amoptions == ohoptions || routine->amoptions == ohoptions_ivfflat);

	if (routine != NULL)
		pfree(routine);
	return ours;
}

/*
 * column_typmod -- the number of dimensions of the indexed column's type; -1 if it has none.
 */
static int32
column_typmod(Relation index)
{
	Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(index), 0);
	int32		typmod = attr->atttypmod;

	/* a domain has its dimensions in its definition */
	getBaseTypeAndTypmod(attr->atttypid, &typmod);
	return typmod;
}

/*
 * column_dim -- number of dimensions of the indexed column or expression; raises an error if it has none.
 */
static int
column_dim(Relation index, const OhMetric *metric)
{
	Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(index), 0);
	int32		typmod = column_typmod(index);
	int			length = strcspn(metric->type->name, "[");

	if (typmod < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column does not have dimensions"),
				 errdetail("Column \"%s\" of index \"%s\" is of a type without a number of dimensions.",
						   NameStr(attr->attname), RelationGetRelationName(index)),
				 errhint("Give it a type like %.*s(3)%s, or index an expression like ((column::%.*s(3)%s)).",
						 length, metric->type->name, metric->type->name + length,
						 length, metric->type->name, metric->type->name + length)));
	if (typmod < 1 || typmod > metric->type->max_dim)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" cannot have more than %d dimensions for an omenhnsw index",
						NameStr(attr->attname), metric->type->max_dim)));
	return typmod;
}

/* Does a node of this spec fit a page? */
static bool
node_fits(const OmQuantSpec *spec, int m)
{
	return om_quant_code_bytes(spec) > 0 && OhNodeBytes(spec, m) <= OH_PAGE_BODY;
}

/* NOTICEs about temporary indexes that a backend remembers. */
#define REMEMBERED	64

#define SAID_BITS		1
#define SAID_FALLBACK	2

/*
 * says_again -- has this backend raised this NOTICE for a temporary index before?
 *
 * TRUNCATE and ON COMMIT DELETE ROWS build a temporary index again and again.
 */
static bool
says_again(Relation index, int what)
{
	static struct
	{
		Oid			index;
		int			what;
	}			said[REMEMBERED];
	static int	next = 0;

	if (!RelationUsesLocalBuffers(index))
		return false;
	for (int i = 0; i < REMEMBERED; i++)
	{
		if (said[i].index == RelationGetRelid(index) && said[i].what == what)
			return true;
	}
	said[next].index = RelationGetRelid(index);
	said[next].what = what;
	next = (next + 1) % REMEMBERED;
	return false;
}

/*
 * choose_bits -- bits of a code for each dimension: as asked for, or the default, halved until a node
 * fits a page.
 *
 * asked   0 for the default
 * quiet   no NOTICE: this is the init fork of an index, for whose main fork there has been one
 */
static int
choose_bits(Relation index, OmQuantSpec spec, int m, int asked, bool quiet)
{
	int			wanted = asked;

	if (wanted == 0)
		wanted = spec.dim < DIM_FOR_4_BITS ? 8 : 4;

	for (spec.bits = wanted; spec.bits >= 1; spec.bits /= 2)
	{
		if (node_fits(&spec, m))
			break;
	}

	if (spec.bits < 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a node of index \"%s\" does not fit a page", RelationGetRelationName(index)),
				 errdetail("It has %d dimensions and m is %d.", spec.dim, m),
				 errhint("Set m to a lower value.")));
	if (asked != 0 && spec.bits != wanted)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a node of index \"%s\" does not fit a page with bits = %d",
						RelationGetRelationName(index), asked),
				 errdetail("It has %d dimensions and m is %d.", spec.dim, m),
				 errhint("Set bits to %d or lower, or leave it out.", spec.bits)));
	if (spec.bits != wanted && !quiet && !says_again(index, SAID_BITS))
		ereport(NOTICE,
				(errmsg("index \"%s\" has %d bits a dimension instead of %d, so that a node fits a page",
						RelationGetRelationName(index), spec.bits, wanted)));
	return spec.bits;
}

/*
 * check_no_choice -- raise an error for an option about codes, if the type decides on them.
 */
static void
check_no_choice(Relation index, const OhMetric *metric, const OmQuantSpec *spec, const OhOptions *options)
{
	const char *option = NULL;

	if (options == NULL)
		return;
	if (options->quantizer != 0)
		option = "quantizer";
	else if (options->bits != 0)
		option = "bits";
	else if (options->subvectors != 0)
		option = "subvectors";
	else if (options->rerank != OH_RERANK_AUTO && om_quant_exact(spec))
		option = "rerank";
	else if (options->elements != 0 && spec->kind != OM_QUANT_SPARSE)
		option = "elements";
	if (option != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("storage parameter \"%s\" does not support type %s", option, metric->type->name),
				 errdetail("The codes of index \"%s\" are those of the type.", RelationGetRelationName(index)),
				 errhint("Leave %s out.", option)));
}

/*
 * choose_quantizer -- the quantizer asked for, or the default for the metric.
 */
static OmQuantKind
choose_quantizer(Relation index, const OhMetric *metric, const OhOptions *options)
{
	int			asked = options ? options->quantizer : 0;

	if (options != NULL && options->elements != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("storage parameter \"%s\" does not support type %s", "elements", metric->type->name),
				 errhint("Leave %s out.", "elements")));
	if (metric->metric != OM_METRIC_L1)
		return asked != 0 ? asked : OM_QUANT_RABITQ;
	if (asked == 0 && options != NULL)
		check_belongs("bits", options->bits != 0, OM_QUANT_SQ8, OM_QUANT_RABITQ);
	if (asked != 0 && asked != OM_QUANT_SQ8 && asked != OM_QUANT_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("quantizer = %s does not support the taxicab distance", OhQuantizerName(asked)),
				 errdetail("Index \"%s\" has operator class %s_l1_ops.",
						   RelationGetRelationName(index), metric->type->name),
				 errhint("Set quantizer to sq8 or none, or leave it out, which is sq8 here.")));
	return asked != 0 ? asked : OM_QUANT_SQ8;
}

/*
 * choose_subvectors -- subvectors of pq: as asked for, or a quarter of the dimensions, which makes a
 * code a sixteenth of its vector.
 */
static int
choose_subvectors(Relation index, int dim, int asked)
{
	if (asked > dim)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("subvectors must not be more than the dimensions"),
				 errdetail("subvectors is %d, and index \"%s\" has %d dimensions.", asked,
						   RelationGetRelationName(index), dim),
				 errhint("Set subvectors to a value between 1 and %d.", dim)));
	return asked != 0 ? asked : Max(dim / 4, 1);
}

/*
 * choose_rerank -- the way of re-ranking asked for.
 *
 * The default is refinements, if the codes have them and vectors are so long that PostgreSQL stores
 * them in the TOAST table, where reading a vector costs ten times as much; otherwise the table.
 */
static int
choose_rerank(Relation index, const OhParameters *params, int asked)
{
	const OmQuantSpec *spec = &params->spec;
	Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(index), 0);

	if (spec->kind == OM_QUANT_BIT)
		return OH_RERANK_OFF;
	/* MaxSim needs all vectors of a row, while a code tells the distance of one */
	if (params->column.metric->type->parts != NULL)
	{
		if (asked == OH_RERANK_INDEX || asked == OH_RERANK_OFF)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("rerank = %s does not support type %s", OhRerankName(asked),
							params->column.metric->type->name),
					 errdetail("Rows of index \"%s\" have several vectors.", RelationGetRelationName(index)),
					 errhint("Leave rerank out.")));
		return OH_RERANK_HEAP;
	}
	if (asked == OH_RERANK_INDEX)
		check_refines(spec->kind, spec->bits);
	if (asked != OH_RERANK_AUTO)
		return asked;
	if (om_quant_refine_bytes(spec) > 0 && attr->attstorage != TYPSTORAGE_PLAIN &&
		params->column.metric->type->bytes(params->column.dim) > TOAST_TUPLE_THRESHOLD)
		return OH_RERANK_INDEX;
	return OH_RERANK_HEAP;
}

/*
 * check_node_fits -- raise an error unless a node fits a page.  (For rabitq, choose_bits() does it.)
 */
static void
check_node_fits(Relation index, const OhParameters *params)
{
	const OmQuantSpec *spec = &params->spec;
	int			m = params->m;
	const char *hint = "Set m to a lower value.";

	if (node_fits(spec, m))
		return;
	if (spec->kind == OM_QUANT_SQ8 && spec->metric == OM_METRIC_L1)
		hint = psprintf("With m = %d there is room for %d dimensions.", m,
						(int) (OH_PAGE_BODY - OhNodeBytes(spec, m) + spec->dim));
	else if (spec->kind == OM_QUANT_BIT)
		hint = psprintf("With m = %d there is room for %d dimensions.", m,
						(int) (OH_PAGE_BODY - OhNodeBytes(spec, m) + om_quant_code_bytes(spec)) * 8);
	else if (spec->kind == OM_QUANT_SPARSE)
		hint = "Set elements or m to a lower value.";
	else if (spec->kind == OM_QUANT_PQ)
		hint = "Set subvectors or m to a lower value.";
	else if (spec->kind != OM_QUANT_BINARY && spec->metric != OM_METRIC_L1)
		hint = "Set quantizer to rabitq, or leave it out.";
	else if (spec->kind == OM_QUANT_NONE && spec->metric == OM_METRIC_L1)
		hint = "Set quantizer to sq8, or leave it out.";
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("a node of index \"%s\" does not fit a page with quantizer = %s",
					RelationGetRelationName(index), OhQuantizerName(spec->kind)),
			 errdetail("It has %d dimensions and m is %d, which makes %u bytes; a page has room for %d.",
					   params->column.dim, m, OhNodeBytes(spec, m), (int) OH_PAGE_BODY),
			 errhint("%s", hint)));
}

const char *
OhRerankName(int rerank)
{
	for (int i = 0; rerank_values[i].string_val != NULL; i++)
	{
		if (rerank_values[i].symbol_val == rerank)
			return rerank_values[i].string_val;
	}
	return "unknown";
}

const char *
OhQuantizerName(OmQuantKind kind)
{
	/* these belong to their types, and are no values of the option */
	if (kind == OM_QUANT_BIT)
		return "bit";
	if (kind == OM_QUANT_SPARSE)
		return "sparse";
	for (int i = 0; quantizer_values[i].string_val != NULL; i++)
	{
		if (quantizer_values[i].symbol_val == (int) kind)
			return quantizer_values[i].string_val;
	}
	return "unknown";
}

bool
OhMoreBits(OmQuantSpec *spec, int m)
{
	OmQuantSpec more = *spec;

	more.bits *= 2;
	if (!node_fits(&more, m))
		return false;
	*spec = more;
	return true;
}

void
OhResolveRerank(Relation index, OhParameters *params)
{
	const OhOptions *options = (const OhOptions *) index->rd_options;

	params->rerank = choose_rerank(index, params, options ? options->rerank : OH_RERANK_AUTO);
}

/*
 * resolve_neighbor_codes -- whether nodes have codes of their links; an error if they cannot.
 */
static void
resolve_neighbor_codes(Relation index, const OhOptions *options, OhParameters *params)
{
	const OmQuantSpec *spec = &params->spec;
	OmQuantSpec most = *spec;

	params->neighbor_codes = options != NULL && options->neighbor_codes;
	if (!params->neighbor_codes)
		return;
	if (params->column.metric->type->spec != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("storage parameter \"%s\" does not support type %s", "neighbor_codes",
						params->column.metric->type->name),
				 errhint("Leave %s out.", "neighbor_codes")));
	if (!om_quant_has_links(spec))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("neighbor_codes does not support quantizer = %s", OhQuantizerName(spec->kind)),
				 errhint("Set quantizer to rabitq, or leave neighbor_codes out.")));
	if (OhNodeBytes(spec, params->m) + OhLinkCodeBytes(params->m) > OH_PAGE_BODY)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a node of index \"%s\" does not fit a page with neighbor_codes = on",
						RelationGetRelationName(index)),
				 errdetail("It has %d dimensions and m is %d, which makes %u bytes; a page has room for %d.",
						   params->column.dim, params->m,
						   OhNodeBytes(spec, params->m) + OhLinkCodeBytes(params->m), (int) OH_PAGE_BODY),
				 errhint("Set m to a lower value, or leave neighbor_codes out.")));
	/* searches would find less, and read more pages: docs/measurements.md#codes-of-neighbours */
	if (spec->bits < 2)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("neighbor_codes does not support bits = %d", spec->bits),
				 errhint("Set bits to 2 or more, or leave neighbor_codes out.")));
	/* the sample may choose other bits, but no other quantizer */
	params->may_choose_values = false;
	most.bits = 8;
	if (OhNodeBytes(&most, params->m) + OhLinkCodeBytes(params->m) > OH_PAGE_BODY)
		params->may_choose = false;
}

/*
 * resolve_choice -- decide what choose.c may change: what no option has set.
 *
 * With rerank = index it may not raise the bits, as codes of 8 bits have no refinements.
 */
static void
resolve_choice(const OhOptions *options, OhParameters *params)
{
	bool		values_set = options != NULL && options->quantizer != 0;
	bool		bits_set = options != NULL && options->bits != 0;

	if (params->spec.kind == OM_QUANT_SPARSE)
		values_set = options != NULL && options->elements != 0;
	params->may_choose = params->spec.kind == OM_QUANT_SPARSE ? !values_set :
		params->spec.kind == OM_QUANT_RABITQ && !bits_set &&
		(options == NULL || options->rerank != OH_RERANK_INDEX);
	params->may_choose_values = params->may_choose && !values_set;
	params->chosen_by = values_set || bits_set ? OH_CHOSEN_BY_OPTION : OH_CHOSEN_BY_DEFAULT;
}

/*
 * resolve -- set all constants of a new index by these options, but the seed and the model.
 *
 * options  NULL if none is set
 * quiet    raise errors, but no NOTICE
 */
static void
resolve(Relation index, const OhOptions *options, bool quiet, OhParameters *params)
{
	const OhMetric *metric = OhGetMetric(index);
	OmQuantSpec *spec = &params->spec;

	params->m = options ? options->m : OH_DEFAULT_M;
	params->ef_construction = options ? options->ef_construction : OH_DEFAULT_EF_CONSTRUCTION;
	check_ef_construction(params->m, params->ef_construction);

	memset(spec, 0, sizeof(*spec));
	spec->metric = metric->metric;
	params->column.metric = metric;
	params->column.dim = column_dim(index, metric);
	if (metric->type->spec != NULL)
	{
		metric->type->spec(params->column.dim, options ? options->elements : 0, spec);
		check_no_choice(index, metric, spec, options);
	}
	else
	{
		spec->kind = choose_quantizer(index, metric, options);
		spec->dim = params->column.dim;
	}
	params->column.position_dim = spec->dim;
	if (spec->kind == OM_QUANT_BINARY)
		spec->bits = 1;
	else if (spec->kind == OM_QUANT_PQ)
		spec->subvectors = choose_subvectors(index, spec->dim, options ? options->subvectors : 0);
	if (spec->kind == OM_QUANT_RABITQ)
		spec->bits = choose_bits(index, *spec, params->m, options ? options->bits : 0, quiet);
	else
		check_node_fits(index, params);
	params->rerank = choose_rerank(index, params, options ? options->rerank : OH_RERANK_AUTO);
	resolve_choice(options, params);
	resolve_neighbor_codes(index, options, params);

	params->ncolumns = IndexRelationGetNumberOfKeyAttributes(index) - 1;
	for (int i = 0; i < params->ncolumns; i++)
		params->key_kind[i] = OhKeyKindOf(index, i);
}

void
OhResolveOptions(Relation index, OhParameters *params)
{
	resolve(index, (const OhOptions *) index->rd_options, RelationGetNumberOfBlocks(index) > 0, params);
	if (!pg_strong_random(&params->spec.seed, sizeof(params->spec.seed)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
}

void
OhCheckOptions(Relation index, const void *options)
{
	OhParameters params = {0};

	/*
	 * ALTER TABLE may have changed the column to a type without a number of dimensions.  The index goes on, and can be
	 * tuned, though no parameters would make another one.
	 */
	if (index->rd_rel->relkind == RELKIND_INDEX && column_typmod(index) < 0)
		return;
	resolve(index, options, true, &params);
}

void
OhFallBack(Relation index, OhParameters *params, uint64 rows)
{
	OmQuantSpec *spec = &params->spec;
	int			least = om_quant_train_least(spec);
	int			bytes = spec->subvectors;

	if (spec->kind != OM_QUANT_PQ)
		return;
	spec->kind = OM_QUANT_RABITQ;
	spec->subvectors = 0;
	for (spec->bits = 8; spec->bits > 1; spec->bits /= 2)
	{
		if (spec->dim * spec->bits <= bytes * 8 + 7)
			break;
	}
	/* the init fork of an index is made after its main fork, for which there has been a NOTICE */
	if (RelationGetNumberOfBlocks(index) > 0 || says_again(index, SAID_FALLBACK))
		return;
	ereport(NOTICE,
			(errmsg("index \"%s\" has too few rows to train quantizer = pq, and gets rabitq codes with bits = %d",
					RelationGetRelationName(index), spec->bits),
			 errdetail("Training takes %d rows or more, and there are %llu.", least,
					   (unsigned long long) rows),
			 errhint("REINDEX it when the table is filled.")));
}
