/*
 * server.c -- the functions of a PostgreSQL server that fuzz targets reach, without one.
 *
 * Memory is malloc()'s, so that a sanitizer sees its bounds, and freed after each input.  An error jumps back to
 * the target.  The one relation is an array of pages; locks are counted.  Functions that no target
 * reaches are not here: the linker drops what would call them.
 */
#include "server.h"

#include "access/generic_xlog.h"
#include "catalog/pg_class.h"
#include "compat.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ahead.h"
#include "storage/bufmgr.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* No input needs more: beyond it is the server's own error. */
#define MOST_MEMORY (64 * 1024 * 1024)

sigjmp_buf *fuzz_catch;
sigjmp_buf	fuzz_jump;
int			fuzz_sqlstate;
char		fuzz_message[256];
size_t		fuzz_allocated;

MemoryContext CurrentMemoryContext;
MemoryContext TopMemoryContext;

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
bool		errsave_start(struct Node *context, const char *domain);
void		errsave_finish(struct Node *context, const char *file, int line, const char *function);

void
fuzz_fail(const char *what, const char *detail)
{
	fprintf(stderr, "%s: %s\n", what, detail ? detail : "");
	abort();
}

/* ---- memory ---- */

static void **allocated;
static int	nallocated;
static int	most_allocated;

static void *
remember(void *pointer)
{
	if (pointer == NULL)
		abort();
	if (nallocated == most_allocated)
	{
		most_allocated = Max(2 * most_allocated, 64);
		allocated = realloc(allocated, most_allocated * sizeof(void *));
	}
	return allocated[nallocated++] = pointer;
}

static void
check_size(Size size)
{
	if (size > MOST_MEMORY)
		elog(ERROR, "invalid memory alloc request size %zu", size);
	fuzz_allocated += size;
}

void *
palloc(Size size)
{
	check_size(size);
	return remember(malloc(size));
}

void *
palloc0(Size size)
{
	check_size(size);
	return remember(calloc(1, size));
}

void *
palloc_extended(Size size, int flags)
{
	return flags & MCXT_ALLOC_ZERO ? palloc0(size) : palloc(size);
}

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return palloc(size);
}

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return palloc(size);
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return palloc_extended(size, flags);
}

void
pfree(void *pointer)
{
	for (int i = nallocated; i-- > 0;)
	{
		if (allocated[i] == pointer)
		{
			free(pointer);
			allocated[i] = allocated[--nallocated];
			return;
		}
	}
	fuzz_fail("pfree of what is not allocated", NULL);
}

void *
repalloc(void *pointer, Size size)
{
	check_size(size);
	for (int i = nallocated; i-- > 0;)
	{
		if (allocated[i] == pointer)
			return allocated[i] = realloc(pointer, size);
	}
	fuzz_fail("repalloc of what is not allocated", NULL);
}

void *
repalloc_huge(void *pointer, Size size)
{
	return repalloc(pointer, size);
}

static void
free_all(void)
{
	while (nallocated > 0)
		free(allocated[--nallocated]);
}

char *
pnstrdup(const char *in, Size len)
{
	Size		n = strnlen(in, len);
	char	   *out = palloc(n + 1);

	memcpy(out, in, n);
	out[n] = '\0';
	return out;
}

char *
psprintf(const char *fmt,...)
{
	char	   *out = palloc(4096);
	va_list		args;

	va_start(args, fmt);
	vsnprintf(out, 4096, fmt, args);
	va_end(args);
	return out;
}

/* ---- errors ---- */

