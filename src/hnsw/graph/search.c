/*
 * search.c -- best-first walks of the graph.
 *
 * A hop reads one node's links, prefetches the neighbours that have not been seen, and
 * evaluates them page by page.  No lock is held between pages, and never more than one.
 * Readers tolerate anything that writers do at the same time: a node that was freed is
 * skipped; one whose slot was reused is another node, whose rows are too new for the
 * snapshot.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "hnsw/graph/codedwalk.h"
#include "hnsw/graph/linklist.h"
#include "hnsw/graph/search.h"
#include "hnsw/graph/walk.h"
#include "hnsw/options.h"
#include "hnsw/stats/counters.h"

/*
 * After this many evaluations, and each time that their number has doubled, a walk with
 * conditions checks how many nodes match in its neighbourhood.
 * docs/measurements.md#constants
 */
#define LOOK_AROUND 200

/*
 * Evaluations for each candidate: limits, and how fast they are learned.
 * docs/measurements.md#constants
 */
#define LEAST_RATE 1.0
#define MOST_RATE 40.0
#define LEARNING 0.125

/* Evaluations for each node that is searched for within a limit. docs/measurements.md#constants */
#define EVALUATIONS_EACH 8

/* Candidates whose neighbours' pages are asked for ahead, where pages are missing. */
#define AHEAD_CANDIDATES 4

/* Calls of OhSearchWithin() before all that is set aside is put in order. */
#define MAX_UNORDERED 4

/* Siblings that a walk may return in addition to ef, per candidate. */
#define SIBLINGS_EACH 7

/* ---- copies of nodes, for inserts ---- */

static void
cache_links(OhSearch *s, uint32 id, const OhNodeData *node, const uint32 *links, int n)
{
	OhCachedNode *cached = OhNodeCacheFind(s->eval.cache, id);

	if (cached == NULL)
		return;
	if (cached->links == NULL)
		cached->links = OhNodeCacheAlloc(s->eval.cache, sizeof(uint32) * 2 * s->eval.ix->m);
	memcpy(cached->links, links, sizeof(uint32) * n);
	cached->nlinks = n;
	cached->nselected = Min(node->nselected, n);
	cached->live = node->state == OH_LIVE;
	cached->version = node->version;
	cached->expanded = true;
}

/* ---- walks ---- */

OhSearch *
OhSearchBegin(OhIndex *ix, bool streaming, OhNodeCache *cache, MemoryContext context)
{
	OhSearch   *s = MemoryContextAllocZero(context, sizeof(OhSearch));
	uint64		nnodes = OhArrayRecords(&ix->file, OH_NODE);
	int64		few;

	s->eval.ix = ix;
	s->context = context;
	s->streaming = streaming;
	s->asks = true;
	s->eval.cache = cache;
	s->visited = OhVisitedGet(context, nnodes);
	/* for a small graph, they hold no more than its nodes */
	few = Min(nnodes + 64, 4096);
	OhQueueInit(&s->cand, context, Min(few, 1024));
	OhQueueInit(&s->found, context, Min(few, 256));
	OhQueueInit(&s->edge, context, streaming ? Min(few, 256) : 0);
	OhQueueInit(&s->evicted, context, streaming ? Min(few, 1024) : 0);
	OhQueueInit(&s->rejected, context, streaming ? few : 0);
	OhQueueInit(&s->near, context, streaming ? Min(few, 64) : 0);
	return s;
}

void
OhSearchReset(OhSearch *s, OhForms *forms)
{
	s->eval.forms = forms;
	s->resumed = false;
	s->filter = NULL;
	s->wanted = 0;
	s->nmatches = s->ntested = s->nhops = 0;
	s->next_look = LOOK_AROUND;
	s->budget = 0;
	s->limit = PG_INT64_MAX;
	s->over = false;
	s->cand.n = s->found.n = s->evicted.n = s->near.n = s->rejected.n = 0;
	s->nwithin = 0;
	if (s->asks)
	{
		memset(s->asked, 0xFF, sizeof(s->asked));
		memset(s->asked_page, 0xFF, sizeof(s->asked_page));
	}
	s->asks = false;
	s->eval.evaluations = 0;
}

