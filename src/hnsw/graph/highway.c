/*
 * highway.c -- reads and writes the members of the highway.  See highway.h.
 *
 * There are few pages, so a free slot is searched for on all of them.  One page is locked
 * at a time.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/graph/highway.h"
#include "storage/wal.h"

/*
 * Limit on the members by level: every search reads them, so they take only a few pages.
 * docs/measurements.md#constants
 */
#define LEVEL_BYTES		(48 * 1024)
#define LEVEL_LEAST		32
#define LEVEL_MOST		1000

/* Limit on the members of islands, which searches read if the data has islands. */
#define ISLAND_BYTES	(1024 * 1024)
#define ISLAND_LEAST	256
#define ISLAND_MOST		4096

/* Number of codes that are compared at a time. */
#define BATCH			128

uint32
OhHighwayLevelLimit(uint32 code_bytes)
{
	uint32		n = LEVEL_BYTES / (sizeof(OhMemberData) + code_bytes);

	return Max(LEVEL_LEAST, Min(n, LEVEL_MOST));
}

uint32
OhHighwayIslandLimit(uint32 code_bytes)
{
	uint32		n = ISLAND_BYTES / (sizeof(OhMemberData) + code_bytes);

	return Max(ISLAND_LEAST, Min(n, ISLAND_MOST));
}

int
OhHighwayLevel(const uint32 *count, uint32 code_bytes)
{
	uint32		limit = OhHighwayLevelLimit(code_bytes);
	int			level = OH_MAX_LEVEL;

	for (uint32 n = count[level]; level > 1 && n + count[level - 1] <= limit; level--)
		n += count[level - 1];
	return level;
}

