/*
 * repair.c -- replaces links to dead nodes.
 *
 * A node's links to dead nodes are replaced by links to neighbours of these, chosen by codes.  If
 * d of the n links of a list lead to dead nodes:
 *
 *   d <= n/3   the live links stay; the vacated places go to live neighbours of
 *              the dead neighbours
 *   d >  n/3   the live links and those neighbours are pruned together
 *   d >  n/2   the same, with candidates from one hop further
 *
 * Pruning is relaxed by a factor of 1.2 on squared L2.  Without that, or without any repair, recall
 * sinks over rounds of deletes and inserts.  If the candidates do not fill the list, because a whole
 * region is dead, a search for the node adds more.
 *
 * The new lists of a page are computed from private copies, without locks.  Then the page is
 * locked, and changed with one WAL record; records whose version has changed are repaired
 * again later.  After a crash between two pages, the dead nodes are still there, searches still follow
 * their links, and the next vacuum continues.
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "miscadmin.h"

#include "compat.h"
#include "hnsw/graph/linkcode.h"
#include "hnsw/options.h"
#include "hnsw/vacuum/vacuum.h"
#include "storage/wal.h"

/*
 * Passes over the graph.  Links to dead nodes that inserts add after these are left to the next vacuum
 * (OH_UNCLEAN_NODES).
 */
#define MAX_PASSES 8

/* Candidates for one list, at most. */
#define MAX_CANDIDATES 512

StaticAssertDecl(MAX_CANDIDATES + 2 * OH_MAX_M <= OH_VAC_CODES, "codes of one list");

/* A record's new list. */
typedef struct Fix
{
	uint32		slot;
	uint32		owner;
	uint16		version;		/* of the copy that it was computed from */
	int			n;
	int			nselected;
	uint32	   *links;			/* [max] */
} Fix;

/* A node or tower record of a page or of its copy. */
typedef struct Record
{
	uint32		owner;
	int			level;
	uint16	   *version;
	uint8	   *nselected;
	uint32	   *links;
} Record;

typedef struct Repair
{
	OhVacuum   *v;
	OhArrayId	array;			/* OH_NODE or OH_TOWER */
	OhCopy	   *copy;
	int			max;			/* links of a list */
	Fix		   *fixes;			/* [per_page] */
	int			nfixes;

	/* the list under repair */
	uint32		live[2 * OH_MAX_M];
	int			nlive;
	uint32		gone[2 * OH_MAX_M];
	int			ngone;
	OhCandidate cand[MAX_CANDIDATES + 2 * OH_MAX_M];
	int			ncand;
	uint32		further[MAX_CANDIDATES];	/* dead neighbours of dead neighbours */
	int			nfurther;
	PGAlignedBlock page;
} Repair;

/*
 * is_stale -- does this link lead to a node that is not live?
 */
static bool
is_stale(OhVacuum *v, uint32 id)
{
	if (likely(OhVacState(v, id) == OH_LIVE))
		return false;
	return OhVacuumState(v, id) != OH_LIVE;
}

/*
 * record_of -- set *out to point into a node or tower record; false if it is free (or is a dead node).
 */
static bool
record_of(Repair *r, Page page, uint32 lp, uint32 slot, Record *out)
{
	void	   *record = OhSlot(&r->v->ix->file, r->array, page, slot);

	if (r->array == OH_NODE)
	{
		OhNodeData *node = record;

		out->owner = lp * r->v->ix->file.array[OH_NODE].per_page + slot;
		out->level = 0;
		out->version = &node->version;
		out->nselected = &node->nselected;
		out->links = OhNodeLinks(node, r->v->ix->code_bytes);
		return node->state == OH_LIVE;
	}
	else
	{
		OhTowerData *tower = record;

		out->owner = tower->node;
		out->level = tower->level;
		out->version = &tower->version;
		out->nselected = &tower->nselected;
		out->links = tower->links;
		return tower->node != OH_NONE;
	}
}

/*
 * live_record_of -- the same; false unless the record belongs to a live node.
 *
 * It may read the node's page, so that no page may be locked.
 */
static bool
live_record_of(Repair *r, Page page, uint32 lp, uint32 slot, Record *out)
{
	return record_of(r, page, lp, slot, out) && OhVacuumState(r->v, out->owner) == OH_LIVE;
}

/*
 * add_neighbours -- add the live neighbours of a node to the candidates; note_dead: and the dead ones to r->further.
 */