Size
OhSearchBytes(const OhSearch *s)
{
	/* only the memory that this walk uses: memory left by an earlier one must not end it */
	return sizeof(OhItem) * (s->cand.n + s->evicted.n + s->near.n + s->rejected.n) +
		(s->visited->mark ? 0 : OhVisitedBytes(s->visited));
}

/*
 * find_tower -- find a node's record on a level, starting at that of level 1. Copies its
 * links to out[], and their number to *n.  OH_NONE: the record no longer exists.
 */
static uint32
find_tower(OhSearch *s, uint32 id, uint32 tower, int level, uint32 *out, int *n)
{
	OhIndex    *ix = s->eval.ix;

	*n = 0;
	for (int l = 1; l <= level; l++)
	{
		Buffer		buffer;
		OhTowerData *record;
		uint32		up;
		bool		mine;

		if (!OhArrayHas(&ix->file, OH_TOWER, tower))
			return OH_NONE;
		record = OhRecordRead(&ix->file, OH_TOWER, tower, BUFFER_LOCK_SHARE, &buffer);
		mine = record->node == id && record->level == l;
		if (mine && l == level)
			*n = OhCopyLinks(record->links, ix->m, out);
		up = record->up;
		UnlockReleaseBuffer(buffer);
		if (!mine)
			return OH_NONE;
		if (l < level)
			tower = up;
	}
	return tower;
}

/*
 * first_tower -- read a node's link to its tower.
 */
static uint32
first_tower(OhSearch *s, uint32 id)
{
	OhIndex    *ix = s->eval.ix;
	Buffer		buffer = OhRecordPage(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE);
	OhNodeData *node = OhRecord(&ix->file, OH_NODE, BufferGetPage(buffer), id);
	uint32		tower = node->state == OH_FREE ? OH_NONE : node->tower;

	UnlockReleaseBuffer(buffer);
	return tower;
}

uint32
OhSearchTower(OhSearch *s, uint32 id, int level)
{
	uint32		links[OH_MAX_M];
	int			n;

	return find_tower(s, id, first_tower(s, id), level, links, &n);
}

/*
 * read_links -- read a node's links on a level; returns 0 if it no longer exists.
 */
static int
read_links(OhSearch *s, uint32 id, int level, uint32 *out)
{
	OhIndex    *ix = s->eval.ix;
	Buffer		buffer;
	OhNodeData *node;
	int			n = 0;

	if (level > 0)
	{
		find_tower(s, id, first_tower(s, id), level, out, &n);
		return n;
	}
	node = OhRecordRead(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE, &buffer);
	if (node->state != OH_FREE)
	{
		n = OhCopyLinks(OhNodeLinks(node, ix->code_bytes), 2 * ix->m, out);
		if (s->eval.cache)
			cache_links(s, id, node, out, n);
	}
	UnlockReleaseBuffer(buffer);
	return n;
}

void
OhSearchLinks(OhSearch *s, uint32 id)
{
	uint32		links[OH_WALK_LINKS];

	Assert(s->eval.cache);
	read_links(s, id, 0, links);
}

/*
 * matches -- may the node's rows match the conditions?
 */
static inline bool
matches(OhSearch *s, uint32 id)
{
	bool		match;

	/* on the upper levels, every node counts as matching */
	if (s->nedge == 0)
		return true;
	match = OhFilterTest(s->filter, id);
	s->nmatches += match;
	s->ntested++;
	return match;
}

/*
 * admit -- add an evaluated node to the queues that it belongs to.
 *
 * found: may the node be a result?  It becomes one if it matches and is near enough.  In
 * any case it will be expanded if it is no farther than the edge.  max: number of results
 * kept in s->found.
 */
