/*
 * retrain.c -- trains the quantizer of an index again when the index has grown or its rows have changed.
 *
 * An index that was created on an empty table has no model, and the rows of a table may come to differ
 * from those that the model was trained on.  Then a new model is trained on a sample of the rows,
 * and all nodes are encoded again:
 *
 *   1. the new model is written over the model before last, of which no node has
 *      codes any more;
 *   2. the metapage names it as next_model: from here on new nodes get codes of it,
 *      and there are nodes of both models;
 *   3. each page of nodes is encoded again, with one WAL record: nodes by their rows or, where
 *      these cannot be read, by their old codes; then the members of the highway;
 *   4. the metapage names it as model.
 *
 * A crash after 1 leaves a model that nobody reads; one after 2 or during 3 leaves an index of two
 * models, which is valid, and the next insert or vacuum continues.
 *
 * Inserts do this, a few nodes each, or a vacuum does all of it, one backend at a time: it holds a heavyweight
 * lock made for this, which inserts take only if it is free.  No insert and no search ever waits for it.
 *
 * The rows of a node have equal codes.  If their vectors are not quite equal, their new codes may
 * differ: the node gets the code of its first row, and is marked as loose.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/genam.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/memutils.h"

#include "compat.h"
#include "hnsw/graph/highway.h"
#include "hnsw/graph/refinement.h"
#include "hnsw/graph/rows.h"
#include "hnsw/parts.h"
#include "hnsw/table/fetch.h"
#include "hnsw/train/firstrow.h"
#include "hnsw/train/nodesample.h"
#include "hnsw/train/retrain.h"
#include "storage/compare.h"
#include "storage/rowcheck.h"
#include "storage/wal.h"
#include "types/vector.h"

/* An index without a model is trained when it has this many nodes. */
#define FIRST_NODES 64
/* A model is tested again when the index has this many times the nodes of the last test. */
#define LOOK_FACTOR 8
/* A vacuum that has removed nothing tests it if the index has grown by this factor since then. */
#define VACUUM_FACTOR 1.25

/* With a smaller sample, the model is left as it is. */
#define LEAST_ROWS 32

/* A new model is used if its squared error is less than this share of the old one's.  docs/measurements.md#constants */
#define WORTH 0.8
#define WORTH_FIRST 0.95

/* An error counts as this many times the median at most, so that a few far rows do not decide. */
#define MOST_ERROR 16.0

/* Giving rows the code of their node's first row may make errors this many times those of codes of their own. */
#define LOOSE_ERROR 1.1

/* A model is still good if its mean error has grown by no more than this factor. */
#define GROWN 1.2

/* About this many nodes are encoded again by one insert. */
#define STEP_NODES 16

/*
 * Graphs of up to this many nodes choose their links again, which compares all pairs of nodes: an insert takes
 * milliseconds for it, a vacuum a second or two.
 */
#define REWIRE_INSERT 1000
#define REWIRE_VACUUM 8000

/* A page whose nodes are changed by others while they are encoded is read again, this often at most. */
#define MAX_ROUNDS 1000

/* objsubid of the lock tag, which names the index as an object. */
#define RETRAIN_OBJECT 0xFFFF

typedef struct Retrain
{
	OhIndex    *ix;
	OhFetcher  *fetcher;
	MemoryContext context;
	bool		vacuum;			/* is it called by a vacuum? */
	float	   *x;				/* [dim], the vector of a row */
	float	   *near;			/* [dim], a node's vector as its old code has it */
	void	   *scratch;
	char	   *codes;			/* old and new codes of a page's nodes */
	void	   *refinement;
} Retrain;

/* A node that is encoded again. */
typedef struct Recode
{
	uint32		slot;
	ItemPointerData tid;
	uint32		posting;
	uint8		tag;
	uint8		state;
	bool		exact;			/* is the new code made of its row? */
	bool		loose;			/* may some of its rows have another code? */
	bool		done;			/* has the new code been written? */
	void	   *old;
	void	   *fresh;
	void	   *refinement;		/* NULL if it gets none */
} Recode;

uint32
OhRetrainLook(const OmQuantSpec *spec, uint64 rows)
{
	if (om_quant_model_floats(spec) == 0)
		return PG_UINT32_MAX;
	return (uint32) Min(rows == 0 ? FIRST_NODES : Max(rows, FIRST_NODES) * LOOK_FACTOR,
						PG_UINT32_MAX);
}

/* ---- the lock ---- */

