/*
 * weak.c -- the lock-free steps of an index build (src/hnsw/build/graph.h) in every order that a weakly ordered
 * machine may take them in.
 *
 * A thread is a list of operations on memory.  It may execute any of them as soon as what it needs is there,
 * unless an earlier one has to come first:
 *
 *   - one on the same place;
 *   - for a load, a read barrier before which a load is open; for a store, a write barrier before which a store is
 *     open: no more than PostgreSQL promises of pg_read_barrier() and pg_write_barrier();
 *   - a lock and a compare-and-swap wait for everything and everything waits for them; a release waits for
 *     everything before it;
 *   - an operation waits for the registers that it uses.  A store waits for the condition that it depends on, too;
 *     a load does not: processors guess.
 *
 * All orders are tried, and the end of each is looked at.  Then each barrier is left out in turn, or a step is
 * weakened: some order must end wrongly then, or the model would show nothing.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define MAX_THREADS	3
#define MAX_STEPS	12
#define MAX_MEMORY	32
#define MAX_REGISTERS 6
#define UNKNOWN		(-1)
#define NONE		(-2)

typedef enum Kind
{
	END = 0,
	LOAD,						/* register = memory[at + index] */
	STORE,						/* memory[at + index] = value */
	RELEASE,					/* a store after all that is before it */
	LOCK,						/* waits until memory[at] is 0, sets it to 1 */
	SWAP,						/* if memory[at] is NONE it becomes value; register = what it was */
	BARE_SWAP,					/* the same, and orders nothing */
	READ_BARRIER,
	WRITE_BARRIER
} Kind;

typedef struct Step
{
	Kind		kind;
	int			at;
	int			value;			/* of a store */
	int			target;			/* register of a load */
	int			index;			/* register + 1 to add to at, or 0 */
	int			when;			/* register + 1 that must not be NONE, or 0 */
	const char *needed;			/* what is left out, or weakened, to see that it is needed */
	Kind		weakened;		/* to this; END: left out */
} Step;

typedef struct Protocol
{
	const char *name;
	int			memory[MAX_MEMORY];
	Step		thread[MAX_THREADS][MAX_STEPS];
	bool		(*is_right) (const int *memory, int reg[][MAX_REGISTERS]);
} Protocol;

typedef struct State
{
	int8_t		memory[MAX_MEMORY];
	int8_t		reg[MAX_THREADS][MAX_REGISTERS];
	uint16_t	done[MAX_THREADS];
} State;

/* ---- the protocols ---- */

/* Places; an array has one for each of three slots. */
#define CODE(slot)	(0 + (slot))
#define LIST(slot)	(3 + (slot))	/* links of the base layer */
#define UPPER(slot) (6 + (slot))	/* links of level 1 */
#define TWIN		9
#define MEMBER		10
#define COUNT		11
#define THE_LOCK	12
#define DIST		13
#define LINK		14
#define ENTRY		15

static bool
node_is_whole(const int *memory, int reg[][MAX_REGISTERS])
{
	return reg[1][0] == NONE || (reg[1][1] == 7 && reg[1][2] == 8);
}

static bool
copy_is_one(const int *memory, int reg[][MAX_REGISTERS])
{
	return reg[0][0] == reg[0][1] && memory[DIST] == 2 && memory[LINK] == 2;
}

static bool
one_is_first(const int *memory, int reg[][MAX_REGISTERS])
{
	int			first = 0;

	for (int t = 0; t < 2; t++)
	{
		first += reg[t][0] == NONE;
		if (reg[t][0] != NONE && reg[t][1] != 7)
			return false;
	}
	return first == 1;
}

static bool
member_is_node(const int *memory, int reg[][MAX_REGISTERS])
{
	return reg[1][0] == NONE || reg[1][2] == 7;
}