static void
add_neighbours(Repair *r, uint32 id, int level, bool note_dead)
{
	OhVacuum   *v = r->v;
	uint32		links[2 * OH_MAX_M];
	int			n;

	if (OhVacState(v, id) == OH_FREE)
		return;
	n = OhVacuumLinks(v, id, level, links);
	for (int i = 0; i < n && r->ncand < MAX_CANDIDATES; i++)
	{
		int			state = OhVacState(v, links[i]);

		if (state == OH_FREE || !OhVacuumVisit(v, links[i]))
			continue;
		if (state == OH_LIVE)
		{
			if (OH_VAC_LEVEL(v->node[links[i]]) >= level)
				r->cand[r->ncand++].id = links[i];
		}
		else if (note_dead && r->nfurther < MAX_CANDIDATES)
			r->further[r->nfurther++] = links[i];
	}
}

/*
 * add_found -- add what a search for the node finds to the candidates.
 */
static void
add_found(Repair *r, uint32 id, int level)
{
	OhVacuum   *v = r->v;
	OhCandidate found[2 * OH_MAX_M];
	int			n = OhVacuumSearch(v, level, Min(Max(64, r->max), 2 * OH_MAX_M), false, found);

	/* the search has used the set of visited nodes: fill it again */
	OhVacuumForget(v);
	OhVacuumVisit(v, id);
	for (int i = 0; i < r->nlive; i++)
		OhVacuumVisit(v, r->live[i]);
	for (int i = 0; i < r->ncand; i++)
		OhVacuumVisit(v, r->cand[i].id);
	for (int i = 0; i < n && r->ncand < MAX_CANDIDATES; i++)
	{
		if (OhVacuumVisit(v, found[i].id))
			r->cand[r->ncand++] = found[i];
	}
}

/*
 * gather -- collect candidates for a list, and their distances.
 */
static void
gather(Repair *r, uint32 id, int level)
{
	OhVacuum   *v = r->v;
	int			total = r->nlive + r->ngone;

	OhVacuumForget(v);
	OhVacuumVisit(v, id);
	for (int i = 0; i < r->nlive; i++)
		OhVacuumVisit(v, r->live[i]);
	for (int i = 0; i < r->ngone; i++)
		OhVacuumVisit(v, r->gone[i]);

	r->ncand = 0;
	r->nfurther = 0;
	for (int i = 0; i < r->ngone; i++)
		add_neighbours(r, r->gone[i], level, true);
	if (r->ngone * 2 > total)
	{
		int			second = r->ncand;

		for (int i = 0; i < r->nfurther; i++)
			add_neighbours(r, r->further[i], level, false);
		for (int i = 0; i < second && r->ncand < 4 * r->max; i++)
			add_neighbours(r, r->cand[i].id, level, false);
	}

	OhVacuumQuery(v, id);
	OhVacuumDistances(v, r->cand, r->ncand);
	if (r->nlive + r->ncand < r->max && v->nlive > r->nlive + r->ncand + 1)
		add_found(r, id, level);
}

/*
 * keep_nearest -- keep the n nearest candidates, in no order.
 *
 * Quickselect: sorting them all would cost more than their distances.
 */
static void
keep_nearest(Repair *r, int n)
{
	OhCandidate *cand = r->cand;
	int			low = 0;
	int			high = r->ncand - 1;

	if (r->ncand <= n)
		return;
	while (low < high)
	{
		float		pivot = cand[low + (high - low) / 2].dist;
		int			i = low;
		int			j = high;

		while (i <= j)
		{
			while (cand[i].dist < pivot)
				i++;
			while (cand[j].dist > pivot)
				j--;
			if (i <= j)
			{
				OhCandidate t = cand[i];

				cand[i++] = cand[j];
				cand[j--] = t;
			}
		}
		if (n <= j)
			high = j;
		else if (n >= i)
			low = i;
		else
			break;
	}
	r->ncand = n;
}

/*
 * sort_few -- sort a few candidates by distance.
 */
static void
sort_few(OhCandidate *cand, int n)
{
	for (int i = 1; i < n; i++)
	{
		OhCandidate t = cand[i];
		int			at = i;

		for (; at > 0 && t.dist < cand[at - 1].dist; at--)
			cand[at] = cand[at - 1];
		cand[at] = t;
	}
}

/*
 * is_shadowed -- is cand nearer to one of the links that are kept than to the node?
 *
 * kept[n]  sorted by distance; links farther from the node than cand do not count
 */
static bool
is_shadowed(Repair *r, const OhCandidate *cand, const OhCandidate *kept, int n)
{
	OhVacuum   *v = r->v;
	float		alpha = v->ix->spec.metric == OM_METRIC_IP ? 1.0f : v->sel.alpha;

	om_quant_query_from_code(v->ix->quant, cand->code, v->form);
	for (int i = 0; i < n && kept[i].dist < cand->dist; i++)
	{
		if (alpha * v->ix->distance(v->ix->quant, v->form, kept[i].code) < cand->dist)
			return true;
	}
	return false;
}

