/*
 * count.c -- what a scan has done.
 *
 * Searches and sweeps count for themselves; here their figures are put together, at the end
 * of each search, or when somebody asks.
 */
#include "postgres.h"

#include "hnsw/scan/scan.h"

/*
 * note_strategy -- how rows were found, and why so.
 *
 * A walk has evaluated something, at least the entry point.
 */
static void
note_strategy(const OhScanState *s, bool walked, OhScanCounters *c)
{
	if (s->batch == NULL)
	{
		c->strategy = s->ix != NULL && !s->ordered && s->phase != SCAN_DONE ? OH_BY_ARRAY : OH_BY_NOTHING;
		c->reason = c->strategy == OH_BY_ARRAY ? OH_AS_NO_ORDER : OH_AS_CONDITIONS_NEVER_MATCH;
	}
	else if (s->sweep == NULL)
	{
		c->strategy = OH_BY_WALK;
		c->reason = s->filter == NULL ? OH_AS_NO_CONDITIONS : OH_AS_MANY_MATCH;
	}
	else if (!walked)
	{
		c->strategy = OH_BY_SWEEP;
		c->reason = s->few ? OH_AS_FEW_NODES : OH_AS_FEW_MATCH;
	}
	else
	{
		c->strategy = OH_BY_WALK_AND_SWEEP;
		c->reason = s->search->over ? OH_AS_GIVEN_UP : OH_AS_READ_ON;
	}
}

void
OhScanCount(const OhScanState *s, OhScanCounters *c)
{
	bool		walked;

	*c = s->counters;
	c->ef = s->ef_search;
	c->ef_source = s->ef_source;
	if (s->phase == SCAN_START)
		return;
	c->searches++;
	/* what the last search of an earlier query has left is not of this one */
	walked = s->batch != NULL && s->search->eval.evaluations > 0;
	note_strategy(s, walked, c);
	c->walks += c->strategy == OH_BY_WALK;
	c->sweeps += c->strategy == OH_BY_SWEEP;
	c->both += c->strategy == OH_BY_WALK_AND_SWEEP;
	c->fetched += s->nfetched;
	if (walked)
	{
		c->hops += s->search->nhops;
		c->compared += s->search->eval.evaluations + s->search->seeds.nlevel + s->search->seeds.nisland;
		c->tested += s->search->ntested;
	}
	if (s->sweep != NULL)
	{
		c->compared += s->sweep->eval.evaluations;
		c->passes += s->sweep->npasses;
	}
	if (s->filter != NULL)
		c->filter_pages += s->filter->nknown;
}

void
OhScanCounted(OhScanState *s)
{
	OhScanCounters c;

	OhScanCount(s, &c);
	s->counters = c;
}