static const Protocol protocols[] = {
	{
		/* OhGraphAdd(), link_node(), publish(); expand() */
		"a link is written after its node",
		{[CODE(1)] = 0,[LIST(0)] = NONE,[LIST(1)] = 0},
		{
			{
				{STORE, CODE(1), 7},
				{STORE, LIST(1), 8},
				{WRITE_BARRIER, .needed = "the write barrier before reverse links"},
				{STORE, LIST(0), 1},
			},
			{
				{LOAD, LIST(0), .target = 0},
				{LOAD, CODE(0), .target = 1, .index = 1, .when = 1},
				{LOAD, LIST(0), .target = 2, .index = 1, .when = 1},
			},
		},
		node_is_whole
	},
	{
		/* link_node(): all searches come before the first reverse link */
		"what can be found on a level has its lists below",
		{[CODE(1)] = 7,[LIST(1)] = 0,[UPPER(0)] = NONE,[UPPER(1)] = 0},
		{
			{
				{STORE, UPPER(1), 7},
				{STORE, LIST(1), 8, .needed = "the list of the base layer before the barrier", .weakened = LOAD},
				{WRITE_BARRIER, .needed = "the write barrier before reverse links"},
				{STORE, UPPER(0), 1},
				{STORE, LIST(1), 8},
			},
			{
				{LOAD, UPPER(0), .target = 0},
				{LOAD, UPPER(0), .target = 1, .index = 1, .when = 1},
				{LOAD, LIST(0), .target = 2, .index = 1, .when = 1},
			},
		},
		node_is_whole
	},
	{
		/* the copy of a list in publish(), beside add_reverse_link() */
		"a list is copied under its lock",
		{[THE_LOCK] = 0,[DIST] = 1,[LINK] = 1},
		{
			{
				{LOCK, THE_LOCK, .needed = "the lock of the reader", .weakened = LOAD},
				{LOAD, LINK, .target = 0},
				{LOAD, DIST, .target = 1},
				{RELEASE, THE_LOCK, 0, .needed = "the release of the reader", .weakened = STORE},
			},
			{
				{LOCK, THE_LOCK},
				{STORE, LINK, 2},
				{STORE, DIST, 2},
				{RELEASE, THE_LOCK, 0, .needed = "the release of the writer", .weakened = STORE},
			},
		},
		copy_is_one
	},
	{
		/* OhGraphFindTwin(), two rows with the same code */
		"of two equal codes one is first, and the other sees it",
		{[TWIN] = NONE},
		{
			{
				{STORE, CODE(1), 7},
				{SWAP, TWIN, 1, .target = 0, .needed = "the swap's order", .weakened = BARE_SWAP},
				{LOAD, CODE(0), .target = 1, .index = 1, .when = 1},
			},
			{
				{STORE, CODE(2), 7},
				{SWAP, TWIN, 2, .target = 0},
				{LOAD, CODE(0), .target = 1, .index = 1, .when = 1},
			},
		},
		one_is_first
	},
	{
		/*
		 * OhGraphAddByLevel(), OhGraphAddIfApart(); OhGraphSeeds(); what is past the last member
		 * is no node
		 */
		"the number of members is written after the member",
		{[MEMBER] = 2,[COUNT] = NONE,[CODE(1)] = 0,[CODE(2)] = 0},
		{
			{
				{STORE, CODE(1), 7},
				{STORE, MEMBER, 1},
				{WRITE_BARRIER, .needed = "the write barrier before the number"},
				{STORE, COUNT, 1},
			},
			{
				{LOAD, COUNT, .target = 0},
				{READ_BARRIER, .needed = "the read barrier after the number"},
				{LOAD, MEMBER, .target = 1, .when = 1},
				{LOAD, CODE(0), .target = 2, .index = 2, .when = 1},
			},
		},
		member_is_node
	},
	{
		/* thin(), then OhGraphAddByLevel(), beside a reader that may have the number of before */
		"a new member takes the place of an old one",
		{[MEMBER] = 2,[COUNT] = 1,[CODE(1)] = 0,[CODE(2)] = 7},
		{
			{
				{STORE, CODE(1), 7},
				{WRITE_BARRIER, .needed = "the write barrier after the code"},
				{STORE, COUNT, NONE},
				{STORE, MEMBER, 1},
				{WRITE_BARRIER},
				{STORE, COUNT, 1},
			},
			{
				{LOAD, COUNT, .target = 0},
				{READ_BARRIER},
				{LOAD, MEMBER, .target = 1, .when = 1},
				{LOAD, CODE(0), .target = 2, .index = 2, .when = 1},
			},
		},
		member_is_node
	},
	{
		/* OhGraphAdd(): the entry point */
		"the entry point is set after its node",
		{[ENTRY] = NONE,[CODE(1)] = 0,[UPPER(1)] = 0},
		{
			{
				{STORE, CODE(1), 7},
				{STORE, UPPER(1), 8},
				{SWAP, ENTRY, 1, .needed = "the swap's order", .weakened = BARE_SWAP},
			},
			{
				{LOAD, ENTRY, .target = 0},
				{LOAD, CODE(0), .target = 1, .index = 1, .when = 1},
				{LOAD, UPPER(0), .target = 2, .index = 1, .when = 1},
			},
		},
		node_is_whole
	},
};

