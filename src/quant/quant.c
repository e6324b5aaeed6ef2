/*
 * quant.c -- the quantizer interface: checks a spec and calls the functions of its kind.
 *
 * The arithmetic is in the files of the kinds (rabitq.c, pq.c, sq8.c and so on), except for
 * the norm, which all of them use.
 */
#include <math.h>

#include "quant/quant_impl.h"

static const OmQuantOps *const ops_of_kind[] = {
	[OM_QUANT_RABITQ] = &om_rabitq_ops,
	[OM_QUANT_BINARY] = &om_rabitq_ops,
	[OM_QUANT_PQ] = &om_pq_ops,
	[OM_QUANT_SQ8] = &om_sq8_ops,
	[OM_QUANT_NONE] = &om_none_ops,
	[OM_QUANT_BIT] = &om_bits_ops,
	[OM_QUANT_SPARSE] = &om_sparse_ops,
};

#define NKINDS ((int) (sizeof(ops_of_kind) / sizeof(ops_of_kind[0])))

/* The functions for this spec, NULL if it is not valid. */
static const OmQuantOps *
ops_of_spec(const OmQuantSpec *spec)
{
	const OmQuantOps *ops;
	int			kind = (int) spec->kind;

	if (kind < 0 || kind >= NKINDS || ops_of_kind[kind] == NULL)
		return NULL;
	ops = ops_of_kind[kind];
	/* the metrics of bits belong to OM_QUANT_BIT, and it has no others */
	if (spec->metric < OM_METRIC_L2 || spec->metric > OM_METRIC_JACCARD ||
		(spec->metric > OM_METRIC_L1) != (spec->kind == OM_QUANT_BIT) ||
		spec->dim < 1 || spec->dim > OM_QUANT_MAX_DIM || !ops->valid(spec))
		return NULL;
	return ops;
}

static inline const OmQuantOps *
ops_of(const OmQuantizer *quant)
{
	return ops_of_kind[quant->spec.kind];
}

size_t
om_quant_code_bytes(const OmQuantSpec *spec)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	return ops != NULL ? ops->code_bytes(spec) : 0;
}

size_t
om_quant_model_floats(const OmQuantSpec *spec)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	return ops != NULL && ops->train != NULL ? ops->model_floats(spec) : 0;
}

int
om_quant_train_rows(const OmQuantSpec *spec)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	return ops != NULL ? ops->train_rows : 0;
}

int
om_quant_train_least(const OmQuantSpec *spec)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	return ops != NULL ? ops->train_least : 0;
}

size_t
om_quant_train_bytes(const OmQuantSpec *spec, int nrows)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	return ops != NULL && ops->train_bytes != NULL ? ops->train_bytes(spec, nrows) : 0;
}

int
om_quant_train_parts(const OmQuantSpec *spec)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	return ops != NULL && ops->train_parts != NULL ? ops->train_parts(spec) : 1;
}

void
om_quant_train(const OmQuantSpec *spec, const OmTraining *training, int from, int to,
			   void *scratch, float *model)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	if (ops != NULL && ops->train != NULL)
		ops->train(spec, training, from, to, scratch, model);
}

void
om_quant_train_finish(const OmQuantSpec *spec, const OmTraining *training, void *scratch,
					  float *model)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	if (ops != NULL && ops->train_finish != NULL)
		ops->train_finish(spec, training, scratch, model);
}

size_t
om_quant_bytes(const OmQuantSpec *spec)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	return ops != NULL ? ops->bytes(spec) : 0;
}

size_t
om_quant_query_bytes(const OmQuantSpec *spec)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	return ops != NULL ? ops->query_bytes(spec) : 0;
}

size_t
om_quant_scratch_bytes(const OmQuantSpec *spec)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	return ops != NULL ? ops->scratch_bytes(spec) : 0;
}

OmQuantizer *
om_quant_init(void *mem, const OmQuantSpec *spec, const float *model)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	return ops != NULL ? ops->init(mem, spec, model) : NULL;
}

const OmQuantSpec *
om_quant_spec(const OmQuantizer *quant)
{
	return &quant->spec;
}

