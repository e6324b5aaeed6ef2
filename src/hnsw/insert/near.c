/*
 * near.c -- finds the neighbours of a new node.
 *
 * Searches the graph, keeps copies of the nodes that it reads, and chooses neighbours among
 * them.  Changes nothing in the index.
 */
#include "postgres.h"

#include <float.h>

#include "utils/memutils.h"

#include "filter/keypage.h"
#include "hnsw/graph/sweep.h"
#include "hnsw/insert/near.h"
#include "hnsw/options.h"

/* Number of near neighbours whose pages are tried for a free slot. */
#define NEAR_PAGES 8

/* Number of nearest candidates that are compared with a new code to find duplicates. */
#define TWIN_CANDIDATES 8

void
OhNearInit(OhNear *near, OhNewNode *node, MemoryContext context)
{
	OhIndex    *ix = node->ix;

	near->ix = ix;
	near->node = node;
	near->form = OhAlignedAlloc(context, om_quant_query_bytes(&ix->spec));
	near->vector = OhAlignedAlloc(context, sizeof(float) * ix->dim);
	OhNodeCacheInit(&near->cache, context);
	/*
	 * among siblings (nodes with equal codes) a walk must go on with the nodes that it has
	 * set aside
	 */
	near->search = OhSearchBegin(ix, ix->columns.n > 0, &near->cache, context);
	OhSelectorInit(&near->selector, ix->quant, context);
	near->candidates = MemoryContextAlloc(context,
										  sizeof(OhCandidate) * (ix->ef_construction + 1));
}

/*
 * OhCachedCode -- see near.h.
 *
 * The model of a code that the search has evaluated is loaded, unless the index has moved
 * on by two models in the meantime; then this insert starts over, see OhIsNewest().
 */
const void *
OhCachedCode(OhNear *near, OhCachedNode *cached)
{
	OhIndex    *ix = near->ix;
	const OmQuantizer *other;

	if (likely((cached->tag & OH_TAG_MODEL) == near->node->number))
		return cached->code;
	if (cached->own != NULL)
		return cached->own;
	other = OhModelOf(ix, cached->tag);
	if (other == NULL)
		return cached->code;
	cached->own = OhNodeCacheAlloc(&near->cache, ix->code_bytes);
	om_quant_decode(other, cached->code, near->node->scratch, near->vector);
	om_quant_encode(near->node->quant, near->vector, near->node->scratch, cached->own);
	return cached->own;
}

/*
 * seed_by_sweep -- search again, starting from any live node.
 *
 * Needed if the entry point leads to no live node, after an interrupted vacuum.  false: no
 * node is live.
 */
static bool
seed_by_sweep(OhNear *near)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw sweep",
												  ALLOCSET_DEFAULT_SIZES);
	OhSweep    *sweep = OhSweepBegin(near->ix, NULL, NULL, 0, 0, context);
	bool		any = OhSweepMore(sweep, &near->node->forms, near->ix->ef_construction);

	if (any)
	{
		int64		n = Min(sweep->found.n, near->ix->ef_construction);

		near->search->found.n = 0;
		for (int64 i = 0; i < n; i++)
			OhQueueAppend(&near->search->found, sweep->found.item[i]);
		OhSearchLevel(near->search, 0, near->ix->ef_construction);
		any = near->search->found.n > 0;
	}
	MemoryContextDelete(context);
	return any;
}

bool
OhNearSearch(OhNear *near)
{
	near->selector.quant = near->node->quant;
	OhNodeCacheReset(&near->cache);
	OhSearchReset(near->search, &near->node->forms);
	OhSearchStart(near->search);
	OhSearchLevel(near->search, 0, near->ix->ef_construction);
	return near->search->found.n > 0 || seed_by_sweep(near);
}

/*
 * OhChooseNeighbours -- see near.h.
 *
 * Of siblings (nodes with equal codes and other filter keys), a few are enough.
 */
int
OhChooseNeighbours(OhNear *near, int max)
{
	const OhQueue *found = &near->search->found;
	int			copies = 0;
	int			n = 0;

	for (int64 i = 0; i < found->n && n < near->ix->ef_construction; i++)
	{
		OhCachedNode *cached = OhNodeCacheFind(&near->cache, found->item[i].id);

		if (cached == NULL || !cached->live)
			continue;
		copies = n > 0 && near->candidates[n - 1].dist == cached->dist ? copies + 1 : 0;
		if (near->ix->columns.n > 0 && copies >= OH_MOST_SIBLINGS)
			continue;
		near->candidates[n].id = cached->id;
		near->candidates[n].dist = cached->dist;
		near->candidates[n].code = OhCachedCode(near, cached);
		n++;
	}
	return OhSelectNeighbours(&near->selector, near->candidates, n, max);
}

