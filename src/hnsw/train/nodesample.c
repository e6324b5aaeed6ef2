/*
 * nodesample.c -- a sample of the rows of an index that has grown.
 *
 * The table is not sampled, as most of its rows may be dead, and the index knows which are not: a few
 * live nodes from each page, page by page in an order that goes all over the index.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/graph/rows.h"
#include "hnsw/train/mean.h"
#include "hnsw/train/nodesample.h"
#include "hnsw/train/sample.h"
#include "types/vector.h"

/* Rows of a sample at most, unless training needs more, ... */
#define SAMPLE_ROWS 1000
/* ... of one page at least: fewer would not pay to read it ... */
#define PAGE_ROWS 4

/* ... and what is kept from training to compare models by. */
#define TEST_PART 5
#define MOST_TESTS 200

static inline bool
has_row(const OhNodeData *node)
{
	return node->state == OH_LIVE && ItemPointerIsValid(&node->tid);
}

/*
 * page_tids -- first rows of some live nodes of a page, spread over them.
 */
static int
page_tids(OhIndex *ix, uint32 lp, uint32 want, ItemPointerData *tids)
{
	Buffer		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	uint32		nused = OhPageUsed(&ix->file, OH_NODE, buffer);
	uint32		nlive = 0;
	uint32		n = 0;

	for (uint32 slot = 0; slot < nused; slot++)
		nlive += has_row(OhSlot(&ix->file, OH_NODE, page, slot));
	want = Min(want, nlive);
	for (uint32 slot = 0, seen = 0; slot < nused && n < want; slot++)
	{
		const OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, slot);

		/* of nlive, want ones at equal distances */
		if (has_row(node) && (uint64) seen++ * want / nlive >= n)
			tids[n++] = node->tid;
	}
	UnlockReleaseBuffer(buffer);
	OhCheckRows(ix, tids, n, OH_NODE, lp);
	return n;
}

/*
 * collect -- up to want rows, a_page of a page; the mean is of all of them.
 */
static void
collect(OhIndex *ix, OhFetcher *fetcher, OhNodeSample *sample, int want, int a_page)
{
	int			dim = ix->dim;
	uint32		npages = OhArrayPages(&ix->file, OH_NODE);
	uint64		step = OhBlockStep(Max(npages, 1));
	OhMean	   *mean = OhMeanBegin(dim);
	ItemPointerData *tids = palloc(sizeof(ItemPointerData) * ix->file.array[OH_NODE].per_page);
	double		limit;

	sample->n = 0;
	for (uint32 done = 0; done < npages && sample->n < want; done++)
	{
		int			n = page_tids(ix, done * step % npages, a_page, tids);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n && sample->n < want; i++)
		{
			float	   *x = sample->rows + (Size) sample->n * dim;
			double		length;

			if (!OhFetchVector(fetcher, &tids[i], NULL, x, NULL))
				continue;
			length = om_floats_norm(x, dim);
			if (ix->spec.metric == OM_METRIC_COSINE)
			{
				for (int d = 0; d < dim; d++)
					x[d] = (float) (x[d] / length);
				length = 1.0;
			}
			OhMeanAdd(mean, x, 1.0, length);
			sample->n++;
		}
		OhFetchRelease(fetcher);
	}
	OhMeanEnd(mean, sample->mean, &limit);
	if (sample->n > 0)
		OhReplaceOutliers(dim, sample->rows, sample->n, limit);
	pfree(tids);
}

/*
 * spread_tests -- exchange the last rows, which are kept from training, with some from everywhere: rows
 * of one page are near one another.
 */
static void
spread_tests(OhNodeSample *sample, int dim)
{
	int			ntest = sample->n - sample->ntrain;

	for (int i = 0; i < ntest; i++)
	{
		float	   *a = sample->rows + (Size) (i * (sample->n / ntest)) * dim;
		float	   *b = sample->rows + (Size) (sample->ntrain + i) * dim;

		for (int d = 0; d < dim && a < b; d++)
		{
			float		x = a[d];

			a[d] = b[d];
			b[d] = x;
		}
	}
}

/*
 * OhSampleNodes -- see nodesample.h.
 *
 * Where most nodes of some pages are dead, a few of each page are too few: then all of each.
 */
void
OhSampleNodes(OhIndex *ix, OhFetcher *fetcher, OhNodeSample *sample)
{
	int			want = Max(SAMPLE_ROWS, om_quant_train_least(&ix->spec) * TEST_PART / (TEST_PART - 1) + 1);
	uint32		npages = Max(OhArrayPages(&ix->file, OH_NODE), 1);

	sample->rows = palloc_extended(sizeof(float) * (Size) want * ix->dim, MCXT_ALLOC_HUGE);
	sample->mean = palloc(sizeof(float) * ix->dim);
	collect(ix, fetcher, sample, want, Max(PAGE_ROWS, (want + npages - 1) / npages));
	if (sample->n < want)
		collect(ix, fetcher, sample, want, ix->file.array[OH_NODE].per_page);
	sample->ntrain = sample->n - Min(sample->n / TEST_PART, MOST_TESTS);
	spread_tests(sample, ix->dim);
}