static inline void
admit(OhSearch *s, OhItem item, bool found, int max)
{
	bool		filtered = s->nedge > 0;
	const OhQueue *edge = filtered ? &s->edge : &s->found;
	int			places = filtered ? s->nedge + s->ncopies : max;
	bool		near = edge->n < places || item.dist < edge->item[0].dist;

	if (near || s->resumed)
		OhQueuePush(&s->cand, item, false);
	else if (s->streaming)
		OhQueueAppend(&s->rejected, item);
	if (!found)
		return;
	if (s->found.n < max || item.dist < s->found.item[0].dist)
	{
		if (!matches(s, item.id))
			return;
		if (filtered && s->edge.n < places)
			OhQueuePush(&s->edge, item, true);
		else if (filtered && near)
			OhQueueReplace(&s->edge, item, true);
		if (s->found.n < max)
		{
			OhQueuePush(&s->found, item, true);
			return;
		}
		item = OhQueueReplace(&s->found, item, true);
	}
	/* whether it matches is tested when it is needed */
	if (s->resumed)
		OhQueuePush(&s->evicted, item, false);
	else if (s->streaming)
		OhQueueAppend(&s->evicted, item);
}

double
OhWalkEvaluations(const OhIndex *ix, double width, double density)
{
	return LOOK_AROUND + ix->walk_rate * width / density;
}

/*
 * density -- the fraction of the nodes in this neighbourhood that match, above zero.
 */
static inline double
density(const OhSearch *s)
{
	return s->filter == NULL ? 1.0 : (s->nmatches + 0.5) / (s->ntested + 0.5);
}

/*
 * learn -- update the learned number of evaluations from a walk that has found its
 * candidates.
 */
static void
learn(const OhSearch *s, int64 evaluations, int ef)
{
	double		rate = (evaluations - LOOK_AROUND) * density(s) / ef;

	/* what the session's own walks take is not to be forgotten for those that measure an index */
	if (oh_measuring)
		return;
	rate = Max(LEAST_RATE, Min(rate, MOST_RATE));
	s->eval.ix->walk_rate += (rate - s->eval.ix->walk_rate) * LEARNING;
}

/*
 * look -- is a walk with conditions still worth while, and where does it end?
 */
static void
look(OhSearch *s, int ef)
{
	double		here = density(s);
	int			nedge = Max(OhWalkEdge(ef, here), Min(ef, s->wanted));

	s->next_look *= 2;
	s->over = s->eval.evaluations >= s->budget ||
		OhWalkEvaluations(s->eval.ix, nedge, here) - s->eval.evaluations > s->budget;
	s->nedge = Min(s->nedge, nedge);
	while (s->edge.n > s->nedge + s->ncopies)
		OhQueuePop(&s->edge, true);
}

/*
 * begin_edge -- with conditions: make the edge of the nodes found so far.
 */
static void
begin_edge(OhSearch *s, int ef)
{
	s->nedge = ef;
	s->edge.n = 0;
	for (int64 i = 0; i < s->found.n; i++)
		OhQueuePush(&s->edge, s->found.item[i], true);
	if (s->next_look > LOOK_AROUND)
		look(s, ef);
}

/*
 * count_copy -- count a sibling: a node that has the same code as the node that links to
 * it, but other filter keys.
 *
 * Siblings are returned in addition to ef.  Otherwise a walk that meets a vector with ef
 * siblings would end there, wherever that is.
 */
static void
count_copy(OhSearch *s, int ef)
{
	OhQueue    *evicted = &s->evicted;
	int64		nearest = 0;

	if (s->ncopies >= SIBLINGS_EACH * ef)
		return;
	s->ncopies++;
	if (s->nedge > 0 || s->found.n < ef + s->ncopies - 1 || evicted->n == 0)
		return;
	/* the place goes to the nearest of the nodes that were pushed out */
	if (!s->resumed)
	{
		for (int64 i = 1; i < evicted->n; i++)
		{
			if (evicted->item[i].dist < evicted->item[nearest].dist)
				nearest = i;
		}
		OhQueuePush(&s->found, evicted->item[nearest], true);
		OhQueuePush(&s->cand, evicted->item[nearest], false);
		evicted->item[nearest] = evicted->item[--evicted->n];
	}
	else
		OhQueuePush(&s->found, OhQueuePop(evicted, false), true);
}

