/*
 * sorter.c -- sorts postings by term and document in limited memory.  What does not fit is
 * sorted in runs on disk, which are merged at the end.  Workers of a parallel build leave
 * their runs to the leader.
 *
 * A run is a sequence of numbers in bytes of seven bits, lowest first; the last byte of a
 * number is below 128. For each term: the difference of its hash to the last term's, the
 * number of documents, and for each document the difference of its number to the last
 * one's, the frequency and the length.
 *
 * Lists of filter columns have a sorter of their own, which belongs to that of the words.
 */
#include "postgres.h"

#include "commands/tablespace.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/buffile.h"
#include "utils/memutils.h"

#include "bm25/segment/writer.h"

/* Number of bytes of a run that are written at a time, and most that are read. */
#define RUN_BYTES	(64 * 1024)
/* If there are many runs, fewer are read, but at least these. */
#define LEAST_BYTES	BLCKSZ
/* The sorter of lists takes 1/n of the memory. */
#define LISTS_SHARE	8
/* Largest number of bytes of one number. */
#define NUMBER_BYTES	10

typedef struct Entry
{
	uint64		hash;
	uint32		doc;
	uint32		tf;
	uint32		length;
} Entry;

#define ST_SORT sort_entries
#define ST_ELEMENT_TYPE Entry
#define ST_COMPARE(a, b) \
	((a)->hash != (b)->hash ? ((a)->hash < (b)->hash ? -1 : 1) : \
	 (a)->doc < (b)->doc ? -1 : (a)->doc > (b)->doc)
#define ST_SCOPE static
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

typedef struct Run
{
	BufFile    *file;
	uint8	   *buffer;
	Size		n;
	Size		at;
	uint64		hash;			/* of the term that is being read */
	uint64		ndocs;			/* of it, from the next posting on; 0: the run is at its end */
	uint32		doc;			/* the next posting */
	uint32		tf;
	uint32		length;
} Run;

struct OhSorter
{
	MemoryContext context;
	Entry	   *entry;
	Size		n;
	Size		most;
	uint64		length;
	uint32		ndocs;
	uint32		first_doc;		/* of all documents, if there are any */
	uint32		last_doc;
	Run		   *run;
	int			nruns;
	Size		read_bytes;		/* of a run's buffer */
	OhSorter   *lists;			/* NULL if there are none */
	uint32		columns;		/* filter columns of the lists */
	bool		is_lists;		/* it is that of lists */

	/* a worker's: where it writes its runs */
	FileSet    *files;
	int			participant;
};

static OhSorter *
begin(Size bytes, bool is_lists, MemoryContext context)
{
	OhSorter   *sorter = MemoryContextAllocZero(context, sizeof(OhSorter));

	sorter->context = context;
	sorter->is_lists = is_lists;
	sorter->most = Max(bytes / sizeof(Entry), 1024);
	sorter->first_doc = OH_NONE;
	return sorter;
}

OhSorter *
OhSorterBegin(Size bytes, uint32 lists, MemoryContext context)
{
	OhSorter   *sorter = begin(lists != 0 ? bytes - bytes / LISTS_SHARE : bytes, false, context);

	sorter->columns = lists;
	if (lists != 0)
		sorter->lists = begin(bytes / LISTS_SHARE, true, context);
	return sorter;
}

/* A run that is being written. */
typedef struct RunWriter
{
	BufFile    *file;
	Size		n;
	uint8		bytes[RUN_BYTES];
} RunWriter;

static void
write_bytes(RunWriter *writer)
{
	if (writer->n > 0)
		BufFileWrite(writer->file, writer->bytes, writer->n);
	writer->n = 0;
}

static inline void
write_number(RunWriter *writer, uint64 number)
{
	if (writer->n > RUN_BYTES - NUMBER_BYTES)
		write_bytes(writer);
	for (; number >= 128; number >>= 7)
		writer->bytes[writer->n++] = (number & 127) | 128;
	writer->bytes[writer->n++] = number;
}

static void
run_name(const OhSorter *sorter, char *name, int participant, int run)
{
	snprintf(name, MAXPGPATH, "%s.%d.%d", sorter->is_lists ? "lists" : "words", participant, run);
}