bool
errstart(int elevel, const char *domain)
{
	fuzz_sqlstate = ERRCODE_INTERNAL_ERROR;
	fuzz_message[0] = '\0';
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

bool
errsave_start(struct Node *context, const char *domain)
{
	return errstart(ERROR, domain);
}

int
errcode(int sqlerrcode)
{
	fuzz_sqlstate = sqlerrcode;
	return 0;
}

int
errmsg(const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(fuzz_message, sizeof(fuzz_message), fmt, args);
	va_end(args);
	return 0;
}

int
errmsg_internal(const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(fuzz_message, sizeof(fuzz_message), fmt, args);
	va_end(args);
	return 0;
}

/* formatted, for the sanitizers to see what they read */
static int
discard(const char *fmt, va_list args)
{
	char		text[1024];

	return vsnprintf(text, sizeof(text), fmt, args) & 0;
}

int
errdetail(const char *fmt,...)
{
	va_list		args;
	int			zero;

	va_start(args, fmt);
	zero = discard(fmt, args);
	va_end(args);
	return zero;
}

int
errhint(const char *fmt,...)
{
	va_list		args;
	int			zero;

	va_start(args, fmt);
	zero = discard(fmt, args);
	va_end(args);
	return zero;
}

void
errfinish(const char *file, int line, const char *function)
{
	if (fuzz_sqlstate == ERRCODE_INTERNAL_ERROR && strncmp(fuzz_message, "invalid memory", 14) != 0)
		fuzz_fail("an internal error", fuzz_message);
	siglongjmp(*fuzz_catch, 1);
}

void
errsave_finish(struct Node *context, const char *file, int line, const char *function)
{
	errfinish(file, line, function);
}

/* ---- strings and messages ---- */

void
initStringInfo(StringInfo to)
{
	to->data = palloc(1024);
	to->maxlen = 1024;
	resetStringInfo(to);
}

void
resetStringInfo(StringInfo to)
{
	to->data[0] = '\0';
	to->len = to->cursor = 0;
}

void
enlargeStringInfo(StringInfo to, int needed)
{
	Size		size = to->maxlen;

	if (size > (Size) to->len + needed)
		return;
	while (size <= (Size) to->len + needed)
		size *= 2;
	to->data = repalloc(to->data, size);
	to->maxlen = size;
}

int
appendStringInfoVA(StringInfo to, const char *fmt, va_list args)
{
	int			room = to->maxlen - to->len;
	int			n = vsnprintf(to->data + to->len, room, fmt, args);

	if (n >= room)
		return n + 1;
	to->len += n;
	return 0;
}

/* its data is char * up to 15, and void * later */
void		append_bytes(StringInfo to, const void *data, int n) __asm__("appendBinaryStringInfo");

void
append_bytes(StringInfo to, const void *data, int n)
{
	enlargeStringInfo(to, n);
	memcpy(to->data + to->len, data, n);
	to->len += n;
	to->data[to->len] = '\0';
}

void
pq_begintypsend(StringInfo buf)
{
	initStringInfo(buf);
	append_bytes(buf, "\0\0\0", 4);
}

bytea *
pq_endtypsend(StringInfo buf)
{
	SET_VARSIZE(buf->data, buf->len);
	return (bytea *) buf->data;
}

static const char *
read_bytes(StringInfo msg, int n)
{
	if (n > msg->len - msg->cursor)
		ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION), errmsg("insufficient data left in message")));
	msg->cursor += n;
	return msg->data + msg->cursor - n;
}

unsigned int
pq_getmsgint(StringInfo msg, int b)
{
	const unsigned char *at = (const unsigned char *) read_bytes(msg, b);
	unsigned int value = 0;

	for (int i = 0; i < b; i++)
		value = value << 8 | at[i];
	return value;
}

float4
pq_getmsgfloat4(StringInfo msg)
{
	union
	{
		float4		f;
		uint32		i;
	}			swap;

	swap.i = pq_getmsgint(msg, 4);
	return swap.f;
}

void
pq_sendfloat4(StringInfo buf, float4 f)
{
	union
	{
		float4		f;
		uint32		i;
	}			swap;
	char		bytes[4];

	swap.f = f;
	for (int i = 0; i < 4; i++)
		bytes[i] = swap.i >> (24 - 8 * i);
	append_bytes(buf, bytes, 4);
}

/* every character is a byte here */
int
pg_mbcliplen(const char *mbstr, int len, int limit)
{
	return Min(len, limit);
}

int
pg_mbstrlen_with_len(const char *mbstr, int limit)
{
	return limit;
}

int
pg_ltoa(int32 value, char *a)
{
	return sprintf(a, "%d", value);
}

struct varlena *
pg_detoast_datum(struct varlena *datum)
{
	return datum;
}

struct varlena *
pg_detoast_datum_packed(struct varlena *datum)
{
	return datum;
}

/* ---- the relation ---- */

char	   *BufferBlocks;
Block	   *LocalBufferBlockPointers;
int			NBuffers = FUZZ_MAX_PAGES;
int			NLocBuffer;
volatile	sig_atomic_t InterruptPending;
RelationData fuzz_relation;
BlockNumber fuzz_pages;
int			fuzz_locks;

