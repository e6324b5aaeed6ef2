/*
 * ef.c -- decides how many candidates a search keeps.
 *
 * The first of these that is set decides: omenhnsw.ef_search, pgvector's hnsw.ef_search, the index's
 * storage parameter ef_search, omenhnsw.target_recall, the index's storage parameter target_recall.
 * The curve of the index (curve.h) turns a target into an ef.
 *
 * omenhnsw.ef_search may be set to its default value.  Whether it is set is known to its check
 * hook only, which gets the source of a value, and hands it on to the assign hook.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "compat.h"
#include "hnsw/curve.h"
#include "hnsw/ef.h"
#include "hnsw/options.h"

/* Has omenhnsw.ef_search been set? */
static bool is_set = false;

int			oh_forced_ef = 0;

/* omenhnsw.target_recall; 0: not set */
static double target_recall = 0;

/* The number of rows that a search is taken to want, if the plan does not tell. */
#define USUAL_K 10

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
							"Sets the number of candidates that a search keeps.",
							"A higher value finds more of the true nearest rows, and takes longer. If it is not set, "
							"the storage parameter ef_search of the index is used.",
							&oh_own.ef_search, OH_DEFAULT_EF_SEARCH, 1, OH_MAX_EF_SEARCH,
							PGC_USERSET, 0, check_ef_search, assign_ef_search, NULL);

	DefineCustomRealVariable("omenhnsw.target_recall",
							 "Sets the share of the nearest rows that a search is to find.",
							 "A search picks the number of candidates by what was measured for the index, unless "
							 "omenhnsw.ef_search or the storage parameter ef_search is set. 0 means no target.",
							 &target_recall, 0, 0, 1,
							 PGC_USERSET, 0, NULL, NULL, NULL);
}

bool
OhEfIsSet(void)
{
	return is_set;
}

int
OhEfSearch(Relation index, const OhSettings *settings, double *target, OhEfSource *source)
{
	const OhOptions *options = (const OhOptions *) index->rd_options;

	*target = 0;
	if (*source != OH_EF_DEFAULT)
		return settings->ef_search;
	if (options != NULL && options->ef_search > 0)
	{
		*source = OH_EF_INDEX;
		return options->ef_search;
	}
	*target = target_recall;
	if (*target == 0 && options != NULL)
		*target = options->target_recall;
	return settings->ef_search;
}

int
OhEfOfTarget(OhIndex *ix, const OhSettings *settings, double target, double k, OhEfSource *source)
{
	int			ef = OhCurveEf(&ix->calibration, target, k > 0 ? k : USUAL_K,
							   OhArrayRecords(&ix->file, OH_NODE));

	*source = ef > 0 ? OH_EF_TARGET : OH_EF_NO_CURVE;
	if (ef == 0)
		ef = settings->ef_search;
	/* without iterative scans, a search returns no more rows than ef */
	if (settings->iterative_scan == OH_ITERATIVE_OFF && ef < k)
		ef = (int) Min(k, OH_MAX_EF_SEARCH);
	return ef;
}

const char *
OhEfSourceName(OhEfSource source)
{
	static const char *const name[] = {
		[OH_EF_DEFAULT] = "default",
		[OH_EF_SETTING] = "omenhnsw.ef_search",
		[OH_EF_PGVECTOR] = "hnsw.ef_search",
		[OH_EF_INDEX] = "index",
		[OH_EF_TARGET] = "target_recall",
		[OH_EF_NO_CURVE] = "default, not calibrated",
	};

	return name[source];
}
