/*
 * nodesample.c -- takes a sample of the rows of an index, to train its quantizer again.
 *
 * It samples the index and not the table, because most rows of the table may be dead.  It takes a few live nodes
 * of each page, and visits pages in an order that is spread evenly over the index.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/graph/rows.h"
#include "hnsw/parts.h"
#include "hnsw/train/firstrow.h"
#include "hnsw/train/mean.h"
#include "hnsw/train/nodesample.h"
#include "hnsw/train/sample.h"
#include "storage/rowcheck.h"
#include "types/vector.h"

/* Rows of a sample at most, unless training needs more. */
#define SAMPLE_ROWS 1000
/* Rows of a page at least: reading a page for fewer does not pay. */
#define PAGE_ROWS 4

/* One row in TEST_PART, and at most MOST_TESTS, are kept from training to compare models by. */
#define TEST_PART 5
#define MOST_TESTS 200

/* Pages of an array that are read to estimate its number of rows. */
#define COUNT_PAGES 64

typedef struct Collect
{
	OhIndex    *ix;
	OhFetcher  *fetcher;
	OhNodeSample *sample;
	OhMean	   *mean;			/* of all rows */
} Collect;

/* A row of a node, or of a posting. */
typedef struct RowOf
{
	OhFirstRow	first;			/* of a posting: its row, and its node */
	bool		further;		/* is it not the node's first row? */
} RowOf;

/*
 * rows_of -- number of rows of a record that may be sampled, of which the first is returned in *out.
 *
 * These are the first row of a live node, and the rows of a posting if they may have different vectors.
 */
static int
rows_of(OhArrayId array, const void *record, RowOf *out)
{
	const OhNodeData *node = record;
	const OhPostingData *posting = record;
	int			n = 0;

	out->further = array == OH_POSTING;
	if (!out->further)
	{
		out->first.tid = node->tid;
		out->first.posting = node->posting;
		return node->state == OH_LIVE ? 1 : 0;
	}
	for (int i = 0; i < OH_POSTING_TIDS && posting->node != OH_NONE && posting->hash == OH_MIXED; i++)
	{
		if (ItemPointerIsValid(&posting->tid[i]) && n++ == 0)
			out->first.tid = posting->tid[i];
	}
	out->first.id = posting->node;
	out->first.posting = OH_NONE;
	return n;
}

/*
 * count_rows -- estimate how many rows of an array may be sampled, from some of its pages.
 */
static double
count_rows(OhIndex *ix, OhArrayId array)
{
	uint32		npages = OhArrayPages(&ix->file, array);
	uint64		step = OhBlockStep(Max(npages, 1));
	uint32		read = Min(npages, COUNT_PAGES);
	uint64		n = 0;
	RowOf		row;

	for (uint32 done = 0; done < read; done++)
	{
		Buffer		buffer = OhArrayRead(&ix->file, array, done * step % npages, BUFFER_LOCK_SHARE);
		uint32		nused = OhPageUsed(&ix->file, array, buffer);

		for (uint32 slot = 0; slot < nused; slot++)
			n += rows_of(array, OhSlot(&ix->file, array, BufferGetPage(buffer), slot), &row);
		UnlockReleaseBuffer(buffer);
		CHECK_FOR_INTERRUPTS();
	}
	return read > 0 ? (double) n / read * npages : 0.0;
}

/*
 * page_rows -- take one row each of up to `want` records, spread evenly over a page; returns how many.
 */
static int
page_rows(OhIndex *ix, OhArrayId array, uint32 lp, uint32 want, RowOf *rows)
{
	Buffer		buffer = OhArrayRead(&ix->file, array, lp, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	uint32		nused = OhPageUsed(&ix->file, array, buffer);
	uint32		nrecords = 0;
	uint32		n = 0;
	RowOf		row;

	for (uint32 slot = 0; slot < nused; slot++)
		nrecords += rows_of(array, OhSlot(&ix->file, array, page, slot), &row) > 0;
	want = Min(want, nrecords);
	for (uint32 slot = 0, seen = 0; slot < nused && n < want; slot++)
	{
		/* take `want` of nrecords, at equal distances */
		if (rows_of(array, OhSlot(&ix->file, array, page, slot), &row) > 0 &&
			(uint64) seen++ * want / nrecords >= n)
		{
			rows[n] = row;
			if (!row.further)
				rows[n].first.id = lp * ix->file.array[array].per_page + slot;
			n++;
		}
	}
	UnlockReleaseBuffer(buffer);
	for (uint32 i = 0; i < n; i++)
		OhCheckRows(&ix->file, &rows[i].first.tid, 1, array, lp);
	return n;
}

/*
 * read_row -- read the vector of a row, normalised under cosine, and its length; false if it cannot be read.
 *
 * If a vacuum has given its TID to another row, the sample has that one: it is a row of the table, too.
 */
static bool
read_row(Collect *c, const OhFirstRow *first, float *x, double *length)
{
	if (!OhReadFirstRow(c->ix, c->fetcher, first, NULL, false, x, NULL))
		return false;
	*length = om_floats_norm(x, c->ix->dim);
	if (c->ix->spec.metric == OM_METRIC_COSINE)
	{
		for (int d = 0; d < c->ix->dim; d++)
			x[d] = (float) (x[d] / *length);
		*length = 1.0;
	}
	return true;
}

/*
 * read_first -- read the vector of a node's first row, palloc'd; NULL if it cannot be read.
 */
static const float *
read_first(Collect *c, uint32 id)
{
	OhIndex    *ix = c->ix;
	OhFirstRow	first = {.id = id};
	float	   *x;
	double		length;
	Buffer		buffer;
	const OhNodeData *node;
	bool		live;

	if (!OhArrayHas(&ix->file, OH_NODE, id))
		return NULL;
	node = OhRecordRead(&ix->file, OH_NODE, id, BUFFER_LOCK_SHARE, &buffer);
	first.tid = node->tid;
	first.posting = node->posting;
	live = node->state == OH_LIVE;
	UnlockReleaseBuffer(buffer);
	if (!live)
		return NULL;
	OhCheckRows(&ix->file, &first.tid, 1, OH_NODE, OhLp(&ix->file, OH_NODE, id));
	x = palloc(sizeof(float) * ix->dim);
	return read_row(c, &first, x, &length) ? x : NULL;
}

/*
 * add_row -- add a row to the sample if it can be read.
 */
static void
add_row(Collect *c, RowOf *row)
{
	OhNodeSample *sample = c->sample;
	float	   *x = sample->rows + (Size) sample->n * c->ix->dim;
	const float *coded = row->further ? read_first(c, row->first.id) : NULL;
	double		length;

	if ((row->further && coded == NULL) || !read_row(c, &row->first, x, &length))
		return;
	OhMeanAdd(c->mean, x, 1.0, length);
	sample->coded[sample->n++] = coded;
}

/*
 * add_rows -- add rows of an array, at most a_page of each page, until the sample has `want` rows.
 */
static void
add_rows(Collect *c, OhArrayId array, int a_page, int want)
{
	OhFile	   *file = &c->ix->file;
	uint32		npages = OhArrayPages(file, array);
	uint64		step = OhBlockStep(Max(npages, 1));
	RowOf	   *rows = palloc(sizeof(RowOf) * file->array[array].per_page);

	for (uint32 done = 0; done < npages && c->sample->n < want; done++)
	{
		int			n = page_rows(c->ix, array, done * step % npages, a_page, rows);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n && c->sample->n < want; i++)
			add_row(c, &rows[i]);
		OhFetchRelease(c->fetcher);
	}
	pfree(rows);
}

