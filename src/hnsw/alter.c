/*
 * alter.c -- what ALTER INDEX ... SET does with an omenhnsw index: an error where a build would raise one, and a NOTICE
 * that the index must be rebuilt.
 *
 * An index keeps the storage parameters that it was built with, but for those of searches (ef.c), which
 * take effect at once.  ALTER INDEX itself does not say so.
 */
#include "postgres.h"

#include "commands/defrem.h"

#include "hnsw/alter.h"
#include "hnsw/options.h"
#include "storage/setoptions.h"

/*
 * options_of_builds -- a list of DefElems without the parameters that take effect at once.
 */
static List *
options_of_builds(List *list)
{
	ListCell   *lc;

	foreach(lc, list)
	{
		const char *name = lfirst_node(DefElem, lc)->defname;

		if (strcmp(name, "ef_search") == 0 || strcmp(name, "target_recall") == 0)
			list = foreach_delete_current(list, lc);
	}
	return list;
}

static void
report_change(const char *index, List *before, List *after)
{
	if (!equal(options_of_builds(before), options_of_builds(after)))
		ereport(NOTICE,
				(errmsg("index \"%s\" keeps its current parameters until it is rebuilt", index),
				 errdetail("Changed storage parameters of an omenhnsw index take effect with its next REINDEX."),
				 errhint("REINDEX INDEX CONCURRENTLY rebuilds it without blocking writes.")));
}

void
OhAlterInit(void)
{
	static const OhOptionMethod method = {OhIsOurMethod, OhCheckOptions, report_change};

	OhWatchOptions(&method);
}
