/*
 * pgvector.c -- reads pgvector's settings, which apply if ours have their default values.
 *
 * Programs written for pgvector say SET hnsw.ef_search = 100.  PostgreSQL keeps a setting
 * that no loaded library has defined as a placeholder, so that this succeeds in every session, and
 * it is taken as omenhnsw.ef_search.
 *
 * Where pgvector is installed, its settings are its own: its library defines them, so that
 * they are no placeholders, and if its access method exists, they may be meant for its indexes.
 */
#include "postgres.h"

#include <limits.h>

#include "access/parallel.h"
#include "commands/defrem.h"
#include "utils/guc.h"

#include "hnsw/ef.h"
#include "hnsw/options.h"

/* The last value that the session was warned of, cut off after 63 bytes; and whether it was of ivfflat.probes. */
static char warned[2][64];

/*
 * placeholder -- the value of a setting that is a placeholder, if `method` is not pgvector's; otherwise NULL.
 *
 * After RESET and at the end of SET LOCAL the value of a placeholder is empty, which counts as none.
 */
static const char *
placeholder(const char *name, const char *method)
{
	const char *value = GetConfigOption(name, true, false);
	Oid			am;

	if (value == NULL || value[0] == '\0' ||
		(GetConfigOptionFlags(name, true) & GUC_CUSTOM_PLACEHOLDER) == 0)
		return NULL;
	am = get_index_am_oid(method, true);
	return !OidIsValid(am) || OhIsOurMethod(am) ? value : NULL;
}

/*
 * is_news -- should the session be warned of this value?  Not again, and not by parallel workers.
 */
static bool
is_news(const char *value, char *last)
{
	if (IsParallelWorker() || strncmp(last, value, sizeof(warned[0]) - 1) == 0)
		return false;
	strlcpy(last, value, sizeof(warned[0]));
	return true;
}

static void
warn_of_value(const char *name, const char *value, const char *hint)
{
	if (is_news(value, warned[0]))
		ereport(WARNING,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for parameter \"%s\": \"%s\"", name, value),
				 errdetail("It is ignored."),
				 errhint("%s", hint)));
}

static bool
take_int(const char *name, int low, int high, int *setting)
{
	const char *value = placeholder(name, "hnsw");
	int			n;

	if (value == NULL)
		return false;
	if (parse_int(value, &n, 0, NULL) && n >= low && n <= high)
	{
		*setting = n;
		return true;
	}
	warn_of_value(name, value, psprintf("It takes a whole number from %d to %d.", low, high));
	return false;
}

static void
take_iterative_scan(const char *name, int *setting)
{
	const char *value = placeholder(name, "hnsw");

	if (value == NULL)
		return;
	if (pg_strcasecmp(value, "off") == 0)
		*setting = OH_ITERATIVE_OFF;
	else if (pg_strcasecmp(value, "relaxed_order") == 0)
		*setting = OH_ITERATIVE_RELAXED;
	else if (pg_strcasecmp(value, "strict_order") == 0)
		*setting = OH_ITERATIVE_STRICT;
	else
		warn_of_value(name, value, "It takes off, relaxed_order or strict_order.");
}

static void
take_multiplier(const char *name, double *setting)
{
	const char *value = placeholder(name, "hnsw");
	double		x;

	if (value == NULL)
		return;
	if (parse_real(value, &x, 0, NULL) && x >= 1 && x <= 1000)
		*setting = x;
	else
		warn_of_value(name, value, "It takes a number from 1 to 1000.");
}

void
OhTakeSettings(OhSettings *settings, OhEfSource *source)
{
	const char *probes;

	if (oh_forced_ef > 0)
	{
		*settings = (OhSettings) {oh_forced_ef, OH_ITERATIVE_STRICT, 0, 1};
		*source = OH_EF_SETTING;
		return;
	}
	*settings = oh_own;
	*source = OhEfIsSet() ? OH_EF_SETTING : OH_EF_DEFAULT;
	if (*source == OH_EF_DEFAULT && take_int("hnsw.ef_search", 1, OH_MAX_EF_SEARCH, &settings->ef_search))
		*source = OH_EF_PGVECTOR;
	if (settings->iterative_scan == OH_ITERATIVE_STRICT)
		take_iterative_scan("hnsw.iterative_scan", &settings->iterative_scan);
	if (settings->max_scan_tuples == 0)
		(void) take_int("hnsw.max_scan_tuples", 1, INT_MAX, &settings->max_scan_tuples);
	if (settings->scan_mem_multiplier == 1)
		take_multiplier("hnsw.scan_mem_multiplier", &settings->scan_mem_multiplier);

	probes = placeholder("ivfflat.probes", "ivfflat");
	if (probes != NULL && is_news("ivfflat.probes", warned[1]))
		ereport(WARNING,
				(errmsg("setting \"ivfflat.probes\" has no effect on omenhnsw indexes"),
				 errhint("Set \"omenhnsw.ef_search\" instead.")));
}
