/*
 * count.c -- collects the counters of a scan.
 *
 * The walk and the sweep count for themselves.  Here their counters are added up: at the
 * end of each search, and whenever EXPLAIN or omendb_last_scan() asks.
 */
#include "postgres.h"

#include "hnsw/scan/scan.h"

/*
 * note_strategy -- record how rows were found, and for which reason.
 *
 * walked: the walk has evaluated a node (it always evaluates the entry point).
 */
static void
note_strategy(const OhScanState *s, bool walked, OhScanCounters *c)
{
	if (s->source.batch == NULL)
	{
		c->strategy = s->query.ix != NULL && s->query.center == NULL && s->phase != SCAN_DONE ?
			OH_BY_ARRAY : OH_BY_NOTHING;
		c->reason = c->strategy == OH_BY_ARRAY ? OH_AS_NO_ORDER : OH_AS_CONDITIONS_NEVER_MATCH;
	}
	else if (s->source.sweep == NULL)
	{
		c->strategy = OH_BY_WALK;
		c->reason = s->query.filter == NULL ? OH_AS_NO_CONDITIONS : OH_AS_MANY_MATCH;
	}
	else if (!walked)
	{
		c->strategy = OH_BY_SWEEP;
		c->reason = s->source.few ? OH_AS_FEW_NODES : OH_AS_FEW_MATCH;
	}
	else
	{
		c->strategy = OH_BY_WALK_AND_SWEEP;
		c->reason = s->source.search->over ? OH_AS_GIVEN_UP : OH_AS_READ_ON;
	}
}

void
OhScanCount(const OhScanState *s, OhScanCounters *c)
{
	bool		walked;

	*c = s->counters;
	c->ef = s->query.ef_search;
	c->ef_source = s->query.ef_source;
	if (s->phase == SCAN_START)
		return;
	c->searches++;
	/* without a batch, search still holds the counters of an earlier query */
	walked = s->source.batch != NULL && s->source.search->eval.evaluations > 0;
	note_strategy(s, walked, c);
	c->walks += c->strategy == OH_BY_WALK;
	c->sweeps += c->strategy == OH_BY_SWEEP;
	c->both += c->strategy == OH_BY_WALK_AND_SWEEP;
	c->refined += s->ranking.nrefined;
	c->fetched += s->ranking.nfetched;
	c->late += s->ranking.nlate;
	if (walked)
	{
		c->hops += s->source.search->nhops;
		c->compared += s->source.search->eval.evaluations + s->source.search->seeds.nlevel +
			s->source.search->seeds.nisland;
		c->tested += s->source.search->ntested;
	}
	if (s->source.sweep != NULL)
	{
		c->compared += s->source.sweep->eval.evaluations;
		c->passes += s->source.sweep->npasses;
	}
	if (s->query.filter != NULL)
		c->filter_pages += s->query.filter->nknown;
}
