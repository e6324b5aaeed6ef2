/*
 * codedwalk.c -- walks of the base layer by codes of links.  See codedwalk.h and linkcode.h.
 *
 * A hop reads one page, that of the candidate that it expands.  The candidate's own code gives its
 * distance.  The codes of its links give estimates of the distances of its neighbours, which enter the
 * queue by these.  So a node may be in the queue several times: the entry with the least estimate is
 * taken first, and the others are skipped, because the visited set holds all nodes that were read.
 * search.c says what concurrent writers may do.
 */
#include "postgres.h"

#include <float.h>

#include "miscadmin.h"

#include "hnsw/graph/codedwalk.h"
#include "hnsw/graph/linkcode.h"
#include "hnsw/graph/linklist.h"
#include "hnsw/graph/walk.h"

/* Of the next candidates: records that are prefetched, and pages that are asked for if they are not in memory. */
#define CODED_AHEAD 3
#define CODED_ASKED 8

/* What expand() has read. */
typedef struct Expanded
{
	OhEvaluated self;
	bool		exists;
	int			n;				/* neighbours, as items with estimates */
	OhItem		item[OH_WALK_LINKS];
} Expanded;

/*
 * prefetch_records -- prefetch the memory of the next candidates' records.
 */
static inline void
prefetch_records(const OhSearch *s)
{
	const OhIndex *ix = s->eval.ix;

	for (int64 k = 0; k < Min(s->cand.n, CODED_AHEAD); k++)
	{
		uint32		id = s->cand.item[k].id;
		uint32		lp = OhLp(&ix->file, OH_NODE, id);
		Buffer		buffer;
		const char *record;

		if (lp >= ix->file.array[OH_NODE].npages)
			continue;
		buffer = ix->file.array[OH_NODE].hint[lp];
		if (buffer <= 0)
			continue;
		record = OhSlot(&ix->file, OH_NODE, BufferGetPage(buffer), OhSlotOf(&ix->file, OH_NODE, id));
		for (uint32 at = 0; at < ix->node_bytes; at += 64)
			__builtin_prefetch(record + at);
	}
}

/*
 * look_ahead -- if pages must be read, start reading those of the nearest candidates.
 */
static void
look_ahead(OhSearch *s)
{
	s->asks = true;
	for (int64 k = 0; k < Min(s->cand.n, CODED_ASKED); k++)
		OhWalkPrefetch(s, s->cand.item[k].id);
}

/*
 * read_neighbours -- get exact code distances of neighbours, by reading them, for a node without codes of its links.
 */
static void
read_neighbours(OhSearch *s, const uint32 *ids, int n, Expanded *out)
{
	OhEvaluated evaluated[OH_WALK_LINKS];
	uint32		fresh[OH_WALK_LINKS];
	int			nfresh = 0;

	for (int i = 0; i < n; i++)
	{
		if (OhArrayHas(&s->eval.ix->file, OH_NODE, ids[i]) && !OhVisitedHas(s->visited, ids[i]))
			fresh[nfresh++] = ids[i];
	}
	out->n = OhEvaluate(&s->eval, fresh, nfresh, evaluated);
	for (int i = 0; i < out->n; i++)
		out->item[i] = evaluated[i].item;
}

/*
 * expand -- read a node: its distance, and estimates of those of its neighbours.
 */
static void
expand(OhSearch *s, uint32 id, Expanded *out)
{
	OhIndex    *ix = s->eval.ix;
	uint32		ids[OH_WALK_LINKS];
	float		estimate[OH_WALK_LINKS];
	int			rounds = 0;
	int			n = 0;

	out->exists = false;
	out->n = 0;
	if (!OhArrayHas(&ix->file, OH_NODE, id))
		return;
	s->nhops++;
	for (;;)
	{
		Buffer		buffer;
		OhNodeData *node = OhRecordRead(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE, &buffer);
		const OmQuantizer *quant;
		const OhForm *form;
		uint8		tag = node->tag;
		bool		coded;

		if (node->state == OH_FREE)
		{
			UnlockReleaseBuffer(buffer);
			return;
		}
		form = OhFormOf(s->eval.forms, ix, tag, &quant);
		if (unlikely(form == NULL))
		{
			UnlockReleaseBuffer(buffer);
			OhFormsNeed(s->eval.forms, ix, id, tag, &rounds);
			continue;
		}
		out->exists = true;
		out->self.item.id = id;
		out->self.item.dist = ix->distance(quant, form->query, OhNodeCode(node));
		out->self.live = node->state == OH_LIVE;
		s->eval.evaluations++;
		n = OhCopyLinks(OhNodeLinks(node, ix->code_bytes), 2 * ix->m, ids);
		coded = OhHasLinkCodes(ix, node);
		if (coded)
			OhLinkEstimates(ix, node, n, form->link, out->self.item.dist, estimate);
		UnlockReleaseBuffer(buffer);
		if (unlikely(!coded))
		{
			read_neighbours(s, ids, n, out);
			return;
		}
		break;
	}
	for (int i = 0; i < n; i++)
	{
		if (OhWalkMayVisit(s, ids[i]) && !OhVisitedHas(s->visited, ids[i]))
			out->item[out->n++] = (OhItem) {estimate[i], ids[i]};
	}
}

void
OhCodedWalk(OhSearch *s, int ef)
{
	Expanded	from;

	while (s->cand.n > 0)
	{
		OhItem		next;

		CHECK_FOR_INTERRUPTS();
		if (s->found.n >= ef && s->cand.item[0].dist > s->found.item[0].dist)
			break;
		if (unlikely(s->eval.ix->file.ahead.rounds > 0))
			look_ahead(s);
		next = OhQueuePop(&s->cand, false);
		if (!OhWalkVisit(s, next.id))
			continue;
		prefetch_records(s);
		expand(s, next.id, &from);
		if (!from.exists)
			continue;
		if (from.self.live)
		{
			OhItem		item = from.self.item;

			if (s->found.n < ef)
				OhQueuePush(&s->found, item, true);
			else
			{
				if (item.dist < s->found.item[0].dist)
					item = OhQueueReplace(&s->found, item, true);
				if (s->resumed)
					OhQueuePush(&s->evicted, item, false);
				else if (s->streaming)
					OhQueueAppend(&s->evicted, item);
			}
		}
		for (int i = 0; i < from.n; i++)
		{
			OhItem		item = from.item[i];

			if (s->resumed || s->found.n < ef || item.dist < s->found.item[0].dist)
				OhQueuePush(&s->cand, item, false);
			else if (s->streaming)
				OhQueueAppend(&s->rejected, item);
		}
	}
}

void
OhCodedStart(OhSearch *s)
{
	OhItem		entry = {FLT_MAX, s->eval.ix->entry};

	OhWalkBegin(s);
	for (int64 i = 0; i < s->found.n; i++)
		OhQueuePush(&s->cand, s->found.item[i], false);
	if (entry.id != OH_NONE)
		OhQueuePush(&s->cand, entry, false);
	s->found.n = 0;
}

void
OhCodedTake(OhSearch *s, uint32 id, OhQueue *aside)
{
	Expanded	from;

	if (!OhWalkVisit(s, id))
		return;
	expand(s, id, &from);
	if (!from.exists)
		return;
	for (int i = 0; i < from.n; i++)
		OhQueuePush(&s->cand, from.item[i], false);
	if (from.self.live)
		OhQueuePush(aside, from.self.item, false);
}
