/*
 * refine.c -- refinements of rabitq codes: the residual, in 4 bits a dimension.
 *
 * In the terms of rabitq.c: y is the centred, rotated vector and v the grid vector of its
 * code.  The residual e, which is y less its projection on v, is rounded to w, 4 bits a
 * dimension, by the same search for a scale.  yhat = a v + b w is the projection of y on
 * the plane of v and w.  <yhat, q'> |y|^2 / <yhat, y> estimates <y, q'> as in rabitq.c:
 * unbiased over the rotations, with the standard error |y| |q'| tan(yhat, y) / sqrt(dim -
 * 1).
 *
 *     0     4      8      12     16               16 + stride
 *     | tag | base | fine | err  | packed w, stride | tails, 4 bytes each |
 *
 *   tag    uint32, derived from the code's factors; 0 where there is no refinement
 *   base   float, multiplies <2v, q'>
 *   fine   float, multiplies <2w, q'>
 *   err    float, standard error per unit of the query's norm; infinite in a
 *          blurred one
 *   tails  where v has clipped a component, the residual is larger than w can express.
 *          That would be most of the error (784-d, 4 bits: three quarters).
 *          The largest components of e have a correction of 2w each, in 16ths.
 *
 * The error of rounding q' to int8 is as large as the remaining error of y.  So for <v,
 * q'>, q' has 8 more bits: the rounding error itself, times 254. <w, q'> is a tenth of <v,
 * q'> or less and does not need them.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "quant/quant_impl.h"

#define FINE_BITS 4
#define FINE_LOG2 2				/* of FINE_BITS, the kernels' index */
#define FINE_TOP ((1 << FINE_BITS) - 1)

/* Rounding error in float: of the sums, and of the terms that they are subtracted from. */
#define FLOAT_ERROR 2e-7

/* There is one tail for each group of this many dimensions, up to MAX_TAILS. */
#define TAIL_DIMS 64
#define MAX_TAILS 32
#define TAIL_UNITS 16

typedef struct Tail
{
	uint16_t	dim;
	int16_t		more;			/* added to 2w, in 16ths */
} Tail;

typedef struct RefineHead
{
	uint32_t	tag;
	float		base;
	float		fine;
	float		err;
} RefineHead;

static inline int
fine_stride(const OmQuantSpec *spec)
{
	return (spec->dim + 1) / 2;
}

static inline int
tails_of(const OmQuantSpec *spec)
{
	return spec->dim / TAIL_DIMS < MAX_TAILS ? spec->dim / TAIL_DIMS : MAX_TAILS;
}

/* Tails follow the levels, whose length is rounded up to 4 bytes. */
static inline size_t
tail_offset(const OmQuantSpec *spec)
{
	return om_round_up(sizeof(RefineHead) + (size_t) fine_stride(spec), 4);
}

static inline int
log2_bits(int bits)
{
	return bits == 1 ? 0 : bits == 2 ? 1 : 2;
}

static uint32_t
tag_of(const void *code)
{
	uint32_t	factor[3];
	uint64_t	state = 0;
	uint32_t	tag;

	memcpy(factor, code, sizeof(factor));
	for (int i = 0; i < 3; i++)
		state = om_splitmix64(&state) ^ factor[i];
	tag = (uint32_t) (om_splitmix64(&state) >> 32);
	return tag != 0 ? tag : 1;
}

static size_t
refine_bytes(const OmQuantSpec *spec)
{
	if (spec->bits > FINE_BITS)
		return 0;
	return tail_offset(spec) + (size_t) tails_of(spec) * sizeof(Tail);
}

static size_t
refine_query_bytes(const OmQuantSpec *spec)
{
	/* the code has at most eight planes */
	return sizeof(OmRefineQuery) + om_round_up((size_t) spec->dim + 8, 64) + 64;
}

/* Inner products, summed in fixed lanes so that they are equal on every CPU. */
typedef struct Products
{
	double		yv,
				vv,
				yw,
				ww,
				vw;
} Products;