static BufFile *
create_run(OhSorter *sorter)
{
	char		name[MAXPGPATH];

	if (sorter->files == NULL)
	{
		PrepareTempTablespaces();
		return BufFileCreateTemp(false);
	}
	run_name(sorter, name, sorter->participant, sorter->nruns);
	return BufFileCreateFileSet(sorter->files, name);
}

static void
add_run(OhSorter *sorter, BufFile * file)
{
	if (sorter->nruns % 16 == 0)
		sorter->run = sorter->run == NULL ? palloc(sizeof(Run) * 16) :
			repalloc(sorter->run, sizeof(Run) * (sorter->nruns + 16));
	memset(&sorter->run[sorter->nruns], 0, sizeof(Run));
	sorter->run[sorter->nruns++].file = file;
}

/*
 * spill -- write what is in memory to disk, as a run.
 */
static void
spill(OhSorter *sorter)
{
	MemoryContext old = MemoryContextSwitchTo(sorter->context);
	RunWriter  *writer = palloc(sizeof(RunWriter));
	uint64		last_hash = 0;

	writer->file = create_run(sorter);
	writer->n = 0;
	sort_entries(sorter->entry, sorter->n);
	for (Size i = 0; i < sorter->n;)
	{
		uint64		hash = sorter->entry[i].hash;
		uint32		last_doc = 0;
		Size		end = i;

		CHECK_FOR_INTERRUPTS();
		while (end < sorter->n && sorter->entry[end].hash == hash)
			end++;
		write_number(writer, hash - last_hash);
		write_number(writer, end - i);
		for (; i < end; i++)
		{
			write_number(writer, sorter->entry[i].doc - last_doc);
			write_number(writer, sorter->entry[i].tf);
			write_number(writer, sorter->entry[i].length);
			last_doc = sorter->entry[i].doc;
		}
		last_hash = hash;
	}
	write_bytes(writer);
	add_run(sorter, writer->file);
	pfree(writer);
	sorter->n = 0;
	MemoryContextSwitchTo(old);
}

static void
add(OhSorter *sorter, uint64 hash, uint32 doc, uint32 tf, uint32 length)
{
	Entry	   *entry;

	if (sorter->n == sorter->most)
		spill(sorter);
	if (sorter->entry == NULL)
		sorter->entry = MemoryContextAllocHuge(sorter->context, sorter->most * sizeof(Entry));
	entry = &sorter->entry[sorter->n++];
	entry->hash = hash;
	entry->doc = doc;
	entry->tf = tf;
	entry->length = length;
}

void
OhSorterAdd(OhSorter *sorter, uint32 doc, uint32 length, uint32 n, const uint64 *hash, const uint32 *tf,
			bool first)
{
	if (first)
	{
		add(sorter, 0, doc, 1, length);
		sorter->length += length;
		sorter->ndocs++;
		sorter->first_doc = Min(sorter->first_doc, doc);
		sorter->last_doc = Max(sorter->last_doc, doc);
	}
	for (uint32 i = 0; i < n; i++)
		add(sorter, hash[i], doc, tf[i], length);
}

void
OhSorterAddKeys(OhSorter *sorter, uint32 doc, const OhKeyRow *row)
{
	for (uint32 rest = sorter->columns; rest != 0; rest &= rest - 1)
	{
		int			column = pg_rightmost_one_pos32(rest);

		add(sorter->lists, OhListHash(column, (row->nulls >> column) & 1, row->value[column]), doc, 1, 0);
	}
}

uint64
OhSorterLength(const OhSorter *sorter)
{
	return sorter->length;
}

uint32
OhSorterDocs(const OhSorter *sorter)
{
	return sorter->ndocs;
}

int
OhSorterRuns(const OhSorter *sorter)
{
	return sorter->nruns;
}

/* ---- runs of several participants ---- */

void
OhSorterShare(OhSorter *sorter, FileSet * files, int participant)
{
	sorter->files = files;
	sorter->participant = participant;
	if (sorter->lists != NULL)
		OhSorterShare(sorter->lists, files, participant);
}

/*
 * leave_runs -- write what is left in memory, and leave all runs.
 */
