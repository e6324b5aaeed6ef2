/*
 * calibrate.c -- measures which recall an index reaches at which ef, for omenhnsw.target_recall.
 *
 * Queries are rows of the index, searched for as if they were not in it: walks skip their nodes
 * (oh_hidden_node).  They run in batches, through the callbacks that the executor uses.  truth.c has
 * the exact answers.  For each ef the curve keeps the mean recall, and the mean less a margin for the
 * sampling error (`assured`).  Searches pick their ef by the latter, so that a target is not missed
 * because a few queries were easy.  Figures: docs/measurements.md#target-recall
 *
 * A build, a vacuum or a user starts it.  Rows are read as they are at that moment, with a dirty
 * snapshot: a vacuum's own snapshot would not keep TOASTed values from being removed, and a vacuum with
 * parallel workers cannot take one.
 */
#include "postgres.h"

#include <math.h>

#include "access/amapi.h"
#include "access/genam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "catalog/index.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "hnsw/calibrate/calibrate.h"
#include "hnsw/curve.h"
#include "hnsw/ef.h"
#include "hnsw/graph/search.h"
#include "hnsw/hnsw.h"
#include "hnsw/parts.h"
#include "hnsw/stats/counters.h"
#include "hnsw/table/rowreader.h"
#include "storage/rowcheck.h"
#include "storage/wal.h"

/* Queries of a batch: all are compared with the codes in one pass over the nodes. */
#define BATCH 20

/*
 * In a graph of fewer than FEW_NODES nodes, the first batch has FIRST_OF_FEW queries.  Such a graph is built
 * in less time than BATCH queries take, and that searches get a higher ef for want of queries costs next to
 * nothing there.
 */
#define FEW_NODES 2000
#define FIRST_OF_FEW 10

/*
 * Where the time is limited, one batch in ALL_EACH tries all values of ef, and the others only the first
 * CHEAP_EFS, because higher ones take most of the time.  At a high ef nearly every row is found, so that a few
 * queries tell as much as many do at a low one.
 */
#define CHEAP_EFS 5
#define ALL_EACH 4
/* Time of a batch with CHEAP_EFS values, as a share of one with all, until it has been measured. */
#define FIRST_CHEAP 0.4

/* Smaller indexes are not measured: a search of them compares all nodes. */
#define LEAST_NODES 1000

/*
 * The margin is MARGIN_ERRORS standard errors, less SLACK, the amount by which a search may miss its
 * target.  Hard queries are rare, and a small sample may have none: one more trial, with the recall
 * HARD_TRIAL(k), is counted.
 */
#define MARGIN_ERRORS 1.65
/* The standard error from n trials is uncertain itself: the margin is this many times as wide. */
#define MARGIN_FEW(n) (1 + 4.0 / (n))
#define SLACK 0.003
#define HARD_TRIAL(k) ((k) == 1 ? 0 : 0.85)

/* An ef that reaches this recall is the last to be tried: higher ones would take most of the time. */
#define ENOUGH 0.997

/* A vacuum measures again when the index has this many times the nodes of the last time. */
#define GROWN 3

/* Sums over trials. */
typedef struct Sums
{
	int			n;
	double		sum;
	double		squares;
} Sums;

typedef struct Calibration
{
	OhTruth		truth;
	Relation	index;
	int			nefs;			/* how many of oh_curve_ef, from the first on, are tried */
	Sums		sums[OH_CURVE_KS][OH_CURVE_EFS];
} Calibration;

/*
 * count -- add the recall of a trial, at oh_curve_ef[at], to the sums of each k.
 */
static void
count(Calibration *c, OhTrial *trial, int at, const int *hits)
{
	/*
	 * with an ef below k a scan continues for k rows; a higher ef need not find all that this one
	 * has found
	 */
	trial->done = oh_curve_ef[at] >= trial->k;
	for (int k = 0; k < OH_CURVE_KS && oh_curve_k[k] <= trial->k; k++)
	{
		int			wanted = Min(oh_curve_k[k], trial->nexact);
		Sums	   *sums = &c->sums[k][at];
		double		recall = wanted == 0 ? 1 : (double) hits[k] / wanted;

		trial->done &= recall == 1;
		sums->n++;
		sums->sum += recall;
		sums->squares += recall * recall;
	}
}

static IndexScanDesc
begin_scan(Calibration *c, const OhTrial *trial, int at)
{
	ScanKeyData key = {.sk_flags = SK_ORDER_BY, .sk_attno = 1, .sk_strategy = OH_DISTANCE_STRATEGY,
	.sk_argument = PointerGetDatum(trial->value)};
	IndexScanDesc scan;

	/* the callbacks are called directly: index_beginscan() refuses an index that is being built */
	oh_forced_ef = oh_curve_ef[at];
	scan = c->index->rd_indam->ambeginscan(c->index, 0, 1);
	oh_forced_ef = 0;
	scan->heapRelation = c->truth.heap;
	scan->xs_snapshot = c->truth.snapshot;
	c->index->rd_indam->amrescan(scan, NULL, 0, &key, 1);
	return scan;
}