void
ProcessInterrupts(void)
{
}

char *
fuzz_page(BlockNumber block)
{
	return BufferBlocks + (Size) block * BLCKSZ;
}

Buffer
ReadBufferExtended(Relation rel, ForkNumber fork, BlockNumber block, ReadBufferMode mode, BufferAccessStrategy strategy)
{
	if (block == P_NEW)
	{
		if (fuzz_pages == FUZZ_MAX_PAGES)
			ereport(ERROR, (errcode(ERRCODE_DISK_FULL), errmsg("could not extend file")));
		memset(fuzz_page(fuzz_pages), 0, BLCKSZ);
		fuzz_locks += mode == RBM_ZERO_AND_LOCK;
		return ++fuzz_pages;
	}
	if (block >= fuzz_pages)
		fuzz_fail("a block beyond the end is read", NULL);
	if (mode == RBM_ZERO_AND_LOCK)
		fuzz_locks++;
	return block + 1;
}

Buffer
ReadBuffer(Relation rel, BlockNumber block)
{
	return ReadBufferExtended(rel, MAIN_FORKNUM, block, RBM_NORMAL, NULL);
}

void
OhAheadBlock(Relation rel, BlockNumber block, Buffer last)
{
	if (block >= fuzz_pages)
		fuzz_fail("a block beyond the end is prefetched", NULL);
	if (fuzz_locks != 0)
		fuzz_fail("a block is prefetched while a page is locked", NULL);
}

BlockNumber
BufferGetBlockNumber(Buffer buffer)
{
	return buffer - 1;
}

BlockNumber
RelationGetNumberOfBlocksInFork(Relation rel, ForkNumber fork)
{
	return fuzz_pages;
}

void
LockBuffer(Buffer buffer, int mode)
{
	fuzz_locks += mode == BUFFER_LOCK_UNLOCK ? -1 : 1;
}

bool
ConditionalLockBuffer(Buffer buffer)
{
	fuzz_locks++;
	return true;
}

void
ReleaseBuffer(Buffer buffer)
{
}

void
UnlockReleaseBuffer(Buffer buffer)
{
	fuzz_locks--;
}

void
MarkBufferDirty(Buffer buffer)
{
}

void
PageInit(Page page, Size page_size, Size special_size)
{
	PageHeader	header = (PageHeader) page;

	memset(page, 0, page_size);
	header->pd_lower = SizeOfPageHeaderData;
	header->pd_upper = header->pd_special = page_size - special_size;
	PageSetPageSizeAndVersion(page, page_size, PG_PAGE_LAYOUT_VERSION);
}

BlockNumber
GetFreeIndexPage(Relation rel)
{
	return InvalidBlockNumber;
}

void
RecordFreeIndexPage(Relation rel, BlockNumber block)
{
}

void
LockRelationForExtension(Relation rel, LOCKMODE mode)
{
}

void
UnlockRelationForExtension(Relation rel, LOCKMODE mode)
{
}

bool
pg_strong_random(void *to, size_t n)
{
	memset(to, 7, n);
	return true;
}

/* ---- generic WAL: no file here is logged ---- */

GenericXLogState *
GenericXLogStart(Relation rel)
{
	fuzz_fail("a record of WAL", NULL);
}

Page
GenericXLogRegisterBuffer(GenericXLogState *state, Buffer buffer, int flags)
{
	fuzz_fail("a record of WAL", NULL);
}

XLogRecPtr
GenericXLogFinish(GenericXLogState *state)
{
	fuzz_fail("a record of WAL", NULL);
}

void
GenericXLogAbort(GenericXLogState *state)
{
}

/* a buffer that still holds the block it held: all do */
bool
ReadRecentBuffer(RelFileLocator locator, ForkNumber fork, BlockNumber block, Buffer recent)
{
	return recent == (Buffer) block + 1;
}

/* ---- the fuzzer's entry ---- */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FormData_pg_class class =
	{
		.relname =
		{
			"fuzzed"
		}
	};

	if (BufferBlocks == NULL)
	{
		BufferBlocks = calloc(FUZZ_MAX_PAGES, BLCKSZ);
		fuzz_relation.rd_rel = &class;
	}
	fuzz_locks = 0;
	fuzz_one(data, size);
	free_all();
	return 0;
}
