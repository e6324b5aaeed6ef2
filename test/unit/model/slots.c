/*
 * slots.c -- an insert, a vacuum and another insert, which uses the slot that the vacuum has freed, in every order of
 * their steps (src/hnsw/README.md, "Insert" and "Vacuum").
 *
 * A step is what happens under one page lock.  Slot 0 is a node that stays.  The row of slot 1 is deleted: the vacuum
 * flags it, copies every node, takes the link out of the lists that have it, and frees the slot.  An insert that may
 * have met slot 1 before puts a node with links to 0 and 1 into slot 2, with a link back from 0, and then looks at
 * slot 1 again.  The other insert takes slot 1 if it is free.
 *
 * At the end no live node may link to a slot that is not live, and slot 0 must link to the new nodes.  Each rule is
 * then broken in turn, which must be seen.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

typedef enum State
{
	FREE, LIVE, DEAD
} State;

typedef enum Rule
{
	NO_RULE,
	LOOK_AGAIN,					/* an insert looks at its targets again */
	READ_AFTER_FLAGGING,		/* a vacuum copies nodes after it has flagged the dead one */
	COMPARE_VERSION,			/* a list is written only if its version is that of the copy */
	FREE_UNLINKED,				/* a slot is freed only if no list has kept a link to it */
	RULES
} Rule;

static const char *const rule_names[RULES] = {"", "looking at targets again", "reading nodes after flagging",
	"comparing versions", "keeping what is linked to"
};

typedef struct Node
{
	uint8_t		state;
	uint8_t		version;
	uint8_t		links;			/* bit i: to slot i */
} Node;

typedef struct World
{
	Node		node[3];
	Node		copy[3];		/* the vacuum's */
	uint8_t		pc[3];			/* insert, vacuum, second insert */
	uint8_t		met;			/* the insert has met slot 1 */
	uint8_t		gone;			/* and it was not live when it looked again */
	uint8_t		reused;			/* the second insert has taken slot 1 */
	uint8_t		keep;			/* a list has kept its link to slot 1 */
} World;

#define OVER 255

static Rule broken;
static long worlds;
static World *seen;
static size_t nseen;
static size_t allocated;
static bool wrong;

static void
insert_step(World *w)
{
	switch (w->pc[0]++)
	{
		case 0:
			w->met = w->node[1].state == LIVE && (w->node[0].links & 2);
			break;
		case 1:
			w->node[2] = (Node) {LIVE, (uint8_t) (w->node[2].version + 1), (uint8_t) (w->met ? 3 : 1)};
			w->node[0].links |= 4;
			w->node[0].version++;
			if (!w->met || broken == LOOK_AGAIN)
				w->pc[0] = OVER;
			break;
		case 2:
			w->gone = w->node[1].state != LIVE;
			break;
		case 3:
			if (w->gone)
			{
				w->node[2].links &= (uint8_t) ~2;
				w->node[2].version++;
			}
			w->pc[0] = OVER;
			break;
	}
}

static void
flag(World *w)
{
	w->node[1].state = DEAD;
	w->node[1].version++;
}

/* Take the link out of a list, as it was copied; if it has changed since, it is copied and looked at again. */
static void
repair(World *w, int slot)
{
	Node	   *copy = &w->copy[slot];

	if (copy->state != LIVE || (copy->links & 2) == 0)
		return;
	if (copy->version != w->node[slot].version && broken != COMPARE_VERSION)
	{
		*copy = w->node[slot];
		w->pc[1]--;				/* to this step again */
		return;
	}
	if (broken == FREE_UNLINKED)
	{
		w->keep = 1;			/* as when there is no place for what it should link to */
		return;
	}
	w->node[slot].links = copy->links & (uint8_t) ~2;
	w->node[slot].version++;
}

static void
vacuum_step(World *w)
{
	int			pc = w->pc[1]++;

	if (broken == READ_AFTER_FLAGGING)
		pc = pc < 2 ? pc + 1 : pc == 2 ? 0 : pc;
	switch (pc)
	{
		case 0:
			flag(w);
			break;
		case 1:
			w->copy[0] = w->node[0];
			break;
		case 2:
			w->copy[2] = w->node[2];
			break;
		case 3:
			repair(w, 0);
			break;
		case 4:
			repair(w, 2);
			break;
		case 5:
			if (!w->keep || broken == FREE_UNLINKED)
				w->node[1] = (Node) {FREE, (uint8_t) (w->node[1].version + 1), 0};
			w->pc[1] = OVER;
			break;
	}
}

static void
reuse_step(World *w)
{
	if (w->node[1].state == FREE)
	{
		w->node[1] = (Node) {LIVE, (uint8_t) (w->node[1].version + 1), 1};
		w->node[0].links |= 2;
		w->node[0].version++;
		w->reused = 1;
	}
	w->pc[2] = OVER;
}

static bool
is_right(const World *w)
{
	for (int slot = 0; slot < 3; slot++)
	{
		for (int to = 0; w->node[slot].state == LIVE && to < 3; to++)
		{
			if ((w->node[slot].links & (1 << to)) && w->node[to].state != LIVE)
				return false;
		}
	}
	return (w->node[0].links & 4) && (!w->reused || (w->node[0].links & 2));
}

static void
explore(const World *w)
{
	bool		over = true;

	for (size_t i = 0; i < nseen; i++)
	{
		if (memcmp(&seen[i], w, sizeof(World)) == 0)
			return;
	}
	if (nseen == allocated)
	{
		allocated = allocated * 2 + 256;
		seen = realloc(seen, sizeof(World) * allocated);
		if (seen == NULL)
			exit(2);
	}
	seen[nseen++] = *w;
	for (int t = 0; t < 3; t++)
	{
		World		next = *w;

		if (w->pc[t] == OVER)
			continue;
		over = false;
		if (t == 0)
			insert_step(&next);
		else if (t == 1)
			vacuum_step(&next);
		else
			reuse_step(&next);
		explore(&next);
	}
	if (over)
	{
		worlds++;
		wrong = wrong || !is_right(w);
	}
}

void
model_slots(void)
{
	for (Rule rule = NO_RULE; rule < RULES; rule++)
	{
		World		w;

		memset(&w, 0, sizeof(w));
		w.node[0] = (Node) {LIVE, 0, 2};
		w.node[1] = (Node) {LIVE, 0, 1};
		broken = rule;
		wrong = false;
		worlds = 0;
		nseen = 0;
		explore(&w);
		if (rule == NO_RULE)
			model_report(!wrong && worlds > 0, "slots that are used again (%zu states, %ld ends)", nseen, worlds);
		else
			model_report(wrong, "  wrong without %s", rule_names[rule]);
	}
	free(seen);
}