/* <y, v> and <v, v> */
static void
dot_base(const float *y, const int8_t *v, int n, Products *p)
{
	double		lane[OM_LANES] = {0.0};
	int32_t		sum = 0;

	for (int i = 0; i < n; i += OM_LANES)
	{
		for (int l = 0; l < OM_LANES; l++)
			lane[l] += (double) y[i + l] * v[i + l];
		for (int l = 0; l < OM_LANES; l++)
			sum += v[i + l] * v[i + l];
	}
	p->yv = 0.0;
	for (int l = 0; l < OM_LANES; l++)
		p->yv += lane[l];
	p->vv = sum;
}

/* <y, w>, <w, w> and <v, w> */
static void
dot_fine(const float *y, const int8_t *v, const float *w, int n, Products *p)
{
	double		yw[OM_LANES] = {0.0};
	double		ww[OM_LANES] = {0.0};
	double		vw[OM_LANES] = {0.0};

	for (int i = 0; i < n; i += OM_LANES)
	{
		for (int l = 0; l < OM_LANES; l++)
		{
			yw[l] += (double) y[i + l] * w[i + l];
			ww[l] += (double) w[i + l] * w[i + l];
			vw[l] += (double) v[i + l] * w[i + l];
		}
	}
	p->yw = p->ww = p->vw = 0.0;
	for (int l = 0; l < OM_LANES; l++)
	{
		p->yw += yw[l];
		p->ww += ww[l];
		p->vw += vw[l];
	}
}

/* |y - a v - b w|^2 */
static double
residual_sq(const float *y, const int8_t *v, double a, const float *w, double b, int n)
{
	double		lane[OM_LANES] = {0.0};
	double		sum = 0.0;

	for (int i = 0; i < n; i += OM_LANES)
	{
		for (int l = 0; l < OM_LANES; l++)
		{
			double		d = y[i + l] - a * v[i + l] - b * w[i + l];

			lane[l] += d * d;
		}
	}
	for (int l = 0; l < OM_LANES; l++)
		sum += lane[l];
	return sum;
}

/*
 * take_tails -- remove the n largest components from e, and store them in dims and left.
 */
static void
take_tails(float *e, int dim, int n, uint16_t *dims, float *left)
{
	int			found = 0;

	for (int i = 0; i < dim && n > 0; i++)
	{
		float		size = fabsf(e[i]);
		int			at;

		/* left is sorted, the smallest component last */
		if (found == n && size <= fabsf(left[n - 1]))
			continue;
		for (at = found < n ? found++ : n - 1; at > 0 && fabsf(left[at - 1]) < size; at--)
		{
			left[at] = left[at - 1];
			dims[at] = dims[at - 1];
		}
		left[at] = e[i];
		dims[at] = (uint16_t) i;
	}
	for (int i = 0; i < found; i++)
		e[dims[i]] = 0.0f;
}

/*
 * encode_residual -- round e to levels and tails of the refinement; e becomes 2w, including
 * tails.
 *
 * u       uint8[padded + 64], scratch
 * false   e is too small for float arithmetic and is set to zero
 */
