/*
 * column_sparsevec.c -- indexes on the type sparsevec.
 *
 * A position is an OmSparse (quant.h): the elements of the largest magnitude, each with its index as
 * its term, and sums over the elements that are left out.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "compat.h"
#include "hnsw/column.h"
#include "types/sparsevec.h"

/*
 * Elements of a code, if there is no sample that tells how many rows have.  Models that make sparse
 * vectors give a text some 50 to 200 terms.
 */
#define DEFAULT_ELEMENTS 192

static int
sparsevec_dim(const void *value)
{
	return ((const OmSparsevec *) value)->dim;
}

static void
sparsevec_mismatch(int a, int b)
{
	om_dim_mismatch(&om_sparsevec_desc, a, b);
}

/* The size depends on the number of elements. */
static Size
sparsevec_bytes(int dim)
{
	return 0;
}

static void
sparsevec_spec(int dim, int elements, OmQuantSpec *spec)
{
	spec->kind = OM_QUANT_SPARSE;
	spec->bits = 1;
	while (spec->bits < OM_SPARSE_BITS && (1 << spec->bits) < dim)
		spec->bits++;
	spec->subvectors = Min(elements > 0 ? elements : DEFAULT_ELEMENTS, dim);
	spec->dim = om_sparse_floats(spec->subvectors);
}

static int
compare_magnitudes(const void *a, const void *b)
{
	float		x = fabsf(*(const float *) a);
	float		y = fabsf(*(const float *) b);

	return x > y ? -1 : x < y;
}

/*
 * least_kept -- the least magnitude of the elements that are kept: the `room` largest of x[n].
 *
 * *ties: how many of those that have just this magnitude are kept
 */
static float
least_kept(const float *x, int n, int room, int *ties)
{
	float	   *sorted;
	float		least;

	*ties = n;
	if (n <= room)
		return 0;
	sorted = palloc(sizeof(float) * n);
	memcpy(sorted, x, sizeof(float) * n);
	qsort(sorted, n, sizeof(float), compare_magnitudes);
	least = fabsf(sorted[room - 1]);
	*ties = 0;
	for (int i = room - 1; i >= 0 && fabsf(sorted[i]) == least; i--)
		(*ties)++;
	pfree(sorted);
	return least;
}

static void
sparsevec_position(const OhColumn *column, const void *value, OhPosition *position)
{
	const OmSparsevec *v = value;
	const float *x = om_sparsevec_values(v);
	int			room = (column->position_dim - om_sparse_floats(0)) / 2;
	OmSparse   *out = palloc0(sizeof(float) * column->position_dim);
	uint32	   *term = om_sparse_terms(out);
	float	   *kept = om_sparse_values(out, room);
	int			ties;
	float		least = least_kept(x, v->nnz, room, &ties);
	double		squares = 0;
	double		sum = 0;
	double		rest = 0;
	double		rest_sum = 0;

	for (int i = 0; i < v->nnz; i++)
	{
		float		size = fabsf(x[i]);

		squares += (double) x[i] * x[i];
		sum += size;
		if (size < least || (size == least && ties-- <= 0))
		{
			rest += (double) x[i] * x[i];
			rest_sum += size;
			continue;
		}
		term[out->n] = v->index[i];
		kept[out->n++] = x[i];
	}
	out->norm = (float) Min(sqrt(squares), FLT_MAX);
	out->sum = (float) Min(sum, FLT_MAX);
	out->rest = (float) Min(sqrt(rest), FLT_MAX);
	out->rest_sum = (float) Min(rest_sum, FLT_MAX);

	position->x = (const float *) out;
	position->floats = (Pointer) out;
	position->elements = v->nnz;
	position->bytes = v->index;
	position->nbytes = (sizeof(int32) + sizeof(float)) * v->nnz;
}

static const OhColumnType sparsevec_type = {
	.name = "sparsevec",
	.max_dim = OM_SPARSEVEC_MAX_DIM,
	.dim = sparsevec_dim,
	.mismatch = sparsevec_mismatch,
	.bytes = sparsevec_bytes,
	.spec = sparsevec_spec,
	.position = sparsevec_position,
};

/* The square of <->, which sorts alike. */
static double
sparsevec_l2(const void *a, const void *b)
{
	return om_sparsevec_l2sq(a, b);
}

static double
sparsevec_ip(const void *a, const void *b)
{
	return -om_sparsevec_ip(a, b);
}

static double
sparsevec_cosine(const void *a, const void *b)
{
	return om_sparsevec_cosine(a, b);
}

static double
sparsevec_l1(const void *a, const void *b)
{
	return om_sparsevec_l1(a, b);
}

static const OhMetric metric_l2 = {OM_METRIC_L2, &sparsevec_type, sparsevec_l2};
static const OhMetric metric_ip = {OM_METRIC_IP, &sparsevec_type, sparsevec_ip};
static const OhMetric metric_cosine = {OM_METRIC_COSINE, &sparsevec_type, sparsevec_cosine};
static const OhMetric metric_l1 = {OM_METRIC_L1, &sparsevec_type, sparsevec_l1};

OH_METRIC_SUPPORT(om_hnsw_sparsevec_l2_support, metric_l2)
OH_METRIC_SUPPORT(om_hnsw_sparsevec_ip_support, metric_ip)
OH_METRIC_SUPPORT(om_hnsw_sparsevec_cosine_support, metric_cosine)
OH_METRIC_SUPPORT(om_hnsw_sparsevec_l1_support, metric_l1)