uint32
OhNearPage(OhNear *near, int n)
{
	OhIndex    *ix = near->ix;

	for (int i = 0; i < Min(n, NEAR_PAGES); i++)
	{
		uint32		lp = OhLp(&ix->file, OH_NODE, near->candidates[i].id);
		Buffer		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_SHARE);
		bool		has_free = OhPageHasFree(&ix->file, OH_NODE, BufferGetPage(buffer));

		UnlockReleaseBuffer(buffer);
		if (has_free)
			return lp;
	}
	return OhArrayFindFree(&ix->file, OH_NODE);
}

/*
 * has_keys -- are a node's filter keys those of the new row?
 */
static bool
has_keys(OhNear *near, uint32 id)
{
	OhIndex    *ix = near->ix;
	Buffer		buffer;
	bool		same;

	if (ix->columns.n == 0)
		return true;
	buffer = OhArrayRead(&ix->file, OH_FILTER_KEY, id / ix->columns.per_page, BUFFER_LOCK_SHARE);
	same = OhKeyPageEquals(&ix->columns, BufferGetPage(buffer), id % ix->columns.per_page, near->node->keys);
	UnlockReleaseBuffer(buffer);
	return same;
}

/*
 * has_code -- does a cached node have the code of the new one?
 */
static bool
has_code(const OhNear *near, const OhCachedNode *cached)
{
	return cached->live && (cached->tag & OH_TAG_MODEL) == near->node->number &&
		memcmp(cached->code, near->node->code, near->ix->code_bytes) == 0;
}

/*
 * find_twin_anywhere -- look for a twin among all nodes that the search has compared: under inner product
 * longer vectors are nearer to a vector than its own twin.
 */
static uint32
find_twin_anywhere(OhNear *near)
{
	const OhNodeCache *cache = &near->cache;

	for (uint32 i = 0; i < cache->size; i++)
	{
		const OhCachedNode *cached = &cache->table[i];

		if (cached->stamp == cache->stamp && has_code(near, cached) && has_keys(near, cached->id))
			return cached->id;
	}
	return OH_NONE;
}

/*
 * OhFindTwin -- see near.h.
 *
 * Siblings are equally near, so all of them that were found are compared.
 */
uint32
OhFindTwin(OhNear *near)
{
	const OhQueue *found = &near->search->found;
	int64		n = TWIN_CANDIDATES;

	if (near->ix->spec.metric == OM_METRIC_IP)
		return find_twin_anywhere(near);
	for (int64 i = 0; i < Min(found->n, n); i++)
	{
		const OhCachedNode *cached = OhNodeCacheFind(&near->cache, found->item[i].id);

		if (cached == NULL || !has_code(near, cached))
			continue;
		if (has_keys(near, cached->id))
			return cached->id;
		n++;
	}
	return OH_NONE;
}

bool
OhIsApart(OhNear *near)
{
	OhIndex    *ix = near->ix;
	const OhSeeds *seeds = &near->search->seeds;
	OhCachedNode *cached = OhNodeCacheFind(&near->cache, near->candidates[0].id);
	const OmQuantizer *quant;
	const OhForm *form;
	float		dist[2 * OH_MAX_M];
	int			n = 0;
	float		error;
	float		local;

	if (ix->spec.metric == OM_METRIC_IP || seeds->nisland >= OhHighwayIslandLimit(ix->code_bytes))
		return false;
	if (!cached->expanded)
		OhSearchLinks(near->search, cached->id);
	form = OhFormOf(&near->node->forms, ix, near->node->number, &quant);
	if (form == NULL)
		return false;
	om_quant_query_from_code(quant, OhCachedCode(near, cached), near->form);
	for (int i = 0; i < cached->nlinks; i++)
	{
		OhCachedNode *link = OhNodeCacheFind(&near->cache, cached->links[i]);
		float		d = link == NULL ? FLT_MAX :
			ix->distance(quant, near->form, OhCachedCode(near, link));
		int			at = n++;

		for (; at > 0 && dist[at - 1] > d; at--)
			dist[at] = dist[at - 1];
		dist[at] = d;
	}
	error = OH_ISLAND_ERRORS * om_quant_error(quant, form->query, OhCachedCode(near, cached));
	OhLocalLinks(dist, n, error, &local);
	return cached->dist > OhApartLimit(seeds->nisland, ix->code_bytes) * local;
}