/* ---- the machine ---- */

static const Protocol *protocol;
static Step thread[MAX_THREADS][MAX_STEPS];
static int	steps[MAX_THREADS];
static State *seen;
static size_t nseen;
static size_t seen_size;
static long ends;
static bool wrong;

static bool
is_load(const Step *s)
{
	return s->kind == LOAD || s->kind == BARE_SWAP;
}

static bool
is_store(const Step *s)
{
	return s->kind == STORE || s->kind == RELEASE || s->kind == BARE_SWAP;
}

static bool
is_full(const Step *s)
{
	return s->kind == LOCK || s->kind == SWAP;
}

/* Where a step goes; UNKNOWN if a register for it is not there yet. */
static int
place(const State *state, int t, const Step *s)
{
	int			index;

	if (s->kind == READ_BARRIER || s->kind == WRITE_BARRIER)
		return NONE;
	if (s->index == 0)
		return s->at;
	index = state->reg[t][s->index - 1];
	return index < 0 ? UNKNOWN : s->at + index;
}

/* Must an earlier step, not executed yet, come before a later one? */
static bool
must_wait(const State *state, int t, const Step *earlier, const Step *later)
{
	int			a;
	int			b;

	if (is_full(earlier) || is_full(later) || later->kind == RELEASE)
		return true;
	if (later->kind == READ_BARRIER)
		return is_load(earlier) || earlier->kind == READ_BARRIER;
	if (later->kind == WRITE_BARRIER)
		return is_store(earlier) || earlier->kind == WRITE_BARRIER;
	if (earlier->kind == READ_BARRIER)
		return is_load(later);
	if (earlier->kind == WRITE_BARRIER)
		return is_store(later);
	a = place(state, t, earlier);
	b = place(state, t, later);
	return a == b || (a == UNKNOWN && is_store(later));
}

/* May step i of a thread be executed now?  *skip: it has nothing to do. */
static bool
may_run(const State *state, int t, int i, bool *skip)
{
	const Step *s = &thread[t][i];

	*skip = false;
	if (s->when > 0)
	{
		int			on = state->reg[t][s->when - 1];

		if (on == UNKNOWN && is_store(s))
			return false;
		if (on == NONE)
		{
			*skip = true;
			return true;
		}
	}
	if (place(state, t, s) == UNKNOWN)
		return false;
	for (int k = 0; k < i; k++)
	{
		if ((state->done[t] & (1u << k)) == 0 && must_wait(state, t, &thread[t][k], s))
			return false;
	}
	return s->kind != LOCK || state->memory[s->at] == 0;
}

static void
run_step(State *state, int t, int i)
{
	const Step *s = &thread[t][i];
	int			at = place(state, t, s);

	switch (s->kind)
	{
		case LOAD:
			state->reg[t][s->target] = state->memory[at];
			break;
		case STORE:
		case RELEASE:
			state->memory[at] = (int8_t) s->value;
			break;
		case LOCK:
			state->memory[at] = 1;
			break;
		case SWAP:
		case BARE_SWAP:
			state->reg[t][s->target] = state->memory[at];
			if (state->memory[at] == NONE)
				state->memory[at] = (int8_t) s->value;
			break;
		case READ_BARRIER:
		case WRITE_BARRIER:
		case END:
			break;
	}
}