static bool
take_lock(Relation index, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, RelationGetRelid(index),
					   RETRAIN_OBJECT);
	switch (LockAcquire(&tag, ExclusiveLock, false, !wait))
	{
		case LOCKACQUIRE_NOT_AVAIL:
			return false;
		case LOCKACQUIRE_ALREADY_HELD:
			/* an index expression that inserts into its own table */
			LockRelease(&tag, ExclusiveLock, false);
			return false;
		default:
			return true;
	}
}

void
OhRetrainLock(Relation index)
{
	take_lock(index, true);
}

void
OhRetrainUnlock(Relation index)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, RelationGetRelid(index),
					   RETRAIN_OBJECT);
	LockRelease(&tag, ExclusiveLock, false);
}

/* ---- the metapage ---- */

static void
read_meta(Retrain *r, OhMetaPageData *meta)
{
	Buffer		buffer = OhReadBlock(r->ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);

	*meta = *OhMeta(BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
}

/*
 * write_meta -- write the fields of the metapage that belong to training.
 */
static void
write_meta(Retrain *r, const OhMetaPageData *from)
{
	Buffer		buffer = OhReadBlock(r->ix->file.rel, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	OhWrite		write;
	OhMetaPageData *meta;

	OhWriteStart(&write, &r->ix->file);
	meta = OhMeta(OhWritePage(&write, buffer, false));
	meta->model = from->model;
	meta->next_model = from->next_model;
	meta->retrain_lp = from->retrain_lp;
	meta->look_nodes = from->look_nodes;
	meta->trained_error = from->trained_error;
	meta->trained_rows = from->trained_rows;
	meta->next_rows = from->next_rows;
	meta->unclean &= ~OH_UNCLEAN_LINKS;
	meta->unclean |= from->unclean & OH_UNCLEAN_LINKS;
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}

static uint32
count_nodes(const Retrain *r)
{
	uint64		n = OhArrayRecords(&r->ix->file, OH_NODE);

	return Min(n, PG_UINT32_MAX - 1);
}

static uint32
next_look(const Retrain *r)
{
	return OhRetrainLook(&r->ix->spec, Max(count_nodes(r), 1));
}

/* ---- sample and training ---- */

static void
interrupt(void *arg)
{
	CHECK_FOR_INTERRUPTS();
}

/*
 * train -- train a model on the sample; palloc'd.
 */
static float *
train(Retrain *r, const OhNodeSample *sample)
{
	const OmQuantSpec *spec = &r->ix->spec;
	float	   *model = palloc_extended(sizeof(float) * om_quant_model_floats(spec),
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	void	   *scratch = OhAlignedAlloc(r->context, om_quant_train_bytes(spec, sample->ntrain));
	OmTraining	training = {0};

	training.mean = sample->mean;
	training.rows = sample->rows;
	training.nrows = sample->ntrain;
	training.interrupt = interrupt;
	om_quant_train(spec, &training, 0, om_quant_train_parts(spec), scratch, model);
	om_quant_train_finish(spec, &training, scratch, model);
	return model;
}

static double
median(const double *values, int n)
{
	double	   *sorted = memcpy(palloc(sizeof(double) * n), values, sizeof(double) * n);

	qsort(sorted, n, sizeof(double), OhCompareDouble);
	return sorted[n / 2];
}

/*
 * mean_error -- the mean of errors, of which none counts more than `limit`.
 *
 * The median would not do: if a third of the rows are far from what the model was trained on, searches near
 * them find next to nothing, and the median is the same.
 */
static double
mean_error(const double *errors, int n, double limit)
{
	double		sum = 0.0;

	for (int i = 0; i < n; i++)
		sum += Min(errors[i], limit);
	return sum / n;
}

static double
error_limit(double error)
{
	return error > 0.0 ? MOST_ERROR * error : HUGE_VAL;
}

/*
 * test_errors -- compute the squared errors of a model's codes for the rows kept from training.
 *
 * first: rows have the code of their node, that of its first row; otherwise their own
 */
static double *
test_errors(Retrain *r, const OhNodeSample *sample, const OmQuantizer *quant, bool first)
{
	int			dim = r->ix->dim;
	double	   *errors = palloc0(sizeof(double) * (sample->n + 1));

	for (int i = sample->ntrain; i < sample->n; i++)
	{
		const float *x = sample->rows + (Size) i * dim;
		double	   *error = &errors[i - sample->ntrain];

		CHECK_FOR_INTERRUPTS();
		om_quant_encode(quant, first && sample->coded[i] != NULL ? sample->coded[i] : x, r->scratch, r->codes);
		om_quant_decode(quant, r->codes, r->scratch, r->x);
		for (int d = 0; d < dim; d++)
			*error += ((double) x[d] - r->x[d]) * ((double) x[d] - r->x[d]);
	}
	return errors;
}

/*
 * is_worth -- would the new model make most codes better by enough, or all of them on average?
 *
 * It was trained on the rows as they are now.  Another training would give the same model, so that an index
 * does not alternate between two.
 */
static bool
is_worth(const double *now, const double *then, int n, double worth)
{
	double		limit = error_limit(Max(median(now, n), median(then, n)));
	double	   *ratios = palloc(sizeof(double) * n);

	for (int i = 0; i < n; i++)
		ratios[i] = now[i] > 0.0 ? then[i] / now[i] : then[i] > 0.0 ? HUGE_VAL : 1.0;
	return median(ratios, n) < worth || mean_error(then, n, limit) < worth * mean_error(now, n, limit);
}

/*
 * suits_nodes -- would the nodes' rows be nearly as close to their node's new code as to codes of their own?
 *
 * A node keeps its rows, and gets the new code of its first row.  The old model may have given one code to many rows
 * that the new model tells apart.  All of them would then be sought where the first one is, and the new model states
 * errors that are too small for searches to find the others.  So such an index keeps its model until REINDEX.
 *
 * first, own: squared errors of rows by the new code of their node's first row, and by new codes of their own
 */
static bool
suits_nodes(const double *first, const double *own, int n)
{
	double		limit = error_limit(median(own, n));

	return mean_error(first, n, limit) <= LOOSE_ERROR * mean_error(own, n, limit);
}

/*
 * write_model -- write a model, with one WAL record for each page.
 */
static void
write_model(Retrain *r, uint8 number, const float *model)
{
	OhIndex    *ix = r->ix;
	size_t		total = om_quant_model_floats(&ix->spec);
	uint32		npages = OhModelPages(&ix->spec);
	uint32		first = OhModelSlot(number) * npages;

	while (OhArrayPages(&ix->file, OH_MODEL) < first + npages)
	{
		CHECK_FOR_INTERRUPTS();
		OhArrayExtend(&ix->file, OH_MODEL);
	}
	for (uint32 i = 0; i < npages; i++)
	{
		size_t		done = (size_t) i * OH_MODEL_FLOATS;
		Buffer		buffer = OhArrayRead(&ix->file, OH_MODEL, first + i, BUFFER_LOCK_EXCLUSIVE);
		OhWrite		write;
		Page		page;

		OhWriteStart(&write, &r->ix->file);
		page = OhWritePage(&write, buffer, false);
		OhTail(page)->nused = 1;
		OhPageSetLower(&ix->file, OH_MODEL, page);
		memset(OhSlot(&ix->file, OH_MODEL, page, 0), 0, sizeof(float) * OH_MODEL_FLOATS);
		memcpy(OhSlot(&ix->file, OH_MODEL, page, 0), model + done,
			   sizeof(float) * Min(total - done, OH_MODEL_FLOATS));
		OhWriteFinish(&write);
		UnlockReleaseBuffer(buffer);
	}
}

/*
 * look -- test the model: compare it with one trained on the rows as they are now, and begin to encode nodes
 * again if that is better.
 */
static void
look(Retrain *r, OhMetaPageData *meta)
{
	const OmQuantSpec *spec = &r->ix->spec;
	OhNodeSample sample;
	double	   *now;
	double	   *then;
	float	   *model = NULL;
	double		error;
	bool		begin = false;
	int			ntest;

	OhSampleNodes(r->ix, r->fetcher, &sample);
	ntest = sample.n - sample.ntrain;
	if (sample.n >= LEAST_ROWS && sample.ntrain >= om_quant_train_least(spec))
	{
		now = test_errors(r, &sample, r->ix->quant, true);
		error = mean_error(now, ntest, error_limit(median(now, ntest)));
		/*
		 * if training takes long, a model is trained only if there is none yet or the present one has
		 * got worse
		 */
		if (om_quant_train_least(spec) < LEAST_ROWS ||
			meta->model == 0 || meta->trained_error <= 0.0 || error > meta->trained_error * GROWN)
		{
			OmQuantizer *quant = OhAlignedAlloc(r->context, om_quant_bytes(spec));

			model = train(r, &sample);
			om_quant_init(quant, spec, model);
			then = test_errors(r, &sample, quant, true);
			begin = is_worth(now, then, ntest, meta->model == 0 ? WORTH_FIRST : WORTH) &&
				suits_nodes(then, test_errors(r, &sample, quant, false), ntest);
			if (begin)
				error = mean_error(then, ntest, error_limit(median(then, ntest)));
			meta->trained_error = (float) Min(error, FLT_MAX);
		}
	}
	meta->look_nodes = next_look(r);
	if (begin)
	{
		meta->next_model = OhNextModel(meta->model);
		meta->next_rows = sample.ntrain;
		meta->retrain_lp = 0;
		write_model(r, meta->next_model, model);
		ereport(DEBUG1,
				(errmsg_internal("index \"%s\": model %u, trained on %d rows",
								 RelationGetRelationName(r->ix->file.rel), meta->next_model, sample.ntrain)));
	}
	write_meta(r, meta);
	OhIndexRefresh(r->ix);
}

/* ---- nodes ---- */

/*
 * old_nodes -- read the nodes of a page that have codes of the old model; returns how many.
 */
static int
old_nodes(Retrain *r, uint32 lp, Recode *nodes)
{
	OhIndex    *ix = r->ix;
	Buffer		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	uint32		nused = Min(OhTail(page)->nused, ix->file.array[OH_NODE].per_page);
	int			n = 0;

	for (uint32 slot = 0; slot < nused; slot++)
	{
		OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, slot);
		Recode	   *recode = &nodes[n];

		if (node->state == OH_FREE || (node->tag & OH_TAG_MODEL) == ix->number)
			continue;
		memset(recode, 0, sizeof(Recode));
		recode->slot = slot;
		recode->tid = node->tid;
		recode->posting = node->posting;
		recode->tag = node->tag;
		recode->state = node->state;
		recode->old = r->codes + (Size) (2 * n) * ix->code_bytes;
		recode->fresh = r->codes + (Size) (2 * n + 1) * ix->code_bytes;
		memcpy(recode->old, OhNodeCode(node), ix->code_bytes);
		n++;
	}
	UnlockReleaseBuffer(buffer);
	return n;
}

/*
 * is_shared -- do all rows of a node have the vector of the first row, whose hash is given?
 *
 * This does not change afterwards, as no row joins a node whose code is of the old model.
 */
static bool
is_shared(Retrain *r, uint32 id, uint32 hash, uint32 head)
{
	OhIndex    *ix = r->ix;
	Buffer		buffer;
	const OhPostingData *posting;
	bool		shared;

	if (head == OH_NONE)
		return true;
	if (!OhArrayHas(&ix->file, OH_POSTING, head))
		return false;
	posting = OhRecordRead(&ix->file, OH_POSTING, head, BUFFER_LOCK_SHARE, &buffer);
	shared = posting->node == id && posting->hash == hash;
	UnlockReleaseBuffer(buffer);
	return shared;
}

/*
 * read_row -- read the vector that a node was made of from its first row; false if it has no first row.
 *
 * If rows have several vectors, it is the one with the node's old code.
 */
static bool
read_row(Retrain *r, uint32 id, Recode *node, const OmQuantizer *old, uint32 *hash)
{
	OhIndex    *ix = r->ix;
	OhFirstRow	first = {.id = id, .posting = node->posting, .tid = node->tid};

	if (!OhHasParts(&ix->column))
		return OhReadFirstRow(ix, r->fetcher, &first, NULL, !r->vacuum, r->x, hash);
	if (old == NULL)
		return false;
	om_quant_decode(old, node->old, r->scratch, r->near);
	/* a row that has the code is as good as the one that was removed */
	if (!OhReadFirstRow(ix, r->fetcher, &first, r->near, false, r->x, hash))
		return false;
	om_quant_encode(old, r->x, r->scratch, node->fresh);
	return memcmp(node->fresh, node->old, ix->code_bytes) == 0;
}

/*
 * recode -- make the new code of a node from its row or, if that cannot be read, from its old code.
 */
static void
recode(Retrain *r, uint32 lp, Recode *node)
{
	OhIndex    *ix = r->ix;
	const OmQuantizer *old = OhModelOf(ix, node->tag);
	uint32		id = lp * ix->file.array[OH_NODE].per_page + node->slot;
	uint32		hash = OH_MIXED;

	if (node->state == OH_LIVE)
		OhCheckRows(&ix->file, &node->tid, 1, OH_NODE, lp);
	node->exact = node->state == OH_LIVE && read_row(r, id, node, old, &hash);
	if (!node->exact)
	{
		if (old == NULL)
			OhReportCorruption(r->ix->file.rel, OhArrayBlock(&ix->file, OH_NODE, lp),
							   "node %u has a code of model %u, which the index does not have",
							   id, node->tag & OH_TAG_MODEL);
		om_quant_decode(old, node->old, r->scratch, r->x);
	}
	node->loose = !node->exact || !is_shared(r, id, hash, node->posting);
	om_quant_encode(ix->quant, r->x, r->scratch, node->fresh);
	if (!node->loose && ix->refine_bytes > 0)
	{
		node->refinement = OhAlignedAlloc(CurrentMemoryContext, ix->refine_bytes);
		om_quant_refine_encode(ix->quant, r->x, node->fresh, r->scratch, node->refinement);
	}
}

/*
 * store -- write the new codes of the nodes that have not changed since they were read.
 */
static void
store(Retrain *r, uint32 lp, Recode *nodes, int n)
{
	OhIndex    *ix = r->ix;
	Buffer		buffer = OhArrayRead(&ix->file, OH_NODE, lp, BUFFER_LOCK_EXCLUSIVE);
	OhWrite		write;
	Page		page;

	OhWriteStart(&write, &r->ix->file);
	page = OhWritePage(&write, buffer, false);
	for (int i = 0; i < n; i++)
	{
		OhNodeData *node = OhSlot(&ix->file, OH_NODE, page, nodes[i].slot);

		if (node->state == OH_FREE || node->tag != nodes[i].tag ||
			memcmp(OhNodeCode(node), nodes[i].old, ix->code_bytes) != 0 ||
			node->posting != nodes[i].posting ||
			(nodes[i].exact && !OhSameTid(&node->tid, &nodes[i].tid)))
			continue;
		memcpy(OhNodeCode(node), nodes[i].fresh, ix->code_bytes);
		node->tag = ix->number;
		if (nodes[i].loose)
			node->tag |= OH_TAG_LOOSE;
		nodes[i].done = true;
	}
	OhWriteFinish(&write);
	UnlockReleaseBuffer(buffer);
}

/*
 * recode_page -- encode the nodes of a page again; returns how many there were.
 */
static int
recode_page(Retrain *r, uint32 lp)
{
	uint32		per_page = r->ix->file.array[OH_NODE].per_page;
	MemoryContext page_context = AllocSetContextCreate(r->context, "omenhnsw page",
													   ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(page_context);
	Recode	   *nodes = palloc(sizeof(Recode) * per_page);
	int			count = 0;

	for (int round = 0;; round++)
	{
		int			n = old_nodes(r, lp, nodes);

		CHECK_FOR_INTERRUPTS();
		if (n == 0)
			break;
		if (round == MAX_ROUNDS)
			OhReportCorruption(r->ix->file.rel, OhArrayBlock(&r->ix->file, OH_NODE, lp),
							   "nodes still get codes of model %u", nodes[0].tag & OH_TAG_MODEL);
		for (int i = 0; i < n; i++)
			recode(r, lp, &nodes[i]);
		OhFetchRelease(r->fetcher);
		store(r, lp, nodes, n);
		for (int i = 0; i < n; i++)
		{
			if (nodes[i].done && nodes[i].refinement != NULL)
				OhWriteRefinement(r->ix, lp * per_page + nodes[i].slot, nodes[i].fresh,
								  nodes[i].refinement);
		}
		count += n;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(page_context);
	return count;
}

/*
 * go_on -- encode about `want` nodes again, or all that are left if `want` is 0.
 *
 * Pages that are added later have only codes of the new model.
 */
static void
go_on(Retrain *r, OhMetaPageData *meta, int want)
{
	uint32		npages = OhArrayPages(&r->ix->file, OH_NODE);
	int			count = 0;

	while (meta->retrain_lp < npages && (want == 0 || count < want))
	{
		if (r->vacuum)
			om_vacuum_delay_point();
		count += recode_page(r, meta->retrain_lp++);
	}
	if (meta->retrain_lp >= npages)
	{
		OhHighwayRecode(r->ix);
		meta->model = meta->next_model;
		meta->trained_rows = meta->next_rows;
		meta->look_nodes = next_look(r);
		meta->unclean |= OH_UNCLEAN_LINKS;
	}
	write_meta(r, meta);
	OhIndexRefresh(r->ix);
}

/*
 * rewire -- let the nodes of a small graph choose their links again: links chosen by bad codes may be no better than
 * random ones.
 *
 * In a larger graph, vacuum does that in its copy of the graph.
 */
static void
rewire(Retrain *r, OhMetaPageData *meta)
{
	if (!OhRewire(r->ix, r->vacuum ? REWIRE_VACUUM : REWIRE_INSERT))
		return;
	meta->unclean &= ~OH_UNCLEAN_LINKS;
	write_meta(r, meta);
}

/* ---- callers ---- */

static Retrain *
begin(Relation heap, OhIndex *ix, bool vacuum)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omenhnsw training",
												  ALLOCSET_DEFAULT_SIZES);
	Retrain    *r = MemoryContextAllocZero(context, sizeof(Retrain));

	r->context = context;
	r->ix = ix;
	r->vacuum = vacuum;
	r->fetcher = OhFetchBegin(heap, ix, context);
	r->x = OhAlignedAlloc(context, sizeof(float) * ix->dim);
	r->near = OhAlignedAlloc(context, sizeof(float) * ix->dim);
	r->scratch = OhAlignedAlloc(context, om_quant_scratch_bytes(&ix->spec));
	r->codes = OhAlignedAlloc(context, (Size) 2 * ix->file.array[OH_NODE].per_page * ix->code_bytes);
	return r;
}

static void
end(Retrain *r)
{
	OhFetchEnd(r->fetcher);
	MemoryContextDelete(r->context);
}

/*
 * run -- test the model if that is due or wanted, and encode nodes again.
 */
static void
run(Retrain *r, bool wanted, int want)
{
	MemoryContext old = MemoryContextSwitchTo(r->context);
	OhMetaPageData meta;
	bool		training;

	OhIndexRefresh(r->ix);
	read_meta(r, &meta);
	/*
	 * first finish what inserts have begun: rows may have changed since then, so that yet another
	 * model may be better
	 */
	if (r->vacuum && meta.model != meta.next_model)
		go_on(r, &meta, want);
	if (meta.model == meta.next_model && (wanted || count_nodes(r) >= meta.look_nodes))
		look(r, &meta);
	training = meta.model != meta.next_model;
	if (training)
		go_on(r, &meta, want);
	if (meta.model == meta.next_model && (meta.unclean & OH_UNCLEAN_LINKS) && (training || r->vacuum))
		rewire(r, &meta);
	MemoryContextSwitchTo(old);
}

void
OhRetrainStep(Relation heap, OhIndex *ix)
{
	Retrain    *r;

	if (!take_lock(ix->file.rel, false))
		return;
	r = begin(heap, ix, false);
	run(r, false, STEP_NODES);
	end(r);
	OhRetrainUnlock(ix->file.rel);
}

/*
 * has_old_links -- have nodes chosen their neighbours by codes of an old model?
 */
static bool
has_old_links(Relation index)
{
	Buffer		buffer = OhReadBlock(index, OH_META_BLOCK, OH_PAGE_META, BUFFER_LOCK_SHARE);
	bool		old = (OhMeta(BufferGetPage(buffer))->unclean & OH_UNCLEAN_LINKS) != 0;

	UnlockReleaseBuffer(buffer);
	return old;
}

/*
 * has_grown -- have enough nodes been added since the last test for a vacuum to test the model?
 */
static bool
has_grown(OhIndex *ix)
{
	return (double) OhArrayRecords(&ix->file, OH_NODE) * LOOK_FACTOR >= VACUUM_FACTOR * ix->look_nodes;
}

void
OhRetrainAll(Relation index, bool look_now)
{
	OhIndex    *ix = OhIndexOpen(index);
	Relation	heap;
	Retrain    *r;

	(void) OhArrayPages(&ix->file, OH_NODE);
	look_now = look_now || has_grown(ix);
	if (om_quant_model_floats(&ix->spec) == 0 ||
		(!OhRetrainIsDue(ix) && (!look_now || ix->number == 0) && !has_old_links(index)))
		return;
	heap = table_open(IndexGetRelation(RelationGetRelid(index), false), AccessShareLock);
	r = begin(heap, ix, true);
	run(r, look_now && ix->number > 0, 0);
	end(r);
	table_close(heap, AccessShareLock);
}