/*
 * fill_vacated -- keep the live links, and give the vacated places to candidates: first to diverse ones, then to
 * the nearest.
 *
 * fix->nselected: number of diverse links among the live ones, which come first
 */
static void
fill_vacated(Repair *r, Fix *fix)
{
	OhVacuum   *v = r->v;
	OhCandidate all[6 * OH_MAX_M + 8];
	OhCandidate kept[2 * OH_MAX_M];
	OhCandidate *cand;
	int			nkept = r->nlive;
	int			vacated = r->ngone;
	int			ncand;

	/* docs/measurements.md#repair */
	keep_nearest(r, Min(8 * vacated + 32, 4 * OH_MAX_M));
	ncand = r->ncand;
	for (int i = 0; i < r->nlive; i++)
	{
		fix->links[i] = r->live[i];
		all[i].id = r->live[i];
	}
	OhVacuumDistances(v, all, r->nlive);
	sort_few(all, r->nlive);
	cand = all + r->nlive;
	memcpy(cand, r->cand, sizeof(OhCandidate) * ncand);
	sort_few(cand, ncand);
	OhVacuumCodes(v, all, r->nlive + ncand);
	memcpy(kept, all, sizeof(OhCandidate) * r->nlive);

	for (int i = 0; i < ncand && vacated > 0; i++)
	{
		int			at;

		cand[i].selected = !is_shadowed(r, &cand[i], kept, nkept);
		if (!cand[i].selected)
			continue;
		for (at = nkept; at > 0 && cand[i].dist < kept[at - 1].dist; at--)
			kept[at] = kept[at - 1];
		kept[at] = cand[i];
		/* insert it after the diverse links; the fill that was there goes to the end */
		fix->links[nkept++] = fix->links[fix->nselected];
		fix->links[fix->nselected++] = cand[i].id;
		vacated--;
	}
	for (int i = 0; i < ncand && vacated > 0; i++)
	{
		if (cand[i].selected)
			continue;
		fix->links[nkept++] = cand[i].id;
		vacated--;
	}
	fix->n = nkept;
}

/*
 * prune_all -- choose all links again, among the live links and the candidates.
 */
static void
prune_all(Repair *r, Fix *fix)
{
	OhVacuum   *v = r->v;

	for (int i = 0; i < r->nlive; i++)
		r->cand[r->ncand + i].id = r->live[i];
	OhVacuumDistances(v, r->cand + r->ncand, r->nlive);
	r->ncand += r->nlive;
	keep_nearest(r, 4 * r->max);
	OhVacuumCodes(v, r->cand, r->ncand);
	fix->n = OhSelectNeighbours(&v->sel, r->cand, r->ncand, r->max);
	fix->nselected = OhCandidateLinks(r->cand, fix->n, fix->links);
}

/*
 * fix_list -- compute the new list of a record if it has a stale link.
 */
static void
fix_list(Repair *r, uint32 slot, const Record *record)
{
	Fix		   *fix = &r->fixes[r->nfixes];

	r->nlive = r->ngone = 0;
	fix->nselected = 0;
	for (int i = 0; i < r->max && record->links[i] != OH_NONE; i++)
	{
		if (is_stale(r->v, record->links[i]))
			r->gone[r->ngone++] = record->links[i];
		else
		{
			r->live[r->nlive++] = record->links[i];
			if (i < *record->nselected)
				fix->nselected++;
		}
	}
	if (r->ngone == 0)
		return;
	gather(r, record->owner, record->level);
	if (r->ngone * 3 <= r->nlive + r->ngone)
		fill_vacated(r, fix);
	else
		prune_all(r, fix);
	fix->slot = slot;
	fix->owner = record->owner;
	fix->version = *record->version;
	r->nfixes++;
}

/*
 * apply_fixes -- write the new lists to their page; true if no record had changed since it was copied.
 *
 * Copies the page again in either case.
 */