static bool
encode_residual(const OmQuantizer *quant, float *e, uint8_t *u, void *refinement)
{
	int			dim = quant->spec.dim;
	int			stride = fine_stride(&quant->spec);
	int			ntails = tails_of(&quant->spec);
	uint8_t    *packed = (uint8_t *) refinement + sizeof(RefineHead);
	Tail	   *tail = (Tail *) ((char *) refinement + tail_offset(&quant->spec));
	uint16_t	dims[MAX_TAILS] = {0};
	float		left[MAX_TAILS] = {0};
	OmTrial		best;
	float		sq;

	take_tails(e, dim, ntails, dims, left);
	sq = om_kernels->sumsq_f32(e, quant->padded);
	if (!(sq >= OM_SQUARE_MIN))
	{
		memset(e, 0, sizeof(float) * (size_t) quant->padded);
		return false;
	}
	best = om_rabitq_scale(quant, FINE_BITS, e, sqrt((double) sq));
	om_kernels->quantize_f32(e, quant->padded, FINE_BITS, best.t, u);
	for (int j = 0; j < stride; j++)
		packed[j] = (uint8_t) (u[j] | (stride + j < dim ? u[stride + j] << FINE_BITS : 0));
	for (int i = 0; i < dim; i++)
		e[i] = (float) (2 * u[i] - FINE_TOP);
	for (int i = 0; i < ntails; i++)
	{
		float		more = (2.0f * best.t * left[i] - e[dims[i]]) * TAIL_UNITS;

		tail[i].dim = dims[i];
		tail[i].more = (int16_t) rintf(fminf(fmaxf(more, -32767.0f), 32767.0f));
		e[dims[i]] += (float) tail[i].more / TAIL_UNITS;
	}
	return true;
}

static void
refine_encode(const OmQuantizer *quant, const float *x, const void *code,
			  void *scratch, void *refinement)
{
	int			dim = quant->spec.dim;
	int			padded = quant->padded;
	size_t		half = om_round_up((size_t) padded * 5 + 64, 64);
	float	   *y = scratch;
	int8_t	   *v = (int8_t *) (y + padded);
	float	   *e = (float *) ((char *) scratch + half);
	RefineHead *head = refinement;
	OmRotated	r;
	Products	p;
	double		a;
	double		b = 0.0;
	double		left;
	double		sq;
	double		factor;

	memset(refinement, 0, refine_bytes(&quant->spec));
	head->tag = tag_of(code);
	om_rabitq_rotate(quant, x, scratch, &r);
	if (r.length == 0.0)
		return;

	om_kernels->expand_code[log2_bits(quant->spec.bits)]
		((const uint8_t *) code + sizeof(OmCodeHead), v, quant->rabitq.stride);
	memset(v + dim, 0, (size_t) (padded - dim));
	dot_base(y, v, padded, &p);
	a = p.yv / p.vv;
	for (int i = 0; i < padded; i++)
		e[i] = y[i] - (float) a * v[i];
	if (encode_residual(quant, e, (uint8_t *) (e + padded), refinement))
	{
		double		det;

		dot_fine(y, v, e, padded, &p);
		det = p.vv * p.ww - p.vw * p.vw;
		/* not if w is parallel to v, as may happen with one or two dimensions */
		if (det > 1e-6 * p.vv * p.ww)
		{
			a = (p.yv * p.ww - p.yw * p.vw) / det;
			b = (p.yw * p.vv - p.yv * p.vw) / det;
		}
	}
	left = residual_sq(y, v, a, e, b, padded);
	sq = r.length * r.length;
	/* <yhat, y> = |yhat|^2 = |y|^2 - |y - yhat|^2 */
	if (!(left < sq))
	{
		head->err = INFINITY;
		return;
	}
	factor = quant->rabitq.metric_mul * r.scale * sq / (sq - left);
	head->base = om_clamp_float(factor * a);
	head->fine = om_clamp_float(factor * b);
	if (dim > 1)
		head->err = om_clamp_float(quant->rabitq.metric_mul * r.length * r.scale *
								   sqrt(left / (sq - left) / (dim - 1)));
}

static void
refine_query(const OmQuantizer *quant, const float *q, void *scratch,
			 OmQuery *query, OmRefineQuery *refine)
{
	const float *y = scratch;
	int			dim = quant->spec.dim;
	float		max;
	float		step;
	int32_t		sum = 0;

	om_quant_query(quant, q, scratch, query);
	memset(refine, 0, refine_query_bytes(&quant->spec));
	if (query->mul == 0.0f)
		return;
	max = om_kernels->absmax_f32(y, quant->padded);
	step = max / 127.0f;
	for (int i = 0; i < dim; i++)
	{
		float		left = (y[i] - step * query->q[i]) * (254.0f / step);
		float		low = rintf(fminf(fmaxf(left, -127.0f), 127.0f));

		refine->low[i] = (int8_t) low;
		sum += (int32_t) low;
	}
	refine->step = 2 * query->mul;
	refine->qsum = query->qsum / ((1 << quant->spec.bits) - 1) * FINE_TOP;
	refine->low_qsum = sum * ((1 << quant->spec.bits) - 1);
	/* |2w| is about 9 a dimension, of even components */
	refine->noise = om_clamp_float(refine->step * sqrt(dim / 12.0) * 9.0);
	refine->low_noise = om_clamp_float(refine->step / 254.0 * sqrt(1.0 / 12.0) * 2.0 *
									   quant->rabitq.typical_length);
}

