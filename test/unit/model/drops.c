/*
 * drops.c -- three inserts that each drop a link because of a path over another's, in every order of their steps
 * (src/hnsw/README.md, "Insert").
 *
 * Three lists link round in a circle, and each to one more node, the target.  Each insert has seen that its list can do
 * without the link to the target, as the next list has one.  It locks its list, tries to lock the next one for a look
 * at that link, gives that lock back, and writes its list without the link; if it cannot have the lock or the link is
 * gone, it leaves the list as it is.
 *
 * At the end one list must link to the target.  Each rule is then broken in turn, which must be seen.
 */
#include <stdint.h>
#include <string.h>

#include "model.h"

#define LISTS 3

typedef enum Rule
{
	NO_RULE,
	LOOK,						/* the path is looked at again */
	KEEP_LOCKED,				/* the list stays locked from before the look until it is written */
	TRY_LOCK,					/* the next list is looked at only while nobody else has locked it */
	RULES
} Rule;

static const char *const rule_names[RULES] = {"", "looking at the path again", "keeping the list locked",
	"the lock of the list that is looked at"
};

typedef enum Step
{
	LOCK_OWN, TRY_NEXT, LOOK_AT_NEXT, WRITE, OVER
} Step;

/* All in bits: list i of links, locks. */
typedef struct World
{
	uint8_t		links;			/* lists that link to the target */
	uint8_t		locked;			/* lists that are locked */
	uint8_t		step[LISTS];
} World;

static Rule broken;
static long ends;
static long states;
static bool wrong;
static bool seen[1 << LISTS][1 << LISTS][OVER + 1][OVER + 1][OVER + 1];

static void
give_up(World *w, int i)
{
	w->locked &= ~(1 << i);
	w->step[i] = OVER;
}

/*
 * step -- the next step of insert i; false: it has to wait.
 */
static bool
step(World *w, int i)
{
	int			next = (i + 1) % LISTS;

	switch (w->step[i])
	{
		case LOCK_OWN:
			if (w->locked & (1 << i))
				return false;
			w->locked |= 1 << i;
			w->step[i] = broken == LOOK ? WRITE : TRY_NEXT;
			return true;
		case TRY_NEXT:
			if (broken == KEEP_LOCKED)
				w->locked &= ~(1 << i);
			if (broken != TRY_LOCK && (w->locked & (1 << next)))
				give_up(w, i);
			else
			{
				if (broken != TRY_LOCK)
					w->locked |= 1 << next;
				w->step[i] = LOOK_AT_NEXT;
			}
			return true;
		case LOOK_AT_NEXT:
			if (broken != TRY_LOCK)
				w->locked &= ~(1 << next);
			if (w->links & (1 << next))
				w->step[i] = WRITE;
			else
				give_up(w, i);
			return true;
		default:
			w->links &= ~(1 << i);
			give_up(w, i);
			return true;
	}
}

static void
explore(const World *w)
{
	bool	   *known = &seen[w->links][w->locked][w->step[0]][w->step[1]][w->step[2]];
	bool		over = true;

	if (*known)
		return;
	*known = true;
	states++;
	for (int i = 0; i < LISTS; i++)
	{
		World		next = *w;

		over = over && w->step[i] == OVER;
		if (w->step[i] != OVER && step(&next, i))
			explore(&next);
	}
	ends += over;
	wrong = wrong || (over && w->links == 0);
}

void
model_drops(void)
{
	for (Rule rule = NO_RULE; rule < RULES; rule++)
	{
		World		w = {.links = (1 << LISTS) - 1};

		broken = rule;
		wrong = false;
		ends = states = 0;
		memset(seen, 0, sizeof(seen));
		explore(&w);
		if (rule == NO_RULE)
			model_report(!wrong && ends > 0, "links that are dropped because of others (%ld states, %ld ends)", states, ends);
		else
			model_report(wrong, "  wrong without %s", rule_names[rule]);
	}
}