static bool
apply_fixes(Repair *r, uint32 lp)
{
	OhVacuum   *v = r->v;
	Buffer		buffer = OhArrayRead(&v->ix->file, r->array, lp, BUFFER_LOCK_EXCLUSIVE);
	OhWrite		write;
	Page		page;
	Record		record;
	int			napplied = 0;

	OhWriteStart(&write, &v->ix->file);
	page = OhWritePage(&write, buffer, false);
	for (int i = 0; i < r->nfixes; i++)
	{
		Fix		   *fix = &r->fixes[i];

		if (!record_of(r, page, lp, fix->slot, &record) ||
			record.owner != fix->owner || *record.version != fix->version)
			continue;
		memcpy(record.links, fix->links, sizeof(uint32) * fix->n);
		for (int k = fix->n; k < r->max; k++)
			record.links[k] = OH_NONE;
		*record.nselected = fix->nselected;
		(*record.version)++;
		if (r->array == OH_NODE)
			OhForgetLinkCodes(v->ix, OhSlot(&v->ix->file, OH_NODE, page, fix->slot));
		napplied++;
	}
	if (napplied > 0)
		OhWriteFinish(&write);
	else
		OhWriteAbort(&write);
	OhVacuumStore(v, r->copy, lp, BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
	return napplied == r->nfixes;
}

/*
 * repair_page -- repair all records of a page; true if there was anything to repair.
 */
static bool
repair_page(Repair *r, uint32 lp)
{
	OhVacuum   *v = r->v;
	bool		any = false;

	for (;;)
	{
		uint32		nused;
		Record		record;

		CHECK_FOR_INTERRUPTS();
		memcpy(r->page.data, OhVacuumPage(v, r->copy, lp), BLCKSZ);
		nused = Min(OhTail((Page) r->page.data)->nused, v->ix->file.array[r->array].per_page);
		r->nfixes = 0;
		for (uint32 slot = 0; slot < nused; slot++)
		{
			if (live_record_of(r, (Page) r->page.data, lp, slot, &record))
				fix_list(r, slot, &record);
		}
		if (r->nfixes == 0)
			return any;
		any = true;
		if (apply_fixes(r, lp))
			return true;
	}
}

/*
 * page_is_stale -- does any list of the page have a stale link?
 *
 * keep: flag the dead nodes that are linked to, so that they are not freed
 */
static bool
page_is_stale(Repair *r, uint32 lp, Page page, bool keep)
{
	OhVacuum   *v = r->v;
	uint32		nused = Min(OhTail(page)->nused, v->ix->file.array[r->array].per_page);
	Record		record;
	bool		stale = false;

	for (uint32 slot = 0; slot < nused; slot++)
	{
		if (!live_record_of(r, page, lp, slot, &record))
			continue;
		for (int i = 0; i < r->max && record.links[i] != OH_NONE; i++)
		{
			uint32		link = record.links[i];

			if (likely(OhVacState(v, link) == OH_LIVE))
				continue;
			if (!keep)
				return true;
			stale = true;
			if (OhVacState(v, link) == OH_DEAD)
				v->node[link] |= OH_VAC_KEEP;
		}
	}
	return stale;
}

/*
 * repair_array -- do one pass over an array; true if there was anything to repair.
 */
static bool
repair_array(OhVacuum *v, OhArrayId array, int pass)
{
	Repair	   *r = palloc(sizeof(Repair));
	uint32		per_page = v->ix->file.array[array].per_page;
	uint32	   *lists;
	bool		last = pass == MAX_PASSES - 1;
	bool		any = false;

	r->v = v;
	r->array = array;
	r->copy = array == OH_NODE ? &v->nodes : &v->towers;
	r->max = array == OH_NODE ? 2 * v->ix->m : v->ix->m;
	r->fixes = palloc(sizeof(Fix) * per_page);
	lists = palloc(sizeof(uint32) * per_page * r->max);
	for (uint32 i = 0; i < per_page; i++)
		r->fixes[i].links = lists + i * r->max;

	for (uint32 lp = 0; lp < r->copy->npages; lp++)
	{
		Page		page;

		om_vacuum_delay_point();
		/* the first pass uses the copies, later ones look for what inserts have changed */
		if (pass == 0)
			page = OhVacuumPage(v, r->copy, lp);
		else
			page = OhVacuumRefresh(v, r->copy, lp);
		if (!r->copy->stable)
			page = memcpy(r->page.data, page, BLCKSZ);
		if (page_is_stale(r, lp, page, last) && !last)
			any |= repair_page(r, lp);
	}
	pfree(lists);
	pfree(r->fixes);
	pfree(r);
	return any;
}

/*
 * An insert that chose its neighbours before they were flagged dead may link to them after the page was
 * repaired, so that passes are repeated until one finds nothing.  An insert that takes longer than
 * that leaves a link to a node that is free by then, or is another node: searches tolerate it, and the next
 * vacuum repairs it if the node is not live.
 */
void
OhRepair(OhVacuum *v)
{
	for (int pass = 0; pass < MAX_PASSES; pass++)
	{
		bool		any;

		if (pass > 0)
			OhVacuumGrow(v);
		any = repair_array(v, OH_NODE, pass);
		any |= repair_array(v, OH_TOWER, pass);
		if (!any)
			break;
	}
}
