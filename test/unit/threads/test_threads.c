/*
 * test_threads.c -- the graph of an index build, grown by threads in place of processes, under ThreadSanitizer.
 *
 * The code is that of src/hnsw/build, as it is.  Rows, some of them copies of others or copies with another filter key,
 * are added by four threads; then nodes with few incoming links are linked again.  At the end each row must be there
 * once, lists must be in order, and searches must find what is near.
 *
 * The last line is "N passed, N failed"; ThreadSanitizer ends the program with a status of its own.
 */
#include "postgres.h"

#include <math.h>
#include <pthread.h>

#include "compat.h"
#include "common/hashfn.h"
#include "hnsw/build/graph.h"
#include "hnsw/column.h"
#include "miscadmin.h"

#include "../unit.h"

#define THREADS	4
#define DIM		16
#define ROWS	3000
#define COLUMNS	1
#define TOGETHER (10 * THREADS)

volatile	sig_atomic_t InterruptPending = false;

void
ProcessInterrupts(void)
{
}

/* ---- what of a server is called; before the threads begin, or by none of them ---- */

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	void	   *p;

	if (posix_memalign(&p, 64, Max(size, 64)) != 0)
		abort();
	memset(p, 0, size);
	return p;
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return MemoryContextAllocExtended(context, size, 0);
}

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return MemoryContextAllocExtended(context, size, 0);
}

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return MemoryContextAllocExtended(context, size, 0);
}

#if PG_VERSION_NUM >= 160000
void *
MemoryContextAllocAligned(MemoryContext context, Size size, Size alignto, int flags)
{
	return MemoryContextAllocExtended(context, size, 0);
}
#endif

void
pfree(void *pointer)
{
	free(pointer);
}

#undef qsort
void
pg_qsort(void *base, size_t n, size_t size, int (*compare) (const void *, const void *))
{
	qsort(base, n, size, compare);
}

bool
errstart(int elevel, const char *domain)
{
	return false;
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
}

int
errmsg_internal(const char *fmt,...)
{
	return 0;
}

/* Any hash serves: FNV-1a. */
uint64
hash_bytes_extended(const unsigned char *k, int keylen, uint64 seed)
{
	uint64		hash = UINT64CONST(0xcbf29ce484222325) ^ seed;

	for (int i = 0; i < keylen; i++)
		hash = (hash ^ k[i]) * UINT64CONST(0x100000001b3);
	return hash ^ hash >> 29;
}

/* ---- of the index ---- */

uint32
OhPositionHash(const OhPosition *position)
{
	return 1;
}

uint32
OhHighwayLevelLimit(uint32 code_bytes)
{
	return 64;					/* a fourth of it is soon full, so that thin() is called */
}

uint32
OhHighwayIslandLimit(uint32 code_bytes)
{
	return 256;
}

static int
compare_islands(const void *a, const void *b)
{
	return (int) ((const OhIsland *) b)->size - (int) ((const OhIsland *) a)->size;
}

void
OhSortIslands(OhIsland *island, Size n)
{
	qsort(island, n, sizeof(OhIsland), compare_islands);
}

/* ---- the test ---- */

static float rows[ROWS][DIM];
static uint64 key_of[ROWS];
static pthread_barrier_t barrier;

typedef struct Participant
{
	OhBuilder  *b;
	OhRelink   *relink;
	pthread_t	thread;
	int			number;
	int			refused;
} Participant;

static __thread uint64 thread_random;

static int
random_level(int m)
{
	int			level = 0;

	thread_random = thread_random * UINT64CONST(6364136223846793005) + 1442695040888963407u;
	for (uint64 r = thread_random >> 33; r % 4 == 0 && level < 6; r /= 4)
		level++;
	return level;
}

/*
 * Every twelfth row is a copy, of which half have another key.  The first ones are copies by fours, which four
 * threads add at the same time.
 */
static void
make_rows(void)
{
	unit_seed(7);
	for (int i = 0; i < ROWS; i++)
	{
		int			other = i < TOGETHER ? i - i % THREADS : (int) (unit_random() % (uint64) (i + 1));
		float		at = i % 5 == 0 ? 6.0f : 0.0f;

		key_of[i] = 1;
		for (int k = 0; k < DIM; k++)
			rows[i][k] = i < TOGETHER ? (other < i ? rows[other][k] : (float) unit_normal()) :
				i % 12 == 11 ? rows[other][k] : at + (float) unit_normal();
		if (i >= TOGETHER && i % 24 == 23)
			key_of[i] = 2;
	}
}

static void *
add_rows(void *arg)
{
	Participant *p = arg;
	uint64		keys[4] = {0};

	thread_random = (uint64) p->number + 1;
	for (int i = p->number; i < ROWS; i += THREADS)
	{
		OhPosition	position = {.x = rows[i], .value = rows[i]};
		ItemPointerData tid;

		ItemPointerSet(&tid, (BlockNumber) i, 1);
		keys[1] = key_of[i];	/* after the bits of NULLs */
		p->refused += !OhGraphAdd(p->b, &position, &tid, (OhKeyRow *) keys);
		if (i < TOGETHER)
			pthread_barrier_wait(&barrier);
		if (i % 50 == 0)
			p->refused += !OhGraphAddRow(p->b, &tid, 1, (OhKeyRow *) keys);
	}
	return NULL;
}

static void *
relink_rows(void *arg)
{
	Participant *p = arg;
	uint32		n = p->relink->nslots;
	OhRelink	own = *p->relink;

	own.b = p->b;
	OhRelinkSlots(&own, (uint32) p->number * n / THREADS, (uint32) (p->number + 1) * n / THREADS);
	return NULL;
}

