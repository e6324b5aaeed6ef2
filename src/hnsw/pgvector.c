/*
 * pgvector.c -- warns of pgvector's settings where they do nothing.
 *
 * SET hnsw.ef_search = 100 succeeds in every session: PostgreSQL keeps a setting
 * that no loaded library knows as a placeholder.  Somebody who comes from
 * pgvector would wait for its effect in vain.  The first scan of an omenhnsw
 * index in a session says so, once for each setting.
 *
 * No warning where pgvector is: its library makes real settings of them, and
 * where it is installed but not yet loaded they may be meant for its indexes.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "commands/defrem.h"
#include "utils/guc.h"

#include "hnsw/hnsw.h"

static struct
{
	const char *name;
	const char *ours;
	bool		warned;
}			settings[] =
{
	{"hnsw.ef_search", "omenhnsw.ef_search"},
	{"hnsw.iterative_scan", "omenhnsw.iterative_scan"},
	{"hnsw.max_scan_tuples", "omenhnsw.max_scan_tuples"},
	{"hnsw.scan_mem_multiplier", "omenhnsw.scan_mem_multiplier"},
	{"ivfflat.probes", "omenhnsw.ef_search"},
};

/*
 * is_placeholder -- has it a value that no library has asked for?  After RESET
 * and at the end of SET LOCAL the value is empty.
 */
static bool
is_placeholder(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	return value != NULL && value[0] != '\0' &&
		(GetConfigOptionFlags(name, true) & GUC_CUSTOM_PLACEHOLDER) != 0;
}

/*
 * OhWarnOfSettings -- called when a scan begins.
 */
void
OhWarnOfSettings(void)
{
	/* the leader of a parallel query has warned */
	if (IsParallelWorker())
		return;
	for (int i = 0; i < lengthof(settings); i++)
	{
		if (settings[i].warned || !is_placeholder(settings[i].name) ||
			OidIsValid(get_index_am_oid("hnsw", true)))
			continue;
		settings[i].warned = true;
		ereport(WARNING,
				(errmsg("setting \"%s\" has no effect on omenhnsw indexes", settings[i].name),
				 errhint("Set \"%s\" instead.", settings[i].ours)));
	}
}
