/*
 * server.c -- the few functions of a server that the files under test call.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "server.h"
#include "storage/array.h"

MemoryContext CurrentMemoryContext = NULL;
volatile	sig_atomic_t InterruptPending = false;

void
ProcessInterrupts(void)
{
}

/* What is allocated, until server_reset(). */
typedef struct Chunk
{
	struct Chunk *next;
	struct Chunk *previous;
	void	   *unused;
	MemoryContext context;		/* the pointer before a chunk (15), which mean.c asks for */
} Chunk;

static Chunk all = {&all, &all};

static void *
allocate(Size size)
{
	Chunk	   *chunk = calloc(1, sizeof(Chunk) + size);

	if (chunk == NULL)
		abort();
	chunk->next = all.next;
	chunk->previous = &all;
	all.next->previous = chunk;
	all.next = chunk;
	return chunk + 1;
}

void
server_reset(void)
{
	while (all.next != &all)
		pfree(all.next + 1);
}

void *
palloc0(Size size)
{
	return allocate(size);
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return allocate(size);
}

#if PG_VERSION_NUM >= 160000
void *
MemoryContextAllocAligned(MemoryContext context, Size size, Size alignto, int flags)
{
	return (void *) TYPEALIGN(alignto, allocate(size + alignto));
}

MemoryContext
GetMemoryChunkContext(void *pointer)
{
	return NULL;
}
#endif

void
pfree(void *pointer)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;

	chunk->next->previous = chunk->previous;
	chunk->previous->next = chunk->next;
	free(chunk);
}

#undef qsort
void
pg_qsort(void *base, size_t n, size_t size, int (*compare) (const void *, const void *))
{
	qsort(base, n, size, compare);
}

void
ExceptionalCondition(const char *condition,
#if PG_VERSION_NUM < 160000
					 const char *type,
#endif
					 const char *file, int line)
{
	abort();
}

void
resetStringInfo(StringInfo str)
{
	abort();
}

void
appendBinaryStringInfo(StringInfo str,
#if PG_VERSION_NUM < 160000
					   const char *data,
#else
					   const void *data,
#endif
					   int n)
{
	abort();
}

/* ---- what is of the index's own files ---- */

void
OhReportCorruption(Relation rel, BlockNumber block, const char *fmt,...)
{
	abort();
}

uint32
OhArrayExtend(OhFile *file, int array)
{
	abort();
}

bool
OhArrayHas(OhFile *file, int array, uint32 id)
{
	return true;
}

void
OhPageSetLower(const OhFile *file, int array, Page page)
{
}
