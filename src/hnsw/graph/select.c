/*
 * select.c -- chooses a node's neighbours by the diversity heuristic.
 *
 * A candidate is diverse ("selected") if no nearer selected candidate is nearer to it than
 * the choosing node is.  The distances between candidates are computed on codes.  A
 * selected candidate's code becomes a query form, which is compared with all later
 * candidates that have not been excluded.  So each pair costs one kernel call, and each
 * selected candidate one expansion.  See select.h.
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/graph/select.h"

/* number of candidates compared with a selected one in one call of the kernel */
#define SELECT_BATCH 64

void
OhSelectorInit(OhSelector *sel, const OmQuantizer *quant, MemoryContext context)
{
	sel->quant = quant;
	sel->distance = om_quant_distance_fn(quant);
	sel->form = om_alloc_aligned(context, om_quant_query_bytes(om_quant_spec(quant)), 0);
	sel->alpha = 1.0f;
}

static int
compare_candidates(const void *a, const void *b)
{
	const OhCandidate *x = a;
	const OhCandidate *y = b;

	if (x->dist != y->dist)
		return x->dist < y->dist ? -1 : 1;
	return x->id < y->id ? -1 : (x->id > y->id);
}

/*
 * sort_candidates -- by distance, then id; cheap if they are sorted already.
 */
static void
sort_candidates(OhCandidate *cand, int n)
{
	for (int i = 1; i < n; i++)
	{
		if (compare_candidates(&cand[i - 1], &cand[i]) > 0)
		{
			qsort(cand, n, sizeof(OhCandidate), compare_candidates);
			return;
		}
	}
}

/*
 * drop_shadowed -- clear selected for those of cand[n] that are nearer to the vector of
 * sel->form than to the choosing node.
 */
static void
drop_shadowed(const OhSelector *sel, OhCandidate *cand, int n, float alpha)
{
	OhCandidate *batch[SELECT_BATCH];
	const void *code[SELECT_BATCH];
	float		dist[SELECT_BATCH];

	for (int i = 0; i < n;)
	{
		int			nbatch = 0;

		for (; i < n && nbatch < SELECT_BATCH; i++)
		{
			if (cand[i].selected)
			{
				code[nbatch] = cand[i].code;
				batch[nbatch++] = &cand[i];
			}
		}
		if (nbatch == 0)
			break;
		om_quant_distances(sel->quant, sel->form, code, nbatch, dist);
		for (int k = 0; k < nbatch; k++)
		{
			if (alpha * dist[k] < batch[k]->dist)
				batch[k]->selected = false;
		}
	}
}

/*
 * keep_nearest -- keep max of the sorted cand[n]: the selected ones and the nearest others.
 * They stay sorted.
 */
static void
keep_nearest(OhCandidate *cand, int n, int max, int nselected)
{
	int			nfill = max - nselected;
	int			kept = 0;

	for (int i = 0; i < n && kept < max; i++)
	{
		if (!cand[i].selected && nfill-- <= 0)
			continue;
		if (kept != i)
			cand[kept] = cand[i];
		kept++;
	}
}

/*
 * OhSelectNeighbours -- see select.h.
 */
int
OhSelectNeighbours(OhSelector *sel, OhCandidate *cand, int n, int max)
{
	float		alpha = sel->alpha;
	int			nselected = 0;

	sort_candidates(cand, n);

	/* a factor makes no sense for distances that may be negative */
	if (om_quant_spec(sel->quant)->metric == OM_METRIC_IP)
		alpha = 1.0f;

	/* until a candidate is reached, selected means "not shadowed so far" */
	for (int i = 0; i < n; i++)
		cand[i].selected = true;

	for (int i = 0; i < n; i++)
	{
		if (!cand[i].selected)
			continue;
		if (nselected >= max)
		{
			cand[i].selected = false;
			continue;
		}
		nselected++;
		if (i + 1 < n && nselected < max)
		{
			om_quant_query_from_code(sel->quant, cand[i].code, sel->form);
			drop_shadowed(sel, cand + i + 1, n - i - 1, alpha);
		}
	}

	if (n <= max)
		return n;
	keep_nearest(cand, n, max, nselected);
	return max;
}