static OmExactness
exactness(const OmQuantSpec *spec)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	return ops != NULL && ops->exactness != NULL ? ops->exactness(spec) : OM_ESTIMATED;
}

bool
om_quant_exact(const OmQuantSpec *spec)
{
	return exactness(spec) != OM_ESTIMATED;
}

bool
om_quant_rounds(const OmQuantSpec *spec)
{
	return exactness(spec) == OM_ROUNDED;
}

double
om_quant_unrounded(const OmQuantizer *quant, const OmQuery *query, const void *code)
{
	const OmQuantOps *ops = ops_of(quant);

	return ops->unrounded != NULL ? ops->unrounded(quant, query, code) :
		ops->distance_fn(quant) (quant, query, code);
}

void
om_quant_encode(const OmQuantizer *quant, const float *x, void *scratch,
				void *code)
{
	ops_of(quant)->encode(quant, x, scratch, code);
}

void
om_quant_query(const OmQuantizer *quant, const float *q, void *scratch,
			   OmQuery *query)
{
	ops_of(quant)->query(quant, q, scratch, query);
}

void
om_quant_query_from_code(const OmQuantizer *quant, const void *code,
						 OmQuery *query)
{
	ops_of(quant)->query_from_code(quant, code, query);
}

void
om_quant_decode(const OmQuantizer *quant, const void *code, void *scratch, float *x)
{
	ops_of(quant)->decode(quant, code, scratch, x);
}

OmDistanceFn
om_quant_distance_fn(const OmQuantizer *quant)
{
	return ops_of(quant)->distance_fn(quant);
}

float
om_quant_error(const OmQuantizer *quant, const OmQuery *query,
			   const void *code)
{
	return ops_of(quant)->error(quant, query, code);
}

void
om_quant_distances(const OmQuantizer *quant, const OmQuery *query,
				   const void *const *codes, int n, float *dist)
{
	const OmQuantOps *ops = ops_of(quant);
	OmDistanceFn distance;

	if (ops->distances != NULL)
	{
		ops->distances(quant, query, codes, n, dist);
		return;
	}
	distance = ops->distance_fn(quant);
	for (int i = 0; i < n; i++)
		dist[i] = distance(quant, query, codes[i]);
}

size_t
om_quant_refine_bytes(const OmQuantSpec *spec)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	return ops != NULL && ops->refine != NULL ? ops->refine->bytes(spec) : 0;
}

size_t
om_quant_refine_query_bytes(const OmQuantSpec *spec)
{
	const OmQuantOps *ops = ops_of_spec(spec);

	return ops != NULL && ops->refine != NULL ? ops->refine->query_bytes(spec) : 0;
}

void
om_quant_refine_encode(const OmQuantizer *quant, const float *x, const void *code,
					   void *scratch, void *refinement)
{
	ops_of(quant)->refine->encode(quant, x, code, scratch, refinement);
}

void
om_quant_refine_query(const OmQuantizer *quant, const float *q, void *scratch,
					  OmQuery *query, OmRefineQuery *refine)
{
	ops_of(quant)->refine->query(quant, q, scratch, query, refine);
}

void
om_quant_refine_base(const OmQuantizer *quant, const OmQuery *query,
					 const OmRefineQuery *refine, const void *code, OmRefineBase *base)
{
	ops_of(quant)->refine->base(quant, query, refine, code, base);
}

bool
om_quant_refine_distance(const OmQuantizer *quant, const OmQuery *query,
						 const OmRefineQuery *refine, const OmRefineBase *base,
						 const void *refinement, float *dist, float *error)
{
	return ops_of(quant)->refine->distance(quant, query, refine, base, refinement, dist, error);
}

bool
om_inverse_norm(const float *x, int dim, double *inverse)
{
	float		sq = om_kernels->sumsq_f32(x, dim);
	double		sum = 0.0;

	if (sq >= OM_SQUARE_MIN && sq <= OM_SQUARE_MAX)
	{
		*inverse = (float) (1.0 / sqrt((double) sq));
		return true;
	}
	for (int i = 0; i < dim; i++)
		sum += (double) x[i] * x[i];
	*inverse = sum > 0.0 ? 1.0 / sqrt(sum) : 0.0;
	return false;
}