/*
 * look_ahead -- if pages must be read, start reading those of the nodes to be evaluated
 * next, and of the neighbours of the nearest candidates, which are likely to be expanded
 * soon.
 *
 * This does not change what is evaluated, nor the order.
 */
static void
look_ahead(OhSearch *s, const uint32 *ids, int n)
{
	uint32		links[OH_WALK_LINKS];

	s->asks = true;
	for (int i = 0; i < n; i++)
		OhWalkPrefetch(s, ids[i]);
	for (int64 k = 0; k < Min(s->cand.n, AHEAD_CANDIDATES); k++)
	{
		uint32		id = s->cand.item[k].id;
		int			nlinks;

		if (s->asked[id % OH_ASKED] == id)
			continue;
		s->asked[id % OH_ASKED] = id;
		nlinks = read_links(s, id, 0, links);
		for (int i = 0; i < nlinks; i++)
		{
			if (!OhVisitedHas(s->visited, links[i]))
				OhWalkPrefetch(s, links[i]);
		}
	}
	s->eval.asked = true;
}

/*
 * walk -- expand candidates until none is nearer than the ef-th node found, the walk is not
 * worth while any more, or its limit is reached.
 */
static void
walk(OhSearch *s, int level, int ef)
{
	uint32		ids[OH_WALK_LINKS];
	OhEvaluated evaluated[OH_WALK_LINKS];
	int64		before = s->eval.evaluations;
	bool		copies = level == 0 && s->streaming && s->eval.ix->columns.n > 0;

	while (s->cand.n > 0 && !s->over)
	{
		const OhQueue *edge = s->nedge > 0 ? &s->edge : &s->found;
		OhItem		from;
		int			n;
		int			fresh = 0;

		CHECK_FOR_INTERRUPTS();
		if (edge->n >= (s->nedge > 0 ? s->nedge : ef) + s->ncopies &&
			s->cand.item[0].dist > edge->item[0].dist)
			break;
		if (s->nedge > 0 && s->eval.evaluations >= s->limit)
			return;
		if (s->nedge > 0 && s->eval.evaluations >= s->next_look)
		{
			look(s, ef);
			continue;
		}
		from = OhQueuePop(&s->cand, false);
		s->nhops++;
		n = read_links(s, from.id, level, ids);
		for (int i = 0; i < n; i++)
		{
			if (!OhWalkVisit(s, ids[i]))
				continue;
			ids[fresh++] = ids[i];
			if (s->nedge > 0)
				OhFilterPrefetch(s->filter, ids[i]);
		}
		if (unlikely(s->eval.ix->file.ahead.rounds > 0) && level == 0 && s->eval.cache == NULL)
			look_ahead(s, ids, fresh);
		n = OhEvaluate(&s->eval, ids, fresh, evaluated);
		for (int i = 0; i < n; i++)
		{
			if (evaluated[i].item.dist == from.dist && copies &&
				(s->nedge == 0 || OhFilterTest(s->filter, evaluated[i].item.id)))
				count_copy(s, ef);
			admit(s, evaluated[i].item, evaluated[i].live || level > 0,
				  s->nedge > 0 ? ef : ef + s->ncopies);
		}
	}
	if (level == 0 && s->streaming && !s->resumed && !s->over && s->eval.cache == NULL)
		learn(s, s->eval.evaluations - before, s->nedge > 0 ? s->nedge : ef);
}

/*
 * OhSearchLevel -- see search.h.
 *
 * Starts from the nodes in found, and on the base layer also from the entry point: all
 * nodes are reachable from there, but not always from where the descent ends.
 */