static void
leave_runs(OhSorter *sorter)
{
	if (sorter->n > 0)
		spill(sorter);
	if (sorter->entry != NULL)
		pfree(sorter->entry);
	for (int i = 0; i < sorter->nruns; i++)
	{
		BufFileExportFileSet(sorter->run[i].file);
		BufFileClose(sorter->run[i].file);
	}
}

void
OhSorterLeave(OhSorter *sorter, OhSorterPart *part)
{
	leave_runs(sorter);
	if (sorter->lists != NULL)
		leave_runs(sorter->lists);
	*part = (OhSorterPart)
		{
			sorter->nruns, sorter->lists != NULL ? sorter->lists->nruns : 0, sorter->ndocs,
				sorter->first_doc, sorter->last_doc, sorter->length
		};
}

static void
take_runs(OhSorter *sorter, FileSet * files, int participant, int nruns)
{
	for (int i = 0; i < nruns; i++)
	{
		char		name[MAXPGPATH];

		run_name(sorter, name, participant, i);
		add_run(sorter, BufFileOpenFileSet(files, name, O_RDONLY, false));
	}
}

void
OhSorterTake(OhSorter *sorter, FileSet * files, int participant, const OhSorterPart *part)
{
	MemoryContext old = MemoryContextSwitchTo(sorter->context);

	take_runs(sorter, files, participant, part->nruns);
	if (sorter->lists != NULL)
		take_runs(sorter->lists, files, participant, part->nlist_runs);
	sorter->ndocs += part->ndocs;
	sorter->first_doc = Min(sorter->first_doc, part->first_doc);
	sorter->last_doc = Max(sorter->last_doc, part->last_doc);
	sorter->length += part->length;
	MemoryContextSwitchTo(old);
}

/* ---- runs ---- */

static int
fill_buffer(OhSorter *sorter, Run *run)
{
	run->n = BufFileRead(run->file, run->buffer, sorter->read_bytes);
	run->at = 0;
	return run->n == 0 ? -1 : run->buffer[run->at++];
}

static inline int
next_byte(OhSorter *sorter, Run *run)
{
	if (unlikely(run->at == run->n))
		return fill_buffer(sorter, run);
	return run->buffer[run->at++];
}

static inline uint64
read_number(OhSorter *sorter, Run *run)
{
	uint64		number = 0;
	int			shift = 0;
	int			byte;

	do
	{
		byte = next_byte(sorter, run);
		if (byte < 0)
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("a temporary file ends too early")));
		number |= (uint64) (byte & 127) << shift;
		shift += 7;
	} while (byte >= 128 && shift < 64);
	return number;
}

/*
 * next_posting -- of the run's term, or of the next one; ndocs becomes 0 at the end.
 */
static void
next_posting(OhSorter *sorter, Run *run)
{
	if (run->ndocs > 0)
		run->ndocs--;
	if (run->ndocs == 0)
	{
		if (next_byte(sorter, run) < 0)
			return;
		run->at--;
		run->hash += read_number(sorter, run);
		run->ndocs = read_number(sorter, run);
		run->doc = 0;
	}
	run->doc += read_number(sorter, run);
	run->tf = read_number(sorter, run);
	run->length = read_number(sorter, run);
}

/*
 * is_before -- does the next posting of run x come before that of run y?  Chunks of a
 * document have different terms, so that no posting is in two runs.
 */
static inline bool
is_before(const Run *x, const Run *y)
{
	return x->hash != y->hash ? x->hash < y->hash : x->doc < y->doc;
}

static int
compare_runs(Datum a, Datum b, void *arg)
{
	const OhSorter *sorter = arg;

	/* the least is first */
	return is_before(&sorter->run[DatumGetInt32(a)], &sorter->run[DatumGetInt32(b)]) ? 1 : -1;
}

/*
 * second_run -- the run that is next when the first has been read as far as it; NULL
 * if there is none.
 */
static const Run *
second_run(const OhSorter *sorter, const binaryheap * heap)
{
	const Run  *second = NULL;

	for (int i = 1; i < Min(heap->bh_size, 3); i++)
	{
		const Run  *run = &sorter->run[DatumGetInt32(heap->bh_nodes[i])];

		if (second == NULL || is_before(run, second))
			second = run;
	}
	return second;
}