static void
refine_base(const OmQuantizer *quant, const OmQuery *query,
			const OmRefineQuery *refine, const void *code, OmRefineBase *base)
{
	const OmCodeHead *head = code;
	const uint8_t *packed = (const uint8_t *) code + sizeof(OmCodeHead);
	int			log2 = log2_bits(quant->spec.bits);
	int32_t		high = om_kernels->dot_code[log2] (packed, query->q, quant->rabitq.stride);
	int32_t		low = om_kernels->dot_code[log2] (packed, refine->low, quant->rabitq.stride);

	base->add = head->add;
	base->tag = tag_of(code);
	base->dot = refine->step * ((float) (2 * high - query->qsum) +
								(float) (2 * low - refine->low_qsum) * (1.0f / 254.0f));
}

static bool
refine_distance(const OmQuantizer *quant, const OmQuery *query,
				const OmRefineQuery *refine, const OmRefineBase *base,
				const void *refinement, float *dist, float *error)
{
	const RefineHead *head = refinement;
	const uint8_t *packed = (const uint8_t *) refinement + sizeof(RefineHead);
	const Tail *tail = (const Tail *) ((const char *) refinement + tail_offset(&quant->spec));
	int32_t		dot;
	int32_t		more = 0;
	double		sum;
	double		product;
	double		a;
	double		b;
	double		c;
	double		d;

	if (head->tag != base->tag || !(head->err <= FLT_MAX))
		return false;
	/* if a distance has overflowed, a refinement does not improve it */
	if (!(fabsf(base->add) < FLT_MAX && fabsf(query->add) < FLT_MAX))
		return false;
	dot = om_kernels->dot_code[FINE_LOG2] (packed, query->q, fine_stride(&quant->spec));
	for (int i = 0; i < tails_of(&quant->spec); i++)
	{
		/* do not trust the dimension: the page may be damaged */
		if (tail[i].dim < quant->spec.dim)
			more += tail[i].more * query->q[tail[i].dim];
	}
	product = (double) head->base * base->dot +
		(double) head->fine * refine->step *
		(2 * dot - refine->qsum + more * (1.0 / TAIL_UNITS));
	sum = (double) base->add + query->add;
	a = (double) head->err * query->norm;
	b = (double) head->fine * refine->noise;
	c = (fabs((double) base->add) + fabs((double) query->add) + fabs(product)) * FLOAT_ERROR;
	d = (double) head->base * refine->low_noise;
	*dist = om_clamp_distance((float) om_clamp_float(sum - product));
	*error = om_clamp_float(sqrt(a * a + b * b + c * c + d * d));
	return true;
}

bool
om_quant_refine_matches(const void *code, const void *refinement)
{
	return ((const RefineHead *) refinement)->tag == tag_of(code);
}

void
om_quant_refine_blur(void *refinement)
{
	((RefineHead *) refinement)->err = INFINITY;
}

bool
om_quant_refine_is_blurred(const void *refinement)
{
	return !(((const RefineHead *) refinement)->err <= FLT_MAX);
}

const OmRefineOps om_rabitq_refine_ops = {
	.bytes = refine_bytes,
	.query_bytes = refine_query_bytes,
	.encode = refine_encode,
	.query = refine_query,
	.base = refine_base,
	.distance = refine_distance,
};