void
OhSearchLevel(OhSearch *s, int level, int ef)
{
	bool		streaming = s->streaming;
	uint32		seeds[OH_MAX_EF_CONSTRUCTION + 1];
	OhEvaluated evaluated[OH_WALK_LINKS];
	int			nseeds = 0;

	s->coded = level == 0 && s->eval.ix->neighbor_codes && s->eval.cache == NULL && s->filter == NULL &&
		s->eval.near == NULL && s->eval.ix->columns.n == 0;
	if (s->coded)
	{
		OhCodedStart(s);
		OhCodedWalk(s, ef);
		OhQueueSort(&s->found);
		return;
	}
	for (int64 i = 0; i < s->found.n && nseeds < OH_MAX_EF_CONSTRUCTION; i++)
		seeds[nseeds++] = s->found.item[i].id;
	if ((nseeds == 0 || level == 0) && s->eval.ix->entry != OH_NONE)
		seeds[nseeds++] = s->eval.ix->entry;
	s->streaming = streaming && level == 0;
	s->found.n = 0;
	OhWalkBegin(s);
	if (level == 0 && s->filter != NULL)
		begin_edge(s, ef);
	for (int i = 0; i < nseeds; i += OH_WALK_LINKS)
	{
		int			count = Min(OH_WALK_LINKS, nseeds - i);
		uint32		fresh[OH_WALK_LINKS];
		int			nfresh = 0;
		int			n;

		for (int j = i; j < i + count; j++)
		{
			if (OhWalkVisit(s, seeds[j]))
				fresh[nfresh++] = seeds[j];
		}
		n = OhEvaluate(&s->eval, fresh, nfresh, evaluated);
		for (int j = 0; j < n; j++)
			admit(s, evaluated[j].item, evaluated[j].live || level > 0, ef);
	}
	walk(s, level, ef);
	OhQueueSort(&s->found);
	s->streaming = streaming;
}

void
OhSearchDescend(OhSearch *s, int level)
{
	s->found.n = 0;
	for (int l = s->eval.ix->entry_level; l > level; l--)
	{
		OhSearchLevel(s, l, 1);
		if (s->found.n == 0)
			return;				/* the entry point no longer exists: the caller starts over */
	}
}

/*
 * OhSearchStart -- see search.h.
 *
 * Starts from the nearest members of the highway, and from what the levels below it lead to
 * from the nearest member by level.
 */
void
OhSearchStart(OhSearch *s)
{
	OhSeeds    *seeds = &s->seeds;

	OhHighwaySeeds(s->eval.ix, s->eval.forms, seeds);
	if (seeds->level.n == 0 && seeds->island.n == 0)
	{
		OhSearchDescend(s, 0);
		return;
	}
	s->found.n = 0;
	if (seeds->level.n > 0)
		OhQueueAppend(&s->found, seeds->level.item[0]);
	for (int l = s->eval.ix->highway_level - 1; l > 0 && s->found.n > 0; l--)
		OhSearchLevel(s, l, 1);
	for (int i = 0; i < seeds->level.n; i++)
		OhQueueAppend(&s->found, seeds->level.item[i]);
	for (int i = 0; i < seeds->island.n; i++)
		OhQueueAppend(&s->found, seeds->island.item[i]);
}

/*
 * resume -- the nodes that the first batch has set aside become candidates and results of
 * the following batches.
 */
static void
resume(OhSearch *s)
{
	if (s->resumed)
		return;
	s->resumed = true;
	for (int64 i = 0; i < s->rejected.n; i++)
		OhQueueAppend(&s->cand, s->rejected.item[i]);
	for (int64 i = 0; i < s->near.n; i++)
		OhQueueAppend(&s->evicted, s->near.item[i]);
	s->rejected.n = s->near.n = 0;
	OhQueueOrder(&s->cand, false);
	OhQueueOrder(&s->evicted, false);
}

/*
 * OhSearchAside -- see search.h.
 */
float
OhSearchAside(const OhSearch *s)
{
	const OhItem *item = s->evicted.item;
	float		nearest[4];		/* four of them, because a comparison waits for the one before it */
	int64		i = 0;

	if (s->resumed)
		return s->evicted.n > 0 ? item[0].dist : INFINITY;
	nearest[0] = s->near.n > 0 ? s->near.item[0].dist : INFINITY;
	nearest[1] = nearest[2] = nearest[3] = INFINITY;
	for (; i + 4 <= s->evicted.n; i += 4)
	{
		nearest[0] = Min(nearest[0], item[i].dist);
		nearest[1] = Min(nearest[1], item[i + 1].dist);
		nearest[2] = Min(nearest[2], item[i + 2].dist);
		nearest[3] = Min(nearest[3], item[i + 3].dist);
	}
	for (; i < s->evicted.n; i++)
		nearest[0] = Min(nearest[0], item[i].dist);
	return Min(Min(nearest[0], nearest[1]), Min(nearest[2], nearest[3]));
}

