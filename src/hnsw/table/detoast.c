/*
 * detoast.c -- fast detoasting of the values of many rows of one table.
 *
 * Ordinary detoasting opens the TOAST table and its index for every value and descends the
 * index.  Here the TOAST table stays open for the scan, and the locations of a value's
 * chunks are remembered (heapread.h). If a chunk found there has the right value and
 * number, it is the right one, because the identifier of a value is not reused while a
 * chunk of it is left.  Chunks are written one after the other, so the location of most of
 * them follows from that of the one before.
 *
 * Compressed and inline values are detoasted the ordinary way.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/table.h"
#include "access/toast_internals.h"
#include "common/hashfn.h"
#include "utils/fmgroids.h"

#include "hnsw/table/detoast.h"

struct OhDetoaster
{
	Relation	heap;
	OhHints    *hints;
	MemoryContext context;
	Relation	toast;			/* opened when first needed */
	Relation   *indexes;
	int			nindexes;
	int			valid_index;
	BlockNumber nblocks;		/* blocks of the TOAST table; only grows in a transaction */
	char	   *buffer;			/* contents of the last value */
	Size		buffer_size;
};

OhDetoaster *
OhDetoastBegin(Relation heap, OhHints *hints, MemoryContext context)
{
	OhDetoaster *d = MemoryContextAllocZero(context, sizeof(OhDetoaster));

	d->heap = heap;
	d->hints = hints;
	d->context = context;
	return d;
}

void
OhDetoastEnd(OhDetoaster *d)
{
	if (d->indexes)
		toast_close_indexes(d->indexes, d->nindexes, AccessShareLock);
	if (d->toast)
		table_close(d->toast, AccessShareLock);
	d->indexes = NULL;
	d->toast = NULL;
}

/*
 * copy_chunk -- copy a chunk's data to out, if the tuple is that chunk.
 *
 * size: the number of bytes that the chunk must have.
 */
static bool
copy_chunk(TupleDesc desc, HeapTuple tuple, Oid value, int32 seq, char *out, int32 size)
{
	bool		isnull[3];
	Oid			chunk_value = DatumGetObjectId(heap_getattr(tuple, 1, desc, &isnull[0]));
	int32		chunk_seq = DatumGetInt32(heap_getattr(tuple, 2, desc, &isnull[1]));
	Pointer		data = DatumGetPointer(heap_getattr(tuple, 3, desc, &isnull[2]));

	if (isnull[0] || isnull[1] || isnull[2] || chunk_value != value || chunk_seq != seq ||
		VARATT_IS_EXTENDED(data) || VARSIZE(data) - VARHDRSZ != size)
		return false;
	memcpy(out, VARDATA(data), size);
	return true;
}

/*
 * read_at -- read a chunk from a location where it may be; false: it is not there.
 */
static bool
read_at(OhDetoaster *d, const ItemPointerData *tid, Oid value, int32 seq, char *out, int32 size)
{
	BlockNumber block = ItemPointerGetBlockNumber(tid);
	OffsetNumber offset = ItemPointerGetOffsetNumber(tid);
	Buffer		buffer;
	Page		page;
	bool		found = false;

	if (block >= d->nblocks)
		return false;
	buffer = OhHintedRead(d->toast, block, d->hints, &d->hints->toast);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	if (offset <= PageGetMaxOffsetNumber(page) && ItemIdIsNormal(PageGetItemId(page, offset)))
	{
		HeapTupleData tuple;

		tuple.t_data = (HeapTupleHeader) PageGetItem(page, PageGetItemId(page, offset));
		tuple.t_len = ItemIdGetLength(PageGetItemId(page, offset));
		tuple.t_tableOid = RelationGetRelid(d->toast);
		tuple.t_self = *tid;
		found = copy_chunk(RelationGetDescr(d->toast), &tuple, value, seq, out, size);
	}
	UnlockReleaseBuffer(buffer);
	return found;
}

/*
 * next_place -- the most likely location of the chunk that follows the one at tid: right
 * after it, or at the beginning of the next page.
 */
static inline void
next_place(const ItemPointerData *tid, bool next_page, ItemPointerData *next)
{
	*next = *tid;
	if (next_page)
		ItemPointerSet(next, ItemPointerGetBlockNumber(tid) + 1, FirstOffsetNumber);
	else
		ItemPointerSetOffsetNumber(next, ItemPointerGetOffsetNumber(tid) + 1);
}

/*
 * read_chunk -- read a chunk without the index; false: it is not where it is expected.
 *
 * at: location of the chunk before it; is set to this chunk's location.
 */
