/*
 * ef.c -- how many candidates a search keeps: the setting, the index's own default, and
 * which of the two counts.
 *
 * An index's own default (storage parameter ef_search) counts unless somebody has said
 * otherwise: by omenhnsw.ef_search, wherever that is set, or by pgvector's hnsw.ef_search.
 * A setting's source is known to its check hook only, which hands it to the assign hook.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "compat.h"
#include "hnsw/ef.h"
#include "hnsw/options.h"

/* Has omenhnsw.ef_search been set by anybody: in a file, for a database or role, in the session? */
static bool is_set = false;

static bool
check_ef_search(int *value, void **extra, GucSource source)
{
	bool	   *set = om_guc_malloc(LOG, sizeof(bool));

	if (set == NULL)
		return false;
	*set = source > PGC_S_DYNAMIC_DEFAULT;
	*extra = set;
	return true;
}

static void
assign_ef_search(int value, void *extra)
{
	is_set = *(const bool *) extra;
}

void
OhEfInit(void)
{
	DefineCustomIntVariable("omenhnsw.ef_search",
							"Sets how many candidates a search keeps.",
							"More of them find more of the true nearest rows, and take longer. Where it is not set, "
							"an index may have a value of its own: ALTER INDEX ... SET (ef_search = ...).",
							&oh_own.ef_search, OH_DEFAULT_EF_SEARCH, 1, OH_MAX_EF_SEARCH,
							PGC_USERSET, 0, check_ef_search, assign_ef_search, NULL);
}

bool
OhEfIsSet(void)
{
	return is_set;
}

int
OhEfSearch(Relation index, OhEfSource *source)
{
	const OhOptions *options = (const OhOptions *) index->rd_options;

	*source = oh_ef_source;
	if (oh_ef_source != OH_EF_DEFAULT || options == NULL || options->ef_search == 0)
		return oh_ef_search;
	*source = OH_EF_INDEX;
	return options->ef_search;
}

const char *
OhEfSourceName(OhEfSource source)
{
	static const char *const name[] = {
		[OH_EF_DEFAULT] = "default",
		[OH_EF_SETTING] = "omenhnsw.ef_search",
		[OH_EF_PGVECTOR] = "hnsw.ef_search",
		[OH_EF_INDEX] = "index",
	};

	return name[source];
}
