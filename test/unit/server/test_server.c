/*
 * test_server.c -- files that include PostgreSQL's headers and need no server: choice of
 * neighbours, lists of links, order of nodes on pages, sample mean, filter conditions.
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "filter/condition.h"
#include "hnsw/build/graph.h"
#include "hnsw/graph/linklist.h"
#include "hnsw/graph/select.h"
#include "hnsw/train/mean.h"

#include "../unit.h"
#include "server.h"

#define DIM 8

static void
end(void)
{
	unit_end();
	server_reset();
}

/* ---- choice of neighbours, by exact codes ---- */

#define CANDIDATES 200

static float
distance(const float *a, const float *b)
{
	float		sum = 0;

	for (int i = 0; i < DIM; i++)
		sum += (a[i] - b[i]) * (a[i] - b[i]);
	return sum;
}

static void
check_choice(int max)
{
	OmQuantSpec spec = {.kind = OM_QUANT_NONE, .metric = OM_METRIC_L2, .dim = DIM};
	OmQuantizer *quant = om_quant_init(om_alloc_aligned(NULL, om_quant_bytes(&spec), 0), &spec, NULL);
	float	   *x = palloc0(sizeof(float) * DIM * (CANDIDATES + 1));
	OhCandidate cand[CANDIDATES];
	OhSelector	sel;
	uint32		links[CANDIDATES];
	int			n;
	int			nselected;
	int			wrong = 0;

	for (int i = 0; i < DIM * (CANDIDATES + 1); i++)
		x[i] = (float) unit_normal();
	for (int i = 0; i < CANDIDATES; i++)
	{
		cand[i].id = (uint32) i + 1;
		cand[i].code = x + DIM * (i + 1);
		cand[i].dist = distance(x, cand[i].code);
	}
	OhSelectorInit(&sel, quant, NULL);
	n = OhSelectNeighbours(&sel, cand, CANDIDATES, max);
	CHECK(n == max, "%d neighbours of %d candidates, not %d", n, CANDIDATES, max);
	for (int i = 0; i < n; i++)
	{
		bool		diverse = true;

		for (int k = 0; k < i; k++)
			diverse = diverse && !(cand[k].selected && distance(cand[k].code, cand[i].code) < cand[i].dist);
		wrong += diverse != cand[i].selected || (i > 0 && cand[i].dist < cand[i - 1].dist);
	}
	CHECK(wrong == 0, "%d of %d are not where the rule has them", wrong, n);
	CHECK(cand[0].selected, "the nearest is not diverse");
	nselected = OhCandidateLinks(cand, n, links);
	for (int i = 0, k = 0, f = nselected; i < n; i++)
		wrong += links[cand[i].selected ? k++ : f++] != cand[i].id;
	CHECK(wrong == 0 && OhCountLinks(links, n) == n, "links do not have the diverse ones first");
}

static void
check_list(void)
{
	OhLinkList	list = {.n = 4, .nselected = 2, .link = {7, 9, 3, 5}};
	uint32		stored[6];
	uint8		nselected;

	OhDropLink(&list, 9);
	CHECK(list.n == 3 && list.nselected == 1 && list.link[0] == 7, "a diverse link was not dropped");
	OhDropLink(&list, 42);
	CHECK(list.n == 3, "a link that is not there was dropped");
	OhStoreLinks(&list, stored, &nselected, 6);
	CHECK(nselected == 1 && OhCountLinks(stored, 6) == 3 && stored[5] == OH_NONE,
		  "what was stored is not the list");
	CHECK(OhHasLink(stored, 3, 5) && OhHasLink(stored, 3, 3) && !OhHasLink(stored, 3, 9),
		  "the links stored are others");
}

/* ---- packing: rings of nodes whose slots are strewn ---- */

#define RINGS 16
#define RING 16
#define SLOTS (RINGS * RING)

/* of graph.c */
uint32
OhGraphSlots(const OhGraph * graph)
{
	return SLOTS;
}

static void
check_packing(void)
{
	static OhGraphNode nodes[SLOTS];
	static uint32 lists[SLOTS][4];
	static uint8 visited[SLOTS];
	static uint32 order[SLOTS];
	static uint32 number[SLOTS];
	OhBuilder	b = {.nodes = nodes, .lists = &lists[0][0], .list_stride = 4, .m = 2, .visited = visited};
	int			apart = 0;
	int			wrong = 0;
	uint32		n;

	/* node k of ring r is slot k * RINGS + r */
	for (int r = 0; r < RINGS; r++)
	{
		for (int k = 0; k < RING; k++)
		{
			uint32	   *list = lists[k * RINGS + r];

			nodes[k * RINGS + r].kind = OH_SLOT_NODE;
			list[0] = (uint32) ((k + 1) % RING * RINGS + r);
			list[1] = (uint32) ((k + RING - 1) % RING * RINGS + r);
			list[2] = list[3] = OH_NONE;
		}
	}
	/* a slot that is no node; nothing links to it */
	nodes[SLOTS - 1].kind = 0;
	for (int slot = 0; slot < SLOTS - 1; slot++)
	{
		uint32	   *list = lists[slot];

		if (list[0] == SLOTS - 1)
			list[0] = list[1];
		else if (list[1] != SLOTS - 1)
			continue;
		list[1] = OH_NONE;
	}
	n = OhGraphPack(&b, RING, NULL, order, number);
	CHECK(n == SLOTS - 1, "%u nodes placed of %d", n, SLOTS - 1);
	for (uint32 i = 0; i < n; i++)
		wrong += number[order[i]] != i;
	CHECK(wrong == 0 && number[SLOTS - 1] == OH_NONE, "order and number are not each other's reverse");
	for (uint32 slot = 0; slot < SLOTS - 1; slot++)
		apart += number[slot] / RING != number[lists[slot][0]] / RING;
	CHECK(apart <= 2 * RINGS, "%d of %d links lead to another page", apart, SLOTS);
}