/*
 * begin_term -- start a term, or a list, of `ndocs` documents.
 */
static void
begin_term(const OhSorter *sorter, OhSegmentWriter *writer, uint64 hash, uint64 ndocs)
{
	if (sorter->is_lists)
		OhSegmentWriterList(writer, hash, ndocs);
	else
		OhSegmentWriterTerm(writer, hash);
}

/*
 * docs_of_term -- the documents that all runs have of the term that one is at the beginning of.
 */
static uint64
docs_of_term(const OhSorter *sorter, uint64 hash)
{
	uint64		ndocs = 0;

	for (int i = 0; i < sorter->nruns; i++)
	{
		if (sorter->run[i].hash == hash)
			ndocs += sorter->run[i].ndocs;
	}
	return ndocs;
}

/*
 * merge_runs -- documents may have been added in any order: a tail has numbers that
 * were used before behind new ones.
 */
static void
merge_runs(OhSorter *sorter, OhSegmentWriter *writer)
{
	binaryheap *heap = binaryheap_allocate(sorter->nruns, compare_runs, sorter);
	uint64		current = 0;
	bool		begun = false;

	sorter->read_bytes = Max(Min(sorter->most * sizeof(Entry) / sorter->nruns, RUN_BYTES), LEAST_BYTES);
	for (int i = 0; i < sorter->nruns; i++)
	{
		Run		   *run = &sorter->run[i];

		run->buffer = MemoryContextAlloc(sorter->context, sorter->read_bytes);
		if (BufFileSeek(run->file, 0, 0, SEEK_SET) != 0)
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("could not rewind a temporary file: %m")));
		next_posting(sorter, run);
		if (run->ndocs > 0)
			binaryheap_add(heap, Int32GetDatum(i));
	}
	while (!binaryheap_empty(heap))
	{
		Run		   *run = &sorter->run[DatumGetInt32(binaryheap_first(heap))];
		const Run  *second = second_run(sorter, heap);

		do
		{
			CHECK_FOR_INTERRUPTS();
			if (!begun || run->hash != current)
				begin_term(sorter, writer, run->hash, sorter->is_lists ? docs_of_term(sorter, run->hash) : 0);
			begun = true;
			current = run->hash;
			OhSegmentWriterAdd(writer, run->doc, run->tf, run->length);
			next_posting(sorter, run);
		} while (run->ndocs > 0 && (second == NULL || is_before(run, second)));
		if (run->ndocs > 0)
			binaryheap_replace_first(heap, binaryheap_first(heap));
		else
			(void) binaryheap_remove_first(heap);
	}
	for (int i = 0; i < sorter->nruns; i++)
		BufFileClose(sorter->run[i].file);
}

/*
 * finish -- pass all postings of one sorter to a writer.
 */
static void
finish(OhSorter *sorter, OhSegmentWriter *writer)
{
	if (sorter->nruns > 0)
	{
		if (sorter->n > 0)
			spill(sorter);
		if (sorter->entry != NULL)
			pfree(sorter->entry);
		merge_runs(sorter, writer);
		return;
	}
	sort_entries(sorter->entry, sorter->n);
	for (Size i = 0; i < sorter->n;)
	{
		uint64		hash = sorter->entry[i].hash;
		Size		end = i;

		CHECK_FOR_INTERRUPTS();
		while (end < sorter->n && sorter->entry[end].hash == hash)
			end++;
		begin_term(sorter, writer, hash, end - i);
		for (; i < end; i++)
			OhSegmentWriterAdd(writer, sorter->entry[i].doc, sorter->entry[i].tf, sorter->entry[i].length);
	}
	if (sorter->entry != NULL)
		pfree(sorter->entry);
}

void
OhSorterFinish(OhSorter *sorter, OhSegmentWriter *writer)
{
	finish(sorter, writer);
	if (sorter->lists != NULL)
	{
		OhSegmentWriterLists(writer, sorter->columns, sorter->first_doc, sorter->last_doc);
		finish(sorter->lists, writer);
	}
}