static bool
was_seen(const State *state)
{
	uint64_t	hash = UINT64_C(0xcbf29ce484222325);
	size_t		i;

	for (size_t k = 0; k < sizeof(State); k++)
		hash = (hash ^ ((const uint8_t *) state)[k]) * UINT64_C(0x100000001b3);
	for (i = hash % seen_size; seen[i].done[0] != UINT16_MAX; i = (i + 1) % seen_size)
	{
		if (memcmp(&seen[i], state, sizeof(State)) == 0)
			return true;
	}
	if (++nseen > seen_size / 2)
	{
		fprintf(stderr, "too many states\n");
		exit(2);
	}
	seen[i] = *state;
	return false;
}

static void
look_at_end(const State *state)
{
	int			memory[MAX_MEMORY];
	int			reg[MAX_THREADS][MAX_REGISTERS];

	for (int i = 0; i < MAX_MEMORY; i++)
		memory[i] = state->memory[i];
	for (int t = 0; t < MAX_THREADS; t++)
		for (int i = 0; i < MAX_REGISTERS; i++)
			reg[t][i] = state->reg[t][i];
	ends++;
	wrong = wrong || !protocol->is_right(memory, reg);
}

static void
explore(const State *state)
{
	bool		over = true;

	if (was_seen(state))
		return;
	for (int t = 0; t < MAX_THREADS; t++)
	{
		for (int i = 0; i < steps[t]; i++)
		{
			State		next = *state;
			bool		skip;

			if (state->done[t] & (1u << i))
				continue;
			over = false;
			if (!may_run(state, t, i, &skip))
				continue;
			if (!skip)
				run_step(&next, t, i);
			next.done[t] = (uint16_t) (next.done[t] | 1u << i);
			explore(&next);
		}
	}
	if (over)
		look_at_end(state);
}

/* All orders of a protocol, one step of which is weakened (weak_thread >= 0). */
static bool
try_all(const Protocol *of, int weak_thread, int weak_step)
{
	State		state;

	memset(&state, 0, sizeof(state));
	protocol = of;
	wrong = false;
	ends = 0;
	nseen = 0;
	memcpy(thread, of->thread, sizeof(thread));
	for (size_t i = 0; i < seen_size; i++)
		seen[i].done[0] = UINT16_MAX;
	for (int t = 0; t < MAX_THREADS; t++)
	{
		for (steps[t] = 0; steps[t] < MAX_STEPS && thread[t][steps[t]].kind != END;)
			steps[t]++;
		memset(state.reg[t], UNKNOWN, sizeof(state.reg[t]));
	}
	for (int i = 0; i < MAX_MEMORY; i++)
		state.memory[i] = (int8_t) of->memory[i];
	if (weak_thread >= 0)
	{
		Step	   *s = &thread[weak_thread][weak_step];

		if (s->weakened == END)
			state.done[weak_thread] = (uint16_t) (1u << weak_step);
		else
			s->kind = s->weakened;
		if (s->kind == LOAD && is_store(&of->thread[weak_thread][weak_step]))
			s->target = MAX_REGISTERS - 1;
	}
	explore(&state);
	return !wrong;
}

void
model_weak(void)
{
	seen_size = 1 << 18;
	seen = malloc(sizeof(State) * seen_size);
	if (seen == NULL)
		exit(2);
	for (size_t p = 0; p < sizeof(protocols) / sizeof(protocols[0]); p++)
	{
		const Protocol *of = &protocols[p];
		bool		right = try_all(of, -1, 0);

		model_report(right && ends > 0, "%s (%zu states, %ld ends)", of->name, nseen, ends);
		for (int t = 0; t < MAX_THREADS; t++)
		{
			for (int i = 0; i < MAX_STEPS; i++)
			{
				if (of->thread[t][i].needed != NULL)
					model_report(!try_all(of, t, i), "  wrong without %s", of->thread[t][i].needed);
			}
		}
	}
	free(seen);
}