static inline int
compare_islands(const OhIsland *x, const OhIsland *y)
{
	if (x->size != y->size && Max(x->size, y->size) >= OH_LARGE_ISLAND)
		return x->size > y->size ? -1 : 1;
	if (x->apart != y->apart)
		return x->apart > y->apart ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

/* Each node may be an island of its own, and a sort of all nodes must end when it is cancelled. */
#define ST_SORT sort_islands
#define ST_ELEMENT_TYPE OhIsland
#define ST_COMPARE(a, b) compare_islands(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

void
OhSortIslands(OhIsland *island, Size n)
{
	sort_islands(island, n);
}

/*
 * compare -- compare members[n] of a page with the query; their codes are of one model, and
 * the page is locked.
 */
static void
compare(const OmQuantizer *quant, const OmQuery *query, OhMemberData *const *member, int n,
		OhSeeds *seeds)
{
	const void *code[BATCH];
	float		dist[BATCH];

	for (int i = 0; i < n; i++)
		code[i] = OhMemberCode(member[i]);
	om_quant_distances(quant, query, code, n, dist);
	for (int i = 0; i < n; i++)
	{
		OhItem		item = {.dist = dist[i], .id = member[i]->node};

		if (member[i]->kind & OH_MEMBER_LEVEL)
		{
			seeds->nlevel++;
			OhNearestAdd(&seeds->level, OH_LEVEL_SEEDS, item);
		}
		if (member[i]->kind & OH_MEMBER_ISLAND)
		{
			seeds->nisland++;
			OhNearestAdd(&seeds->island, OH_ISLAND_SEEDS, item);
		}
	}
}

/*
 * compare_page -- compare the members of a page that have codes of one model; the page is
 * locked.
 */
static void
compare_page(const OhIndex *ix, Page page, const OhForm *form, const OmQuantizer *quant,
			 OhSeeds *seeds)
{
	uint32		nused = Min(OhTail(page)->nused, ix->file.array[OH_HIGHWAY].per_page);
	OhMemberData *member[BATCH];
	int			n = 0;

	for (uint32 slot = 0; slot < nused; slot++)
	{
		member[n] = OhSlot(&ix->file, OH_HIGHWAY, page, slot);
		n += member[n]->node != OH_NONE && member[n]->model == form->number;
		if (n == BATCH)
		{
			compare(quant, form->query, member, n, seeds);
			n = 0;
		}
	}
	compare(quant, form->query, member, n, seeds);
}

/*
 * make_forms -- while an index is being retrained, make the forms for both models.
 */
static void
make_forms(OhIndex *ix, OhForms *forms)
{
	for (int i = 0; i < OH_MODELS; i++)
	{
		uint8		number = ix->model[i].number;
		const OmQuantizer *quant;

		if (ix->model[i].quant != NULL && OhFormOf(forms, ix, number, &quant) == NULL)
			(void) OhFormsAdd(forms, ix, number);
	}
}

/*
 * ask_ahead -- start reading the pages from this one on, as far as they are known.
 */
static void
ask_ahead(OhIndex *ix, uint32 lp)
{
	for (; lp < ix->file.array[OH_HIGHWAY].npages; lp++)
		OhArrayPrefetch(&ix->file, OH_HIGHWAY, lp);
}

void
OhHighwaySeeds(OhIndex *ix, OhForms *forms, OhSeeds *seeds)
{
	const OhArray *array = &ix->file.array[OH_HIGHWAY];
	bool		full = true;

	memset(seeds, 0, sizeof(OhSeeds));
	if (unlikely(ix->retraining))
		make_forms(ix, forms);
	if (OhAheadBegin(&ix->file.ahead))
		ask_ahead(ix, 0);
	/* if the last known page is full, others may have added one */
	for (uint32 lp = 0; lp < array->npages || (full && lp < OhArrayPages(&ix->file, OH_HIGHWAY)); lp++)
	{
		Buffer		buffer = OhArrayRead(&ix->file, OH_HIGHWAY, lp, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buffer);

		if (unlikely(lp == 0 && OhAheadWaited(&ix->file.ahead)))
			ask_ahead(ix, 1);
		for (int i = 0; i < OH_MODELS; i++)
		{
			const OmQuantizer *quant;
			const OhForm *form = forms->form[i].made ?
				OhFormOf(forms, ix, forms->form[i].number, &quant) : NULL;

			if (form != NULL)
				compare_page(ix, page, form, quant, seeds);
		}
		full = OhTail(page)->nused >= array->per_page;
		UnlockReleaseBuffer(buffer);
	}
	OhAheadEnd(&ix->file.ahead);
}

/*
 * add_to_page -- add a member to a page; false if it is full.
 */
static bool
add_to_page(OhIndex *ix, uint32 lp, const OhMemberData *head, const void *code)
{
	Buffer		buffer = OhArrayRead(&ix->file, OH_HIGHWAY, lp, BUFFER_LOCK_SHARE);
	bool		room = OhPageHasFree(&ix->file, OH_HIGHWAY, BufferGetPage(buffer));

	UnlockReleaseBuffer(buffer);
	if (!room)
		return false;
	buffer = OhArrayRead(&ix->file, OH_HIGHWAY, lp, BUFFER_LOCK_EXCLUSIVE);
	room = OhPageHasFree(&ix->file, OH_HIGHWAY, BufferGetPage(buffer));
	if (room)
	{
		OhWrite		write;
		Page		page;
		uint32		slot;
		OhMemberData *member;

		OhWriteStart(&write, &ix->file);
		page = OhWritePage(&write, buffer, false);
		slot = OhPageTakeSlot(&ix->file, OH_HIGHWAY, page, BufferGetBlockNumber(buffer));
		member = OhSlot(&ix->file, OH_HIGHWAY, page, slot);
		*member = *head;
		memcpy(OhMemberCode(member), code, ix->code_bytes);
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
	return room;
}

/*
 * find_member -- page, slot and kind of a node's first member; false if it is not a member.
 */
static bool
find_member(OhIndex *ix, uint32 node, uint32 *lp, uint32 *slot, int *kind)
{
	uint32		npages = OhArrayPages(&ix->file, OH_HIGHWAY);

	for (*lp = 0; *lp < npages; (*lp)++)
	{
		Buffer		buffer = OhArrayRead(&ix->file, OH_HIGHWAY, *lp, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buffer);
		uint32		nused = Min(OhTail(page)->nused, ix->file.array[OH_HIGHWAY].per_page);

		for (*slot = 0; *slot < nused; (*slot)++)
		{
			const OhMemberData *member = OhSlot(&ix->file, OH_HIGHWAY, page, *slot);

			*kind = member->kind;
			if (member->node == node)
				break;
		}
		UnlockReleaseBuffer(buffer);
		if (*slot < nused)
			return true;
	}
	return false;
}

/*
 * change_member -- set the kind of a member, or free it if kind is 0. false: the slot
 * belongs to another node now.
 */
static bool
change_member(OhIndex *ix, uint32 lp, uint32 slot, uint32 node, int kind)
{
	Buffer		buffer = OhArrayRead(&ix->file, OH_HIGHWAY, lp, BUFFER_LOCK_EXCLUSIVE);
	OhMemberData *member = OhSlot(&ix->file, OH_HIGHWAY, BufferGetPage(buffer), slot);
	bool		same = member->node == node;

	if (same && member->kind != kind)
	{
		OhWrite		write;
		Page		page;

		OhWriteStart(&write, &ix->file);
		page = OhWritePage(&write, buffer, false);
		member = OhSlot(&ix->file, OH_HIGHWAY, page, slot);
		member->kind = kind;
		if (kind == 0)
			OhPageFreeSlot(&ix->file, OH_HIGHWAY, page, slot);
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
	return same;
}

void
OhHighwayAdd(OhIndex *ix, uint32 node, int level, int kind, uint8 tag,
			 const void *code)
{
	OhMemberData head = {.node = node, .level = level, .kind = kind, .model = tag & OH_TAG_MODEL};
	uint32		npages = OhArrayPages(&ix->file, OH_HIGHWAY);

	for (uint32 lp = 0;; lp++)
	{
		CHECK_FOR_INTERRUPTS();
		if (lp == npages)
		{
			lp = OhArrayExtend(&ix->file, OH_HIGHWAY);
			npages = lp + 1;
		}
		if (add_to_page(ix, lp, &head, code))
			return;
	}
}

void
OhHighwayJoin(OhIndex *ix, uint32 node, int level, int kind, uint8 tag, const void *code)
{
	uint32		lp;
	uint32		slot;
	int			old;

	if (!find_member(ix, node, &lp, &slot, &old) ||
		!change_member(ix, lp, slot, node, old | kind))
		OhHighwayAdd(ix, node, level, kind, tag, code);
}

/*
 * raise_level -- let only nodes of a higher level become members from now on; returns that
 * level.
 */
static int
raise_level(OhIndex *ix)
{
	Buffer		buffer = OhReadBlock(ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	int			level = OhMeta(BufferGetPage(buffer))->highway_level;

	if (level == ix->highway_level && level < OH_MAX_LEVEL)
	{
		OhWrite		write;

		OhWriteStart(&write, &ix->file);
		OhMeta(OhWritePage(&write, buffer, false))->highway_level = ++level;
		OhWriteFinish(&write);
	}
	UnlockReleaseBuffer(buffer);
	ix->highway_level = level;
	return level;
}

/*
 * OhHighwayThin -- see highway.h.
 *
 * Members of islands stay.  Two inserts may do this at the same time.
 */
void
OhHighwayThin(OhIndex *ix)
{
	int			level = raise_level(ix);

	for (uint32 lp = 0; lp < ix->file.array[OH_HIGHWAY].npages; lp++)
	{
		Buffer		buffer;
		Page		page;
		OhWrite		write;

		CHECK_FOR_INTERRUPTS();
		buffer = OhArrayRead(&ix->file, OH_HIGHWAY, lp, BUFFER_LOCK_EXCLUSIVE);
		OhWriteStart(&write, &ix->file);
		page = OhWritePage(&write, buffer, false);
		for (uint32 slot = 0; slot < Min(OhTail(page)->nused, ix->file.array[OH_HIGHWAY].per_page); slot++)
		{
			OhMemberData *member = OhSlot(&ix->file, OH_HIGHWAY, page, slot);

			if (member->node == OH_NONE || member->level >= level)
				continue;
			member->kind &= ~OH_MEMBER_LEVEL;
			if (member->kind == 0)
				OhPageFreeSlot(&ix->file, OH_HIGHWAY, page, slot);
		}
		OhWriteFinish(&write);
		UnlockReleaseBuffer(buffer);
	}
}

/*
 * old_members -- copy the members of a page whose codes are of an old model; returns their
 * number.
 */
static int
old_members(OhIndex *ix, uint32 lp, OhMemberData *old, uint32 *slots)
{
	Buffer		buffer = OhArrayRead(&ix->file, OH_HIGHWAY, lp, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	uint32		nused = Min(OhTail(page)->nused, ix->file.array[OH_HIGHWAY].per_page);
	int			n = 0;

	for (uint32 slot = 0; slot < nused; slot++)
	{
		const OhMemberData *member = OhSlot(&ix->file, OH_HIGHWAY, page, slot);

		if (member->node == OH_NONE || member->model == ix->number)
			continue;
		old[n] = *member;
		slots[n++] = slot;
	}
	UnlockReleaseBuffer(buffer);
	return n;
}

/*
 * read_code -- read a node's code of the newest model; false: it has none.
 */
static bool
read_code(OhIndex *ix, uint32 id, void *code)
{
	Buffer		buffer;
	OhNodeData *node;
	bool		found;

	if (!OhArrayHas(&ix->file, OH_NODE, id))
		return false;
	node = OhRecordRead(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE, &buffer);
	found = node->state != OH_FREE && (node->tag & OH_TAG_MODEL) == ix->number;
	if (found)
		memcpy(code, OhNodeCode(node), ix->code_bytes);
	UnlockReleaseBuffer(buffer);
	return found;
}

/*
 * recode_page -- give the members of a page the current codes of their nodes.
 *
 * Once a node's code is of the newest model it does not change, so it may be read before
 * the member's page is locked.
 */
static void
recode_page(OhIndex *ix, uint32 lp, OhMemberData *old, uint32 *slots, char *codes)
{
	int			n = old_members(ix, lp, old, slots);
	Buffer		buffer;
	OhWrite		write;
	Page		page;

	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
	{
		if (!read_code(ix, old[i].node, codes + (Size) i * ix->code_bytes))
			old[i].node = OH_NONE;
	}
	buffer = OhArrayRead(&ix->file, OH_HIGHWAY, lp, BUFFER_LOCK_EXCLUSIVE);
	OhWriteStart(&write, &ix->file);
	page = OhWritePage(&write, buffer, false);
	for (int i = 0; i < n; i++)
	{
		OhMemberData *member = OhSlot(&ix->file, OH_HIGHWAY, page, slots[i]);

		if (old[i].node == OH_NONE || member->node != old[i].node || member->model != old[i].model)
			continue;
		member->model = ix->number;
		memcpy(OhMemberCode(member), codes + (Size) i * ix->code_bytes, ix->code_bytes);
	}
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}

void
OhHighwayRecode(OhIndex *ix)
{
	uint32		npages = OhArrayPages(&ix->file, OH_HIGHWAY);
	uint32		per_page = ix->file.array[OH_HIGHWAY].per_page;
	OhMemberData *old = palloc(sizeof(OhMemberData) * per_page);
	uint32	   *slots = palloc(sizeof(uint32) * per_page);
	char	   *codes = palloc((Size) ix->code_bytes * per_page);

	for (uint32 lp = 0; lp < npages; lp++)
	{
		CHECK_FOR_INTERRUPTS();
		recode_page(ix, lp, old, slots, codes);
	}
	pfree(old);
	pfree(slots);
	pfree(codes);
}

/* The location of a member. */
typedef struct Place
{
	uint32		node;
	uint32		lp;
	uint32		slot;
	int			kind;
} Place;

static int
compare_places(const void *a, const void *b)
{
	const Place *x = a;
	const Place *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return x->lp != y->lp ? (x->lp < y->lp ? -1 : 1) : (int) x->slot - (int) y->slot;
}

/*
 * all_places -- list the locations of all members, palloc'd, with those of a node adjacent.
 */
static Place *
all_places(OhIndex *ix, uint32 *n)
{
	uint32		npages = OhArrayPages(&ix->file, OH_HIGHWAY);
	uint32		per_page = ix->file.array[OH_HIGHWAY].per_page;
	Place	   *place = palloc_extended(Max((Size) npages * per_page, 1) * sizeof(Place), MCXT_ALLOC_HUGE);

	*n = 0;
	for (uint32 lp = 0; lp < npages; lp++)
	{
		Buffer		buffer = OhArrayRead(&ix->file, OH_HIGHWAY, lp, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buffer);

		for (uint32 slot = 0; slot < Min(OhTail(page)->nused, per_page); slot++)
		{
			const OhMemberData *member = OhSlot(&ix->file, OH_HIGHWAY, page, slot);

			if (member->node != OH_NONE)
				place[(*n)++] = (Place) {member->node, lp, slot, member->kind};
		}
		UnlockReleaseBuffer(buffer);
	}
	qsort(place, *n, sizeof(Place), compare_places);
	return place;
}

void
OhHighwayMerge(OhIndex *ix)
{
	uint32		n;
	Place	   *place = all_places(ix, &n);
	uint32		first = 0;

	for (uint32 i = 1; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (place[i].node != place[first].node)
		{
			first = i;
			continue;
		}
		/* before the second one is freed, the first takes over its kind */
		place[first].kind |= place[i].kind;
		if (change_member(ix, place[first].lp, place[first].slot, place[first].node, place[first].kind))
			(void) change_member(ix, place[i].lp, place[i].slot, place[i].node, 0);
	}
	pfree(place);
}