/*
 * take_below -- move the items of a list that are nearer than the limit to a queue, nearest
 * first.
 */
static void
take_below(OhQueue *list, OhQueue *queue, float limit)
{
	int64		left = 0;

	for (int64 i = 0; i < list->n; i++)
	{
		if (list->item[i].dist < limit)
			OhQueuePush(queue, list->item[i], false);
		else
			list->item[left++] = list->item[i];
	}
	list->n = left;
}

/*
 * set_aside -- the queue that OhSearchWithin() takes nodes from, nearest first.
 *
 * The first calls take only a few of many nodes: sorting all of them would cost more than
 * the rest of a short walk.
 */
static OhQueue *
set_aside(OhSearch *s, float limit, float expand)
{
	if (s->nwithin++ >= MAX_UNORDERED)
		resume(s);
	if (s->resumed)
		return &s->evicted;
	take_below(&s->rejected, &s->cand, expand);
	take_below(&s->evicted, &s->near, limit);
	return &s->near;
}

/*
 * OhSearchWithin -- see search.h.
 */
bool
OhSearchWithin(OhSearch *s, float limit, float expand, int max)
{
	uint32		ids[OH_WALK_LINKS];
	OhEvaluated evaluated[OH_WALK_LINKS];
	int64		stop = s->eval.evaluations + (int64) max * EVALUATIONS_EACH;
	OhQueue    *aside = set_aside(s, limit, expand);

	s->found.n = 0;
	for (;;)
	{
		OhItem		from;
		int			n;
		int			fresh = 0;

		CHECK_FOR_INTERRUPTS();
		if (s->found.n < max && aside->n > 0 && aside->item[0].dist < limit)
		{
			OhItem		item = OhQueuePop(aside, false);

			if (s->filter == NULL || OhFilterTest(s->filter, item.id))
				OhQueuePush(&s->found, item, true);
			continue;
		}
		if (s->found.n >= max || s->cand.n == 0 || s->cand.item[0].dist >= expand ||
			s->eval.evaluations >= stop)
			break;
		from = OhQueuePop(&s->cand, false);
		if (s->coded)
		{
			OhCodedTake(s, from.id, aside);
			continue;
		}
		s->nhops++;
		n = read_links(s, from.id, 0, ids);
		for (int i = 0; i < n; i++)
		{
			if (OhWalkVisit(s, ids[i]))
				ids[fresh++] = ids[i];
		}
		n = OhEvaluate(&s->eval, ids, fresh, evaluated);
		for (int i = 0; i < n; i++)
		{
			OhQueuePush(&s->cand, evaluated[i].item, false);
			if (evaluated[i].live)
				OhQueuePush(aside, evaluated[i].item, false);
		}
	}
	OhQueueSort(&s->found);
	return s->found.n > 0;
}

/*
 * OhSearchMore -- see search.h.
 */
bool
OhSearchMore(OhSearch *s, int ef)
{
	Assert(s->streaming);
	resume(s);
	s->found.n = 0;
	s->ncopies = 0;
	while (s->evicted.n > 0 && s->found.n < ef)
	{
		OhItem		item = OhQueuePop(&s->evicted, false);

		CHECK_FOR_INTERRUPTS();
		if (s->filter == NULL || OhFilterTest(s->filter, item.id))
			OhQueuePush(&s->found, item, true);
	}
	if (s->filter != NULL)
		begin_edge(s, ef);
	if (s->coded)
		OhCodedWalk(s, ef);
	else
		walk(s, 0, ef);
	OhQueueSort(&s->found);
	return s->found.n > 0;
}
