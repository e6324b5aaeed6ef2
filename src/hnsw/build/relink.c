/*
 * relink.c -- lets the nodes of a new graph that few others link to choose their links again.
 *
 * A node that was added early chose among few nodes, and one that lies apart may not have
 * found its nearest ones.  Both are in few lists, and the fewer
 * lists a node is in, the more often searches miss it.  When the graph is
 * complete, these nodes search once more and choose their links again.
 */
#include "postgres.h"

#include "hnsw/build/graph.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* At most one node in this many is relinked.  docs/measurements.md#constants */
#define RELINK_SHARE 3

static inline bool
is_node(const OhRelink *relink, uint32 slot)
{
	return relink->b->nodes[slot].kind == OH_SLOT_NODE;
}

/*
 * choose_least -- choose the number of incoming links below which a node is relinked.
 *
 * It is half of the mean, 2m, or less if that makes more nodes than RELINK_SHARE allows.
 */
static int
choose_least(const OhRelink *relink)
{
	uint32		count[PG_UINT8_MAX + 1] = {0};
	uint32		nnodes = 0;
	uint32		nbelow = 0;
	int			least = 0;

	for (uint32 slot = 0; slot < relink->nslots; slot++)
	{
		if (slot % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		if (!is_node(relink, slot))
			continue;
		count[relink->incoming[slot]]++;
		nnodes++;
	}
	while (least < relink->b->m && (nbelow += count[least]) <= nnodes / RELINK_SHARE)
		least++;
	return least;
}

void
OhRelinkBegin(OhRelink *relink, OhBuilder *b, MemoryContext context)
{
	int			max = 2 * b->m;

	relink->b = b;
	relink->nslots = OhGraphSlots(b->graph);
	relink->incoming = MemoryContextAllocHuge(context, Max(relink->nslots, 1));
	memset(relink->incoming, 0, relink->nslots);
	for (uint32 slot = 0; slot < relink->nslots; slot++)
	{
		const uint32 *list = OhGraphList(b, slot);

		if (slot % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		if (!is_node(relink, slot))
			continue;
		for (int i = 0; i < max && list[i] != OH_NONE; i++)
		{
			uint8	   *incoming = &relink->incoming[list[i] & OH_LINK_ID];

			*incoming += *incoming < PG_UINT8_MAX;
		}
	}
	relink->least = choose_least(relink);
}

void
OhRelinkSlots(OhRelink *relink, uint32 from, uint32 to)
{
	for (uint32 slot = from; slot < Min(to, relink->nslots); slot++)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_node(relink, slot) && relink->incoming[slot] < relink->least)
			OhGraphRelink(relink->b, slot);
	}
}

void
OhRelinkEnd(OhRelink *relink)
{
	pfree(relink->incoming);
}