/* ---- sample mean ---- */

static void
check_mean(void)
{
	OhMean	   *mean = OhMeanBegin(DIM);
	float		out[DIM];
	double		sum[DIM] = {0};
	double		limit;
	bool		near = true;

	for (int i = 0; i < 1000; i++)
	{
		float		x[DIM];
		double		sq = 0;

		for (int d = 0; d < DIM; d++)
		{
			x[d] = (float) (unit_normal() + 3);
			sum[d] += x[d];
			sq += (double) x[d] * x[d];
		}
		OhMeanAdd(mean, x, 1.0, sqrt(sq));
	}
	/* one that is broken */
	for (int d = 0; d < DIM; d++)
		out[d] = 1e8f;
	OhMeanAdd(mean, out, 1.0, 1e8 * sqrt(DIM));
	OhMeanEnd(mean, out, &limit);
	for (int d = 0; d < DIM; d++)
		near = near && fabs(out[d] - sum[d] / 1000) < 1e-4;
	CHECK(near, "an outlier has moved the mean: %g, not %g", out[0], sum[0] / 1000);
	CHECK(limit > 20 && limit < 1e8, "vectors are outliers from %g on", limit);
}

/* ---- filter conditions ---- */

static bool
matches(const OhCondition *condition, const OhKeyRow *row)
{
	uint64		value = row->value[condition->column];
	bool		null = row->nulls >> condition->column & 1;
	bool		found = false;

	if (condition->null || null)
		return condition->null && null;
	for (int i = 0; i < condition->nranges; i++)
		found = found || (value >= condition->range[i].lo && value <= condition->range[i].hi);
	return found;
}

/* Values of `bits` bits around a base: each width of a page, and ranges that end where it does. */
static void
check_conditions(uint64 base, int bits)
{
	OhColumns	columns = {.n = 2, .per_page = OhKeysPerPage(2)};
	PGAlignedBlock page;
	uint64		mask = bits == 64 ? PG_UINT64_MAX : (UINT64CONST(1) << bits) - 1;
	uint64	   *found = palloc0(sizeof(uint64) * OhKeyPageWords(&columns));
	OhKeyRow  **rows = palloc0(sizeof(OhKeyRow *) * columns.per_page);
	OhRange		range[2];
	OhCondition condition[2] = {{.column = 1, .not_null = true, .nranges = 2, .range = range},
	{.column = 0, .null = true}};
	OhConditions conditions = {.columns = &columns, .n = 1, .condition = condition};
	int			wrong = 0;

	memset(page.data, 0, BLCKSZ);
	OhKeyPageInit(&columns, (Page) page.data);
	range[0].lo = base;
	range[0].hi = base + mask / 4;
	range[1].lo = base + mask / 2;
	range[1].hi = base + mask / 2 + mask / 8;
	for (uint32 i = 0; i < columns.per_page; i++)
	{
		OhKeyRow   *row = rows[i] = palloc0(OhKeyRowBytes(2));

		row->nulls = (uint32) (unit_random() & 3);
		row->unused = 0;
		row->value[0] = row->nulls & 1 ? 0 : unit_random();
		row->value[1] = row->nulls & 2 ? 0 : base + (unit_random() & mask);
		OhKeyPageSet(&columns, (Page) page.data, i, row);
	}
	for (int n = 1; n <= 2; n++)
	{
		conditions.n = n;
		OhConditionsPage(&conditions, (Page) page.data, found);
		for (uint32 i = 0; i < columns.per_page; i++)
		{
			bool		wanted = matches(&condition[0], rows[i]) &&
				(n == 1 || matches(&condition[1], rows[i]));

			wrong += ((found[i / 64] >> (i % 64)) & 1) != wanted;
			wrong += OhConditionsRow(&conditions, rows[i]) != wanted;
		}
	}
	CHECK(wrong == 0, "%d answers are wrong", wrong);
}

void
test_server(void)
{
	static const int bits[] = {1, 4, 8, 15, 31, 60};

	for (int max = 1; max <= 64; max *= 4)
	{
		unit_begin("choice of %d neighbours", max);
		unit_seed((uint64_t) max);
		check_choice(max);
		end();
	}
	unit_begin("lists of links");
	check_list();
	end();
	unit_begin("packing keeps neighbours on a page");
	check_packing();
	end();
	unit_begin("sample mean without outliers");
	unit_seed(1);
	check_mean();
	end();
	for (size_t i = 0; i < lengthof(bits); i++)
	{
		unit_begin("filter conditions, values of %d bits", bits[i]);
		unit_seed(i);
		check_conditions(i % 2 ? UINT64CONST(1) << 61 : 1000, bits[i]);
		end();
	}
}