static bool
read_chunk(OhDetoaster *d, Oid value, int32 seq, ItemPointerData *at, char *out, int32 size)
{
	OhChunkHint *hint;

	for (int i = 0; seq > 0 && i < 2; i++)
	{
		ItemPointerData next;

		next_place(at, i == 1, &next);
		if (read_at(d, &next, value, seq, out, size))
		{
			*at = next;
			return true;
		}
	}
	hint = OhChunkHintAt(d->hints, value, seq);
	if (hint->value != value || hint->seq != seq || !ItemPointerIsValid(&hint->tid) ||
		!read_at(d, &hint->tid, value, seq, out, size))
		return false;
	*at = hint->tid;
	return true;
}

/*
 * note_chunk -- remember the location of a chunk, unless it follows from that of the one
 * before.
 */
static void
note_chunk(OhDetoaster *d, Oid value, int32 seq, const ItemPointerData *before, const ItemPointerData *tid)
{
	ItemPointerData next[2];
	OhChunkHint *hint;

	if (seq > 0)
	{
		next_place(before, false, &next[0]);
		next_place(before, true, &next[1]);
		if (memcmp(tid, &next[0], sizeof(ItemPointerData)) == 0 || memcmp(tid, &next[1], sizeof(ItemPointerData)) == 0)
			return;
	}
	hint = OhChunkHintAt(d->hints, value, seq);
	hint->value = value;
	hint->seq = seq;
	hint->tid = *tid;
}

/*
 * read_by_index -- read all chunks of a value through the TOAST table's index, and remember
 * their locations.  false: they are not as expected.
 */
static bool
read_by_index(OhDetoaster *d, Oid value, char *out, int32 total)
{
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	int32		done = 0;
	int32		seq = 0;
	SnapshotData toast_snapshot;
	ItemPointerData before;

	ItemPointerSetInvalid(&before);
	if (d->indexes == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(d->context);

		d->valid_index = toast_open_indexes(d->toast, AccessShareLock, &d->indexes, &d->nindexes);
		MemoryContextSwitchTo(old);
	}
	ScanKeyInit(&key, (AttrNumber) 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
	scan = systable_beginscan_ordered(d->toast, d->indexes[d->valid_index],
									  om_toast_snapshot(&toast_snapshot), 1, &key);
	while ((tuple = systable_getnext_ordered(scan, ForwardScanDirection)) != NULL)
	{
		int32		size = Min(total - done, (int32) TOAST_MAX_CHUNK_SIZE);

		if (size <= 0 || !copy_chunk(RelationGetDescr(d->toast), tuple, value, seq, out + done, size))
			break;
		d->nblocks = Max(d->nblocks, ItemPointerGetBlockNumber(&tuple->t_self) + 1);
		OhGrowChunkHints(d->hints, d->nblocks);
		note_chunk(d, value, seq, &before, &tuple->t_self);
		before = tuple->t_self;
		done += size;
		seq++;
	}
	systable_endscan_ordered(scan);
	return done == total;
}

/*
 * fetch_plain -- read an uncompressed external value into the detoaster's buffer.
 */
static bool
fetch_plain(OhDetoaster *d, struct varlena *pointer)
{
	struct varatt_external external;
	int32		total;
	int32		done = 0;
	ItemPointerData at;

	ItemPointerSetInvalid(&at); /* before the first chunk */
	VARATT_EXTERNAL_GET_POINTER(external, pointer);
	if (VARATT_EXTERNAL_IS_COMPRESSED(external) ||
		external.va_toastrelid != d->heap->rd_rel->reltoastrelid)
		return false;
	total = VARATT_EXTERNAL_GET_EXTSIZE(external);
	if (d->toast == NULL)
	{
		d->toast = table_open(external.va_toastrelid, AccessShareLock);
		d->nblocks = RelationGetNumberOfBlocks(d->toast);
	}
	if (d->buffer_size < (Size) total + VARHDRSZ)
	{
		if (d->buffer)
			pfree(d->buffer);
		d->buffer_size = total + VARHDRSZ;
		d->buffer = MemoryContextAlloc(d->context, d->buffer_size);
	}
	SET_VARSIZE(d->buffer, total + VARHDRSZ);
	for (int32 seq = 0; done < total; seq++)
	{
		int32		size = Min(total - done, (int32) TOAST_MAX_CHUNK_SIZE);

		if (!read_chunk(d, external.va_valueid, seq, &at, d->buffer + VARHDRSZ + done, size))
			return read_by_index(d, external.va_valueid, d->buffer + VARHDRSZ, total);
		done += size;
	}
	return true;
}

void *
OhDetoastValue(OhDetoaster *d, Datum value)
{
	struct varlena *pointer = (struct varlena *) DatumGetPointer(value);

	if (VARATT_IS_EXTERNAL_ONDISK(pointer) && fetch_plain(d, pointer))
		return d->buffer;
	return PG_DETOAST_DATUM(value);
}