static void
run_threads(Participant *p, void *(*work) (void *))
{
	for (int t = 0; t < THREADS; t++)
		if (pthread_create(&p[t].thread, NULL, work, &p[t]) != 0)
			abort();
	for (int t = 0; t < THREADS; t++)
		pthread_join(p[t].thread, NULL);
}

static void
count_chunk(OhBuilder * b, uint32 slot, uint32 *seen)
{
	for (; slot != OH_NONE; slot = OhGraphChunk(b, slot)->next)
	{
		const		OhTidChunk *chunk = OhGraphChunk(b, slot);

		for (uint32 i = 0; i < chunk->n; i++)
			seen[ItemPointerGetBlockNumber(&chunk->tid[i])]++;
	}
}

static void
check_rows(OhBuilder * b)
{
	uint32	   *seen = MemoryContextAllocZero(NULL, sizeof(uint32) * ROWS);
	int			wrong = 0;
	uint32		nodes = 0;
	uint32		siblings = 0;

	unit_begin("each row is there once");
	for (uint32 slot = 0; slot < OhGraphSlots(b->graph); slot++)
	{
		const		OhGraphNode *node = &b->nodes[slot];

		if (node->kind != OH_SLOT_NODE && node->kind != OH_SLOT_SIBLING)
			continue;
		nodes += node->kind == OH_SLOT_NODE;
		siblings += node->kind == OH_SLOT_SIBLING;
		seen[ItemPointerGetBlockNumber(&node->tid)]++;
		count_chunk(b, node->more, seen);
	}
	for (int i = 0; i < ROWS; i++)
		wrong += seen[i] != 1;
	CHECK(wrong == 0, "%d rows are missing, or there twice", wrong);
	CHECK(nodes > ROWS * 8 / 10 && nodes < ROWS && siblings > 10, "%u nodes, %u siblings", nodes, siblings);
	unit_end();
	free(seen);
}

static void
check_lists(OhBuilder * b)
{
	int			wrong = 0;

	unit_begin("lists are in order and name nodes");
	for (uint32 slot = 0; slot < OhGraphSlots(b->graph); slot++)
	{
		uint32	   *list = OhGraphList(b, slot);
		const float *dist = OhListDist(list, 2 * b->m);

		if (b->nodes[slot].kind != OH_SLOT_NODE)
			continue;
		wrong += list[0] == OH_NONE;
		for (int i = 0; i < 2 * b->m && list[i] != OH_NONE; i++)
		{
			uint32		id = list[i] & OH_LINK_ID;

			wrong += id == slot || id >= OhGraphSlots(b->graph) || b->nodes[id].kind != OH_SLOT_NODE;
			wrong += i > 0 && dist[i] < dist[i - 1];
			for (int k = 0; k < i; k++)
				wrong += (list[k] & OH_LINK_ID) == id;
		}
	}
	CHECK(wrong == 0, "%d links are wrong", wrong);
	unit_end();
}

static float
exact(const float *a, const float *b)
{
	float		sum = 0;

	for (int k = 0; k < DIM; k++)
		sum += (a[k] - b[k]) * (a[k] - b[k]);
	return sum;
}

/* Is the nearest other row, of every 14th one, in the pool of its search? */
static void
check_recall(OhBuilder * b)
{
	int			found = 0;
	int			asked = 0;

	unit_begin("searches find what is near");
	for (int i = 0; i < ROWS; i += 14, asked++)
	{
		float		least = INFINITY;
		int			n;

		for (int k = 0; k < ROWS; k++)
		{
			float		d = exact(rows[i], rows[k]);

			least = d > 0 && d < least ? d : least;
		}
		om_quant_query(b->quant, rows[i], b->scratch, b->form);
		n = OhGraphSearch(b);
		for (int k = 0; k < n; k++)
		{
			BlockNumber row = ItemPointerGetBlockNumber(&b->nodes[b->pool[k].id & OH_LINK_ID].tid);

			if (exact(rows[i], rows[row]) == least)
			{
				found++;
				break;
			}
		}
	}
	CHECK(found >= asked * 9 / 10, "%d of %d", found, asked);
	unit_end();
}

void
test_threads(void)
{
	OhGraphShape shape = {.spec = {.kind = OM_QUANT_RABITQ, .metric = OM_METRIC_L2, .dim = DIM, .bits = 4, .seed = 3},
	.m = 4, .ef_construction = 40, .ncolumns = COLUMNS};
	OmQuantizer *quant;
	OhGraph    *graph;
	OhRelink	relink;
	Participant p[THREADS];
	uint32		capacity = ROWS + ROWS / 4;
	int			refused = 0;

	make_rows();
	pthread_barrier_init(&barrier, NULL, THREADS);
	shape.refine_bytes = (uint32) om_quant_refine_bytes(&shape.spec);
	quant = om_quant_init(MemoryContextAlloc(NULL, om_quant_bytes(&shape.spec)), &shape.spec, NULL);
	graph = OhGraphInit(MemoryContextAlloc(NULL, OhGraphBytes(&shape, capacity)), &shape, capacity);
	for (int t = 0; t < THREADS; t++)
	{
		p[t].number = t;
		p[t].refused = 0;
		p[t].relink = &relink;
		p[t].b = OhBuilderBegin(graph, quant, random_level, NULL);
	}
	run_threads(p, add_rows);
	OhRelinkBegin(&relink, p[0].b, NULL);
	run_threads(p, relink_rows);
	OhRelinkEnd(&relink);

	for (int t = 0; t < THREADS; t++)
		refused += p[t].refused;
	unit_begin("no row is refused");
	CHECK(refused == 0, "%d are", refused);
	unit_end();
	check_rows(p[0].b);
	check_lists(p[0].b);
	OhGraphFindIslands(p[0].b, NULL);
	check_recall(p[0].b);
}