/*
 * search -- run a trial at oh_curve_ef[at].
 *
 * If a lower ef has found all rows, this one is taken to find them, too.
 */
static void
search(Calibration *c, OhTrial *trial, int at)
{
	IndexScanDesc scan;
	int			hits[OH_CURVE_KS] = {0};
	int			n = 0;

	if (trial->done)
	{
		for (int k = 0; k < OH_CURVE_KS; k++)
			hits[k] = Min(oh_curve_k[k], trial->nexact);
		count(c, trial, at, hits);
		return;
	}
	scan = begin_scan(c, trial, at);
	oh_hidden_node = trial->node;
	while (n < trial->nexact && c->index->rd_indam->amgettuple(scan, ForwardScanDirection))
	{
		double		distance;

		CHECK_FOR_INTERRUPTS();
		/* a sweep returns the row itself */
		if (trial->node != OH_NONE && OhSameTid(&scan->xs_heaptid, &trial->tid))
			continue;
		/* a row that was ranked by its code may not exist any more */
		if (!OhTrialDistance(&c->truth, trial, scan->xs_heaptid, &distance))
			continue;
		for (int k = 0; k < OH_CURVE_KS; k++)
		{
			int			wanted = Min(oh_curve_k[k], trial->nexact);

			hits[k] += n < wanted && distance <= trial->exact[wanted - 1];
		}
		n++;
	}
	oh_hidden_node = OH_NONE;
	c->index->rd_indam->amendscan(scan);
	IndexScanEnd(scan);
	count(c, trial, at, hits);
}

/*
 * assured_of -- the mean recall, less the margin for the sampling error.
 */
static double
assured_of(const Sums *sums, int k, double *mean)
{
	double		n = sums->n + 1;
	double		hard = HARD_TRIAL(k);
	double		allowed = (sums->sum + hard) / n;
	double		variance = (sums->squares + hard * hard) / n - allowed * allowed;

	*mean = sums->sum / Max(sums->n, 1);
	return Min(*mean, allowed + SLACK - MARGIN_ERRORS * MARGIN_FEW(n) * sqrt(Max(variance, 0) / n));
}

/*
 * assured -- assured_of() for searches for oh_curve_k[k] rows at oh_curve_ef[at].
 *
 * For the nearest row, the result is at least that for the ten nearest rows: a search finds the nearest row
 * no less often than those, and their recall is known more exactly from the same trials.
 */
static double
assured(const Calibration *c, int k, int at, double *mean)
{
	double		sure = assured_of(&c->sums[k][at], oh_curve_k[k], mean);
	double		next;

	if (k == 0)
		sure = Max(sure, assured_of(&c->sums[1][at], oh_curve_k[1], &next));
	return sure;
}

/*
 * is_enough -- is this ef the last that needs to be tried?
 */
static bool
is_enough(const Calibration *c, int at)
{
	/* a search with this ef compares all nodes */
	if (OhArrayRecords(&c->truth.ix->file, OH_NODE) <= (int64) oh_curve_ef[at] * OH_FEW_TIMES_EF)
		return true;
	for (int k = 0; k < OH_CURVE_KS; k++)
	{
		if (c->sums[k][at].sum < ENOUGH * c->sums[k][at].n)
			return false;
	}
	return true;
}

/*
 * store_curve -- write the curve to the metapage.  Values of ef that were not tried get the recall of the last.
 */