/*
 * rows_of_page -- how many rows to take of each page for a sample of `want` rows.
 */
static int
rows_of_page(OhIndex *ix, OhArrayId array, int want)
{
	uint32		npages = Max(OhArrayPages(&ix->file, array), 1);

	return Max(PAGE_ROWS, (want + npages - 1) / npages);
}

/*
 * spread_tests -- exchange the last rows, which are kept from training, with rows at equal distances.
 *
 * Otherwise they would be from a few pages, whose rows are near one another.
 */
static void
spread_tests(OhNodeSample *sample, int dim)
{
	int			ntest = sample->n - sample->ntrain;

	for (int i = 0; i < ntest; i++)
	{
		float	   *a = sample->rows + (Size) (i * (sample->n / ntest)) * dim;
		float	   *b = sample->rows + (Size) (sample->ntrain + i) * dim;
		const float *coded = sample->coded[i * (sample->n / ntest)];

		if (a < b)
		{
			sample->coded[i * (sample->n / ntest)] = sample->coded[sample->ntrain + i];
			sample->coded[sample->ntrain + i] = coded;
		}
		for (int d = 0; d < dim && a < b; d++)
		{
			float		x = a[d];

			a[d] = b[d];
			b[d] = x;
		}
	}
}

/*
 * replace_outliers -- replace outliers by other rows of the sample.
 */
static void
replace_outliers(OhNodeSample *sample, int dim, double limit)
{
	for (int i = 0; i < sample->n; i++)
	{
		if (!(om_floats_norm(sample->rows + (Size) i * dim, dim) < limit))
			sample->coded[i] = NULL;
	}
	if (sample->n > 0)
		OhReplaceOutliers(dim, sample->rows, sample->n, limit);
}

/* If most nodes of some pages are dead, a few rows of each page are too few: then all of each page are taken. */
void
OhSampleNodes(OhIndex *ix, OhFetcher *fetcher, OhNodeSample *sample)
{
	int			want = Max(SAMPLE_ROWS, om_quant_train_least(&ix->spec) * TEST_PART / (TEST_PART - 1) + 1);
	Collect		c = {.ix = ix, .fetcher = fetcher, .sample = sample};
	/*
	 * an index on arrays has none to offer: a TID does not tell which of its row's vectors is in
	 * the node
	 */
	double		further = OhHasParts(&ix->column) ? 0.0 : count_rows(ix, OH_POSTING);
	int			nodes = want;
	double		limit;

	if (further > 0.0)
		nodes = (int) (want - want * further / (further + count_rows(ix, OH_NODE)));
	sample->rows = palloc_extended(sizeof(float) * (Size) want * ix->dim, MCXT_ALLOC_HUGE);
	sample->coded = palloc(sizeof(float *) * want);
	sample->mean = palloc(sizeof(float) * ix->dim);
	for (int all = 0; all < 2; all++)
	{
		sample->n = 0;
		c.mean = OhMeanBegin(ix->dim);
		add_rows(&c, OH_NODE, all ? INT_MAX : rows_of_page(ix, OH_NODE, nodes), nodes);
		if (sample->n == nodes)
			break;
	}
	if (further > 0.0)
		add_rows(&c, OH_POSTING, rows_of_page(ix, OH_POSTING, want - sample->n), want);
	OhMeanEnd(c.mean, sample->mean, &limit);
	replace_outliers(sample, ix->dim, limit);
	sample->ntrain = sample->n - Min(sample->n / TEST_PART, MOST_TESTS);
	spread_tests(sample, ix->dim);
}