static void
store_curve(Calibration *c, int queries)
{
	OhIndex    *ix = c->truth.ix;
	OhCalibration curve = {0};
	Buffer		buffer;
	OhWrite		write;
	Page		page;

	curve.nodes = OhArrayRecords(&ix->file, OH_NODE);
	curve.queries = queries;
	curve.given = c->truth.given != NULL;
	for (int k = 0; k < OH_CURVE_KS; k++)
	{
		for (int i = 0; i < OH_CURVE_EFS; i++)
		{
			double		mean;
			double		sure = assured(c, k, Min(i, c->nefs - 1), &mean);

			curve.recall[k][i] = Min(mean, 1);
			curve.assured[k][i] = Max(sure, 0);
		}
	}
	buffer = OhReadBlock(c->index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	OhWriteStart(&write, &ix->file);
	page = OhWritePage(&write, buffer, false);
	/*
	 * generic WAL does not log what is between pd_lower and pd_upper; older metapages end before
	 * the curve
	 */
	((PageHeader) page)->pd_lower = SizeOfPageHeaderData + sizeof(OhMetaPageData);
	OhMeta(page)->calibration = curve;
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
	ix->calibration = curve;
}

/*
 * measure_batch -- run up to `wanted` more trials at each of the first nefs ef; returns
 * their number.
 */
static int
measure_batch(Calibration *c, OhTrial *trial, int wanted, int nefs)
{
	int			n = OhTruthBatch(&c->truth, trial, wanted);

	for (int i = 0; i < Min(nefs, c->nefs); i++)
	{
		for (int j = 0; j < n; j++)
		{
			if (!trial[j].doubled)
				search(c, &trial[j], i);
		}
		if (is_enough(c, i))
			c->nefs = i + 1;
	}
	MemoryContextReset(c->truth.context);
	return n;
}

/*
 * measure -- run trials in batches, until there are enough or the next batch would exceed
 * the time; returns their number.
 */
static int
measure(Calibration *c, int queries, double seconds)
{
	OhTrial    *trial = palloc(sizeof(OhTrial) * BATCH);
	instr_time	from;
	double		now = 0;
	double		all = 0;		/* seconds of the last batch with all ef ... */
	double		cheap = 0;		/* ... and with few */
	int			done = 0;

	INSTR_TIME_SET_CURRENT(from);
	for (int batch = 0; done < queries; batch++)
	{
		bool		few = done == 0 && OhArrayRecords(&c->truth.ix->file, OH_NODE) < FEW_NODES;
		int			wanted = Min(few ? FIRST_OF_FEW : BATCH, queries - done);
		bool		each = isinf(seconds) || batch % ALL_EACH == 0 || c->nefs <= CHEAP_EFS;
		double		before = now;
		instr_time	time;

		if (batch > 0 && now + (each ? all : cheap) > seconds)
			break;
		if (measure_batch(c, trial, wanted, each ? OH_CURVE_EFS : CHEAP_EFS) == 0)
			break;
		done += wanted;
		INSTR_TIME_SET_CURRENT(time);
		INSTR_TIME_SUBTRACT(time, from);
		now = INSTR_TIME_GET_DOUBLE(time);
		if (each)
			all = (now - before) * BATCH / wanted;
		if (!each || batch == 0)
			cheap = (now - before) * (each ? FIRST_CHEAP : 1);
	}
	ereport(DEBUG1,
			(errmsg_internal("index \"%s\": recall of %d queries measured in %.3f s", RelationGetRelationName(c->index),
							 c->sums[0][0].n, now)));
	return c->sums[0][0].n;
}

/*
 * run -- measure(), resetting the global variables even after an error.
 */
static int
run(Calibration *c, int queries, double seconds)
{
	volatile int n = 0;

	oh_measuring = true;
	PG_TRY();
	{
		n = measure(c, queries, seconds);
	}
	PG_FINALLY();
	{
		oh_measuring = false;
		oh_forced_ef = 0;
		oh_hidden_node = OH_NONE;
	}
	PG_END_TRY();
	return n;
}

bool
OhCalibrate(Relation heap, Relation index, const OhGiven *given, int queries, double seconds)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw calibration",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Calibration c = {0};
	SnapshotData snapshot;
	OhRowReader reader;
	int			n = 0;

	c.index = index;
	c.nefs = OH_CURVE_EFS;
	c.truth.heap = heap;
	c.truth.given = given;
	InitDirtySnapshot(snapshot);
	c.truth.snapshot = &snapshot;
	c.truth.ix = OhIndexOpen(index);
	if (!OhHasParts(&c.truth.ix->column) && c.truth.ix->entry != OH_NONE && !c.truth.ix->retraining &&
		OhArrayRecords(&c.truth.ix->file, OH_NODE) >= LEAST_NODES)
	{
		c.truth.context = AllocSetContextCreate(context, "omenhnsw trials", ALLOCSET_DEFAULT_SIZES);
		OhRowReaderBegin(&reader, heap, index);
		c.truth.reader = &reader;
		n = run(&c, queries, seconds);
		OhRowReaderEnd(&reader);
		if (n > 0)
			store_curve(&c, n);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return n > 0;
}

void
OhCalibrateGrown(Relation index)
{
	OhIndex    *ix = OhIndexOpen(index);
	Relation	heap;

	/*
	 * a user's queries are not stored: they cannot be run again, and rows of the index would
	 * measure something else
	 */
	if (ix->calibration.given ||
		OhArrayRecords(&ix->file, OH_NODE) < Max(LEAST_NODES, (double) GROWN * ix->calibration.nodes))
		return;
	heap = table_open(IndexGetRelation(RelationGetRelid(index), false), AccessShareLock);
	(void) OhCalibrate(heap, index, NULL, OH_MOST_QUERIES, 1.0);
	table_close(heap, AccessShareLock);
}
